"""Grid + areas -> Patterns: each community x category is chronic, seasonal, emerging or sporadic, with evidence."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from forecast import evidence
from forecast.evidence import YEAR, Fits
from forecast.panel import Grid
from forecast.spec import Spec
from forecast.tables import PATTERNS, Patterns, check, conform, empty

Array = np.ndarray


class PatternOptions(Spec):
    """When a cell is what. The cuts are our assumptions.

    `false_discoveries`: share of wrong calls among those called, of seasons and of rises apart; `any_dependence`
    guards it however cells hang together, at a price in power. `least_requests`: fewer are not tested.
    seasonal: the season is sure, and its highest month has `peak` times the mean.
    emerging: the rise is sure, and the last year has `rise` times the years before, season and the pace of the city
    taken off. chronic: requests in at least `active` of the covered months of the last `lately` ones.
    A month belongs to the season when it has `high_month` times the mean. `years_before`: years a rise is measured
    against. `lent_months`: months of scatter lent from cells of like size. `lent_requests`: requests a calendar
    month, times their scatter, lent from the season of the category, for the season shown and taken off.
    """

    false_discoveries: float = Field(0.05, gt=0, lt=1)
    any_dependence: bool = False
    least_requests: int = Field(12, ge=1)
    least_months: int = Field(24, ge=18)
    peak: float = Field(1.5, ge=1)
    high_month: float = Field(1.2, ge=1)
    rise: float = Field(1.5, ge=1)
    years_before: int = Field(3, ge=1, le=10)
    active: float = Field(0.75, gt=0, le=1)
    lately: int = Field(24, ge=12)
    lent_months: float = Field(12.0, ge=0)
    lent_requests: float = Field(3.0, gt=0)


@dataclass(frozen=True)
class _Known:
    """What the tests see. y: (n, B, 12); the arrays by calendar month start with January; position: of each month
    of the year in a year of `y`."""

    cells: pd.DataFrame
    y: Array
    position: Array


def classify(grid: Grid, areas: pd.DataFrame, as_of: pd.Timestamp, spec: PatternOptions) -> pd.DataFrame:
    """What kind of trouble each cell is, as known at the end of month `as_of`.

    Rising comes before seasonal, seasonal before lasting: a cell may be several, and says so in `rising`, `seasonal`,
    `lasting`; `pattern` is the first that holds.

    Args:
        grid: counts, NaN = not covered (`panel.to_grid` makes it of a Panel); later months are not looked at.
        areas: Areas; cells of areas that ended before `as_of` are left out.
        as_of: first day of the last month to use.
        spec: cuts and error rate.

    Returns:
        Patterns, by area and category.

    Source: tests: `evidence.season_p`, `evidence.rise_p`; only cells with enough requests are tested: Bourgon,
    Gentleman & Huber 2010, Independent filtering, PNAS 107.
    """
    known = _known(grid, areas, as_of)
    if not len(known.cells):
        return empty(Patterns)
    observed, expected, scatter = evidence.seasonal_sums(known.y)
    lent = spec.lent_requests * scatter[:, None]
    shape, index = _seasons(known, observed, expected, lent, spec.least_requests)
    pace = _pace(known, spec.years_before)
    found = evidence.fits(known.y, shape, index, expected + lent, pace, spec.years_before)
    return _table(known, as_of, spec, index, found)


def _known(grid: Grid, areas: pd.DataFrame, as_of: pd.Timestamp) -> _Known:
    months = grid.months <= as_of
    ended = set(areas.loc[areas["valid_to"] < as_of, "area"])
    y = np.asarray(grid.y[:, months], dtype=float)
    if months.any():
        missing = (as_of.year - grid.months[months][-1].year) * YEAR + as_of.month - grid.months[months][-1].month
        y = np.concatenate([y, np.full((len(y), missing), np.nan)], axis=1)
    alive = ~grid.cells["area"].isin(ended).to_numpy() & ~np.isnan(y).all(axis=1)
    order = grid.cells[alive].sort_values(["area", "category"]).index.to_numpy()
    position = (np.arange(1, YEAR + 1) - as_of.month - 1) % YEAR
    return _Known(grid.cells.loc[order].reset_index(drop=True), evidence.by_year(y[order]), position)


def _seasons(known: _Known, observed: Array, expected: Array, lent: Array, least: int) -> tuple[Array, Array]:
    """((n, 12) season of the category in the other cells, NaN where there is none; (n, 12) that of the cell).

    Source: posterior mean of a gamma-Poisson rate (Gelman et al., BDA3, §2.6), the counts divided by their scatter.
    """
    number, names = pd.factorize(known.cells["category"])
    whole = [np.zeros((len(names), YEAR)) for _ in range(2)]
    for total, part in zip(whole, (observed, expected), strict=True):
        np.add.at(total, number, part)
    seen, usual = (total[number] - part for total, part in zip(whole, (observed, expected), strict=True))
    told = (usual >= least).all(axis=1)
    shape = np.full(seen.shape, np.nan)
    shape[told] = seen[told] / usual[told]
    of_all = np.divide(whole[0], whole[1], out=np.ones(whole[0].shape), where=whole[1] > 0)[number]
    own = (observed + lent * of_all) / (expected + lent)
    return _even(shape), _even(own)


def _even(index: Array) -> Array:
    """Rows scaled to mean 1; rows of zeros become flat."""
    mean = index.mean(axis=1, keepdims=True)
    return np.where(mean == 0, 1.0, index / np.where(mean == 0, 1.0, mean))


def _pace(known: _Known, years_before: int) -> Array:
    """(B,) how the city ran in each year against the last: the weighted median over categories, or areas when there
    are fewer than three of them; 1 when there are fewer than three of both.

    Source: median of ratios, Anders & Huber 2010, Differential expression analysis for sequence count data, eq. 5.
    """
    pace = np.ones(known.y.shape[1])
    groups = [pd.factorize(known.cells[key])[0] for key in ("category", "area")]
    group = next((one for one in groups if one.max() >= 2), None)
    if group is None:
        return pace
    covered = ~np.isnan(known.y)
    months = covered.sum(axis=2)
    rate = np.divide(np.nansum(known.y, axis=2), months, out=np.zeros(months.shape), where=months > 0)
    for year in range(max(0, len(pace) - 1 - years_before), len(pace) - 1):
        both = (months[:, year] >= evidence.FULL) & (months[:, -1] >= evidence.FULL)
        then, now = (np.bincount(group[both], rate[both, turn], group.max() + 1) for turn in (year, -1))
        told = (then > 0) & (now > 0)
        if told.sum() >= 3:
            pace[year] = _weighted_median(then[told] / now[told], then[told] + now[told])
    return pace


def _weighted_median(values: Array, weights: Array) -> float:
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(running, running[-1] / 2)])


def _table(known: _Known, as_of: pd.Timestamp, spec: PatternOptions, index: Array, found: Fits) -> pd.DataFrame:
    flat = known.y.reshape(len(known.y), -1)
    covered = ~np.isnan(flat)
    months, total = covered.sum(axis=1), np.nansum(flat, axis=1)
    mean = total / months
    lately = covered[:, -spec.lately :].sum(axis=1)
    active = np.divide(
        (flat[:, -spec.lately :] > 0).sum(axis=1), lately, out=np.full(len(flat), np.nan), where=lately > 0
    )
    by_month = index[:, known.position]
    enough = (total >= spec.least_requests) & (months >= spec.least_months)
    season_p = np.where(enough, evidence.season_p(found, mean, spec.lent_months), np.nan)
    compared = (found.recent + found.before >= spec.least_requests) & (found.recent_months >= 6)
    compared &= found.before_months >= 6
    trend_p = np.where(compared, evidence.rise_p(found, mean, spec.lent_months), np.nan)
    season_q, trend_q = (evidence.false_discovery(p, spec.any_dependence) for p in (season_p, trend_p))
    times = _times(found)
    highest = by_month.max(axis=1)
    seasonal = (season_q <= spec.false_discoveries) & (highest >= spec.peak)
    rising = (trend_q <= spec.false_discoveries) & (times >= spec.rise)
    lasting = (active >= spec.active) & (lately >= YEAR)
    sure = season_q <= spec.false_discoveries
    table = known.cells.assign(
        as_of=as_of,
        pattern=np.select([rising, seasonal, lasting], PATTERNS[:3], PATTERNS[3]),
        months_covered=months,
        months_active=(flat > 0).sum(axis=1),
        active_lately=active,
        requests=total,
        mean_per_month=mean,
        seasonal_strength=np.where(np.isnan(season_p), np.nan, evidence.strength(found)),
        peak_month=np.where(sure, by_month.argmax(axis=1) + 1.0, np.nan),
        peak_times=np.where(sure, highest, np.nan),
        season_months=_months(by_month >= spec.high_month, sure),
        season_p=season_p,
        season_q=season_q,
        recent_mean=_rate(found.recent, found.recent_months),
        before_mean=_rate(found.before, found.before_months),
        recent_times=np.where(compared, times, np.nan),
        trend_per_year=np.where(compared, times ** (1 / found.apart), np.nan),
        trend_p=trend_p,
        trend_q=trend_q,
        rising=rising,
        seasonal=seasonal,
        lasting=lasting,
    )
    return check(Patterns, conform(Patterns, table), "patterns")


def _times(found: Fits) -> Array:
    """(n,) requests of the last year against those before, season and pace taken off; half a request is added."""
    share = np.where(np.isnan(found.share), 0.5, found.share)
    return (found.recent + 0.5) / (found.before + 0.5) * (1 - share) / share


def _rate(total: Array, months: Array) -> Array:
    return np.divide(total, months, out=np.full(len(total), np.nan), where=months > 0)


def _months(high: Array, sure: Array) -> Array:
    """(n,) months of the season, joined by "|", from the first after a low one; null where no season is sure."""
    texts = np.full(len(high), None, dtype=object)
    for row in np.flatnonzero(sure & high.any(axis=1)):
        month = np.flatnonzero(high[row])
        first = next((m for m in month if not high[row, m - 1]), month[0])
        texts[row] = "|".join(str(m % YEAR + 1) for m in range(first, first + YEAR) if high[row, m % YEAR])
    return texts
