"""Attributes of estates -> terms of a count model, and the model: NB2 regression with the effect of every level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Array = np.ndarray

AGES = {
    "building_age": "built_year",
    "renovation_age": "reno_year",
    "roof_age": "roof_waterproof_year",
    "pipe_age": "pipe_year",
    "heat_pipe_age": "heat_pipe_year",
}
WORDS = ("tenure", "mgmt_type", "owners_body", "heat_type", "pipe_material")
OLDEST = 65.0
"""Years from which a building or pipe counts as this old."""

LOW_FUND = 0.3
"""Part of the first deposit below which the fund must be topped up."""

LEAST = 20
"""Estates a level must have to stand alone; rarer ones are put together as `other`."""

LEAST_INCIDENTS = 30
BELIEF = 1.0
"""Standard deviation of a log effect before data: keeps a level without any incident finite."""

SHAPES = (-6.0, 8.0)
"""Bounds of the log shape of the gamma."""

TURNS, STEPS, SMALL = 4, 25, 1e-6


@dataclass(frozen=True)
class Term:
    """One attribute. levels: names of its columns, the last `unknown` where a value is missing.

    columns: (n, levels), centred, so that a term says how an estate differs from the usual one.
    """

    name: str
    levels: tuple[str, ...]
    columns: Array


@dataclass(frozen=True)
class Fit:
    """parts: term -> (n,) log of its factor. effects: DataFrame[term, level, effect, low, high], log scale, 95 %."""

    parts: dict[str, Array]
    effects: pd.DataFrame

    @property
    def factor(self) -> Array:
        return np.exp(np.sum(list(self.parts.values()), axis=0))


def terms_of(estates: pd.DataFrame, year: int) -> tuple[Term, ...]:
    """Terms that tell estates apart, households first. Who lives there is none of them."""
    numbers = {"households": np.log(estates["households"])}
    numbers |= {name: (year - estates[column]).clip(0, OLDEST) / 10 for name, column in AGES.items()}
    numbers["fees_unpaid"] = (1 - estates["fee_collection_rate"]) * 10
    numbers["lift"] = (estates["elevators"] > 0).astype(float).where(estates["elevators"].notna())
    left = estates["fund_balance"] / estates["fund_initial"].where(estates["fund_initial"] > 0)
    numbers["fund_low"] = (left < LOW_FUND).astype(float).where(left.notna())
    units = {"households": "exponent - 1", "fees_unpaid": "10 points", "lift": "any", "fund_low": "below 30 %"}
    found = [_number(name, values, units.get(name, "10 years")) for name, values in numbers.items()]
    found += [_word(name, estates[name]) for name in WORDS]
    return tuple(term for term in found if term.columns.shape[1])


def _number(name: str, values: pd.Series, unit: str) -> Term:
    value = values.to_numpy(dtype=float)
    unknown = np.isnan(value)
    columns, levels = [], []
    if (~unknown).sum() >= LEAST and np.ptp(value[~unknown]) > 0:
        columns.append(np.where(unknown, 0.0, value - value[~unknown].mean()))
        levels.append(unit)
        if unknown.sum() >= LEAST:
            columns.append(unknown - unknown.mean())
            levels.append("unknown")
    return Term(name, tuple(levels), np.column_stack(columns) if columns else np.empty((len(value), 0)))


def _word(name: str, texts: pd.Series) -> Term:
    """A column each level but the most frequent."""
    counts = texts.value_counts()
    level = texts.where(texts.map(counts) >= LEAST, "other").where(texts.notna(), "unknown")
    names = [*counts[counts >= LEAST].index, "other", "unknown"]
    sizes = level.value_counts().reindex(names, fill_value=0)
    names = [one for one in names[1:] if sizes[one] >= LEAST] if sizes.iloc[0] >= LEAST else []
    columns = [(level == one).to_numpy(dtype=float) for one in names]
    return Term(
        name,
        tuple(names),
        np.column_stack([column - column.mean() for column in columns]) if columns else np.empty((len(texts), 0)),
    )


def fit(terms: Sequence[Term], seen: Array, expected: Array, groups: Array | None) -> Fit | None:
    """NB2 regression of `seen` on the terms with offset log(expected); None where it brings no sound gain.

    The exponent of households stays 1 unless the data speak against it (1 % level). Intervals are robust to
    estates of one group being alike.

    Args:
        seen: (n,) incidents >= 0, may be discounted and so not whole. expected: (n,), 0 = unknown.
        groups: (n,) codes, -1 = none.

    Source: Hilbe 2011, Negative Binomial Regression §8; ridge as a normal belief: Gelman et al. 2008, A weakly
    informative default prior; clusters: Liang & Zeger 1986.
    """
    from scipy.stats import chi2

    known = expected > 0
    if not terms or seen.sum() < LEAST_INCIDENTS or known.sum() < 2 * LEAST:
        return None
    y, at = seen[known], np.log(expected[known])
    clusters = np.arange(known.sum()) if groups is None else _alone(groups[known])
    beta, cov, gain = _solved(terms, known, y, at, clusters)
    chosen, effects = list(terms), _effects(terms, beta, cov)
    free = effects[effects["level"] == "exponent - 1"]
    if len(free) and _near_zero(free.iloc[0]):
        chosen = [term for term in terms if term.name != "households"]
        if not chosen:
            return None
        beta, cov, gain = _solved(chosen, known, y, at, clusters)
        effects = pd.concat([free, _effects(chosen, beta, cov)], ignore_index=True)
    if 2 * gain < chi2.ppf(0.99, len(beta) - 1):
        return None
    ends = np.cumsum([1, *(len(term.levels) for term in chosen)])
    parts = {
        term.name: term.columns @ beta[start:stop] for term, start, stop in zip(chosen, ends, ends[1:], strict=False)
    }
    return Fit(parts, effects)


def _near_zero(row: pd.Series) -> bool:
    half = (row["high"] - row["low"]) / 2 / 1.96
    return bool(abs(row["effect"]) < 2.576 * half)


def _alone(groups: Array) -> Array:
    """Group codes; an estate without a group is one of its own."""
    return np.where(groups >= 0, groups, groups.max(initial=-1) + 1 + np.arange(len(groups)))


def _effects(terms: Sequence[Term], beta: Array, cov: Array) -> pd.DataFrame:
    half = 1.96 * np.sqrt(np.diag(cov))
    names = [(term.name, level) for term in terms for level in term.levels]
    table = pd.DataFrame(names, columns=pd.Index(["term", "level"]))
    return table.assign(effect=beta[1:], low=beta[1:] - half[1:], high=beta[1:] + half[1:])


def _solved(
    terms: Sequence[Term], known: Array, seen: Array, offset: Array, clusters: Array
) -> tuple[Array, Array, float]:
    """(intercept and coefficients, their covariance, gain in log-likelihood over the intercept alone)."""
    x = np.column_stack([np.ones(int(known.sum())), *(term.columns[known] for term in terms)])
    belief = np.diag([0.0, *np.full(x.shape[1] - 1, BELIEF**-2)])
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(seen.sum() / np.exp(offset).sum())
    start = np.exp(offset + beta[0])
    shape = shape_of(seen, start)
    least = float(log_likelihood(seen, start, shape).sum())
    for _ in range(TURNS):
        before = shape
        beta = _irls(x, seen, offset, shape, belief, beta)
        mean = np.exp(_bounded(offset + x @ beta))
        shape = shape_of(seen, mean)
        if abs(np.log(shape / before)) < 0.01:
            break
    weight = mean / (1 + mean / shape)
    inverse = np.linalg.pinv(x.T @ (weight[:, None] * x) + belief)
    pull = x * ((seen - mean) / (1 + mean / shape))[:, None]
    codes = np.unique(clusters, return_inverse=True)[1]
    number = int(codes.max()) + 1
    sums = np.column_stack([np.bincount(codes, column, number) for column in pull.T])
    cov = inverse @ (sums.T @ sums) @ inverse * number / max(number - 1, 1)
    return beta, cov, float(log_likelihood(seen, mean, shape).sum()) - least


def _irls(x: Array, seen: Array, offset: Array, shape: float, belief: Array, beta: Array) -> Array:
    """Coefficients of greatest posterior density. Source: McCullagh & Nelder 1989 §2.5; steps halved when needed."""

    def loss(at: Array) -> float:
        mean = np.exp(_bounded(offset + x @ at))
        return float(at @ belief @ at / 2 - log_likelihood(seen, mean, shape).sum())

    value = loss(beta)
    for _ in range(STEPS):
        mean = np.exp(_bounded(offset + x @ beta))
        weight = mean / (1 + mean / shape)
        slope = x.T @ ((seen - mean) / (1 + mean / shape)) - belief @ beta
        step = np.linalg.lstsq(x.T @ (weight[:, None] * x) + belief, slope, rcond=None)[0]
        reach = 1.0
        while loss(beta + reach * step) > value + 1e-9 * abs(value) and reach > 1e-4:
            reach /= 2
        beta = beta + reach * step
        value = loss(beta)
        if np.abs(step).max() < SMALL:
            break
    return beta


def _bounded(log: Array) -> Array:
    return np.clip(log, -50.0, 50.0)


def log_likelihood(counts: Array, mean: Array, size: Array | float) -> Array:
    """NegBin, without the term that no parameter moves. Discounted counts need not be whole."""
    from scipy.special import gammaln, xlogy

    odds = np.log(size / (size + mean))
    return gammaln(size + counts) - gammaln(size) + size * odds + xlogy(counts, mean / (size + mean))


def shape_of(counts: Array, mean: Array) -> float:
    """Shape of the gamma prior by maximum marginal likelihood."""
    from scipy.optimize import minimize_scalar

    def loss(log_shape: float) -> float:
        return -float(log_likelihood(counts, mean, float(np.exp(log_shape))).sum())

    return float(np.exp(minimize_scalar(loss, bounds=SHAPES, method="bounded").x))
