"""Cases -> losses of each area; losses of two models -> is one better, with a paired bootstrap interval."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecast import negbin, scores
from forecast.scores import Case
from forecast.tables import Comparisons, Losses, conform

Array = np.ndarray

METRICS = ("wspl", "wape", "wql", "wis", "crps", "wrmsse")
"""Compared; smaller is better for all of them."""

DRAWS = 1000
INTERVAL = (0.025, 0.975)


def losses(case: Case) -> pd.DataFrame:
    """Losses of one model at one origin: numerator and denominator of each metric by area, all horizons together.

    Summed over the areas and divided they are the figures of `scores.measure` for all cells.

    Source: definitions of `scores`.
    """
    known = ~np.isnan(case.actual)
    actual, past = np.where(known, case.actual, 0.0), scores.history(case.past, 1)
    months = known.sum(axis=1).astype(float)
    squared = scores.rmsse(case.actual, case.mean, past.scale_sq)
    weight = np.where(months > 0, past.volume, 0.0)
    point, each = case.mean, _spread_losses(case, past)
    if case.quantiles is not None and case.levels is not None and np.any(middle := np.isclose(case.levels, 0.5)):
        point = case.quantiles[..., int(np.argmax(middle))]
    volume = actual.sum(axis=1)
    parts = {
        "wspl": (each["wspl"] * past.volume, months * past.volume),
        "wape": (np.where(known, np.abs(actual - point), 0.0).sum(axis=1), volume),
        "wql": (each["wql"], volume),
        "wis": (each["wis"], months),
        "crps": (each["crps"], months),
        "wrmsse": (weight * np.nan_to_num(squared), weight),
    }
    area, place = np.unique(case.cells["area"].to_numpy(dtype=str), return_inverse=True)
    frames = [
        pd.DataFrame(
            {"area": area, "metric": metric, "loss": np.bincount(place, loss), "base": np.bincount(place, base)}
        )
        for metric, (loss, base) in parts.items()
    ]
    return conform(Losses, pd.concat(frames, ignore_index=True).assign(model=case.model, origin=case.origin))


def compare(table: pd.DataFrame, model: str, rivals: Sequence[str], seed: int, draws: int = DRAWS) -> pd.DataFrame:
    """Is `model` better than each rival on every metric: 95 % intervals of ratio and difference.

    A metric is the mean over origins of sum of loss / sum of base. Each draw takes as many areas and as many
    origins as there are, with replacement and the same for both models, so that what makes a month or a place
    hard for everyone cancels out. All months and categories of an area stay together.

    Args:
        table: Losses of all models.
        model: name of the model.
        rivals: names of those it is compared with.
        seed: of the draws.
        draws: how many, >= 1.

    Returns:
        Comparisons, by rival and metric; NaN where one of the two has no such metric. Few origins make the
        intervals rough: with a single one only areas are drawn.

    Source: percentile interval of the bootstrap, Efron & Tibshirani 1993, An introduction to the bootstrap, §13.3;
    areas and origins drawn independently, Owen 2007, The pigeonhole bootstrap, Ann. Appl. Stat. 1, §2; paired
    losses, Diebold & Mariano 1995, Comparing predictive accuracy, §1.
    """
    origins, areas = (sorted(table[name].unique()) for name in ("origin", "area"))
    rng = np.random.default_rng(seed)
    by_area = rng.multinomial(len(areas), np.full(len(areas), 1 / max(len(areas), 1)), draws).astype(float)
    by_origin = rng.multinomial(len(origins), np.full(len(origins), 1 / max(len(origins), 1)), draws).astype(float)
    names = list(dict.fromkeys([model, *rivals]))
    drawn: dict[tuple[str, str], tuple[float, Array]] = {}
    for (name, metric), part in table[table["model"].isin(names)].groupby(["model", "metric"], sort=False):
        at = pd.Index(areas).get_indexer(part["area"]), pd.Index(origins).get_indexer(part["origin"])
        loss, base = np.zeros((2, len(areas), len(origins)))
        loss[at], base[at] = part["loss"], part["base"]
        once = _metric(np.ones((1, len(areas))), np.ones((1, len(origins))), loss, base)[0]
        drawn[str(name), str(metric)] = float(once), _metric(by_area, by_origin, loss, base)
    rows = [
        {"model": model, "rival": rival, "metric": metric, "draws": draws, "seed": seed}
        | _compared(*drawn[model, metric], *drawn[rival, metric])
        for rival in rivals
        for metric in METRICS
        if (model, metric) in drawn and (rival, metric) in drawn
    ]
    return conform(Comparisons, pd.DataFrame(rows, columns=list(Comparisons.to_schema().columns)))


def _spread_losses(case: Case, past: scores.History) -> dict[str, Array]:
    """(n,) losses of the distribution summed over the months; NaN for a model that gives means alone."""
    found = dict.fromkeys(("wspl", "wql", "wis", "crps"), np.full(len(case.cells), np.nan))
    if case.quantiles is not None and case.levels is not None:
        pinball = np.nansum(2 * scores.pinball(case.actual, case.quantiles, case.levels), axis=1)
        found |= {"wspl": pinball / past.scale_abs, "wql": pinball}
        if (parts := scores.interval_score(case.actual, case.quantiles, case.levels)) is not None:
            found["wis"] = np.nansum(sum(parts), axis=1)
    if case.variance is not None:
        score = negbin.crps(case.actual, np.nan_to_num(case.mean), np.nan_to_num(case.variance))
        found["crps"] = np.nansum(score, axis=1)
    return found


def _metric(by_area: Array, by_origin: Array, loss: Array, base: Array) -> Array:
    """(draws,) mean over the origins drawn of the metric over the areas drawn; origins without a base left out."""
    above, below = by_area @ loss, by_area @ base
    has = below > 0
    each = np.divide(above, below, out=np.zeros_like(above), where=has)
    weight = (by_origin * has).sum(axis=1)
    total = (by_origin * each).sum(axis=1)
    return np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > 0)


def _compared(one: float, ones: Array, other: float, others: Array) -> dict[str, float]:
    ratios = np.divide(ones, others, out=np.full(len(ones), np.nan), where=others > 0)
    gaps = ones - others
    known = gaps[~np.isnan(gaps)]
    low, high = _interval(ratios)
    gap_low, gap_high = _interval(gaps)
    return {
        "ratio": one / other if other > 0 else np.nan,
        "low": low,
        "high": high,
        "difference": one - other,
        "difference_low": gap_low,
        "difference_high": gap_high,
        "better_in": float(((known < 0) + (known == 0) / 2).mean()) if known.size else np.nan,
    }


def _interval(values: Array) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    return (
        (float(np.quantile(known, INTERVAL[0])), float(np.quantile(known, INTERVAL[1])))
        if known.size
        else (np.nan, np.nan)
    )
