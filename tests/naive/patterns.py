"""Season and rise of one series as the paper has it: regressions with and without the months, plain sums."""

from math import copysign, isnan, sqrt

import numpy as np

Years = list[list[float]]
"""Years of twelve months each, the last one whole; NaN = not covered."""


def slow_level(years: Years) -> Years:
    """Straight lines through the middles of full years, every year scaled to its own total."""
    known = [[y for y in year if not isnan(y)] for year in years]
    means = [sum(year) / len(year) if year else 0.0 for year in known]
    full = [n for n in range(len(years)) if len(known[n]) >= 9]
    taken = [means[min(full, key=lambda k: (abs(k - n), -k))] if full else means[n] for n in range(len(years))]
    drawn = []
    for n, year in enumerate(years):
        line = []
        for month in range(12):
            off = (month - 5.5) / 12
            beside = min(max(n + (1 if off > 0 else -1), 0), len(years) - 1)
            line.append(taken[n] * (1 - abs(off)) + taken[beside] * abs(off))
        there = sum(value for value, y in zip(line, year, strict=True) if not isnan(y))
        if there <= 0:
            line, there = [1.0] * 12, float(len(known[n]))
        drawn.append([value * sum(known[n]) / there if there else 0.0 for value in line])
    return drawn


def season_sums(years: Years, shape: list[float] | None) -> tuple[float, int, float, float, int]:
    """(months' sum of squares, its df, signed one of the shape, rest, its df), by least squares with dummies."""
    level = slow_level(years)
    rows = [
        (n, month, y, level[n][month])
        for n, year in enumerate(years)
        for month, y in enumerate(year)
        if not isnan(y) and level[n][month] > 0
    ]
    extra = sum((y - mu) ** 2 - mu for _, _, y, mu in rows)
    alpha = max(0.0, extra / sum(mu**2 for *_, mu in rows))
    root = np.array([sqrt(mu / (1 + alpha * mu)) for *_, mu in rows])
    ratio = np.array([y / mu - 1 for _, _, y, mu in rows]) * root
    used, months = sorted({n for n, *_ in rows}), sorted({month for _, month, *_ in rows})
    by_year = np.array([[float(n == k) for k in used] for n, *_ in rows]) * root[:, None]
    by_month = np.array([[float(month == k) for k in months[1:]] for _, month, *_ in rows]) * root[:, None]

    def rest(columns: np.ndarray) -> float:
        effects = np.linalg.lstsq(columns, ratio, rcond=None)[0]
        return float(((ratio - columns @ effects) ** 2).sum())

    alone, both = rest(by_year), rest(np.hstack([by_year, by_month]))
    signed = float("nan")
    if shape is not None:
        along = np.array([[shape[month] - 1] for _, month, *_ in rows]) * root[:, None]
        columns = np.hstack([by_year, along])
        signed = copysign(alone - rest(columns), np.linalg.lstsq(columns, ratio, rcond=None)[0][-1])
    return alone - both, len(months) - 1, signed, both, len(rows) - len(used) - len(months) + 1


def rise(
    years: Years, index: list[float], known_by: list[float], pace: list[float]
) -> tuple[float, float, float, float]:
    """(expected share of the last year, variance of its count, sum of squares of months, their df)."""
    rows = [
        (n == len(years) - 1, y, index[month] * pace[n], known_by[month])
        for n, year in enumerate(years)
        for month, y in enumerate(year)
        if not isnan(y)
    ]
    counts = {late: sum(y for when, y, *_ in rows if when == late) for late in (True, False)}
    bases = {late: sum(base for when, _, base, _ in rows if when == late) for late in (True, False)}
    means = [(y, base * counts[late] / bases[late]) for late, y, base, _ in rows]
    alpha = max(0.0, sum((y - mu) ** 2 - mu for y, mu in means) / sum(mu**2 for _, mu in means))
    squares = sum((y - mu) ** 2 / (mu * (1 + alpha * mu)) for y, mu in means)
    spent = sum(mu / weight for (_, mu), (*_, weight) in zip(means, rows, strict=True)) * 11 / 12
    share = bases[True] / (bases[True] + bases[False])
    level = sum(counts.values()) / sum(bases.values())
    variance = sum(
        ((1 - share) if late else share) ** 2 * base * level * (1 + alpha * base * level) for late, _, base, _ in rows
    )
    return share, variance, squares, len(rows) - 2 - spent


def discovery_rates(p: list[float]) -> list[float]:
    """q of each p: the least of p(k) n / k over all p(k) not smaller."""
    ordered = sorted(p)
    return [min(min(1.0, ordered[k] * len(p) / (k + 1)) for k in range(len(p)) if ordered[k] >= one) for one in p]
