"""Levels of cells, and months held at a bound."""

from math import isnan, sqrt
from typing import Any


def levels(
    y: list[list[float]], index: list[list[float]], category: list[str], area: list[str], moy: list[int], options: Any
) -> list[float]:
    """Level of each cell after the last month: slow -> moved with its category -> fast, of tamed counts."""
    season = [[row[month] for month in moy] for row in index]
    tamed = tame(y, season, category, area, options)
    slow = slow_levels(y, season, category, area, options)
    moved = {}
    for name in set(category):
        a = expected = 0.0
        for i in range(len(y)):
            if category[i] == name:
                requests, exposure = discounted(y[i], season[i], options.discount)
                a, expected = a + requests, expected + exposure * slow[i]
        moved[name] = gamma_mean(a, expected, 1.0, options.slow_shape)
    fast = [discounted(counts, ahead, options.discount) for counts, ahead in zip(tamed, season, strict=True)]
    return [gamma_mean(*fast[i], slow[i] * moved[category[i]], options.slow_shape) for i in range(len(y))]


def discounted(counts: list[float], season: list[float], discount: float) -> tuple[float, float]:
    """Requests and exposure, each worth less the longer ago; months not covered change nothing."""
    a = b = 0.0
    for count, usual in zip(counts, season, strict=True):
        if not isnan(count):
            a, b = discount * a + count, discount * b + usual
    return a, b


def slow_levels(
    y: list[list[float]], season: list[list[float]], category: list[str], area: list[str], options: Any
) -> list[float]:
    """Usual level of each cell, drawn to that of its category times how loud its area is."""
    cells = range(len(y))
    slow = [discounted(counts, usual, options.slow_discount) for counts, usual in zip(y, season, strict=True)]
    mean = {}
    for name in set(category):
        a = sum(slow[i][0] for i in cells if category[i] == name)
        b = sum(slow[i][1] for i in cells if category[i] == name)
        mean[name] = a / b if b else 0.0
    loud = {}
    for name in set(area):
        a = sum(slow[i][0] for i in cells if area[i] == name)
        expected = sum(slow[i][1] * mean[category[i]] for i in cells if area[i] == name)
        loud[name] = (a + 5) / (expected + 5)
    pool = [mean[category[i]] * loud[area[i]] for i in cells]
    weight = pool_weights(slow, pool, category, area, options)
    return [gamma_mean(*slow[i], pool[i], weight[i]) for i in cells]


def pool_weights(
    slow: list[tuple[float, float]], pool: list[float], category: list[str], area: list[str], options: Any
) -> list[float]:
    """Requests the pool weighs in each cell: what the old cells show, less and less as the cell grows old."""
    old = [i for i, (_, exposure) in enumerate(slow) if exposure > 8 and pool[i] > 0]
    free = len(old) - len({category[i] for i in old}) - len({area[i] for i in old}) + 1
    if not old or free <= 0:
        return [options.pool_shape] * len(slow)
    beyond = error = size = 0.0
    for i in old:
        expected = pool[i] * slow[i][1]
        worth = 1 / max(expected, 1.0)
        forgotten = (1 - options.slow_discount) * slow[i][1]
        chance = expected * max(2 - forgotten, 1) / (1 + options.slow_discount)
        beyond += worth * ((slow[i][0] - expected) ** 2 * len(old) / free - chance)
        error += worth**2 * (2 * chance**2 + chance) * len(old) / free
        size += worth * expected**2
    shown = max(1 / max((beyond + sqrt(error)) / size, 0.001), options.pool_shape)
    fading = [(6 / (6 + exposure)) ** 2 for _, exposure in slow]
    return [options.pool_shape + (shown - options.pool_shape) * share for share in fading]


def tame(
    y: list[list[float]], season: list[list[float]], category: list[str], area: list[str], options: Any
) -> list[list[float]]:
    """Counts held below so many times what the tamed months before let one expect, and room for chance.

    So many: the more, the more covered months just before stood above the plain bound.
    """
    out: list[list[float]] = [[] for _ in y]
    run = [0] * len(y)
    for t in range(len(y[0])):
        known = max(t, 1)
        slow = slow_levels([c[:known] for c in y], [s[:known] for s in season], category, area, options)
        for i, counts in enumerate(y):
            a, b = discounted(out[i], season[i][:t], options.discount)
            expected = gamma_mean(a, b, slow[i], options.slow_shape) * season[i][t]
            chance = 3 * sqrt(expected) + 2
            highest = options.burst_factor ** (1 + run[i] / 2) * expected + chance
            judged = not isnan(counts[t]) and b > 1.5
            out[i].append(min(counts[t], highest) if judged else counts[t])
            if not isnan(counts[t]):
                run[i] = run[i] + 1 if counts[t] > options.burst_factor * expected + chance else 0
    return out


def gamma_mean(count: float, exposure: float, prior: float, shape: float) -> float:
    """Mean of a Poisson rate whose Gamma prior has mean `prior` and shape `shape`."""
    return (count + shape) / (exposure + shape / max(prior, 1e-9))
