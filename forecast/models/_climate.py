"""Counts of a grid -> the level each cell runs at and its seasonal index: what every model here starts from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.models._season import TINY, Season, group_sum, seasonal_index
from forecast.panel import Grid
from forecast.spec import Spec

OLD = 8.0
"""Months of exposure from which a cell tells how far its like may lie apart."""

FADES = 6.0
"""Months of exposure after which what the old cells tell weighs a quarter."""

BLOCK = 2_048
"""Cells followed together, so that what a month needs stays in the cache."""

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


def fit(climate: Climate, grid: Grid) -> Fit:
    """Level and season of every cell at the end of the grid."""
    category, area = codes(grid)
    moy = month_of_year(grid.months)
    index = seasonal_index(climate.season, grid.y, category, moy)
    level, counts = _followed(climate, grid.y, index[:, moy], category, area)
    return Fit(level[:, -1], index, counts)


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
    unknown = np.isnan(y)
    return tuple(_faded(np.where(unknown, 0.0, x), unknown, discount) for x in (y, season))  # type: ignore[return-value]


def _faded(x: np.ndarray, unknown: np.ndarray, discount: float) -> np.ndarray:
    """Discounted sums of the rows of `x`, in its place; an unknown month changes nothing."""
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        months, gaps = np.ascontiguousarray(x[part].T), np.ascontiguousarray(unknown[part].T)
        for t in np.arange(1, len(months)):
            months[t] += discount * months[t - 1]
            if gaps[t].any():
                np.copyto(months[t], months[t - 1], where=gaps[t])
        x[part] = months.T
    return x


def tame(climate: Climate, y: np.ndarray, season: np.ndarray, slow: np.ndarray) -> np.ndarray:
    """Counts, (n, T), held below a multiple of what was expected + 3 Poisson deviations + 2.

    The first months of a cell, until they are worth more than one and a half, are taken as they are. Expected is
    the level of the months before x season; the multiple is burst_factor ^ (1 + k / 2) after k months in a row above
    burst_factor, so that a burst that lasts is believed.

    Source: bounded-influence filtering of a level, Gelper, Fried & Croux 2010, Robust forecasting with exponential
    and Holt-Winters smoothing, J. Forecasting 29, section 2.
    """
    parts = [slice(start, start + BLOCK) for start in range(0, len(y), BLOCK)]
    held = [_tamed(climate, y[part].T.copy(), season[part].T.copy(), slow[part].T.copy()) for part in parts]
    return np.concatenate([part.T for part in held]) if held else y.copy()


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
    fast_a, fast_b = discounted(counts, season, climate.discount)
    return gamma_mean(fast_a, fast_b, slow * moved[category], climate.slow_shape), counts


def usual(
    climate: Climate, y: np.ndarray, season: np.ndarray, category: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slow level (n, T) of each cell, and (categories, T) how far each category now runs above them."""
    slow_a, slow_b = discounted(y, season, climate.slow_discount)
    pool = pooled_level(slow_a, slow_b, category, area)
    slow = gamma_mean(slow_a, slow_b, pool, pool_weight(climate, slow_a, slow_b, pool, category, area))
    fast_a, fast_b = discounted(y, season, climate.discount)
    return slow, movement(climate, fast_a, fast_b, slow, category)


def movement(
    climate: Climate, fast_a: np.ndarray, fast_b: np.ndarray, slow: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """(groups, T) how far each group now runs above the slow levels of its cells."""
    expected = group_sum(fast_b * slow, group)
    return gamma_mean(group_sum(fast_a, group), expected, np.ones_like(expected), climate.slow_shape)


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
    weight: np.ndarray = climate.pool_shape + more * (FADES / (FADES + b)) ** 2
    return weight


def apart(
    climate: Climate, a: np.ndarray, b: np.ndarray, pool: np.ndarray, category: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(T,) spread of the cells with more than OLD exposure around their pool, and degrees of freedom it rests on.

    Expected requests e below 1 weigh e^2, larger ones e. Chance is that of discounted Poisson counts. The pool was
    fitted to the same cells: an area and a category each take a degree of freedom.
    """
    old = (b > OLD) & (pool > 0)
    expected = np.where(old, pool * b, 0.0)
    worth = 1 / np.maximum(expected, 1.0)
    cells = old.sum(0)
    fitted = sum((group_sum(old, group) > 0).sum(0) for group in (category, area)) - 1
    free = np.where(cells > 0, np.maximum(cells - fitted, 0), 0)
    scale = np.divide(cells, free, out=np.zeros(len(free)), where=free > 0)
    squares = (worth * np.where(old, (a - expected) ** 2, 0.0)).sum(0) * scale
    kept = np.maximum(2 - (1 - climate.slow_discount) * b, 1) / (1 + climate.slow_discount)
    chance = kept * expected
    error = np.sqrt((worth**2 * (2 * chance**2 + chance)).sum(0) * scale)
    size = (worth * expected**2).sum(0)
    return np.divide(squares - (worth * chance).sum(0) + error, size, out=np.zeros_like(size), where=size > 0), free


def pooled_level(a: np.ndarray, b: np.ndarray, category: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(n, T) mean of the category over areas, times how loud the area is over its categories."""
    a_category, b_category = group_sum(a, category), group_sum(b, category)
    mean = np.divide(a_category, b_category, out=np.zeros_like(a_category), where=b_category > 0)[category]
    a_area, expected = group_sum(a, area), group_sum(b * mean, area)
    loud = (a_area + 5) / (expected + 5)
    return mean * loud[area]
