"""Own record against the surroundings: a mixture only where counts ask for it, the loudest hardly drawn in."""

import numpy as np
import pytest

from forecast.risk import _record
from forecast.risk._terms import shape_of
from tests import naive


def told(seen: np.ndarray, expected: np.ndarray, change: float = 0.0) -> _record.Around:
    return _record.around(_record.alone(seen, expected), seen, expected, np.full(len(seen), change))


def after(
    prior: _record.Around, rate: np.ndarray, seen: np.ndarray, size: np.ndarray, change: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    return _record.posterior(prior, rate, seen, size, np.full(len(seen), change), np.ones(len(seen)))


@pytest.mark.parametrize("shape", [0.4, 2.0, 30.0])
def test_one_gamma_stays_one(shape: float) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        expected = rng.gamma(3, 2, 5000)
        seen = rng.poisson(expected * rng.gamma(shape, 1 / shape, 5000)).astype(float)
        assert len(told(seen, expected).level) == 1


def test_a_loud_kind_is_found_and_kept_loud() -> None:
    rng = np.random.default_rng(1)
    expected = rng.gamma(2, 1.5, 8000)
    loud = rng.random(8000) < 0.03
    true = expected * np.where(loud, 25, 0.6) * rng.gamma(4, 0.25, 8000)
    seen = rng.poisson(true).astype(float)
    prior = told(seen, expected)
    assert prior.weight.sum() == pytest.approx(1)
    assert (prior.weight * prior.level).sum() == pytest.approx((true / expected).mean(), rel=0.1)
    size = np.ones(8000)
    mixed, shape = after(prior, expected, seen, size)
    one, _ = after(_record.plain(shape_of(seen, expected)), expected, seen, size)
    assert ((mixed - true) ** 2).mean() < 0.9 * ((one - true) ** 2).mean()
    assert (shape > 0).all()
    z = (true - mixed) / (mixed / np.sqrt(shape))
    assert 0.8 < z.std() < 1.1  # the gamma handed on is as wide as the errors, or a little wider


def test_the_posterior_matches_a_slow_twin() -> None:
    levels, weights, shape = [0.3, 1.0, 6.0], [0.5, 0.3, 0.2], 0.8
    prior = _record.Around(np.array(levels), np.array(weights), shape)
    seen, size, rate = np.array([0.0, 2.4, 40.0, 0.0]), np.array([0.5, 0.5, 0.5, 0.0]), np.array([1.0, 3.0, 2.0, 2.0])
    found = after(prior, rate, seen, size)[0]
    for k in range(4):
        slow = naive.mixture_posterior(levels, weights, shape, rate[k], seen[k], size[k])
        assert found[k] == pytest.approx(slow, rel=1e-4)


def test_huge_counts_stay_finite() -> None:
    seen = np.array([0.0, 1e9, *np.full(300, 5.0)])
    prior = told(seen, np.full(302, seen.mean()))
    rate, shape = after(prior, np.full(302, seen.mean()), seen, np.ones(302))
    assert np.isfinite(rate).all()
    assert np.isfinite(shape).all()
    assert rate[1] == pytest.approx(1e9, rel=0.01)


def test_the_best_linear_estimate_matches_a_slow_twin() -> None:
    rate, size, seen = np.array([0.5, 3.0, 20.0]), np.array([1.0, 2.0, 0.5]), np.array([4.0, 0.0, 60.0])
    found = after(_record.plain(2.0), rate, seen, size, change=0.4)[0]
    for k in range(3):
        slow = naive.best_linear(2.0, 0.4, rate[k], seen[k], size[k])
        assert found[k] == pytest.approx(slow, rel=0.02)


@pytest.mark.parametrize("change", [0.0, 0.4])
def test_a_list_without_zeros_is_known_for_one(change: float) -> None:
    rng = np.random.default_rng(3)
    true = np.exp(rng.normal(-0.5, 1.3, 20_000))
    bursts = rng.gamma(1 / change, change, 20_000) if change else np.ones(20_000)
    seen = rng.poisson(true * bursts).astype(float)
    listed = seen > 0
    true, seen = true[listed], seen[listed]
    usual, size = np.full(len(seen), seen.mean()), np.ones(len(seen))
    prior = told(seen, usual, change)
    assert prior.cut
    mean = after(prior, usual, seen, size, change)[0]
    for count in (1, 2, 5):
        here = seen == count
        assert mean[here].mean() == pytest.approx(true[here].mean(), rel=0.12)
    whole = _record.around(_record.plain(shape_of(seen, usual)), seen, usual, np.full(len(seen), change))
    uncut = after(whole, usual, seen, size, change)[0]
    assert ((mean - true) ** 2).mean() < ((uncut - true) ** 2).mean()


def test_few_estates_without_zeros_are_no_sign_of_a_list() -> None:
    assert not told(np.array([1.0, 2.0, 1.0, 3.0]), np.full(4, 1.75)).cut
    assert not told(np.full(500, 60.0), np.full(500, 60.0)).cut  # no zero is due


def test_what_lasts_and_what_changes_multiply() -> None:
    rng = np.random.default_rng(5)
    both = rng.gamma(3, 1 / 3, 400_000) * rng.gamma(4, 0.25, 400_000)
    assert _record.lasting(1 / both.var(), 0.25) == pytest.approx(3, rel=0.05)
