"""Exponential smoothing of totals: carried on without the library, it says what the library says."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecast.models import ets
from forecast.models.ets import Ets
from forecast.panel import Grid
from forecast.tables import Seasons, empty

FIRST = pd.Timestamp("2019-03-01")


def totals(months: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(months)
    return rng.poisson((40 + t) * (1 + 0.4 * np.sin(2 * np.pi * t / 12))).astype(float)


@pytest.mark.parametrize("months", [24, 31, 60])
def test_forecasts_are_those_of_the_library(months: int) -> None:
    y = totals(months, seed=months)
    model = ETSModel(
        np.sqrt(y),
        error="add",
        trend="add",
        damped_trend=True,
        seasonal="add",
        seasonal_periods=12,
        initialization_method="heuristic",
    )
    expected = model.fit(disp=False).forecast(15)
    found = ets._ahead(ets._fitted(FIRST, y), np.sqrt(y), 15)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_parameters_of_one_origin_serve_the_next() -> None:
    y = totals(60, seed=1)
    cells = pd.DataFrame({"area": ["a"], "category": ["c"]})
    months = pd.date_range(FIRST, periods=60, freq="MS", unit="us")
    grids = [Grid(cells, months[:known], y[None, :known]) for known in (48, 54)]
    none = empty(Seasons)
    learned = ets._fitted(FIRST, y[:48])
    shared = ets.look_back(Ets(largest_factor=100), grids, [none, none], 6, seed=0)
    again = ets.look_back(Ets(largest_factor=100, refit_every=1), grids, [none, none], 6, seed=0)
    np.testing.assert_allclose(shared[1].ravel(), ets._ahead(learned, np.sqrt(y[:54]), 6) ** 2, rtol=1e-6)
    np.testing.assert_array_equal(shared[0], again[0])
    assert not np.allclose(shared[1], again[1])


def test_a_series_that_begins_elsewhere_is_learned_anew() -> None:
    y = totals(60, seed=2)
    learned: dict[str, ets._Fitted] = {}
    last = FIRST + pd.DateOffset(months=59)
    ets._smooth(["c"], last, learned, 6, 0, y)
    ets._smooth(["c"], last, learned, 6, 0, y[6:])
    assert learned["c"].first == FIRST + pd.DateOffset(months=6)
