"""Counts -> the grid a model sees."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecast.panel import Grid

LAST = "2022-10-01"


def grid_of(y: np.ndarray, categories: int | Sequence[str] = 1, first: str | None = None) -> Grid:
    """Each row a cell, each column a month.

    Args:
        y: (n, months) counts, NaN where not covered.
        categories: how many each area has, its rows one after the other; or the category of each row, an area a row.
        first: the first month; None = the last is LAST.
    """
    if isinstance(categories, int):
        cells = [(f"a{row // categories:03}", f"c{row % categories}") for row in range(len(y))]
    else:
        cells = [(f"a{row:03}", category) for row, category in enumerate(categories)]
    months = pd.date_range(end=LAST, periods=y.shape[1], freq="MS", unit="us")
    if first:
        months = pd.date_range(first, periods=y.shape[1], freq="MS", unit="us")
    return Grid(pd.DataFrame(cells, columns=["area", "category"], dtype="str"), months, y.astype(float))
