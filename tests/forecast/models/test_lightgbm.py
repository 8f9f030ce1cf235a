"""The global model: rows know nothing later than their origin, shocks are not learned, corrections are bounded."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.models import _climate, _drivers, _rows, lightgbm
from forecast.models._climate import Climate
from forecast.models._season import seasonal_index
from forecast.models.lightgbm import LightGBM
from forecast.panel import Grid
from forecast.tables import ALL, Seasons, conform, empty
from tests.forecast.grids import grid_of

NO_SEASONS = empty(Seasons)


def counts(cells: int, months: int, mean: float = 5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.poisson(mean * rng.gamma(2, 0.5, (cells, 1)), (cells, months)).astype(float)


def past_of(y: np.ndarray, horizon: int = 15) -> _rows.Past:
    return _rows.past(Climate(), grid_of(y, 2), horizon, np.zeros((0, 2, y.shape[1] + horizon)))


def plain_of(grid: Grid, horizon: int) -> np.ndarray:
    """Level x season of the tamed counts, which the model corrects."""
    tamed = Grid(grid.cells, grid.months, _climate.fit(Climate(), grid).tamed)
    return _climate.project(_climate.fit(Climate(), tamed), grid.future(horizon))


@given(st.integers(_rows.FIRST, 35), st.integers(1, 15), st.integers(0, 99))
def test_months_after_the_origin_change_no_row(origin: int, ahead: int, seed: int) -> None:
    y = counts(6, 36)
    other = y.copy()
    rng = np.random.default_rng(seed)
    other[:, origin + 1 :] = rng.poisson(50, other[:, origin + 1 :].shape)
    other[:, origin + 1 :][rng.random(other[:, origin + 1 :].shape) < 0.2] = np.nan
    cells, at, h = np.arange(6), np.full(6, origin), np.full(6, ahead)
    one, two = past_of(y), past_of(other)
    np.testing.assert_array_equal(_rows.features(one, cells, at, h), _rows.features(two, cells, at, h))
    np.testing.assert_array_equal(one.base(cells, at, h), two.base(cells, at, h))


def test_the_last_month_does_change_rows() -> None:
    y = counts(6, 36)
    other = y.copy()
    other[0, -1] += 5
    cells, at, h = np.arange(6), np.full(6, 35), np.full(6, 1)
    assert (_rows.features(past_of(y), cells, at, h) != _rows.features(past_of(other), cells, at, h)).any()


def test_every_feature_has_a_name() -> None:
    past = past_of(counts(6, 36))
    assert _rows.features(past, np.arange(6), np.full(6, 20), np.full(6, 1)).shape == (6, len(_rows.FEATURES))


def test_features_are_what_their_names_say() -> None:
    y = counts(4, 40, mean=200)
    past = past_of(y)
    row = dict(
        zip(_rows.FEATURES, _rows.features(past, np.array([1]), np.array([30]), np.array([4]))[0], strict=True)
    )
    level, flat = past.level[1, 30], past.flat[1]

    def ratio(a: float, b: float) -> float:
        return float(np.log((a + _rows.SMALL) / (b + _rows.SMALL)))

    assert row["horizon"] == 4
    assert row["month"] == past.moy[34]
    assert row["months_seen"] == 31
    expected = {
        "lag_2": ratio(flat[29], level),
        "mean_3": ratio(flat[28:31].mean(), level),
        "year_on_year": ratio(flat[19:31].mean(), flat[7:19].mean()),
        "spread": ratio(flat[19:31].std(), level),
        "last_year": ratio(flat[22], flat[19:31].mean()),
        "last_year_3": ratio(flat[21:24].mean(), flat[19:31].mean()),
        "two_years": ratio(flat[10], flat[7:19].mean()),
        "zero_share": 0.0,
    }
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_shock_that_hits_all_is_taken_out() -> None:
    y = counts(40, 40, mean=30)
    y[:, 30] *= 3
    past = past_of(y)
    origin, ahead = np.array([29, 28]), np.array([1, 1])
    np.testing.assert_allclose(lightgbm._shocks(past, origin, ahead), [np.log(3), 0], atol=0.1)


def test_growth_of_the_whole_city_is_left_to_level_and_season() -> None:
    y = np.random.default_rng(0).poisson(20 * 1.04 ** np.arange(40), (80, 40)).astype(float)
    plain = plain_of(grid_of(y, 2), 6)
    means = lightgbm.predict(LightGBM(), grid_of(y, 2), NO_SEASONS, 6, 0)
    np.testing.assert_allclose(means.sum(0), plain.sum(0), rtol=0.05)


def test_the_index_in_force_today_knows_every_month() -> None:
    y = counts(6, 37)
    past = past_of(y)
    latest = seasonal_index(Climate().season, y, past.category, past.moy[:37])
    np.testing.assert_array_equal(past.blocks[past.block[-1]], latest)


def test_no_cell_leaves_level_and_season_further_than_allowed() -> None:
    grid = grid_of(counts(80, 40, mean=0.5), 2)
    spec = LightGBM(least_in_leaf=5, l2=0.0, learning_rate=0.5, largest_factor=1.2)
    plain = plain_of(grid, 3)
    factor = lightgbm.predict(spec, grid, NO_SEASONS, 3, 0) / plain
    assert factor.min() == pytest.approx(1 / 1.2)
    assert factor.max() == pytest.approx(1.2)


@pytest.mark.parametrize(("cells", "months"), [(400, 14), (3, 30)], ids=["few months", "few rows"])
def test_with_too_little_to_learn_from_level_and_season_stay(cells: int, months: int) -> None:
    grid = grid_of(counts(cells, months), 1)
    plain = plain_of(grid, 6)
    np.testing.assert_array_equal(lightgbm.predict(LightGBM(), grid, NO_SEASONS, 6, 0), plain)


def test_rows_are_as_many_as_allowed_and_the_same_for_a_seed() -> None:
    past = past_of(counts(200, 40), 6)
    spec = LightGBM(rows=1000)
    one, two, other = (np.stack(lightgbm._sample(spec, past, 6, seed)) for seed in (1, 1, 2))
    assert one.shape == (3, 1000)
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
    assert len(np.unique(one, axis=1).T) == 1000
    assert (one[1] + one[2] < 40).all()


def test_rows_have_a_known_past_and_a_known_target() -> None:
    y = counts(60, 40)
    y[:10, :25] = np.nan
    y[11, 30:] = np.nan
    past = past_of(y, 6)
    cell, origin, ahead = lightgbm._sample(LightGBM(), past, 6, 0)
    assert origin[cell < 10].min() == 25
    assert (origin + ahead)[cell == 11].max() == 29
    assert not np.isnan(y[cell, origin + ahead]).any()


def test_what_a_cell_shows_of_its_own_is_learned() -> None:
    """Cells that rest a month after every busy one, in other months each year: a season is not, a correction can."""
    rng, month = np.random.default_rng(0), np.arange(48)
    busy = np.where((month + month // 11 + rng.integers(0, 2, (150, 1))) % 2, 30.0, 10.0)
    grid = grid_of(rng.poisson(busy[:, :47]).astype(float), 1)
    plain = plain_of(grid, 1)
    means = lightgbm.predict(LightGBM(), grid, NO_SEASONS, 1, 0)
    assert np.abs(means[:, 0] - busy[:, 47]).mean() < 0.5 * np.abs(plain[:, 0] - busy[:, 47]).mean()


def test_threads_change_nothing() -> None:
    grid = grid_of(counts(60, 40), 2)
    one, two = (lightgbm.predict(LightGBM(threads=t, trees=30), grid, NO_SEASONS, 3, 0) for t in (1, 2))
    np.testing.assert_array_equal(one, two)


QUICK = LightGBM(trees=20, rows=2000, least_rows=100, least_in_leaf=20, refit_every=2)


def grids_of(y: np.ndarray, origins: range) -> list[Grid]:
    """What was known after so many months, for each origin."""
    whole = grid_of(y, 2)
    return [Grid(whole.cells, whole.months[:months], y[:, :months].copy()) for months in origins]


def fits_of(grids: list[Grid], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[np.ndarray]]:
    """What each origin used of what was learned, and the means it gave."""
    used: list[str] = []
    corrected = lightgbm._corrected

    def watched(
        spec: LightGBM, ground: lightgbm._Ground, booster: "lightgbm.Booster | None", horizon: int
    ) -> np.ndarray:
        used.append("nothing" if booster is None else booster.model_to_string())
        return corrected(spec, ground, booster, horizon)

    with monkeypatch.context() as patch:
        patch.setattr(lightgbm, "_corrected", watched)
        means = lightgbm.look_back(QUICK, grids, [NO_SEASONS] * len(grids), 3, 0)
    return used, means


def test_one_fit_serves_as_many_origins_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    used, means = fits_of(grids_of(counts(60, 40), range(36, 41)), monkeypatch)
    assert [fit == other for fit, other in pairwise(used)] == [True, False, True, False]
    for at in (0, 2, 4):
        alone = lightgbm.predict(QUICK, grids_of(counts(60, 40), range(36 + at, 37 + at))[0], NO_SEASONS, 3, 0)
        np.testing.assert_array_equal(means[at], alone)


def test_counts_after_the_oldest_origin_change_features_not_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    y = counts(60, 38)
    used, means = fits_of(grids_of(y, range(36, 39)), monkeypatch)
    y[:, 36] = counts(60, 38, seed=1)[:, 36]
    other, changed = fits_of(grids_of(y, range(36, 39)), monkeypatch)
    assert [fit == same for fit, same in zip(used, other, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(changed[0], means[0])
    assert (changed[1] != means[1]).mean() > 0.9


def test_while_there_is_too_little_to_learn_every_origin_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    used, _ = fits_of(grids_of(counts(60, 16), range(13, 17)), monkeypatch)
    assert [fit == "nothing" for fit in used] == [True, True, False, False]
    assert used[2] == used[3]


def test_a_category_keeps_its_drivers_wherever_it_stands_in_the_grid() -> None:
    """What falls in one category rises in the other with the same driver; the order of the cells plays no part."""
    months = pd.date_range("2019-07-01", "2023-01-01", freq="MS", unit="us")
    driver = np.random.default_rng(2).normal(0, 1, len(months))
    rows = [
        pd.DataFrame({"category": name, "month": months, "driver": "x", "value": sign * driver})
        for name, sign in (("c0", 1), ("c1", -1))
    ]
    seasons = conform(Seasons, pd.concat(rows))
    expected = 20 * np.exp(0.5 * np.outer(np.tile([1, -1], 40), driver[:40]))
    grid = grid_of(np.random.default_rng(0).poisson(expected), 2)
    turned = Grid(grid.cells[::-1].reset_index(drop=True), grid.months, grid.y[::-1])
    spec = QUICK.model_copy(update={"trees": 100, "learning_rate": 0.2, "rows": 5000, "feature_share": 1.0})
    means = lightgbm.predict(spec, grid, seasons, 3, 0)
    np.testing.assert_array_equal(lightgbm.predict(spec, turned, seasons, 3, 0), means[::-1])
    ahead = driver[40:43]
    apart = np.log(means[::2].mean(0) / means[1::2].mean(0))
    assert np.corrcoef(apart, ahead)[0, 1] > 0.9


def test_a_drivers_own_category_comes_before_all() -> None:
    months = pd.date_range("2020-01-01", periods=3, freq="MS", unit="us")
    rows = [
        ("c1", months[0], "x", 5.0),
        (ALL, months[0], "x", 1.0),
        (ALL, months[1], "x", 2.0),
        (ALL, months[0], "w", 0.0),
    ]
    seasons = conform(Seasons, pd.DataFrame(rows, columns=["category", "month", "driver", "value"]))
    assert _drivers.names(seasons) == ["w", "x"]
    assert _drivers.names(seasons, ("x", "not there")) == ["x"]
    values = _drivers.dense(seasons, ["x"], pd.Index(["c0", "c1"]), months)
    np.testing.assert_array_equal(values, [[[1, 2, np.nan], [5, 2, np.nan]]])
