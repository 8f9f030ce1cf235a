"""A strong season is followed, a weak one is damped."""

import numpy as np
import pandas as pd

from forecast.models import climatology
from forecast.models.climatology import Climatology
from forecast.panel import Grid
from forecast.tables import Seasons, empty

SHAPE = np.array([3.2, 2.5, 1.3, 0.15, 0.05, 0.05, 0.05, 0.05, 0.1, 0.5, 2.6, 3.0])


def predicted(shape: np.ndarray, cells: int = 40, level: float = 8.0, years: int = 5, seed: int = 1) -> np.ndarray:
    """Year ahead from the end of August, summed over the cells, beside a flat category that fills the city."""
    months = pd.date_range("2015-01-01", periods=12 * years + 8, freq="MS", unit="us")
    rng = np.random.default_rng(seed)
    season = shape[months.month.to_numpy() - 1] * 12 / shape.sum()
    y = np.vstack([rng.poisson(level * season, (cells, len(months))), rng.poisson(5 * level, (cells, len(months)))])
    names = pd.DataFrame(
        {"area": [f"a{n}" for n in range(cells)] * 2, "category": ["heat"] * cells + ["flat"] * cells}
    )
    means = climatology.predict(Climatology(), Grid(names, months, y.astype(float)), empty(Seasons), 12, 0)
    expected = cells * level * shape[pd.date_range("2020-09-01", periods=12, freq="MS").month - 1] * 12 / shape.sum()
    return means[:cells].sum(axis=0) / expected


def test_the_peak_of_a_heating_season_is_reached_after_a_summer_without_calls() -> None:
    peak = predicted(SHAPE)[2:6]
    np.testing.assert_allclose(peak, 1, atol=0.15)


def test_a_season_that_is_not_there_is_not_invented() -> None:
    np.testing.assert_allclose(predicted(np.ones(12)), 1, atol=0.08)
