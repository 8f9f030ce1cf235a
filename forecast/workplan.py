"""Forecasts + panel + risk + playbook -> ranked work plan for the month after `as_of`."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from forecast import explain, negbin
from forecast.months import days_of
from forecast.playbook import INSPECTION, Playbook, Task, due
from forecast.spec import Spec
from forecast.tables import ALL, Contributions, Siblings, SilentEstates, Workplan, check, conform, empty

INTERVAL = (0.1, 0.9)
PHRASES = {
    "zh": {
        "comma": "，",
        "expected": "{span}预计 {mean:.0f} 件 (约八成把握 {low:.0f}–{high:.0f} 件)",
        "more": "比常年多 {n} 件",
        "fewer": "比常年少 {n} 件",
        "as_normal": "与常年持平",
        "last_year": "去年同期 {n:.0f} 件",
        "usual": "平时 {months} 个月 {n:.0f} 件 ({factors})",
        "usual_month": "平时 1 个月 {n:.0f} 件 ({factors})",
        "and": "、",
        "estate": "先查 {name} ({grade})",
        "siblings": "{kin}: {names} 近期多发",
        "others": "等 {n} 个小区",
        "silent": "沉默小区 {name}，{why}",
        "inspection": "沉默小区排查",
        "late": "来不及: 转应急预案",
        "red": "红",
        "orange": "橙",
    },
    "en": {
        "comma": ", ",
        "expected": "{mean:.0f} requests expected in {span} (about 8 in 10: {low:.0f}–{high:.0f})",
        "more": "{n} more than normal",
        "fewer": "{n} fewer than normal",
        "as_normal": "as in a normal year",
        "last_year": "{n:.0f} last year",
        "usual": "{n:.0f} in {months} ordinary months ({factors})",
        "usual_month": "{n:.0f} in an ordinary month ({factors})",
        "and": ", ",
        "estate": "start at {name} ({grade})",
        "siblings": "{kin}, more of late: {names}",
        "others": " and others ({n} in all)",
        "silent": "silent estate {name}: {why}",
        "inspection": "silent estate",
        "late": "too late to prevent: prepare the emergency response",
        "red": "red",
        "orange": "orange",
    },
}
PARTS = {
    "zh": {
        "season": ("旺季", "淡季"),
        "level": ("近期水平偏高", "近期水平偏低"),
        "trend": ("近几个月上升", "近几个月回落"),
        "neighbours": ("同类或本社区诉求增多", "同类或本社区诉求减少"),
        "calendar": ("节假日与工作日", "节假日与工作日"),
        "weather": ("天气", "天气"),
    },
    "en": {
        "season": ("busy season", "quiet season"),
        "level": ("running high of late", "running low of late"),
        "trend": ("rising", "falling"),
        "neighbours": ("more of its kind or in its area", "fewer of its kind or in its area"),
        "calendar": ("holidays and workdays", "holidays and workdays"),
        "weather": ("weather", "weather"),
    },
}
"""What a part is called when it raises the forecast, and when it lowers it."""

MATTERS = np.log(1.1)
"""Size of a log factor below which a part is not worth a word."""

AT_MOST = 3
"""Parts, or names, told in one sentence."""

VISIT_MONTHS = 3
"""Months an inspection of a silent estate is planned for."""


class Plan(Spec):
    """Which tasks enter the plan.

    `min_expected`: requests below which a cell gets no task. `slots_per_street`: how many tasks a street is
    asked to begin in a month; the rest stay listed, not chosen. `normal_years`: years behind "normal".
    `silent_share` (0..1): part of the slots kept for inspecting silent estates, rounded down; what they do not need
    goes to the others, and they never take the slot of a safety task. `inspection`: what is done there.
    """

    min_expected: float = 3.0
    slots_per_street: int = 30
    normal_years: int = 5
    silent_share: float = Field(0.15, ge=0, le=1)
    inspection: Task = INSPECTION


@dataclass(frozen=True)
class Ground:
    """What a plan is made from. Tables as in forecast.tables; `names` is DataFrame[category, name, name_en].

    contributions: of the cells that were explained; the reasons of the others say nothing of it.
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


def build(ground: Ground, playbook: Playbook, plan: Plan, as_of: pd.Timestamp, language: str = "zh") -> pd.DataFrame:
    """Rank the tasks whose time to begin is the month after `as_of`.

    Args:
        ground: forecasts of one model for months after `as_of`, and what explains them.
        playbook: the tasks a city can propose.
        plan: thresholds.
        as_of: first day of the last month before the plan.
        language: zh or en, of actions, parties and reasons.

    Returns:
        Workplan: one row a task and area, ranked by expected requests over the months of its window that
        the forecast reaches; `low`..`high` holds about eight times in ten.

    Source: the interval is that of the NegBin with the mean and variance of the sum over the window's months
    (moment matching; `negbin.variance_of_sum`).
    """
    tasks = _preventive(ground, playbook, plan, as_of, language)
    visits = _visits(ground, plan, as_of, language)
    parts = [part for part in (tasks, visits) if len(part)]
    if not parts:
        return empty(Workplan)
    tasks = pd.concat(parts, ignore_index=True)
    tasks["plan_month"] = as_of + pd.offsets.MonthBegin(1)
    tasks = tasks.sort_values(
        ["expected_requests", "area", "category", "start_by", "task_id"], ascending=[False, True, True, True, True]
    )
    tasks["rank"] = np.arange(1, len(tasks) + 1)
    tasks["chosen"] = _chosen(tasks, plan)
    return check(Workplan, conform(Workplan, tasks.reset_index(drop=True)), "work plan")


def _preventive(ground: Ground, playbook: Playbook, plan: Plan, as_of: pd.Timestamp, language: str) -> pd.DataFrame:
    """Tasks of the playbook, not yet ranked."""
    calls = due(playbook, as_of)
    calls = _spread(calls, ground.forecasts)
    tasks = _expected(calls, ground)
    tasks = tasks[tasks["expected_requests"] >= plan.min_expected].reset_index(drop=True)
    if tasks.empty:
        return tasks
    tasks = _history(tasks, ground.panel, plan.normal_years)
    tasks["why"] = _why(tasks, ground.contributions, language)
    tasks = _places(tasks, ground.areas)
    tasks = _risks(tasks, ground.risk, ground.estates)
    tasks["kin"] = _kin(tasks, ground.siblings, ground.estates, language)
    tasks = _texts(tasks, playbook.tasks, ground.names, language)
    tasks["task_id"] = [
        _task_id(area, category, entry, f"{start:%Y-%m-%d}")
        for area, category, entry, start in zip(
            tasks.area, tasks.category, tasks.entry, tasks.window_start, strict=True
        )
    ]
    tasks["reason"] = [_reason(task, language) for task in tasks.itertuples()]
    return tasks.assign(visit=False, probability=np.nan)


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
        start_by=first + pd.offsets.MonthEnd(), on_time=True, position=0, visit=True, estate_name=visits["name"],
        reason=[say["silent"].format(name=name, why=why) for name, why in zip(visits["name"], told, strict=True)],
    )  # fmt: skip
    visits = _texts(visits, (plan.inspection,), ground.names, language).assign(category_name=say["inspection"])
    visits["task_id"] = [
        _task_id(area, entry, estate)
        for area, entry, estate in zip(visits.area, visits.entry, visits.estate, strict=True)
    ]
    return visits


def _chosen(tasks: pd.DataFrame, plan: Plan) -> pd.Series:
    """The first tasks of a street by rank, of which visits have their own share and take no safety task's slot."""
    chosen = pd.Series(False, index=tasks.index)
    most = int(plan.silent_share * plan.slots_per_street + 1e-9)
    for _, street in tasks.groupby("street"):
        first = street[~street["visit"]].head(plan.slots_per_street)
        free = plan.slots_per_street - len(first)
        able = first.index[~first["safety"]]
        visits = street[street["visit"]].sort_values("probability", ascending=False, kind="stable")
        visits = visits.head(min(most, free + len(able)))
        given = able[len(able) - max(len(visits) - free, 0) :]
        chosen[first.index.difference(given).union(visits.index)] = True
    return chosen


def _spread(calls: pd.DataFrame, forecasts: pd.DataFrame) -> pd.DataFrame:
    """A call for every category stands for each category that is forecast."""
    every = calls[calls["category"] == ALL].drop(columns="category")
    categories = forecasts.loc[forecasts["category"] != ALL, ["category"]].drop_duplicates()
    return pd.concat([calls[calls["category"] != ALL], every.merge(categories, how="cross")], ignore_index=True)


def _expected(calls: pd.DataFrame, ground: Ground) -> pd.DataFrame:
    """Mean and interval of each call in each community, summed over its window."""
    communities = ground.areas.loc[ground.areas["level"] == "community", "area"]
    cells = ground.forecasts[ground.forecasts["area"].isin(communities)]
    means = cells[cells["output"] == "mean"].rename(columns={"predicted": "mean"})
    variances = cells[cells["output"] == "variance"].rename(columns={"predicted": "variance"})
    key = ["area", "category", "month"]
    months = means[[*key, "mean"]].merge(variances[[*key, "variance"]], on=key)
    calls = calls.assign(call=np.arange(len(calls)))
    rows = calls.merge(months, on="category")
    first_day, last_day = days_of(rows["month"], ground.month_starts_on)
    rows = rows[(first_day <= rows["window_end"]) & (last_day >= rows["window_start"])]
    rows = rows.sort_values(["call", "area", "month"]).assign(sd=lambda r: np.sqrt(r["variance"]))
    peak = rows.sort_values("mean", kind="stable").drop_duplicates(["call", "area"], keep="last")
    sums = rows.groupby(["call", "area"], as_index=False).agg(
        expected_requests=("mean", "sum"), variance=("variance", "sum"), sd=("sd", "sum"),
        first_month=("month", "min"), last_month=("month", "max"),
    )  # fmt: skip
    variance = negbin.variance_of_sum(sums["variance"].to_numpy(), sums["sd"].to_numpy(), ground.correlation)
    ends = negbin.quantile(sums["expected_requests"].to_numpy(), variance, np.array(INTERVAL))
    sums["low"], sums["high"] = ends[:, 0].astype(float), ends[:, 1].astype(float)
    sums = sums.merge(peak[["call", "area", "month"]].rename(columns={"month": "peak_month"}), on=["call", "area"])
    return sums.drop(columns=["variance", "sd"]).merge(calls, on="call")


def _history(tasks: pd.DataFrame, panel: pd.DataFrame, years: int) -> pd.DataFrame:
    """Requests in the same months of earlier years: last year, and the mean of the years wholly covered."""
    known = panel[["area", "category", "month", "orders"]]
    tasks = tasks.assign(task=np.arange(len(tasks)))
    length = _month_number(tasks["last_month"]) - _month_number(tasks["first_month"]) + 1
    per_year = {}
    for back in range(1, years + 1):
        span = tasks[["task", "area", "category", "first_month", "last_month"]].merge(known, on=["area", "category"])
        number = _month_number(span["month"]) + 12 * back
        span = span[number.between(_month_number(span["first_month"]), _month_number(span["last_month"]))]
        sums = span.groupby("task")["orders"].agg(["sum", "count"]).reindex(tasks["task"])
        per_year[back] = sums["sum"].where(sums["count"].to_numpy() == length.to_numpy()).to_numpy(dtype=float)
    history = pd.DataFrame(per_year, index=tasks.index)
    tasks["last_year"] = history[1]
    tasks["normal"] = history.mean(axis=1)
    tasks["excess_over_normal"] = tasks["expected_requests"] - tasks["normal"]
    return tasks


def _why(tasks: pd.DataFrame, contributions: pd.DataFrame, language: str) -> list[str]:
    """What makes each task's requests more or fewer than usual, the largest part first; "" when nothing is known."""
    keys = tasks[["area", "category", "first_month", "last_month"]].assign(task=np.arange(len(tasks)))
    rows = keys.merge(contributions, on=["area", "category"])
    rows = rows[rows["month"].between(rows["first_month"], rows["last_month"])]
    if rows.empty:
        return [""] * len(tasks)
    parts = explain.summed(rows, "task").reindex(keys["task"])
    months = _month_number(keys["last_month"]) - _month_number(keys["first_month"]) + 1
    factors = parts.drop(columns="usual").to_dict("records")
    return [_factors(*task, language) for task in zip(parts["usual"], months, factors, strict=True)]


def _factors(usual: float, months: int, factors: dict[Any, float], language: str) -> str:
    """The parts that matter in words; "" when none does, or when usual is so little that a factor says nothing."""
    with np.errstate(divide="ignore"):
        logs = {part: abs(np.log(factor)) for part, factor in factors.items()}
    told = sorted((part for part in logs if logs[part] > MATTERS), key=lambda part: -logs[part])[:AT_MOST]
    if not told or not usual >= 1:
        return ""
    say = PHRASES[language]
    words = [f"{PARTS[language][part][factors[part] < 1]} ×{_plain(factors[part])}" for part in told]
    usually = say["usual_month" if months == 1 else "usual"]
    return usually.format(n=usual, months=months, factors=say["and"].join(words))


def _plain(factor: float) -> str:
    """A factor with as many digits as can be believed."""
    factor = max(factor, 0.01)
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}" if factor >= 1 else f"{factor:.2f}".rstrip("0")


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


def _kin(tasks: pd.DataFrame, siblings: pd.DataFrame, estates: pd.DataFrame, language: str) -> list[str]:
    """Estates of the area's batches that had more of the task's category of late, the strongest tie; "" without."""
    say = PHRASES[language]
    placed = siblings.merge(estates[["estate", "area"]], on="estate")
    placed = placed.sort_values(["factor", "siblings", "kin"], ascending=[False, True, True])
    first = placed.drop_duplicates(["area", "category"]).set_index(["area", "category"])
    words = {}
    for key, label, names in zip(first.index, first[f"kin_{language}"], first["siblings"], strict=True):
        words[key] = say["siblings"].format(kin=label, names=_few(names.split("|"), language))
    return [words.get(key, "") for key in zip(tasks["area"], tasks["category"], strict=True)]


def _few(names: list[str], language: str) -> str:
    """The first names, and how many more there are."""
    say = PHRASES[language]
    text = say["and"].join(names[:AT_MOST])
    return text + say["others"].format(n=len(names)) if len(names) > AT_MOST else text


def _texts(tasks: pd.DataFrame, playbook: tuple[Task, ...], names: pd.DataFrame, language: str) -> pd.DataFrame:
    entries = [playbook[position] for position in tasks["position"]]
    for name in ("action", "lead_party", "support", "evidence"):
        tasks[name] = [(language == "en" and getattr(task, f"{name}_en")) or getattr(task, name) for task in entries]
    for name in ("entry", "crew_days", "preventable_share", "safety"):
        tasks[name] = [getattr(task, name) for task in entries]
    tasks["preventable"] = tasks["expected_requests"] * tasks["preventable_share"]
    english = names["name_en"].where(names["name_en"] != "", names["name"])
    label = pd.Series((english if language == "en" else names["name"]).to_numpy(), index=names["category"])
    tasks["category_name"] = tasks["category"].map(label).fillna(tasks["category"])
    return tasks


def _reason(task: Any, language: str) -> str:
    """One plain sentence: what is expected, how sure, against what, and where to look first."""
    say = PHRASES[language]
    span = _span(task.first_month, task.last_month, language)
    parts = [say["expected"].format(span=span, mean=task.expected_requests, low=task.low, high=task.high)]
    if task.why:
        parts.append(task.why)
    if not np.isnan(task.excess_over_normal):
        excess = round(task.excess_over_normal)
        parts.append(say["as_normal" if excess == 0 else "more" if excess > 0 else "fewer"].format(n=abs(excess)))
    if not np.isnan(task.last_year):
        parts.append(say["last_year"].format(n=task.last_year))
    if task.risk_grade in ("red", "orange"):
        parts.append(say["estate"].format(name=task.estate_name, grade=say[task.risk_grade]))
    if task.kin:
        parts.append(task.kin)
    if not task.on_time:
        parts.append(say["late"])
    return say["comma"].join(parts)


def _span(first: pd.Timestamp, last: pd.Timestamp, language: str) -> str:
    if language == "en":
        return f"{first:%b %Y}" if first == last else f"{first:%b} to {last:%b %Y}"
    if first == last:
        return f"{first.year}年{first.month}月"
    year = "" if first.year == last.year else f"{last.year}年"
    return f"{first.year}年{first.month}月–{year}{last.month}月"


def _month_number(months: pd.Series) -> pd.Series:
    return months.dt.year * 12 + months.dt.month


def _task_id(*key: str) -> str:
    return hashlib.sha256("|".join(key).encode()).hexdigest()[:12]
