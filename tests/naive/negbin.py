"""Chances, quantiles and score of the negative binomial."""

from math import exp


def negbin_pmf(count: int, mean: float, variance: float) -> float:
    """P(Y = count) by the product of its recurrence, from P(0) on."""
    if mean == 0:
        return float(count == 0)
    dispersion = max(variance - mean, 0.0) / mean**2
    probability = exp(-mean) if dispersion == 0 else (1 + dispersion * mean) ** (-1 / dispersion)
    for k in range(count):
        probability *= mean * (1 + k * dispersion) / ((k + 1) * (1 + dispersion * mean))
    return probability


def negbin_quantile(mean: float, variance: float, level: float) -> int:
    """Smallest count whose summed probability reaches the level."""
    count, below = 0, negbin_pmf(0, mean, variance)
    while below < level:
        count += 1
        below += negbin_pmf(count, mean, variance)
    return count


def negbin_crps(count: int, mean: float, variance: float, last: int) -> float:
    """Sum over k of (P(Y <= k) - [count <= k])^2, up to a count `last` that is almost never exceeded."""
    total = below = 0.0
    for k in range(last + 1):
        below += negbin_pmf(k, mean, variance)
        total += (below - (count <= k)) ** 2
    return total
