"""The models there are: a spec of any kind -> its means. A new model is a file of that name and its lines here."""

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.models import climatology, ets, lightgbm, negbin_glm, prophet, seasonal_naive
from forecast.panel import Grid

Model = Annotated[
    seasonal_naive.SeasonalNaive
    | climatology.Climatology
    | negbin_glm.NegBinGlm
    | ets.Ets
    | prophet.Prophet
    | lightgbm.LightGBM,
    Field(discriminator="kind"),
]
"""The options of one model; its `kind` says which."""

_ROOMS = {
    "seasonal_naive": seasonal_naive,
    "climatology": climatology,
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
