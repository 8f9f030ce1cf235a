"""Index of the months of a year, from counts of cells."""

from math import isnan, nan
from typing import Any

YEAR = 12


def centred_mean(counts: list[float]) -> list[float]:
    """Mean of the two years of months around each month; near the ends both are the nearest whole year."""
    length = len(counts)
    means = []
    for t in range(length):
        total = weight = 0.0
        for start in (t - 6, t - 5):
            start = min(max(start, 0), length - YEAR)
            for month in range(start, start + YEAR):
                if length >= YEAR and not isnan(counts[month]):
                    total += counts[month]
                    weight += 1
        means.append(total / weight if weight >= 18 else nan)
    return means


def seasonal_index(y: list[list[float]], category: list[str], moy: list[int], options: Any) -> list[list[float]]:
    """Ratios to the centred mean, shrunk cell -> category -> city -> 1 by the variances they show; damped.

    `options`: those of Season.
    """
    cells = [ratios(counts) for counts in y]
    length = len(moy)
    edge = [0.5 if t < 6 or t >= length - 6 else 1.0 for t in range(length)]

    def pooled(chosen: list[int]) -> list[tuple[float, float]]:
        return [(sum(cells[i][t][0] for i in chosen), sum(cells[i][t][1] for i in chosen)) for t in range(length)]

    city, _ = robust(pooled(list(range(len(y)))), [1.0] * YEAR, edge, moy, options)
    members = {name: [i for i in range(len(y)) if category[i] == name] for name in category}
    above = {name: robust(pooled(chosen), city, edge, moy, options) for name, chosen in members.items()}
    shown = [evidence(cells[i], *above[category[i]], moy, options) for i in range(len(y))]
    usual = variances(summed(shown), options.spread, options.noise, options)
    out = []
    for i, name in enumerate(category):
        parent, weight = above[name]
        spread, noise = variances(summed([shown[j] for j in members[name]]), *usual, options)
        own = shrunk(cells[i], parent, weight, spread, noise, moy)
        out.append(normalised([value**options.power for value in own]))
    return out


def ratios(counts: list[float]) -> list[tuple[float, float]]:
    """Each count and the centred mean it is measured by; nothing where either is not known or the mean is 0."""
    pairs = []
    for count, usual in zip(counts, centred_mean(counts), strict=True):
        known = not isnan(count) and not isnan(usual) and usual > 0
        pairs.append((count, usual) if known else (0.0, 0.0))
    return pairs


def robust(
    pairs: list[tuple[float, float]], parent: list[float], edge: list[float], moy: list[int], options: Any
) -> tuple[list[float], list[float]]:
    """Three rounds: an index, the weights of a Student t with four degrees of freedom, the variances they leave."""
    weight, index = edge, parent
    spread, noise = options.spread, options.noise
    for _ in range(3):
        index = shrunk(pairs, parent, weight, spread, noise, moy)
        weight = []
        for t, (count, usual) in enumerate(pairs):
            error = 0.0
            if usual > 0:
                expected = index[moy[t]]
                error = (count / usual - expected) ** 2 / (expected / usual + noise)
            weight.append(edge[t] * 5 / (4 + error))
        shown = evidence(pairs, parent, weight, moy, options)
        spread, noise = variances(shown, options.spread, options.noise, options)
    return index, weight


Evidence = tuple[float, float, float, float]


def evidence(
    pairs: list[tuple[float, float]], parent: list[float], weight: list[float], moy: list[int], options: Any
) -> Evidence:
    """How far the months lie from what the parent expects of them.

    Errors of a month of the year in one year times those in another, and what these pairs are worth; squared
    errors beyond Poisson, and what the months are worth.
    """
    found = []
    for t, (count, usual) in enumerate(pairs):
        if usual > 0:
            expected = parent[moy[t]]
            chance = expected / usual
            error = min(max(count / usual - expected, -3.0), 3.0)
            found.append((moy[t], error, chance, weight[t] / (1 + chance / options.noise)))
    cross = worth_of_pairs = squares = months = 0.0
    for k, (month, error, chance, worth) in enumerate(found):
        squares += worth * (error**2 - chance)
        months += worth
        for j, (other_month, other_error, _, other_worth) in enumerate(found):
            if j != k and month == other_month:
                cross += worth * error * other_worth * other_error
                worth_of_pairs += worth * other_worth
    return cross, worth_of_pairs, squares, months


def summed(parts: list[Evidence]) -> Evidence:
    """Evidence of several series together."""
    cross, pairs, squares, months = (sum(part[k] for part in parts) for k in range(4))
    return cross, pairs, squares, months


def variances(shown: Evidence, spread: float, noise: float, options: Any) -> tuple[float, float]:
    """Spread of the seasons around the parent, noise of the months around the season; drawn to what is believed."""
    cross, pairs, squares, months = shown
    found = (max(cross, 0.0) + options.spread_pairs * spread) / (pairs + options.spread_pairs)
    left = max(squares - months * found, 0.0)
    around = (left + options.noise_months * noise) / (months + options.noise_months)
    return min(max(found, 0.001), 4.0), min(max(around, 0.001), 10.0)


def shrunk(
    pairs: list[tuple[float, float]],
    parent: list[float],
    weight: list[float],
    spread: float,
    noise: float,
    moy: list[int],
) -> list[float]:
    """Mean of the ratios of a month of the year, each worth its precision, and of its parent."""
    index = []
    for month in range(YEAR):
        top, bottom = parent[month] / spread, 1 / spread
        for t, (count, usual) in enumerate(pairs):
            if moy[t] == month:
                top += weight[t] * count / (1 + noise * usual)
                bottom += weight[t] * usual / (1 + noise * usual)
        index.append(top / bottom)
    return normalised(index)


def normalised(index: list[float]) -> list[float]:
    floored = [max(value, 0.01) for value in index]
    return [value * len(floored) / sum(floored) for value in floored]
