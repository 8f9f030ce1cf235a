"""Factors of a change in a sum."""

from math import exp, log


def log_mean(x: float, y: float) -> float:
    """Logarithmic mean of two figures above 0."""
    return x if x == y else (x - y) / log(x / y)


def lmdi(sectors: list[tuple[float, float, dict[str, float]]]) -> dict[str, float]:
    """Factors that take the sum of what sectors were to the sum of what they are.

    A sector: (what it was, what it is, part -> log factor); its log factors add up to log(is / was).
    """
    was, now = sum(sector[0] for sector in sectors), sum(sector[1] for sector in sectors)
    parts = dict.fromkeys((part for *_, logs in sectors for part in logs), 0.0)
    for before, after, logs in sectors:
        for part, change in logs.items():
            parts[part] += log_mean(after, before) / log_mean(now, was) * change
    return {part: exp(change) for part, change in parts.items()}
