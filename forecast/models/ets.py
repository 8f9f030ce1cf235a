"""Grid -> means: exponential smoothing with a damped trend on category totals, shared out to the cells."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
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
    `largest_factor` bounds how far a total may leave it. `refit_every`: past origins that share smoothing parameters
    and first state, those of the oldest of them.
    """

    kind: Literal["ets"] = "ets"
    climate: Climate = Climate()
    least_months: int = Field(24, ge=2 * YEAR)
    largest_factor: float = Field(3.0, gt=1)
    most_categories: int = Field(50, ge=1)
    refit_every: int = Field(6, ge=1)


@dataclass(frozen=True)
class _Fitted:
    """Smoothing parameters and first state of a series that begins in month `first`; season: of its first year."""

    first: pd.Timestamp
    alpha: float
    beta: float
    gamma: float
    phi: float
    level: float
    trend: float
    season: tuple[float, ...]


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
    means, learned = [], dict[str, _Fitted]()
    for number, grid in enumerate(grids):
        if number % spec.refit_every == 0:
            learned = {}
        names = grid.cells["category"].unique().tolist()
        means.append(
            _upper.share_out(
                spec.climate,
                grid,
                horizon,
                partial(_smooth, names, grid.months[-1], learned, horizon),
                spec.least_months,
                spec.largest_factor,
                spec.most_categories,
            )
        )
    return means


def explain(spec: Ets, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray) -> Explained:
    """All that the total of a category says beyond level x season is the same for each of its cells."""
    means = predict(spec, grid, seasons, horizon, seed)
    return _parts.of_climate(spec.climate, grid, means, cells, rest="neighbours")


def _smooth(
    names: list[str], last: pd.Timestamp, learned: dict[str, _Fitted], horizon: int, category: int, totals: np.ndarray
) -> np.ndarray | None:
    """Means (horizon,), or None when the series leaves nothing to estimate; what was estimated goes to `learned`."""
    first = last - pd.DateOffset(months=len(totals) - 1)
    fitted = learned.get(names[category])
    if fitted is None or fitted.first != first:
        fitted = learned[names[category]] = _fitted(first, totals)
    means = np.square(np.maximum(_ahead(fitted, np.sqrt(totals), horizon), 0.0))
    return means if np.isfinite(means).all() else None


def _fitted(first: pd.Timestamp, totals: np.ndarray) -> _Fitted:
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
        alpha, beta, gamma, phi = np.asarray(model.fit(disp=False, return_params=True))[:4].tolist()
    season = tuple(float(s) for s in model.initial_seasonal)
    return _Fitted(first, alpha, beta, gamma, phi, float(model.initial_level), float(model.initial_trend), season)


def _ahead(fitted: _Fitted, y: np.ndarray, horizon: int) -> np.ndarray:
    """Means (horizon,) after y (m,), from the state the months leave.

    Source: Hyndman et al. (2008), table 2.2, ETS(A, Ad, A).
    """
    level, trend, season = fitted.level, fitted.trend, list(fitted.season)
    for t, count in enumerate(y.tolist()):
        expected = level + fitted.phi * trend
        error = count - expected - season[t % YEAR]
        level = expected + fitted.alpha * error
        trend = fitted.phi * trend + fitted.beta * error
        season[t % YEAR] += fitted.gamma * error
    damped = np.cumsum(fitted.phi ** np.arange(1, horizon + 1))
    ahead = np.array(season)[(len(y) + np.arange(horizon)) % YEAR]
    means: np.ndarray = level + trend * damped + ahead
    return means
