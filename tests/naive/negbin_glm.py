"""Rates of a regression, and drivers apart from their normal."""

from math import exp, isnan


def negbin_regression(
    x: list[list[float]], y: list[float], offset: list[float], spread: list[float], alpha: float
) -> list[float]:
    """Log effects, each in turn moved by its own score over its own information until none moves.

    A belief is a count of 1 where 1 is expected, weighed (1 + alpha) / spread; an infinite spread is none.
    """
    beta = [0.0] * len(spread)
    moved = 1.0
    while moved > 1e-10:
        moved = 0.0
        for j, variance in enumerate(spread):
            rows = [
                (row[j], count, exp(off + sum(b * value for b, value in zip(beta, row, strict=True))), 1.0)
                for row, count, off in zip(x, y, offset, strict=True)
            ]
            rows.append((1.0, 1.0, exp(beta[j]), (1 + alpha) / variance))
            score = sum(w * value * (count - mu) / (1 + alpha * mu) for value, count, mu, w in rows)
            information = sum(w * value**2 * mu / (1 + alpha * mu) for value, _, mu, w in rows)
            step = max(min(score / information, 1.0), -1.0)
            beta[j] += step
            moved = max(moved, abs(step))
    return beta


def off_normal(values: list[float], moy: list[int], known: int) -> list[float]:
    """Each value less the mean of the same calendar month among the first `known` ones; 0 where that is unknown."""
    out = []
    for value, month in zip(values, moy, strict=True):
        same = [values[t] for t in range(known) if moy[t] == month and not isnan(values[t])]
        out.append(value - sum(same) / len(same) if same and not isnan(value) else 0.0)
    return out
