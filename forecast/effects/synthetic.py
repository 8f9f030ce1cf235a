"""Panel + one treated street -> its effect against a weighted mix of streets where nothing was done."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.effects.rules import Finding, Rules, cells, one_or_all
from forecast.panel import Grid
from forecast.spec import Spec
from forecast.tables import ALL

Array = np.ndarray
FIRM = 1e3
"""Weight of the row that makes the shares add up to 1."""


class Synthetic(Spec):
    """Synthetic control of a street.

    `before_months`: months before the work to which the mix is fitted, as far as there are; at least `least_before`.
    `test_months`: the last of them, left out in turn to test the fit before the work. `ridge`: how strongly the mix
    is pulled to equal shares, in units of the noise of the donors. `pieces`: months fitted together, so that noise
    of single months is not followed. At least `min_donors` streets with nothing done are needed.
    """

    kind: Literal["synthetic"] = "synthetic"
    before_months: int = Field(48, ge=12)
    least_before: int = Field(24, ge=12)
    test_months: int = Field(12, ge=3)
    ridge: float = Field(1.0, ge=0)
    pieces: int = Field(3, ge=1, le=12)
    shrink: float = Field(0.7, ge=0, le=1)
    min_donors: int = Field(19, ge=5)
    max_donors: int = Field(100, ge=5)


def streets(grid: Grid, treated: pd.DataFrame, areas: pd.DataFrame, group: str) -> list[str]:
    """Streets all of whose covered communities are treated by the group."""
    done = set(treated.loc[treated["group"] == group, "area"])
    parent = areas.set_index("area")["parent"]
    alive = grid.cells.loc[np.isfinite(grid.y[:, -1]), "area"].drop_duplicates()
    whole = alive.isin(done).groupby(alive.map(parent)).all()
    return [str(street) for street in whole.index[whole]]


def estimate(
    grid: Grid, treated: pd.DataFrame, areas: pd.DataFrame, group: str, street: str, spec: Synthetic, rules: Rules,
    seed: int,
) -> Finding:  # fmt: skip
    """Effect of a group in one street.

    Args:
        grid: requests of all cells up to the last known month.
        treated: Treated of every group; a street with any treated cell of the same categories is no donor.
        areas: Areas.
        group, street: a group, and a street that `streets` names.
        spec: months and donors. rules: when a number may be told. seed: of the choice among many donors.

    Returns:
        Finding: ratio of what came in the months the work can show to what the mix of donors had; its interval and
        the test before the work come from giving each donor the street's dates (placebos).

    Source: Abadie, Diamond & Hainmueller (2010), Synthetic control methods, JASA 105(490), sec. 2.3 and 3.4
    (placebos scaled by the fit before); Abadie, Diamond & Hainmueller (2015), Am. J. Polit. Sci. 59(2) (placebo in
    time); interval by inverting the placebo test for a constant factor, Firpo & Possebom (2018), J. Causal Inference
    6(2), sec. 4. Outcomes are requests ÷ their own mean before; ridge: Arkhangelsky et al. (2021), Am. Econ. Rev.
    111(12), eq. 5.
    """
    parent = areas.set_index("area")["parent"]
    own = treated[(treated["group"] == group) & (treated["area"].map(parent) == street)]
    mine = cells(own)
    found = Finding(
        estimator="synthetic", group=group, category=one_or_all(mine["category"], ALL), area=street, units=own
    )
    totals = _totals(grid, parent, mine["category"].unique())
    others = treated[treated["category"].isin(mine["category"])]
    pool = totals.drop(index=[*set(others["area"].map(parent)), street], errors="ignore")
    at, first, last = (
        _position(grid, month) for month in (mine["month"].min(), mine["first"].min(), mine["last"].max())
    )
    last = min(last, len(grid.months) - 1)
    if at > last or first > last:
        return _with(found, refusal="no_after")
    start = max(at - spec.before_months, 0)
    span = totals.columns[start : last + 1]
    pool = pool.loc[pool[span].notna().all(axis=1) & (pool[span[: at - start]].mean(axis=1) > 0)]
    pool = _fewer(pool, spec.max_donors, seed)
    line = totals[span].loc[street].to_numpy(dtype=float)
    if at - start < spec.least_before or np.isnan(line).any() or line[: at - start].sum() < rules.min_requests:
        return _with(found, refusal="few_before", controls=len(pool))
    counts = {"treated": len(mine), "controls": len(pool), "clusters": 1, "months": last - first + 1}
    if len(pool) < spec.min_donors:
        return _with(found, refusal="few_controls", **counts)
    lines = np.vstack([line, pool[span].to_numpy(dtype=float)])
    return _judge(_with(found, **counts), lines, at - start, slice(first - start, last - start + 1), spec, rules)


def _with(finding: Finding, **changes: object) -> Finding:
    return Finding(**{**finding.__dict__, **changes})


def _judge(found: Finding, lines: Array, at: int, counting: slice, spec: Synthetic, rules: Rules) -> Finding:
    """lines: (1 + donors, months), the street first; the work begins at column `at`."""
    gaps, noise, due = placebos(lines, at, counting, spec)
    came = float(lines[0, counting].sum())
    found = _with(found, requests=came)
    if min(came, due) <= 0 or due < rules.min_requests:
        return _with(found, refusal="few_requests")
    scaled = np.sort(np.abs(gaps[1:]) / noise[1:])
    rank = int(np.ceil(rules.level * (len(scaled) + 1)))
    if rank > len(scaled):
        return _with(found, refusal="few_controls")
    wide = scaled[rank - 1] * noise[0]
    # four of five placebos lie on the detected side of the bound when the work moved them this far
    reach = wide + scaled[int(np.ceil((2 * rules.power - 1) * len(scaled))) - 1] * noise[0]
    away = -np.log(1 - rules.plausible) - wide
    other = np.concatenate([-scaled, scaled]) * noise[0]
    return _with(
        found, ratio=float(np.exp(gaps[0])), low=float(np.exp(gaps[0] - wide)), high=float(np.exp(gaps[0] + wide)),
        detectable=float(1 - np.exp(-reach)), power=float((other <= away).mean()),
        pre_trend_p=in_time(lines, at, spec), event=_event(lines, at, wide, counting, spec),
    )  # fmt: skip


def placebos(lines: Array, at: int, counting: slice, spec: Synthetic) -> tuple[Array, Array, float]:
    """(log of came ÷ due, noise of the fit before, both by line; requests due in the street).

    Every line in turn is taken for the treated one, with the other donors (never the treated street) as its mix.
    The noise is the root mean square of the log gap of pieces before.
    """
    gaps, noise, due = np.empty(len(lines)), np.empty(len(lines)), 0.0
    for k in range(len(lines)):
        donors = np.delete(np.arange(1, len(lines)), k - 1) if k else np.arange(1, len(lines))
        mix = _mix(lines[k], lines[donors], at, spec)
        gaps[k] = _log_ratio(lines[k, counting], mix[counting])
        noise[k] = _noise(lines[k, :at], mix[:at], counting.stop - counting.start)
        due = float(mix[counting].sum()) if k == 0 else due
    usual = np.median(noise)
    return gaps, np.sqrt((1 - spec.shrink) * noise**2 + spec.shrink * usual**2), due


def in_time(lines: Array, at: int, spec: Synthetic) -> float:
    """p value of the gap in the last months before the work, the mix fitted without them: its rank among placebos."""
    early = at - spec.test_months
    if early < 12:
        return float("nan")
    gaps, noise, _ = placebos(lines[:, :at], early, slice(early, at), spec)
    scaled = np.abs(gaps) / noise
    return float((scaled >= scaled[0]).mean())


def weights(line: Array, donors: Array, spec: Synthetic) -> Array:
    """Shares >= 0 that add up to 1 and bring the donors' mix nearest to the line; both ÷ their own mean.

    min ||A w - b||^2 + ridge x noise x pieces x ||w||^2; noise is the mean variance of a piece about the mean of its
    neighbours' changes.

    Args:
        line: (pieces,). donors: (n, pieces).
    """
    from scipy.optimize import nnls

    changes = np.diff(donors, axis=1) - np.diff(donors, axis=1).mean(axis=0)
    penalty = np.sqrt(spec.ridge * (changes**2).mean() / 2 * donors.shape[1])
    rows = np.vstack([donors.T, penalty * np.eye(len(donors)), np.full((1, len(donors)), FIRM)])
    found, _ = nnls(rows, np.concatenate([line, np.zeros(len(donors)), [FIRM]]), maxiter=50 * len(donors))
    return np.asarray(found / found.sum())


def _mix(line: Array, donors: Array, at: int, spec: Synthetic) -> Array:
    """Requests to be expected in a line, by month, from the mix of donors fitted before `at`."""
    level, levels = line[:at].mean(), donors[:, :at].mean(axis=1, keepdims=True)
    shapes = donors / levels
    own, theirs = (_pieces(part[..., :at], spec.pieces) for part in (line / max(level, 1e-9), shapes))
    return np.asarray(level * weights(own, theirs, spec) @ shapes)


def _pieces(values: Array, length: int) -> Array:
    """Means of `length` months in a row, the last ones whole."""
    whole = values[..., values.shape[-1] % length :]
    return np.asarray(whole.reshape(*values.shape[:-1], -1, length).mean(axis=-1))


def _log_ratio(came: Array, due: Array) -> float:
    """log(came ÷ due), with half a request added so that an empty street has a number."""
    return float(np.log((came.sum() + 0.5) / (due.sum() + 0.5)))


def _noise(line: Array, mix: Array, length: int) -> float:
    """Root mean square log gap, before the work, of stretches as long as the months after it (at most a year)."""
    length = min(length, 12, len(line) // 2)
    ends = range(len(line), length - 1, -length)
    gaps = [_log_ratio(line[end - length : end], mix[end - length : end]) for end in ends]
    floor = 1 / np.sqrt(line.sum() / len(line) * length + 1)
    return float(np.sqrt(np.mean(np.square(gaps)) + floor**2))


def _totals(grid: Grid, parent: pd.Series, categories: Array) -> pd.DataFrame:
    """Requests by street (rows) and month (columns) of some categories; NaN where none of its cells is covered."""
    rows = np.flatnonzero(grid.cells["category"].isin(categories))
    frame = pd.DataFrame(grid.y[rows], columns=grid.months)
    return frame.groupby(grid.cells["area"].iloc[rows].map(parent).to_numpy()).sum(min_count=1)


def _fewer(pool: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many donors, drawn at random so that none is chosen for its fit."""
    if len(pool) <= most:
        return pool
    return pool.iloc[np.sort(np.random.default_rng(seed).choice(len(pool), most, replace=False))]


def _position(grid: Grid, month: pd.Timestamp) -> int:
    return (month.year - grid.months[0].year) * 12 + month.month - grid.months[0].month


def _event(lines: Array, at: int, wide: float, counting: slice, spec: Synthetic) -> pd.DataFrame:
    """Ratio by quarter of event months; the band is that of the whole, wider by the fewer requests of a quarter."""
    mix = _mix(lines[0], lines[1:], at, spec)
    rows = []
    for begin in range(at % 3, lines.shape[1] - 2, 3):
        part = slice(begin, begin + 3)
        if lines[0, part].sum() > 0 and mix[part].sum() > 0:
            gap = _log_ratio(lines[0, part], mix[part])
            more = wide * np.sqrt(max(mix[counting].sum() / mix[part].sum(), 1.0))
            rows.append((begin - at, np.exp(gap), np.exp(gap - more), np.exp(gap + more)))
    return pd.DataFrame(rows, columns=pd.Index(["event_month", "ratio", "low", "high"]))
