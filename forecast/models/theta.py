"""Grid -> means: the dynamic optimised Theta model of every cell, all cells at once, times the season they share."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.models import _climate
from forecast.models._climate import TINY, Climate
from forecast.panel import Grid
from forecast.spec import Spec

ALPHAS = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98])
REFINEMENTS = 4
CHUNK = 2000


class Theta(Spec):
    """Dynamic optimised Theta of the counts without season.

    Cells with fewer than `least_months` covered months keep level x season; `largest_factor` bounds how far a mean
    may leave it. damping: what is left of a month's drift a month later, 1 = a straight line for ever.
    """

    kind: Literal["theta"] = "theta"
    climate: Climate = Climate()
    damping: float = Field(0.9, ge=0, le=1)
    least_months: int = Field(6, ge=3)
    largest_factor: float = Field(5.0, gt=1)


@dataclass(frozen=True)
class _State:
    """What the past of series leaves for the month after it, at one smoothing parameter each; all of one shape.

    The expected count is smooth + fade * start + drift_share * (intercept * fade + slope * lead), linear in the two
    parameters start and drift_share = 1 - 1 / theta that least squares find.
    smooth: level of a start at 0; fade: weight the start still has; lead: months the line is ahead of its own
    smoothing; intercept, slope: least squares line through the covered months.
    """

    smooth: np.ndarray
    fade: np.ndarray
    lead: np.ndarray
    intercept: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class _Fitted:
    """State after the last month, the parameters (start, drift_share) and the squared error they leave."""

    state: _State
    start: np.ndarray
    drift_share: np.ndarray
    error: np.ndarray


def predict(spec: Theta, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid; from one month of history on.

    Months not covered leave the state as it is, while time goes on.

    Source: Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), IJF 32, sections 2 and 3.
    """
    fit = _climate.fit(spec.climate, grid)
    future = grid.future(horizon)
    usual = _climate.project(fit, future)
    season = fit.index[:, _climate.month_of_year(grid.months)]
    ahead = _theta(grid.y / season, horizon, spec.damping) * fit.index[:, _climate.month_of_year(future)]
    bounded = np.clip(ahead, usual / spec.largest_factor, usual * spec.largest_factor)
    long_enough = (~np.isnan(grid.y)).sum(1) >= spec.least_months
    return np.where(long_enough[:, None], bounded, usual)


def _theta(x: np.ndarray, horizon: int, damping: float) -> np.ndarray:
    """(n, T) counts without season -> (n, horizon) forecasts, which may be below 0."""
    chunks = [_one_chunk(x[first : first + CHUNK], horizon, damping) for first in range(0, len(x), CHUNK)]
    return np.concatenate([np.empty((0, horizon)), *chunks])


def _one_chunk(x: np.ndarray, horizon: int, damping: float) -> np.ndarray:
    best = _optimised(x)
    months = np.cumsum(damping ** np.arange(horizon)) - 1
    state = best.state
    line = state.intercept * state.fade + state.slope * state.lead
    means: np.ndarray = (state.smooth + state.fade * best.start + best.drift_share * line)[:, None] + (
        best.drift_share * state.slope
    )[:, None] * months
    return means


def _optimised(x: np.ndarray) -> _Fitted:
    """Least squares over the smoothing parameter: a coarse grid, then ever finer ones around the best."""
    tried = np.repeat(ALPHAS[:, None], len(x), axis=1)
    for _ in range(REFINEMENTS + 1):
        fitted = _least_squares(x, tried)
        best = fitted.error.argmin(0)
        below = np.take_along_axis(tried, np.maximum(best - 1, 0)[None], 0)
        above = np.take_along_axis(tried, np.minimum(best + 1, len(tried) - 1)[None], 0)
        chosen = fitted, best
        tried = below + (above - below) * np.linspace(0, 1, 5)[:, None]
    return _picked(*chosen)


def _picked(fitted: _Fitted, row: np.ndarray) -> _Fitted:
    def pick(x: np.ndarray) -> np.ndarray:
        return np.take_along_axis(x, row[None], 0)[0]

    state = fitted.state
    kept = _State(pick(state.smooth), pick(state.fade), pick(state.lead), pick(state.intercept), pick(state.slope))
    return _Fitted(kept, pick(fitted.start), pick(fitted.drift_share), pick(fitted.error))


def _least_squares(x: np.ndarray, alpha: np.ndarray) -> _Fitted:
    """Best start and drift share for given smoothing parameters.

    Args:
        x: (n, T) counts without season, NaN = not covered.
        alpha: (k, n) smoothing parameters.

    Returns:
        _Fitted of shape (k, n).
    """
    shape = alpha.shape
    smooth, fade, lead = np.zeros(shape), np.ones(shape), np.ones(shape)
    line = _Line(x.shape[0])
    ff, fd, dd, rf, rd, rr = (np.zeros(shape) for _ in range(6))
    for month in np.ascontiguousarray(x.T):
        covered = ~np.isnan(month)
        drift = line.intercept * fade + line.slope * lead
        left = np.where(covered, month - smooth, 0.0)
        f, d = np.where(covered, fade, 0.0), np.where(covered, drift, 0.0)
        ff += f * f
        fd += f * d
        dd += d * d
        rf += left * f
        rd += left * d
        rr += left * left
        smooth = smooth + alpha * left
        fade = np.where(covered, (1 - alpha) * fade, fade)
        lead = np.where(covered, 1 + (1 - alpha) * lead, lead + (line.count > 0))
        line.add(month, covered)
    state = _State(smooth, fade, lead, np.broadcast_to(line.intercept, shape), np.broadcast_to(line.slope, shape))
    determinant = ff * dd - fd * fd
    known = determinant > TINY * ff * dd
    share = np.divide(ff * rd - fd * rf, determinant, out=np.zeros(shape), where=known)
    share = np.clip(share, 0.0, 1.0)
    start = np.divide(rf - share * fd, ff, out=np.zeros(shape), where=ff > 0)
    error = rr + start**2 * ff + share**2 * dd - 2 * (start * rf + share * rd - start * share * fd)
    return _Fitted(state, start, share, error)


class _Line:
    """Running least squares line of each series through its covered months; the first of them is month 1."""

    def __init__(self, n: int) -> None:
        self.count, self.time = np.zeros(n), np.zeros(n)
        self.mean_time, self.mean, self.time_time, self.time_count = (np.zeros(n) for _ in range(4))
        self.intercept, self.slope = np.zeros(n), np.zeros(n)

    def add(self, month: np.ndarray, covered: np.ndarray) -> None:
        self.time += covered | (self.count > 0)
        self.count += covered
        weight = np.maximum(self.count, 1)
        off_time = np.where(covered, self.time - self.mean_time, 0.0)
        off = np.where(covered, month - self.mean, 0.0)
        self.mean_time += off_time / weight
        self.mean += off / weight
        self.time_time += off_time * (self.time - self.mean_time)
        self.time_count += off_time * (np.where(covered, month, self.mean) - self.mean)
        self.slope = np.divide(self.time_count, self.time_time, out=np.zeros_like(self.mean), where=self.count > 1)
        self.intercept = self.mean - self.slope * self.mean_time
