"""Grid -> means: exponential smoothing with a damped trend on category totals, shared out to the cells."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.models import _upper
from forecast.models._climate import Climate
from forecast.models._season import YEAR
from forecast.panel import Grid
from forecast.spec import Spec


class Ets(Spec):
    """ETS(A, Ad, A) on square roots, whose spread does not grow with the level.

    Categories with fewer than `least_months` months keep level x season; `largest_factor` bounds how far a
    total may leave it.
    """

    kind: Literal["ets"] = "ets"
    climate: Climate = Climate()
    least_months: int = Field(24, ge=2 * YEAR)
    largest_factor: float = Field(3.0, gt=1)


def predict(spec: Ets, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid.

    Source: Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing, chapter 2.
    """

    def forecaster(category: int, totals: np.ndarray) -> np.ndarray | None:  # noqa: ARG001
        return _smooth(totals, horizon)

    return _upper.share_out(spec.climate, grid, horizon, forecaster, spec.least_months, spec.largest_factor)


def _smooth(totals: np.ndarray, horizon: int) -> np.ndarray | None:
    """Means (horizon,), or None when the series leaves nothing to estimate."""
    from statsmodels.tools.sm_exceptions import ConvergenceWarning
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    model = ETSModel(
        np.sqrt(totals),
        error="add",
        trend="add",
        damped_trend=True,
        seasonal="add",
        seasonal_periods=YEAR,
        initialization_method="heuristic",
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A fit that stopped early is still a fit: it is bounded by `largest_factor` and shared with other models.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means = np.square(np.maximum(model.fit(disp=False).forecast(horizon), 0.0))
    return means if np.isfinite(means).all() else None
