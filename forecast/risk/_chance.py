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

CLOSE = 1e-3
"""What an interval may lack of its probability: among large counts one more or less changes nothing."""


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
    """(low, high) of each count: whole numbers that hold at least `probability`, and no more than they must.

    The low end leaves as nearly as it can half of the rest below it; the high end is the least that then holds
    enough. An interval that begins at 0 has nothing below, so all of the rest lies above it.
    """
    tail = (1 - probability) / 2
    ends = negbin.quantile(mean, variance, [tail, probability, 1 - tail]).astype(float)
    low = ends[:, 0]
    upto, below = (negbin.cdf(low - back, mean, variance) for back in (0, 1))
    rises = upto - tail < tail - below
    low, below = low + rises, np.where(rises, upto, below)
    least = np.where(low == 0, ends[:, 1], ends[:, 2] - 1)
    return low, _reached(np.maximum(least, low), below + probability - CLOSE, mean, variance)


def _reached(least: Array, level: Array, mean: Array, variance: Array) -> Array:
    """(n,) the first count from `least` on up to which there is at least `level`: by doubling, then by halves."""
    rows, step, under, over = np.arange(len(least)), 1.0, least - 1, least.copy()
    while (rows := rows[negbin.cdf(over[rows], mean[rows], variance[rows]) < level[rows]]).size:
        under[rows], over[rows], step = over[rows], over[rows] + step, 2 * step
    rows = np.flatnonzero(over > least)
    while (rows := rows[over[rows] - under[rows] > 1]).size:
        middle = np.floor((under[rows] + over[rows]) / 2)
        enough = negbin.cdf(middle, mean[rows], variance[rows]) >= level[rows]
        over[rows], under[rows] = np.where(enough, middle, over[rows]), np.where(enough, under[rows], middle)
    return over


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
