import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from forecast import calibrate, negbin
from forecast.calibrate import Calibrate
from forecast.tables import Calibration, check

SPEC = Calibrate()
ORIGIN = pd.Timestamp("2022-10-01")


def draw(rng: np.random.Generator, mean: np.ndarray, dispersion: np.ndarray | float) -> np.ndarray:
    """Negative binomial counts with var = mu + phi mu^2."""
    shape = np.broadcast_to(1 / np.asarray(dispersion, dtype=float), mean.shape)
    return rng.poisson(rng.gamma(shape, mean / shape)).astype(float)


def city(
    dispersion: np.ndarray | float, cells: int = 300, horizon: int = 6, origins: int = 6, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Past means, what came, and today's means of cells of many sizes."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(1.5, 1.2, cells))
    past = np.broadcast_to(level[:, None], (origins, cells, horizon)).copy()
    return past, draw(rng, past, dispersion), past[0].copy()


def implied(variance: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """phi of a variance."""
    return (variance - mean) / mean**2


def test_without_a_past_the_prior_holds() -> None:
    mean = np.array([[0.0, 0.1, 3.0, 900.0]])
    empty = np.empty((0, 1, 4))
    found = calibrate.calibrate(SPEC, empty, empty, mean)
    growth = (np.arange(1, 5) / 4) ** SPEC.growth
    np.testing.assert_allclose(found.variance, mean + SPEC.prior_dispersion * growth * mean**2)
    assert found.correlation == 0.0
    unknown = np.full((3, 1, 4), np.nan)
    np.testing.assert_array_equal(calibrate.calibrate(SPEC, unknown, unknown, mean).variance, found.variance)


@pytest.mark.parametrize("dispersion", [0.05, 0.4, 1.5])
def test_the_spread_of_new_counts_is_that_of_the_past(dispersion: float) -> None:
    past, actual, mean = city(dispersion)
    variance = calibrate.calibrate(SPEC, past, actual, mean).variance
    new = draw(np.random.default_rng(9), mean, dispersion)
    u = negbin.pit(new, mean, variance, seed=0)
    assert stats.kstest(u.ravel(), "uniform").statistic < 0.04
    large = mean > 3
    assert np.median(implied(variance, mean)[large]) == pytest.approx(dispersion, rel=0.35)


def test_poisson_counts_get_hardly_any_extra_spread() -> None:
    past, _, mean = city(1.0)
    actual = np.random.default_rng(2).poisson(past).astype(float)
    variance = calibrate.calibrate(SPEC, past, actual, mean).variance
    assert np.median(implied(variance, mean)[mean > 10]) < 0.03


def test_a_restless_cell_gets_more_spread_than_a_calm_one() -> None:
    own = np.where(np.arange(300) % 2, 1.2, 0.05)[:, None]
    past, actual, mean = city(own)
    found = implied(calibrate.calibrate(SPEC, past, actual, mean).variance, mean)
    large = mean[:, 0] > 4
    restless = np.arange(300) % 2 == 1
    assert np.median(found[large & restless]) > 3 * np.median(found[large & ~restless])


def test_errors_made_at_another_level_say_little() -> None:
    """A cell that ran wild at 100 a month and was calm at 6."""
    past, actual, mean = city(0.2, cells=200)
    past[:, 0], actual[:, 0] = 6.0, 6.0
    past[:3, 0] = 100.0
    actual[:3, 0] = np.array([3.0, 400.0, 30.0])[:, None]
    calm, wild = mean.copy(), mean.copy()
    calm[0], wild[0] = 6.0, 100.0
    found = [implied(calibrate.calibrate(SPEC, past, actual, m).variance, m)[0, 0] for m in (calm, wild)]
    assert found[0] < found[1] / 3


def test_small_and_large_cells_have_their_own_dispersion() -> None:
    rng = np.random.default_rng(7)
    past, _, mean = city(1.0, cells=600)
    actual = draw(rng, past, np.where(past > 4, 0.1, 2.0))
    found = implied(calibrate.calibrate(Calibrate(own_evidence=0), past, actual, mean).variance, mean)
    assert np.median(found[mean > 10]) < 0.2
    assert np.median(found[(mean > 0.5) & (mean < 3)]) > 1


def test_a_cell_is_not_judged_by_its_own_error() -> None:
    """With one residual an origin, each cell's own ratio must come from the others, or the multiplier is off."""
    past, actual, mean = city(0.5, cells=3000, horizon=1, origins=2)
    eager = Calibrate(own_evidence=1, own_spread=2, multiplier_weight=0)
    variance = calibrate.calibrate(eager, past, actual, mean).variance
    u = negbin.pit(draw(np.random.default_rng(8), mean, 0.5), mean, variance, seed=0)
    assert 0.77 < ((u > 0.1) & (u < 0.9)).mean() < 0.83


def test_spread_grows_with_the_horizon_when_errors_do() -> None:
    growing = 0.1 * np.arange(1, 7) ** 0.6
    past, actual, mean = city(growing, cells=600)
    flat_actual = city(0.2, cells=600)[1]
    ratio = []
    for came in (actual, flat_actual):
        found = implied(calibrate.calibrate(SPEC, past, came, mean).variance, mean)
        ratio.append(float(np.median(found[:, -1] / found[:, 0])))
    assert ratio[0] > 1.6
    assert ratio[0] > ratio[1] + 0.3


def test_sizes_never_seen_lean_to_the_prior_the_more_the_farther_off() -> None:
    past, actual, _ = city(0.05)
    mean = np.geomspace(1e-6, 1e12, 300)[:, None] * np.ones(6)
    variance = calibrate.calibrate(Calibrate(own_evidence=0), past, actual, mean).variance
    assert np.isfinite(variance).all()
    assert (np.diff(variance, axis=0) > 0).all()
    dispersion = implied(variance, mean)[:, 3]
    assert dispersion[mean[:, 0] <= past.max()][-1] < 0.1
    assert dispersion[-1] == pytest.approx(SPEC.prior_dispersion, rel=0.1)
    assert (np.diff(dispersion[mean[:, 0] > past.max()]) > 0).all()


def test_smooth_counts_get_narrow_intervals() -> None:
    past, _, mean = city(1.0)
    past, mean = past * 1e5, mean * 1e5
    actual = draw(np.random.default_rng(1), past, 1e-3)
    dispersion = implied(calibrate.calibrate(SPEC, past, actual, mean).variance, mean)
    assert 5e-4 < np.median(dispersion) < 3e-3


@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(1, 8), st.integers(1, 5))
def test_any_past_gives_a_usable_spread(seed: int, origins: int, cells: int, horizon: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (origins, cells, horizon)
    past = np.where(rng.random(shape) < 0.2, np.nan, 10 ** rng.uniform(-5, 4, shape) * (rng.random(shape) < 0.8))
    actual = np.where(rng.random(shape) < 0.3, np.nan, np.floor(10 ** rng.uniform(-1, 4, shape)))
    mean = 10 ** rng.uniform(-5, 5, shape[1:]) * (rng.random(shape[1:]) < 0.8)
    found = calibrate.calibrate(SPEC, past, actual, mean)
    assert np.isfinite(found.variance).all()
    assert (found.variance >= mean).all()
    assert 0 <= found.correlation < 1
    quantiles = negbin.quantile(mean, found.variance, SPEC.quantile_levels)
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert (quantiles >= 0).all()


def test_what_is_not_known_says_nothing() -> None:
    past, actual, mean = city(0.5)
    rng = np.random.default_rng(5)
    hidden = rng.random(actual.shape) < 0.3
    actual[hidden] = np.nan
    before = calibrate.calibrate(SPEC, past, actual, mean)
    unseen = np.full((1, *mean.shape), np.nan)
    after = calibrate.calibrate(SPEC, np.concatenate([past, past[:1]]), np.concatenate([actual, unseen]), mean)
    np.testing.assert_allclose(after.variance, before.variance)
    assert after.correlation == pytest.approx(before.correlation)


def test_months_of_one_forecast_that_err_together_are_correlated() -> None:
    rng = np.random.default_rng(6)
    past, alone, mean = city(0.3, seed=6)
    shared = rng.gamma(1 / 0.3, 0.3, past.shape[:2])[..., None]
    together = rng.poisson(past * shared).astype(float)
    apart = calibrate.calibrate(SPEC, past, alone, mean)
    joint = calibrate.calibrate(SPEC, past, together, mean)
    assert apart.correlation < 0.05
    assert 0.3 < joint.correlation < 1
    big = mean[:, 0] > 3
    total, spread = mean[big].sum(axis=1), np.sqrt(joint.variance[big]).sum(axis=1)
    variance = negbin.variance_of_sum(joint.variance[big].sum(axis=1), spread, joint.correlation)
    new = rng.poisson(mean * rng.gamma(1 / 0.3, 0.3, len(mean))[:, None]).astype(float)
    u = negbin.pit(new[big].sum(axis=1), total, variance, seed=0)
    assert 0.7 < ((u > 0.1) & (u < 0.9)).mean() < 0.92


def test_the_table_tells_cells_and_sums_apart() -> None:
    past, actual, mean = city(0.5)
    learned = calibrate.calibrate(SPEC, past, actual, mean)
    table = calibrate.table({"": learned, "upper": learned}, "combination", ORIGIN)
    check(Calibration, table)
    assert {"dispersion", "bin_mean", "multiplier", "correlation", "upper_dispersion"} <= set(table["parameter"])
    assert calibrate.correlation_in(table) == learned.correlation
    assert calibrate.correlation_in(table, "upper") == learned.correlation
    assert calibrate.correlation_in(table.iloc[:0]) == 0.0
    assert not table.duplicated(["parameter", "horizon", "bin"]).any()
    seen = table[table["parameter"] == "residuals"]["value"].sum()
    assert seen == (past > 0).sum()


@pytest.mark.parametrize("levels", [(), (0.5, 0.1), (0.1, 0.1), (0.0, 0.5), (0.5, 1.0)])
def test_levels_must_rise_inside_zero_and_one(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="quantile_levels"):
        Calibrate(quantile_levels=levels)
