"""How far members err beside one another."""

from math import isnan, sqrt
from typing import Any


def relative_errors(past: list[Any], actuals: Any) -> list[float]:
    """Of each member: its root mean squared error in a cell over the mean of all members' there, over the cells."""
    top, bottom = [0.0] * len(past), 0.0
    for cell in range(len(actuals[0])):
        squares, volume, months = [0.0] * len(past), 0.0, 0
        for k, forecasts in enumerate(actuals):
            for h, actual in enumerate(forecasts[cell]):
                means = [member[k][cell][h] for member in past]
                if isnan(actual) or any(isnan(mean) for mean in means):
                    continue
                months += 1
                volume += sum(means) / len(means)
                squares = [square + (mean - actual) ** 2 for square, mean in zip(squares, means, strict=True)]
        if not months or not any(squares):
            continue
        errors = [sqrt(square / months) for square in squares]
        weight = sqrt(volume / months)
        top = [t + weight * error * len(errors) / sum(errors) for t, error in zip(top, errors, strict=True)]
        bottom += weight
    return [t / bottom for t in top]
