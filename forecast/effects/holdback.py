"""Tasks asked for and tasks held back at random + panel -> what asking for them did (intention to treat)."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.effects.rules import Finding, Normal, Rules, effective, one_or_all
from forecast.months import month_of
from forecast.panel import Grid
from forecast.spec import Spec
from forecast.tables import ALL, Tasks, conform

Array = np.ndarray
ENTRIES = ALL
"""Group of all tasks together."""
FIGURES = ("cost", "defects_found", "defects_fixed")


class Holdback(Spec):
    """Randomised estimate from held-back tasks.

    `before_months`: months before the plan whose requests must not differ between those asked for and the others.
    `min_arm`: tasks needed on either side.
    """

    kind: Literal["holdback"] = "holdback"
    before_months: int = Field(12, ge=3, le=36)
    min_arm: int = Field(10, ge=3)


def borderline(tasks: pd.DataFrame) -> pd.DataFrame:
    """The tasks among which chance decided.

    Those the plan marked as `borderline`, chosen or held back; it marks no safety task.
    """
    return tasks[tasks["borderline"] & tasks["fate"].isin(["chosen", "held_back"])]


def as_drawn(tasks: pd.DataFrame, plans: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tasks as they were when chance decided on them.

    What later plans say of a task depends on what became of it: of those asked for only the ones not done come again.

    Args:
        tasks: Tasks.
        plans: Workplan of each plan issued, oldest first.

    Returns:
        Tasks: plan month, fate and expected requests of a borderline task are those of the first plan that drew it.
    """
    names = ["plan_month", "fate", "expected_requests", "borderline"]
    parts = [plan.loc[plan["borderline"], ["task_id", *names]] for plan in plans]
    if not parts:
        return tasks
    first = pd.concat(parts).drop_duplicates("task_id").set_index("task_id")
    drawn = tasks["task_id"].isin(first.index)
    then = first.loc[tasks.loc[drawn, "task_id"]].set_index(tasks.index[drawn])
    return conform(Tasks, pd.concat([tasks[~drawn], tasks[drawn].assign(**then)]).sort_index())


def estimate(tasks: pd.DataFrame, grid: Grid, group: str, starts_on: int, spec: Holdback, rules: Rules) -> Finding:
    """Effect of being asked for, over the months of each task's window.

    Args:
        tasks: Tasks.
        grid: requests up to the last known month.
        group: an entry of the playbook, or ALL.
        starts_on: day on which months start.
        spec, rules: options.

    Returns:
        Finding: requests of chosen tasks ÷ those to be expected had they been held back. Tasks asked for and never
        begun count as asked for.

    Source: Poisson regression with a robust variance, Wooldridge (1999), J. Econometrics 90(1); adjustment of a
    randomised comparison, Lin (2013), Ann. Appl. Stat. 7(1).
    """
    lot = borderline(tasks)
    lot = lot if group == ENTRIES else lot[lot["entry"] == group]
    category = one_or_all(lot["category"], ALL) if len(lot) else ALL
    found = Finding(estimator="holdback", group=group, category=category, area=ALL)
    after, before, months = _outcomes(lot, grid, starts_on, spec.before_months)
    known = np.isfinite(after)
    if not known.any():
        return _with(found, refusal="no_after")
    lot, after, before = lot[known], after[known], before[known]
    chosen = (lot["fate"] == "chosen").to_numpy()
    arms = int(chosen.sum()), int((~chosen).sum())
    counts = {"treated": arms[0], "controls": arms[1], "months": months, "requests": float(after[chosen].sum())}
    found = _with(found, **counts, clusters=int(lot.loc[chosen, "area"].nunique()), units=_units(lot[chosen]))
    if min(arms) < spec.min_arm:
        return _with(found, refusal="few_controls" if arms[1] < spec.min_arm else "few_clusters")
    if min(after[chosen].sum(), after[~chosen].sum()) < rules.min_requests:
        return _with(found, refusal="few_requests")
    whole = regression(after, lot, chosen)
    low, high = whole.interval(rules)
    return _with(
        found, ratio=float(np.exp(whole.log)), low=low, high=high, detectable=whole.detectable(rules),
        power=whole.power(rules), pre_trend_p=_balance(before, lot, chosen),
    )  # fmt: skip


def _with(finding: Finding, **changes: Any) -> Finding:
    return Finding(**{**finding.__dict__, **changes})


def _units(asked: pd.DataFrame) -> pd.DataFrame:
    """Tasks asked for as units; one that was never begun cost nothing and found nothing."""
    idle = asked["status"].isin(["not_started", "declined"])
    figures = {name: asked[name].mask(idle & asked[name].isna(), 0.0) for name in FIGURES}
    return asked.assign(**figures).rename(columns={"task_id": "unit"})


def regression(y: Array, lot: pd.DataFrame, chosen: Array) -> Normal:
    """Log ratio of chosen to held-back tasks: Poisson on log expected requests, plan months and the arm.

    Its error is the jackknife over areas, so that tasks of one community may go together: each is left out by a step
    of Newton from the whole fit. Degrees of freedom after Satterthwaite from the effective number of areas in
    either arm.

    Source: MacKinnon, Nielsen & Webb (2023), Cluster-robust inference, J. Econometrics 232(2), sec. 3; Carter,
    Schnepel & Steigerwald (2017), Rev. Econ. Stat. 99(4).
    """
    import statsmodels.api as sm

    log = np.log(lot["expected_requests"].to_numpy() + 0.5)
    months = pd.get_dummies(lot["plan_month"], drop_first=True).to_numpy(dtype=float)
    both = [k for k in range(months.shape[1]) if 0 < chosen[months[:, k] > 0].mean() < 1]
    x = np.column_stack([np.ones(len(y)), chosen, log - log.mean(), months[:, both]])
    fit = sm.GLM(y, x, family=sm.families.Poisson()).fit()
    mean, number = np.asarray(fit.fittedvalues), pd.factorize(lot["area"])[0]
    steps = _left_out(x, mean, y - mean, number)
    variance = (steps**2).sum() * (len(steps) - 1) / len(steps)
    parts = [((y - mean)[arm] ** 2).sum() / mean[arm].sum() ** 2 for arm in (chosen, ~chosen)]
    sizes = [effective(np.bincount(number[arm], mean[arm])) for arm in (chosen, ~chosen)]
    df = sum(parts) ** 2 / sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    return Normal(float(fit.params[1]), float(np.sqrt(variance)), float(max(df, 1.0)))


def _left_out(x: Array, mean: Array, error: Array, number: Array) -> Array:
    """What the estimate of the arm (column 1 of x) gains when each area is left out."""
    whole = (x.T * mean) @ x
    steps = []
    for area in range(number.max() + 1):
        own = number == area
        rest = whole - (x[own].T * mean[own]) @ x[own]
        steps.append(-(np.linalg.pinv(rest, hermitian=True) @ (x[own].T @ error[own]))[1])
    return np.array(steps)


def _balance(before: Array, lot: pd.DataFrame, chosen: Array) -> float:
    """p value of the same regression on the requests of the months before the plan; NaN where they are too few."""
    from scipy import stats

    known = np.isfinite(before)
    if min(before[known & chosen].sum(), before[known & ~chosen].sum()) <= 0:
        return float("nan")
    placebo = regression(before[known], lot[known], chosen[known])
    return float(2 * stats.t.sf(abs(placebo.log) / placebo.se, placebo.df))


def _outcomes(lot: pd.DataFrame, grid: Grid, starts_on: int, before_months: int) -> tuple[Array, Array, int]:
    """(requests over each task's window, NaN unless all of it is known; requests before the plan; months in all)."""
    where = {key: k for k, key in enumerate(zip(grid.cells["area"], grid.cells["category"], strict=True))}
    zero = grid.months[0].year * 12 + grid.months[0].month

    def position(days: pd.Series) -> Array:
        months = month_of(pd.DatetimeIndex(days), starts_on)
        return np.asarray(months.year * 12 + months.month - zero)

    after, before = np.full(len(lot), np.nan), np.full(len(lot), np.nan)
    seen: set[int] = set()
    places = zip(lot["area"], lot["category"], strict=True)
    spans = (position(lot[name]) for name in ("window_start", "window_end", "plan_month"))
    for k, (key, first, last, plan) in enumerate(zip(places, *spans, strict=True)):
        if key not in where or first < 0 or last >= len(grid.months):
            continue
        line = grid.y[where[key]]
        after[k] = line[first : last + 1].sum()
        if plan >= before_months:
            before[k] = line[plan - before_months : plan].sum()
        seen |= set(range(int(first), int(last) + 1)) if np.isfinite(after[k]) else set()
    return after, before, len(seen)
