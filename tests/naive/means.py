"""Means of the small models."""

from math import isnan
from typing import Any

from tests.naive.climate import levels
from tests.naive.season import YEAR, seasonal_index


def seasonal_naive(y: list[list[float]], horizon: int) -> list[list[float]]:
    """Same month of the latest covered year, else the mean of the covered months, else 0."""
    means = []
    for counts in y:
        covered = [count for count in counts if not isnan(count)]
        row = []
        for ahead in range(1, horizon + 1):
            month = len(counts) - 1 + ahead - YEAR
            while month >= 0 and (month >= len(counts) or isnan(counts[month])):
                month -= YEAR
            row.append(counts[month] if month >= 0 else sum(covered) / len(covered) if covered else 0.0)
        means.append(row)
    return means


def climatology(
    y: list[list[float]], category: list[str], area: list[str], first_month: int, horizon: int, options: Any
) -> list[list[float]]:
    """Level x season. `first_month`: 0 for January; `options`: those of Climate."""
    length = len(y[0])
    moy = [(first_month + t) % YEAR for t in range(length + horizon)]
    index = seasonal_index(y, category, moy[:length], options.season)
    level = levels(y, index, category, area, moy[:length], options)
    return [[level[i] * index[i][moy[length + h]] for h in range(horizon)] for i in range(len(y))]


def flat_mean(counts: list[float], months: int) -> float:
    """Mean of the last covered months."""
    last = [count for count in counts if not isnan(count)][-months:]
    return sum(last) / len(last) if last else 0.0


def tsb(counts: list[float], first_months: int, tried: list[tuple[float, float]]) -> float:
    """Chance of a request x its size, with the first of the smoothing parameters that erred least."""
    covered = [count for count in counts if not isnan(count)]
    start = covered[:first_months]
    came = [count for count in start if count > 0]
    errors, forecasts = [], []
    for alpha, beta in tried:
        chance = len(came) / len(start) if start else 0.0
        size = sum(came) / len(came) if came else None
        error = 0.0
        for count in covered:
            error += (count - chance * (size or 0.0)) ** 2
            if count > 0:
                size = count if size is None else alpha * count + (1 - alpha) * size
                chance = beta + (1 - beta) * chance
            else:
                chance = (1 - beta) * chance
        errors.append(error)
        forecasts.append(chance * (size or 0.0))
    return next(f for f, error in zip(forecasts, errors, strict=True) if error <= min(errors) * (1 + 1e-9))
