"""Forecasts + panel -> scores: how near, how honest about doubt, how well ranked; and a leaderboard.

Arrays are (n cells, H horizons), quantiles (n, H, L). NaN in `actual` = not covered or not yet known: that
month of that cell is left out on both sides. A figure nobody can give (no request at all, no quantiles) is NaN.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast import negbin
from forecast.tables import ALL, LEVELS, Scores, check, conform, empty

Array = np.ndarray

YEAR = 12
MOST_PARTS = 50
"""Categories, and zones, that are scored apart: nobody reads more, and 700 cost more than the forecast."""
LEAST_SCALE = 0.25
VOLUMES = ("low", "mid", "high")
ALL_MONTHS = ("zone=",)
"""Segments that may be many: scored over all horizons together alone."""
SPREAD = ("wspl", "wql", "wis", "wis_spread", "wis_under", "wis_over", "crps")
"""Metrics of the whole distribution; NaN for a model that gives means alone."""
INTERVALS = {"coverage_50": (0.25, 0.75), "coverage_80": (0.1, 0.9), "coverage_95": (0.025, 0.975)}


def wape(actual: Array, point: Array) -> float:
    """Weighted absolute percentage error: sum |y - f| / sum y. f = median where there is one, else the mean.

    Source: Kolassa & Schuetz 2007, Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6.
    """
    known = ~np.isnan(actual)
    return _ratio(np.abs(actual - point)[known].sum(), actual[known].sum())


def bias(actual: Array, mean: Array) -> float:
    """sum (mean - y) / sum y; above 0 = too many forecast.

    Source: Hyndman & Athanasopoulos 2021, Forecasting: Principles and Practice (3rd ed.), §5.8 (mean error, scaled).
    """
    known = ~np.isnan(actual)
    return _ratio((mean - actual)[known].sum(), actual[known].sum())


def rmsse(actual: Array, mean: Array, scale_sq: Array) -> Array:
    """(n,) root mean squared scaled error of each cell: sqrt(mean_h (y - mean)^2 / scale_sq).

    Source: Makridakis, Spiliotis & Assimakopoulos 2022, The M5 accuracy competition, §3.3, with changes over
    12 months in the scale instead of over one.
    """
    known = ~np.isnan(actual)
    squares = np.where(known, (actual - mean) ** 2, 0.0).sum(axis=1)
    months = known.sum(axis=1)
    mse = np.divide(squares, months, out=np.full(len(months), np.nan), where=months > 0)
    return np.sqrt(mse / scale_sq)


def wrmsse(actual: Array, mean: Array, scale_sq: Array, volume: Array) -> float:
    """RMSSE of the cells weighted by their last 12 months' requests. Source: as `rmsse`, §3.3."""
    each = rmsse(actual, mean, scale_sq)
    known = ~np.isnan(each)
    return _ratio((volume * each)[known].sum(), volume[known].sum())


def pinball(actual: Array, quantiles: Array, levels: Array) -> Array:
    """Mean over the levels of max(level (y - q), (level - 1)(y - q)), shape of `actual`.

    Source: Koenker & Bassett 1978, Regression quantiles; Gneiting 2011, Making and evaluating point forecasts, §3.
    """
    ahead = actual[..., None] - quantiles
    return np.maximum(levels * ahead, (levels - 1) * ahead).mean(axis=-1)


def wspl(actual: Array, quantiles: Array, levels: Array, scale_abs: Array, volume: Array) -> float:
    """Weighted scaled pinball loss: 2 x pinball / mean |12-month change|, weighted by the last 12 months' requests.

    Source: Makridakis et al. 2022, The M5 uncertainty competition, §2.3, doubled (so that the median gives the
    scaled absolute error) and with changes over 12 months in the scale.
    """
    return _scaled(actual, pinball(actual, quantiles, levels), scale_abs, volume)


def _scaled(actual: Array, loss: Array, scale_abs: Array, volume: Array) -> float:
    known = ~np.isnan(actual)
    weight = np.broadcast_to(volume[:, None], actual.shape)[known]
    return _ratio((weight * (2 * loss / scale_abs[:, None])[known]).sum(), weight.sum())


def wql(actual: Array, quantiles: Array, levels: Array) -> float:
    """Weighted quantile loss: 2 x sum of pinball / sum y.

    Source: Gasthaus et al. 2019, Probabilistic forecasting with spline quantile function RNNs, §5.
    """
    return _relative(actual, pinball(actual, quantiles, levels))


def _relative(actual: Array, loss: Array) -> float:
    known = ~np.isnan(actual)
    return _ratio(2 * loss[known].sum(), actual[known].sum())


def wis(actual: Array, quantiles: Array, levels: Array) -> tuple[float, float, float, float]:
    """Mean weighted interval score in requests, and its parts: spread, underprediction, overprediction.

    NaN unless the levels are symmetrical about a median. Source: as `interval_score`.
    """
    known = ~np.isnan(actual)
    parts = interval_score(actual, quantiles, levels)
    if not known.any() or parts is None:
        return (np.nan,) * 4
    wide, short, much = (float(part[known].mean()) for part in parts)
    return wide + short + much, wide, short, much


def interval_score(actual: Array, quantiles: Array, levels: Array) -> tuple[Array, Array, Array] | None:
    """Spread, underprediction and overprediction of each forecast, shape of `actual`; their sum is the WIS.

    WIS = (|y - median| / 2 + sum_k (alpha_k / 2) IS_k) / (K + 1/2); with equal levels it is twice the pinball
    loss, and the quantile approximation of the CRPS. None unless the levels are symmetrical about a median.

    Source: Bracher et al. 2021, Evaluating epidemic forecasts in an interval format, PLoS Comput Biol 17, §2.2.
    """
    middle = len(levels) // 2
    if len(levels) % 2 == 0 or not np.allclose(levels + levels[::-1], 1):
        return None
    median = quantiles[..., middle]
    under, over = np.maximum(actual - median, 0) / 2, np.maximum(median - actual, 0) / 2
    spread = np.zeros(actual.shape)
    for k in range(middle):
        low, high, alpha = quantiles[..., k], quantiles[..., -1 - k], 2 * levels[k]
        spread += alpha / 2 * (high - low)
        under += np.maximum(actual - high, 0)
        over += np.maximum(low - actual, 0)
    weight = middle + 0.5
    return spread / weight, under / weight, over / weight


def crps(actual: Array, mean: Array, variance: Array) -> float:
    """Mean continuous ranked probability score of the count distribution, in requests. Source: `negbin.crps`."""
    return _mean(negbin.crps(actual, np.nan_to_num(mean), np.nan_to_num(variance)).ravel())


def coverage(actual: Array, low: Array, high: Array) -> float:
    """Share of months with low <= y <= high; on sparse counts above nominal, for counts are whole: see `pit`.

    Source: Gneiting, Balabdaoui & Raftery 2007, Probabilistic forecasts, calibration and sharpness, §3.1.
    """
    known = ~np.isnan(actual)
    return _ratio(((actual >= low) & (actual <= high))[known].sum(), known.sum())


def pit(transformed: Array) -> float:
    """Kolmogorov distance of randomised PIT values from the uniform distribution; 0 = perfectly calibrated.

    Source: Czado, Gneiting & Held 2009, Predictive model assessment for count data, §2.1.
    """
    u = np.sort(transformed[~np.isnan(transformed)])
    if not u.size:
        return np.nan
    steps = np.arange(u.size + 1) / u.size
    return float(max((steps[1:] - u).max(), (u - steps[:-1]).max()))


def capture(actual: Array, ranking: Array, share: float = 0.1) -> float:
    """Requests in the cells ranked highest / requests in the truly highest, top `share` of the cells of a month.

    Actual and ranking are (n,); ties keep the order of the cells. Source: the hit-rate of hot-spot forecasting,
    Chainey, Tompson & Uhlig 2008, The utility of hotspot mapping, relative to the best possible list.
    """
    y, chosen, best = _lists(actual, ranking, share)
    return _ratio(y[chosen].sum(), y[best].sum())


def surge(actual: Array, mean: Array, usual: Array, share: float = 0.05) -> float:
    """`capture` of the excess over the usual (the trailing 12-month mean) by ranking on the forecast excess.

    Source: as `capture`; the excess replaces the volume.
    """
    return capture(actual - usual, mean - usual, share)


def precision(actual: Array, ranking: Array, share: float = 0.1) -> float:
    """Share of the cells listed that belong to the truly highest (ties with the last of them count).

    Source: precision at k, Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, §8.4.
    """
    return _hits(*_lists(actual, ranking, share))


def lift(actual: Array, ranking: Array, last_year: Array, share: float = 0.1) -> float:
    """Requests in the cells ranked highest / requests in the list made of last year's counts of that month.

    Source: lift of a scoring list, Provost & Fawcett 2013, Data Science for Business, ch. 8, against the list
    an office would draw up without a model.
    """
    known = ~np.isnan(actual)
    y = actual[known]
    chosen, before = (_highest(by[known], share) for by in (ranking, np.nan_to_num(last_year, nan=-1.0)))
    return _ratio(y[chosen].sum(), y[before].sum())


@dataclass(frozen=True)
class Case:
    """One model at one origin, as arrays.

    cells: (n) area, category, and zone or level where segments of them are wanted; past: (n, T) counts up to the
    origin, NaN = not covered; actual, mean and variance: (n, H); quantiles: (n, H, L) at `levels`. A model may
    have no variance and no quantiles.
    """

    model: str
    origin: pd.Timestamp
    cells: pd.DataFrame
    past: Array
    actual: Array
    mean: Array
    variance: Array | None = None
    quantiles: Array | None = None
    levels: Array | None = None


def score(forecasts: pd.DataFrame, panel: pd.DataFrame, value: str = "orders", seed: int = 0) -> pd.DataFrame:
    """Score every model, origin, horizon and segment of cells against the panel.

    Args:
        forecasts: Forecasts; rows whose area and category are no cell of the panel (sums) are left out.
        panel: Panel that reaches beyond the origins; months up to an origin give scales, volumes and rankings.
        value: orders, incidents or callers.
        seed: of the randomised PIT.

    Returns:
        Scores. Segments: "all", "category=<code>" of the 50 largest, and "volume=low|mid|high" (see
        `volume_class`). Horizon 0 = all horizons together; rankings are averaged over them.

    Source: definitions of wspl, wql, wape, wrmsse, capture and surge follow the M5 ones with a 12-month scale
    of at least 0.25 and weights by the requests of the last 12 months.
    """
    frames = [measure(case, seed) for case in cases(forecasts, panel, value)]
    return check(Scores, pd.concat(frames, ignore_index=True) if frames else empty(Scores), "scores")


def leaderboard(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a model, one column a metric: the mean over origins for all cells and horizons; best first.

    Source: sorted by wspl, then wape; models without quantiles come last.
    """
    rows = scores[(scores["horizon"] == 0) & (scores["segment"] == "all")]
    order = list(dict.fromkeys(["wspl", "wape", *rows["metric"]]))
    board = rows.pivot_table(index="model", columns="metric", values="value", aggfunc="mean", dropna=False)
    board = board.reindex(columns=order).sort_values(["wspl", "wape"], kind="stable")
    return board.rename_axis(columns=None).reset_index()


def cases(forecasts: pd.DataFrame, panel: pd.DataFrame, value: str = "orders") -> Iterator[Case]:
    """The arrays behind a Forecasts table, one Case a model and origin; cells in the order of the panel."""
    wide = panel.pivot(index=["area", "category"], columns="month", values=value).sort_index()
    months = pd.date_range(panel["month"].min(), panel["month"].max(), freq="MS", unit="us")
    y = wide.reindex(columns=months).to_numpy(dtype=float, na_value=np.nan)
    cell = wide.index.get_indexer(pd.MultiIndex.from_frame(forecasts[["area", "category"]]))
    rows = forecasts.assign(cell=cell)[cell >= 0]
    for (model, origin), part in rows.groupby(["model", "origin"], sort=True):
        known = np.unique(part["cell"])
        cells = wide.index[known].to_frame(index=False)
        yield _case(str(model), pd.Timestamp(str(origin)), part, known, cells, y, months)


def measure(case: Case, seed: int = 0) -> pd.DataFrame:
    """Scores rows of one case; what `score` does, on arrays. A column `zone` of its cells gives segments too."""
    return _measured(case, seed, _segments(case.cells, history(case.past, 1).volume))


def measure_levels(case: Case, seed: int = 0) -> pd.DataFrame:
    """Scores rows of cells and sums together, by their column `level`.

    Segments: "level=<level>" holds each area of the level by category, "total=<level>" each with all categories.
    """
    return _measured(case, seed, _levels(case.cells))


def volume_class(volume: Array) -> Array:
    """(n,) low, mid or high: thirds of the cells by the requests of the 12 months up to the origin."""
    names = np.empty(len(volume), dtype="<U4")
    for name, part in zip(VOLUMES, np.array_split(np.argsort(volume, kind="stable"), len(VOLUMES)), strict=True):
        names[part] = name
    return names


def zones(areas: pd.DataFrame) -> pd.Series:
    """Zone of each area (index: code): its own, else that of the nearest area above it that has one.

    Without any it is the code of the topmost area above it below the city, else of the area itself.
    """
    parent, zone, level = (areas.set_index("area")[name] for name in ("parent", "zone", "level"))
    found, top = zone.copy(), pd.Series(areas["area"].to_numpy(), index=parent.index)
    above = parent.copy()
    while above.notna().any():
        found = found.fillna(above.map(zone))
        inner = above.notna() & (above.map(level) != LEVELS[-1])
        top = top.mask(inner, above)
        above = above.map(parent)
    return found.fillna(top).rename("zone")


def _measured(case: Case, seed: int, segments: Iterable[tuple[str, Array]]) -> pd.DataFrame:
    horizons = case.mean.shape[1]
    past = history(case.past, horizons)
    u = score = np.full(case.mean.shape, np.nan)
    if case.variance is not None:
        mean, variance = np.nan_to_num(case.mean), np.nan_to_num(case.variance)
        u, score = negbin.pit(case.actual, mean, variance, seed), negbin.crps(case.actual, mean, variance)
    rows: list[tuple[int, str, str, float]] = []
    for segment, chosen in segments:
        part = _taken(case, chosen)
        known = History(*(getattr(past, name)[chosen] for name in past.__dataclass_fields__))
        months = [int(h) for h in np.flatnonzero(~np.isnan(part.actual).all(axis=0))]
        if not months:
            continue
        ranked = [_rankings(part, known, h) for h in months]
        average = {metric: _mean([one[metric] for one in ranked]) for metric in ranked[0]}
        blocks = [(0, slice(None), average)]
        if not segment.startswith(ALL_MONTHS):
            blocks += [(h + 1, slice(h, h + 1), one) for h, one in zip(months, ranked, strict=True)]
        for horizon, span, ranks in blocks:
            figures = _figures(part, known, u[chosen], score[chosen], span) | ranks
            rows += [(horizon, segment, metric, figure) for metric, figure in figures.items()]
    frame = pd.DataFrame(rows, columns=["horizon", "segment", "metric", "value"])
    return conform(Scores, frame.assign(model=case.model, origin=case.origin))


@dataclass(frozen=True)
class History:
    """What the months up to the origin say of each cell: (n,) scales, volume, usual; (n, H) last_year."""

    scale_abs: Array
    scale_sq: Array
    volume: Array
    usual: Array
    last_year: Array


def history(past: Array, horizons: int) -> History:
    """Scales from changes over 12 months; a cell without any such pair of months takes its own mean for them."""
    change = np.abs(past[:, YEAR:] - past[:, :-YEAR])
    level = _nanmean(past, 0.0)
    year = past[:, -YEAR:]
    months = past.shape[1] - YEAR + np.arange(horizons) % YEAR
    last_year = np.where(months >= 0, past[:, np.maximum(months, 0)], np.nan)
    return History(
        scale_abs=np.maximum(_nanmean(change, level), LEAST_SCALE),
        scale_sq=np.maximum(_nanmean(change**2, level**2), LEAST_SCALE),
        volume=np.nansum(year, axis=1) + 1e-9,
        usual=_nanmean(year, 0.0),
        last_year=last_year,
    )


def _figures(case: Case, past: History, u: Array, score: Array, months: slice) -> dict[str, float]:
    """All figures but the rankings, over some months."""
    actual, mean = case.actual[:, months], case.mean[:, months]
    out = {
        "bias": bias(actual, mean),
        "rmsse": _mean(list(rmsse(actual, mean, past.scale_sq))),
        "wrmsse": wrmsse(actual, mean, past.scale_sq, past.volume),
    }
    if case.quantiles is None or case.levels is None:
        names = (*SPREAD, *INTERVALS, "pit")
        return {"wspl": np.nan, "wape": wape(actual, mean), **out, **dict.fromkeys(names, np.nan)}
    quantiles, levels = case.quantiles[:, months], case.levels
    loss = pinball(actual, quantiles, levels)
    at = {round(float(level), 6): quantiles[..., k] for k, level in enumerate(levels)}
    head = {
        "wspl": _scaled(actual, loss, past.scale_abs, past.volume),
        "wape": wape(actual, at.get(0.5, mean)),
        **out,
        "wql": _relative(actual, loss),
    }
    names = ("wis", "wis_spread", "wis_under", "wis_over")
    parts = dict(zip(names, wis(actual, quantiles, levels), strict=True))
    inside = {
        name: coverage(actual, at[low], at[high]) if low in at and high in at else np.nan
        for name, (low, high) in INTERVALS.items()
    }
    ranked = {"crps": _mean(score[:, months].ravel())}
    return head | parts | ranked | inside | {"pit": pit(u[:, months])}


def _rankings(case: Case, past: History, h: int) -> dict[str, float]:
    """`capture`, `surge`, `precision` and `lift` of a month, each order of the cells sorted once."""
    actual, mean = case.actual[:, h], case.mean[:, h]
    y, chosen, best = _lists(actual, mean, 0.1)
    before = _highest(np.nan_to_num(past.last_year[:, h], nan=-1.0)[~np.isnan(actual)], 0.1)
    return {
        "capture": _ratio(y[chosen].sum(), y[best].sum()),
        "surge": surge(actual, mean, past.usual),
        "precision": _hits(y, chosen, best),
        "lift": _ratio(y[chosen].sum(), y[before].sum()),
    }


def _lists(actual: Array, ranking: Array, share: float) -> tuple[Array, Array, Array]:
    """Known actuals, positions ranked highest, positions truly highest."""
    known = ~np.isnan(actual)
    y = actual[known]
    return y, _highest(ranking[known], share), _highest(y, share)


def _highest(by: Array, share: float) -> Array:
    """Positions of the highest `share`, at least one; ties keep their order."""
    return np.argsort(-by, kind="stable")[: max(1, round(share * len(by)))]


def _hits(y: Array, chosen: Array, best: Array) -> float:
    return float(((y[chosen] >= y[best].min()) & (y[chosen] > 0)).mean()) if y.size else np.nan


def _segments(cells: pd.DataFrame, volume: Array) -> Iterator[tuple[str, Array]]:
    yield "all", np.arange(len(cells))
    yield from _parts("category", cells["category"], volume)
    size = volume_class(volume)
    for name in VOLUMES:
        yield f"volume={name}", np.flatnonzero(size == name)
    if "zone" in cells and cells["zone"].nunique() > 1:
        yield from _parts("zone", cells["zone"], volume)


def _parts(column: str, names: pd.Series, volume: Array) -> Iterator[tuple[str, Array]]:
    """The rows of each name, of the MOST_PARTS with most requests where there are more."""
    number, parts = pd.factorize(names, sort=True)
    largest = np.argsort(-np.bincount(number[number >= 0], volume[number >= 0]), kind="stable")[:MOST_PARTS]
    for at in sorted(largest):
        yield f"{column}={parts[at]}", np.flatnonzero(number == at)


def _levels(cells: pd.DataFrame) -> Iterator[tuple[str, Array]]:
    every = (cells["category"] == ALL).to_numpy()
    for level in LEVELS:
        here = (cells["level"] == level).to_numpy()
        yield f"level={level}", np.flatnonzero(here & ~every)
        yield f"total={level}", np.flatnonzero(here & every)


def _taken(case: Case, rows: Array) -> Case:
    return replace(
        case,
        cells=case.cells.iloc[rows],
        past=case.past[rows],
        actual=case.actual[rows],
        mean=case.mean[rows],
        variance=None if case.variance is None else case.variance[rows],
        quantiles=None if case.quantiles is None else case.quantiles[rows],
    )


def _case(
    model: str,
    origin: pd.Timestamp,
    rows: pd.DataFrame,
    known: Array,
    cells: pd.DataFrame,
    y: Array,
    months: pd.DatetimeIndex,
) -> Case:
    horizons = int(rows["horizon"].max())
    at = np.searchsorted(known, rows["cell"].to_numpy())
    ahead = rows["horizon"].to_numpy() - 1
    predicted = rows["predicted"].to_numpy()

    def table(chosen: Array) -> Array:
        out = np.full((len(known), horizons), np.nan)
        out[at[chosen], ahead[chosen]] = predicted[chosen]
        return out

    output = rows["output"].to_numpy()
    levels = np.unique(rows.loc[output == "quantile", "level"])
    here = int(months.searchsorted(origin, side="right"))
    actual = np.full((len(known), horizons), np.nan)
    came = y[known, here : here + horizons]
    actual[:, : came.shape[1]] = came
    mean = table(output == "mean")
    actual[np.isnan(mean)] = np.nan
    level = rows["level"].to_numpy()
    quantiles = [table((output == "quantile") & (level == one)) for one in levels]
    variance = table(output == "variance") if (output == "variance").any() else None
    quantile = np.stack(quantiles, axis=-1) if quantiles else None
    return Case(
        model, origin, cells, y[known, :here], actual, mean, variance, quantile, levels if quantiles else None
    )


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else np.nan


def _mean(values: list[float] | Array) -> float:
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    return float(known.mean()) if known.size else np.nan


def _nanmean(x: Array, otherwise: Array | float) -> Array:
    """(n,) mean of the known figures of each row."""
    known = ~np.isnan(x)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, x, 0.0).sum(axis=1) / np.maximum(count, 1), otherwise)
