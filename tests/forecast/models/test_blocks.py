"""What is done in blocks, or once for all, is to the last bit what is done at once and again."""

import lightgbm
import numpy as np
import pytest

from forecast import calibrate, combine
from forecast.models import _climate, _rows, _season, _trees, theta
from forecast.models._climate import Climate
from forecast.panel import Grid
from tests.forecast.grids import grid_of

MOY = np.arange(40) % 12


def counts(seed: int = 0, gaps: bool = True) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = rng.poisson(rng.gamma(1, 2, (30, 1)), (30, 40)).astype(float)
    if gaps:
        y[:5, :13] = np.nan
        y[rng.random(y.shape) < 0.03] = np.nan
    return y


@pytest.mark.parametrize("gaps", [False, True])
def test_a_climate_in_blocks_is_that_of_all_cells(monkeypatch: pytest.MonkeyPatch, gaps: bool) -> None:
    def fitted() -> list[np.ndarray]:
        grid = grid_of(counts(gaps=gaps), 3)
        past = _rows.past(Climate(), grid, 3, np.zeros((0, 3, 43)))
        found = _climate.fit(Climate(), grid)
        return [found.level, found.index, found.tamed, past.level, *past.rates, past.by_area.moved, past.flat]

    whole = fitted()
    monkeypatch.setattr(_season, "BLOCK", 7)
    for once, parts in zip(whole, fitted(), strict=True):
        np.testing.assert_array_equal(once, parts)


def test_sums_in_blocks_are_added_in_the_order_of_one_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).lognormal(0, 5, (100, 6))
    monkeypatch.setattr(_season, "BLOCK", 9)
    np.testing.assert_array_equal(_season.summed(lambda rows: (rows,), x)[0], x.sum(0))


def test_discounted_sums_are_those_of_a_slow_walk() -> None:
    y, season = counts(2), np.random.default_rng(3).gamma(5, 0.2, (30, 40))
    a, b = _climate.discounted(y, season, 0.9)
    for row in range(len(y)):
        sums = [0.0, 0.0]
        for t in range(40):
            if not np.isnan(y[row, t]):
                sums = [0.9 * sums[0] + y[row, t], 0.9 * sums[1] + season[row, t]]
            assert [a[row, t], b[row, t]] == sums


def test_a_grid_is_fitted_once_and_its_fit_goes_with_it() -> None:
    grid = grid_of(counts(), 3)
    first = _climate.fit(Climate(), grid)
    assert _climate.fit(Climate(), grid) is first
    assert _climate.fit(Climate(discount=0.5), grid) is not first
    same = _climate.fit(Climate(), Grid(grid.cells, grid.months, grid.y))
    assert same is not first
    np.testing.assert_array_equal(same.level, first.level)
    kept = len(_climate._FITS)
    del grid
    assert len(_climate._FITS) < kept


def test_theta_does_not_care_which_cells_are_solved_together(monkeypatch: pytest.MonkeyPatch) -> None:
    x, category = counts(4), np.arange(30) % 3
    whole = theta.theta(theta.Theta(), x, category, 6)
    monkeypatch.setattr(theta, "CHUNK", 4)
    np.testing.assert_array_equal(theta.theta(theta.Theta(), x, category, 6), whole)


@pytest.mark.parametrize("missing", [(0, 1, 2), (0,), ()])
def test_trees_asked_together_say_what_the_model_says(missing: tuple[int, ...]) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(600, 3)).astype(np.float32)
    y = np.exp(x[:, 0] - (x[:, 1] > 0.3) * x[:, 2])
    for column in missing:
        x[rng.random(600) < 0.2, column] = np.nan
    options = {"objective": "poisson", "num_leaves": 8, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
    model = lightgbm.train(options, lightgbm.Dataset(x, label=y), num_boost_round=30)
    asked = rng.normal(size=(500, 3)).astype(np.float32)
    asked[rng.random(asked.shape) < 0.2] = np.nan
    asked[:3] = 0.0
    thresholds = model.trees_to_dataframe()["threshold"].dropna().to_numpy()[:200]
    asked[100:300, 0] = thresholds.astype(np.float32)
    expected = model.predict(asked, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(_trees.summed(_trees.trees(model), np.ascontiguousarray(asked.T)), expected)


def test_a_model_of_one_leaf_says_it_everywhere() -> None:
    x, y = np.zeros((50, 2)), np.ones(50)
    model = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, label=y), num_boost_round=2)
    said = _trees.summed(_trees.trees(model), np.zeros((2, 4), dtype=np.float32))
    np.testing.assert_array_equal(said, model.predict(np.zeros((4, 2)), raw_score=True))


def test_months_ahead_have_the_features_of_each_month() -> None:
    past = _rows.past(Climate(), grid_of(counts(), 3), 5, np.random.default_rng(6).normal(size=(2, 3, 45)))
    cells, now = np.arange(30), np.full(30, 39)
    for h, rows in enumerate(_rows.each_month_ahead(past, cells, now, 5), start=1):
        np.testing.assert_array_equal(rows.T, _rows.features(past, cells, now, np.full(30, h)))


def test_spread_and_weights_in_blocks_are_those_of_all_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    mean = rng.gamma(1, 2, (2, 3, 25, 6))
    actual = rng.poisson(mean[0]).astype(float)
    actual[2, :, 4:] = np.nan
    mean[:, 0, :3] = np.nan

    def learned() -> list[np.ndarray]:
        spread = calibrate.calibrate(calibrate.Calibrate(bin_size=20), mean[0], actual, mean[0, 2])
        return [spread.variance, combine.relative_errors(list(mean), actual)]

    whole = learned()
    monkeypatch.setattr(calibrate, "BLOCK", 4)
    monkeypatch.setattr(combine, "BLOCK", 4)
    for once, parts in zip(whole, learned(), strict=True):
        np.testing.assert_array_equal(once, parts)
