"""What a run found + playbook + crews + the plans before -> work plan, its changes, fairness, reports.

The monthly job ends here; `weisu plan` begins here, from the tables a run left.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import calibrate, rates, taxonomy, workplan
from forecast.errors import ConfigError, DataError, Fault
from forecast.forecaster import COMBINATION
from forecast.playbook import due, upcoming
from forecast.risk import catalogue as risk
from forecast.risk.fairness import fairness
from forecast.tables import ALL, FATES, Workplan, conform
from pipelines import engine, live, store
from pipelines.book import Past
from pipelines.config import Config
from pipelines.runs import Identity, Run
from pipelines.terminal import hushed
from pipelines.words import say
from reports import catalogue as reports
from reports.material import Material

TABLES = (
    "panel", "areas", "estates", "estate_incidents", "estate_incidents_uncapped", "forecasts", "contributions",
    "calibration", "scores", "risk", "risk_drivers", "silent_estates", "siblings", "sources", "unresolved",
    "patterns", "rates", "rates_before", "targets", "appraisal", "scenarios", "live_scores", "drift",
)  # fmt: skip
"""Tables of a run folder a plan is made from, by file name."""


MANY = 40
"""Files drawn alike from which a second process is worth its start."""

MEMORY_PER_SHARE = 2**29
"""Bytes that should be free for a process that draws files."""


@dataclass(frozen=True)
class Found:
    """What a run found: tables of forecast.tables by the names of TABLES; `origin` is the last month of data."""

    as_of: pd.Timestamp
    origin: pd.Timestamp
    tables: dict[str, pd.DataFrame]

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]


@dataclass(frozen=True)
class Planned:
    """Workplan, PlanChanges and Fairness, and the ground they stand on; what was issued a year before."""

    ground: workplan.Ground
    workplan: pd.DataFrame
    changes: pd.DataFrame
    fairness: pd.DataFrame
    year_before: pd.DataFrame


def found_in(run: Path, as_of: str, origin: str) -> Found:
    """The tables of a run folder, but for the last plan and the tasks, which are asked for each time.

    Raises:
        DataError: a table is not there, as in the folder of another job or of an older release.
    """
    if lost := [name for name in (*TABLES, "tasks") if not (run / f"{name}.parquet").is_file()]:
        fix = "name the folder of a monthly run of this release"
        raise DataError(Fault(f"lacks the tables {', '.join(lost)}", str(run), fix))
    tables = {name: store.read(run / f"{name}.parquet") for name in TABLES}
    return Found(pd.Timestamp(f"{as_of}-01").as_unit("us"), pd.Timestamp(f"{origin}-01").as_unit("us"), tables)


def plan(config: Config, found: Found, past: Past, job: Run) -> Planned:
    """The work plan of the month after `found.as_of`.

    Raises:
        ConfigError: the capacity names a street or a party nobody knows.
    """
    settings, known = config.settings, found["panel"]
    if faults := workplan.strangers(settings.plan, found["areas"], settings.playbook):
        raise ConfigError(faults)
    names = taxonomy.names(settings.categories, known["category"].unique())
    ground = workplan.Ground(
        forecasts=_issued(found, "mean", "variance"),
        correlation=calibrate.correlation_in(found["calibration"]),
        panel=known.assign(orders=known[settings.forecaster.value]),  # past and forecast in one unit
        areas=found["areas"],
        names=names,
        risk=found["risk"],
        estates=found["estates"],
        month_starts_on=settings.calendar.month_starts_on,
        contributions=found["contributions"],
        silent=found["silent_estates"],
        siblings=found["siblings"],
        patterns=found["patterns"],
        scenarios=found["scenarios"],
        priority=rates.priority(found["rates"], settings.rates),
        previous=past.plan,
        tasks=past.tasks,
    )
    _warn(config, found.as_of, names, job)
    with hushed():
        built = workplan.build(
            ground, settings.playbook, settings.plan, found.as_of, settings.language, settings.seed
        )
    moved = workplan.changes(built, ground, settings.playbook, settings.plan, found.as_of)
    slots = built.loc[built["chosen"], "estate"].dropna()
    seen = found["estate_incidents"], found["estate_incidents_uncapped"]
    fair = fairness(settings.fairness, found["risk"], found["estates"], *seen, found.as_of, slots)
    return Planned(ground, built, moved, fair, live.as_issued(config, past.year_run, job))


def against(config: Config, planned: Planned, source: Path, as_of: pd.Timestamp) -> pd.DataFrame:
    """PlanChanges from the plan of the run `source` to `planned`."""
    before = conform(Workplan, store.read(source / "workplan.parquet"))
    ground = replace(planned.ground, previous=before)
    return workplan.changes(planned.workplan, ground, config.settings.playbook, config.settings.plan, as_of)


def counts(planned: Planned) -> dict[str, int]:
    """Tasks by what becomes of them, for the manifest."""
    fates = planned.workplan["fate"].value_counts()
    return {"tasks": len(planned.workplan), **{fate: int(fates.get(fate, 0)) for fate in FATES}}


def facts(config: Config, found: Found) -> dict[str, Any]:
    """What later jobs ask of the manifest of a plan: whose it is, what it counted, from when."""
    settings = config.settings
    return {
        "origin": f"{found.origin:%Y-%m}", "city": settings.city, "value": settings.forecaster.value,
        "month_starts_on": settings.calendar.month_starts_on,
    }  # fmt: skip


def write(config: Config, found: Found, planned: Planned, identity: Identity, job: Run) -> int:
    """Tables and reports into the run folder; returns the number of reports."""
    settings = config.settings
    job.put("config.yaml", config.text())
    job.save(
        **found.tables, workplan=planned.workplan, plan_changes=planned.changes, fairness=planned.fairness,
        tasks=planned.ground.tasks,
    )  # fmt: skip
    material = Material(
        city=settings.city, language=settings.language, as_of=found.as_of, origin=found.origin,
        run_id=identity.run_id, version=metadata.version("weisu"), workplan=planned.workplan,
        forecasts=_issued(found, "mean", "quantile"), panel=planned.ground.panel, areas=found["areas"],
        risk=found["risk"], risk_drivers=found["risk_drivers"], estates=found["estates"],
        categories=planned.ground.names, sources=found["sources"], unresolved=found["unresolved"],
        scores=found["scores"], driver_names=risk.labels(settings.risk), fairness=planned.fairness,
        warnings=tuple(job.warnings),
        next_tasks=_next_tasks(config, planned.ground.names, found.as_of), live_scores=found["live_scores"],
        drift=found["drift"], changes=planned.changes, silent=found["silent_estates"],
        year_before=planned.year_before,
        rates=found["rates"], rates_before=found["rates_before"], targets=found["targets"],
        appraisal=found["appraisal"],
    )  # fmt: skip
    files = 0
    with _sharing() as share:
        for name, content in reports.render_all(material, share):
            job.put(name, content)
            files += 1
    return files


def _issued(found: Found, *outputs: str) -> pd.DataFrame:
    """What the combination said, of these outputs: the columns that are read, text as codes; the table is large."""
    table = found["forecasts"]
    rows = (table["model"] == COMBINATION) & table["output"].isin(outputs)
    parts = {name: table[name][rows] for name in ("area", "category", "month", "output", "level", "predicted")}
    text = ("area", "category", "output")
    return pd.DataFrame({name: part.astype("category") if name in text else part for name, part in parts.items()})


@contextmanager
def _sharing() -> Iterator[reports.Share]:
    """Many files in two processes while this one draws the rest, where there is room; few in this one, as a process
    takes seconds to begin."""
    with ExitStack() as pools:

        def share(
            function: Callable[[Any, Any], bytes], shared: Any, tasks: Iterable[Any], number: int
        ) -> Iterator[bytes]:
            jobs = engine.default_jobs(number, MEMORY_PER_SHARE) if number >= MANY else 1
            if jobs == 1:
                return reports.in_turn(function, shared, tasks, number)
            return pools.enter_context(engine.streaming(function, shared, tasks, jobs, number))

        yield share


def _warn(config: Config, as_of: pd.Timestamp, names: pd.DataFrame, job: Run) -> None:
    """Of tasks due now whose window the horizon does not reach to its end, and of categories nobody complains of."""
    settings = config.settings
    reached = as_of + pd.DateOffset(months=settings.horizon) + pd.offsets.MonthEnd()
    far = due(settings.playbook, as_of)["window_end"] > reached
    if far.any():
        job.warn(say(settings.language, "far_windows", count=int(far.sum()), horizon=settings.horizon))
    acted_on = {category for task in settings.playbook.tasks for category in task.categories}
    if lost := sorted(acted_on - {ALL, *names["category"]}):
        job.warn(say(settings.language, "playbook_unknown", categories=", ".join(lost)))


def _next_tasks(config: Config, names: pd.DataFrame, as_of: pd.Timestamp) -> str:
    """The nearest window that later work is for, in words."""
    calls = upcoming(config.settings.playbook, as_of)
    calls = calls[calls["category"] != ALL]
    if calls.empty:
        return ""
    first, language = calls.iloc[0], config.settings.language
    named = names.set_index("category")["name_en" if language == "en" else "name"]
    category = named.get(first["category"], first["category"])
    return say(language, "next_window", month=first["window_start"].month, category=category)
