"""Means + past means and what came -> variances of count distributions, and the correlation between months.

var = mu + phi mu^2 (negative binomial). phi of a cell = phi of its size bin x growth with the horizon x the
cell's own ratio to that pool. Arrays are (K past origins, n cells, H horizons); NaN = not covered or not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from forecast import negbin
from forecast.spec import Spec
from forecast.tables import Calibration, check, conform

Array = np.ndarray

DISPERSIONS = np.geomspace(1e-5, 20, 24)
RATIOS = np.geomspace(0.1, 10, 9)
GROWTHS = np.linspace(0, 0.6, 4)
MULTIPLIERS = np.geomspace(0.25, 4, 9)
MIDDLE_HORIZON = 4.0
LEAST_PROBABILITY = 1e-12
LEAST_MEAN = 1e-12
FAR = 2.0
"""Log of the factor by which a mean must leave those seen for two thirds of what was learned to be forgotten."""
GOLDEN = (np.sqrt(5) - 1) / 2
MOST_IN_BIN = 2_500
BLOCK = 4_096
"""Cells taken together; bounds the memory."""


class Calibrate(Spec):
    """How the spread of counts is learned from past origins.

    Args:
        quantile_levels: probabilities of the quantiles written, strictly rising.
        past_origins: origins looked back on; 0 uses the prior alone.
        past_step: months between them; the latest lies one step back.
        min_history: months an origin needs behind it to be looked back on.
        bin_size: residuals a size bin needs at least.
        prior_dispersion: phi at horizon 4 when nothing is known. 0.3 fits a quiet city, 1 a city in upheaval
            (measured: Chicago sanitation 2012-14, New York council complaints 2018-22).
        prior_origins: past origins the prior counts for.
        own_spread: standard deviation of the log of own / pool dispersion between cells.
        own_evidence: worth of one residual as evidence; below 1, for the months of one forecast err together.
        similar_within: a past origin counts exp(-1/2) when the cell ran e^similar_within times higher or lower.
        growth: expected exponent of phi in the horizon; `growth_spread` its standard deviation.
        multiplier_weight: penalty (share of the pinball loss) on a squared log multiplier.
    """

    quantile_levels: tuple[float, ...] = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
    past_origins: int = Field(6, ge=0)
    past_step: int = Field(2, ge=1)
    min_history: int = Field(6, ge=1)
    bin_size: int = Field(500, ge=1)
    prior_dispersion: float = Field(0.5, gt=0)
    prior_origins: float = Field(1.0, gt=0)
    own_spread: float = Field(0.7, gt=0)
    own_evidence: float = Field(0.5, ge=0, le=1)
    similar_within: float = Field(0.7, gt=0)
    growth: float = Field(0.2, ge=0)
    growth_spread: float = Field(0.15, gt=0)
    multiplier_weight: float = Field(0.01, ge=0)

    @field_validator("quantile_levels")
    @classmethod
    def _rising(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        inside = all(0 < level < 1 for level in levels)
        if not levels or not inside or any(b <= a for a, b in pairwise(levels)):
            raise ValueError("quantile_levels must rise strictly and lie between 0 and 1")
        return levels


@dataclass(frozen=True)
class Calibrated:
    """variance: (n, H); correlation: between months of one forecast; learned: parameter, horizon, bin, value."""

    variance: Array
    correlation: float
    learned: pd.DataFrame


@dataclass(frozen=True)
class _Residuals:
    """Known past forecasts, flat: where they stand, mean, actual and size bin."""

    known: Array
    horizon: Array
    mean: Array
    actual: Array
    bin: Array
    centre: Array


@dataclass(frozen=True)
class _Pool:
    """phi by size bin (at the bin's centre, a log mean), its growth by horizon (H,).

    prior: log of phi where nothing is known; seen: smallest and largest log mean it was learned from.
    """

    centre: Array
    dispersion: Array
    growth: Array
    exponent: float
    prior: float
    seen: tuple[float, float]

    def at(self, mean: Array) -> Array:
        """phi of means (..., H); beyond the sizes seen it leans to the prior, the more the farther off."""
        size = np.log(np.maximum(mean, LEAST_MEAN))
        beyond = np.maximum(np.maximum(self.seen[0] - size, size - self.seen[1]), 0.0)
        learned = np.interp(size, self.centre, np.log(self.dispersion))
        return np.exp(self.prior + (learned - self.prior) * np.exp(-beyond / FAR)) * self.growth


def calibrate(spec: Calibrate, past_mean: Array, past_actual: Array, mean: Array) -> Calibrated:
    """Variance of today's forecasts from how far past ones missed.

    Args:
        spec: options.
        past_mean: (K, n, H) means as forecast at K past origins, NaN where a cell was not forecast; K may be 0.
        past_actual: (K, n, H) what came, NaN where not covered or not yet known.
        mean: (n, H) today's means >= 0.

    Returns:
        Calibrated. Without any past: phi = prior_dispersion, correlation 0.

    Source: pooled and own dispersion by maximum likelihood, the own one shrunk in the empirical-Bayes manner
    (Robinson & Smyth 2008, Small-sample estimation of negative binomial dispersion, §3); the multiplier by minimum
    pinball loss (Gneiting & Raftery 2007, Strictly proper scoring rules, §6).
    """
    growth = _growth(mean.shape[1], spec.growth)
    prior = _Pool(
        np.zeros(1), np.array([spec.prior_dispersion]), growth, spec.growth, np.log(spec.prior_dispersion), (0.0, 0.0)
    )
    seen = _residuals(spec, past_mean, past_actual)
    if not seen.mean.size:
        return Calibrated(mean + prior.at(mean) * mean**2, 0.0, _learned(prior, np.ones(1), 0.0, seen))
    pool = _pool(spec, seen)
    own_then, own_now = _own(spec, pool, seen, past_mean, past_actual, mean)
    multiplier = _multiplier(spec, pool, seen, own_then)
    pool = replace(pool, dispersion=pool.dispersion * multiplier)
    variance = mean + pool.at(mean) * own_now[:, None] * mean**2
    past_variance = past_mean + pool.at(past_mean) * own_then[..., None] * past_mean**2
    correlation = _correlation(past_mean, past_variance, np.where(seen.known, past_actual, np.nan))
    return Calibrated(variance, correlation, _learned(pool, multiplier, correlation, seen))


def table(parts: Mapping[str, Calibrated], model: str, origin: pd.Timestamp) -> pd.DataFrame:
    """Calibration table; the key of each part ("" for cells, "upper" for sums) leads its parameter names.

    Parameters: bin_mean (geometric centre of the bin), residuals, multiplier, dispersion (phi by horizon and
    bin, multiplier included), growth (exponent of the horizon), correlation (horizon 0, bin 0).
    """
    frames = [
        part.learned.assign(parameter=(f"{key}_" if key else "") + part.learned["parameter"])
        for key, part in parts.items()
    ]
    rows = pd.concat(frames, ignore_index=True).assign(model=model, origin=origin)
    return check(Calibration, conform(Calibration, rows), "calibration")


def correlation_in(calibration: pd.DataFrame, part: str = "") -> float:
    """The correlation between months that a Calibration table holds; 0 when it holds none."""
    name = f"{part}_correlation" if part else "correlation"
    found = calibration.loc[calibration["parameter"] == name, "value"]
    return float(found.iloc[0]) if len(found) else 0.0


def _growth(horizon: int, exponent: float) -> Array:
    return (np.arange(1, horizon + 1) / MIDDLE_HORIZON) ** exponent


def _residuals(spec: Calibrate, past_mean: Array, past_actual: Array) -> _Residuals:
    known = (past_mean > 0) & ~np.isnan(past_actual)
    mean = past_mean[known]
    horizon = np.broadcast_to(np.arange(past_mean.shape[2]), past_mean.shape)[known]
    size = np.log(np.maximum(mean, LEAST_MEAN))
    edges = _edges(size, spec.bin_size)
    number = np.searchsorted(edges, size, side="right")
    count = np.bincount(number, minlength=len(edges) + 1)
    centre = np.bincount(number, size, len(edges) + 1) / np.maximum(count, 1)
    return _Residuals(known, horizon, mean, past_actual[known], number, centre)


def _edges(size: Array, least: int) -> Array:
    """Inner edges of bins one doubling wide; from the top, a bin takes doublings until it holds `least`."""
    if not size.size:
        return np.zeros(0)
    ordered = np.sort(size)
    edges: list[float] = []
    above = size.size
    for edge in np.arange(ordered[-1], ordered[0], -np.log(2.0))[1:]:
        below = int(np.searchsorted(ordered, edge))
        if above - below >= least and below >= least:
            edges.append(edge)
            above = below
    return np.array(edges[::-1])


def _pool(spec: Calibrate, seen: _Residuals) -> _Pool:
    """phi by bin and growth by horizon, both at the highest likelihood, drawn towards the prior."""
    some = _thin(seen.bin, MOST_IN_BIN)
    bins = len(seen.centre)
    horizons = seen.known.shape[2]
    loss = np.empty((len(GROWTHS), len(DISPERSIONS), bins))
    for g, exponent in enumerate(GROWTHS):
        grown = _growth(horizons, exponent)[seen.horizon[some]]
        for d, dispersion in enumerate(DISPERSIONS):
            surprise = -_log_pmf(seen.actual[some], seen.mean[some], dispersion * grown)
            loss[g, d] = np.bincount(seen.bin[some], surprise, bins)
    # residuals of one origin share its shocks: an origin's evidence is that of a few residuals, not of thousands
    origins = seen.known.any(axis=(1, 2)).sum()
    worth = min(1.0, 100 * origins / some.size)
    doubt = ((GROWTHS - spec.growth) / spec.growth_spread) ** 2 / 2
    best = int(np.argmin(loss.min(axis=1).sum(axis=1) * worth + doubt))
    fitted = _lowest(np.log(DISPERSIONS), loss[best])
    count = np.bincount(seen.bin, minlength=bins)
    weight = origins * count / (count + 30)
    logs = (weight * fitted + spec.prior_origins * np.log(spec.prior_dispersion)) / (weight + spec.prior_origins)
    exponent = float(GROWTHS[best])
    size = np.log(np.maximum(seen.mean, LEAST_MEAN))
    prior, learned_from = float(np.log(spec.prior_dispersion)), (float(size.min()), float(size.max()))
    return _Pool(seen.centre, np.exp(logs), _growth(horizons, exponent), exponent, prior, learned_from)


def _own(
    spec: Calibrate, pool: _Pool, seen: _Residuals, past_mean: Array, past_actual: Array, mean: Array
) -> tuple[Array, Array]:
    """Own / pool dispersion of each cell, (K, n) as seen from each past origin without itself and (n,) today.

    Posterior mean of the log ratio; a past origin counts by how near the cell then ran to the level it runs at.
    """
    origins, cells = past_mean.shape[:2]
    likelihood = np.empty((len(RATIOS), origins, cells))
    for start in range(0, cells, BLOCK):
        part = slice(start, start + BLOCK)
        likelihood[:, :, part] = _likelihood(pool, seen.known[:, part], past_mean[:, part], past_actual[:, part])
    levels = np.concatenate([_level(past_mean), _level(mean)[None]])
    doubt = (np.log(RATIOS) / spec.own_spread) ** 2 / 2
    ratios = np.empty(levels.shape)
    for target, level in enumerate(levels):
        weight = np.exp(-(((levels[:-1] - level) / spec.similar_within) ** 2) / 2)
        if target < origins:
            weight[target] = 0.0
        logs = spec.own_evidence * np.einsum("kn,rkn->rn", weight, likelihood) - doubt[:, None]
        chance = np.exp(logs - logs.max(axis=0))
        ratios[target] = np.exp(np.log(RATIOS) @ (chance / chance.sum(axis=0)))
    return ratios[:-1], ratios[-1]


def _likelihood(pool: _Pool, known: Array, mean: Array, actual: Array) -> Array:
    """(ratios, K, n) log likelihood of the known months of each cell at each past origin."""
    y, mu, pooled = actual[known], mean[known], pool.at(mean)[known]
    found = np.empty((len(RATIOS), *mean.shape[:2]))
    for r, ratio in enumerate(RATIOS):
        logs = np.zeros(mean.shape)
        logs[known] = _log_pmf(y, mu, pooled * ratio)
        found[r] = logs.sum(axis=2)
    return found


def _multiplier(spec: Calibrate, pool: _Pool, seen: _Residuals, own: Array) -> Array:
    """(bins,) factor on phi with the least pinball loss on past forecasts."""
    chosen = _thin(seen.bin, MOST_IN_BIN)
    origin, cell, _ = np.unravel_index(np.flatnonzero(seen.known)[chosen], seen.known.shape)
    mean, actual, number = seen.mean[chosen], seen.actual[chosen], seen.bin[chosen]
    size = np.log(np.maximum(mean, LEAST_MEAN))
    learned = np.interp(size, pool.centre, np.log(pool.dispersion))
    dispersion = np.exp(learned) * pool.growth[seen.horizon[chosen]] * own[origin, cell]
    levels = np.array(spec.quantile_levels)
    loss = np.empty((len(MULTIPLIERS), len(seen.centre)))
    for m, multiplier in enumerate(MULTIPLIERS):
        ahead = actual[:, None] - negbin.quantile(mean, mean + multiplier * dispersion * mean**2, levels)
        pinball = np.maximum(levels * ahead, (levels - 1) * ahead).mean(axis=1)
        loss[m] = np.bincount(number, pinball / np.sqrt(mean + dispersion * mean**2), len(seen.centre))
    relative = loss / np.maximum(loss.min(axis=0), 1e-12)
    logs = np.log(MULTIPLIERS)
    return np.exp(_lowest(logs, relative + spec.multiplier_weight * logs[:, None] ** 2))


def _correlation(mean: Array, variance: Array, actual: Array) -> float:
    """Mean product of standardised residuals over all pairs of months of one forecast, in [0, 0.95]."""
    known = ~np.isnan(actual) & (variance > 0)
    z = np.divide(actual - mean, np.sqrt(variance), out=np.zeros(mean.shape), where=known)
    z = np.clip(z, -4, 4)
    months = known.sum(axis=2)
    pairs = (months * (months - 1)).sum()
    if not pairs:
        return 0.0
    products = (z.sum(axis=2) ** 2 - (z**2).sum(axis=2)).sum() / pairs
    return float(np.clip(products / max((z**2).sum() / months.sum(), 1e-9), 0.0, 0.95))


def _log_pmf(actual: Array, mean: Array, dispersion: Array | float) -> Array:
    """Log likelihood; an actual that no dispersion explains cannot decide alone."""
    return np.log(np.maximum(negbin.pmf(actual, mean, mean + dispersion * mean**2), LEAST_PROBABILITY))


def _level(mean: Array) -> Array:
    """Log of the mean over the horizons, (..., H) -> (...); far away where nothing was forecast."""
    forecast = ~np.isnan(mean).all(axis=-1)
    total = np.nansum(mean, axis=-1) / np.maximum((~np.isnan(mean)).sum(axis=-1), 1)
    return np.where(forecast, np.log(total + 0.05), 1e3)


def _lowest(grid: Array, loss: Array) -> Array:
    """Where a loss (G, bins) is lowest on an even grid (G,), refined by a parabola through three points."""
    at = np.clip(loss.argmin(axis=0), 1, len(grid) - 2)
    left, middle, right = (loss[at + step, np.arange(loss.shape[1])] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros(at.shape), where=bend > 1e-12)
    return grid[at] + np.clip(shift, -1, 1) * (grid[1] - grid[0])


def _thin(group: Array, most: int) -> Array:
    """Positions of about `most` members of each group, all if it has fewer; spread without a period."""
    order = np.argsort(group.astype("uint16"), kind="stable")  # sorted by digits, many times as fast
    count = np.bincount(group)
    rank = np.arange(group.size) - np.repeat(np.cumsum(count) - count, count)
    share = most / np.maximum(count, 1)
    return np.sort(order[rank * GOLDEN % 1 < share[group[order]]])


def _learned(pool: _Pool, multiplier: Array, correlation: float, seen: _Residuals) -> pd.DataFrame:
    bins = np.arange(len(pool.centre))
    horizons = np.arange(1, len(pool.growth) + 1)
    count = np.bincount(seen.bin, minlength=len(bins)) if seen.mean.size else np.zeros(len(bins))
    by_bin = [("bin_mean", np.exp(pool.centre)), ("multiplier", multiplier), ("residuals", count)]
    frames = [pd.DataFrame({"parameter": n, "horizon": 0, "bin": bins, "value": v}) for n, v in by_bin]
    grid = pool.growth[:, None] * pool.dispersion
    rows, columns = np.indices(grid.shape)
    cells = {"horizon": horizons[rows.ravel()], "bin": bins[columns.ravel()], "value": grid.ravel()}
    single = {"parameter": ["growth", "correlation"], "horizon": 0, "bin": 0, "value": [pool.exponent, correlation]}
    frames += [pd.DataFrame({"parameter": "dispersion", **cells}), pd.DataFrame(single)]
    return pd.concat(frames, ignore_index=True)
