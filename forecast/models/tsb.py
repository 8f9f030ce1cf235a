"""Grid -> means: how often a cell complains times how much it does when it does (Teunter, Syntetos & Babai)."""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.models import _climate, _parts
from forecast.models._climate import Climate
from forecast.models._season import seasonal_index
from forecast.panel import Grid
from forecast.spec import Spec

TRIED = np.array([(size, chance) for size in (0.05, 0.1, 0.2, 0.3, 0.5) for chance in (0.02, 0.05, 0.1, 0.2, 0.3)])
"""Smoothing parameters (of the size, of the chance) tried for each cell."""

ALIKE = 1e-9
"""Relative difference of errors that rounding may make; of parameters that err alike the first is taken."""

CHUNK = 1024
"""Cells solved together, so that memory stays bounded."""


class Tsb(Spec):
    """TSB for cells that are silent in many months.

    first_months: covered months that give the values to start from. season: forecast the counts without season and
    put it back, by `climate`; the method itself knows none.
    """

    kind: Literal["tsb"] = "tsb"
    first_months: int = Field(12, ge=1)
    season: bool = False
    climate: Climate = Climate()


def predict(spec: Tsb, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid; a cell never covered is expected to stay at 0.

    Source: Teunter, Syntetos & Babai (2011), EJOR 214, section 3.
    """
    if not spec.season:
        return np.repeat(tsb(spec, grid.y)[:, None], horizon, axis=1)
    moy = _climate.month_of_year(grid.months)
    index = seasonal_index(spec.climate.season, grid.y, _climate.codes(grid)[0], moy)
    ahead = index[:, _climate.month_of_year(grid.future(horizon))]
    return tsb(spec, grid.y / index[:, moy])[:, None] * ahead


def explain(spec: Tsb, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray) -> Explained:
    """Nothing but a level, unless the season is put back."""
    means = predict(spec, grid, seasons, horizon, seed)
    return _parts.of_climate(spec.climate, grid, means, cells) if spec.season else Explained(means, {}, rest="level")


def tsb(spec: Tsb, y: np.ndarray) -> np.ndarray:
    """(n, T) counts, NaN = not covered -> (n,) forecasts, with the smoothing parameters of least squared error."""
    return np.concatenate([_best(spec, y[first : first + CHUNK]) for first in range(0, len(y), CHUNK)])


def _best(spec: Tsb, y: np.ndarray) -> np.ndarray:
    """Run all parameters side by side; months not covered change nothing."""
    alpha, beta = TRIED[:, :1], TRIED[:, 1:]
    size, chance = (np.repeat(start[None], len(TRIED), axis=0) for start in _start(spec, y))
    error = np.zeros_like(size)
    for month in np.ascontiguousarray(y.T):
        covered, came = ~np.isnan(month), month > 0
        error += np.where(covered, (month - chance * size) ** 2, 0.0)
        weight = np.where(size > 0, alpha, 1.0)  # nothing came before: the first size is all there is
        size = np.where(came, size + weight * (month - size), size)
        chance = np.where(covered, chance + beta * (came - chance), chance)
    best = (error <= error.min(0) * (1 + ALIKE)).argmax(0)
    at = np.arange(len(y))
    means: np.ndarray = (chance * size)[best, at]
    return means


def _start(spec: Tsb, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) mean size and chance of a request in the first covered months."""
    covered = ~np.isnan(y)
    used = covered & (np.cumsum(covered, axis=1) <= spec.first_months)
    came = used & (y > 0)
    total = np.where(came, y, 0.0).sum(1)
    return total / np.maximum(came.sum(1), 1), came.sum(1) / np.maximum(used.sum(1), 1)
