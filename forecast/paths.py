"""Forecasts + what their months and cells share -> sample paths: counts drawn together, so that sums have a spread.

Each count keeps the distribution issued for it. What one complaint boom does to many cells at once is a relative
shock: of the city, of a category, of an area; part of it lasts over all months of a forecast.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd
from scipy import optimize, sparse, special

from forecast import negbin
from forecast.errors import DataError, Fault
from forecast.tables import ALL, Calibration, check, conform

Array = np.ndarray

GROUPS = ("city", "category", "area")
"""Whose shocks cells share."""

COMMON = ("common_city", "common_category", "common_area", "common_kept")
"""Parameters of a Calibration table."""

CHUNK = 1 << 21
"""Counts drawn together; bounds the memory."""

ROUNDS = 60
STEPS = 64
MOST_SHARED = 0.95
SCORES = np.linspace(-5, 5, 101)


@dataclass(frozen=True)
class Shared:
    """What counts of one forecast have in common.

    city, category, area: variance of the relative shock that all cells, those of one category, those of one area
    share in a month (0.01 = a standard deviation of 10 %). kept: share of each shock that lasts over all months
    of a forecast, 0..1; months: correlation between the months of a cell, 0..1.
    """

    city: float = 0.0
    category: float = 0.0
    area: float = 0.0
    kept: float = 0.0
    months: float = 0.0


@dataclass(frozen=True)
class Paths:
    """cells: (m rows) area, category; months: (H,); counts: (draws, m, H) integers >= 0."""

    cells: pd.DataFrame
    months: pd.DatetimeIndex
    counts: Array


def implied(
    cells: pd.DataFrame,
    mean: Array,
    variance: Array,
    months: float,
    matrix: sparse.csr_array,
    sum_variance: Array,
    sum_months: float,
) -> Shared:
    """What cells must share for their sums to have the variances issued, and the correlation between months.

    Args:
        cells: (n rows) area, category.
        mean, variance: (n, H) of the cells.
        months: correlation between the months of a cell, 0..1.
        matrix: (U, n) of 0 and 1, cells in sums.
        sum_variance: (U, H) of the sums.
        sum_months: correlation between the months of a sum, 0..1, as an average over the sums.

    Returns:
        Shared. Its shocks are variances s >= 0 in
        var(sum) = sum of var_i + sum over shocks s, and over pairs i, j that share it, of s mean_i mean_j;
        those under which the variances issued, each a gamma figure around its own, are likeliest. `kept` solves
        sum_months = average of (months * first term + kept * second term) / var(sum).

    Source: a shock that multiplies means, McCullagh & Nelder 1989, Generalized Linear Models, §6.2; the gamma
    likelihood by weighted least squares again and again, ibid. §2.5 and §8.3, here with s >= 0 and half steps.
    """
    variance = np.maximum(variance, mean)
    shared = np.zeros((matrix.shape[0], len(GROUPS)))
    groups = [_members(cells, group) for group in GROUPS]
    for month in mean.T:
        alone, weighted = matrix @ month**2, matrix @ sparse.diags_array(month)
        for g, members in enumerate(groups):
            shared[:, g] += (weighted @ members).power(2).sum(axis=1) - alone
    apart = (matrix @ variance).sum(axis=1)
    some = (apart > 0) & (shared > 1e-9 * apart[:, None]).any(axis=1)
    shared, apart, issued = np.maximum(shared[some], 0.0), apart[some], sum_variance[some].sum(axis=1)
    size = np.maximum(shared.sum(axis=0), 1e-300)
    found, gap = np.zeros(len(GROUPS)), issued - apart
    for turn in range(ROUNDS if len(gap) else 0):
        scale = apart + (shared / size) @ found
        fitted = optimize.nnls(shared / size / scale[:, None], gap / scale)[0]
        found = fitted if turn == 0 else (found + fitted) / 2
    found = found / size
    part = np.mean(apart / (apart + shared @ found)) if len(gap) else 1.0
    kept = (sum_months - months * part) / (1 - part) if part < 1 - 1e-9 else sum_months
    city, category, area = (float(value) for value in found)
    return Shared(city, category, area, float(np.clip(kept, 0.0, 1.0)), months)


def table(shared: Shared, model: str, origin: pd.Timestamp) -> pd.DataFrame:
    """Calibration rows common_city, common_category, common_area, common_kept (horizon 0, bin 0)."""
    values = [shared.city, shared.category, shared.area, shared.kept]
    rows = {"parameter": list(COMMON), "horizon": 0, "bin": 0, "value": values, "model": model, "origin": origin}
    return check(Calibration, conform(Calibration, pd.DataFrame(rows)), "calibration")


def shared_in(calibration: pd.DataFrame) -> Shared:
    """What a Calibration table of one model and origin says cells share.

    Raises:
        DataError: it does not say.
    """
    values = calibration[calibration["horizon"] == 0].set_index("parameter")["value"]
    names = [*COMMON, "correlation"]
    missing = [name for name in names if name not in values.index]
    if missing or values.index[values.index.isin(names)].duplicated().any():
        what = f"no figure for {', '.join(missing)}" if missing else "figures of more than one model or origin"
        raise DataError(Fault(what, "Calibration.parameter", "give the calibration of one run, issued with sums"))
    return Shared(*(float(values[name]) for name in names))


def leaves(forecasts: pd.DataFrame, ancestors: pd.DataFrame) -> pd.DataFrame:
    """The cells of Forecasts: single categories of areas that have no parts; sorted, area and category."""
    above = ancestors.loc[ancestors["area"] != ancestors["ancestor"]]
    over = above.loc[above["area"].isin(forecasts["area"]), "ancestor"]
    rows = forecasts.loc[(forecasts["category"] != ALL) & ~forecasts["area"].isin(over), ["area", "category"]]
    return rows.drop_duplicates().sort_values(["area", "category"], ignore_index=True)


def from_tables(
    forecasts: pd.DataFrame, calibration: pd.DataFrame, cells: pd.DataFrame, draws: int, seed: int
) -> Iterator[Paths]:
    """Sample paths of a run, some cells at a time, so that a whole city never stands in memory.

    Args:
        forecasts: Forecasts of one run; those of the calibration's model and origin are used.
        calibration: Calibration of the same run.
        cells: [area, category] to draw, such as `leaves` gives. Sums are not drawn but added up (`totals`): in
            them, what was placed on a street itself and on no community is missing.
        draws: how many paths, >= 1. The rough error of a 10 % quantile is 0.3 / sqrt(draws) in probability.
        seed: of all randomness; the paths of a cell do not depend on the other cells asked for.

    Returns:
        Paths, one part of the cells after the other, in the order given.

    Raises:
        DataError: the calibration lacks what cells share, or a cell has no mean and variance of every month.
    """
    shared = shared_in(calibration)
    months, figures = _figures(forecasts, calibration, cells)
    return _parts(cells.reset_index(drop=True), months, figures, shared, draws, seed)


def totals(parts: Iterable[Paths], groups: pd.DataFrame) -> tuple[pd.Index, Array]:
    """Paths of sums of cells.

    Args:
        parts: as from `from_tables`; may be an iterator.
        groups: [area, category, group]; a cell may be in several groups or in none.

    Returns:
        The names of the groups, sorted, and (draws, groups, H) counts.

    Raises:
        DataError: there are no paths.
    """
    names = pd.Index(sorted(groups["group"].unique()))
    numbered = groups[["area", "category"]].assign(number=names.get_indexer(groups["group"])).drop_duplicates()
    sums: Array | None = None
    for part in parts:
        draws, m, horizon = part.counts.shape
        sums = np.zeros((len(names), draws * horizon), dtype="int64") if sums is None else sums
        here = part.cells[["area", "category"]].assign(cell=np.arange(m)).merge(numbered, on=["area", "category"])
        entries = (np.ones(len(here), dtype="int64"), (here["number"], here["cell"]))
        matrix = sparse.csr_array(entries, shape=(len(names), m))
        sums += matrix @ np.moveaxis(part.counts, 1, 0).reshape(m, -1)
    if sums is None:
        raise DataError(Fault("there are no paths to add up", "parts", "draw some cells"))
    return names, np.moveaxis(sums.reshape(len(names), draws, horizon), 0, 1)


def sample(cells: pd.DataFrame, mean: Array, variance: Array, shared: Shared, draws: int, seed: int) -> Array:
    """Counts drawn together.

    Args:
        cells: (n rows) area, category, each pair once.
        mean, variance: (n, H), finite and >= 0.
        shared: what they have in common.
        draws: how many paths, >= 1.
        seed: of all randomness. A cell has the same paths whichever cells are drawn with it, in whatever order.

    Returns:
        (draws, n, H) int64 >= 0. Each count has the negative binomial of its mean and variance exactly.

    Source: Gaussian copula with a factor structure for counts, Joe 2014, Dependence Modeling with Copulas, §3.10
    and §7.1; a path as the inverse cdf of its uniforms, Panagiotelis et al. 2023, Probabilistic forecast
    reconciliation, §2.
    """
    if not len(cells):
        return np.empty((draws, *mean.shape), dtype="int64")
    variance = np.maximum(variance, mean)
    loads, own = _loads(mean, variance, shared)
    z = _alone(cells, loads, own, draws, seed)
    for number, group in enumerate(GROUPS):
        names = cells[group] if group in cells else pd.Series("", index=cells.index)
        place, each = pd.factorize(names)
        shape = (draws, mean.shape[1] + 1)
        normals = np.stack([_normals(seed, group, str(name), shape) for name in each])
        z += loads[number][:, None] * _lasting(normals, shared.kept)[place]
    level = np.moveaxis(special.ndtr(z), 1, 2).reshape(-1, draws)
    counts = _counts(mean.ravel(), variance.ravel(), level)
    return np.moveaxis(counts.reshape(*mean.shape, draws), 2, 0)


def _figures(
    forecasts: pd.DataFrame, calibration: pd.DataFrame, cells: pd.DataFrame
) -> tuple[pd.DatetimeIndex, Array]:
    """Months (H,), and mean and variance (n, 2, H)."""
    own = forecasts["model"].eq(calibration["model"].iloc[0]) & forecasts["origin"].eq(calibration["origin"].iloc[0])
    rows = forecasts[own & forecasts["output"].isin(["mean", "variance"])]
    keys = pd.MultiIndex.from_frame(cells[["area", "category"]])
    rows = rows[pd.MultiIndex.from_frame(rows[["area", "category"]]).isin(keys)]
    months = pd.DatetimeIndex(rows["month"].sort_values().unique())
    wide = rows.pivot(index=["area", "category"], columns=["output", "month"], values="predicted")
    wide = wide.reindex(index=keys, columns=pd.MultiIndex.from_product([["mean", "variance"], months]))
    lacking = wide.isna().any(axis=1).to_numpy()
    if lacking.any() or wide.empty:
        some = ", ".join("/".join(key) for key in keys[lacking][:3])
        what = f"no mean and variance for every month of {some or 'any cell'}"
        raise DataError(Fault(what, "Forecasts", "draw cells that the combination forecast"))
    return months, wide.to_numpy().reshape(len(keys), 2, len(months))


def _parts(
    cells: pd.DataFrame, months: pd.DatetimeIndex, figures: Array, shared: Shared, draws: int, seed: int
) -> Iterator[Paths]:
    step = max(1, CHUNK // (draws * len(months)))
    for start in range(0, len(cells), step):
        some, part = cells.iloc[start : start + step].reset_index(drop=True), figures[start : start + step]
        yield Paths(some, months, sample(some, part[:, 0], part[:, 1], shared, draws, seed))


def _members(cells: pd.DataFrame, group: str) -> sparse.csr_array:
    """(n, groups) of 0 and 1."""
    number = np.zeros(len(cells), dtype=int) if group == "city" else pd.factorize(cells[group])[0]
    entries = (np.ones(len(cells)), (np.arange(len(cells)), number))
    return sparse.csr_array(entries, shape=(len(cells), number.max(initial=-1) + 1))


def _loads(mean: Array, variance: Array, shared: Shared) -> tuple[Array, Array]:
    """Weight of each shock in the normal score of a count (3, n, H), and the share of the rest that lasts (n,).

    A count Y with score z has cov(Y_i, Y_j) = r slope_i slope_j to the first order when the scores correlate by r.
    """
    slope = np.maximum(_slope(mean, variance), 1e-12)
    common = np.array([shared.city, shared.category, shared.area])
    loads = np.sqrt(common)[:, None, None] * (mean / slope)
    total = (loads**2).sum(axis=0)
    loads *= np.sqrt(np.minimum(1.0, MOST_SHARED / np.maximum(total, 1e-12)))
    wanted = shared.months * (np.sqrt(variance) / slope).mean(axis=1) ** 2
    boom = shared.kept * (loads.mean(axis=2) ** 2).sum(axis=0)
    rest = 1 - (loads**2).sum(axis=0).mean(axis=1)
    return loads, np.clip((wanted - boom) / rest, 0.0, MOST_SHARED)


def _slope(mean: Array, variance: Array) -> Array:
    """E[Y z] for the count Y = Q(Phi(z)): the sum over k of the normal density at the score of P(Y <= k).

    Source: Stein 1981, Estimation of the mean of a multivariate normal distribution, lemma 1, E[g(z) z] = E[g'(z)],
    for the steps of the quantile function.
    """
    shape, mean, variance = mean.shape, mean.ravel(), variance.ravel()
    below = _table(mean, variance)
    slope = (np.exp(-(special.ndtri(below) ** 2) / 2) / np.sqrt(2 * np.pi)).sum(axis=1)
    rows = np.flatnonzero(below[:, -1] < 1 - 1e-7)
    if rows.size:
        weight = SCORES * np.exp(-(SCORES**2) / 2) * (SCORES[1] - SCORES[0]) / np.sqrt(2 * np.pi)
        slope[rows] = negbin.quantile(mean[rows], variance[rows], special.ndtr(SCORES)) @ weight
    return slope.reshape(shape)


def _table(mean: Array, variance: Array) -> Array:
    """P(Y <= k) for k below STEPS (n, STEPS), summed upwards as in Johnson, Kemp & Kotz 2005 §5.2.

    All 0 where a mean is too large to begin at 0.
    """
    excess = np.divide(variance, mean, out=np.ones(mean.shape), where=mean > 0) - 1
    excess = np.where(excess > negbin.POISSON_BELOW, excess, 0.0)
    ratio = np.divide(np.log1p(excess), excess, out=np.ones(mean.shape), where=excess > 0)
    chance = np.empty((STEPS, mean.size))
    chance[0] = np.where(mean <= STEPS, np.exp(-np.minimum(mean, STEPS) * ratio), 0.0)
    for k in range(1, STEPS):
        chance[k] = chance[k - 1] * ((mean + (k - 1) * excess) / (k * (1 + excess)))
    return np.minimum(np.cumsum(chance, axis=0), 1.0).T


def _normals(seed: int, kind: str, name: str, shape: tuple[int, ...]) -> Array:
    """Standard normals of one shock; its name alone, not its place, decides them."""
    key = int.from_bytes(blake2b(f"{kind}\0{name}".encode(), digest_size=8).digest(), "little")
    return np.random.Generator(np.random.SFC64([seed, key])).standard_normal(shape)


def _lasting(normals: Array, kept: float | Array) -> Array:
    """(..., 1 + H) fresh normals -> (..., H) ones of which `kept` lasts over all months."""
    return np.sqrt(kept) * normals[..., :1] + np.sqrt(1 - kept) * normals[..., 1:]


def _alone(cells: pd.DataFrame, loads: Array, own: Array, draws: int, seed: int) -> Array:
    """What the scores of cells (m, draws, H) do not share."""
    normals = np.empty((len(cells), draws, loads.shape[2] + 1))
    for at, (area, category) in enumerate(zip(cells["area"], cells["category"], strict=True)):
        normals[at] = _normals(seed, "cell", f"{area}\0{category}", normals.shape[1:])
    rest = np.sqrt(1 - (loads**2).sum(axis=0))
    return rest[:, None] * _lasting(normals, own[:, None, None])


def _counts(mean: Array, variance: Array, level: Array) -> Array:
    """Smallest counts (n, draws) with P(Y <= count) >= level, of means (n,) at levels (n, draws)."""
    level = np.clip(level, 1e-300, 1 - 1e-16)
    found = np.zeros(level.shape, dtype="int64")
    top, below = level.max(axis=1, initial=0.0), _table(mean, variance)
    search = below[:, -1] < top
    rows = np.flatnonzero(~search)
    for k in range(STEPS):
        found[rows] += level[rows] > below[rows, k, None]
        rows = rows[below[rows, k] < top[rows]]
    for row in np.flatnonzero(search):
        found[row] = negbin.quantile(mean[row], variance[row], level[row])
    return found
