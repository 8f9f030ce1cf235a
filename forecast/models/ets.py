"""Grid -> means: exponential smoothing with a damped trend on category totals, shared out to the cells."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.models import _parts, _upper
from forecast.models._climate import Climate
from forecast.models._season import YEAR
from forecast.panel import Grid
from forecast.spec import Spec


class Ets(Spec):
    """ETS(A, Ad, A) on square roots, whose spread does not grow with the level.

    Categories with fewer than `least_months` months, and all but the `most_categories` largest, keep level x season;
    `largest_factor` bounds how far a total may leave it. `refit_every`: past origins that share smoothing parameters,
    those of the oldest of them.
    """

    kind: Literal["ets"] = "ets"
    climate: Climate = Climate()
    least_months: int = Field(24, ge=2 * YEAR)
    largest_factor: float = Field(3.0, gt=1)
    most_categories: int = Field(50, ge=1)
    refit_every: int = Field(6, ge=1)


def predict(spec: Ets, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
    """Means (n, horizon) for the months after the grid.

    Source: Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing, chapter 2.
    """
    return look_back(spec, [grid], [seasons], horizon, seed)[0]


def look_back(
    spec: Ets,
    grids: Sequence[Grid],
    seasons: Sequence[pd.DataFrame],  # noqa: ARG001
    horizon: int,
    seed: int,  # noqa: ARG001
) -> list[np.ndarray]:
    """Means (n, horizon) at each of several origins, oldest first; parameters of one origin serve the next few."""
    means, learned = [], dict[str, np.ndarray]()
    for number, grid in enumerate(grids):
        if number % spec.refit_every == 0:
            learned = {}
        smooth = partial(_smooth, grid.cells["category"].unique().tolist(), learned, horizon)
        means.append(
            _upper.share_out(
                spec.climate, grid, horizon, smooth, spec.least_months, spec.largest_factor, spec.most_categories
            )
        )
    return means


def explain(spec: Ets, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray) -> Explained:
    """All that the total of a category says beyond level x season is the same for each of its cells."""
    means = predict(spec, grid, seasons, horizon, seed)
    return _parts.of_climate(spec.climate, grid, means, cells, rest="neighbours")


def _smooth(
    names: list[str], learned: dict[str, np.ndarray], horizon: int, category: int, totals: np.ndarray
) -> np.ndarray | None:
    """Means (horizon,), or None when the series leaves nothing to estimate; what was estimated goes to `learned`."""
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
    name = names[category]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A fit that stopped early is still a fit: it is bounded by `largest_factor` and shared with other models.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model.smooth(learned[name]) if name in learned else model.fit(disp=False)
        means = np.square(np.maximum(fitted.forecast(horizon), 0.0))
    learned[name] = np.asarray(fitted.params)
    return means if np.isfinite(means).all() else None
