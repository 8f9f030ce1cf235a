"""Counts + treated cells + what the work did -> counts as they would have come without it."""

import numpy as np
import pandas as pd

from forecast.effects.rules import cells
from forecast.tables import ALL

FIGURES = ("orders", "incidents", "callers")
TRUSTED = ("did", "holdback")
"""Estimators of a whole group, best first: of what was done, then of what was asked for, which is less."""


def told(effects: pd.DataFrame) -> dict[str, float]:
    """Group -> relative change, of Effects that were concluded with an interval without 0.

    A synthetic control speaks of one street alone and is not used; nor is the hold-back of all entries together.
    """
    sure = effects[effects["concluded"] & (effects["reading"] != "unclear") & effects["estimator"].isin(TRUSTED)]
    sure = sure[(sure["group"] != ALL) & (sure["estimate"] > -1)]
    order = sure["estimator"].map(dict(zip(TRUSTED, range(len(TRUSTED)), strict=True)))
    best = sure.loc[order.sort_values(kind="stable").index].drop_duplicates("group").sort_values("group")
    return {str(group): float(effect) for group, effect in zip(best["group"], best["estimate"], strict=True)}


def untreated(counts: pd.DataFrame, treated: pd.DataFrame, effects: dict[str, float]) -> pd.DataFrame:
    """Counts of treated cells, in the months the work can show, divided by 1 + effect.

    Args:
        counts: Panel or Counts.
        treated: Treated.
        effects: group -> relative change (> -1) that was concluded; other groups change nothing. Where two groups
            treat a cell in a month their factors multiply.

    Returns:
        The same table. Counts stay whole: they are rounded along the months of a cell, so that what one month
        gets too much the next gets less, and no cell is ever more than half a request from its sum.
    """
    if bad := [group for group, effect in effects.items() if not effect > -1]:
        raise ValueError(f"an effect must be above -1: {', '.join(bad)}")
    factor = _factors(counts, treated[treated["group"].isin(list(effects))], effects)
    touched = np.flatnonzero(factor != 1)
    if not len(touched):
        return counts
    rows = counts.iloc[touched].assign(times=factor[touched], at=touched).sort_values(["area", "category", "month"])
    table = counts.copy()
    for name in FIGURES:
        exact = (rows[name] / rows["times"]).groupby([rows["area"], rows["category"]]).cumsum()
        whole = np.floor(exact + 0.5)
        steps = whole.groupby([rows["area"], rows["category"]]).diff().fillna(whole)
        values = table[name].to_numpy().copy()
        values[rows["at"].to_numpy()] = steps.to_numpy().astype(int)
        table[name] = values
    return table


def _factors(counts: pd.DataFrame, treated: pd.DataFrame, effects: dict[str, float]) -> np.ndarray:
    """1 + effect of each row of counts."""
    factor = np.ones(len(counts))
    once = cells(treated).drop(columns="month")
    rows = counts[["area", "category", "month"]].assign(at=np.arange(len(counts)))
    hits = rows.merge(once, on=["area", "category"])
    hits = hits[hits["month"].between(hits["first"], hits["last"])]
    np.multiply.at(factor, hits["at"].to_numpy(), 1 + hits["group"].map(effects).to_numpy(dtype=float))
    return factor
