"""The quick models against their slow twins."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.models import climatology, seasonal_naive
from forecast.models._climate import Climate, centred_mean, seasonal_index
from forecast.panel import Grid
from forecast.tables import Seasons, empty


def _load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "naive.py"
    found = importlib.util.spec_from_file_location("naive", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


naive = _load()


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    months, areas, categories = draw(st.integers(1, 40)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    mean = 10.0 ** draw(st.integers(-2, 5))
    y = rng.poisson(mean * rng.gamma(1, 1, (areas * categories, 1)), (areas * categories, months)).astype(float)
    y[rng.random(y.shape) < draw(st.sampled_from([0, 0.05, 0.3, 0.9]))] = np.nan
    cells = [(f"a{i // categories}", f"c{i % categories}") for i in range(len(y))]
    end = pd.Timestamp(2022, draw(st.integers(1, 12)), 1)
    last = pd.date_range(end=end, periods=months, freq="MS", unit="us")
    return Grid(pd.DataFrame(cells, columns=["area", "category"], dtype="str"), last, y)


@given(grids(), st.integers(1, 14))
def test_seasonal_naive(grid: Grid, horizon: int) -> None:
    quick = seasonal_naive.predict(seasonal_naive.SeasonalNaive(), grid, empty(Seasons), horizon, 0)
    np.testing.assert_allclose(quick, naive.seasonal_naive(grid.y.tolist(), horizon))


@given(grids(), st.integers(1, 14))
def test_climatology(grid: Grid, horizon: int) -> None:
    spec = climatology.Climatology()
    quick = climatology.predict(spec, grid, empty(Seasons), horizon, 0)
    category, area = grid.cells["category"].tolist(), grid.cells["area"].tolist()
    slow = naive.climatology(grid.y.tolist(), category, area, grid.months[0].month - 1, horizon, spec)
    np.testing.assert_allclose(quick, slow, rtol=1e-7)


@given(grids())
def test_an_index_has_mean_one_and_no_month_is_impossible(grid: Grid) -> None:
    moy = grid.months.month.to_numpy() - 1
    index = seasonal_index(Climate(), grid.y, pd.factorize(grid.cells["category"])[0], moy)
    np.testing.assert_allclose(index.mean(1), 1)
    assert (index > 0.005).all()


def test_a_centred_mean_sees_no_season() -> None:
    season = np.tile(np.arange(12.0), 4)[None]
    np.testing.assert_allclose(centred_mean(season), 5.5)


def test_a_trend_is_no_season() -> None:
    y = np.arange(100.0, 148.0)[None] * 10
    index = seasonal_index(Climate(), y, np.zeros(1, dtype=int), np.arange(48) % 12)
    np.testing.assert_allclose(index, 1, atol=0.05)


@pytest.mark.parametrize("months", range(1, 12))
def test_less_than_a_year_tells_nothing_of_seasons(months: int) -> None:
    y = np.random.default_rng(0).poisson(5, (6, months)).astype(float)
    np.testing.assert_array_equal(seasonal_index(Climate(), y, np.zeros(6, dtype=int), np.arange(months)), 1)
