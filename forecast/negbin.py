"""Mean and variance -> the count distribution they fix: negative binomial, or Poisson when variance <= mean.

var = mu + phi mu^2 with phi >= 0. All functions are vectorised, broadcast, and need finite values >= 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

CHUNK = 1 << 15
STEPS = 48
FEW = 24
"""Counts below which summing beats the incomplete beta function, many times over."""

NEWTON = 8
POISSON_BELOW = 1e-12
LARGEST = float(2**62)
NODES = 128
EDGE = 10.0
NOTHING = 1e-12
"""Share of a sum that what follows may still add."""

Array = np.ndarray[Any, Any]


def quantile(mean: ArrayLike, variance: ArrayLike, levels: ArrayLike) -> Array:
    """Smallest count k with P(Y <= k) >= level.

    Args:
        mean: expected counts >= 0, any shape.
        variance: same shape or broadcast to it.
        levels: (L,) probabilities strictly between 0 and 1, in any order.

    Returns:
        int64 array (..., L).

    Raises:
        ValueError: a mean or variance is negative or not finite, or a level is outside (0, 1).

    Source: the definition of a discrete quantile; small counts by summing the probabilities upwards
    (Johnson, Kemp & Kotz 2005, Univariate Discrete Distributions, §5.2), large ones by a search from the
    shifted-gamma approximation with the same three moments (ibid. §5.6), checked against the exact cdf.
    """
    levels = np.asarray(levels, dtype=float)
    if levels.ndim != 1 or not ((levels > 0) & (levels < 1)).all():
        raise ValueError("levels must be a list of probabilities between 0 and 1")
    mu, var = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(variance, dtype=float))
    shape, mu, var = mu.shape, mu.ravel(), var.ravel()
    found = np.zeros((mu.size, levels.size), dtype="int64")
    for start in range(0, mu.size, CHUNK):
        part = slice(start, start + CHUNK)
        found[part] = _quantile(*_parameters(mu[part], var[part]), levels)
    return found.reshape(*shape, levels.size)


def cdf(k: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Array:
    """P(Y <= k); 0 for k < 0.

    Source: regularised incomplete beta function, Johnson, Kemp & Kotz 2005 §5.2; for Poisson the gamma one, §4.2.
    """
    return _in_chunks(
        lambda k, *given: np.where(k < 0, 0.0, _cdf(np.maximum(np.floor(k), 0), *given)), k, mean, variance
    )


def pmf(k: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Array:
    """P(Y = k); 0 for k < 0 and for fractions. Source: Johnson, Kemp & Kotz 2005 §5.1."""

    def mass(k: Array, mu: Array, excess: Array) -> Array:
        return np.where((k >= 0) & (k == np.floor(k)), _pmf(np.floor(np.maximum(k, 0)), mu, excess), 0.0)

    return _in_chunks(mass, k, mean, variance)


def pit(actual: ArrayLike, mean: ArrayLike, variance: ArrayLike, seed: int) -> Array:
    """Randomised probability integral transform: uniform on (0, 1) when the distribution is right.

    u = F(y - 1) + v (F(y) - F(y - 1)) with v uniform; NaN where `actual` is NaN.

    Source: Czado, Gneiting & Held 2009, Predictive model assessment for count data, §2.1.
    """
    y = np.asarray(actual, dtype=float)
    known = np.where(np.isnan(y), 0.0, y)
    upper = cdf(known, mean, variance)
    lower = cdf(known - 1, mean, variance)
    v = np.random.default_rng(seed).random(upper.shape)
    return np.where(np.isnan(y), np.nan, lower + v * (upper - lower))


def crps(actual: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> Array:
    """Continuous ranked probability score of the distribution, in the unit of the counts; 0 = certain and right.

    CRPS = E|Y - y| - E|Y - Y'| / 2 for independent Y, Y'. The first part is a closed form: summing
    (mu + k excess) p(k) = (1 + excess) (k + 1) p(k + 1) over k <= y gives
    E|Y - y| = (y - mu)(2 F(y) - 1) + 2 (mu + excess y) p(y). The second is `half_difference`.

    Args:
        actual: counts >= 0; NaN stays NaN.
        mean, variance: as for `quantile`; broadcast to `actual`.

    Source: Gneiting & Raftery 2007, Strictly proper scoring rules, §4.2; for counts Wei & Held 2014, Calibration
    tests for count data, §2.2.
    """
    return _in_chunks(_crps, actual, mean, variance)


def _crps(y: Array, mu: Array, excess: Array) -> Array:
    known = np.where(np.isnan(y), 0.0, y)
    below, mass = _cdf(known, mu, excess), _pmf(known, mu, excess)
    miss = (known - mu) * (2 * below - 1) + 2 * (mu + excess * known) * mass
    return np.where(np.isnan(y), np.nan, np.maximum(miss - _half_difference(mu, excess), 0.0))


def half_difference(mean: ArrayLike, variance: ArrayLike) -> Array:
    """E|Y - Y'| / 2 of two independent counts of the distribution (half of Gini's mean difference).

    It is the sum of F(k) (1 - F(k)) over all k: few terms where counts are small. For the others, with the
    characteristic function f, E|Y - Y'| = (1 / 2 pi) int_-pi^pi (1 - |f(t)|^2) / (1 - cos t) dt; here
    |f|^2 = (1 + 2 v (1 - cos t))^-size, v = excess (1 + excess), and x = cot(t / 2) leads to
    (1 / 2 pi) int_0^inf 1 - (1 + 4 v / (1 + x^2))^-size dx. In log x the integrand falls exponentially on both
    sides: a trapezoid sum of NODES points with the geometric rest beyond its ends is exact to about 1e-9 for
    means up to 1e6.

    Source: the series |n| = (1 / 2 pi) int (1 - cos nt) / (1 - cos t) dt (Fejér's kernel), averaged over Y - Y';
    the rule: Trefethen & Weideman 2014, The exponentially convergent trapezoidal rule, §5 and §7.
    """
    return _in_chunks(_half_difference, mean, variance)


def variance_of_sum(variances: Array, deviations: Array, correlation: float) -> Array:
    """Variance of a sum of equally correlated counts, such as the months of a window.

    Args:
        variances: sum of their variances.
        deviations: sum of their standard deviations.
        correlation: r between any two of them, 0..1.

    Source: var(sum) = sum_ij r_ij s_i s_j with r_ii = 1 and r_ij = r.
    """
    return (1 - correlation) * variances + correlation * deviations**2


def _parameters(mean: ArrayLike, variance: ArrayLike) -> tuple[Array, Array]:
    """Mean and excess = var / mean - 1 (= phi mu), 0 for Poisson."""
    mu, var = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(variance, dtype=float))
    if not (np.isfinite(mu).all() and np.isfinite(var).all() and (mu >= 0).all() and (var >= 0).all()):
        raise ValueError("mean and variance must be finite and not negative")
    excess = np.divide(var - mu, mu, out=np.zeros(mu.shape), where=mu > 0)
    return mu, np.where(excess > POISSON_BELOW, excess, 0.0)


def _in_chunks(function: Callable[..., Array], *given: ArrayLike) -> Array:
    """A function of (any figures, mean, excess) for (those figures, mean, variance), CHUNK of them at a time."""
    every = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in given))
    flat = [x.ravel() for x in every]
    parts = (slice(start, start + CHUNK) for start in range(0, every[0].size, CHUNK))
    found = [function(*(x[part] for x in flat[:-2]), *_parameters(flat[-2][part], flat[-1][part])) for part in parts]
    return (np.concatenate(found) if found else np.empty(0)).reshape(every[0].shape)


def _cdf(k: Array, mu: Array, excess: Array) -> Array:
    """Small counts by summing the probabilities upwards, the others by two forms of the same integral: the argument
    nearer to 0 keeps its digits."""
    out = np.ones(k.shape)
    few = _small(k, mu)
    out[few] = np.minimum(_upwards(k[few], mu[few], excess[few])[1], 1.0)
    poisson = (excess == 0) & (mu > 0) & ~few
    near = (excess > 0) & (excess <= 1) & ~few
    far = (excess > 1) & ~few
    out[poisson] = special.pdtr(k[poisson], mu[poisson])
    for some, function in ((near, special.betaincc), (far, special.betainc)):
        size, ex = mu[some] / excess[some], excess[some]
        if function is special.betaincc:
            out[some] = function(k[some] + 1, size, ex / (1 + ex))
        else:
            out[some] = function(size, k[some] + 1, 1 / (1 + ex))
    return out


def _small(k: Array, mu: Array) -> Array:
    return (mu > 0) & (mu <= STEPS) & (k < FEW)


def _upwards(k: Array, mu: Array, excess: Array) -> tuple[Array, Array]:
    """P(Y = k) and P(Y <= k), not rounded down to 1, from 0 upwards; rows are dropped as they come to their count."""
    chance = np.exp(-mu * _rate(excess))
    below = chance.copy()
    rows = np.flatnonzero(k > 0)
    last, m, ex, probability, reached = k[rows], mu[rows], excess[rows], chance[rows], below[rows]
    share = 1 / (1 + ex)
    for count in range(FEW):
        if not rows.size:
            break
        probability *= (m + count * ex) * (share / (count + 1))
        reached += probability
        here = last == count + 1
        chance[rows[here]], below[rows[here]] = probability[here], reached[here]
        more = np.flatnonzero(last > count + 1)
        if 4 * more.size <= 3 * rows.size:
            rows, last, m, ex = rows[more], last[more], m[more], ex[more]
            share, probability, reached = share[more], probability[more], reached[more]
    return chance, below


def _rate(excess: Array) -> Array:
    """log(1 + excess) / excess, 1 for Poisson: P(Y = 0) = exp(-mean x rate)."""
    return np.divide(np.log1p(excess), excess, out=np.ones(excess.shape), where=excess > 0)


def _pmf(k: Array, mu: Array, excess: Array) -> Array:
    out = (k == 0).astype(float)
    few = _small(k, mu)
    out[few] = _upwards(k[few], mu[few], excess[few])[0]
    poisson = (excess == 0) & (mu > 0) & ~few
    m, y = mu[poisson], k[poisson]
    out[poisson] = np.exp(special.xlogy(y, m) - m - special.gammaln(y + 1))
    rest = (excess > 0) & ~few
    m, y, ex = mu[rest], k[rest], excess[rest]
    size = m / ex
    # 1 / ((size + y) B(size, y + 1)) is the binomial coefficient without the cancellation of three gammas
    log = -np.log(size + y) - special.betaln(size, y + 1) + special.xlogy(y, ex) - (size + y) * np.log1p(ex)
    out[rest] = np.exp(log)
    return out


def _half_difference(mu: Array, excess: Array) -> Array:
    found = np.zeros(mu.shape)
    rows = np.flatnonzero((mu > 0) & (mu <= STEPS))
    rest = np.ones(mu.shape, dtype=bool)
    rest[rows] = False
    m, ex = mu[rows], excess[rows]
    none = -m * _rate(ex)
    chance, above, share = np.exp(none), -np.expm1(none), 1 / (1 + ex)
    total = above * chance
    for k in range(STEPS):
        chance *= (m + k * ex) * (share / (k + 1))
        above -= chance
        total += above * (1 - above)
        if k % 4 == 3:
            found[rows] = total
            more = np.flatnonzero(above > NOTHING * total * share)
            rows, m, ex, share = rows[more], m[more], ex[more], share[more]
            chance, above, total = chance[more], above[more], total[more]
            if not rows.size:
                break
    rest[rows] = True
    found[rest] = _integrated(mu[rest], excess[rest])
    return found


def _integrated(mu: Array, excess: Array) -> Array:
    spread = 4 * excess * (1 + excess)
    size = np.divide(mu, excess, out=np.zeros(mu.shape), where=excess > 0)
    total = 4 * mu * (1 + excess)  # size x spread, the limit of which is 4 mu
    top = EDGE + 0.5 * np.log((1 + spread) * (1 + size) + total)
    step = (top + EDGE) / (NODES - 1)

    def integrand(x: Array) -> Array:
        share = 1 / (1 + x**2)
        power = np.where(excess > 0, size * np.log1p(spread * share), total * share)
        return -np.expm1(-power) * x

    found = np.zeros(mu.shape)
    for node in range(NODES):
        found += integrand(np.exp(step * node - EDGE))
    rest = 1 / np.expm1(step)
    found += rest * (integrand(np.exp(np.full(mu.shape, -EDGE))) + integrand(np.exp(top)))
    return found * step / (2 * np.pi)


def _quantile(mu: Array, excess: Array, levels: Array) -> Array:
    """One chunk: sum upwards from 0; what is not reached in `STEPS` steps is searched."""
    found = np.zeros((mu.size, levels.size), dtype="int64")
    rows = np.flatnonzero((mu > 0) & (mu <= STEPS))
    m, ex = mu[rows], excess[rows]
    probability = np.exp(-m * _rate(ex))
    below = probability.copy()
    counted = np.zeros((levels.size, rows.size), dtype="uint8")
    top = levels.max()
    for k in range(STEPS):
        short = np.flatnonzero(below < top)
        if 4 * short.size <= 3 * rows.size:
            found[rows] = counted.T
            rows, m, ex, probability, below = (a[short] for a in (rows, m, ex, probability, below))
            counted = counted[:, short]
        if not rows.size:
            break
        for number, level in zip(counted, levels, strict=True):
            number += below < level
        probability *= (m + k * ex) / ((k + 1) * (1 + ex))
        below += probability
    found[rows] = counted.T
    unreached = np.zeros(found.shape, dtype=bool)
    unreached[rows] = below[:, None] < levels
    unreached[mu > STEPS] = True
    i, j = np.nonzero(unreached)
    if i.size:
        found[i, j] = _search(mu[i], excess[i], levels[j])
    return found


def _search(mu: Array, excess: Array, level: Array) -> Array:
    """Exact quantiles by safeguarded Newton steps on the integers; low < answer <= high all the time."""
    answer = np.zeros(mu.size, dtype="int64")
    rows = np.arange(mu.size)
    low, high = np.full(mu.size, -1.0), np.full(mu.size, LARGEST)
    k = _start(mu, excess, level)
    turn = 0
    while rows.size:
        below, mass = _cdf(k, mu, excess), _pmf(k, mu, excess)
        enough = below >= level
        high, low = np.where(enough, k, high), np.where(enough, low, k)
        step = (level - below) / np.maximum(mass, 1e-300)
        low = np.where(enough & (step > -1), k - 1, low)
        done = high - low <= 1
        answer[rows[done]] = high[done].astype("int64")
        guess = k + np.where(enough, np.floor(step), np.ceil(step))
        middle = np.where(high < LARGEST, np.floor((low + high) / 2), 4 * k + 16)
        k = np.where((guess > low) & (guess < high) & (guess < 4 * k + 16) & (turn < NEWTON), guess, middle)
        rows, mu, excess, level, low, high, k = (a[~done] for a in (rows, mu, excess, level, low, high, k))
        turn += 1
    return answer


def _start(mu: Array, excess: Array, level: Array) -> Array:
    """Shifted gamma with the mean, variance and skewness of the distribution."""
    sd = np.sqrt(mu * (1 + excess))
    skew = (1 + 2 * excess) / sd
    shape = 4 / skew**2
    cube = 1 - 1 / (9 * shape) + special.ndtri(level) / (3 * np.sqrt(shape))
    gamma = np.where(shape >= 2, shape * np.maximum(cube, 0) ** 3, 0)
    rough = shape < 2
    gamma[rough] = special.gammaincinv(shape[rough], level[rough])
    guess = mu + sd * (skew / 2 * gamma - 2 / skew) - 0.5
    return np.clip(np.ceil(guess), 0, LARGEST / 8)
