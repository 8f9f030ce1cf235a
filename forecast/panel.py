"""Counts + areas -> panel (month x area x category, covered months only) and its dense form, the grid."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.months import bounds, month_of
from forecast.spec import Spec
from forecast.tables import Panel, check, conform

HALF_YEAR = 6


class Coverage(Spec):
    """When a month without any request means "nobody listened" rather than "nobody complained".

    An area (or the whole city) of which at least `silent_if_usually` requests were to be expected in a month,
    and that has none at all, is taken as not covered in that month. 0 switches the rule off. Expected is the
    median month of the area, scaled as the other areas ran in that month; for the whole city, the median of
    the same month in other years.
    A last month with fewer than `partial_below` times the usual requests is taken as not yet complete.
    An area first heard less than half a year ago was listened to for every category that at least `common_in` of the
    areas a year old know and of which `worth_a_cell` requests a month are to be expected there: its share of what
    those areas had in the last year times what the new one has a month. `common_in` 0 switches the rule off.
    """

    silent_if_usually: float = Field(5.0, ge=0)
    common_in: float = Field(0.5, ge=0, le=1)
    worth_a_cell: float = Field(0.3, gt=0)
    partial_below: float = Field(0.3, ge=0, lt=1)


@dataclass(frozen=True, eq=False)
class Grid:
    """The panel as a matrix; what was learned of it is kept with it, so nothing in it may be changed.

    cells: (n rows) area, category; months: (T,) first days; y: (n, T) counts, NaN = not covered.
    """

    cells: pd.DataFrame
    months: pd.DatetimeIndex
    y: np.ndarray

    def future(self, horizon: int) -> pd.DatetimeIndex:
        """The `horizon` months after the last one."""
        return pd.DatetimeIndex(pd.date_range(self.months[-1], periods=horizon + 1, freq="MS", unit="us")[1:])


def last_complete(days: pd.DataFrame, until: pd.Timestamp, starts_on: int, coverage: Coverage) -> pd.Timestamp | None:
    """Last month not after `until` whose orders are all in.

    A month is complete when orders came after it, or up to a gap before its end no longer than the longest
    gap between two days of the year before. A last month that then still holds far less than usual
    (`coverage.partial_below` times what `enough` calls usual) is not.

    Args:
        days: DataFrame[day, orders] of the days with orders.
        until: first day of the last month asked for.
        starts_on: day of the month on which a month begins.
        coverage: what is far less than usual.

    Returns:
        First day of the month, or None when no month is complete.
    """
    if days.empty:
        return None
    totals = days.groupby(month_of(pd.DatetimeIndex(days["day"]), starts_on))["orders"].sum()
    totals = totals.reindex(pd.date_range(totals.index[0], totals.index[-1], freq="MS", unit="us"), fill_value=0)
    for last in totals.index[totals.index <= until][::-1]:
        if enough(totals[totals.index <= last], coverage) and _all_in(days["day"], bounds(last, starts_on)[1]):
            return last
    return None


def enough(totals: pd.Series, coverage: Coverage) -> bool:
    """Whether the last of the monthly totals (index: month) is no stub of what is usual.

    Usual is the lower of the highest 12-month median of the 36 months with orders before, and of the highest
    total the same month had in earlier years: a low season is no stub, a lone order years later is one.
    """
    last, before = totals.index[-1], totals.iloc[:-1][totals.iloc[:-1] > 0]
    usual = before.rolling(12, min_periods=1).median().tail(36).max()
    same_month = before[pd.DatetimeIndex(before.index).month == last.month].max()
    usual = usual if pd.isna(same_month) else min(usual, same_month)
    return bool(pd.isna(usual) or totals.iloc[-1] >= coverage.partial_below * usual)


def _all_in(days: pd.Series, end: pd.Timestamp) -> bool:
    known = days[days < end].tail(366)
    gap = max(known.diff().max(), pd.Timedelta(days=1)) if len(known) > 1 else pd.Timedelta(days=1)
    return bool((days >= end).any() or end - known.iloc[-1] <= gap)


def build(counts: pd.DataFrame, areas: pd.DataFrame, origin: pd.Timestamp, coverage: Coverage) -> pd.DataFrame:
    """Panel of every area x category seen up to `origin`, and of those to be expected in new areas (`Coverage`).

    Args:
        counts: Counts; rows without area or after `origin` are left out.
        areas: Areas; `valid_from` / `valid_to` bound the months of an area.
        origin: first day of the last month known.
        coverage: when silence is not a zero.

    Returns:
        Panel: a cell starts in the first month its area and its category have both been seen, and holds a
        0 for each covered month without requests.

    """
    seen = _seen(counts, areas, origin, coverage)
    row, month = np.nonzero(seen.covered)
    table = seen.cells.take(row).reset_index(drop=True).assign(month=seen.months[month])
    table = table.assign(**{name: values[row, month] for name, values in seen.figures.items()})
    return check(Panel, conform(Panel, table), "panel")


def to_grid(panel: pd.DataFrame, origin: pd.Timestamp, value: str = "orders") -> Grid:
    """Panel -> Grid of one of its figures; months run without gaps from the first one to `origin`."""
    wide = panel.pivot(index=["area", "category"], columns="month", values=value)
    months = pd.date_range(panel["month"].min(), origin, freq="MS", unit="us")
    wide = wide.reindex(columns=months).sort_index()
    return Grid(wide.index.to_frame(index=False), months, wide.to_numpy(dtype=float, na_value=np.nan))


def grid_at(
    counts: pd.DataFrame,
    areas: pd.DataFrame,
    origin: pd.Timestamp,
    coverage: Coverage,
    value: str = "orders",
) -> Grid:
    """What was known at the end of month `origin`, coverage included: the only door to the past for a model.

    It is `to_grid` of `build`, without the long table between; no cell when nothing is known.
    """
    seen = _seen(counts, areas, origin, coverage)
    alive = np.flatnonzero(seen.covered.any(axis=1))
    first = int(np.argmax(seen.covered.any(axis=0))) if len(alive) else len(seen.months)
    y = np.where(seen.covered, seen.figures[value], np.nan)
    return Grid(seen.cells.take(alive).reset_index(drop=True), seen.months[first:], y[alive, first:])


@dataclass(frozen=True)
class _Seen:
    """cells: (n rows) area, category, in order; months: (T,); covered: (n, T); figures: name -> (n, T) requests."""

    cells: pd.DataFrame
    months: pd.DatetimeIndex
    covered: np.ndarray
    figures: dict[str, np.ndarray]


def _seen(counts: pd.DataFrame, areas: pd.DataFrame, origin: pd.Timestamp, coverage: Coverage) -> _Seen:
    known = counts[counts["area"].notna() & (counts["month"] <= origin)]
    first = known["month"].min() if len(known) else origin
    months = pd.DatetimeIndex(pd.date_range(first, origin, freq="MS", unit="us"))
    place, places = pd.factorize(known["area"], sort=True)
    kind, kinds = pd.factorize(known["category"], sort=True)
    month = months.get_indexer(pd.DatetimeIndex(known["month"]))
    orders = known["orders"].to_numpy()
    by_area = _sums((place, month), orders, (len(places), len(months)))
    heard = _sums((place, month), np.ones(len(known)), by_area.shape) > 0
    listened = _listened(np.where(heard, by_area, np.nan), places, months, areas, coverage)
    by_cell = _sums((place, kind), np.where(month >= len(months) - 12, orders, 0), (len(places), len(kinds)))
    is_cell = _sums((place, kind), np.ones(len(known)), by_cell.shape) > 0
    is_cell |= _expected_cells(by_area.sum(axis=1), by_cell, listened, coverage)
    number = np.cumsum(is_cell).reshape(is_cell.shape) - 1
    row, shape = number[place, kind], (int(is_cell.sum()), len(months))
    area, category = np.nonzero(is_cell)
    since = np.full(len(kinds), len(months))
    np.minimum.at(since, kind, month)
    return _Seen(
        pd.DataFrame({"area": places[area], "category": kinds[category]}),
        months,
        listened[area] & (np.arange(len(months)) >= since[category, None]),
        {name: _sums((row, month), known[name].to_numpy(), shape) for name in ("orders", "incidents", "callers")},
    )


def _sums(at: tuple[np.ndarray, np.ndarray], values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Matrix of the sums of `values` by row and column."""
    total = np.zeros(shape, dtype=values.dtype)
    np.add.at(total, at, values)
    return total


def _expected_cells(by_area: np.ndarray, by_cell: np.ndarray, listened: np.ndarray, coverage: Coverage) -> np.ndarray:
    """(areas, categories) worth a cell in areas first heard less than half a year ago, seen there or not.

    by_area: (areas,) requests of all time; by_cell: those of the last 12 months; listened: (areas, T).
    """
    months = listened.shape[1]
    ever = listened.any(axis=1)
    age = np.where(ever, months - np.argmax(listened, axis=1), 0)
    new = (age > 0) & (age <= HALF_YEAR)
    older = (age > 12) & listened[:, -12:].any(axis=1)
    theirs = by_cell * older[:, None]
    worth = np.zeros(by_cell.shape, dtype=bool)
    if not coverage.common_in or not new.any() or not theirs.any():
        return worth
    common = (theirs > 0).sum(axis=0) >= coverage.common_in * older.sum()
    a_month = by_area / np.maximum(listened.sum(axis=1), 1)
    share = np.where(common & theirs.any(axis=0), theirs.sum(axis=0) / theirs.sum(), 0.0)
    worth[new] = np.outer(a_month, share)[new] >= coverage.worth_a_cell
    return worth


def _listened(
    figures: np.ndarray, names: pd.Index, months: pd.DatetimeIndex, areas: pd.DataFrame, coverage: Coverage
) -> np.ndarray:
    """(areas, months) whether an area was listened to.

    figures: (areas, months) requests of all categories, NaN where no row came at all. A row that says 0 is
    a month that was listened to; no row is taken for 0 unless the area or the whole city is usually loud.
    """
    silent = np.isnan(figures)
    seen = np.maximum.accumulate(~silent, axis=1)
    if coverage.silent_if_usually and figures.size:
        missing = _expected_by_area(figures, seen) >= coverage.silent_if_usually
        missing |= _expected_by_season(figures, months) >= coverage.silent_if_usually
        seen &= ~(silent & missing)
    bounds = areas.set_index("area").reindex(names)
    first, last = pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")
    start = bounds["valid_from"].fillna(first).to_numpy()[:, None]
    stop = bounds["valid_to"].fillna(last).to_numpy()[:, None]
    seen &= ((months + pd.offsets.MonthEnd()).to_numpy() >= start) & (months.to_numpy() <= stop)
    return seen


def _expected_by_area(figures: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(areas, months) median of the area since it was first seen, times how the areas heard in a month ran.

    0 where no area was heard. An area that is silent in most of its months has median 0: silence is its way.
    """
    heard = ~np.isnan(figures)
    usual = np.nanmedian(np.where(seen, np.nan_to_num(figures), np.nan), axis=1)
    ran = np.nansum(figures, axis=0)
    usually = (heard * usual[:, None]).sum(axis=0)
    pace = np.divide(ran, usually, out=np.zeros_like(ran), where=usually > 0)
    return usual[:, None] * pace


def _expected_by_season(figures: np.ndarray, months: pd.DatetimeIndex) -> np.ndarray:
    """(months,) median of the city in the same month of other years where the whole city is silent, else 0."""
    whole = np.nansum(figures, axis=0)
    moy = months.month.to_numpy()
    expected = np.zeros(len(months))
    for t in np.flatnonzero(np.isnan(figures).all(axis=0)):
        others = np.delete(whole, t)[np.delete(moy, t) == moy[t]]
        expected[t] = np.median(others if len(others) else whole)
    return expected
