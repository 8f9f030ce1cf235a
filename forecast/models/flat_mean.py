"""Grid -> means: the mean of the last covered months of each cell, the same for every month ahead."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.panel import Grid
from forecast.spec import Spec


class FlatMean(Spec):
    """The plainest forecast there is. months: how many of the last covered months are averaged."""

    kind: Literal["flat_mean"] = "flat_mean"
    months: int = Field(12, ge=1)


def predict(spec: FlatMean, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid; a cell never covered is expected to stay at 0.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2.
    """
    covered = ~np.isnan(grid.y)
    later = np.cumsum(covered[:, ::-1], axis=1)[:, ::-1]
    used = covered & (later <= spec.months)
    mean = np.where(used, grid.y, 0.0).sum(1) / np.maximum(used.sum(1), 1)
    return np.repeat(mean[:, None], horizon, axis=1)


def explain(
    spec: FlatMean,
    grid: Grid,
    seasons: pd.DataFrame,
    horizon: int,
    seed: int,
    cells: np.ndarray,  # noqa: ARG001
) -> Explained:
    """Nothing but a level."""
    return Explained(predict(spec, grid, seasons, horizon, seed), {}, rest="level")
