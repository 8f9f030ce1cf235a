"""Live scores and the control chart as one would do them by hand: loops over cells and months."""

from math import ceil, isnan, lgamma, log, log1p, sqrt
from statistics import NormalDist

import numpy as np

Cell = tuple[str, str]
NORMAL = NormalDist()


def cell_figures(
    forecast: dict[Cell, tuple[float, float, float, float]], came: dict[Cell, float]
) -> tuple[int, float, float, float, float, float]:
    """(cells, expected, observed, wape, bias, coverage) of the cells both know; forecast: mean, median, low, high."""
    both = sorted(set(forecast) & set(came))
    observed = sum(came[cell] for cell in both)
    expected = sum(forecast[cell][0] for cell in both)
    missed = sum(abs(came[cell] - forecast[cell][1]) for cell in both)
    inside = [forecast[cell][2] <= came[cell] <= forecast[cell][3] for cell in both]
    shares = (missed / observed, (expected - observed) / observed) if observed else (float("nan"),) * 2
    return len(both), expected, observed, shares[0], shares[1], sum(inside) / len(inside)


def normal_score(count: int, expected: float, variance: float) -> float:
    """Normal quantile of P(Y < y) + P(Y = y) / 2, every probability added up."""

    def score(mu: float) -> float:
        parts = [probability(k, mu, variance) for k in range(count + 1)]
        middle = min(max(sum(parts[:-1]) + parts[-1] / 2, 1e-15), 1 - 1e-15)
        return NORMAL.inv_cdf(middle)

    strict = score(expected)
    return strict if strict <= 0 else min(strict, max(score(max(expected, 1.0)), 0.0))


def probability(count: int, mu: float, variance: float) -> float:
    """Of a count under NegBin, or Poisson where the variance is no larger than the mean."""
    if mu == 0:
        return float(count == 0)
    if variance <= mu * (1 + 1e-12):
        return float(np.exp(count * log(mu) - mu - lgamma(count + 1)))
    excess = variance / mu - 1
    size = mu / excess
    log_chance = lgamma(size + count) - lgamma(size) - lgamma(count + 1)
    return float(np.exp(log_chance - size * log1p(excess) + count * (log(excess) - log1p(excess))))


def chart(z: list[float], limit: float, weight: float) -> list[tuple[float, float, bool, int | None]]:
    """(moving mean, its limit, alarm, first month of the alarm) a month that was scored."""
    found: list[tuple[float, float, bool, int | None]] = []
    seen: list[float] = []
    months: list[int] = []
    means: list[float] = []
    for month, score in enumerate(z):
        if isnan(score):
            continue
        seen.append(max(-limit, min(limit, score)))
        months.append(month)
        weights = [weight * (1 - weight) ** age for age in range(len(seen))][::-1]
        now = sum(w * x for w, x in zip(weights, seen, strict=True))
        means.append(now)
        bound = limit * sqrt(sum(w**2 for w in weights))
        lasting, far = abs(now) > bound * (1 + 1e-9), abs(score) > limit
        since = month if far else None
        if lasting:
            since = next(
                months[k]
                for k in range(len(means) - 1, -1, -1)
                if k == 0 or np.sign(means[k]) != np.sign(means[k - 1])
            )
        found.append((now, bound, lasting or far, since))
    return found


def limit(false_alarms: float, families: int, members: int) -> float:
    """Two rules, two sides, every family and every member of it."""
    return NORMAL.inv_cdf(1 - false_alarms / (4 * families * members))


def quantile(level: float, mu: float, variance: float) -> float:
    """Smallest count with this probability at or below it."""
    total = 0.0
    for count in range(ceil(50 + 20 * mu + 20 * sqrt(variance))):
        total += probability(count, mu, variance)
        if total >= level:
            return float(count)
    raise ValueError("far too unlikely")
