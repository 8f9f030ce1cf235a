"""Cases -> how often counts came at or below each quantile level; behind a reliability plot and a PIT histogram."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from forecast import negbin, scores
from forecast.scores import Case
from forecast.tables import Reliability, check, conform

BINS = 20
"""Bars of the PIT histogram."""

KEY = ["model", "segment", "level"]


def reliability(case: Case) -> pd.DataFrame:
    """Reliability of one model at one origin: all cells, and each volume class.

    The share below level u is the mean of min(max((u - F(y - 1)) / (F(y) - F(y - 1)), 0), 1): the randomised PIT
    averaged over its randomisation, so that ties of small counts are shared out without a draw.

    Returns:
        Reliability; no rows for a model without a distribution, or where nothing came.

    Source: Czado, Gneiting & Held 2009, Predictive model assessment for count data, §2.1 (their non-randomised
    histogram); reliability of quantiles: Gneiting, Balabdaoui & Raftery 2007, Probabilistic forecasts, §3.1.
    """
    known = ~np.isnan(case.actual)
    rows: list[tuple[str, float, float, int]] = []
    if case.variance is not None and case.levels is not None:
        levels = np.unique(np.round([*case.levels, *(np.arange(1, BINS + 1) / BINS)], 9))
        size = scores.volume_class(scores.history(case.past, 1).volume)
        classes = np.broadcast_to(size[:, None], known.shape)[known]
        below = _below(case.actual[known], case.mean[known], case.variance[known], levels)
        for segment, chosen in [
            ("all", classes != ""),
            *((f"volume={name}", classes == name) for name in scores.VOLUMES),
        ]:
            if chosen.any():
                shares = below[chosen].mean(axis=0)
                rows += [
                    (segment, level, share, int(chosen.sum())) for level, share in zip(levels, shares, strict=True)
                ]
    frame = pd.DataFrame(rows, columns=["segment", "level", "share", "n"])
    return conform(Reliability, frame.assign(model=case.model))


def together(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Reliability of several origins as one: shares weighted by the forecasts behind them."""
    every = pd.concat(list(parts), ignore_index=True)
    held = every.assign(share=every["share"] * every["n"]).groupby(KEY, sort=False)[["share", "n"]].sum()
    held["share"] = (held["share"] / held["n"]).clip(0, 1)
    return check(Reliability, conform(Reliability, held.reset_index()), "reliability")


def _below(actual: np.ndarray, mean: np.ndarray, variance: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(m, L) part of each count's probability that lies at or below each level."""
    upper, lower = (negbin.cdf(count, mean, variance)[:, None] for count in (actual, actual - 1))
    step = upper - lower
    part = np.divide(levels - lower, step, out=(levels >= upper).astype(float), where=step > 0)
    return np.clip(part, 0, 1)
