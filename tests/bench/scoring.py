"""A results folder + its panel -> figures of every model, and ratios of ours to a peer with intervals.

The cutoffs are stacked as further rows of cells, so that every figure is one of all cutoffs together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import negbin, scores

Array = np.ndarray

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
NAMES = [f"q{level}" for level in LEVELS]
CUTOFFS = 3
YEAR = 12
SEED = 0
DRAWS = 1000

MEANS = {
    "best_mean": ("ets", "dot", "theta", "lightgbm"),
    "all_statistical": ("ets", "dot", "theta", "ces", "arima"),
}
"""Name -> the peers it is the plain mean of, in means and in each quantile."""


@dataclass(frozen=True)
class Answers:
    """What a model said at all cutoffs: mean (N, H), quantiles (N, H, L), variance (N, H) or None; N = cutoffs x n.

    cost: seconds, cpu_seconds, peak_mb, series and threads, one row a cutoff.
    """

    mean: Array
    quantiles: Array
    variance: Array | None
    cost: pd.DataFrame


@dataclass(frozen=True)
class Truth:
    """What came: actual (N, H); and what the months up to each cutoff say: (N,) scales, volume, usual, area."""

    actual: Array
    scale_abs: Array
    scale_sq: Array
    volume: Array
    usual: Array
    area: Array
    cells: int


def truth(panel: pd.DataFrame, cutoffs: Sequence[int], horizon: int) -> Truth:
    """Args: panel: month, area, category, count, complete; cutoffs: months known; horizon: months scored."""
    wide = panel.pivot(index=["area", "category"], columns="month", values="count").sort_index()
    y = wide.to_numpy(dtype=float)
    change = [np.abs(y[:, YEAR:cutoff] - y[:, : cutoff - YEAR]) for cutoff in cutoffs]
    years = [y[:, cutoff - YEAR : cutoff] for cutoff in cutoffs]
    return Truth(
        actual=np.concatenate([y[:, cutoff : cutoff + horizon] for cutoff in cutoffs]),
        scale_abs=np.concatenate([np.maximum(one.mean(axis=1), scores.LEAST_SCALE) for one in change]),
        scale_sq=np.concatenate([np.maximum((one**2).mean(axis=1), scores.LEAST_SCALE) for one in change]),
        volume=np.concatenate([one.sum(axis=1) + 1e-9 for one in years]),
        usual=np.concatenate([one.mean(axis=1) for one in years]),
        area=np.tile(wide.index.get_level_values("area").to_numpy(dtype=object), len(cutoffs)),
        cells=len(y),
    )


def answers(folder: Path) -> tuple[list[int], dict[str, Answers]]:
    """The cutoffs of a results folder, oldest first, and every model that answered at all of them."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.json")):
        files.setdefault(path.stem.rpartition("-")[0], []).append(path)
    whole = {name: paths for name, paths in files.items() if len(paths) == CUTOFFS}
    out, cutoffs = {}, set()
    for name, paths in whole.items():
        tables = [pd.read_parquet(path.with_suffix(".parquet")) for path in paths]
        tables.sort(key=lambda table: int(table["cutoff"].iloc[0]))
        cutoffs.add(tuple(int(table["cutoff"].iloc[0]) for table in tables))
        cost = pd.DataFrame([json.loads(path.read_text()) for path in paths])
        out[name] = stacked(tables, cost)
    if len(cutoffs) > 1:
        raise ValueError(f"{folder} holds results of other cutoffs than one another's: {sorted(cutoffs)}")
    return list(cutoffs.pop()) if cutoffs else [], out | _means(out)


def stacked(tables: Sequence[pd.DataFrame], cost: pd.DataFrame) -> Answers:
    """Forecast files of one model, oldest cutoff first, as one."""
    tables = [table.sort_values(["area", "category", "h"]) for table in tables]
    horizon = int(tables[0]["h"].max())
    table = pd.concat(tables)
    variance = table["variance"].to_numpy().reshape(-1, horizon) if "variance" in table else None
    quantiles = table[NAMES].to_numpy(dtype=float).reshape(-1, horizon, len(LEVELS))
    return Answers(table["mean"].to_numpy().reshape(-1, horizon), quantiles, variance, cost)


def _means(found: Mapping[str, Answers]) -> dict[str, Answers]:
    out = {}
    for name, members in MEANS.items():
        if set(members) <= set(found):
            parts = [found[member] for member in members]
            mean = np.mean([part.mean for part in parts], axis=0)
            quantiles = np.mean([part.quantiles for part in parts], axis=0)
            out[name] = Answers(mean, quantiles, None, _together([part.cost for part in parts]))
    return out


def _together(costs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Members run one after the other: times add up, the largest peak counts."""
    total = costs[0].copy()
    for column in ("seconds", "cpu_seconds"):
        total[column] = sum(cost[column] for cost in costs)
    return total.assign(peak_mb=np.max([cost["peak_mb"] for cost in costs], axis=0))


def figures(said: Answers, came: Truth) -> dict[str, float]:
    """Scores of a model over all cutoffs, and its cost; PIT only where a count distribution is given."""
    levels, actual, q = np.array(LEVELS), came.actual, said.quantiles
    pit = np.nan
    if said.variance is not None:
        pit = scores.pit(negbin.pit(actual, said.mean, said.variance, SEED))
    per_thousand = 1000 / said.cost["series"]
    return {
        "wspl": scores.wspl(actual, q, levels, came.scale_abs, came.volume),
        "wql": scores.wql(actual, q, levels),
        "wape": scores.wape(actual, q[..., LEVELS.index(0.5)]),
        "wrmsse": scores.wrmsse(actual, said.mean, came.scale_sq, came.volume),
        "bias": scores.bias(actual, said.mean),
        "coverage_80": scores.coverage(actual, q[..., 1], q[..., -2]),
        "coverage_95": scores.coverage(actual, q[..., 0], q[..., -1]),
        "pit": pit,
        **_rankings(said.mean, came),
        "seconds": float((said.cost["seconds"] * per_thousand).mean()),
        "cpu_seconds": float((said.cost["cpu_seconds"] * per_thousand).mean()),
        "peak_mb": float(said.cost["peak_mb"].max()),
    }


def _rankings(mean: Array, came: Truth) -> dict[str, float]:
    """Every cutoff and month is ranked for itself; the mean of all."""
    capture, surge = [], []
    for start in range(0, len(mean), came.cells):
        rows = slice(start, start + came.cells)
        for y, f in zip(came.actual[rows].T, mean[rows].T, strict=True):
            capture.append(scores.capture(y, f))
            surge.append(scores.surge(y, f, came.usual[rows]))
    return {"capture": float(np.nanmean(capture)), "surge": float(np.nanmean(surge))}


def losses(said: Answers, came: Truth) -> dict[str, Array]:
    """(N,) what each row adds to the numerator of a figure; the denominators are the same for every model."""
    pinball = scores.pinball(came.actual, said.quantiles, np.array(LEVELS)).sum(axis=1)
    median = said.quantiles[..., LEVELS.index(0.5)]
    return {
        "wspl": came.volume * pinball / came.scale_abs,
        "wql": pinball,
        "wape": np.abs(came.actual - median).sum(axis=1),
        "wrmsse": came.volume * scores.rmsse(came.actual, said.mean, came.scale_sq),
    }


def ratios(ours: Answers, peer: Answers, came: Truth) -> pd.DataFrame:
    """Figure of ours / figure of the peer; below 1 = ours is better.

    Returns:
        metric, ratio, low, high: 90 % percentile interval of `DRAWS` draws of whole areas with replacement, the
        same ones for both models. Cutoffs are not drawn: the interval holds for these months.

    Source: paired bootstrap of clusters, Efron & Tibshirani 1993, An Introduction to the Bootstrap, §8.5, §13.3.
    """
    place = np.unique(came.area.astype(str), return_inverse=True)[1]
    areas = int(place.max()) + 1
    drawn = np.random.default_rng(SEED).multinomial(areas, np.full(areas, 1 / areas), size=DRAWS)
    a, b = losses(ours, came), losses(peer, came)
    rows = []
    for metric in a:
        above = np.bincount(place, a[metric], areas)
        below = np.bincount(place, b[metric], areas)
        low, high = np.quantile((drawn @ above) / (drawn @ below), [0.05, 0.95])
        rows.append((metric, above.sum() / below.sum(), low, high))
    return pd.DataFrame(rows, columns=["metric", "ratio", "low", "high"])
