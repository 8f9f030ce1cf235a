"""Mean and spread of estates -> interval, chance to exceed the median of the street, calibration, rank stability."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast import negbin
from forecast.risk._prior import above

Array = np.ndarray

ENOUGH = 200
"""Estates from which chances are calibrated on the year before; fewer would be learned by heart."""


SUREST = 0.999
"""No chance is said to be surer, nor surer not to come: a year unlike those known is not in the data."""


@dataclass(frozen=True)
class Calibration:
    """What a chance said turned out to be, as a rising line through points; no points = as said. Never 0 or 1."""

    said: Array
    came: Array

    def apply(self, chance: Array) -> Array:
        found = np.interp(chance, self.said, self.came) if len(self.said) else chance
        return np.clip(found, 1 - SUREST, SUREST)


AS_SAID = Calibration(np.empty(0), np.empty(0))


def streets(estates: pd.DataFrame, areas: pd.DataFrame) -> Array:
    """(n,) code of the street of each estate; those without one are compared among themselves."""
    return pd.factorize(above(estates["area"], areas.set_index("area"), "street"), use_na_sentinel=False)[0]


def median_ahead(mean: Array, variance: Array, street: Array) -> Array:
    """(n,) median of the counts of all estates of the street: least k with mean of P(Y <= k) >= 1/2, by bisection."""
    size = np.bincount(street)
    own = negbin.quantile(mean, variance, [0.5])[:, 0].astype(float)
    low, high = np.full(len(size), np.inf), np.zeros(len(size))
    np.minimum.at(low, street, own - 1)
    np.maximum.at(high, street, own)
    while (high - low).max(initial=0) > 1:
        middle = np.floor((low + high) / 2)
        below = np.bincount(street, negbin.cdf(middle[street], mean, variance)) / size
        reached = below >= 0.5
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    return high[street]


def interval(mean: Array, variance: Array, probability: float) -> tuple[Array, Array]:
    """(low, high) of each count: whole numbers that leave as nearly as they can half of the rest at either end.

    Quantiles leave at most that much, so among small counts they hold far more than they say. An end at 0 cannot
    leave anything below it: there the interval still holds more.
    """
    tails = np.array([(1 - probability) / 2, (1 + probability) / 2])
    found = negbin.quantile(mean, variance, tails).astype(float)
    upto, below = (negbin.cdf(found - back, mean[:, None], variance[:, None]) for back in (0, 1))
    over, under = upto - tails, tails - below
    low = found[:, 0] + (over[:, 0] < under[:, 0])
    high = np.maximum(found[:, 1] - (under[:, 1] < over[:, 1]), 0.0)
    return np.minimum(low, high), high


def exceeds_median(counts: Array, street: Array) -> Array:
    """(n,) whether a count is above the median (the lower one of two) of its street."""
    middle = pd.Series(counts).groupby(street).quantile(0.5, interpolation="lower")
    return counts > middle.to_numpy()[np.unique(street, return_inverse=True)[1]]


def chance(mean: Array, variance: Array, median: Array) -> Array:
    """P(count > median)."""
    return 1 - negbin.cdf(median, mean, variance)


def calibrated(said: Array, happened: Array) -> Calibration:
    """Isotonic regression of what happened on what was said, through the middles of its steps.

    A step of n estates says (k + 1/2) / (n + 1) where k happened, so that ten of ten are not taken for certain;
    small steps may then cross and are joined again.

    Source: Zadrozny & Elkan 2002, Transforming classifier scores into accurate multiclass probability estimates;
    the mean under the prior of Jeffreys: Brown, Cai & DasGupta 2001, Interval estimation for a binomial proportion,
    section 4.2.
    """
    from scipy.optimize import isotonic_regression

    if len(said) < ENOUGH or happened.all() or not happened.any():
        return AS_SAID
    order = np.argsort(said, kind="stable")
    found = isotonic_regression(happened[order].astype(float))
    starts = found.blocks[:-1]
    count = np.diff(found.blocks)
    middle = np.add.reduceat(said[order], starts) / count
    came = (found.x[starts] * count + 0.5) / (count + 1)
    return Calibration(middle, isotonic_regression(came, weights=count + 1.0).x)


def stability(mean: Array, shape: Array, top: int, draws: int, seed: int) -> Array:
    """(n,) share of the draws in which an estate is among the `top` by its rate; ties are broken at random.

    A draw takes each rate from its posterior, Gamma with this mean and shape.

    Source: posterior ranks: Laird & Louis 1989, Empirical Bayes ranking methods; Goldstein & Spiegelhalter 1996 §4.
    """
    rng = np.random.default_rng(seed)
    seats = np.zeros(len(mean))
    top = min(top, len(mean))
    for _ in range(draws):
        drawn = mean / shape * rng.standard_gamma(shape)
        seats[np.argpartition(drawn, len(mean) - top)[len(mean) - top :]] += 1
    return seats / draws
