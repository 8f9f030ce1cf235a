"""Counts of a grid -> the level each cell runs at and its seasonal index: what every model here starts from."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.panel import Grid
from forecast.spec import Spec

YEAR = 12
TINY = 1e-9


class Climate(Spec):
    """How level and season are pooled.

    discount: what a month is worth a month later, for the level today; slow_discount: for the cell's usual level.
    pool_shape: requests the category x area pool weighs in the usual level; slow_shape: requests the usual level
    weighs in the level today. season_noise: relative variance of a month around its season; season_spread: of a
    seasonal index around that of its parent (a category that shows more is given what it shows); season_power:
    power that damps an index, half of it lifted where a category shows season_clear more than season_spread.
    """

    discount: float = Field(0.75, gt=0, lt=1)
    slow_discount: float = Field(0.96, gt=0, lt=1)
    pool_shape: float = Field(1.0, gt=0)
    slow_shape: float = Field(6.0, gt=0)
    season_noise: float = Field(0.1, gt=0)
    season_spread: float = Field(0.05, gt=0)
    season_power: float = Field(0.85, gt=0, le=1)
    season_clear: float = Field(0.25, gt=0)


@dataclass(frozen=True)
class Fit:
    """level: (n,) requests a month at the end of the grid; index: (n, 12) for January to December, mean 1."""

    level: np.ndarray
    index: np.ndarray


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
    index = seasonal_index(climate, grid.y, category, moy)
    return Fit(levels(climate, grid.y, index[:, moy], category, area)[:, -1], index)


def project(fit: Fit, months: pd.DatetimeIndex) -> np.ndarray:
    """(n, months) level x season."""
    return fit.level[:, None] * fit.index[:, month_of_year(months)]


def codes(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """(n,) numbers of the category and of the area of each cell."""
    return pd.factorize(grid.cells["category"])[0], pd.factorize(grid.cells["area"])[0]


def group_sum(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of the rows of each group; groups are 0 .. k-1."""
    out = np.zeros((int(group.max(initial=-1)) + 1, *x.shape[1:]))
    np.add.at(out, group, x)
    return out


def centred_mean(y: np.ndarray) -> np.ndarray:
    """Mean of the 2 x 12 months around each month; near the ends that of the nearest whole year.

    NaN where fewer than nine of the twelve months are covered.
    Source: the classical ratio-to-moving-average decomposition (Hyndman & Athanasopoulos, FPP3, section 3.4).
    """
    n, T = y.shape  # noqa: N806
    if T < YEAR:
        return np.full((n, T), np.nan)
    covered = ~np.isnan(y)
    sums = _running(np.where(covered, y, 0.0))
    seen = _running(covered.astype(float))
    start = np.arange(T) - YEAR // 2
    first, second = np.clip(start, 0, T - YEAR), np.clip(start + 1, 0, T - YEAR)
    weight = seen[:, first] + seen[:, second]
    total = sums[:, first] + sums[:, second]
    return np.divide(total, weight, out=np.full((n, T), np.nan), where=weight >= 1.5 * YEAR)


def _running(x: np.ndarray) -> np.ndarray:
    """Sums of the 12 months that start at each month."""
    padded = np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0)))
    return padded[:, YEAR:] - padded[:, :-YEAR]


def seasonal_index(climate: Climate, y: np.ndarray, category: np.ndarray, moy: np.ndarray) -> np.ndarray:
    """(n, 12) seasonal index of each cell, mean 1: cell shrunk to category, category to city, city to 1."""
    mean = centred_mean(y)
    known = ~np.isnan(mean) & ~np.isnan(y) & (mean > 0)
    num, den = np.where(known, y, 0.0), np.where(known, mean, 0.0)
    T = y.shape[1]  # noqa: N806
    edge = np.where((np.arange(T) < YEAR // 2) | (np.arange(T) >= T - YEAR // 2), 0.5, 1.0)[None]
    city, _, _ = _robust(climate, num.sum(0)[None], den.sum(0)[None], np.ones((1, YEAR)), edge, moy)
    num_c, den_c = group_sum(num, category), group_sum(den, category)
    pooled, weight, spread = _robust(climate, num_c, den_c, np.repeat(city, len(num_c), 0), edge, moy)
    usual = np.full((len(num), 1), climate.season_spread)
    own = _shrunk(climate, num, den, pooled[category], weight[category], usual, moy)
    excess = spread - climate.season_spread
    power = climate.season_power + (1 - climate.season_power) * excess / (excess + climate.season_clear)
    return normalised(own ** power[category])


def _robust(
    climate: Climate, num: np.ndarray, den: np.ndarray, parent: np.ndarray, edge: np.ndarray, moy: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of pooled series, the weight of each month, and the spread (groups, 1) around the parent.

    Months that no season explains (breaks) count less.
    """
    weight = np.broadcast_to(edge, num.shape)
    spread = np.full((len(num), 1), climate.season_spread)
    for _ in range(3):
        index = _shrunk(climate, num, den, parent, weight, spread, moy)
        usual = index[:, moy]
        ratio = np.divide(num, den, out=usual.copy(), where=den > 0)
        error = (ratio - usual) ** 2 / (usual / np.maximum(den, TINY) + climate.season_noise)
        weight = edge * 5 / (4 + error)
        spread = _spread(climate, num, den, parent, weight, index, moy)
    return index, weight, spread


def _spread(
    climate: Climate,
    num: np.ndarray,
    den: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    index: np.ndarray,
    moy: np.ndarray,
) -> np.ndarray:
    """(groups, 1) variance of the season around the parent beyond what noise explains, at least the usual one.

    Source: method of moments for a normal mean with known noise (Efron & Morris 1973, JASA 68, section 2).
    """
    onto = np.eye(YEAR)[moy]
    worth = weight / (1 + climate.season_noise * den)
    precision = (worth * den) @ onto
    known = precision > 0
    raw = np.divide((worth * num) @ onto, precision, out=parent.copy(), where=known)
    gain = np.where(known, (raw - parent) ** 2 - index / np.maximum(precision, TINY), 0.0)
    months = np.maximum(known.sum(1, keepdims=True), 1)
    return np.maximum(gain.sum(1, keepdims=True) / months, climate.season_spread)


def _shrunk(
    climate: Climate,
    num: np.ndarray,
    den: np.ndarray,
    parent: np.ndarray,
    weight: np.ndarray,
    spread: np.ndarray,
    moy: np.ndarray,
) -> np.ndarray:
    """Precision-weighted mean of ratios num / den by month of the year, shrunk to `parent`."""
    onto = np.eye(YEAR)[moy]
    worth = weight / (1 + climate.season_noise * den)
    return normalised((parent / spread + (worth * num) @ onto) / (1 / spread + (worth * den) @ onto))


def normalised(index: np.ndarray) -> np.ndarray:
    """Rows scaled to mean 1, floored so that no month is impossible."""
    index = np.maximum(index, 0.01)
    return index / index.mean(1, keepdims=True)


def discounted(y: np.ndarray, season: np.ndarray, discount: float) -> tuple[np.ndarray, np.ndarray]:
    """Discounted requests A and exposure B after each month; months not covered change nothing.

    Source: West & Harrison (1997), Bayesian Forecasting and Dynamic Models, section 10.8 (Gamma-Poisson).
    """
    a, b = np.zeros_like(season), np.zeros_like(season)
    covered = ~np.isnan(y)
    counts = np.where(covered, y, 0.0)
    last_a = last_b = np.zeros(len(y))
    for t in range(y.shape[1]):
        last_a = np.where(covered[:, t], discount * last_a + counts[:, t], last_a)
        last_b = np.where(covered[:, t], discount * last_b + season[:, t], last_b)
        a[:, t], b[:, t] = last_a, last_b
    return a, b


def levels(climate: Climate, y: np.ndarray, season: np.ndarray, category: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(n, T) level after each month, from that month and earlier ones only.

    Category x area pool -> slow own level shrunk to the pool, moved as its category moved since ->
    fast own level shrunk to that.
    """
    slow_a, slow_b = discounted(y, season, climate.slow_discount)
    fast_a, fast_b = discounted(y, season, climate.discount)
    pool = pooled_level(slow_a, slow_b, category, area)
    slow = gamma_mean(slow_a, slow_b, pool, climate.pool_shape)
    moved = movement(climate, fast_a, fast_b, slow, category)
    return gamma_mean(fast_a, fast_b, slow * moved[category], climate.slow_shape)


def movement(
    climate: Climate, fast_a: np.ndarray, fast_b: np.ndarray, slow: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """(groups, T) how far each group now runs above the slow levels of its cells."""
    expected = group_sum(fast_b * slow, group)
    return gamma_mean(group_sum(fast_a, group), expected, np.ones_like(expected), climate.slow_shape)


def gamma_mean(a: np.ndarray, b: np.ndarray, prior: np.ndarray, shape: float) -> np.ndarray:
    """Posterior mean of a Poisson rate after `a` requests in exposure `b`; Gamma prior with mean `prior`."""
    return (a + shape) / (b + shape / np.maximum(prior, TINY))


def pooled_level(a: np.ndarray, b: np.ndarray, category: np.ndarray, area: np.ndarray) -> np.ndarray:
    """(n, T) mean of the category over areas, times how loud the area is over its categories."""
    a_category, b_category = group_sum(a, category), group_sum(b, category)
    mean = np.divide(a_category, b_category, out=np.zeros_like(a_category), where=b_category > 0)[category]
    a_area, expected = group_sum(a, area), group_sum(b * mean, area)
    loud = (a_area + 5) / (expected + 5)
    return mean * loud[area]
