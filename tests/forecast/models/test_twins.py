"""The quick models against their slow twins."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from forecast.models import _climate, climatology, flat_mean, seasonal_naive, theta, tsb
from forecast.models._climate import Climate
from forecast.models._season import Season, centred_mean, seasonal_index
from forecast.panel import Grid
from forecast.tables import Seasons, empty
from tests import naive


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    months, areas, categories = draw(st.integers(1, 40)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    mean = 10.0 ** draw(st.integers(-2, 5))
    season = 1 + draw(st.sampled_from([0, 0.9])) * np.cos(np.arange(months) * np.pi / 6)
    expected = mean * rng.gamma(1, 1, (areas * categories, 1)) * season
    expected[rng.random(expected.shape) < draw(st.sampled_from([0, 0.1]))] *= 10
    y = rng.poisson(expected).astype(float)
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


SEASONS = [
    Season(),
    Season(spread=0.5, noise=0.01, spread_pairs=1, noise_months=1, power=1),
    Season(spread=0.002, noise=2, spread_pairs=5, noise_months=300, power=0.5),
]


@given(grids(), st.sampled_from(SEASONS))
def test_seasonal_index(grid: Grid, season: Season) -> None:
    moy = grid.months.month.to_numpy() - 1
    category = grid.cells["category"].tolist()
    quick = seasonal_index(season, grid.y, pd.factorize(grid.cells["category"])[0], moy)
    np.testing.assert_allclose(
        quick, naive.seasonal_index(grid.y.tolist(), category, moy.tolist(), season), rtol=1e-7
    )


CLIMATES = [Climate(), Climate(discount=0.4, slow_discount=0.8, pool_shape=9, slow_shape=0.5, burst_factor=1)]


@given(grids(), st.sampled_from(CLIMATES))
def test_tame(grid: Grid, climate: Climate) -> None:
    moy = grid.months.month.to_numpy() - 1
    category, area = grid.cells["category"].tolist(), grid.cells["area"].tolist()
    season = seasonal_index(climate.season, grid.y, pd.factorize(grid.cells["category"])[0], moy)[:, moy]
    slow = naive.tame(grid.y.tolist(), season.tolist(), category, area, climate)
    np.testing.assert_allclose(_climate.fit(climate, grid).tamed, slow, rtol=1e-9)


@given(grids(), st.sampled_from(CLIMATES))
def test_pool_weight(grid: Grid, climate: Climate) -> None:
    category, area = _climate.codes(grid)
    a, b = _climate.discounted(grid.y, np.ones_like(grid.y), climate.slow_discount)
    pool = _climate.pooled_level(a, b, category, area)
    quick = _climate.pool_weight(climate, a, b, pool, category, area)
    names = grid.cells["category"].tolist(), grid.cells["area"].tolist()
    for t in range(grid.y.shape[1]):
        slow = naive.pool_weights(list(zip(a[:, t], b[:, t], strict=True)), pool[:, t].tolist(), *names, climate)
        np.testing.assert_allclose(quick[:, t], slow, rtol=1e-7)


@given(grids(), st.integers(1, 14))
def test_flat_mean(grid: Grid, months: int) -> None:
    quick = flat_mean.predict(flat_mean.FlatMean(months=months), grid, empty(Seasons), 3, 0)
    slow = [[naive.flat_mean(counts, months)] * 3 for counts in grid.y.tolist()]
    np.testing.assert_allclose(quick, slow, rtol=1e-12)


@given(grids(), st.integers(1, 14))
def test_tsb(grid: Grid, first_months: int) -> None:
    quick = tsb.predict(tsb.Tsb(first_months=first_months), grid, empty(Seasons), 1, 0)
    slow = [[naive.tsb(counts, first_months, tsb.TRIED.tolist())] for counts in grid.y.tolist()]
    np.testing.assert_allclose(quick, slow, rtol=1e-9)


def test_tsb_with_the_season_is_tsb_of_the_rest() -> None:
    y = np.random.default_rng(5).poisson(3, (4, 40)) * np.tile(np.arange(1, 41) % 12 + 1, (4, 1))
    months = pd.date_range("2019-01-01", periods=40, freq="MS", unit="us")
    cells = pd.DataFrame({"area": list("abcd"), "category": "c"}, dtype="str")
    grid = Grid(cells, months, y.astype(float))
    index = seasonal_index(Season(), grid.y, np.zeros(4, dtype=int), months.month.to_numpy() - 1)
    quick = tsb.predict(tsb.Tsb(season=True), grid, empty(Seasons), 6, 0)
    rest = (grid.y / index[:, months.month - 1]).tolist()
    slow = [naive.tsb(counts, 12, tsb.TRIED.tolist()) for counts in rest]
    np.testing.assert_allclose(quick, np.array(slow)[:, None] * index[:, grid.future(6).month - 1])


@given(grids(), st.floats(0.02, 0.99), st.floats(0, 1))
@settings(max_examples=30)
def test_theta_at_given_parameters(grid: Grid, alpha: float, share: float) -> None:
    run = theta._run(theta.Theta(), grid.y, np.full((1, len(grid.y)), alpha))
    for i, counts in enumerate(grid.y.tolist()):
        quick = run.smooth[0, i] + run.fade[0, i] * 7 + share * run.bend[0, i]
        assert quick == pytest.approx(naive.theta_means(counts, 7.0, alpha, share)[-1], rel=1e-7, abs=1e-7)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40), st.floats(0.02, 0.99), st.floats(1, 50))
def test_with_every_month_covered_theta_is_that_of_the_paper(
    counts: list[float], alpha: float, parameter: float
) -> None:
    paper = naive.dynamic_theta(counts, 7.0, alpha, parameter)
    assert naive.theta_means(counts, 7.0, alpha, 1 - 1 / parameter) == pytest.approx(paper, rel=1e-6, abs=1e-6)


PAPER = theta.Theta(discount=1, pool=0, drift=1, damping=1)


@given(grids(), st.integers(1, 14))
@settings(max_examples=40)
def test_theta_stays_near_level_times_season(grid: Grid, horizon: int) -> None:
    spec = theta.Theta(largest_factor=1.5)
    usual = climatology.predict(climatology.Climatology(), grid, empty(Seasons), horizon, 0)
    means = theta.predict(spec, grid, empty(Seasons), horizon, 0)
    young = (~np.isnan(grid.y)).sum(1) < spec.least_months
    np.testing.assert_array_equal(means[young], usual[young])
    assert (means <= usual * 1.5).all()
    assert (means >= usual / 1.5).all()


def test_theta_is_that_of_the_counts_without_season_times_the_season() -> None:
    y = np.random.default_rng(5).poisson(30, (6, 40)) * np.tile(np.arange(1, 41) % 12 + 1, (6, 1)).astype(float)
    months = pd.date_range("2019-01-01", periods=40, freq="MS", unit="us")
    cells = pd.DataFrame({"area": list("abcabc"), "category": list("cccddd")}, dtype="str")
    grid = Grid(cells, months, y)
    category, spec = np.array([0, 0, 0, 1, 1, 1]), theta.Theta(largest_factor=1e6)
    index = seasonal_index(Season(), y, category, months.month.to_numpy() - 1)
    rest = theta.theta(spec, y / index[:, months.month - 1], category, 6)
    means = theta.predict(spec, grid, empty(Seasons), 6, 0)
    np.testing.assert_allclose(means, rest * index[:, grid.future(6).month - 1])


@pytest.mark.parametrize("spec", [theta.Theta(), PAPER, theta.Theta(pool=3, drift=0.2, damping=0.5, discount=0.9)])
@pytest.mark.parametrize("holes", [0, 0.2])
def test_theta(spec: theta.Theta, holes: float) -> None:
    rng = np.random.default_rng(7)
    level = np.exp(np.cumsum(rng.normal(0, 0.15, (6, 30)), axis=1)) * rng.gamma(1, 20, (6, 1))
    x = rng.poisson(level).astype(float)
    x[0] = np.arange(30) ** 2  # runs away from any line
    x[rng.random(x.shape) < holes] = np.nan
    x[2, :11] = np.nan
    category = ["a", "b", "a", "a", "b", "a"]
    quick = theta.theta(spec, x, pd.factorize(np.array(category))[0], 6)
    np.testing.assert_allclose(quick, naive.theta(x.tolist(), category, theta.ALPHAS.tolist(), 6, spec), rtol=1e-6)


def test_no_search_finds_a_clearly_better_theta() -> None:
    """A minimiser free in all three parameters of the paper gains less than 1 % over the grid."""
    rng = np.random.default_rng(3)
    x = rng.poisson(rng.gamma(1, 30, (8, 1)) * (1 + np.arange(36) / 30 * rng.uniform(-0.8, 1, (8, 1)))).astype(float)
    grid = theta._solved(theta._run(PAPER, x, theta.ALPHAS[:, None]), 1.0)[2].min(0)
    for counts, found in zip(x, grid, strict=True):

        def error(p: np.ndarray, counts: np.ndarray = counts) -> float:
            expected = naive.dynamic_theta(counts.tolist(), p[0], p[1], 1 / (1 - p[2]))
            return float(((counts - expected[:-1]) ** 2).sum())

        bounds = [(None, None), (0.02, 0.99), (0, 1 - 1e-9)]
        starts = [(counts[0], alpha, 0.5) for alpha in (0.05, 0.3, 0.8)]
        free = min(minimize(error, start, bounds=bounds, method="Nelder-Mead").fun for start in starts)
        assert free * 0.999 <= found <= 1.01 * free


@given(grids())
def test_theta_solves_a_cell_alike_whatever_its_neighbours(grid: Grid) -> None:
    spec, alone = theta.Theta(pool=0), np.zeros(1, dtype=int)
    together = theta.theta(spec, grid.y, np.zeros(len(grid.y), dtype=int), 4)
    apart = np.concatenate([theta.theta(spec, grid.y[[i]], alone, 4) for i in range(len(grid.y))])
    np.testing.assert_allclose(together, apart, rtol=1e-9, atol=1e-9)


def test_theta_follows_a_trend_as_far_as_it_is_let() -> None:
    x = 100 + 10 * np.arange(40.0)[None]
    one = np.zeros(1, dtype=int)
    np.testing.assert_allclose(theta.theta(PAPER, x, one, 3)[0], [500, 510, 520], rtol=0.01)
    flat = theta.theta(theta.Theta(drift=0), x, one, 3)[0]
    assert flat == pytest.approx([flat[0]] * 3)
    assert flat[0] < 500


def test_theta_of_more_cells_than_are_solved_together(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).poisson(5, (11, 30)).astype(float)
    category = np.arange(11) % 3
    whole = theta.theta(theta.Theta(), x, category, 4)
    monkeypatch.setattr(theta, "CHUNK", 4)
    np.testing.assert_array_equal(theta.theta(theta.Theta(), x, category, 4), whole)


@given(grids())
def test_an_index_has_mean_one_and_no_month_is_impossible(grid: Grid) -> None:
    moy = grid.months.month.to_numpy() - 1
    index = seasonal_index(Season(), grid.y, pd.factorize(grid.cells["category"])[0], moy)
    np.testing.assert_allclose(index.mean(1), 1)
    assert (index > 0.005).all()


def test_a_centred_mean_sees_no_season() -> None:
    season = np.tile(np.arange(12.0), 4)[None]
    np.testing.assert_allclose(centred_mean(season), 5.5)


def test_a_trend_is_no_season() -> None:
    y = np.arange(100.0, 148.0)[None] * 10
    index = seasonal_index(Season(), y, np.zeros(1, dtype=int), np.arange(48) % 12)
    np.testing.assert_allclose(index, 1, atol=0.05)


@pytest.mark.parametrize("months", range(1, 12))
def test_less_than_a_year_tells_nothing_of_seasons(months: int) -> None:
    y = np.random.default_rng(0).poisson(5, (6, months)).astype(float)
    np.testing.assert_array_equal(seasonal_index(Season(), y, np.zeros(6, dtype=int), np.arange(months)), 1)
