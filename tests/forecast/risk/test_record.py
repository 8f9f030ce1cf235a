"""Own record against the surroundings: a mixture only where counts ask for it, the loudest hardly drawn in."""

import numpy as np
import pytest

from forecast.risk import _record
from forecast.risk._terms import shape_of
from tests import naive


def told(seen: np.ndarray, expected: np.ndarray) -> _record.Around:
    return _record.around(seen, expected, shape_of(seen, expected))


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
    mixed, shape = _record.posterior(prior, expected, seen, size)
    one, _ = _record.posterior(_record.plain(prior.shape), expected, seen, size)
    assert ((mixed - true) ** 2).mean() < 0.9 * ((one - true) ** 2).mean()
    assert (shape > 0).all()
    z = (true - mixed) / (mixed / np.sqrt(shape))
    assert z.std() == pytest.approx(1, abs=0.1)  # the gamma handed on is as wide as the errors


def test_the_posterior_matches_a_slow_twin() -> None:
    levels, weights, shape = [0.3, 1.0, 6.0], [0.5, 0.3, 0.2], 0.8
    prior = _record.Around(np.array(levels), np.array(weights), shape)
    seen, size, rate = np.array([0.0, 2.4, 40.0, 0.0]), np.array([0.5, 0.5, 0.5, 0.0]), np.array([1.0, 3.0, 2.0, 2.0])
    found = _record.posterior(prior, rate, seen, size)[0]
    for k in range(4):
        slow = naive.mixture_posterior(levels, weights, shape, rate[k], seen[k], size[k])
        assert found[k] == pytest.approx(slow, rel=1e-4)


def test_huge_counts_stay_finite() -> None:
    seen = np.array([0.0, 1e9, *np.full(300, 5.0)])
    prior = told(seen, np.full(302, seen.mean()))
    rate, shape = _record.posterior(prior, np.full(302, seen.mean()), seen, np.ones(302))
    assert np.isfinite(rate).all()
    assert np.isfinite(shape).all()
    assert rate[1] == pytest.approx(1e9, rel=0.01)
