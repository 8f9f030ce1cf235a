"""Estates near each other, the median of a mixture of counts, lists judged, slots against need."""

from collections.abc import Sequence
from math import cos, exp, isnan, lgamma, log, pi, sqrt

import numpy as np


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


def captured(score: Sequence[float], came: Sequence[float], share: float, seed: int) -> float:
    """Share of what came in the first estates by score; equals in the order of random numbers."""
    rank = np.random.default_rng(seed).random(len(score))
    order = sorted(range(len(score)), key=lambda k: (-score[k], rank[k]))
    size = max(1, round(share * len(came)))
    return sum(came[k] for k in order[:size]) / sum(came)


def poisson_deviance(mean: Sequence[float], came: Sequence[float]) -> float:
    """Twice the mean of y log(y / m) - (y - m), with the means scaled to the total that came."""
    scale = sum(came) / sum(mean)
    parts = [(y * log(y / (m * scale)) if y else 0.0) - (y - m * scale) for m, y in zip(mean, came, strict=True)]
    return 2 * sum(parts) / len(parts)


def slots_against_need(slots: Sequence[str], group: dict[str, str], need: dict[str, float]) -> dict[str, float]:
    """Group -> its share of the slots ÷ its share of the need. slots: estate ids. group, need: by estate."""
    found = {}
    for name in set(group.values()):
        given = sum(group[estate] == name for estate in slots) / len(slots)
        wanted = sum(value for estate, value in need.items() if group[estate] == name) / sum(need.values())
        found[name] = given / wanted
    return found


def interval(mean: float, variance: float, probability: float) -> tuple[int, int]:
    """The whole number with nearest to half of the rest below it, and the least that with it holds enough."""
    tail, last = (1 - probability) / 2, int(mean + 8 * sqrt(variance) + 10)
    below = [0.0]
    for k in range(last):
        below.append(below[-1] + _mass(k, mean, variance))
    low = min(range(last), key=lambda k: abs(below[k] - tail))
    return low, next(k for k in range(low, last) if below[k + 1] - below[low] >= probability - 1e-3)


def best_linear(shape: float, change: float, rate: float, seen: float, size: float) -> float:
    """Line through (seen, true rate) with the least squared error, by draws: lasting rates times those of a year."""
    rng = np.random.default_rng(0)
    true = rate * rng.gamma(shape, 1 / shape, 2_000_000)
    came = rng.poisson(true * rng.gamma(1 / change, change, len(true)) * size)
    slope = np.cov(true, came)[0, 1] / came.var()
    return float(true.mean() + slope * (seen - came.mean()))


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
