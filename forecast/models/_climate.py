"""Counts of a grid -> the level each cell runs at and its seasonal index: what every model here starts from."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.models._season import TINY, Parts, Season, group_sum, in_parts, seasonal_index, summed
from forecast.panel import Grid
from forecast.spec import Spec

OLD = 8.0
"""Months of exposure from which a cell tells how far its like may lie apart."""

FADES = 6.0
"""Months of exposure after which what the old cells tell weighs a quarter."""

LEAST_SPREAD = 0.001
"""Least relative variance around the pool that is believed: the pool never weighs more than 1,000 requests."""


class Climate(Spec):
    """How level and season are pooled.

    discount: what a month is worth a month later, for the level today; slow_discount: for the cell's usual level.
    pool_shape: requests the category x area pool weighs at least in the usual level (see `pool_weight`);
    slow_shape: requests the usual level weighs in the level today. burst_factor: how many times what was expected
    a month may count in the level.
    """

    season: Season = Season()
    discount: float = Field(0.75, gt=0, lt=1)
    slow_discount: float = Field(0.96, gt=0, lt=1)
    pool_shape: float = Field(1.0, gt=0)
    slow_shape: float = Field(6.0, gt=0)
    burst_factor: float = Field(1.5, ge=1)


@dataclass(frozen=True)
class Fit:
    """level: (n,) requests a month at the end of the grid; index: (n, 12) for January to December, mean 1.

    tamed: (n, T) counts in which no month stands far above what was expected of it.
    """

    level: np.ndarray
    index: np.ndarray
    tamed: np.ndarray


def month_of_year(months: pd.DatetimeIndex) -> np.ndarray:
    """(T,) 0 for January to 11 for December."""
    return months.month.to_numpy() - 1


def past_and_future(grid: Grid, horizon: int) -> pd.DatetimeIndex:
    """(T + horizon,) the months of the grid and those after it."""
    return pd.DatetimeIndex(grid.months.append(grid.future(horizon)))


_FITS: WeakKeyDictionary[Grid, dict[Climate, Fit]] = WeakKeyDictionary()
"""What was fitted to a grid, as long as the grid is there: most models start from the same."""


def fit(climate: Climate, grid: Grid) -> Fit:
    """Level and season of every cell at the end of the grid; reckoned once, so neither may be changed."""
    found = _FITS.setdefault(grid, {})
    if climate not in found:
        found[climate] = _fit(climate, grid)
    return found[climate]


def _fit(climate: Climate, grid: Grid) -> Fit:
    category, area = codes(grid)
    moy = month_of_year(grid.months)
    index = seasonal_index(climate.season, grid.y, category, moy)
    level, counts = _followed(climate, grid.y, index[:, moy], category, area)
    return Fit(level[:, -1].copy(), index, counts)


def project(fit: Fit, months: pd.DatetimeIndex) -> np.ndarray:
    """(n, months) level x season."""
    return fit.level[:, None] * fit.index[:, month_of_year(months)]


def codes(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(n,) numbers of the category and of the area of each cell."""
    return pd.factorize(grid.cells["category"])[0], pd.factorize(grid.cells["area"])[0]


def discounted(y: np.ndarray, season: np.ndarray, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """Discounted requests A and exposure B after each month; months not covered change nothing.

    Source: West & Harrison (1997), Bayesian Forecasting and Dynamic Models, section 10.8 (Gamma-Poisson).
    """

    def sums(counts: np.ndarray, usual: np.ndarray) -> Parts:
        unknown: np.ndarray = np.isnan(counts).T
        return _faded(counts, unknown, discount), _faded(usual, unknown, discount)

    a, b = in_parts(sums, y, season)
    return a, b


def _faded(x: np.ndarray, unknown: np.ndarray, discount: float) -> np.ndarray:
    """(n, T) discounted sums of `x`; an unknown month, (T, n), changes nothing."""
    months = x.T.copy()
    months[unknown] = 0.0
    gaps = unknown.sum(axis=1)
    for t in range(1, len(months)):
        months[t] += discount * months[t - 1]
        if gaps[t]:
            np.copyto(months[t], months[t - 1], where=unknown[t])
    return months.T


def tame(climate: Climate, y: np.ndarray, season: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Counts, (n, T), held below a multiple of what was expected + 3 Poisson deviations + 2.

    The first months of a cell, until they are worth more than one and a half, are taken as they are. Expected is
    the level of the months before x season; the multiple is burst_factor ^ (1 + k / 2) after k months in a row above
    burst_factor, so that a burst that lasts is believed.

    Source: bounded-influence filtering of a level, Gelper, Fried & Croux 2010, Robust forecasting with exponential
    and Holt-Winters smoothing, J. Forecasting 29, section 2.
    """

    def held(*rows: np.ndarray) -> Parts:
        return (_tamed(climate, *(x.T.copy() for x in rows)).T,)

    return in_parts(held, y, season, slow)[0]


def _tamed(climate: Climate, counts: np.ndarray, usual: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """`tame` of a few cells, (T, n), in place of their counts."""
    a = b = run = np.zeros(counts.shape[1])
    for t, count in enumerate(counts):
        known = ~np.isnan(count)
        expected = gamma_mean(a, b, prior[max(t - 1, 0)], climate.slow_shape)
        expected *= usual[t]
        chance = 3 * np.sqrt(expected) + 2
        above = count > climate.burst_factor * expected + chance
        bursts = np.flatnonzero(above & (b > 1.5))  # no other count can reach the highest
        highest = climate.burst_factor ** (1 + run[bursts] / 2) * expected[bursts] + chance[bursts]
        count[bursts] = np.minimum(count[bursts], highest)
        longer = np.multiply(run + 1, above)
        more_a, more_b = climate.discount * a + count, climate.discount * b + usual[t]
        if known.all():
            a, b, run = more_a, more_b, longer
        else:
            a, b, run = (np.where(known, *pair) for pair in ((more_a, a), (more_b, b), (longer, run)))
    return counts


def levels(climate: Climate, y: np.ndarray, season: np.ndarray, category: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(n, T) level after each month, from that month and earlier ones only.

    Category x area pool -> slow own level shrunk to the pool, moved as its category moved since ->
    fast own level, of tamed counts, shrunk to that.
    """
    return _followed(climate, y, season, category, area)[0]


def _followed(
    climate: Climate, y: np.ndarray, season: np.ndarray, category: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`levels`, and the tamed counts they follow."""
    slow, moved = usual(climate, y, season, category, area)
    counts = tame(climate, y, season, slow)

    def fast(counts: np.ndarray, season: np.ndarray, slow: np.ndarray, group: np.ndarray) -> Parts:
        a, b = discounted(counts, season, climate.discount)
        return (gamma_mean(a, b, slow * moved[group], climate.slow_shape),)

    return in_parts(fast, counts, season, slow, category)[0], counts


def usual(
    climate: Climate, y: np.ndarray, season: np.ndarray, category: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slow level (n, T) of each cell, and (categories, T) how far each category now runs above them."""
    slow_a, slow_b = discounted(y, season, climate.slow_discount)
    pool = pooled_level(slow_a, slow_b, category, area)
    weight = pool_weight(climate, slow_a, slow_b, pool, category, area)
    slow = in_parts(lambda *told: (gamma_mean(*told),), slow_a, slow_b, pool, weight)[0]
    came, expected = came_and_expected(y, season, slow, climate.discount)
    return slow, movement(climate, came, expected, category)


def movement(climate: Climate, came: np.ndarray, expected: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(groups, T) how far each group now runs above the slow levels of its cells; both (n, T), discounted."""
    usual = group_sum(expected, group)
    return gamma_mean(group_sum(came, group), usual, np.ones_like(usual), climate.slow_shape)


def came_and_expected(y: np.ndarray, season: np.ndarray, slow: np.ndarray, discount: float) -> Parts:
    """(n, T) discounted requests, and those the slow level expects."""

    def both(y: np.ndarray, season: np.ndarray, slow: np.ndarray) -> Parts:
        a, b = discounted(y, season, discount)
        return a, b * slow

    return in_parts(both, y, season, slow)


def gamma_mean(a: np.ndarray, b: np.ndarray, prior: np.ndarray, shape: float | np.ndarray) -> np.ndarray:
    """Posterior mean of a Poisson rate after `a` requests in exposure `b`; Gamma prior with mean `prior`."""
    return (a + shape) / (b + shape / np.maximum(prior, TINY))


def pool_weight(
    climate: Climate, a: np.ndarray, b: np.ndarray, pool: np.ndarray, category: np.ndarray, area: np.ndarray
) -> np.ndarray:
    """(n, T) requests the pool weighs: `pool_shape` in an old cell, what the old cells show in a new one.

    What they show is 1 / w, w the squared relative distance of their levels from the pool beyond Poisson chance
    and one standard error. It fades with the square of half a year / (half a year + exposure), for an old cell
    keeps what is its own.

    Source: moments of Gamma-Poisson rates, Marshall 1991, Mapping disease and mortality rates using empirical Bayes
    estimators, Applied Statistics 40, section 3.
    """
    spread, known = apart(climate, a, b, pool, category, area)
    shown = np.where(known > 0, 1 / np.maximum(spread, LEAST_SPREAD), climate.pool_shape)
    more = np.maximum(shown - climate.pool_shape, 0.0)
    return in_parts(lambda b: (climate.pool_shape + more * (FADES / (FADES + b)) ** 2,), b)[0]


def apart(
    climate: Climate, a: np.ndarray, b: np.ndarray, pool: np.ndarray, category: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(T,) spread of the cells with more than OLD exposure around their pool, and degrees of freedom it rests on.

    Expected requests e below 1 weigh e^2, larger ones e. Chance is that of discounted Poisson counts. The pool was
    fitted to the same cells: an area and a category each take a degree of freedom.
    """

    def terms(a: np.ndarray, b: np.ndarray, pool: np.ndarray) -> Parts:
        old = (b > OLD) & (pool > 0)
        expected = np.where(old, pool * b, 0.0)
        worth = 1 / np.maximum(expected, 1.0)
        kept = np.maximum(2 - (1 - climate.slow_discount) * b, 1) / (1 + climate.slow_discount)
        chance = kept * expected
        error = worth**2 * (2 * chance**2 + chance)
        return worth * np.where(old, (a - expected) ** 2, 0.0), worth * chance, error, worth * expected**2

    old = in_parts(lambda b, pool: ((b > OLD) & (pool > 0),), b, pool)[0]
    cells = old.sum(0)
    fitted = sum((group_sum(old, group) > 0).sum(0) for group in (category, area)) - 1
    free = np.where(cells > 0, np.maximum(cells - fitted, 0), 0)
    scale = np.divide(cells, free, out=np.zeros(len(free)), where=free > 0)
    squares, chance, error, size = summed(terms, a, b, pool)
    spread = squares * scale - chance + np.sqrt(error * scale)
    return np.divide(spread, size, out=np.zeros_like(size), where=size > 0), free


def pooled_level(a: np.ndarray, b: np.ndarray, category: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(n, T) mean of the category over areas, times how loud the area is over its categories."""
    a_category, b_category = group_sum(a, category), group_sum(b, category)
    mean = np.divide(a_category, b_category, out=np.zeros_like(a_category), where=b_category > 0)
    a_area = group_sum(a, area)
    expected = group_sum(in_parts(lambda b, kind: (b * mean[kind],), b, category)[0], area)
    loud = (a_area + 5) / (expected + 5)
    return in_parts(lambda kind, place: (mean[kind] * loud[place],), category, area)[0]
