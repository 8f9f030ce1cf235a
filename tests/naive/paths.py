"""How counts that share shocks move together."""

from math import exp, pi, sqrt
from statistics import NormalDist

from tests.naive.negbin import negbin_pmf


def score_slope(mean: float, variance: float) -> float:
    """E[Y z] of a count Y and the normal score z it comes from: each step of Y at the density of its score."""
    below = slope = 0.0
    for count in range(1000):
        below += negbin_pmf(count, mean, variance)
        if 0 < below < 1 - 1e-9:
            slope += exp(-(NormalDist().inv_cdf(below) ** 2) / 2) / sqrt(2 * pi)
        if below >= 1 - 1e-9:
            break
    return slope


def variance_with_shocks(
    cells: list[tuple[str, str]], mean: list[float], variance: list[float], shocks: dict[str, float]
) -> float:
    """Variance of the sum of counts that share relative shocks of the city, of a category, of an area."""
    total = sum(variance)
    for i, (area, category) in enumerate(cells):
        for j, (other_area, other_category) in enumerate(cells):
            if i != j:
                common = shocks["city"]
                common += shocks["category"] if category == other_category else 0.0
                common += shocks["area"] if area == other_area else 0.0
                total += common * mean[i] * mean[j]
    return total
