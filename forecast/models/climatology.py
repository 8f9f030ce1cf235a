"""Grid -> means: each cell's own level x the seasonal index it shares with its category and city."""

from typing import Literal

import numpy as np
import pandas as pd

from forecast.models import _climate
from forecast.models._climate import Climate
from forecast.panel import Grid


class Climatology(Climate):
    """Level x season; the options are those of Climate."""

    kind: Literal["climatology"] = "climatology"


def predict(spec: Climatology, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid; from one month of history on."""
    return _climate.project(_climate.fit(spec, grid), grid.future(horizon))
