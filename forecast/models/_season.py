"""Counts -> seasonal indices: a cell shrunk to its category, its category to the city, by what the years agree on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy import sparse

from forecast.spec import Spec

Parts = tuple[np.ndarray, ...]

YEAR = 12
TINY = 1e-9
FARTHEST = 3.0
"""A month farther from its season than so many times the mean is no evidence about variances beyond it."""

BLOCK = 8_192
"""Cells taken together at least, so that what is between counts and result stays in the cache. With fewer, BLAS would
add up the months of a year in another order, and the last digit would follow from the size of the block."""


class Season(Spec):
    """What is believed about seasons before the counts are seen, and for how much it counts.

    spread: variance of a seasonal index around that of its parent; noise: relative variance of a month around
    its season, beyond Poisson. Both are estimated, per category, and drawn to these: `spread_pairs` pairs of
    years and `noise_months` months is what the belief is worth. power damps an index.
    """

    spread: float = Field(0.05, gt=0)
    noise: float = Field(0.1, gt=0)
    spread_pairs: float = Field(100.0, gt=0)
    noise_months: float = Field(30.0, gt=0)
    power: float = Field(0.95, gt=0, le=1)


@dataclass(frozen=True)
class _Ratios:
    """Counts and what they are measured by, (groups, T); months of the year (T,); usual worth of a month (1, T)."""

    num: np.ndarray
    den: np.ndarray
    moy: np.ndarray
    edge: np.ndarray

    def grouped(self, group: np.ndarray) -> "_Ratios":
        return _Ratios(group_sum(self.num, group), group_sum(self.den, group), self.moy, self.edge)


@dataclass(frozen=True)
class _Variances:
    """(groups, 1) spread around the parent and noise around the season."""

    spread: np.ndarray
    noise: np.ndarray


def seasonal_index(season: Season, y: np.ndarray, category: np.ndarray, moy: np.ndarray) -> np.ndarray:
    """(n, 12) seasonal index of each cell, mean 1: cell shrunk to category, category to city, city to 1.

    Args:
        season: options.
        y: (n, T) counts, NaN = not covered.
        category: (n,) numbers 0 .. k-1.
        moy: (T,) 0 for January to 11 for December.
    """
    months = np.arange(y.shape[1])
    edge = np.where((months < YEAR // 2) | (months >= len(months) - YEAR // 2), 0.5, 1.0)[None]
    num, den = in_parts(_measured, y)
    cells = _Ratios(num, den, moy, edge)
    city, _ = _robust(season, cells.grouped(np.zeros(len(y), dtype=int)), np.ones((1, YEAR)))
    categories = cells.grouped(category)
    pooled, weight = _robust(season, categories, np.repeat(city, len(categories.num), 0))

    def evidence(num: np.ndarray, den: np.ndarray, group: np.ndarray) -> Parts:
        return (_evidence(season, _Ratios(num, den, moy, edge), pooled[group], weight[group]),)

    shared = _of_cells(season, in_parts(evidence, cells.num, cells.den, category)[0], category)

    def own(num: np.ndarray, den: np.ndarray, group: np.ndarray) -> Parts:
        variances = _Variances(shared.spread[group], shared.noise[group])
        index = _shrunk(_Ratios(num, den, moy, edge), pooled[group], weight[group], variances)
        return (normalised(index**season.power),)

    return in_parts(own, cells.num, cells.den, category)[0]


def in_parts(function: Callable[..., Parts], *rows: np.ndarray) -> Parts:
    """What `function` gives for the rows of arrays (n, ...), BLOCK of them at a time; each row must stand alone."""
    n, parts = len(rows[0]), _parts(len(rows[0]))
    if len(parts) == 1:
        return tuple(np.ascontiguousarray(x) for x in function(*rows))
    whole: Parts = ()
    for part in parts:
        found = function(*(x[part] for x in rows))
        whole = whole or tuple(np.empty((n, *x.shape[1:]), dtype=x.dtype) for x in found)
        for out, x in zip(whole, found, strict=True):
            out[part] = x
    return whole


def summed(function: Callable[..., Parts], *rows: np.ndarray) -> Parts:
    """Sums over all rows of what `function` gives for them, added up row by row as one sum over all would."""
    total: Parts = ()
    for part in _parts(len(rows[0])):
        found = function(*(x[part] for x in rows))
        if total:
            found = tuple(np.concatenate([sums[None], x]) for sums, x in zip(total, found, strict=True))
        total = tuple(x.sum(0) for x in found)
    return total


def _parts(n: int) -> list[slice]:
    """Slices of n rows, each of BLOCK or more, if there are so many."""
    starts = [BLOCK * part for part in range(max(1, n // BLOCK))]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], n], strict=True)]


def _measured(y: np.ndarray) -> Parts:
    """Counts, and the mean around them by which they are measured; 0 where either is not known."""
    mean = centred_mean(y)
    known = ~np.isnan(mean) & ~np.isnan(y) & (mean > 0)
    return np.where(known, y, 0.0), np.where(known, mean, 0.0)


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


def normalised(index: np.ndarray) -> np.ndarray:
    """Rows scaled to mean 1, floored so that no month is impossible."""
    index = np.maximum(index, 0.01)
    return index / index.mean(1, keepdims=True)


def group_sum(x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Sums of the rows of each group; groups are 0 .. k-1."""
    groups = int(group.max(initial=-1)) + 1
    onto = sparse.csc_array((np.ones(len(x)), group, np.arange(len(x) + 1)), shape=(groups, len(x)))
    sums: np.ndarray = onto @ x.reshape(len(x), -1).astype(float, copy=False)
    return sums.reshape(groups, *x.shape[1:])


def _running(x: np.ndarray) -> np.ndarray:
    """Sums of the 12 months that start at each month."""
    padded = np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0)))
    return padded[:, YEAR:] - padded[:, :-YEAR]


def _robust(season: Season, ratios: _Ratios, parent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of pooled series and the weight of each month: those no season explains (breaks) count less."""
    weight = np.broadcast_to(ratios.edge, ratios.num.shape)
    ones = np.ones((len(ratios.num), 1))
    variances = _Variances(season.spread * ones, season.noise * ones)
    for _ in range(3):
        index = _shrunk(ratios, parent, weight, variances)
        error = _errors(ratios, index) ** 2 / (_poisson(ratios, index) + variances.noise)
        weight = ratios.edge * 5 / (4 + error)
        variances = _variances(season, _evidence(season, ratios, parent, weight), season.spread, season.noise)
    return index, weight


def _of_cells(season: Season, evidence: np.ndarray, category: np.ndarray) -> _Variances:
    """(categories, 1) spread and noise the cells of a category share, drawn to those all cells share."""
    usual = _variances(season, evidence.sum(0, keepdims=True), season.spread, season.noise)
    return _variances(season, group_sum(evidence, category), usual.spread, usual.noise)


def _evidence(season: Season, ratios: _Ratios, expected: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(groups, 4): errors of a month multiplied between years, pairs of years, squared errors beyond Poisson, months.

    What two different years say about the same month of the year is season; what one year says alone may be chance.
    """
    onto = np.eye(YEAR)[ratios.moy]
    poisson = _poisson(ratios, expected)
    worth = np.where(ratios.den > 0, weight / (1 + poisson / season.noise), 0.0)
    error = np.clip(_errors(ratios, expected), -FARTHEST, FARTHEST)
    told = worth * error
    cross = (told @ onto) ** 2 - (told**2) @ onto
    pairs = (worth @ onto) ** 2 - (worth**2) @ onto
    return np.stack([cross.sum(1), pairs.sum(1), (worth * (error**2 - poisson)).sum(1), worth.sum(1)], axis=1)


def _variances(
    season: Season, evidence: np.ndarray, spread: np.ndarray | float, noise: np.ndarray | float
) -> _Variances:
    """Moments of the evidence, drawn to what is believed.

    Source: method of moments with the cross products of replicates, which noise does not inflate (Searle, Casella
    & McCulloch 1992, Variance Components, section 3.5), shrunk as in Efron & Morris 1973, JASA 68, section 2.
    """
    cross, pairs, squares, months = evidence.T[..., None]
    found = (np.maximum(cross, 0) + season.spread_pairs * spread) / (pairs + season.spread_pairs)
    left = np.maximum(squares - months * found, 0)
    return _Variances(
        np.clip(found, 1e-3, 4),
        np.clip((left + season.noise_months * noise) / (months + season.noise_months), 1e-3, 10),
    )


def _errors(ratios: _Ratios, index: np.ndarray) -> np.ndarray:
    usual = index[:, ratios.moy]
    return np.divide(ratios.num, ratios.den, out=usual.copy(), where=ratios.den > 0) - usual


def _poisson(ratios: _Ratios, index: np.ndarray) -> np.ndarray:
    """Relative variance of a count that has nothing but chance in it."""
    return index[:, ratios.moy] / np.maximum(ratios.den, TINY)


def _shrunk(ratios: _Ratios, parent: np.ndarray, weight: np.ndarray, variances: _Variances) -> np.ndarray:
    """Precision-weighted mean of ratios by month of the year, shrunk to `parent`."""
    onto = np.eye(YEAR)[ratios.moy]
    worth = weight / (1 + variances.noise * ratios.den)
    above = parent / variances.spread + (worth * ratios.num) @ onto
    return normalised(above / (1 / variances.spread + (worth * ratios.den) @ onto))
