"""Whole numbers handed on by shares."""

from math import floor


def whole(figures: list[int], share: list[list[float]]) -> list[list[int]]:
    """Shared out heir by heir: what an heir has so far is its part of what was left so far, rounded."""
    left, out = list(figures), [[0] * len(share[0]) for _ in figures]
    for heir in range(len(share[0])):
        due, given = 0.0, 0
        for row, parts in enumerate(share):
            rest = sum(parts[heir:])
            due += left[row] * (parts[heir] / rest if rest else 0.0)
            out[row][heir] = left[row] if heir == len(parts) - 1 else floor(due + 0.5 + 1e-9) - given
            given += out[row][heir]
            left[row] -= out[row][heir]
    return out
