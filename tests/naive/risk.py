"""Estates near each other, and the median of a mixture of counts."""

from math import cos, exp, isnan, lgamma, log, pi, sqrt


def nearest(lon: list[float], lat: list[float], k: int) -> tuple[list[int], list[float]]:
    """The other points by their distance from point k, and the distances in degrees of latitude."""
    placed = [n for n in range(len(lon)) if not isnan(lon[n])]
    stretch = cos(sum(lat[n] for n in placed) / len(placed) * pi / 180)
    apart = {n: sqrt(((lon[n] - lon[k]) * stretch) ** 2 + (lat[n] - lat[k]) ** 2) for n in placed if n != k}
    order = sorted(apart, key=lambda n: apart[n])
    return order, [apart[n] for n in order]


def mixture_median(mean: list[float], variance: list[float]) -> int:
    """Least k with an average P(Y <= k) of at least one half, counting upwards."""
    k, below = -1, 0.0
    while below < 0.5:
        k += 1
        for mu, var in zip(mean, variance, strict=True):
            below += _mass(k, mu, var) / len(mean)
    return k


def _mass(k: int, mu: float, var: float) -> float:
    """P(Y = k), NegBin or Poisson, each factor in turn."""
    if mu == 0:
        return float(k == 0)
    if var <= mu:
        return exp(k * log(mu) - mu - sum(log(n) for n in range(1, k + 1)))
    size = mu**2 / (var - mu)
    start = size * log(size / (size + mu)) + k * log(mu / (size + mu))
    return exp(start + sum(log((size + n - 1) / n) for n in range(1, k + 1)))


def interval(mean: float, variance: float, probability: float) -> tuple[int, int]:
    """Whole numbers with nearest to half of what is left below the low one and above the high one."""
    tail, last = (1 - probability) / 2, int(mean + 8 * sqrt(variance) + 10)
    below = [0.0]
    for k in range(last):
        below.append(below[-1] + _mass(k, mean, variance))
    low = min(range(last), key=lambda k: abs(below[k] - tail))
    high = min(range(last), key=lambda k: abs(1 - below[k + 1] - tail))
    return min(low, high), high


def mixture_posterior(
    levels: list[float], weights: list[float], shape: float, rate: float, seen: float, size: float
) -> float:
    """Mean rate, after `seen` in `size`, of a mixture of gammas with means level x rate, by sums over small steps."""
    top = bottom = 0.0
    for step in range(-4000, 2000):
        here = exp(step / 200)
        prior = 0.0
        for level, weight in zip(levels, weights, strict=True):
            scale = shape / (level * rate)
            prior += weight * exp(shape * log(scale) + shape * log(here) - scale * here - lgamma(shape))
        density = prior * exp(seen * log(here) - here * size)
        top, bottom = top + here * density, bottom + density
    return top / bottom
