"""Grid -> means: what came in the same month of the latest year that was covered."""

from typing import Literal

import numpy as np
import pandas as pd

from forecast.models._season import YEAR
from forecast.panel import Grid
from forecast.spec import Spec


class SeasonalNaive(Spec):
    """The yardstick. A month never covered before takes the mean of the covered ones, a cell never covered 0."""

    kind: Literal["seasonal_naive"] = "seasonal_naive"


def predict(spec: SeasonalNaive, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2.
    """
    means = np.repeat(_mean(grid.y)[:, None], horizon, axis=1)
    last = grid.y.shape[1]
    for h in range(horizon):
        for month in range((last + h) % YEAR, last, YEAR):
            known = ~np.isnan(grid.y[:, month])
            means[known, h] = grid.y[known, month]
    return means


def _mean(y: np.ndarray) -> np.ndarray:
    covered = ~np.isnan(y)
    return np.where(covered, y, 0.0).sum(1) / np.maximum(covered.sum(1), 1)
