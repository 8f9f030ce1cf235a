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

FILLS = 2
"""Turns in which unknown figures are filled in from each other."""

LEAST_INCIDENTS = 30
BELIEF = 1.0
"""Standard deviation of a log effect before data: keeps a level without any incident finite."""

SHAPES = (-6.0, 8.0)
"""Bounds of the log shape of the gamma."""

FREE = "exponent - 1"
MOST_LEVER = 0.5
"""Of an estate on its own mean: part of the miss that the fit hides."""

TURNS, STEPS, SMALL, CLOSE = 4, 25, 1e-4, 0.01


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
    """parts: term -> (n,) log of its factor. effects: DataFrame[term, level, effect, low, high], log scale, 95 %.

    terms: those that stayed. beta: intercept and coefficients. shape: of the gamma around them.
    """

    parts: dict[str, Array]
    effects: pd.DataFrame
    terms: tuple[Term, ...]
    beta: Array
    shape: float

    @property
    def factor(self) -> Array:
        return np.exp(np.sum(list(self.parts.values()), axis=0))


def terms_of(estates: pd.DataFrame, year: int) -> tuple[Term, ...]:
    """Terms that tell estates apart, households first."""
    numbers = numbers_of(estates, year)
    units = {"households": FREE, "fees_unpaid": "10 points", "lift": "any", "fund_low": "below 30 %"}
    words = [_word(name, estates[name]) for name in WORDS]
    usual = _usual(numbers, words)
    found = [_number(name, values, usual[name], units.get(name, "10 years")) for name, values in numbers.items()]
    found += words
    return tuple(term for term in found if term.columns.shape[1])


def numbers_of(estates: pd.DataFrame, year: int) -> dict[str, pd.Series]:
    """Attributes that are numbers, NaN = unknown. Who lives there is none of them."""
    numbers = {"households": np.log(estates["households"])}
    numbers |= {name: (year - estates[column]).clip(0, OLDEST) / 10 for name, column in AGES.items()}
    numbers["fees_unpaid"] = (1 - estates["fee_collection_rate"]) * 10
    numbers["lift"] = (estates["elevators"] > 0).astype(float).where(estates["elevators"].notna())
    left = estates["fund_balance"] / estates["fund_initial"].where(estates["fund_initial"] > 0)
    numbers["fund_low"] = (left < LOW_FUND).astype(float).where(left.notna())
    return numbers


def _usual(numbers: dict[str, pd.Series], words: Sequence[Term]) -> dict[str, Array]:
    """Name -> (n,) the figure where it is known, else what is usual for an estate with what else is known of it.

    Else those other attributes would speak for the pipes that nobody dated, and the pipes for less than they are.
    Straight lines, drawn towards the mean as if by `LEAST` estates; what they say stays among the known figures.

    Source: Buck 1960, A method of estimation of missing values in multivariate data; in turns: Beale & Little 1975.
    """
    table = np.column_stack(list(numbers.values())).astype(float)
    known = ~np.isnan(table)
    often = known.sum(axis=0) >= LEAST
    means = np.divide(np.where(known, table, 0).sum(axis=0), known.sum(axis=0), out=np.zeros(len(often)), where=often)
    filled = np.where(known, table, means)
    rest = np.column_stack([np.empty((len(table), 0)), *(word.columns for word in words)])
    for _ in range(FILLS):
        for k in np.flatnonzero(often & ~known.all(axis=0)):
            others = np.column_stack([np.delete(filled, k, axis=1), rest])
            line = _line(others, filled[:, k], known[:, k])
            ends = table[known[:, k], k].min(), table[known[:, k], k].max()
            filled[:, k] = np.where(known[:, k], table[:, k], np.clip(line, *ends))
    return dict(zip(numbers, filled.T, strict=True))


def _line(x: Array, y: Array, known: Array) -> Array:
    """(n,) y by x, of columns of one size, as the known rows show it."""
    middle, mean = x[known].mean(axis=0), y[known].mean()
    size = x[known].std(axis=0)
    x = np.divide(x - middle, size, out=np.zeros_like(x), where=size > 1e-9)
    square = x[known].T @ x[known] + LEAST * np.eye(x.shape[1])
    return mean + x @ np.linalg.solve(square, x[known].T @ (y[known] - mean))


def _number(name: str, values: pd.Series, usual: Array, unit: str) -> Term:
    """Its value, what is usual where it is unknown, and a column for being unknown."""
    value = values.to_numpy(dtype=float)
    unknown = np.isnan(value)
    columns, levels = [], []
    if (~unknown).sum() >= LEAST and np.ptp(value[~unknown]) > 0:
        filled = np.where(unknown, usual, value)
        columns.append(filled - filled.mean())
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
    estates of one group being alike, and allow for what the fit hides of each estate's miss.

    Args:
        seen: (n,) incidents >= 0, may be discounted and so not whole. expected: (n,), 0 = unknown.
        groups: (n,) codes, -1 = none.

    Source: Hilbe 2011, Negative Binomial Regression §8; ridge as a normal belief: Gelman et al. 2008, A weakly
    informative default prior; clusters: Liang & Zeger 1986; what the fit hides: Mancl & DeRouen 2001, A covariance
    estimator for GEE with improved small-sample properties, here by the leverage of each row alone.
    """
    from scipy.special import chdtri

    known = expected > 0
    if not terms or seen.sum() < LEAST_INCIDENTS or known.sum() < 2 * LEAST:
        return None
    at = _Rows(seen[known], np.log(expected[known]), known, _alone(groups, known))
    solved = _solved(terms, at)
    free = _effects(terms, solved).query("level == @FREE")
    if len(free) and _near_zero(free.iloc[0]):
        terms = tuple(term for term in terms if term.name != "households")
        if not terms:
            return None
        solved = _solved(terms, at)
    else:
        free = free.iloc[:0]
    if 2 * solved.gain < chdtri(len(solved.beta) - 1, 0.01):
        return None
    return _fit(tuple(terms), solved, free)


def again(before: Fit, seen: Array, expected: Array, groups: Array | None) -> Fit:
    """The same terms with another offset, from where they stood."""
    known = expected > 0
    at = _Rows(seen[known], np.log(expected[known]), known, _alone(groups, known))
    held = before.effects[~before.effects["term"].isin([term.name for term in before.terms])]
    return _fit(before.terms, _solved(before.terms, at, (before.beta, before.shape)), held)


@dataclass(frozen=True)
class _Rows:
    """seen, offset, clusters: of the known estates; known: (n,) which these are."""

    seen: Array
    offset: Array
    known: Array
    clusters: Array


@dataclass(frozen=True)
class _Solved:
    """beta: intercept and coefficients. gain: log-likelihood above that of the intercept alone."""

    beta: Array
    cov: Array
    gain: float
    shape: float


def _fit(terms: tuple[Term, ...], solved: _Solved, held: pd.DataFrame) -> Fit:
    ends = np.cumsum([1, *(len(term.levels) for term in terms)])
    parts = {
        term.name: term.columns @ solved.beta[start:stop]
        for term, start, stop in zip(terms, ends, ends[1:], strict=False)
    }
    effects = pd.concat([held, _effects(terms, solved)], ignore_index=True)
    return Fit(parts, effects, terms, solved.beta, solved.shape)


def _near_zero(row: pd.Series) -> bool:
    half = (row["high"] - row["low"]) / 2 / 1.96
    return bool(abs(row["effect"]) < 2.576 * half)


def _alone(groups: Array | None, known: Array) -> Array:
    """Group codes of the known estates; one without a group is a group of its own."""
    count = int(known.sum())
    codes = np.full(count, -1) if groups is None else groups[known]
    return np.where(codes >= 0, codes, codes.max(initial=-1) + 1 + np.arange(count))


def _effects(terms: Sequence[Term], solved: _Solved) -> pd.DataFrame:
    beta, half = solved.beta, 1.96 * np.sqrt(np.diag(solved.cov))
    names = [(term.name, level) for term in terms for level in term.levels]
    table = pd.DataFrame(names, columns=pd.Index(["term", "level"]))
    return table.assign(effect=beta[1:], low=beta[1:] - half[1:], high=beta[1:] + half[1:])


def _solved(terms: Sequence[Term], at: _Rows, start: tuple[Array, float] | None = None) -> _Solved:
    """Coefficients and shape in turns; the covariance by clusters."""
    x = np.column_stack([np.ones(len(at.seen)), *(term.columns[at.known] for term in terms)])
    belief = np.diag([0.0, *np.full(x.shape[1] - 1, BELIEF**-2)])
    plain = np.exp(at.offset) * (at.seen.sum() / np.exp(at.offset).sum())
    even = shape_of(at.seen, plain)
    first = np.array([np.log(plain[0]) - at.offset[0], *np.zeros(x.shape[1] - 1)])
    beta, shape = start or (first, even)
    for _ in range(TURNS):
        before = shape
        beta, mean = _irls(x, at, shape, belief, beta)
        shape = shape_of(at.seen, mean)
        if abs(np.log(shape / before)) < CLOSE:
            break
    weight = 1 / (1 + mean / shape)
    inverse = np.linalg.pinv(x.T @ ((weight * mean)[:, None] * x) + belief)
    lever = weight * mean * ((x @ inverse) * x).sum(axis=1)
    pull = x * ((at.seen - mean) * weight / (1 - np.minimum(lever, MOST_LEVER)))[:, None]
    codes = np.unique(at.clusters, return_inverse=True)[1]
    number = int(codes.max()) + 1
    sums = np.column_stack([np.bincount(codes, column, number) for column in pull.T])
    cov = inverse @ (sums.T @ sums) @ inverse * number / max(number - 1, 1)
    gain = log_likelihood(at.seen, mean, shape).sum() - log_likelihood(at.seen, plain, even).sum()
    return _Solved(beta, cov, float(gain), shape)


def _irls(x: Array, at: _Rows, shape: float, belief: Array, beta: Array) -> tuple[Array, Array]:
    """(coefficients of greatest posterior density, means). Steps are halved while they lead down.

    Source: McCullagh & Nelder 1989 §2.5.
    """

    def look(beta: Array) -> tuple[float, Array]:
        log = np.clip(at.offset + x @ beta, -50.0, 50.0)
        mean = np.exp(log)
        return float(beta @ belief @ beta / 2 - _moved(at.seen, log, mean, shape)), mean

    value, mean = look(beta)
    for _ in range(STEPS):
        weight = 1 / (1 + mean / shape)
        slope = x.T @ ((at.seen - mean) * weight) - belief @ beta
        step = np.linalg.lstsq(x.T @ ((weight * mean)[:, None] * x) + belief, slope, rcond=None)[0]
        reach = 1.0
        while (new := look(beta + reach * step))[0] > value + 1e-9 * abs(value) and reach > 1e-4:
            reach /= 2
        beta, (value, mean) = beta + reach * step, new
        if np.abs(step).max() < SMALL:
            break
    return beta, mean


def log_likelihood(counts: Array, mean: Array, size: Array | float) -> Array:
    """NegBin, without the term that no parameter moves. Discounted counts need not be whole."""
    from scipy.special import gammaln, xlogy

    odds = np.log(size / (size + mean))
    return gammaln(size + counts) - gammaln(size) + size * odds + xlogy(counts, mean / (size + mean))


def _moved(counts: Array, log: Array, mean: Array, size: float) -> float:
    """Sum of `log_likelihood`, without what moves with the size alone. log: of the mean."""
    return float(counts @ log - (size + counts) @ np.log1p(mean / size) - counts.sum() * np.log(size))


def gain_of(counts: Array, expected: Array, ratio: Array, size: float) -> float:
    """What `log_likelihood` adds up to with means expected x ratio, all > 0, above that with means expected."""
    moved = counts @ np.log(ratio) - (size + counts) @ np.log((size + ratio * expected) / (size + expected))
    return float(moved)


def shape_of(counts: Array, mean: Array) -> float:
    """Shape of the gamma prior by maximum marginal likelihood."""
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    different, often = np.unique(counts, return_counts=True)
    nothing = np.zeros(len(mean))

    def loss(log_shape: float) -> float:
        size = float(np.exp(log_shape))
        own = often @ (gammaln(size + different) - gammaln(size))
        return -float(own) - _moved(counts, nothing, mean, size)

    return float(np.exp(minimize_scalar(loss, bounds=SHAPES, method="bounded", options={"xatol": 1e-3}).x))
