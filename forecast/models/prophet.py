"""Grid + seasons -> means: Prophet on category totals with the calendar as regressors, shared out to the cells."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.models import _climate, _drivers, _parts, _upper
from forecast.models._climate import Climate
from forecast.models._season import YEAR
from forecast.panel import Grid
from forecast.spec import Spec


class Prophet(Spec):
    """Prophet on logarithms (so seasons multiply and means stay positive), MAP estimate, no sampling.

    Categories with fewer than `least_months` months, and all but the `most_categories` largest, keep level x season;
    `largest_factor` bounds how far a total may leave it.
    """

    kind: Literal["prophet"] = "prophet"
    climate: Climate = Climate()
    drivers: tuple[str, ...] = ("spring_festival_share", "workdays")
    least_months: int = Field(24, ge=2 * YEAR)
    largest_factor: float = Field(3.0, gt=1)
    most_categories: int = Field(50, ge=1)
    fourier_order: int = Field(4, ge=1, le=5)
    changepoint_prior_scale: float = Field(0.05, gt=0)
    seasonality_prior_scale: float = Field(1.0, gt=0)


def predict(spec: Prophet, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
    """Means (n, horizon) for the months after the grid.

    Source: Taylor & Letham (2018), Forecasting at scale, The American Statistician 72(1).
    """
    months = _climate.past_and_future(grid, horizon)
    names = _drivers.names(seasons, spec.drivers)
    categories = pd.Index(grid.cells["category"].unique())
    drivers = _drivers.dense(seasons, names, categories, months)

    def forecaster(category: int, totals: np.ndarray) -> np.ndarray | None:
        span = months[-(len(totals) + horizon) :]
        known = {name: drivers[d, category, -len(span) :] for d, name in enumerate(names)}
        frame = pd.DataFrame({"ds": span, **known})
        return _fit(spec, frame, totals, seed)

    with _quiet():
        return _upper.share_out(
            spec.climate, grid, horizon, forecaster, spec.least_months, spec.largest_factor, spec.most_categories
        )


def explain(
    spec: Prophet, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray
) -> Explained:
    """All that the total of a category says beyond level x season is the same for each of its cells."""
    means = predict(spec, grid, seasons, horizon, seed)
    return _parts.of_climate(spec.climate, grid, means, cells, rest="neighbours")


def _fit(spec: Prophet, frame: pd.DataFrame, totals: np.ndarray, seed: int) -> np.ndarray | None:
    from prophet import Prophet as Model

    regressors = [name for name in frame.columns[1:] if frame[name].notna().all() and frame[name].nunique() > 1]
    model = Model(
        yearly_seasonality=spec.fourier_order,
        weekly_seasonality=False,
        daily_seasonality=False,
        changepoint_prior_scale=spec.changepoint_prior_scale,
        seasonality_prior_scale=spec.seasonality_prior_scale,
        uncertainty_samples=0,
    )
    for name in regressors:
        model.add_regressor(name)
    columns = ["ds", *regressors]
    try:
        model.fit(frame[columns].iloc[: len(totals)].assign(y=np.log1p(totals)), seed=seed)
    except RuntimeError:  # the optimiser found no way
        return None
    logs = model.predict(frame[columns].iloc[len(totals) :])["yhat"].to_numpy()
    means = np.maximum(np.expm1(np.minimum(logs, 50.0)), 0.0)
    return means if np.isfinite(means).all() else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Prophet and its backend speak on every fit; nothing they say asks for an answer, and failures raise.

    Prophet also calls parts of pandas that are to go, which is not ours to mend.
    """
    import cmdstanpy

    logger = logging.getLogger("prophet")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with cmdstanpy.disable_logging(), warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            yield
    finally:
        logger.setLevel(level)
