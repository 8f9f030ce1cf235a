"""Grid + seasons -> rows a model learns from: one per cell, origin and horizon, from months up to the origin only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from forecast.models import _climate
from forecast.models._climate import Climate
from forecast.models._season import YEAR, Parts, group_sum, in_parts, seasonal_index
from forecast.panel import Grid

SMALL = 0.1
"""Requests added to both sides of a log ratio: one request more or less stays a small thing in a quiet cell."""

EVERY = 12
"""Months between two refits of the seasonal index along the past."""

FAST = 0.7
"""What a month is worth a month later in how far a category or an area has moved."""

FIRST = YEAR - 1
"""The earliest origin: a year is known."""

RATES = ("rate_fast", "rate_slow", "rate_long")

FEATURES = (
    *("horizon", "month", "log_level", "index", "index_now", "index_range", "months_seen"),
    *(*RATES, "lag_1", "lag_2", "lag_3", "mean_3", "mean_6", "mean_12"),
    *("year_on_year", "spread", "zero_share", "last_year", "last_year_3", "two_years"),
    *("category_moved", "category_last", "category_year_on_year", "category_last_year"),
    *("area_moved", "area_last", "area_year_on_year"),
)

PART_OF = {
    **dict.fromkeys(("log_level", "months_seen", "spread", "zero_share"), "level"),
    **dict.fromkeys(("horizon", "month", "index", "index_now", "index_range"), "season"),
    **dict.fromkeys(("last_year", "last_year_3", "two_years", "category_last_year"), "season"),
    **dict.fromkeys(("category_moved", "category_last", "category_year_on_year"), "neighbours"),
    **dict.fromkeys(("area_moved", "area_last", "area_year_on_year"), "neighbours"),
    **dict.fromkeys(("rate_fast", "rate_slow", "rate_long", "lag_1", "lag_2", "lag_3"), "trend"),
    **dict.fromkeys(("mean_3", "mean_6", "mean_12", "year_on_year"), "trend"),
}
"""What each feature tells of: how large, known and restless a cell is (level), how its month of the year came out
before (season), how its category and area move (neighbours), where its own last months lead (trend)."""


@dataclass(frozen=True)
class Past:
    """What was known after each month. (n, T) arrays unless said otherwise; running sums have a leading 0 column.

    moy: (T + horizon,) month of the year; flat: counts over season; rates: requests over exposure at other
    discounts; blocks: (b, n, 12) indices, ones first, then fitted on growing pasts; block: (T,) the one in force
    after each month; drivers: (k, categories, T + horizon).
    """

    moy: np.ndarray
    y: np.ndarray
    flat: np.ndarray
    level: np.ndarray
    rates: tuple[np.ndarray, ...]
    sums: np.ndarray
    squares: np.ndarray
    zeros: np.ndarray
    seen: np.ndarray
    category: np.ndarray
    area: np.ndarray
    by_category: "Pool"
    by_area: "Pool"
    blocks: np.ndarray
    block: np.ndarray
    drivers: np.ndarray

    def base(self, cell: np.ndarray, origin: np.ndarray, horizon: np.ndarray) -> np.ndarray:
        """Level x season for the target month."""
        return self.level[cell, origin] * self.index(cell, origin, origin + horizon)

    def index(self, cell: np.ndarray, origin: np.ndarray, month: np.ndarray) -> np.ndarray:
        """Seasonal index of a month as known at the origin."""
        return self.blocks[self.block[origin], cell, self.moy[month]]


@dataclass(frozen=True)
class Pool:
    """Signals of whole categories or areas, each (groups, T).

    moved: how far they run above the slow level; last: the month over the level; year_on_year: log of the last
    12 months over the 12 before; y, mean: requests a covered cell, in the month and over the last 12.
    """

    moved: np.ndarray
    last: np.ndarray
    year_on_year: np.ndarray
    y: np.ndarray
    mean: np.ndarray


def past(climate: Climate, grid: Grid, horizon: int, drivers: np.ndarray) -> Past:
    """Everything rows are built from.

    Args:
        drivers: (k, categories, T + horizon), categories in order of first appearance in the grid.
    """
    category, area = _climate.codes(grid)
    moy = _climate.month_of_year(_climate.past_and_future(grid, horizon))
    y = grid.y
    blocks, block = _blocks(climate, grid, category, moy)
    months = np.arange(y.shape[1])
    season = in_parts(lambda *whole: (np.stack(whole)[block, :, moy[months]].T,), *blocks)[0]
    level = _climate.levels(climate, y, season, category, area)
    slow = in_parts(partial(_slow, climate), y, season)[0]
    came, expected = _climate.came_and_expected(y, season, slow, FAST)
    flat, filled, usual, covered = in_parts(_flat, y, season, level)

    def pool(group: np.ndarray) -> Pool:
        totals = (group_sum(x, group) for x in (filled, usual, covered))
        return _pool(_climate.movement(climate, came, expected, group), *totals)

    return Past(
        moy=moy,
        y=y,
        flat=flat,
        level=level,
        rates=tuple(in_parts(partial(_rate, discount), y, season)[0] for discount in (0.4, 0.9, 0.97)),
        sums=_running(filled),
        squares=_running(filled**2),
        zeros=_running((covered > 0) & (y == 0)),
        seen=_running(covered),
        category=category,
        area=area,
        by_category=pool(category),
        by_area=pool(area),
        blocks=blocks,
        block=block,
        drivers=drivers,
    )


def _flat(y: np.ndarray, season: np.ndarray, level: np.ndarray) -> Parts:
    """Counts over season, the same and the level with 0 where not covered, and 1 where covered."""
    covered, flat = ~np.isnan(y), y / season
    return flat, np.where(covered, flat, 0.0), np.where(covered, level, 0.0), covered.astype(float)


def _slow(climate: Climate, y: np.ndarray, season: np.ndarray) -> Parts:
    a, b = _climate.discounted(y, season, climate.slow_discount)
    return (np.divide(a, b, out=np.zeros_like(a), where=b > 0),)


def features(past: Past, cell: np.ndarray, origin: np.ndarray, horizon: np.ndarray) -> np.ndarray:
    """(rows, features) float32, in the order of FEATURES, then the drivers of the target month."""
    out = np.empty((len(FEATURES) + len(past.drivers), len(cell)), dtype=np.float32)
    _ahead(past, cell, origin, horizon, _standing(past, cell, origin, out), out)
    return np.ascontiguousarray(out.T)


def each_month_ahead(past: Past, cell: np.ndarray, origin: np.ndarray, horizon: int) -> Iterator[np.ndarray]:
    """`features`, turned, of the months 1 to `horizon` after an origin: (features, rows), written over each time."""
    out = np.empty((len(FEATURES) + len(past.drivers), len(cell)), dtype=np.float32)
    years = _standing(past, cell, origin, out)
    for h in range(1, horizon + 1):
        _ahead(past, cell, origin, np.full(len(cell), h), years, out)
        yield out


def _standing(past: Past, cell: np.ndarray, origin: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The features that do not look at the target month, into `out`; means of the last 12 months and those before."""

    def mean(months: int, back: int = 0) -> np.ndarray:
        return _mean(past.sums, past.seen, cell, origin - back, months)

    level, index = past.level[cell, origin], past.blocks[past.block[origin], cell]
    mean_12, before = mean(12), mean(12, back=12)
    square_12 = _mean(past.squares, past.seen, cell, origin, 12)
    spread = np.sqrt(np.maximum(square_12 - mean_12**2, 0))
    category, area = past.category[cell], past.area[cell]
    columns = {
        "log_level": np.log(level + 0.01),
        "index_now": np.log(past.index(cell, origin, origin)),
        "index_range": np.log(index.max(1) / index.min(1)),
        "months_seen": np.minimum(past.seen[cell, origin + 1], 60),
        **{name: _ratio(rate[cell, origin], level) for name, rate in zip(RATES, past.rates, strict=True)},
        **{f"lag_{k + 1}": _ratio(_at(past.flat, cell, origin - k), level) for k in range(3)},
        "mean_3": _ratio(mean(3), level),
        "mean_6": _ratio(mean(6), level),
        "mean_12": _ratio(mean_12, level),
        "year_on_year": _ratio(mean_12, before),
        "spread": _ratio(spread, level),
        "zero_share": _mean(past.zeros, past.seen, cell, origin, 12),
        "category_moved": np.log(past.by_category.moved[category, origin]),
        "category_last": np.log(past.by_category.last[category, origin]),
        "category_year_on_year": past.by_category.year_on_year[category, origin],
        "area_moved": np.log(past.by_area.moved[area, origin]),
        "area_last": np.log(past.by_area.last[area, origin]),
        "area_year_on_year": past.by_area.year_on_year[area, origin],
    }
    _fill(out, columns)
    return mean_12, before


def _ahead(
    past: Past,
    cell: np.ndarray,
    origin: np.ndarray,
    horizon: np.ndarray,
    years: tuple[np.ndarray, np.ndarray],
    out: np.ndarray,
) -> None:
    """The features of the target month, into `out`; `years` as `_standing` gives them."""
    target = origin + horizon
    ago = target - YEAR * -(-horizon // YEAR)
    then = _at(past.flat, cell, ago)
    around = np.stack([_at(past.flat, cell, ago - 1), then, _at(past.flat, cell, np.minimum(ago + 1, origin))])
    category = past.category[cell]
    last_year = _at(past.by_category.y, category, ago)
    columns = {
        "horizon": horizon,
        "month": past.moy[target],
        "index": np.log(past.index(cell, origin, target)),
        "last_year": _ratio(then, years[0]),
        "last_year_3": _ratio(mean_of(around), years[0]),
        "two_years": _ratio(_at(past.flat, cell, ago - YEAR), years[1]),
        "category_last_year": _ratio(last_year, past.by_category.mean[category, origin]),
    }
    _fill(out, columns)
    out[len(FEATURES) :] = past.drivers[:, category, target]


def _fill(out: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
    for name, column in columns.items():
        out[FEATURES.index(name)] = column


def _blocks(climate: Climate, grid: Grid, category: np.ndarray, moy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices fitted on growing pasts, the last on all of it, and which of them is in force after each month."""
    T = grid.y.shape[1]  # noqa: N806
    ends = sorted({*range(FIRST, T, EVERY), T - 1})
    fitted = [seasonal_index(climate.season, grid.y[:, : e + 1], category, moy[: e + 1]) for e in ends[:-1]]
    whole = _climate.fit(climate, grid).index
    return np.stack([np.ones_like(whole), *fitted, whole]), np.searchsorted(ends, np.arange(T), side="right")


def _rate(discount: float, y: np.ndarray, season: np.ndarray) -> Parts:
    a, b = _climate.discounted(y, season, discount)
    return (np.divide(a, b, out=np.full_like(a, np.nan), where=b > 0),)


def _pool(moved: np.ndarray, total: np.ndarray, usual: np.ndarray, covered: np.ndarray) -> Pool:
    """Signals of groups, all (groups, T): requests without season, those of the levels, cells covered."""
    sums, exposure = _running(total), _running(covered)
    rows = np.arange(len(total))[:, None]
    months = np.arange(total.shape[1])[None]
    last = _mean(sums, exposure, rows, months, YEAR)
    before = _mean(sums, exposure, rows, months - YEAR, YEAR)
    return Pool(
        moved=moved,
        last=(total + 5) / (usual + 5),
        year_on_year=np.log((last + 0.01) / (before + 0.01)),
        y=total / np.maximum(covered, 1),
        mean=last,
    )


def _running(x: np.ndarray) -> np.ndarray:
    return np.pad(np.cumsum(x, axis=1, dtype=float), ((0, 0), (1, 0)))


def _mean(sums: np.ndarray, seen: np.ndarray, row: np.ndarray, origin: np.ndarray, months: int) -> np.ndarray:
    """Mean over the covered of the last `months` months; NaN when none is covered."""
    stop = np.maximum(origin + 1, 0)
    start = np.maximum(stop - months, 0)
    number = seen[row, stop] - seen[row, start]
    total = sums[row, stop] - sums[row, start]
    return np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)


def _at(x: np.ndarray, row: np.ndarray, month: np.ndarray) -> np.ndarray:
    """Values at months that may lie before the first one (NaN)."""
    return np.where(month >= 0, x[row, np.maximum(month, 0)], np.nan)


def mean_of(x: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean of what is not NaN along an axis; NaN where nothing is."""
    known = ~np.isnan(x)
    number = known.sum(axis)
    total = np.where(known, x, 0.0).sum(axis)
    return np.divide(total, number, out=np.full(number.shape, np.nan), where=number > 0)


def _ratio(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.log((x + SMALL) / (y + SMALL))
