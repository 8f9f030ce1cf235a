"""A strong season is followed, a weak one is damped; one year alone shows none."""

import numpy as np
import pandas as pd
import pytest

from forecast.models import climatology
from forecast.models._season import Season, seasonal_index
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


WAVE = np.where(np.isin(np.arange(12), [5, 6, 7]), 3.0, 1.0)


def beside_a_flat_category(shape: np.ndarray, mean: float, years: int, cells: int = 20) -> np.ndarray:
    """Mean index of the cells of a category that is `years` old; the other has been there for five and is flat.

    Args:
        shape: (60,) what each month is of the mean; only those of the last years were counted.
    """
    rng, months = np.random.default_rng(0), np.arange(60)
    young = rng.poisson(mean * shape, (cells, 60)).astype(float)
    young[:, : 60 - 12 * years] = np.nan
    flat = rng.poisson(mean, (cells, 60)).astype(float)
    index: np.ndarray = seasonal_index(Season(), np.vstack([flat, young]), np.repeat([0, 1], cells), months % 12)
    return index[cells:].mean(0)


@pytest.mark.parametrize("mean", [3, 30, 3000])
def test_the_one_wave_of_one_year_is_no_season(mean: float) -> None:
    """Of a wave of twice the usual month, the index takes a quarter at most."""
    index = beside_a_flat_category(np.tile(WAVE, 5), mean, 1)
    assert abs(index - 1).max() < 0.3


@pytest.mark.parametrize("mean", [3, 30, 3000])
def test_what_four_years_agree_on_is_a_season(mean: float) -> None:
    index = beside_a_flat_category(np.tile(WAVE, 5), mean, 4)
    np.testing.assert_allclose(index, WAVE / WAVE.mean(), atol=0.25)


@pytest.mark.parametrize("mean", [3, 30, 3000])
def test_the_wave_of_one_year_among_four_is_no_season(mean: float) -> None:
    once = np.concatenate([np.ones(48), WAVE])
    index = beside_a_flat_category(once, mean, 4)
    assert abs(index - 1).max() < 0.2
