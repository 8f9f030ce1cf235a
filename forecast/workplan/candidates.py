"""Forecasts + playbook + panel + risk -> the tasks a plan may choose from, each with what is expected and why."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import negbin
from forecast.months import days_of, number
from forecast.playbook import Playbook, Task, due
from forecast.tables import (
    ALL,
    Contributions,
    Patterns,
    Scenarios,
    Siblings,
    SilentEstates,
    Tasks,
    Workplan,
    empty,
)
from forecast.workplan import reasons
from forecast.workplan.options import Plan
from forecast.workplan.reasons import PHRASES

Array = npt.NDArray[Any]

INTERVAL = (0.1, 0.9)

VISIT_MONTHS = 3
"""Months an inspection of a silent estate is planned for."""

LEAST_CREW = 0.1
"""Crew-days a task is taken to need at least, where requests are divided by them."""


UNTESTED = 24
"""Covered months below which a sporadic cell may only be one whose season is not known yet."""


def _no_priority() -> pd.DataFrame:
    types = {"area": "str", "category": "str", "factor": "float64", "low_resolution": "bool"}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in types.items()})


@dataclass(frozen=True)
class Ground:
    """What a plan is made from. Tables as in forecast.tables; `names` is DataFrame[category, name, name_en].

    contributions: of the cells that were explained; the reasons of the others say nothing of it.
    patterns: what each cell is; a cell that is not there may have any task.
    scenarios: Scenarios; without it there is normal weather alone.
    priority: DataFrame[area (a street), category, factor, low_resolution]: what is settled too seldom there; a task
    without a row has factor 1.
    previous: the last plan issued before this one. tasks: what streets have said of theirs.
    """

    forecasts: pd.DataFrame
    correlation: float
    panel: pd.DataFrame
    areas: pd.DataFrame
    names: pd.DataFrame
    risk: pd.DataFrame
    estates: pd.DataFrame
    month_starts_on: int = 1
    contributions: pd.DataFrame = field(default_factory=lambda: empty(Contributions))
    silent: pd.DataFrame = field(default_factory=lambda: empty(SilentEstates))
    siblings: pd.DataFrame = field(default_factory=lambda: empty(Siblings))
    patterns: pd.DataFrame = field(default_factory=lambda: empty(Patterns))
    scenarios: pd.DataFrame = field(default_factory=lambda: empty(Scenarios))
    priority: pd.DataFrame = field(default_factory=_no_priority)
    previous: pd.DataFrame = field(default_factory=lambda: empty(Workplan))
    tasks: pd.DataFrame = field(default_factory=lambda: empty(Tasks))


def candidates(ground: Ground, playbook: Playbook, plan: Plan, as_of: pd.Timestamp, language: str) -> pd.DataFrame:
    """Every task that may begin in the month after `as_of`, not yet ranked.

    Returns:
        Columns of Workplan up to `on_time`, and latest (months until it must begin), visit, probability (of a silent
        estate), going (work goes on), asked (chosen by the last plan), held (held back by it).
    """
    tasks = preventive(ground, playbook, plan, as_of, language)
    visits = _visits(ground, plan, as_of, language)
    parts = [part for part in (tasks, visits) if len(part)]
    if not parts:
        return tasks
    tasks = pd.concat(parts, ignore_index=True)
    status = tasks["task_id"].map(ground.tasks.set_index("task_id")["status"])
    tasks = tasks[~status.isin(["done", "declined"])].reset_index(drop=True)
    before = tasks["task_id"].map(ground.previous.set_index("task_id")["fate"])
    tasks["asked"], tasks["held"] = before.eq("chosen"), before.eq("held_back")
    tasks["avoidable_per_crew_day"] = tasks["preventable"] / tasks["crew_days"].clip(lower=LEAST_CREW)
    tasks["priority"] = tasks[plan.rank_by] * tasks["factor"]
    return tasks


def preventive(ground: Ground, playbook: Playbook, plan: Plan, as_of: pd.Timestamp, language: str) -> pd.DataFrame:
    """Tasks of the playbook, and what stands in for chronic and emerging cells that have none."""
    entries = plan.entries(playbook)
    calls = due(Playbook(tasks=entries), as_of, plan.early_months).assign(only=None, going=False)
    calls = pd.concat([_spread(calls, ground.forecasts), _going(ground.tasks, entries, as_of)], ignore_index=True)
    tasks = _expected(calls, ground, plan.scenario)
    tasks = tasks[(tasks["expected_requests"] >= plan.min_expected) | tasks["going"]]
    tasks = _fitting(tasks, ground.patterns, entries, len(playbook.tasks), plan.min_expected)
    if tasks.empty:
        return tasks
    tasks = _history(tasks, ground.panel, plan.normal_years)
    tasks["why"] = reasons.why(tasks, ground.contributions, language)
    tasks = _places(tasks, ground.areas)
    tasks = _risks(tasks, ground.risk, ground.estates)
    tasks["kin"] = reasons.kin(tasks, ground.siblings, ground.estates, language)
    tasks = _texts(tasks, entries, ground.names, language)
    days = tasks["window_start"].dt.strftime("%Y-%m-%d")
    keys = (column.to_numpy(object) for column in (tasks["area"], tasks["category"], tasks["entry"], days))
    tasks["task_id"] = [_task_id(*key) for key in zip(*keys, strict=True)]
    tasks = _raised(tasks, ground.priority)
    tasks["reason"] = [reasons.reason(task, language) for task in tasks.itertuples()]
    tasks = tasks.sort_values("going", ascending=False, kind="stable").drop_duplicates("task_id")
    return tasks.assign(visit=False, probability=np.nan)


def _going(tasks: pd.DataFrame, entries: tuple[Task, ...], as_of: pd.Timestamp) -> pd.DataFrame:
    """Calls of the tasks work goes on at, each for its own area, until their window closes."""
    first = as_of + pd.offsets.MonthBegin(1)
    positions = {task.entry: position for position, task in enumerate(entries)}
    rows = tasks[(tasks["status"] == "in_progress") & (tasks["window_end"] >= first) & tasks["entry"].isin(positions)]
    rows = rows.assign(position=rows["entry"].map(positions), only=rows["area"], on_time=True, latest=0, going=True)
    names = ["position", "category", "start_by", "window_start", "window_end", "on_time", "latest", "only", "going"]
    return rows[names].astype({"position": int})


def _fitting(
    tasks: pd.DataFrame, patterns: pd.DataFrame, entries: tuple[Task, ...], own: int, least: float
) -> pd.DataFrame:
    """Tasks whose entry is meant for what their cell is; those past the first `own` only where it has no other.

    A sporadic cell has a task only where `least` requests are as good as sure (the low end of the interval), or
    where too few months are known to call it sporadic.
    """
    cell = ["area", "category"]
    tasks = tasks.merge(patterns[[*cell, "pattern", "months_covered"]], on=cell, how="left")
    sporadic = tasks["pattern"].eq("sporadic")
    spared = tasks["going"] | (tasks["low"] >= least) | (tasks["months_covered"] < UNTESTED)
    wanted = [entries[position].patterns for position in tasks["position"]]
    meant = [
        not names or pd.isna(pattern) or pattern in names
        for names, pattern in zip(wanted, tasks["pattern"], strict=True)
    ]
    tasks = tasks[(np.array(meant, dtype=bool) | tasks["going"]) & (~sporadic | spared)]
    general = (tasks["position"] >= own) & ~tasks["going"]
    named = pd.MultiIndex.from_frame(tasks.loc[~general, cell])
    lone = general & tasks["pattern"].notna() & ~pd.MultiIndex.from_frame(tasks[cell]).isin(named)
    return tasks[~general | lone].reset_index(drop=True)


def _visits(ground: Ground, plan: Plan, as_of: pd.Timestamp, language: str) -> pd.DataFrame:
    """An inspection of every listed silent estate in a known community, the surest first.

    `expected_requests` is what estates like it have in three months; what is reported there is less.
    """
    say, english = PHRASES[language], language == "en"
    listed = ground.silent[ground.silent["listed"] & (ground.silent["category"] == ALL)]
    visits = listed.merge(ground.estates[["estate", "area", "name"]], on="estate")
    visits = visits[visits["area"].isin(ground.areas.loc[ground.areas["level"] == "community", "area"])]
    visits = _places(visits.reset_index(drop=True), ground.areas)
    visits = visits[visits["street"].notna()].reset_index(drop=True)
    if visits.empty:
        return visits
    first = as_of + pd.offsets.MonthBegin(1)
    mean = visits["expected"] * VISIT_MONTHS / 12
    ends = negbin.quantile(mean.to_numpy(), (mean + (mean * visits["spread"]) ** 2).to_numpy(), np.array(INTERVAL))
    told = visits["reason_en" if english else "reason"]
    visits = visits.assign(
        expected_requests=mean, low=ends[:, 0].astype(float), high=ends[:, 1].astype(float), peak_month=first,
        window_start=first, window_end=first + pd.DateOffset(months=VISIT_MONTHS) - pd.Timedelta(days=1),
        start_by=first + pd.offsets.MonthEnd(), on_time=True, latest=0, position=0, visit=True, going=False,
        factor=1.0,
        estate_name=visits["name"],
        reason=[say["silent"].format(name=name, why=why) for name, why in zip(visits["name"], told, strict=True)],
    )  # fmt: skip
    visits = _texts(visits, (plan.inspection,), ground.names, language).assign(category_name=say["inspection"])
    keys = zip(visits.area, visits.entry, visits.estate, strict=True)
    visits["task_id"] = [_task_id(area, entry, estate) for area, entry, estate in keys]
    return visits


def _raised(tasks: pd.DataFrame, priority: pd.DataFrame) -> pd.DataFrame:
    """Tasks with the factor of their street and category."""
    of_street = priority.rename(columns={"area": "street"})
    tasks = tasks.merge(of_street, on=["street", "category"], how="left")
    return tasks.assign(factor=tasks["factor"].fillna(1.0), low_resolution=tasks["low_resolution"].eq(True))


def _spread(calls: pd.DataFrame, forecasts: pd.DataFrame) -> pd.DataFrame:
    """A call for every category stands for each category that is forecast."""
    every = calls[calls["category"] == ALL].drop(columns="category")
    known = pd.Series(forecasts["category"].unique(), dtype="str")
    categories = pd.DataFrame({"category": known[known != ALL]})
    return pd.concat([calls[calls["category"] != ALL], every.merge(categories, how="cross")], ignore_index=True)


def _expected(calls: pd.DataFrame, ground: Ground, scenario: str) -> pd.DataFrame:
    """Mean and interval of each call in each community, summed over its window, in the weather of `scenario`."""
    communities = ground.areas.loc[ground.areas["level"] == "community", "area"]
    cells = _within(ground.forecasts, calls, ground.month_starts_on)
    cells = cells[cells["area"].isin(communities) & cells["category"].isin(calls["category"])]
    means = cells[cells["output"] == "mean"].rename(columns={"predicted": "mean"})
    variances = cells[cells["output"] == "variance"].rename(columns={"predicted": "variance"})
    key = ["area", "category", "month"]
    months = _in_weather(means[[*key, "mean"]].merge(variances[[*key, "variance"]], on=key), ground, scenario)
    calls = calls.assign(call=np.arange(len(calls)))
    everywhere = calls["only"].isna()
    own = calls[~everywhere].assign(area=calls["only"])
    rows = pd.concat([calls[everywhere].merge(months, on="category"), own.merge(months, on=["area", "category"])])
    first_day, last_day = days_of(rows["month"], ground.month_starts_on)
    rows = rows[(first_day <= rows["window_end"]) & (last_day >= rows["window_start"])]
    rows = rows.sort_values(["call", "area", "month"]).assign(sd=lambda r: np.sqrt(r["variance"]))
    peak = rows.sort_values("mean", kind="stable").drop_duplicates(["call", "area"], keep="last")
    sums = rows.groupby(["call", "area"], as_index=False).agg(
        expected_requests=("mean", "sum"), variance=("variance", "sum"), sd=("sd", "sum"),
        first_month=("month", "min"), last_month=("month", "max"),
        expected_wet=("wet", "sum"), expected_cold=("cold", "sum"),
    )  # fmt: skip
    for name in ("wet", "cold"):
        if not (ground.scenarios["scenario"] == name).any():
            sums[f"expected_{name}"] = np.nan
    variance = negbin.variance_of_sum(sums["variance"].to_numpy(), sums["sd"].to_numpy(), ground.correlation)
    ends = negbin.quantile(sums["expected_requests"].to_numpy(), variance, np.array(INTERVAL))
    sums["low"], sums["high"] = ends[:, 0].astype(float), ends[:, 1].astype(float)
    sums = sums.merge(peak[["call", "area", "month"]].rename(columns={"month": "peak_month"}), on=["call", "area"])
    return sums.drop(columns=["variance", "sd"]).merge(calls, on="call")


def _within(forecasts: pd.DataFrame, calls: pd.DataFrame, month_starts_on: int) -> pd.DataFrame:
    """The means and variances of months that any call's window touches."""
    months = pd.Series(forecasts["month"].unique())
    first_day, last_day = days_of(months, month_starts_on)
    touched = months[(first_day <= calls["window_end"].max()) & (last_day >= calls["window_start"].min())]
    rows = forecasts[forecasts["month"].isin(touched) & forecasts["output"].isin(["mean", "variance"])]
    return rows.astype({"area": "str", "category": "str"})


def _in_weather(months: pd.DataFrame, ground: Ground, scenario: str) -> pd.DataFrame:
    """Means and variances in the weather of `scenario`, and the means of a wet and of a cold month beside them."""
    factors = ground.scenarios.pivot(index=["category", "month"], columns="scenario", values="factor")
    factors = factors.reindex(columns=["wet", "cold"]).reset_index()
    months = months.merge(factors, on=["category", "month"], how="left").fillna({"wet": 1.0, "cold": 1.0})
    by = months[scenario] if scenario != "normal" else pd.Series(1.0, index=months.index)
    normal, excess = months["mean"], months["variance"] - months["mean"]
    return months.assign(
        mean=normal * by, variance=normal * by + excess * by**2,
        wet=normal * months["wet"], cold=normal * months["cold"],
    )  # fmt: skip


def _history(tasks: pd.DataFrame, panel: pd.DataFrame, years: int) -> pd.DataFrame:
    """Requests in the same months of earlier years: last year, and the mean of the years wholly covered."""
    counts, start = _counts(tasks, panel)
    first = number(tasks["first_month"]).to_numpy() - start
    length = (number(tasks["last_month"]) - number(tasks["first_month"]) + 1).to_numpy()
    rows = np.arange(len(tasks))
    per_year = {}
    for back in range(1, years + 1):
        sums = np.zeros(len(tasks))
        for month in range(length.max(initial=0)):
            at = first + month - 12 * back
            known = (at >= 0) & (at < counts.shape[1])
            then = np.full(len(tasks), np.nan)
            then[known] = counts[rows[known], at[known]]
            sums += np.where(month < length, then, 0)
        per_year[back] = sums
    history = pd.DataFrame(per_year, index=tasks.index)
    tasks["last_year"] = history[1]
    tasks["normal"] = history.mean(axis=1)
    tasks["excess_over_normal"] = tasks["expected_requests"] - tasks["normal"]
    return tasks


def _counts(tasks: pd.DataFrame, panel: pd.DataFrame) -> tuple[Array, int]:
    """((tasks, months) requests of each task's cell, NaN = not covered; number of the first month)."""
    areas, categories = (pd.Index(tasks[name].unique()) for name in ("area", "category"))
    area, category = areas.get_indexer(pd.Index(panel["area"])), categories.get_indexer(pd.Index(panel["category"]))
    asked = np.flatnonzero((area >= 0) & (category >= 0))
    months = number(panel["month"].iloc[asked]).to_numpy()
    start = int(months.min(initial=10**6))
    counts = np.full((len(areas), len(categories), max(0, int(months.max(initial=0)) - start + 1)), np.nan)
    counts[area[asked], category[asked], months - start] = panel["orders"].to_numpy()[asked]
    cells = areas.get_indexer(pd.Index(tasks["area"])), categories.get_indexer(pd.Index(tasks["category"]))
    return counts[cells], start


def _places(tasks: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    names = areas.set_index("area")["name"]
    tasks["area_name"] = tasks["area"].map(names)
    tasks["street"] = tasks["area"].map(areas.set_index("area")["parent"])
    tasks["street_name"] = tasks["street"].map(names)
    return tasks


def _risks(tasks: pd.DataFrame, risk: pd.DataFrame, estates: pd.DataFrame) -> pd.DataFrame:
    """The estate of highest risk in the area, by the task's category, else over all categories."""
    placed = risk.merge(estates[["estate", "area", "name"]], on="estate")
    placed = placed.sort_values(["score", "expected", "estate"], ascending=[False, False, True])
    worst = placed.drop_duplicates(["area", "category"])
    columns = {"name": "estate_name", "score": "risk_score", "grade": "risk_grade"}
    worst = worst.rename(columns=columns)[["area", "category", "estate", *columns.values()]]
    by_category = tasks[["area", "category"]].merge(worst, on=["area", "category"], how="left")
    overall = tasks[["area"]].merge(worst[worst["category"] == ALL].drop(columns="category"), on="area", how="left")
    for name in ("estate", *columns.values()):
        tasks[name] = by_category[name].where(by_category["estate"].notna(), overall[name]).to_numpy()
    return tasks


def _texts(tasks: pd.DataFrame, playbook: tuple[Task, ...], names: pd.DataFrame, language: str) -> pd.DataFrame:
    entries = [playbook[position] for position in tasks["position"]]
    for name in ("action", "lead_party", "support", "evidence"):
        tasks[name] = [(language == "en" and getattr(task, f"{name}_en")) or getattr(task, name) for task in entries]
    tasks["party"] = [task.lead_party for task in entries]
    for name in ("entry", "crew_days", "preventable_share", "safety"):
        tasks[name] = [getattr(task, name) for task in entries]
    tasks["preventable"] = tasks["expected_requests"] * tasks["preventable_share"]
    english = names["name_en"].where(names["name_en"] != "", names["name"])
    label = pd.Series((english if language == "en" else names["name"]).to_numpy(), index=names["category"])
    tasks["category_name"] = tasks["category"].map(label).fillna(tasks["category"])
    return tasks


def _task_id(*key: str) -> str:
    return hashlib.sha256("|".join(key).encode()).hexdigest()[:12]
