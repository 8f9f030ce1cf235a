"""The monthly job, top to bottom: complaints in, a ranked work plan out. The order is written here alone."""

from importlib import metadata
from pathlib import Path

import pandas as pd

from forecast import taxonomy, workplan
from forecast.explain import Wanted
from forecast.forecaster import COMBINATION
from forecast.issue import issue
from forecast.playbook import due, upcoming
from forecast.risk import catalogue as risk
from forecast.risk.fairness import fairness
from forecast.tables import ALL
from pipelines import inputs, runs
from pipelines.config import Config
from pipelines.outcome import Outcome
from pipelines.runs import Identity, Run, Watch
from pipelines.words import say
from reports import catalogue as reports
from reports.material import Material


def run(config: Config, as_of: pd.Timestamp, out: Path | None, watch: Watch) -> Outcome:
    """Run the job for the plan issued at the end of month `as_of`.

    Args:
        config: what to read and how.
        as_of: first day of the last month of data to use.
        out: folder of the run folder; None = `runs` of the config.
        watch: is told of the progress.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    folder = (out or config.path(settings.runs)).resolve()
    with runs.locked(folder, "monthly"), runs.opened(folder, watch) as job:
        with job.stage("intake") as counts:
            history = inputs.read(config, as_of, job)
            counts.update(history.totals())

        with job.stage("panel") as counts:
            known = inputs.panel_of(config, history)
            counts.update(rows=len(known), orders=int(known["orders"].sum()))

        with job.stage("forecast") as counts:
            ahead = settings.horizon + _months_between(history.origin, as_of)
            basis = inputs.basis(config, history, ahead)
            wanted = Wanted(first=_categories_due(config, as_of))
            issued = issue(basis, history.origin, watch.step, wanted=wanted)
            counts.update(forecasts=len(issued.forecasts))

        with job.stage("risk") as counts:
            acted_on = [category for task in settings.playbook.tasks for category in task.categories]
            scored, drivers = risk.assess(
                settings.risk, history.estates, history.incidents, history.areas, as_of, sorted({ALL, *acted_on})
            )
            known_estates = (history.estates, history.incidents, history.areas, as_of)
            scored, drivers, siblings = risk.spread(settings.risk, (scored, drivers), *known_estates)
            names = taxonomy.names(settings.categories, known["category"])
            silent = risk.silent(settings.risk, *known_estates, names)
            counts.update(estates=len(history.estates), scores=len(scored), silent=int(silent["listed"].sum()))

        with job.stage("plan") as counts:
            compared = known.assign(orders=known[settings.forecaster.value])  # past and forecast in one unit
            ground = workplan.Ground(
                forecasts=issued.forecasts[issued.forecasts["model"] == COMBINATION],
                correlation=issued.correlation,
                panel=compared,
                areas=history.areas,
                names=names,
                risk=scored,
                estates=history.estates,
                month_starts_on=settings.calendar.month_starts_on,
                contributions=issued.contributions,
                silent=silent,
                siblings=siblings,
            )
            _warn_of_far_windows(config, as_of, job)
            if lost := sorted({*acted_on} - {ALL, *ground.names["category"]}):
                job.warn(say(settings.language, "playbook_unknown", categories=", ".join(lost)))
            plan = workplan.build(ground, settings.playbook, settings.plan, as_of, settings.language)
            slots = plan.loc[plan["chosen"], "estate"].dropna()
            seen = history.incidents, history.uncapped
            fair = fairness(settings.fairness, scored, history.estates, *seen, as_of, slots)
            counts.update(tasks=len(plan), chosen=int(plan["chosen"].sum()))

        identity = Identity("monthly", f"{as_of:%Y-%m}", config.digest, history.digest)
        with job.stage("reports") as counts:
            job.put("config.yaml", config.text())
            job.save(
                panel=known, areas=history.areas, estates=history.estates, forecasts=issued.forecasts,
                contributions=issued.contributions, calibration=issued.calibration, scores=issued.scores,
                risk=scored, risk_drivers=drivers, silent_estates=silent, siblings=siblings, fairness=fair,
                workplan=plan, sources=history.sources, rejects=history.rejects,
                estate_rejects=history.estate_rejects, estate_facts=history.estate_facts,
                unresolved=history.unresolved,
            )  # fmt: skip
            material = Material(
                city=settings.city, language=settings.language, as_of=as_of, origin=history.origin,
                run_id=identity.run_id, version=metadata.version("weisu"), workplan=plan,
                forecasts=ground.forecasts, panel=compared, areas=history.areas, risk=scored, risk_drivers=drivers,
                estates=history.estates, categories=ground.names, sources=history.sources,
                unresolved=history.unresolved, scores=issued.scores, driver_names=risk.labels(settings.risk),
                fairness=fair, warnings=tuple(job.warnings), next_tasks=_next_tasks(config, ground.names, as_of),
            )  # fmt: skip
            for name, content in reports.render_all(material):
                job.put(name, content)
                counts["files"] = counts.get("files", 0) + 1

        target = runs.publish(job, folder, identity, {"origin": f"{history.origin:%Y-%m}"})
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), plan=plan)


def _months_between(first: pd.Timestamp, last: pd.Timestamp) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _categories_due(config: Config, as_of: pd.Timestamp) -> tuple[str, ...]:
    """Categories the plan will speak of; explained before others."""
    return tuple(sorted(set(due(config.settings.playbook, as_of)["category"])))


def _warn_of_far_windows(config: Config, as_of: pd.Timestamp, job: Run) -> None:
    """Tasks due now whose window the horizon does not reach to its end are cut, or missing from the plan."""
    settings = config.settings
    reached = as_of + pd.DateOffset(months=settings.horizon) + pd.offsets.MonthEnd()
    far = due(settings.playbook, as_of)["window_end"] > reached
    if far.any():
        job.warn(say(settings.language, "far_windows", count=int(far.sum()), horizon=settings.horizon))


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
