"""Rate of the surroundings + own record -> rate of an estate: gamma prior, or a mixture where a few are loud."""

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

LEVELS = 17
"""Gammas in a mixture."""

REACH, SPREADS = 4.0, 8.0
"""Log of the furthest level at most, and in units of the spread of one gamma."""

CHANCE = 0.01
"""A mixture is taken where plain luck would bring its gain less often."""

TURNS, CLOSE = 60, 0.5
"""Most turns, and what log-likelihood may be left to gain."""


@dataclass(frozen=True)
class Around:
    """True rates around that of the surroundings, m: with probability weight[k] Gamma of mean level[k] m.

    level, weight: (K,), weights sum to 1. shape: of every gamma.
    """

    level: Array
    weight: Array
    shape: float


def plain(shape: float) -> Around:
    """One gamma around the rate itself."""
    return Around(np.ones(1), np.ones(1), shape)


def around(seen: Array, expected: Array, shape: float) -> Around:
    """One gamma, or gammas at levels from far below to far above, where counts speak soundly for them.

    One gamma draws the loudest estates of quiet surroundings as far down, in proportion, as any other. With a mixture
    a count far above its surroundings says that it is of another kind, and it is left nearly as it is.

    Args:
        seen: (n,) incidents. expected: (n,) of the surroundings, > 0. shape: of one gamma, by maximum likelihood.

    Source: weights by maximum likelihood over fixed components: Laird 1978, Nonparametric maximum likelihood
    estimation of a mixing distribution; turns: Dempster, Laird & Rubin 1977; what is left to gain: Lindsay 1983,
    The geometry of mixture likelihoods, §5; heavier tails leave outliers alone: O'Hagan 1979, On outlier rejection
    phenomena in Bayes inference.
    """
    from scipy.special import chdtri

    reach = min(REACH, SPREADS / np.sqrt(shape))
    level = np.exp(np.linspace(-reach, reach, LEVELS))
    log = _log_likelihood(seen, expected, level, shape)
    best = log.max(axis=1, keepdims=True)
    likelihood = np.exp(log - best)
    one = log[:, LEVELS // 2] - best[:, 0]
    weight, needed = np.full(LEVELS, 1 / LEVELS), chdtri(LEVELS - 1, CHANCE) / 2
    for _ in range(TURNS):
        mixed = likelihood @ weight
        pull = likelihood.T @ (1 / mixed) / len(seen)
        gain, left = float((np.log(mixed) - one).sum()), len(seen) * float(np.log(pull.max()))
        if left < CLOSE or gain + left < needed:
            break
        weight = weight * pull
    return Around(level, weight / weight.sum(), shape) if gain > needed else plain(shape)


def posterior(prior: Around, rate: Array, seen: Array, size: Array) -> tuple[Array, Array]:
    """(rate, shape) of each estate: mean of the posterior, and the gamma with its variance.

    Args:
        rate: (n,) of the surroundings per exposure. seen, size: (n,) incidents and exposure, by weight of evidence.

    Source: Gamma-Poisson posterior: Gelman et al. 2013, Bayesian Data Analysis §2.6; of a mixture: ibid. §2.4.
    """
    shape = prior.shape + seen
    if len(prior.level) == 1:
        return shape / (prior.shape / rate + size), shape
    log = _log_likelihood(seen, rate * size, prior.level, prior.shape) + np.log(np.maximum(prior.weight, 1e-300))
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    means = shape[:, None] / (prior.shape / (rate[:, None] * prior.level) + size[:, None])
    mean = (share * means).sum(axis=1)
    square = (share * means**2).sum(axis=1) * (1 + 1 / shape)
    return mean, mean**2 / (square - mean**2)


def _log_likelihood(seen: Array, expected: Array, level: Array, shape: float) -> Array:
    """(n, K) NegBin of each level, without what is the same for all of them."""
    return seen[:, None] * np.log(level) - (shape + seen)[:, None] * np.log(shape + expected[:, None] * level)
