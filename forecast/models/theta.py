"""Grid -> means: the dynamic optimised Theta model of every cell, all cells at once, times the season they share."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.models import _climate, _parts, _upper
from forecast.models._climate import Climate, Fit
from forecast.models._season import TINY, group_sum
from forecast.panel import Grid
from forecast.spec import Spec

ALPHAS = np.array(
    [0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.36, 0.42, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99],
)
"""Smoothing parameters tried. Between two of them the error hardly differs."""

CHUNK = 512
"""Cells solved together, so that what a month needs stays in the cache."""


class Theta(Spec):
    """Dynamic optimised Theta of the counts without season; `pool` 0, the others 1: as in the paper.

    of: forecast each cell, or each category as one series, which its cells share by level x season.
    discount: what a squared error is worth a month later, when the parameters are chosen. pool: cells the mean
    evidence of its category weighs in the smoothing parameter of a cell. drift: share of the fitted drift that is
    used; damping: what is left of a month's drift a month later. Cells with fewer than `least_months` covered months
    keep level x season; `largest_factor` bounds how far a mean may leave it.
    """

    kind: Literal["theta"] = "theta"
    of: Literal["cells", "categories"] = "cells"
    climate: Climate = Climate()
    discount: float = Field(0.98, gt=0, le=1)
    pool: float = Field(1.0, ge=0)
    drift: float = Field(0.5, ge=0, le=1)
    damping: float = Field(0.9, ge=0, le=1)
    least_months: int = Field(6, ge=3)
    largest_factor: float = Field(3.0, gt=1)


@dataclass(frozen=True)
class _Run:
    """What the months leave at given smoothing parameters; arrays of shape (k, n), one row a parameter.

    The count expected next is smooth + fade * start + share * bend: linear in start, the level before the first
    month, and in share = 1 - 1 / theta. smooth: level had it started at 0; fade: weight the start still has;
    bend: how far the line through the past runs ahead of its own smoothing; slope: (n,) of that line.
    moments: six (k, n) discounted sums of fade^2, fade * bend, bend^2, left * fade, left * bend, left^2, where
    left = count - smooth.
    """

    smooth: np.ndarray
    fade: np.ndarray
    bend: np.ndarray
    slope: np.ndarray
    moments: tuple[np.ndarray, ...]


def predict(spec: Theta, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid; from one month of history on.

    A month not covered leaves the state as it is, while time goes on. Months ahead follow the line of the last
    month, damped.

    Source: Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), IJF 32, sections 2 and 3.
    """
    fit = _climate.fit(spec.climate, grid)
    if spec.of == "categories":
        return _of_categories(spec, grid, fit, horizon)
    return _of_cells(spec, grid, fit, horizon)


def explain(spec: Theta, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray) -> Explained:
    """What a cell says beyond level x season is its trend; what the total of its category says is its neighbours'."""
    rest = "neighbours" if spec.of == "categories" else "trend"
    return _parts.of_climate(spec.climate, grid, predict(spec, grid, seasons, horizon, seed), cells, rest)


def _of_cells(spec: Theta, grid: Grid, fit: Fit, horizon: int) -> np.ndarray:
    future = grid.future(horizon)
    usual = _climate.project(fit, future)
    category, _ = _climate.codes(grid)
    x = fit.tamed / fit.index[:, _climate.month_of_year(grid.months)]
    means = theta(spec, x, category, horizon) * fit.index[:, _climate.month_of_year(future)]
    bounded = np.clip(means, usual / spec.largest_factor, usual * spec.largest_factor)
    enough = (~np.isnan(grid.y)).sum(1) >= spec.least_months
    return np.where(enough[:, None], bounded, usual)


def _of_categories(spec: Theta, grid: Grid, fit: Fit, horizon: int) -> np.ndarray:
    """Each category as one series, shared out to its cells by level x season."""
    category, _ = _climate.codes(grid)
    totals = np.where(
        group_sum(~np.isnan(grid.y), category) > 0,
        group_sum(_upper.filled(spec.climate, grid, fit), category),
        np.nan,
    )
    names = pd.DataFrame({"area": "", "category": grid.cells["category"].unique()})
    whole = Grid(names, grid.months, totals)
    means = _of_cells(spec, whole, _climate.fit(spec.climate, whole), horizon)
    cells = _climate.project(fit, grid.future(horizon))
    usual = group_sum(cells, category)
    factor = np.divide(means, usual, out=np.ones_like(usual), where=usual > 0)
    return cells * np.clip(factor, 1 / spec.largest_factor, spec.largest_factor)[category]


def theta(spec: Theta, x: np.ndarray, category: np.ndarray, horizon: int) -> np.ndarray:
    """Forecasts (n, horizon) of series without season; a falling one may end below 0.

    Args:
        x: (n, T) counts without season, NaN = not covered.
        category: (n,) numbers 0 .. k-1 of the groups that share evidence about the smoothing parameter.
        horizon: months ahead, >= 1.
    """
    parts = [slice(first, first + CHUNK) for first in range(0, len(x), CHUNK)]
    solved = [_tried(spec, x[part]) for part in parts]
    error, first, slope = (np.concatenate(part, axis=1) for part in zip(*solved, strict=True))
    evidence = _evidence(spec, x, error)
    mean = group_sum(evidence.T, category) / np.bincount(category)[:, None]
    best = (evidence + spec.pool * mean[category].T).argmax(0), np.arange(len(x))
    months = np.cumsum(spec.damping ** np.arange(horizon)) - 1
    means: np.ndarray = first[best][:, None] + slope[best][:, None] * months
    return means


def _tried(spec: Theta, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(k, n) squared error, count expected next and drift of the month after, of every smoothing parameter."""
    run = _run(spec, x, ALPHAS[:, None])
    start, share, error = _solved(run, spec.drift)
    return error, run.smooth + run.fade * start + share * run.bend, share * run.slope


def _evidence(spec: Theta, x: np.ndarray, error: np.ndarray) -> np.ndarray:
    """(k, n) log likelihood of each smoothing parameter, 0 for the best of a series.

    Normal errors whose variance is that of the fit. Squared errors below TINY of the squared counts are all alike.
    """
    worth = spec.discount ** np.arange(x.shape[1])[::-1]
    months = np.where(np.isnan(x), 0.0, worth).sum(1)
    size = (np.nan_to_num(x) ** 2 * worth).sum(1)
    relative = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
    likely: np.ndarray = -0.5 * months * np.log(np.maximum(relative, TINY))
    return likely - likely.max(0)


def _solved(run: _Run, drift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(k, n) start and share with the least squared error, and that error; theta >= 1, so the share is in [0, 1]."""
    ff, fb, bb, lf, lb, ll = run.moments
    determinant = ff * bb - fb * fb
    known = determinant > TINY * ff * bb
    share = drift * np.clip(np.divide(ff * lb - fb * lf, determinant, out=np.zeros_like(ff), where=known), 0, 1)
    start = np.divide(lf - share * fb, ff, out=np.zeros_like(ff), where=ff > 0)
    error = ll + start**2 * ff + share**2 * bb - 2 * (start * lf + share * lb - start * share * fb)
    return start, share, np.maximum(error, 0.0)


def _run(spec: Theta, x: np.ndarray, alpha: np.ndarray) -> _Run:
    """Run the recursion over all months. alpha: (k, 1) smoothing parameters.

    As long as every cell was covered alike, fade and lead are the same for all of them, and stay (k, 1).
    """
    shape = (len(alpha), len(x))
    covered, (intercept, slope) = ~np.isnan(x.T), _lines(x)
    counts = np.where(covered, x.T, 0.0)
    whole = covered.all(axis=1)
    started = np.maximum.accumulate(covered, axis=0)
    smooth, left, part = np.zeros(shape), np.empty(shape), np.empty(shape)
    fade = lead = np.ones((len(alpha), 1))
    moments = np.zeros((5, *shape))
    fades = np.zeros((len(alpha), 1))
    for t, known in enumerate(covered):
        bend = intercept[t] * fade
        bend += np.multiply(slope[t], lead, out=part)
        np.subtract(counts[t], smooth, out=left)
        seen_fade, seen_bend = fade, bend
        if not whole[t]:
            np.copyto(left, 0.0, where=~known)
            seen_fade, seen_bend = known * fade, known * bend
        fades = fades * spec.discount + seen_fade * seen_fade
        moments *= spec.discount
        pairs = ((seen_fade, seen_bend), (seen_bend, seen_bend), (left, seen_fade), (left, seen_bend), (left, left))
        for moment, (one, other) in zip(moments, pairs, strict=True):
            moment += np.multiply(one, other, out=part)
        smooth += np.multiply(alpha, left, out=part)
        fall = 1 + (1 - alpha) * lead
        lead = fall if whole[t] else np.where(known, fall, lead + started[t])
        fade = (1 - alpha) * fade if whole[t] else np.where(known, (1 - alpha) * fade, fade)
    every = np.broadcast_to(fades, shape)
    return _Run(smooth, fade, intercept[-1] * fade + slope[-1] * lead, slope[-1], (every, *moments))


def _lines(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T + 1, n) intercept and slope of the least squares line through the covered months before each month.

    The first covered month of a series is month 1; one month alone has slope 0, none has intercept 0 too.
    """
    covered = ~np.isnan(x.T)
    time = np.cumsum(np.maximum.accumulate(covered, axis=0), axis=0)
    base = np.nan_to_num(x).sum(1) / np.maximum(covered.sum(0), 1)
    off = np.where(covered, x.T - base, 0.0)
    at = np.where(covered, time, 0.0)
    count, t, c, tt, tc = (_before(part) for part in (covered.astype(float), at, off, at * at, at * off))
    spread = count * tt - t * t
    slope = np.divide(count * tc - t * c, spread, out=np.zeros_like(c), where=spread > 0)
    intercept = np.where(count > 0, base + (c - slope * t) / np.maximum(count, 1), 0.0)
    return intercept, slope


def _before(x: np.ndarray) -> np.ndarray:
    """(T + 1, n) sums of the rows before each row."""
    return np.pad(np.cumsum(x, axis=0), ((1, 0), (0, 0)))
