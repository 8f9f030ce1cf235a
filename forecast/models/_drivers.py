"""Seasons -> drivers as a dense array, a category's own value before the one for all."""

import numpy as np
import pandas as pd

from forecast.tables import ALL

WEATHER = ("heating_degree_days", "rain_days_heavy", "rain_mm", "snow_mm", "tmean_c")
"""Drivers that tell of the weather; all others tell of the calendar."""


def part(driver: str) -> str:
    """The part of a forecast that a driver stands for."""
    return "weather" if driver in WEATHER else "calendar"


def names(seasons: pd.DataFrame, wanted: tuple[str, ...] | None = None) -> list[str]:
    """Drivers there are, in order of name; those `wanted` only (None = all)."""
    there = set(seasons["driver"])
    return sorted(there if wanted is None else there & set(wanted))


def dense(seasons: pd.DataFrame, drivers: list[str], categories: pd.Index, months: pd.DatetimeIndex) -> np.ndarray:
    """(drivers, categories, months) values; NaN where the seasons say nothing."""
    out = np.full((len(drivers), len(categories), len(months)), np.nan)
    for d, driver in enumerate(drivers):
        rows = seasons[seasons["driver"] == driver]
        wide = rows.pivot(index="category", columns="month", values="value").reindex(columns=months)
        out[d] = wide.reindex(categories).to_numpy()
        if ALL in wide.index:
            out[d] = np.where(np.isnan(out[d]), wide.loc[ALL].to_numpy()[None], out[d])
    return out
