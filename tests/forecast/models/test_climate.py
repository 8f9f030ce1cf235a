"""A burst is not believed, a lasting shift is; taming only ever lowers what is far above the expected."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.models import _climate, catalogue
from forecast.models._climate import Climate
from forecast.models.climatology import Climatology
from forecast.models.theta import Theta
from forecast.tables import Seasons, empty
from tests.forecast.grids import grid_of

SIZES = [10, 100, 10_000]


def next_month(spec: Any, y: np.ndarray) -> float:
    """What is expected of the first cell, in units of one month of it as it was."""
    return float(catalogue.predict(spec, grid_of(y), empty(Seasons), 1, 0)[0, 0])


def steady(mean: float, months: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (10, months)).astype(float)


@pytest.mark.parametrize("mean", SIZES)
@pytest.mark.parametrize(("spec", "most"), [(Climatology(), 0.5), (Theta(), 0.15)], ids=["climatology", "theta"])
def test_a_month_ten_times_as_loud_lifts_the_next_forecast_by_little(spec: Any, most: float, mean: float) -> None:
    y = steady(mean, 48)
    y[0, -1] = mean
    burst = y.copy()
    burst[0, -1] = 10 * mean
    lift = (next_month(spec, burst) - next_month(spec, y)) / mean
    assert 0 < lift < most
    believed = (next_month(loose(spec), burst) - next_month(loose(spec), y)) / mean
    assert lift < believed / 3


def loose(spec: Any) -> Any:
    """The same without a bound on bursts."""
    free = {"burst_factor": 1e9}
    if isinstance(spec, Climatology):
        return spec.model_copy(update=free)
    return spec.model_copy(update={"climate": spec.climate.model_copy(update=free)})


@pytest.mark.parametrize("mean", SIZES)
@pytest.mark.parametrize(("spec", "least"), [(Climatology(), 0.5), (Theta(), 0.7)], ids=["climatology", "theta"])
def test_a_cell_that_doubles_for_good_is_followed_within_four_months(spec: Any, least: float, mean: float) -> None:
    followed = []
    for seed in range(5):
        y = steady(mean, 52, seed)
        before = next_month(spec, y[:, :48])
        y[0, 48:] = np.random.default_rng(seed).poisson(2 * mean, 4)
        followed.append((next_month(spec, y) - before) / mean)
    assert least < np.mean(followed) < 1.2


@st.composite
def counts(draw: st.DrawFn) -> np.ndarray:
    """Counts with bursts and gaps, few or many."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    y = rng.poisson(10.0 ** draw(st.integers(-2, 5)), (4, draw(st.integers(1, 40)))).astype(float)
    y[rng.random(y.shape) < 0.2] *= 20
    y[rng.random(y.shape) < draw(st.sampled_from([0, 0.3, 0.9]))] = np.nan
    return y


@given(counts(), st.floats(1e-3, 1e3))
def test_taming_raises_nothing_and_leaves_gaps_and_the_first_months_alone(y: np.ndarray, size: float) -> None:
    tamed = _climate.tame(Climate(), y, np.ones_like(y), np.full_like(y, size))
    np.testing.assert_array_equal(np.isnan(tamed), np.isnan(y))
    known = ~np.isnan(y)
    assert (tamed[known] <= y[known]).all()
    assert (tamed[known] >= np.minimum(y[known], 2)).all()
    first = known & (np.cumsum(known, axis=1) <= 2)
    np.testing.assert_array_equal(tamed[first], y[first])


def test_the_third_month_is_the_first_that_can_be_tamed() -> None:
    y = np.array([[500.0, 500, 500, 9000], [5, 5, 900, 5], [5, 900, 5, 5]])
    tamed = _climate.tame(Climate(), y, np.ones_like(y), np.full_like(y, 5.0))
    np.testing.assert_array_equal(tamed == y, [[True, True, True, False], [True, True, False, True], [True] * 4])


def test_what_comes_later_tames_nothing_earlier() -> None:
    y = np.random.default_rng(0).poisson(10, (5, 30)) * np.where(np.arange(30) % 7 == 6, 10.0, 1.0)
    season, slow = np.ones_like(y), np.full_like(y, 10.0)
    later = y.copy()
    later[:, 20:] = 1e6
    tamed = _climate.tame(Climate(), y, season, slow)
    assert (tamed < y).any()
    np.testing.assert_array_equal(_climate.tame(Climate(), later, season, slow)[:, :20], tamed[:, :20])
