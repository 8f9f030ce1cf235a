"""The models there are: a spec of any kind -> its means. A new model is a file of that name and its lines here."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.models import (
    _parts,
    climatology,
    ets,
    flat_mean,
    lightgbm,
    negbin_glm,
    prophet,
    seasonal_naive,
    theta,
    tsb,
)
from forecast.models._climate import Climate
from forecast.panel import Grid

Model = Annotated[
    seasonal_naive.SeasonalNaive
    | flat_mean.FlatMean
    | climatology.Climatology
    | theta.Theta
    | tsb.Tsb
    | negbin_glm.NegBinGlm
    | ets.Ets
    | prophet.Prophet
    | lightgbm.LightGBM,
    Field(discriminator="kind"),
]
"""The options of one model; its `kind` says which."""

_ROOMS = {
    "seasonal_naive": seasonal_naive,
    "flat_mean": flat_mean,
    "climatology": climatology,
    "theta": theta,
    "tsb": tsb,
    "negbin_glm": negbin_glm,
    "ets": ets,
    "prophet": prophet,
    "lightgbm": lightgbm,
}

KINDS = tuple(_ROOMS)


def predict(spec: Model, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
    """What the model of `spec` expects.

    Args:
        spec: options of one model.
        grid: counts up to the origin, which is its last month.
        seasons: Seasons of the months of the grid and of the `horizon` months after it, as known at the origin.
        horizon: months ahead, at least 1.
        seed: of whatever is random in the model.

    Returns:
        Means (n cells, horizon), finite and >= 0, for the months `grid.future(horizon)`.
    """
    means: np.ndarray = _ROOMS[spec.kind].predict(spec, grid, seasons, horizon, seed)
    return means


def look_back(
    spec: Model, grids: Sequence[Grid], seasons: Sequence[pd.DataFrame], horizon: int, seed: int
) -> list[np.ndarray]:
    """What the model of `spec` would have expected at several past origins, oldest first.

    Each sees what was known at its origin at the latest; a model that is slow to learn may use at one origin what
    it learned at an earlier one.

    Returns:
        Means (n cells, horizon) of each grid, as `predict` gives.
    """
    model = _ROOMS[spec.kind]
    if hasattr(model, "look_back"):
        return list(model.look_back(spec, grids, seasons, horizon, seed))
    return [predict(spec, grid, known, horizon, seed) for grid, known in zip(grids, seasons, strict=True)]


def forgets(spec: Model) -> bool:
    """Whether `look_back` is the same as `predict` at each origin: nothing of one origin serves another."""
    return not hasattr(_ROOMS[spec.kind], "look_back")


def each_alone(spec: Model) -> bool:
    """Whether a cell's means come from its own counts alone, so that cells may be told apart in any way."""
    return spec.kind in {"seasonal_naive", "flat_mean"} or (spec.kind == "tsb" and not spec.season)


def explain(spec: Model, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray) -> Explained:
    """What the model of `spec` expects, and why: instead of `predict`, so that nothing is learned twice.

    A model without an `explain` of its own is read as level x season, and what it says beyond as trend.

    Args:
        cells: (k,) positions of the cells to explain.
        The others: as for `predict`.

    Returns:
        Explained; its means are those of `predict`.
    """
    model = _ROOMS[spec.kind]
    if hasattr(model, "explain"):
        told: Explained = model.explain(spec, grid, seasons, horizon, seed, cells)
        return told
    climate = spec if isinstance(spec, Climate) else getattr(spec, "climate", Climate())
    return _parts.of_climate(climate, grid, predict(spec, grid, seasons, horizon, seed), cells)


def usual(grid: Grid, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """What explanations start from: (n,) requests a month in the long run, > 0; (n,) level x season of all months."""
    return _parts.usual(grid, horizon)
