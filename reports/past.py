"""A panel -> its requests as one array by area, category and month: what is asked again and again is a look-up."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd


class Past(NamedTuple):
    """counts: (areas, categories, months) requests, NaN = not covered. `months` has no gaps.

    covered: (areas, months): any category was covered.
    """

    areas: pd.Index
    categories: pd.Index
    months: pd.DatetimeIndex
    counts: np.ndarray
    covered: np.ndarray


def past(panel: pd.DataFrame) -> Past:
    """The panel (Panel) as an array."""
    area, areas = pd.factorize(panel["area"])
    category, categories = pd.factorize(panel["category"])
    months = pd.DatetimeIndex([])
    if len(panel):
        months = pd.date_range(panel["month"].min(), panel["month"].max(), freq="MS", unit="us")
    counts = np.full((len(areas), len(categories), len(months)), np.nan)
    month = months.get_indexer(pd.DatetimeIndex(panel["month"]))
    counts[area, category, month] = panel["orders"]
    covered = np.zeros((len(areas), len(months)), dtype=bool)
    covered[area, month] = True
    return Past(pd.Index(areas), pd.Index(categories), months, counts, covered)


def sums(counts: np.ndarray) -> np.ndarray:
    """(areas, categories, months) -> (categories + 1, months): of all areas, and last of all categories as well.

    NaN where no area was covered.
    """
    known = ~np.isnan(counts).all(axis=0)
    by_category = np.where(known, np.nansum(counts, axis=0), np.nan)
    total = np.where(known.any(axis=0), np.nansum(by_category, axis=0), np.nan)
    return np.concatenate([by_category, total[None]])


def of_cells(past: Past, areas: Iterable[str], categories: Iterable[str]) -> np.ndarray:
    """(cells, months): requests of areas of the panel, each in its category; NaN of what the panel does not hold."""
    area, category = (
        index.get_indexer(pd.Index(asked)) for index, asked in ((past.areas, areas), (past.categories, categories))
    )
    known = (area >= 0) & (category >= 0)
    found = np.full((len(area), len(past.months)), np.nan)
    found[known] = past.counts[area[known], category[known]]
    return found


def seasonal(counts: np.ndarray, months: pd.DatetimeIndex, asked: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
    """(last year, normal) of each row in the month asked of it: the same month a year before, and over all years.

    Args:
        counts: (rows, months) requests, NaN = not covered.
        months: of `counts`.
        asked: (rows,) months.
    """
    ago = months.get_indexer(asked - pd.DateOffset(years=1))
    last = np.full(len(ago), np.nan)
    last[ago >= 0] = counts[ago >= 0, ago[ago >= 0]]
    same = ~np.isnan(counts) & (months.month.to_numpy() == asked.month.to_numpy()[:, None])
    years = same.sum(axis=1)
    return last, np.where(years > 0, np.where(same, counts, 0).sum(axis=1) / np.maximum(years, 1), np.nan)
