"""The interval of a share, found by trying every share."""

from math import sqrt


def wilson(yes: float, of: float) -> tuple[float, float]:
    """Shares that `yes` of `of` does not contradict at 1.96 standard errors, by bisection from the seen share."""
    z, seen = 1.959963984540054, yes / of

    def edge(inside: float, outside: float) -> float:
        for _ in range(200):
            middle = (inside + outside) / 2
            fits = abs(seen - middle) <= z * sqrt(middle * (1 - middle) / of)
            inside, outside = (middle, outside) if fits else (inside, middle)
        return inside

    return edge(seen, 0.0), edge(seen, 1.0)
