"""Forecasts as issued + what is known now -> LiveScores; LiveScores -> Drift, a control chart with alarms.

Nothing is forecast again here: a figure issued stays as it was, whatever arrived or was corrected since.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from forecast import negbin, reconcile, scores
from forecast.scores import INTERVALS
from forecast.spec import Spec
from forecast.tables import ALL, LEVELS, Drift, LiveScores, check, conform, empty

Array = np.ndarray

LEAST_COVERED = 0.5
"""Part of a sum that must be covered before the sum is judged."""

BAND = (0.1, 0.9)
LEAST_EXPECTED = 1.0
FARTHEST = 8.0
"""Normal scores are cut here; beyond it a probability is rounding."""

FAMILIES = ("all", "category=", "street=")
"""Segments with a chart; each family gets the same part of the false alarms."""

RULES = 2


class LiveOptions(Spec):
    """When forecasts that were issued are said to have drifted.

    `false_alarms`: chance that any alarm at all is raised in a month in which every forecast is right.
    `smoothing`: weight of the newest month in the moving mean. `runs`: how many past forecasts are looked back on.
    """

    false_alarms: float = Field(0.05, gt=0, lt=0.5)
    smoothing: float = Field(0.3, gt=0, le=1)
    runs: int = Field(24, ge=1, le=120)


@dataclass(frozen=True)
class _Issued:
    """keys: (n rows) area, category; months: (H,). mean, variance: (n, H), NaN = none; quantiles: level -> same."""

    keys: pd.DataFrame
    months: pd.DatetimeIndex
    mean: Array
    variance: Array
    quantiles: dict[float, Array]


@dataclass(frozen=True)
class _Held:
    """Forecast rows beside what came. All (n, H) or level -> (n, H).

    part: share of the row that is covered now, 0..1; expected, variance: of that part; observed: what came in it.
    leaf: (n,) the row is a cell and no sum; sums: area, category -> row of a sum.
    """

    keys: pd.DataFrame
    months: pd.DatetimeIndex
    leaf: Array
    sums: dict[tuple[str, str], int]
    part: Array
    expected: Array
    variance: Array
    observed: Array
    quantiles: dict[float, Array]


def score(
    forecasts: pd.DataFrame, areas: pd.DataFrame, panel: pd.DataFrame, origin: pd.Timestamp, value: str = "orders"
) -> pd.DataFrame:
    """What was issued at one earlier origin against what came up to `origin`.

    Args:
        forecasts: Forecasts of one model and one origin, as issued.
        areas: Areas as they were then.
        panel: Panel as known now; months after `origin` change nothing.
        origin: last month known now.
        value: orders, incidents or callers.

    Returns:
        LiveScores. A cell counts in a month it was forecast for and is covered in now. Where only part of a sum is
        covered, mean and variance are those of the sum times that part of its mean. Requests that hang on a street
        itself count in the sums the street is part of.

    Source: wape, bias and coverage as in `scores`; z is the standardised forecast error, Montgomery, Jennings &
    Kulahci 2015, Introduction to Time Series Analysis and Forecasting, §2.6.2.
    """
    rows = forecasts[forecasts["month"] <= origin]
    if rows.empty or panel.empty:
        return empty(LiveScores)
    held = _held(_issued(rows), _chains(areas), panel, value)
    level = held.keys["area"].map(areas.set_index("area")["level"])
    found = [
        figures | {"month": held.months[h], "horizon": _months_apart(rows["origin"].iloc[0], held.months[h])}
        for h in range(len(held.months))
        for figures in _segments(held, level, _streets(areas), _root(areas), h)
    ]
    table = pd.DataFrame(found, columns=list(LiveScores.to_schema().columns)).assign(issued=rows["origin"].iloc[0])
    return check(LiveScores, conform(LiveScores, table), "live scores")


def drift(live: pd.DataFrame, spec: LiveOptions) -> pd.DataFrame:
    """Control charts of the city, of each category and of each street, over the forecasts of the month after origin.

    z is the normal score of the count's probability, half of the part of the count itself below it: with a right
    forecast about standard normal, month by month on its own. Two rules: one month far out (|z|), and the moving
    mean E_t = (1 - w) E_(t-1) + w z_t with sd sqrt(w (1 - (1 - w)^2t) / (2 - w)). A month enters the mean at most at
    the limit of the first rule, so that one month alone never looks lasting. The chance of a false alarm is shared
    out by Bonferroni over the families of segments, the segments of each, the two rules and the two sides. A month
    that was not scored is no month of the chart.

    Args:
        live: LiveScores.
        spec: limits.

    Returns:
        Drift. `since`: the month after the moving mean was last on the other side, for one month far out that month.

    Source: moving mean Roberts 1959, Control chart tests based on geometric moving averages, Technometrics 1;
    limits by month and the choice of w Lucas & Saccucci 1990, EWMA control schemes, Technometrics 32, §2-3; rule of
    one month Shewhart 1931, Economic Control of Quality, ch. XX; normal scores of forecasts Berkowitz 2001, Testing
    density forecasts, JBES 19, §2, for counts the mid-p of Lancaster 1961, JASA 56; parts of the false alarms
    Genovese, Roeder & Wasserman 2006, False discovery control with p-value weighting, §1; beginning of a change
    Nishina 1992, A comparison of control charts from the viewpoint of change-point estimation.
    """
    rows = live[(live["horizon"] == 1) & live["sd"].notna()]
    rows = rows[rows["segment"].str.startswith(FAMILIES)].sort_values("month", kind="stable")
    if rows.empty:
        return empty(Drift)
    rows = rows.assign(score=normal_score(*(rows[name].to_numpy() for name in ("observed", "expected", "sd"))))
    wide = rows.pivot(index="month", columns="segment", values="score")
    limits = np.array([_limits(wide.columns, known, spec.false_alarms) for known in wide.notna().to_numpy()])
    chart = _chart(wide.to_numpy(), limits, wide.index.to_numpy(), spec.smoothing)
    at = np.nonzero(wide.notna().to_numpy())
    table = {"segment": wide.columns.to_numpy()[at[1]], "month": wide.index.to_numpy()[at[0]]}
    table |= {name: figures[at] for name, figures in chart.items()}
    frame = pd.DataFrame(table).sort_values(["segment", "month"], ignore_index=True)
    return check(Drift, conform(Drift, frame), "drift")


def normal_score(observed: Array, expected: Array, sd: Array) -> Array:
    """Normal quantile of P(Y < y) + P(Y = y) / 2 of the NegBin with this mean and sd; within ±8.

    Too many are held against at least LEAST_EXPECTED requests: where next to none were expected, one is no news.

    Source: as `drift`.
    """
    found, lenient = (_mid(observed, mean, sd) for mean in (expected, np.maximum(expected, LEAST_EXPECTED)))
    return np.where(found > 0, np.clip(lenient, 0, found), found)


def _mid(observed: Array, mean: Array, sd: Array) -> Array:
    """Normal score of the count's mid-probability."""
    from scipy import stats

    below, upto = negbin.cdf(observed - 1, mean, sd**2), negbin.cdf(observed, mean, sd**2)
    return np.clip(stats.norm.ppf((below + upto) / 2), -FARTHEST, FARTHEST)


def _chart(z: Array, limits: Array, months: Array, smoothing: float) -> dict[str, Array]:
    """Columns of Drift as (T, S) arrays, from normal scores (T, S), NaN = not scored, and their limits."""
    count, mean = np.zeros(z.shape[1], dtype=int), np.zeros(z.shape[1])
    began = np.full(z.shape[1], np.datetime64("NaT", "us"))
    found: dict[str, list[Array]] = {name: [] for name in ("months", "ewma", "limit", "lasting", "far", "since")}
    for now, limit, month in zip(z, limits, months, strict=True):
        known = ~np.isnan(now)
        count = count + known
        entered = np.clip(np.where(known, now, 0.0), -limit, limit)
        moved = np.where(known, (1 - smoothing) * mean + smoothing * entered, mean)
        began = np.where(known & (np.sign(moved) != np.sign(mean)), np.datetime64(month, "us"), began)
        mean = moved
        spread = np.sqrt(smoothing * (1 - (1 - smoothing) ** (2 * np.maximum(count, 1))) / (2 - smoothing))
        lasting, far = known & (np.abs(mean) > limit * spread * (1 + 1e-9)), known & (np.abs(now) > limit)
        since = np.where(lasting, began, np.where(far, np.datetime64(month, "us"), np.datetime64("NaT", "us")))
        for name, column in zip(found, (count, mean, limit * spread, lasting, far, since), strict=True):
            found[name].append(column)
    stacked = {name: np.stack(columns) for name, columns in found.items()}
    return stacked | {"z": z, "z_limit": limits, "alarm": stacked["lasting"] | stacked["far"]}


def _limits(segments: pd.Index, known: Array, false_alarms: float) -> Array:
    """(S,) |normal score| a segment may reach in a month in which `known` ones are scored."""
    from scipy import stats

    members = [np.array([name.startswith(family) for name in segments]) & known for family in FAMILIES]
    present = [member for member in members if member.any()]
    limit = np.full(len(segments), FARTHEST)
    for member in present:
        limit[member] = stats.norm.isf(false_alarms / (len(present) * member.sum() * RULES * 2))
    return limit


def _issued(rows: pd.DataFrame) -> _Issued:
    """Forecasts rows as arrays."""
    place, places = pd.factorize(rows["area"], sort=True)
    kind, kinds = pd.factorize(rows["category"], sort=True)
    codes, at = np.unique(place * len(kinds) + kind, return_inverse=True)
    months = pd.DatetimeIndex(np.unique(rows["month"]))
    step = months.get_indexer(pd.DatetimeIndex(rows["month"]))
    output, level = rows["output"].to_numpy(dtype=object), rows["level"].to_numpy()
    predicted = rows["predicted"].to_numpy()

    def table(chosen: Array) -> Array:
        out = np.full((len(codes), len(months)), np.nan)
        out[at[chosen], step[chosen]] = predicted[chosen]
        return out

    wanted = sorted({0.5, *(end for ends in INTERVALS.values() for end in ends)})
    quantiles = {end: table((output == "quantile") & np.isclose(level, end)) for end in wanted}
    keys = pd.DataFrame({"area": places[codes // len(kinds)], "category": kinds[codes % len(kinds)]})
    return _Issued(keys, months, table(output == "mean"), table(output == "variance"), quantiles)


def _held(issued: _Issued, above: pd.DataFrame, panel: pd.DataFrame, value: str) -> _Held:
    """What came in every cell, and in every sum as far as it is covered."""
    keys, mean = issued.keys, issued.mean
    over = above.loc[above["area"].isin(keys["area"]), "ancestor"]
    leaf = ((keys["category"] != ALL) & ~keys["area"].isin(over)).to_numpy()
    cell = (keys["category"] != ALL).to_numpy()
    came = np.full(mean.shape, np.nan)
    came[cell] = _came(panel, keys[cell], issued.months, value)
    came[np.isnan(mean)] = np.nan
    sums = reconcile.summing(keys[cell], above)
    covered = ~np.isnan(came[cell]) & leaf[cell, None]
    there = np.where(leaf[cell, None], np.nan_to_num(mean[cell]), 0.0)
    whole = sums.matrix @ there
    count = sums.matrix @ np.broadcast_to(leaf[cell, None], there.shape).astype(float)
    none = np.maximum(count, 1)
    share = np.where(whole > 0, sums.matrix @ (there * covered) / np.where(whole > 0, whole, 1), 0.0)
    share = np.where(whole > 0, share, sums.matrix @ covered.astype(float) / none)
    spot = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(sums.nodes))
    stored = spot >= 0
    part, observed = (~np.isnan(came)).astype(float), np.nan_to_num(came)
    part[spot[stored]] = share[stored]
    observed[spot[stored]] = (sums.matrix @ np.nan_to_num(came[cell]))[stored]
    part[np.isnan(mean)] = 0.0
    nodes = {key: at for at, key in enumerate(zip(keys["area"], keys["category"], strict=True)) if not leaf[at]}
    expected, variance = part * np.nan_to_num(mean), part * issued.variance
    quantiles = _as_covered(issued, part)
    return _Held(keys, issued.months, leaf, nodes, part, expected, variance, observed, quantiles)


def _as_covered(issued: _Issued, part: Array) -> dict[float, Array]:
    """Quantiles as issued; of a sum that is covered in part, those of its part."""
    cut = (part > 0) & (part < 1) & ~np.isnan(issued.variance)
    found = {level: table.copy() for level, table in issued.quantiles.items()}
    levels = np.array(list(found))
    again = negbin.quantile((part * issued.mean)[cut], (part * issued.variance)[cut], levels)
    for column, level in enumerate(levels):
        found[level][cut] = np.where(np.isnan(found[level][cut]), np.nan, again[:, column])
    return found


def _came(panel: pd.DataFrame, keys: pd.DataFrame, months: pd.DatetimeIndex, value: str) -> Array:
    """(n, H) counts of cells, NaN = not covered."""
    known = panel[panel["month"].isin(months)]
    found = np.full((len(keys), len(months)), np.nan)
    at = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(known[["area", "category"]]))
    step = months.get_indexer(pd.DatetimeIndex(known["month"]))
    found[at[at >= 0], step[at >= 0]] = known[value].to_numpy(dtype=float)[at >= 0]
    return found


def _segments(held: _Held, level: pd.Series, streets: pd.Series, root: str, h: int) -> Iterator[dict[str, object]]:
    """One row a segment that has a covered cell in month `h`."""
    ready = held.leaf & (held.part[:, h] == 1)
    yield from _of("all", np.flatnonzero(ready), held.sums.get((root, ALL)), held, h)
    for column, names in (("category", held.keys["category"]), ("street", held.keys["area"].map(streets))):
        number, parts = pd.factorize(names.where(ready), sort=True)
        order = np.argsort(number, kind="stable")
        cuts = np.searchsorted(number[order], np.arange(len(parts) + 1))
        for k, name in enumerate(parts):
            key = (root, name) if column == "category" else (name, ALL)
            yield from _of(f"{column}={name}", order[cuts[k] : cuts[k + 1]], held.sums.get(key), held, h)
    whole = (held.part[:, h] == 1) & (held.keys["category"] != ALL).to_numpy()
    for name in LEVELS:
        for row in _of(f"level={name}", np.flatnonzero(whole & (level == name).to_numpy()), None, held, h):
            yield row | dict.fromkeys(("low80", "high80", "sd", "z"), np.nan)


def _of(segment: str, rows: Array, node: int | None, held: _Held, h: int) -> Iterator[dict[str, object]]:
    """The figures of one segment: cells by `rows`, the sum by `node`; nothing where no cell is covered."""
    if not len(rows):
        return
    y, mean = held.observed[rows, h], held.expected[rows, h]
    at = {end: table[rows, h] for end, table in held.quantiles.items()}
    yield {
        "segment": segment,
        "cells": len(rows),
        **_total(rows, node, held, h),
        "wape": scores.wape(y, np.where(np.isnan(at[0.5]), mean, at[0.5])),
        "bias": scores.bias(y, mean),
        **{name: _inside(y, at[low], at[high]) for name, (low, high) in INTERVALS.items()},
    }


def _total(rows: Array, node: int | None, held: _Held, h: int) -> dict[str, float]:
    """Sum of a segment. Without a sum that was issued the cells are added as if they erred apart."""
    if node is None or np.isnan(held.variance[node, h]):
        mean, variance = float(held.expected[rows, h].sum()), float(held.variance[rows, h].sum())
        observed, enough = float(held.observed[rows, h].sum()), not np.isnan(variance)
        ends = list(negbin.quantile(mean, variance, np.array(BAND))) if enough else [np.nan, np.nan]
    else:
        mean, variance = float(held.expected[node, h]), float(held.variance[node, h])
        observed, enough = float(held.observed[node, h]), bool(held.part[node, h] >= LEAST_COVERED)
        ends = [held.quantiles[level][node, h] for level in BAND]
    low, high = (float(end) if enough else np.nan for end in ends)
    sd = variance**0.5 if enough else np.nan
    z = (observed - mean) / sd if sd > 0 else np.nan
    return {"expected": mean, "low80": low, "high80": high, "observed": observed, "sd": sd, "z": z}


def _inside(actual: Array, low: Array, high: Array) -> float:
    return np.nan if np.isnan(low).any() or np.isnan(high).any() else scores.coverage(actual, low, high)


def _chains(areas: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[area, ancestor]: each area with every area above it."""
    parent = areas.set_index("area")["parent"]
    steps, above = [], parent
    while above.notna().any():
        steps.append(above.dropna().rename("ancestor").reset_index())
        above = above.map(parent)
    return pd.concat(steps, ignore_index=True) if steps else pd.DataFrame({"area": [], "ancestor": []}, dtype="str")


def _streets(areas: pd.DataFrame) -> pd.Series:
    """Street of each area (index: code) in or below one."""
    chains = _chains(areas)
    street = areas.loc[areas["level"] == "street", "area"]
    below = chains[chains["ancestor"].isin(street)].drop_duplicates("area").set_index("area")["ancestor"]
    return pd.concat([below, pd.Series(street.to_numpy(), index=street.to_numpy())]).groupby(level=0).first()


def _root(areas: pd.DataFrame) -> str:
    city = areas.loc[areas["level"] == LEVELS[-1], "area"]
    return str(city.iloc[0]) if len(city) else ""


def _months_apart(first: pd.Timestamp, last: pd.Timestamp) -> int:
    return (last.year - first.year) * 12 + last.month - first.month
