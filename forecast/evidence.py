"""Counts by month -> is there a season, is there a rise: tests that hold whatever the scatter of the counts.

Arrays are (n cells, B years, 12): years end with the last month known, NaN = not covered. No cell looks at another
one but through the season and the scatter of its like, which are handed in or pooled by size.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

Array = np.ndarray

YEAR = 12
MIDDLE = (YEAR - 1) / 2
FULL = 9
"""Covered months from which on a year tells its level to its neighbours."""
PART = 20_000
"""Cells worked on at a time."""
UNHEARD = 2.0
"""Years taken to scatter twice as much as months say where no two of them can be compared."""
TINY = 1e-12


@dataclass(frozen=True)
class Fits:
    """One row a cell. `*_df` are degrees of freedom, `*_rss` weighted sums of squares.

    season, shape: what the calendar months, and the one shape of the category, take off the sum of squares;
    `shape` bears the sign of the direction. recent, before: requests in the windows; share: part of them expected in
    the recent one; variance: of the recent count at scatter 1; `rise_*`, `years_*`: scatter of months, and of years.
    """

    season: Array
    season_df: Array
    shape: Array
    rss: Array
    df: Array
    recent: Array
    before: Array
    recent_months: Array
    before_months: Array
    apart: Array
    share: Array
    variance: Array
    rise_rss: Array
    rise_df: Array
    years_rss: Array
    years_df: Array

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """One after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def by_year(y: Array) -> Array:
    """(n, T) months -> (n, B, 12), the last year whole, the first one filled with NaN in front."""
    n, months = y.shape
    years = max(1, -(-months // YEAR))
    filled = np.full((n, years * YEAR), np.nan)
    filled[:, years * YEAR - months :] = y
    return filled.reshape(n, years, YEAR)


def level(y: Array) -> Array:
    """(n, B, 12) slow level: the means of the years joined by straight lines, each year scaled to its own total.

    A year with fewer than FULL covered months takes part with the mean of the nearest fuller one.
    """
    covered = ~np.isnan(y)
    months = covered.sum(axis=2)
    total = np.nansum(y, axis=2)
    means = np.divide(total, months, out=np.zeros(total.shape), where=months > 0)
    means = np.take_along_axis(means, _nearest(months >= FULL), axis=1)
    earlier = np.concatenate([means[:, :1], means[:, :-1]], axis=1)[:, :, None]
    later = np.concatenate([means[:, 1:], means[:, -1:]], axis=1)[:, :, None]
    off: Array = (np.arange(YEAR) - MIDDLE) / YEAR
    line = means[:, :, None] * (1 - np.abs(off)) + np.where(off < 0, earlier, later) * np.abs(off)
    drawn: Array = (line * covered).sum(axis=2, keepdims=True)
    line = np.where(drawn > 0, line, 1.0)
    drawn = drawn[:, :, 0]
    drawn = np.where(drawn > 0, drawn, months)
    return line * np.divide(total, drawn, out=np.zeros(total.shape), where=drawn > 0)[:, :, None]


def _nearest(good: Array) -> Array:
    """(n, B) index of the nearest good year, the later one of two; itself where none is."""
    years = np.arange(good.shape[1])
    later = np.subtract.outer(years, years) < 0
    far = np.abs(np.subtract.outer(years, years)) - 0.1 * later
    distance = np.where(good[:, None], far[None], np.inf)
    return np.where(np.any(good, axis=1, keepdims=True), distance.argmin(axis=2), years[None])


def seasonal_sums(y: Array) -> tuple[Array, Array, Array]:
    """By month of the year, (n, 12) requests and what the slow level alone expects; (n,) variance ÷ mean, >= 1."""
    expected, scatter = [np.zeros((0, YEAR))], [np.zeros(0)]
    for start in range(0, len(y), PART):
        part = y[start : start + PART]
        used = ~np.isnan(part)
        mu = np.where(used, level(part), 0.0)
        off = np.where(used, np.nan_to_num(part) - mu, 0.0)
        expected.append(mu.sum(axis=1))
        usual = _over(mu.sum(axis=(1, 2)), used.sum(axis=(1, 2)))
        scatter.append(1 + _alpha(off, mu, used) * usual)
    return np.nansum(y, axis=1), np.concatenate(expected), np.concatenate(scatter)


def fits(y: Array, shape: Array, index: Array, known_by: Array, pace: Array, years_before: int) -> Fits:
    """Everything the tests need of each cell.

    Args:
        y: (n, B, 12) counts.
        shape: (n, 12) season of the category elsewhere, mean 1; NaN where nothing is known of it.
        index: (n, 12) season of the cell, mean 1.
        known_by: (n, 12) > 0, requests `index` rests on.
        pace: (B,) how the city ran in each year against the last one.
        years_before: years a rise is measured against.
    """
    parts = []
    for start in range(0, max(len(y), 1), PART):
        part = slice(start, start + PART)
        season = _season(y[part], shape[part])
        parts.append(Fits(*season, *_rise(y[part], index[part], known_by[part], pace, years_before)))
    return Fits.joined(parts)


def _season(y: Array, shape: Array) -> tuple[Array, ...]:
    """Weighted two-way analysis of variance, years x calendar months, of the ratios of counts to their slow level.

    With weights mu^2 / V(mu), V = mu + alpha mu^2, the sum of squares of the months is the quasi-likelihood score
    statistic of eleven month effects beside free levels of the years.

    Source: Breslow 1990, Tests of hypotheses in overdispersed Poisson regression, JASA 85, §2; V with alpha by
    moments: Breslow 1984, Extra-Poisson variation in log-linear models, Applied Statistics 33, §3.
    """
    mu = level(y)
    used = ~np.isnan(y) & (mu > 0)
    mu = np.where(used, mu, 0.0)
    off = np.where(used, np.nan_to_num(y) - mu, 0.0)
    weight = np.where(used, mu / (1 + _alpha(off, mu, used)[:, None, None] * mu), 0.0)
    ratio = np.divide(off, mu, out=np.zeros(mu.shape), where=used)
    by_block = weight.sum(axis=2)
    middle = np.divide((weight * ratio).sum(axis=2), by_block, out=np.zeros(by_block.shape), where=by_block > 0)
    ratio = np.where(used, ratio - middle[:, :, None], 0.0)
    score = (weight * ratio).sum(axis=1)
    root = np.divide(weight, np.sqrt(by_block)[:, :, None], out=np.zeros(mu.shape), where=by_block[:, :, None] > 0)
    inner = -np.matmul(root.transpose(0, 2, 1), root)
    by_month = weight.sum(axis=1)
    diagonal = np.arange(YEAR)
    inner[:, diagonal, diagonal] += by_month
    effects = _solved(inner, score, by_month)
    season = (score * effects).sum(axis=1)
    total = (weight * ratio**2).sum(axis=(1, 2))
    season_df = np.maximum((by_month > 0).sum(axis=1) - 1, 0)
    df = used.sum(axis=(1, 2)) - (by_block > 0).sum(axis=1) - season_df
    along = np.where(np.isnan(shape), 0.0, shape - 1)
    length = (along * np.matmul(inner, along[:, :, None])[:, :, 0]).sum(axis=1)
    lean = (score * along).sum(axis=1)
    signed = np.divide(np.sign(lean) * lean**2, length, out=np.full(len(y), np.nan), where=length > TINY)
    return season, season_df, signed, np.maximum(total - season, 0.0), df


def _alpha(off: Array, mu: Array, used: Array) -> Array:
    """(n,) extra scatter by moments: mean of (y - mu)^2 - mu over mean of mu^2, not below 0."""
    squares = (mu**2).sum(axis=(1, 2))
    extra = np.where(used, off**2 - mu, 0.0).sum(axis=(1, 2))
    return np.maximum(np.divide(extra, squares, out=np.zeros(len(mu)), where=squares > 0), 0.0)


def _solved(inner: Array, score: Array, by_month: Array) -> Array:
    """(n, 12) month effects; the one direction that levels take up, and months never seen, are held at 0."""
    scale = np.maximum(by_month.max(axis=1), TINY)
    filled = inner / scale[:, None, None] + 1.0 / YEAR
    diagonal = np.arange(YEAR)
    filled[:, diagonal, diagonal] += np.where(by_month > 0, 1e-9, 1.0)
    return np.linalg.solve(filled, (score / scale[:, None])[:, :, None])[:, :, 0]


def _rise(y: Array, index: Array, known_by: Array, pace: Array, years_before: int) -> tuple[Array, ...]:
    """The last year against those before: counts, expected share of the recent one, scatter within and between years.

    Expected are season x pace of the city x one level of the cell. Scatter of months is that around a level for each
    window (the season costs the months it was read from); scatter of years that of the years before around their
    common level.
    """
    y, pace = y[:, -1 - years_before :], pace[-1 - years_before :]
    covered = ~np.isnan(y)
    counts = np.nan_to_num(y)
    base = np.where(covered, index[:, None, :] * pace[None, :, None], 0.0)
    last = np.zeros(y.shape[1], dtype=bool)
    last[-1] = True
    (recent, before), (here, there) = _windows(counts, last), _windows(base, last)
    share = np.divide(here, here + there, out=np.full(len(y), np.nan), where=(here > 0) & (there > 0))
    own = np.where(last[None, :, None], _over(recent, here)[:, None, None], _over(before, there)[:, None, None])
    mu = base * own
    alpha = _alpha(counts - mu, mu, covered & (mu > 0))
    spread = np.where(mu > 0, mu * (1 + alpha[:, None, None] * mu), 0.0)
    rise_rss = np.divide((counts - mu) ** 2, spread, out=np.zeros(mu.shape), where=spread > 0).sum(axis=(1, 2))
    spent = (mu / known_by[:, None, :]).sum(axis=(1, 2)) * (YEAR - 1) / YEAR
    rise_df = (spread > 0).sum(axis=(1, 2)) - (recent > 0) - (before > 0) - spent
    same = base * _over(recent + before, here + there)[:, None, None]
    usual = same * (1 + alpha[:, None, None] * same)
    part = np.nan_to_num(share)
    variance = (1 - part) ** 2 * usual[:, last].sum(axis=(1, 2)) + part**2 * usual[:, ~last].sum(axis=(1, 2))
    totals, expected, scatter = (values[:, ~last].sum(axis=2) for values in (counts, mu, spread))
    years_rss = np.divide((totals - expected) ** 2, scatter, out=np.zeros(scatter.shape), where=scatter > 0).sum(
        axis=1
    )
    years_df = np.maximum((scatter > 0).sum(axis=1) - 1, 0)
    months = _windows(covered.astype(float), last)
    return (
        recent, before, *months, _apart(covered), share, variance, rise_rss, np.maximum(rise_df, 0), years_rss,
        years_df,
    )  # fmt: skip


def _windows(values: Array, last: Array) -> tuple[Array, Array]:
    """(n,) sums in the last year and before it."""
    return values[:, last].sum(axis=(1, 2)), values[:, ~last].sum(axis=(1, 2))


def _over(top: Array, bottom: Array) -> Array:
    return np.divide(top, bottom, out=np.zeros(top.shape), where=bottom > 0)


def _apart(covered: Array) -> Array:
    """(n,) years from the middle of the covered months before to that of the recent ones."""
    turn = np.arange(covered.shape[1] * YEAR).reshape(1, -1, YEAR)
    recent = _over((covered * turn)[:, -1].sum(axis=1), covered[:, -1].sum(axis=1))
    before = _over((covered * turn)[:, :-1].sum(axis=(1, 2)), covered[:, :-1].sum(axis=(1, 2)))
    return np.maximum((recent - before) / YEAR, 1 / YEAR)


def pooled(part: Array, df: Array, size: Array, unknown: float = 1.0, least: float = 0.0) -> Array:
    """(n,) sum of `part` / sum of `df` over the cells of like size (half powers of ten of the mean count).

    Cells whose scatter is wild count with ten times their df at most, so that a few do not speak for all.
    """
    if not len(size):
        return np.zeros(0)
    group = np.floor(2 * np.log10(np.maximum(size, 1e-3))).astype(int)
    group -= group.min()
    top, bottom = np.bincount(group, np.minimum(part, 10 * df)), np.bincount(group, df)
    mean = np.divide(top, bottom, out=np.full(len(top), unknown), where=bottom > 0)
    return np.maximum(mean[group], least)


def season_p(found: Fits, size: Array, lent: float) -> Array:
    """(n,) chance of such a season where there is none; NaN without a month to spare.

    The smaller of two p-values, doubled: eleven free months (F test), and the one shape of the category elsewhere
    (one-sided t test), both against the scatter of the cell, to which `lent` months of that of its like are lent.

    Source: F and t with moderated variances: Smyth 2004, Linear models and empirical Bayes methods, §3-4; of two
    tests the better one at half the level: Bonferroni.
    """
    from scipy import stats

    able = (found.df > 0) & (found.season_df > 0)
    df = np.maximum(found.df, 1) + lent
    scatter = np.maximum((found.rss + lent * pooled(found.rss, found.df, size)) / df, TINY)
    free = stats.f.sf(found.season / np.maximum(found.season_df, 1) / scatter, np.maximum(found.season_df, 1), df)
    told = ~np.isnan(found.shape)
    lean = np.nan_to_num(found.shape)
    along = stats.t.sf(np.sign(lean) * np.sqrt(np.abs(lean) / scatter), df)
    both = np.where(told, np.minimum(2 * np.minimum(free, along), 1.0), free)
    return np.where(able, both, np.nan)


def strength(found: Fits) -> Array:
    """(n,) 0..1: part of the scatter around the slow level that calendar months explain, corrected for chance.

    Source: Wang, Smith & Hyndman 2006, Characteristic-based clustering for time series data, §3.1, and Hyndman &
    Athanasopoulos 2021, FPP3, §4.3 (1 - Var R / Var(S + R)); corrected like the adjusted R^2.
    """
    rest = found.rss / np.maximum(found.df, 1)
    whole = (found.rss + found.season) / np.maximum(found.df + found.season_df, 1)
    share = 1 - np.divide(rest, whole, out=np.ones(len(rest)), where=whole > 0)
    return np.where((found.df > 0) & (found.season_df > 0), np.clip(share, 0.0, 1.0), np.nan)


def rise_p(found: Fits, size: Array, lent: float) -> Array:
    """(n,) chance of such a rise where there is none; NaN where a window holds nothing to compare.

    The part of the requests that came in the last year has mean `share` and a variance from the scatter of months,
    times what years scatter beyond months among cells of like size; a beta distribution with both gives the tail, and
    t instead of normal what is not known of the scatter.

    Source: quasi-binomial test of a share, McCullagh & Nelder 1989, Generalized Linear Models, §4.5; beta matched by
    moments: Johnson, Kotz & Balakrishnan 1995, Continuous Univariate Distributions 2, §25.4; variance of totals from
    totals of whole years (batch means): Carlstein 1986, Annals of Statistics 14, §2.
    """
    from scipy import stats

    total = found.recent + found.before
    able = ~np.isnan(found.share) & (total > 0)
    df = found.rise_df + lent
    scatter = (found.rise_rss + lent * pooled(found.rise_rss, found.rise_df, size)) / np.maximum(df, 1)
    years = pooled(found.years_rss / np.maximum(scatter, TINY), found.years_df, size, UNHEARD, least=1.0)
    share = np.where(able, found.share, 0.5)
    variance = np.maximum(found.variance * scatter * years, TINY)
    worth = np.maximum(share * (1 - share) * total**2 / variance - 1, 0.1)
    seen = np.divide(found.recent - 0.5, total, out=np.zeros(len(total)), where=total > 0)
    tail = stats.beta.sf(np.clip(seen, 0, 1), share * worth, (1 - share) * worth)
    return np.where(able, stats.t.sf(stats.norm.isf(np.clip(tail, 1e-300, 1 - 1e-16)), np.maximum(df, 1)), np.nan)


def false_discovery(p: Array, any_dependence: bool) -> Array:
    """(n,) least share of false discoveries at which a test would be called; NaN p are no tests.

    Source: Benjamini & Hochberg 1995, Controlling the false discovery rate, §3.1; under any dependence times
    1 + 1/2 + ... + 1/n: Benjamini & Yekutieli 2001, theorem 1.3.
    """
    q = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    n = len(order)
    if n:
        times = (1 / np.arange(1, n + 1)).sum() if any_dependence else 1.0
        steps = p[order] * n * times / np.arange(1, n + 1)
        q[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return q
