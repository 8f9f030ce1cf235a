"""Rate of the surroundings + own record -> rate of an estate: gamma prior, or a mixture where a few are loud."""

from dataclasses import dataclass

import numpy as np

from forecast.risk._terms import SHAPES, shape_of

Array = np.ndarray

LEVELS = 21
"""Gammas in a mixture."""

REACH, FURTHEST = 4.0, 7.0
"""Log of the furthest level below, and above, where the loudest estate is that loud."""

SHARP = 1.5
"""Least shape of the gammas of a mixture: they overlap, and each is sharp enough to be a kind of its own."""

STEADY = 400.0
"""Largest shape of true rates: below a spread of 1/20 estates are alike."""

CHANCE = 0.01
"""A mixture is taken where plain luck would bring its gain less often; a list is cut where no zero is as odd."""

TURNS, CLOSE = 60, 0.5
"""Most turns, and what log-likelihood may be left to gain."""

MOST = 5_000
"""Estates by which the gamma of a list without zeros is found; more change little and cost time."""

LOWEST = -5.0
"""Log of the lowest level of all estates against those on a list without zeros."""


@dataclass(frozen=True)
class Around:
    """Lasting rates around that of the surroundings, m: with probability weight[k] Gamma of mean level[k] m.

    level, weight: (K,), weights sum to 1. shape: of every gamma. cut: only estates with an incident are listed; the
    weights are then those among listed ones.
    """

    level: Array
    weight: Array
    shape: float
    cut: bool = False


def plain(shape: float, level: float = 1.0, cut: bool = False) -> Around:
    """One gamma around the rate itself."""
    return Around(np.array([level]), np.ones(1), shape, cut)


def lasting(shape: float, change: float) -> float:
    """Shape of rates that last, where `shape` holds the change (squared coefficient of variation) of a year too.

    Source: the variance of a product of independent factors, Goodman 1960, On the exact variance of products.
    """
    return 1 / max((1 + 1 / shape) / (1 + change) - 1, 1 / STEADY)


def alone(seen: Array, expected: Array) -> Around:
    """One gamma of the rates of one year, which last in part only.

    A list without a single zero, where zeros should be, holds only estates that had an incident: each count is then
    judged by how likely it is among counts above zero. Else the quiet would be taken for as loud as the usual one.

    Args:
        seen: (n,) incidents. expected: (n,) of the surroundings, > 0.

    Source: lists without zeros: zero-truncated negative binomial, Johnson, Kemp & Kotz 2005 §5.11; Böhning & Kuhnert
    2006, Equivalence of truncated count mixture distributions and mixtures of truncated count distributions.
    """
    from scipy.optimize import minimize

    shape, still = shape_of(seen, expected), np.zeros(len(seen))
    none = -shape * np.log1p(expected / shape)
    if not (seen > 0).all() or np.log(-np.expm1(none)).sum() > np.log(CHANCE):
        return plain(shape)

    some = slice(None, None, -(-len(seen) // MOST))

    def loss(at: Array) -> float:
        one = plain(float(np.exp(at[1])), float(np.exp(at[0])), cut=True)
        return -float(_log_likelihood(one, seen[some], expected[some], still[some]).sum())

    options = {"xatol": 0.01, "fatol": CLOSE}
    bounds = [(LOWEST, 0.0), SHAPES]
    found = minimize(loss, [-0.5, 0.0], method="Nelder-Mead", bounds=bounds, options=options)
    return plain(float(np.exp(found.x[1])), float(np.exp(found.x[0])), cut=True)


def around(one: Around, seen: Array, expected: Array, change: Array) -> Around:
    """What lasts of `one`, or gammas at levels from far below to far above, where counts speak soundly for them.

    One gamma draws the loudest estates of quiet surroundings as far down, in proportion, as any other. With a mixture
    a count far above its surroundings says that it is of another kind, and it is left nearly as it is.

    Args:
        one: as of `alone`. seen, expected: as there.
        change: (n,) squared coefficient of variation that the record has of itself: a bad winter, a burst of calls.

    Source: weights by maximum likelihood over fixed components: Laird 1978, Nonparametric maximum likelihood
    estimation of a mixing distribution; turns: Dempster, Laird & Rubin 1977; what is left to gain: Lindsay 1983,
    The geometry of mixture likelihoods, §5; heavier tails leave outliers alone: O'Hagan 1979, On outlier rejection
    phenomena in Bayes inference.
    """
    from scipy.special import chdtri

    middle = float(one.level[0])
    steady = plain(lasting(one.shape, float(change.mean())), middle, one.cut)
    top = np.log(np.clip((seen / expected).max() / middle, np.exp(REACH), np.exp(FURTHEST)))
    level = middle * np.exp(np.linspace(-REACH, top, LEVELS))
    many = Around(level, np.full(LEVELS, 1 / LEVELS), max(steady.shape, SHARP), one.cut)
    log = _log_likelihood(many, seen, expected, change)
    best = log.max(axis=1, keepdims=True)
    likelihood = np.exp(log - best)
    rival = _log_likelihood(steady, seen, expected, change)[:, 0] - best[:, 0]
    weight, needed = many.weight, chdtri(LEVELS - 1, CHANCE) / 2
    for _ in range(TURNS):
        mixed = likelihood @ weight
        pull = likelihood.T @ (1 / mixed) / len(seen)
        gain, left = float((np.log(mixed) - rival).sum()), len(seen) * float(np.log(pull.max()))
        if left < CLOSE or gain + left < needed:
            break
        weight = weight * pull
    return Around(level, weight / weight.sum(), many.shape, one.cut) if gain > needed else steady


def posterior(
    prior: Around, rate: Array, seen: Array, size: Array, change: Array, faded: Array
) -> tuple[Array, Array]:
    """(rate, shape) of each estate: mean of the posterior, and the gamma with its variance.

    Within each gamma of the mixture a record that changes of itself counts as 1 / (1 + change x expected x
    (1 + 1 / shape)) incidents each: that gives the best linear estimate. A loud record so counts less than a quiet.

    Args:
        rate: (n,) of the surroundings per exposure. seen, size: (n,) incidents and exposure, by weight of evidence.
        change: (n,) as in `around`. faded: (n,) weighted exposure ÷ whole exposure.

    Source: Gamma-Poisson posterior: Gelman et al. 2013, Bayesian Data Analysis §2.6; of a mixture: ibid. §2.4; the
    best linear estimate: Bühlmann & Gisler 2005, A Course in Credibility Theory and its Applications, §3.
    """
    means = rate[:, None] * prior.level
    trust = 1 / (1 + change[:, None] * size[:, None] * means * (1 + 1 / prior.shape))
    shape = prior.shape + trust * seen[:, None]
    means = shape / (prior.shape / means + trust * size[:, None])
    if len(prior.level) == 1:
        return means[:, 0], shape[:, 0]
    log = _log_likelihood(prior, seen, rate * size, change, faded) + np.log(np.maximum(prior.weight, 1e-300))
    share = np.exp(log - log.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    mean = (share * means).sum(axis=1)
    square = (share * means**2 * (1 + 1 / shape)).sum(axis=1)
    return mean, mean**2 / (square - mean**2)


def _log_likelihood(prior: Around, seen: Array, expected: Array, change: Array, faded: Array | None = None) -> Array:
    """(n, K) NegBin of each level, without what no level and no shape moves; among counts above 0 where cut.

    That a count is above 0 was told by the whole record, and fades with it.
    """
    from scipy.special import gammaln

    size = 1 / ((1 + 1 / prior.shape) * (1 + change) - 1)
    odds = expected[:, None] * prior.level / size[:, None]
    log = np.log1p(odds)
    own = gammaln(size + seen) - gammaln(size) - seen * np.log(size)
    found = own[:, None] + seen[:, None] * np.log(prior.level) - (size + seen)[:, None] * log
    if prior.cut:
        listed = seen > 0
        weight = np.ones(len(seen)) if faded is None else faded
        weight, odds, size = weight[listed, None], odds[listed], size[listed, None]
        found[listed] -= weight * np.log(-np.expm1(-size * np.log1p(odds / weight)))
    return found
