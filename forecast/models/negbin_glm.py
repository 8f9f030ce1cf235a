"""Grid + seasons -> means, and coefficients to read: one negative binomial regression a category.

log mean(area, month) = log level of the area + log seasonal index + month of the year + drivers + trend

The coefficients are shared by the areas of a category, so its monthly totals are enough to estimate them: a sum of
counts with means level_i x exp(x b) has mean (sum of level_i over the areas covered) x exp(x b), the same b with the
sum as exposure. For Poisson counts the totals are sufficient; for NB2 the mean stays exact, and the dispersion of the
totals holds what all areas share in a month, which rows of single areas would take for independent evidence. The fit
therefore costs the same for 10 areas and for 7,000.
"""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.models import _climate, _drivers
from forecast.models._climate import Climate, Fit
from forecast.models._season import TINY, YEAR, group_sum
from forecast.panel import Grid
from forecast.spec import Spec

ROUNDS = 6
LEAST_MONTHS_OFF = 4
DISPERSION = (1e-6, 10.0)
NORMAL_95 = 1.959964
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
KINDS = ("intercept", "month", "driver", "trend")


class NegBinGlm(Spec):
    """Negative binomial regression with log link (NB2: variance mu + alpha mu^2).

    Categories with fewer than `least_months` months keep level x season; `largest_factor` bounds how far a total
    may leave it. `drivers`: those used (None = all that differ from the normal of their calendar month).

    What is believed before the counts are seen, as standard deviations of log effects around none: `month_sd` of a
    month beside the pooled seasonal index, `driver_sd` of a driver one standard deviation off its normal, `trend_sd`
    of the change of the category in `trend_months`. Months and drivers of a category that shows more or less are
    believed accordingly: the belief weighs like `belief_weight` terms of their kind.
    `trend_damping`: what the trend of the last year is worth a month later (0 = no trend ahead).
    """

    kind: Literal["negbin_glm"] = "negbin_glm"
    climate: Climate = Climate()
    drivers: tuple[str, ...] | None = None
    least_months: int = Field(24, ge=2 * YEAR)
    largest_factor: float = Field(3.0, gt=1)
    month_sd: float = Field(0.1, gt=0)
    driver_sd: float = Field(0.05, gt=0)
    trend_sd: float = Field(0.2, gt=0)
    belief_weight: float = Field(4.0, gt=0)
    trend_months: int = Field(6, ge=1, le=YEAR)
    trend_damping: float = Field(0.8, ge=0, lt=1)


@dataclass(frozen=True)
class _Totals:
    """Sums over the covered cells of each category: y, exposure (C, T).

    season: (C, 12) mean 1; level: (C,) requests a month of all cells, in an average month.
    """

    y: np.ndarray
    exposure: np.ndarray
    season: np.ndarray
    level: np.ndarray


@dataclass(frozen=True)
class _Design:
    """x: (months, p); group: (p,) number in KINDS of each term; unit: (p,) of a driver that a column counts as 1."""

    x: np.ndarray
    group: np.ndarray
    terms: tuple[str, ...]
    unit: np.ndarray

    def of(self, kind: str) -> np.ndarray:
        return np.flatnonzero(self.group == KINDS.index(kind))


@dataclass(frozen=True)
class _Estimate:
    """beta: (p,) log effects; cov: (p, p); alpha: dispersion of the totals."""

    beta: np.ndarray
    cov: np.ndarray
    alpha: float


def predict(spec: NegBinGlm, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:  # noqa: ARG001
    """Means (n, horizon) for the months after the grid.

    Each cell has its own level (Gamma-Poisson, recent months weigh more), judged against what the regression
    expected of those months.

    Source: Hilbe (2011), Negative Binomial Regression, chapter 8 (NB2); damped trend: Hyndman & Athanasopoulos,
    FPP3, section 8.2.
    """
    climate = _climate.fit(spec.climate, grid)
    category, area = _climate.codes(grid)
    months = _climate.past_and_future(grid, horizon)
    known = len(grid.months)
    log = np.zeros((int(category.max(initial=-1)) + 1, len(months)))
    for c, (design, estimate) in _regressions(spec, grid, seasons, climate, horizon).items():
        effects = np.isin(design.group, [KINDS.index("month"), KINDS.index("driver")])
        log[c, -len(design.x) :] = design.x[:, effects] @ estimate.beta[effects]
        log[c, known:] += _trend_ahead(spec, design, estimate, horizon)
    bound = np.log(spec.largest_factor)
    season = climate.index[:, _climate.month_of_year(months)] * np.exp(np.clip(log, -bound, bound))[category]
    level = _climate.levels(spec.climate, grid.y, season[:, :known], category, area)[:, -1]
    usual = _climate.project(climate, months[known:])
    return _held(spec, level[:, None] * season[:, known:], usual, category)


def coefficients(spec: NegBinGlm, grid: Grid, seasons: pd.DataFrame) -> pd.DataFrame:
    """What the regression of each category says, to be read.

    Args:
        spec: options; those of the forecast.
        grid: counts up to the origin.
        seasons: Seasons of the months of the grid.

    Returns:
        DataFrame[category, term, estimate, std_error, low, high]; low and high hold with 95 %. Terms in this order:

        intercept          requests a month of all areas together at the end of the grid, in an average month
        january..december  factor of the month, mean 1; with drivers at the normal of the month
        (a driver)         factor of one unit more of the driver than is normal in that month of the year
        trend              factor of the level over the last year
        dispersion         alpha of the totals, variance mu + alpha mu^2; no error is given

        Categories without a regression (too little history) are absent. A month is shrunk to the pooled seasonal
        index, a driver to none, by what the category shows of such effects. Intervals are approximate: with four
        years of history they hold less often than they say.

    Source: standard errors of factors by the delta method (Hilbe 2011, section 2.5); intervals are exp of those of
    the log effect.
    """
    climate = _climate.fit(spec.climate, grid)
    totals = _totals(spec, grid, climate)
    names = grid.cells["category"].unique()
    tables = [
        _readable(names[c], spec, design, estimate, totals.season[c], totals.level[c])
        for c, (design, estimate) in _regressions(spec, grid, seasons, climate, 0).items()
    ]
    columns = ["category", "term", "estimate", "std_error", "low", "high"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _readable(
    category: str, spec: NegBinGlm, design: _Design, estimate: _Estimate, season: np.ndarray, level: float
) -> pd.DataFrame:
    """Log effects as linear contrasts of beta, with their errors, then as factors."""
    p, month, driver, trend = len(design.group), design.of("month"), design.of("driver"), design.of("trend")
    raw = np.log(season) + estimate.beta[month]
    mean = np.log(np.exp(raw).mean())
    share = np.exp(raw) / np.exp(raw).sum()
    contrast = np.zeros((1 + YEAR + len(driver) + 1, p))
    contrast[0, 0], contrast[0, month] = 1, share
    contrast[1 : 1 + YEAR, month] = np.eye(YEAR) - share
    contrast[1 + YEAR : -1, driver] = np.diag(1 / design.unit[driver])
    contrast[-1, trend[: _last_year(spec)]] = 1
    log = contrast @ estimate.beta
    log[0] = estimate.beta[0] + np.log(level) + mean
    log[1 : 1 + YEAR] = raw - mean
    error = np.sqrt(np.einsum("ij,jk,ik->i", contrast, estimate.cov, contrast))
    nothing = [np.nan]
    return pd.DataFrame(
        {
            "category": category,
            "term": ["intercept", *MONTHS, *(design.terms[d] for d in driver), "trend", "dispersion"],
            "estimate": np.append(np.exp(log), estimate.alpha),
            "std_error": np.append(np.exp(log) * error, nothing),
            "low": np.append(np.exp(log - NORMAL_95 * error), nothing),
            "high": np.append(np.exp(log + NORMAL_95 * error), nothing),
        }
    )


def _last_year(spec: NegBinGlm) -> int:
    """How many steps of the trend make a year."""
    return max(YEAR // spec.trend_months, 1)


def _trend_ahead(spec: NegBinGlm, design: _Design, estimate: _Estimate, horizon: int) -> np.ndarray:
    """(horizon,) log factors: the monthly step of the last year, damped month by month."""
    steps = estimate.beta[design.of("trend")[: _last_year(spec)]]
    return steps.mean() / spec.trend_months * np.cumsum(spec.trend_damping ** np.arange(1, horizon + 1))


def _held(spec: NegBinGlm, means: np.ndarray, usual: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Means whose totals by category stay within `largest_factor` of level x season."""
    total, plain = group_sum(means, category), group_sum(usual, category)
    held = np.clip(total, plain / spec.largest_factor, plain * spec.largest_factor)
    return means * (held / np.maximum(total, TINY))[category]


def _regressions(
    spec: NegBinGlm, grid: Grid, seasons: pd.DataFrame, climate: Fit, horizon: int
) -> dict[int, tuple[_Design, _Estimate]]:
    """Number of the category -> its design, from its first covered month on, and what was estimated."""
    totals = _totals(spec, grid, climate)
    months = _climate.past_and_future(grid, horizon) if horizon else grid.months
    names = _drivers.names(seasons, spec.drivers)
    drivers = _drivers.dense(seasons, names, pd.Index(grid.cells["category"].unique()), months)
    found = {}
    for c, (y, exposure) in enumerate(zip(totals.y, totals.exposure, strict=True)):
        first = int(np.argmax(exposure > 0))
        known = len(y) - first
        if known < spec.least_months or not y.any():
            continue
        design = _design(spec, months[first:], known, dict(zip(names, drivers[:, c, first:], strict=True)))
        estimate = _estimate(spec, y[first:], exposure[first:], design)
        if estimate is not None:
            found[c] = design, estimate
    return found


def _totals(spec: NegBinGlm, grid: Grid, climate: Fit) -> _Totals:
    """Exposure is the usual level of the covered cells (Gamma-Poisson, shrunk to category x area) x their season."""
    category, area = _climate.codes(grid)
    season = climate.index[:, _climate.month_of_year(grid.months)]
    a, b = (x[:, -1:] for x in _climate.discounted(grid.y, season, spec.climate.slow_discount))
    usual = _climate.gamma_mean(a, b, _climate.pooled_level(a, b, category, area), spec.climate.pool_shape)
    covered = ~np.isnan(grid.y)
    level = group_sum(usual, category)
    return _Totals(
        y=group_sum(np.where(covered, grid.y, 0.0), category),
        exposure=group_sum(np.where(covered, usual * season, 0.0), category),
        season=group_sum(usual * climate.index, category) / np.maximum(level, TINY),
        level=level[:, 0],
    )


def _design(spec: NegBinGlm, months: pd.DatetimeIndex, known: int, drivers: dict[str, np.ndarray]) -> _Design:
    """Columns of the regression for the `known` months of history and those ahead.

    Months ahead stand where the trend ends; its steps count backwards from there.
    """
    moy = _climate.month_of_year(months)
    since = np.arange(len(months)) - (known - 1)
    columns = [("intercept", "intercept", np.ones(len(months)), 1.0)]
    columns += [("month", MONTHS[m], (moy == m).astype(float), 1.0) for m in range(YEAR)]
    for name, values in drivers.items():
        off = _off_normal(values, moy, known)
        spread = float(off[:known].std())
        if _months_off(off[:known]) >= LEAST_MONTHS_OFF:
            columns.append(("driver", name, off / spread, spread))
    for step in range(-(-(known - 1) // spec.trend_months)):
        columns.append(("trend", f"trend {step}", np.clip(since / spec.trend_months + step, -1, 0), 1.0))
    kinds, terms, x, unit = zip(*columns, strict=True)
    return _Design(np.stack(x, axis=1), np.array([KINDS.index(kind) for kind in kinds]), terms, np.array(unit))


def _off_normal(values: np.ndarray, moy: np.ndarray, known: int) -> np.ndarray:
    """Driver less its mean over the same calendar months of history; 0 where the driver is not known.

    What is the same every year is the month's own effect.
    """
    there = ~np.isnan(values)
    past = there & (np.arange(len(values)) < known)
    seen = np.bincount(moy[past], minlength=YEAR)
    normal = np.bincount(moy[past], values[past], minlength=YEAR) / np.maximum(seen, 1)
    return np.where(there & (seen[moy] > 0), values - normal[moy], 0.0)


def _months_off(off: np.ndarray) -> float:
    """How many months a driver differs from its normal, each worth its share: (sum of squares)^2 / sum of 4th powers.

    A driver that differs in one month only would explain away whatever else that month had.
    """
    size = np.abs(off) / np.abs(off).max() if off.any() else off
    return float((size**2).sum() ** 2 / max((size**4).sum(), TINY))


def _estimate(spec: NegBinGlm, y: np.ndarray, exposure: np.ndarray, design: _Design) -> _Estimate | None:
    """Effects, dispersion and the spread of each kind of effect, in turns; None when a fit fails.

    Source: spread of random effects by EM around a penalised fit (Breslow & Clayton 1993, JASA 88, section 2);
    dispersion by moments (Breslow 1984, Applied Statistics 33, section 3).
    """
    heard = exposure > 0
    x, y, offset = design.x[: len(y)][heard], y[heard], np.log(exposure[heard])
    believed = np.array([np.inf, spec.month_sd, spec.driver_sd, spec.trend_sd])
    spread, alpha = believed**2, 0.05
    beta, cov = np.zeros(x.shape[1]), np.eye(x.shape[1])
    beta[0] = np.log(y.sum() / exposure.sum())
    for _ in range(ROUNDS):
        fitted = _glm(x, y, offset, spread[design.group], alpha, beta)
        if fitted is None:
            return None
        beta, cov = fitted
        mu = np.exp(x @ beta + offset)
        free = len(y) - np.trace(cov @ (x.T * (mu / (1 + alpha * mu))) @ x)
        alpha = _dispersion(y, mu, max(free, 1.0))
        shown = np.bincount(design.group, beta**2 + np.diag(cov), minlength=len(KINDS))
        terms = np.bincount(design.group, minlength=len(KINDS))
        learned = (spec.belief_weight * believed**2 + shown) / (spec.belief_weight + terms)
        spread[1:3] = learned[1:3]
    return _Estimate(beta, _errors(x, mu / (1 + alpha * mu), spread, design), alpha)


def _errors(x: np.ndarray, weight: np.ndarray, spread: np.ndarray, design: _Design) -> np.ndarray:
    """(p, p) covariance of the effects, for reading.

    The pooled index the months are drawn to was learned from these counts: it is no evidence beside them. Their
    errors are those without it, but for one unit of log spread that keeps a month of zeros finite.
    """
    believed = spread[design.group]
    believed[design.of("month")] = 1.0
    return np.linalg.inv((x.T * weight) @ x + np.diag(1 / believed))


def _glm(
    x: np.ndarray, y: np.ndarray, offset: np.ndarray, spread: np.ndarray, alpha: float, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Log effects and their covariance; None when the fit fails.

    Beliefs enter as rows: a count of 1 where 1 is expected, weighed so that its information is 1 / spread. Each
    term but the intercept has one, so none can run away, whatever months hold nothing but zeros.

    Source: data augmentation priors, Bedrick, Christensen & Johnson 1996, JASA 91, section 3.
    """
    from statsmodels.genmod.families import NegativeBinomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationWarning

    beliefs = np.eye(len(spread))[np.isfinite(spread)]
    weights = (1 + alpha) / spread[np.isfinite(spread)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Counts met exactly (a constant series) are no fault; a fit that did not converge is not used.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        model = GLM(
            np.append(y, np.ones(len(beliefs))),
            np.vstack([x, beliefs]),
            family=NegativeBinomial(alpha=alpha),
            offset=np.append(offset, np.zeros(len(beliefs))),
            var_weights=np.append(np.ones(len(y)), weights),
        )
        try:
            done = model.fit(start_params=start, scale=1.0)
        except (ValueError, np.linalg.LinAlgError):  # it went where no number is
            return None
    beta, cov = done.params, done.cov_params()
    return (beta, cov) if done.converged and np.isfinite(beta).all() and np.isfinite(cov).all() else None


def _dispersion(y: np.ndarray, mu: np.ndarray, free: float) -> float:
    """Alpha with which the squared Pearson residuals sum to the `free` degrees of freedom, by halving."""
    low, high = np.log(DISPERSION)
    for _ in range(40):
        middle = (low + high) / 2
        over = ((y - mu) ** 2 / (mu + np.exp(middle) * mu**2)).sum() > free
        low, high = (middle, high) if over else (low, middle)
    return float(np.exp(low))
