"""Cells + what lies in what -> the sums over areas and categories, so that every level adds up.

Bottom-up: means of sums are sums of means. Their spread is calibrated on past sums, not added.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from forecast.tables import ALL


@dataclass(frozen=True)
class Summing:
    """What adds up to what.

    nodes: (U rows) area, category (or ALL); matrix: (U, n) of 0 and 1; leaf: (n,) False for a cell whose key
    belongs to a node: orders placed on a street itself, not on a community, are part of the street's total.
    """

    nodes: pd.DataFrame
    matrix: sparse.csr_array
    leaf: np.ndarray


def summing(cells: pd.DataFrame, ancestors: pd.DataFrame) -> Summing:
    """Sums of cells: each ancestor x category, and each area and ancestor x ALL.

    Args:
        cells: (n rows) area, category.
        ancestors: [area, ancestor], every area of the cells with each area above it; an area with itself may
            or may not be in it. An area that is not in it adds up to nothing but itself.

    Returns:
        Summing; nodes sorted by area, then category.

    Source: the summing matrix of Hyndman et al. 2011, Optimal combination forecasts for hierarchical time
    series, §2, for areas crossed with categories.
    """
    cell = cells[["area", "category"]].assign(cell=np.arange(len(cells)))
    above = _above(ancestors)
    up = cell.merge(above, on="area")[["ancestor", "category", "cell"]].rename(columns={"ancestor": "area"})
    is_leaf = leaf(cells, ancestors)
    own = cell[~is_leaf]
    every = pd.concat([cell, up]).assign(category=ALL)
    parts = pd.concat([up, own, every]).sort_values(["area", "category", "cell"], ignore_index=True)
    number = parts.groupby(["area", "category"], sort=True).ngroup().to_numpy()
    nodes = parts[["area", "category"]].drop_duplicates(ignore_index=True)
    entries = (np.ones(len(parts)), (number, parts["cell"].to_numpy()))
    matrix = sparse.csr_array(entries, shape=(len(nodes), len(cells)))
    return Summing(nodes, matrix, is_leaf)


def leaf(cells: pd.DataFrame, ancestors: pd.DataFrame) -> np.ndarray:
    """(n,) False for the cells of areas that lie above those of others; arguments as for `summing`."""
    above = _above(ancestors)
    over = above.loc[above["area"].isin(cells["area"]), "ancestor"]
    leaves: np.ndarray = ~cells["area"].isin(over).to_numpy()
    return leaves


def _above(ancestors: pd.DataFrame) -> pd.DataFrame:
    return ancestors.loc[ancestors["area"] != ancestors["ancestor"], ["area", "ancestor"]].drop_duplicates()


def add(sums: Summing, x: np.ndarray) -> np.ndarray:
    """Totals (..., U, H) of figures of cells (..., n, H)."""
    flat = x.reshape(-1, *x.shape[-2:])
    total = np.stack([sums.matrix @ part for part in flat]) if len(flat) else np.empty((0, *_shape(sums, x)))
    return total.reshape(*x.shape[:-2], *_shape(sums, x))


def add_covered(sums: Summing, mean: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Totals of forecasts and of what came over the same cells: those forecast and covered, NaN where none is.

    Args:
        sums: what adds up to what.
        mean: (..., n, H) with NaN where a cell was not forecast.
        actual: (..., n, H) with NaN where it was not covered or is not yet known.

    Returns:
        Two arrays (..., U, H).
    """
    both = ~np.isnan(mean) & ~np.isnan(actual)
    none = add(sums, both.astype(float)) == 0
    total, came = add(sums, np.where(both, mean, 0.0)), add(sums, np.where(both, actual, 0.0))
    total[none] = came[none] = np.nan
    return total, came


def _shape(sums: Summing, x: np.ndarray) -> tuple[int, int]:
    return len(sums.nodes), x.shape[-1]
