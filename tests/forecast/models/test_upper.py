"""ETS and Prophet: totals that do not drop with coverage, shared out, bounded, and given up where they must."""

import numpy as np
import pandas as pd
import pytest

from forecast.models import _climate, _upper, catalogue, climatology, ets, prophet
from forecast.models._climate import Climate
from forecast.panel import Grid
from forecast.tables import ALL, Seasons, empty
from tests.forecast.grids import grid_of

NO_SEASONS = empty(Seasons)
BOTH = pytest.mark.parametrize("spec", [ets.Ets(), prophet.Prophet()], ids=lambda spec: spec.kind)


def counts(cells: int, months: int, mean: float = 50) -> np.ndarray:
    return np.random.default_rng(0).poisson(mean, (cells, months)).astype(float)


def test_a_silent_area_is_filled_at_its_own_level_and_season() -> None:
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(48) / 12)
    y = np.array([[100.0], [400.0]]) * season
    y[1, :20] = np.nan
    y[0, 30:36] = np.nan
    grid = grid_of(y)
    full = _upper.filled(Climate(), grid, _climate.fit(Climate(), grid))
    np.testing.assert_array_equal(full[~np.isnan(y)], y[~np.isnan(y)])
    np.testing.assert_allclose(full, np.array([[100.0], [400.0]]) * season, rtol=0.25)


def test_each_category_is_asked_once_from_the_month_it_began() -> None:
    y = counts(3, 40)
    y[2, :10] = np.nan
    asked = {}

    def forecaster(category: int, totals: np.ndarray) -> np.ndarray:
        asked[category] = len(totals)
        return np.full(6, 300.0 if category else 100.0)

    means = _upper.share_out(Climate(), grid_of(y, ["a", "a", "b"]), 6, forecaster, 24, 100, 9)
    assert asked == {0: 40, 1: 30}
    np.testing.assert_allclose(means[:2].sum(0), 100)
    np.testing.assert_allclose(means[2], 300)


def test_only_the_largest_categories_are_asked() -> None:
    y = counts(3, 40)
    y[1] *= 5
    grid = grid_of(y, ["a", "b", "c"])
    means = _upper.share_out(Climate(), grid, 6, lambda category, totals: np.zeros(6), 24, 1e9, 1)
    usual = _climate.project(_climate.fit(Climate(), grid), grid.future(6))
    assert means[1].max() < 1e-6
    np.testing.assert_array_equal(means[[0, 2]], usual[[0, 2]])


@pytest.mark.parametrize(("wild", "factor"), [(1e9, 3), (0.0, 1 / 3)])
def test_a_total_that_runs_away_is_held(wild: float, factor: float) -> None:
    grid = grid_of(counts(2, 40))

    def forecaster(category: int, totals: np.ndarray) -> np.ndarray:
        return np.full(3, wild)

    usual = _climate.project(_climate.fit(Climate(), grid), grid.future(3))
    np.testing.assert_allclose(_upper.share_out(Climate(), grid, 3, forecaster, 24, 3, 9), usual * factor)


@BOTH
@pytest.mark.parametrize("y", [counts(4, 23), np.zeros((4, 40))], ids=["23 months", "zeros"])
def test_where_nothing_can_be_estimated_level_and_season_stay(spec: catalogue.Model, y: np.ndarray) -> None:
    grid = grid_of(y)
    plain = climatology.predict(climatology.Climatology(), grid, NO_SEASONS, 6, 0)
    np.testing.assert_array_equal(catalogue.predict(spec, grid, NO_SEASONS, 6, 0), plain)


@BOTH
@pytest.mark.parametrize("months", [24, 40])
def test_a_constant_series_stays_what_it_is(spec: catalogue.Model, months: int) -> None:
    """Here the optimiser of ETS finds nothing to do and complains."""
    means = catalogue.predict(spec, grid_of(np.full((1, months), 7.0)), NO_SEASONS, 6, 0)
    np.testing.assert_allclose(means, 7, rtol=0.05)


@BOTH
def test_a_level_that_doubled_is_followed(spec: catalogue.Model) -> None:
    y = counts(4, 60)
    y[:, 30:] *= 2
    means = catalogue.predict(spec, grid_of(y), NO_SEASONS, 6, 0)
    np.testing.assert_allclose(means.mean(), 100, rtol=0.1)


def test_prophet_learns_what_a_moving_feast_does() -> None:
    rng = np.random.default_rng(1)
    months = pd.date_range("2014-01-01", periods=108, freq="MS", unit="us")
    share = np.where(months.month == 1, rng.integers(0, 2, 108), 0.0)
    share[months.month == 2] = 1 - share[months.month == 1]
    y = rng.poisson(400 * (1 - 0.5 * share), (2, 108)).astype(float)
    seasons = pd.DataFrame({"category": ALL, "month": months, "driver": "spring_festival_share", "value": share})
    known = Grid(pd.DataFrame({"area": ["a", "b"], "category": "c"}, dtype="str"), months[:-11], y[:, :-11])
    means = prophet.predict(prophet.Prophet(), known, seasons, 2, 0)
    blind = prophet.predict(prophet.Prophet(drivers=()), known, seasons, 2, 0)
    truth = y[:, -11:-9]
    assert np.abs(means - truth).sum() < np.abs(blind - truth).sum() / 2


def test_prophet_gives_up_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    from prophet import Prophet

    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no way down")

    monkeypatch.setattr(Prophet, "fit", fails)
    grid = grid_of(counts(2, 40))
    plain = climatology.predict(climatology.Climatology(), grid, NO_SEASONS, 6, 0)
    np.testing.assert_array_equal(prophet.predict(prophet.Prophet(), grid, NO_SEASONS, 6, 0), plain)
