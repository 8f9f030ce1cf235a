import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from forecast import negbin
from tests import naive

LEVELS = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])

means = st.floats(-4, 7).map(lambda power: 10**power)
dispersions = st.floats(-6, 3).map(lambda power: 10**power)


def random_points(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Means 1e-4..1e7 and phi 1e-6..1e3, evenly spread over their logarithms."""
    rng = np.random.default_rng(seed)
    return 10 ** rng.uniform(-4, 7, size), 10 ** rng.uniform(-6, 3, size)


def test_quantiles_are_those_of_scipy() -> None:
    mean, dispersion = random_points(4000, 0)
    found = negbin.quantile(mean, mean + dispersion * mean**2, LEVELS)
    expected = stats.nbinom.ppf(LEVELS, 1 / dispersion[:, None], 1 / (1 + dispersion * mean)[:, None])
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)


def test_quantiles_of_a_variance_at_or_under_the_mean_are_poisson() -> None:
    mean, _ = random_points(2000, 1)
    expected = stats.poisson.ppf(LEVELS, mean[:, None])
    np.testing.assert_array_equal(negbin.quantile(mean, mean, LEVELS), expected)
    np.testing.assert_array_equal(negbin.quantile(mean, mean / 3, LEVELS), expected)


@given(st.floats(0.01, 60), st.floats(0, 4), st.floats(0.01, 0.99))
def test_quantile_agrees_with_its_slow_twin(mean: float, dispersion: float, level: float) -> None:
    variance = mean + dispersion * mean**2
    assert negbin.quantile(mean, variance, [level])[0] == naive.negbin_quantile(mean, variance, level)


@given(means, dispersions, st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9))
def test_a_quantile_is_the_first_count_to_reach_its_level(
    mean: float, dispersion: float, levels: list[float]
) -> None:
    variance = mean + dispersion * mean**2
    found = negbin.quantile(mean, variance, levels)
    assert (found >= 0).all()
    assert (found[np.argsort(levels, kind="stable")] == np.sort(found)).all()
    assert (negbin.cdf(found, mean, variance) >= np.array(levels) - 1e-12).all()
    assert (negbin.cdf(found - 1, mean, variance) <= np.array(levels) + 1e-12).all()


def test_no_requests_expected_gives_none() -> None:
    assert (negbin.quantile(np.zeros(3), np.zeros(3), LEVELS) == 0).all()
    assert negbin.cdf(0, 0.0, 0.0) == 1.0
    assert negbin.pmf([0, 1], 0.0, 0.0).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("mean", "dispersion"), [(0.01, 2.0), (3.0, 0.0), (40.0, 0.5), (5000.0, 1e-4)])
def test_probabilities_are_those_of_scipy_and_add_up(mean: float, dispersion: float) -> None:
    variance = mean + dispersion * mean**2
    k = np.arange(0, int(mean + 60 * np.sqrt(variance)))
    law = stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean)) if dispersion else stats.poisson(mean)
    np.testing.assert_allclose(negbin.pmf(k, mean, variance), law.pmf(k), rtol=1e-8, atol=1e-300)
    np.testing.assert_allclose(negbin.cdf(k, mean, variance), law.cdf(k), rtol=1e-10)
    np.testing.assert_allclose(negbin.pmf(k, mean, variance).cumsum(), negbin.cdf(k, mean, variance), atol=1e-9)


def test_far_overdispersed_probabilities_keep_their_digits() -> None:
    mean, dispersion = np.array([1e7, 1e7, 9.7804e8]), np.array([0.05, 100.0, 99.4])
    k = np.floor(mean * np.array([0.5, 0.05, 0.0615]))
    expected = stats.nbinom.cdf(k, 1 / dispersion, 1 / (1 + dispersion * mean))
    np.testing.assert_allclose(negbin.cdf(k, mean, mean + dispersion * mean**2), expected, rtol=1e-11)


def test_a_variance_hardly_above_the_mean_is_nearly_poisson() -> None:
    mean = np.array([1e-3, 1.0, 1e3, 1e7])
    for excess in (1e-6, 1e-9, 1e-13):
        found = negbin.cdf(np.floor(mean), mean, mean * (1 + excess))
        np.testing.assert_allclose(found, stats.poisson.cdf(np.floor(mean), mean), rtol=2e-6)


def test_nothing_lies_below_zero_or_between_counts() -> None:
    assert negbin.cdf([-1, -0.5, 1.7], 2.0, 3.0).tolist() == [0.0, 0.0, negbin.cdf(1, 2.0, 3.0)]
    assert negbin.pmf([-1, 0.5], 2.0, 3.0).tolist() == [0.0, 0.0]


def test_shapes_broadcast() -> None:
    assert negbin.quantile(np.ones((2, 3)), 2.0, LEVELS).shape == (2, 3, 7)
    assert negbin.quantile(np.empty((0, 4)), np.empty((0, 4)), [0.5]).shape == (0, 4, 1)
    assert negbin.quantile(1.0, 2.0, [0.5]).shape == (1,)


@pytest.mark.parametrize(("mean", "variance"), [(np.nan, 1.0), (-1.0, 1.0), (1.0, np.inf), (1.0, -1.0)])
def test_figures_that_are_no_moments_are_refused(mean: float, variance: float) -> None:
    with pytest.raises(ValueError, match="mean and variance"):
        negbin.quantile(mean, variance, LEVELS)


@pytest.mark.parametrize("levels", [[0.0], [1.0], [np.nan], [[0.5]]])
def test_levels_outside_are_refused(levels: list[float]) -> None:
    with pytest.raises(ValueError, match="levels"):
        negbin.quantile(1.0, 2.0, levels)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.05, 3.0), (2.0, 0.5), (500.0, 0.1)])
def test_pit_of_the_true_distribution_is_uniform(mean: float, dispersion: float) -> None:
    rng = np.random.default_rng(3)
    y = rng.poisson(rng.gamma(1 / dispersion, dispersion * mean, 4000)).astype(float)
    u = negbin.pit(y, mean, mean + dispersion * mean**2, seed=1)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    if mean >= 1:
        too_narrow = negbin.pit(y, mean, mean, seed=1)
        assert stats.kstest(too_narrow, "uniform").pvalue < 0.01


def test_pit_is_repeatable_and_keeps_what_is_not_known() -> None:
    y = np.array([1.0, np.nan, 7.0])
    first = negbin.pit(y, 2.0, 5.0, seed=4)
    np.testing.assert_array_equal(first, negbin.pit(y, 2.0, 5.0, seed=4))
    assert np.isnan(first).tolist() == [False, True, False]


def test_the_variance_of_a_sum_lies_between_independent_and_equal() -> None:
    deviation = np.array([1.0, 2.0, 3.0])
    cases = {0.0: 14.0, 0.5: 14 + 0.5 * 2 * (2 + 3 + 6), 1.0: 36.0}
    for correlation, expected in cases.items():
        found = negbin.variance_of_sum((deviation**2).sum(), deviation.sum(), correlation)
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("mean", [0.0, 0.01, 0.3, 3.0, 20.0])
@pytest.mark.parametrize("dispersion", [0.0, 0.05, 0.5, 2.0])
def test_crps_is_that_of_the_slow_twin(mean: float, dispersion: float) -> None:
    variance = mean + dispersion * mean**2
    last = int(mean + 30 * (1 + dispersion) * variance**0.5) + 40
    for count in (0, 1, 7, 40):
        expected = naive.negbin_crps(count, mean, variance, last)
        assert float(negbin.crps(count, mean, variance)) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_crps_of_large_counts() -> None:
    """The Poisson closed form with Bessel functions, the spread of a normal, and of a gamma whose counts are many."""
    mean = np.array([1e2, 1e4, 1e6])
    poisson = mean * (special.ive(0, 2 * mean) + special.ive(1, 2 * mean))
    assert negbin.half_difference(mean, mean) == pytest.approx(poisson, rel=1e-8)
    assert float(negbin.half_difference(1e6, 1e6)) == pytest.approx(1e3 / np.sqrt(np.pi), rel=1e-6)
    shape = 1 / 0.3
    gamma = 1e6 / shape / special.beta(shape, 0.5)
    assert float(negbin.half_difference(1e6, 1e6 + 0.3e12)) == pytest.approx(gamma, rel=3e-6)


def test_crps_of_gaps_and_of_certainty() -> None:
    found = negbin.crps(np.array([np.nan, 0.0, 3.0]), np.zeros(3), np.zeros(3))
    np.testing.assert_array_equal(found, [np.nan, 0.0, 3.0])
    assert negbin.crps(np.empty((0, 2)), 1.0, 1.0).shape == (0, 2)


@given(st.floats(1e-3, 1e4), st.floats(0, 5), st.integers(0, 20_000))
def test_crps_is_never_negative_and_at_most_the_absolute_error_of_a_far_miss(
    mean: float, dispersion: float, count: int
) -> None:
    variance = mean + dispersion * mean**2
    score = float(negbin.crps(count, mean, variance))
    assert 0 <= score <= abs(count - mean) + np.sqrt(variance) + 1e-9


def test_half_the_difference_of_small_counts_is_the_sum_of_what_lies_below_times_above() -> None:
    rng = np.random.default_rng(4)
    mean = np.concatenate([rng.lognormal(-1, 1, 20), [1e-9, 47.9, 48.1, 0.0]])
    variance = mean + rng.choice([0.0, 1e-9, 0.3, 2.0], mean.size) * mean**2
    below = np.stack([negbin.cdf(np.full(mean.size, k), mean, variance) for k in range(3_000)])
    np.testing.assert_allclose(
        negbin.half_difference(mean, variance), (below * (1 - below)).sum(axis=0), rtol=1e-7, atol=1e-14
    )


@pytest.mark.parametrize("dispersion", [0.0, 1e-7, 0.2, 3.0])
def test_the_mass_of_small_counts_is_the_product_of_its_steps(dispersion: float) -> None:
    for mean in (1e-6, 0.4, 5.0, 47.0):
        variance = mean + dispersion * mean**2
        excess = dispersion * mean
        expected = np.exp(-mean if excess == 0 else -mean * np.log1p(excess) / excess)
        for k in range(40):
            assert float(negbin.pmf(k, mean, variance)) == pytest.approx(expected, rel=1e-7)
            expected *= (mean + k * excess) / ((k + 1) * (1 + excess))
