"""Means of models, split into factors -> what the issued mean is made of: factors that multiply to it.

A mean is `usual` (requests in a month that is like any other) times factors. An average of models, and a sum over
months or cells, is no product of factors; both are split by the logarithmic mean (LMDI), which leaves no rest and
gives the same whether cells are first summed over months or months over cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.tables import PARTS, Contributions, check, conform, empty

Array = np.ndarray

AS_ISSUED = 1e-12
"""Relative difference between a mean as combined and as issued that rounding may make."""


@dataclass(frozen=True)
class Wanted:
    """Which cells are explained: the `most` that expect most requests, those of the categories `first` before others.

    A model of trees needs about 0.1 ms for a cell and month: 20,000 cells a year ahead take half a minute.
    """

    most: int = 20_000
    first: tuple[str, ...] = ()

    def of(self, cells: pd.DataFrame, expected: Array) -> Array:
        """(k,) positions of the cells chosen, in order; `expected`: (n,) requests."""
        before = cells["category"].isin(self.first).to_numpy()
        return np.sort(np.lexsort((-expected, ~before))[: self.most])


@dataclass(frozen=True)
class Explained:
    """Means of a model, (n, H), and what is known of how it came to them in k chosen cells.

    logs: part -> (k, H); that of `level` is the log of requests a month, the others are logs of factors.
    rest: the part to which belongs what is left between their sum and the log of the mean.
    """

    means: Array
    logs: Mapping[str, Array]
    rest: str


def split(
    told: Mapping[str, Explained], weights: Mapping[str, float], usual: Array, cells: Array
) -> dict[str, Array]:
    """Factors of the weighted average of models over the usual requests.

    Args:
        told: model -> what it said; of those in `weights` alone.
        weights: model -> weight >= 0, not all 0.
        usual: (k,) requests a month > 0, for the chosen cells.
        cells: (k,) positions of the chosen cells.

    Returns:
        part -> (k, H) factors >= 0 whose product times `usual` is the average. An average of 0 has level 0.

    Source: Ang (2004), Decomposition analysis for policymaking in energy, Energy Policy 32, section 3 (LMDI-I), with
    the models as sectors; small values as in Ang & Liu (2007), Energy Policy 35, section 3.
    """
    total = sum(weights.values())
    base = np.broadcast_to(usual[:, None], (len(cells), next(iter(told.values())).means.shape[1]))
    mean, added = np.zeros(base.shape), {"level": np.zeros(base.shape)}
    for name, weight in weights.items():
        own, share = told[name], weight / total
        ahead = own.means[cells]
        scale, left = share * log_mean(ahead, base), share * (ahead - base)
        for part, log in own.logs.items():
            part_of_it = scale * (log - np.log(base) if part == "level" else log)
            added[part] = added.get(part, 0.0) + part_of_it
            left = left - part_of_it
        added[own.rest] = added.get(own.rest, 0.0) + left
        mean += share * ahead
    return _factors(added, mean, base, "level")


def table(
    cells: pd.DataFrame, months: pd.DatetimeIndex, origin: pd.Timestamp, parts: Mapping[str, Array]
) -> pd.DataFrame:
    """Contributions of k cells; `parts`: part -> (k, H), `usual` among them."""
    if cells.empty:
        return empty(Contributions)
    names = [part for part in PARTS if part in parts]
    figures = np.stack([parts[part] for part in names], axis=-1)
    cell, step, part = (index.ravel() for index in np.indices(figures.shape))
    frame = {
        "origin": origin,
        "area": cells["area"].astype("str").array.take(cell),
        "category": cells["category"].astype("str").array.take(cell),
        "month": months[step],
        "part": pd.array(names, dtype="str").take(part),
        "factor": figures.ravel(),
    }
    return check(Contributions, conform(Contributions, pd.DataFrame(frame)), "contributions")


def as_issued(parts: Mapping[str, Array], usual: Array, issued: Array) -> dict[str, Array]:
    """All parts of the issued means (k, H): `usual`, `parts`, and what adding up changed under `neighbours`."""
    base = np.broadcast_to(usual[:, None], issued.shape)
    product = base * np.prod(list(parts.values()), axis=0)
    whole = {"usual": base} | dict(parts)
    if np.allclose(product, issued, rtol=AS_ISSUED, atol=0):
        return whole
    lost = (product == 0) & (issued > 0)
    whole = {part: np.where(lost, 1.0, factor) if part != "usual" else factor for part, factor in whole.items()}
    product = np.where(lost, base, product)
    change = np.divide(issued, product, out=np.ones(issued.shape), where=product > 0)
    return whole | {"neighbours": whole.get("neighbours", 1.0) * change}


def summed(contributions: pd.DataFrame, key: str) -> pd.DataFrame:
    """Parts of sums of means: over the months of a window, over cells, or both.

    Args:
        contributions: Contributions with a further column `key`, the sum each row goes into.

    Returns:
        DataFrame, index `key`, one column a part: `usual` in requests, the others factors. Their product is the sum
        of the means.

    Source: as for `split`, with cells and months as sectors; LMDI-I is consistent in aggregation.
    """
    part, there = pd.factorize(contributions["part"])
    names = [name for name in PARTS[1:] if name in set(there)]
    place, keys = pd.factorize(contributions[key], sort=True)
    row = place
    for column in ("area", "category", "month"):  # groupby over texts takes ten times as long
        code, found = pd.factorize(contributions[column])
        row = pd.factorize(row * len(found) + code)[0]
    wide = np.ones((row.max(initial=-1) + 1, len(PARTS)))
    wide[row, np.array([PARTS.index(name) for name in there], dtype=int)[part]] = contributions["factor"]
    place = place[np.unique(row, return_index=True)[1]]
    base, factors = wide[:, 0], wide[:, [PARTS.index(name) for name in names]]
    mean = base * factors.prod(axis=1)
    scale, none = log_mean(mean, base), factors == 0
    logs = np.log(np.where(none, 1.0, factors))
    lost = np.divide(mean - base, none.sum(1), out=np.zeros(len(mean)), where=none.any(axis=1))
    added = np.where(none, lost[:, None], scale[:, None] * logs)
    usual, total = (np.bincount(place, x, len(keys)) for x in (base, mean))
    totals = {name: np.bincount(place, added[:, n], len(keys)) for n, name in enumerate(names)}
    parts = {"usual": usual} | _factors(totals, total, usual, names[0] if names else "level")
    return pd.DataFrame(parts, index=pd.Index(keys, name=key))


def log_mean(x: Array, y: Array) -> Array:
    """Logarithmic mean (x - y) / log(x / y) of figures >= 0: between the two, and 0 where one of them is."""
    some = (x > 0) & (y > 0)
    ratio = np.log(np.where(some, x, 1.0)) - np.log(np.where(some, y, 1.0))
    growth = np.divide(np.expm1(ratio), ratio, out=np.ones(ratio.shape), where=ratio != 0)
    return np.where(some, y * growth, 0.0)


def _factors(added: Mapping[str, Array], mean: Array, base: Array, zero: str) -> dict[str, Array]:
    """What each part adds to `base` on the way to `mean` -> the factor it stands for. A mean of 0 has `zero` 0."""
    scale = log_mean(mean, base)
    logs = {part: np.divide(x, scale, out=np.zeros(scale.shape), where=scale > 0) for part, x in added.items()}
    factors = {part: np.exp(log) for part, log in logs.items()}
    nothing = (mean == 0) & (base > 0)
    return {part: np.where(nothing & (part == zero), 0.0, factor) for part, factor in factors.items()}
