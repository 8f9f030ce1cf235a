"""Panel + treated cells -> effect of each group by difference-in-differences with not-yet-treated cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.effects.rules import Finding, Normal, Rules, cells, effective, one_or_all
from forecast.panel import Grid
from forecast.spec import Spec
from forecast.tables import ALL

Array = np.ndarray
FEW = 20
"""Control cells below which the level before is taken as it is, not adjusted."""


class Did(Spec):
    """Callaway-Sant'Anna on ratios of counts.

    `base_months`: months before the work that give a cell its level; `skip_months`: months between them and the
    work, when it was known or begun before it was done. `pre_months`: months before the work shown and tested.
    `after_months`: months after it shown. `adjust`: a level counts as far as it lasted in the controls, so that cells
    chosen because they were loud do not look helped when they only fall back. `cluster`: areas or streets are drawn
    together; auto takes streets where most treated areas lie in streets treated as a whole. `draws` of the bootstrap.
    """

    kind: Literal["did"] = "did"
    base_months: int = Field(12, ge=3, le=36)
    skip_months: int = Field(0, ge=0, le=12)
    pre_months: int = Field(24, ge=6, le=60)
    after_months: int = Field(12, ge=1, le=36)
    adjust: bool = True
    cluster: Literal["auto", "area", "street"] = "auto"
    min_controls: int = Field(10, ge=2)
    draws: int = Field(999, ge=99)


@dataclass(frozen=True)
class Sums:
    """Rows: event months, then the row of all months that count. Columns: clusters.

    came: requests of treated cells. due: those expected without the work. drift: what the errors of the control
    cells add to `due`.
    """

    months: Array
    came: Array
    due: Array
    drift: Array
    treated: int
    controls: int
    counted: int


def estimate(
    grid: Grid, treated: pd.DataFrame, areas: pd.DataFrame, group: str, spec: Did, rules: Rules, seed: int
) -> Finding:
    """Effect of one group.

    Args:
        grid: requests of all cells up to the last known month.
        treated: Treated of every group: cells treated by another one are no controls once treated, and are left out
            of this one when the other came first.
        areas: Areas, for streets.
        group: of `treated`.
        spec: months and controls.
        rules: when a number may be told.
        seed: of the bootstrap.

    Returns:
        Finding: ratio of the requests that came in treated cells, in the months the work can show, to those expected.

    Source: Callaway & Sant'Anna (2021), Difference-in-differences with multiple time periods, J. Econometrics 225:
    group-time effects with not-yet-treated controls, outcome regression on the level before (sec. 2.3, 4.1), event
    aggregation and multiplier bootstrap (sec. 3.1, 4.2). Ratios in place of differences: Wooldridge (2023),
    Simple approaches to nonlinear difference-in-differences with panel data, Econometrics J. 26(3), sec. 3.
    """
    own = treated[treated["group"] == group]
    every = cells(treated)
    mine = every[every["group"] == group]
    category, area = one_or_all(own["category"], ALL), one_or_all(own["area"], ALL)
    found = Finding(estimator="did", group=group, category=category, area=area, units=own)
    number = _clusters(grid, mine, areas, spec)
    sums = _sums(grid, every, group, number, spec)
    if isinstance(sums, str):
        return _with(found, refusal=sums)
    return _judge(found, sums, spec, rules, seed)


def _with(finding: Finding, **changes: Any) -> Finding:
    return Finding(**{**finding.__dict__, **changes})


def _judge(found: Finding, sums: Sums, spec: Did, rules: Rules, seed: int) -> Finding:
    clusters = int((sums.due[-1] > 0).sum())
    counts = {"treated": sums.treated, "controls": sums.controls, "clusters": clusters, "months": sums.counted}
    found = _with(found, **counts, requests=float(sums.came[-1].sum()))
    if min(sums.came[-1].sum(), sums.due[-1].sum()) <= 0 or sums.due[-1].sum() < rules.min_requests:
        return _with(found, refusal="few_requests")
    if clusters < 2:
        return _with(found, refusal="few_clusters")
    whole, _ = normal(sums, [len(sums.months)])
    low, high = whole[0].interval(rules)
    return _with(
        found, ratio=float(np.exp(whole[0].log)), low=low, high=high, detectable=whole[0].detectable(rules),
        power=whole[0].power(rules), pre_trend_p=pre_trend(sums, spec), event=_event_study(sums, spec, rules, seed),
    )  # fmt: skip


def influence(sums: Sums, rows: list[int]) -> tuple[float, Array, Array]:
    """(log ratio, influence of each cluster's treated cells, of its control cells) of some rows together.

    d log(came / due) = (came_a - ratio x due_a) / came of the treated, - drift_a / due of the controls.
    """
    came, due, drift = (part[rows].sum(axis=0) for part in (sums.came, sums.due, sums.drift))
    ratio = came.sum() / due.sum()
    return float(np.log(ratio)), (came - ratio * due) / came.sum(), -drift / due.sum()


def normal(sums: Sums, rows: list[int], *more: list[int]) -> tuple[list[Normal], Array]:
    """Log ratios of sets of rows with clustered errors, and their covariance matrix.

    The influence of a treated cluster is divided by 1 - its share of the requests, as if the rest were estimated
    without it; squares of the controls are scaled by m / (m - 1). n and m are numbers of equal clusters of the same
    concentration, (sum w)^2 / sum w^2; degrees of freedom after Satterthwaite from both. What a cluster has on
    both sides never makes a variance smaller.

    Source: MacKinnon, Nielsen & Webb (2023), Cluster-robust inference, J. Econometrics 232(2), sec. 3 (jackknife);
    Carter, Schnepel & Steigerwald (2017), Asymptotic behavior of a t-test robust to cluster heterogeneity, Rev.
    Econ. Stat. 99(4), for the effective number of clusters.
    """
    sets = (rows, *more)
    parts = [influence(sums, one) for one in sets]
    due = np.array([sums.due[one].sum(axis=0) for one in sets])
    share = np.minimum(due / due.sum(axis=1, keepdims=True), 0.9)
    ours, theirs = np.array([part[1] for part in parts]) / (1 - share), np.array([part[2] for part in parts])
    many, n, m = (sums.due[-1] > 0).sum(), effective(sums.due[-1]), effective(np.abs(theirs).max(axis=0))
    scaled = (ours @ ours.T) * (many - 1) / many, (theirs @ theirs.T) * m / max(m - 1, 1)
    covariance = scaled[0] + scaled[1]
    cross = ours @ theirs.T
    covariance[np.diag_indices_from(covariance)] += np.maximum(2 * np.diag(cross), 0)
    found = []
    for k, part in enumerate(parts):
        own, other = scaled[0][k, k], scaled[1][k, k]
        df = (own + other) ** 2 / (own**2 / (n - 1) + other**2 / max(m - 1, 1))
        found.append(Normal(part[0], float(np.sqrt(covariance[k, k])), float(max(df, 1.0))))
    return found, covariance


def pre_trend(sums: Sums, spec: Did) -> float:
    """p value of the joint test that the ratios of the blocks before the work are 1; NaN when there is no block.

    Blocks of half a year before the base, and the first half of the base (its second half follows from it). Wald
    statistic against Hotelling's T-squared with the degrees of freedom of the treated clusters.
    """
    from scipy import stats

    blocks = [rows for rows in _blocks(sums, spec) if min(sums.came[rows].sum(), sums.due[rows].sum()) > 0]
    n = effective(sums.due[-1]) - 1
    blocks = blocks[-max(int(n / 3), 1) :]
    if not blocks:
        return float("nan")
    found, covariance = normal(sums, blocks[0], *blocks[1:])
    logs, q = np.array([one.log for one in found]), len(blocks)
    df = max(min(one.df for one in found), q + 1.0)
    wald = float(logs @ np.linalg.pinv(covariance) @ logs)
    return float(stats.f.sf(wald * (df - q + 1) / (df * q), q, df - q + 1))


def _blocks(sums: Sums, spec: Did) -> list[list[int]]:
    """Rows of each block, the earliest first."""
    base_end = -spec.skip_months
    base = base_end - spec.base_months
    half = list(range(base, base + spec.base_months // 2))
    starts = range(base - 6, -spec.pre_months - 1, -6)
    spans = [*reversed([list(range(start, start + 6)) for start in starts]), half]
    spans += [list(range(base_end, 0))] if spec.skip_months else []
    at = {int(e): k for k, e in enumerate(sums.months)}
    return [[at[e] for e in span if e in at] for span in spans if any(e in at for e in span)]


def _event_study(sums: Sums, spec: Did, rules: Rules, seed: int) -> pd.DataFrame:
    """Ratio by event month with a band that holds for all of them, by the multiplier bootstrap.

    Source: Callaway & Sant'Anna (2021), algorithm 1; weights of Mammen (1993), one draw a cluster.
    """
    from scipy import stats

    rows = [k for k in range(len(sums.months)) if sums.came[k].sum() > 0 and sums.due[k].sum() > 0]
    if not rows:
        return pd.DataFrame()
    found, _ = normal(sums, [rows[0]], *([k] for k in rows[1:]))
    psi = np.array([sum(influence(sums, [k])[1:]) for k in rows])
    size = np.sqrt((psi**2).sum(axis=1))
    used = size > 0
    rng = np.random.default_rng(seed)
    root = np.sqrt(5)
    low, chance = (1 - root) / 2, (root + 1) / (2 * root)
    weights = np.where(rng.random((spec.draws, psi.shape[1])) < chance, low, 1 - low)
    worst = np.abs(weights @ psi[used].T / size[used]).max(axis=1) if used.any() else np.zeros(spec.draws)
    tail = (1 + rules.level) / 2
    wide = [max(np.quantile(worst, rules.level), stats.t.ppf(tail, one.df)) * one.se for one in found]
    logs = np.array([one.log for one in found])
    return pd.DataFrame(
        {
            "event_month": sums.months[rows].astype(int), "ratio": np.exp(logs),
            "low": np.exp(logs - wide), "high": np.exp(logs + wide),
        }
    )  # fmt: skip


def _clusters(grid: Grid, mine: pd.DataFrame, areas: pd.DataFrame, spec: Did) -> Array:
    """Cluster number of each cell of the grid."""
    parent = areas.set_index("area")["parent"]
    street = grid.cells["area"].map(parent).fillna(grid.cells["area"])
    pairs = pd.DataFrame({"area": grid.cells["area"], "street": street}).drop_duplicates()
    done = pairs["area"].isin(mine["area"])
    whole = done.groupby(pairs["street"]).transform("all") & pairs.groupby("street")["area"].transform("size").gt(1)
    by_street = spec.cluster == "street" or (spec.cluster == "auto" and whole[done].mean() > 0.5)
    return np.asarray(pd.factorize(street if by_street else grid.cells["area"])[0])


def _sums(grid: Grid, every: pd.DataFrame, group: str, number: Array, spec: Did) -> Sums | str:
    """Treated and expected requests by event month and cluster, or why there are none."""
    last = len(grid.months) - 1
    begun = _begun(grid, every)
    mine = _placed(grid, every[every["group"] == group])
    mine = mine[mine["at"] <= begun[mine["cell"].to_numpy()]]  # another group came first: whose effect would it be?
    mine = mine[(mine["first"] <= mine["last"]) & (mine["first"] <= last) & (mine["at"] <= last)]
    if mine.empty:
        return "no_after"
    events = np.arange(-max(spec.pre_months, spec.base_months + spec.skip_months), spec.after_months)
    shape = (len(events) + 1, int(number.max()) + 1)
    came, due, drift = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    treated, controls, counted = 0, set(), set()
    refusal = "few_before"
    for stratum in _strata(grid, mine, begun, spec):
        if len(stratum.controls) < spec.min_controls:
            refusal = "few_controls"
            continue
        treated += len(stratum.rows)
        controls |= set(stratum.controls.tolist())
        for month in range(max(stratum.at + int(events[0]), 0), last + 1):
            counting = (stratum.first <= month) & (month <= stratum.last)
            if not counting.any() and month - stratum.at > events[-1]:
                continue
            parts = _month(grid, stratum, begun, month, spec)
            if parts is None:
                continue
            counted |= {month} if counting.any() else set()
            row = month - stratum.at - int(events[0])
            if row < len(events):
                _add((came[row], due[row], drift[row]), parts, np.ones(len(counting)), number, stratum)
            _add((came[-1], due[-1], drift[-1]), parts, counting.astype(float), number, stratum)
    if not treated:
        return refusal
    alive = (came + due).sum(axis=1) > 0
    alive[-1] = True
    return Sums(events[alive[:-1]], came[alive], due[alive], drift[alive], treated, len(controls), len(counted))


@dataclass(frozen=True)
class _Stratum:
    """Cells of one category treated in one month: rows of the grid, month, first and last month that count."""

    rows: Array
    at: int
    first: Array
    last: Array
    controls: Array
    level: Array
    control_level: Array


@dataclass(frozen=True)
class _Month:
    """Of one month: came and predictors of the treated; predictors, errors and fit of the controls (used ones)."""

    came: Array
    x: Array
    beta: Array
    controls: Array
    lever: Array
    error: Array


def _begun(grid: Grid, every: pd.DataFrame) -> Array:
    """Position of the month from which each cell is treated by any group; beyond the end where never."""
    begun = np.full(len(grid.cells), np.iinfo(np.int64).max)
    placed = _placed(grid, every)
    np.minimum.at(begun, placed["cell"].to_numpy(), placed["at"].to_numpy())
    return begun


def _placed(grid: Grid, treated: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[category, cell, at, first, last]: treated cells of the grid with months as positions."""
    where = grid.cells.assign(cell=np.arange(len(grid.cells)))
    rows = treated.merge(where, on=["area", "category"])
    start = grid.months[0].year * 12 + grid.months[0].month
    numbers = {c: rows[c].dt.year * 12 + rows[c].dt.month - start for c in ("month", "first", "last")}
    return pd.DataFrame(
        {"category": rows["category"], "cell": rows["cell"], "at": numbers["month"], "first": numbers["first"],
         "last": numbers["last"]}
    ).astype({"cell": int, "at": int, "first": int, "last": int})  # fmt: skip


def _strata(grid: Grid, mine: pd.DataFrame, begun: Array, spec: Did) -> Iterator[_Stratum]:
    """Treated cells that are covered in the base, by category and month, with the cells that may be controls."""
    category = grid.cells["category"].to_numpy()
    for (name, at), rows in mine.groupby(["category", mine["at"].to_numpy()]):
        begin = int(str(at))
        stop = begin - spec.skip_months
        base = slice(stop - spec.base_months, stop)
        if base.start < 0:
            continue
        level = grid.y[:, base].sum(axis=1)
        rows = rows[np.isfinite(level[rows["cell"].to_numpy()])]
        cell = rows["cell"].to_numpy()
        controls = np.flatnonzero((category == name) & np.isfinite(level) & (begun > begin))
        if len(cell):
            ends = rows["first"].to_numpy(), rows["last"].to_numpy()
            yield _Stratum(cell, begin, *ends, controls, level[cell], level[controls])


def _month(grid: Grid, stratum: _Stratum, begun: Array, month: int, spec: Did) -> _Month | None:
    """What the treated had and, from cells not yet treated, what their level foretells; None without controls."""
    y = grid.y[:, month]
    free = (begun[stratum.controls] > month) & np.isfinite(y[stratum.controls])
    controls, level = stratum.controls[free], stratum.control_level[free]
    if len(controls) < spec.min_controls or not level.any():
        return None
    came, scale = y[stratum.rows], level.mean()
    if spec.adjust and len(controls) >= FEW and level.std() > 0:
        x, own = (np.column_stack([np.ones(len(part)), part / scale]) for part in (level, stratum.level))
        weighted = x / (level / scale + 1)[:, None]
        lever = weighted @ np.linalg.inv(x.T @ weighted)
    else:
        x, own = level[:, None], stratum.level[:, None]
        lever = np.full(x.shape, 1 / level.sum())
    beta = lever.T @ y[controls]
    return _Month(came, own, beta, controls, lever, y[controls] - x @ beta)


def _add(rows: tuple[Array, Array, Array], parts: _Month, use: Array, number: Array, stratum: _Stratum) -> None:
    """Add a month to the rows came, due, drift of the sums."""
    use = use * np.isfinite(parts.came)
    own, theirs = number[stratum.rows], number[parts.controls]
    np.add.at(rows[0], own, np.where(use > 0, parts.came, 0.0))
    np.add.at(rows[1], own, use * (parts.x @ parts.beta))
    np.add.at(rows[2], theirs, parts.lever @ (use @ parts.x) * parts.error)
