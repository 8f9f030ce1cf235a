"""Twins of forecast.effects: ratios by loops over cells and months, shares by trying all, Poisson by Newton steps."""

from itertools import product
from math import exp, log


def group_time_ratio(
    counts: dict[str, list[float]], begun: dict[str, int], base_months: int, after: int
) -> tuple[float, float]:
    """(came, due) of treated cells: level before x how the not-yet-treated cells ran against theirs, month by month.

    counts: cell -> requests by month. begun: cell -> month of the work; absent = never. One category, no adjustment.
    """
    came = due = 0.0
    last = len(next(iter(counts.values())))
    for cell, start in begun.items():
        base = range(start - base_months, start)
        for month in range(start, min(start + after, last)):
            free = [other for other in counts if begun.get(other, last + 1) > max(month, start)]
            ran = sum(counts[other][month] for other in free) / sum(counts[other][t] for other in free for t in base)
            came += counts[cell][month]
            due += ran * sum(counts[cell][t] for t in base)
    return came, due


def best_shares(line: list[float], donors: list[list[float]], penalty: float, steps: int) -> list[float]:
    """Shares (multiples of 1 / steps, adding up to 1) with the least squared distance + penalty x squared shares."""
    best, least = [0.0], float("inf")
    for whole in product(range(steps + 1), repeat=len(donors)):
        if sum(whole) != steps:
            continue
        shares = [k / steps for k in whole]
        mix = [sum(s * donor[t] for s, donor in zip(shares, donors, strict=True)) for t in range(len(line))]
        loss = sum((a - b) ** 2 for a, b in zip(mix, line, strict=True)) + penalty * sum(s * s for s in shares)
        if loss < least:
            best, least = shares, loss
    return best


def poisson_arm(y: list[float], arm: list[bool], size: list[float]) -> float:
    """Log ratio of the arms in a Poisson regression on arm and log(size + 0.5), by small steps uphill."""
    logs = [log(s + 0.5) for s in size]
    mean = sum(logs) / len(logs)
    x = [(1.0, float(a), v - mean) for a, v in zip(arm, logs, strict=True)]
    b = [log(sum(y) / len(y)), 0.0, 1.0]
    for _ in range(20000):
        fit = [exp(sum(p * q for p, q in zip(b, row, strict=True))) for row in x]
        up = [sum((v - m) * row[k] for v, m, row in zip(y, fit, x, strict=True)) / sum(fit) for k in range(3)]
        b = [p + 0.5 * u for p, u in zip(b, up, strict=True)]
    return b[1]


def left_out_error(y: list[float], arm: list[bool], size: list[float], area: list[str]) -> float:
    """Jackknife error of the log ratio of the arms: the whole regression again without each area."""
    import numpy as np
    import statsmodels.api as sm

    x = np.array([(1.0, float(a), log(s + 0.5)) for a, s in zip(arm, size, strict=True)])
    kept = [np.array([own != left for own in area]) for left in sorted(set(area))]
    whole = sm.GLM(np.array(y), x, family=sm.families.Poisson()).fit().params[1]
    parts = [sm.GLM(np.array(y)[k], x[k], family=sm.families.Poisson()).fit().params[1] for k in kept]
    return float(((len(parts) - 1) / len(parts) * sum((part - whole) ** 2 for part in parts)) ** 0.5)
