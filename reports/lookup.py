"""Tables -> look-ups: rows by a key that is asked for again and again, and a forecast beside its bands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class Indexed:
    """A table that is asked again and again for the rows of some keys; see `indexed`."""

    table: pd.DataFrame
    keys: dict[Any, int]
    order: np.ndarray
    starts: np.ndarray

    def of(self, keys: Iterable[Any]) -> pd.DataFrame:
        """The rows of these keys, in the order of the table."""
        at = [self.keys[key] for key in set(keys) if key in self.keys]
        parts = [self.order[self.starts[n] : self.starts[n + 1]] for n in at]
        return self.table.take(np.sort(np.concatenate(parts)) if parts else [])


def indexed(table: pd.DataFrame, key: str) -> Indexed:
    """`table` by its column `key`; rows without one are never asked for."""
    codes, keys = pd.factorize(table[key])
    starts = np.searchsorted(codes, np.arange(len(keys) + 1), sorter=(order := np.argsort(codes, kind="stable")))
    return Indexed(table, {key: n for n, key in enumerate(keys)}, order, starts)


def wide(rows: pd.DataFrame, bands: dict[int, tuple[float, float]]) -> pd.DataFrame:
    """A row a mean, the quantiles of each band beside it.

    Args:
        rows: Forecasts of one model. bands: width in percent -> its two quantile levels.

    Returns:
        DataFrame[area, category, month, mean, low<band>, high<band> ...], sorted by the first three; a quantile that
        was not issued is null.
    """
    key, shape, names = [], [], {}
    for name in ("area", "category", "month"):
        codes, names[name] = pd.factorize(rows[name], sort=True)
        key.append(codes)
        shape.append(max(1, len(names[name])))
    cell = np.ravel_multi_index(key, shape) if len(rows) else np.zeros(0, dtype=int)
    predicted = rows["predicted"].to_numpy(float)
    means = np.flatnonzero(rows["output"] == "mean")
    means = means[np.argsort(cell[means], kind="stable")]
    asked = cell[means]
    found: dict[str, Any] = {name: names[name].take(codes[means]) for name, codes in zip(names, key, strict=True)}
    found["mean"] = predicted[means]
    level, levels_known = pd.factorize(rows["level"].where(rows["output"] == "quantile").to_numpy(float))
    place = np.full(np.prod(shape), -1)
    for band, levels in bands.items():
        for name, wanted in zip(("low", "high"), levels, strict=True):
            chosen = np.flatnonzero(np.append(np.isclose(levels_known, wanted), False)[level])
            place[:] = -1
            place[cell[chosen]] = chosen
            at = place[asked]
            found[f"{name}{band}"] = np.where(at >= 0, predicted[at], np.nan)
    return pd.DataFrame(found).astype({"area": "str", "category": "str"})
