"""Years + places + terms -> Prior: what is expected of an estate before its own record is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast.risk._terms import Fit, Term, again, fit, gain_of, shape_of
from forecast.risk._years import Years

Array = np.ndarray

LEAST_GROUPS = 3
"""Groups from which a spread between them can be told."""

NEIGHBOURS = 40
BANDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Widths of the kernel, in units of the usual distance to the eighth neighbour."""

STRENGTHS = (0.5, 2.0, 5.0, 15.0, 50.0, 150.0)
"""Expected incidents by which a neighbourhood is drawn towards what was expected of it."""

LOUDEST = 0.99
"""Of the estates with incidents: ratios above this quantile are cut when neighbours are judged by them."""

SOUND = 6.63
"""Twice the gain in log-likelihood that a step must bring: the 1 % point of chi-squared with 1 degree."""

ROUNDS = 3
"""Turns between attributes and places."""


@dataclass(frozen=True)
class Places:
    """Where estates lie.

    groups: level -> (n,) code of the group, -1 = none. near: (n, k) positions of the nearest estates, distance:
    (n, k) in units of the usual one, infinite where there is none.
    """

    groups: dict[str, Array]
    near: Array
    distance: Array

    @property
    def wider(self) -> "Places":
        """Without the narrowest level and the nearest estates."""
        return Places(dict(list(self.groups.items())[:-1]), self.near[:, :0], self.distance[:, :0])

    @property
    def narrowest(self) -> Array | None:
        return list(self.groups.values())[-1] if self.groups else None


@dataclass(frozen=True)
class Prior:
    """steps: name -> (n,) yearly incidents per exposure after each step towards the estate.

    shape: of the gamma of a year's rates around the last one. fit: of the attributes, None where they tell nothing
    sound; the steps up to `told` are theirs. shape_told: of the gamma around that step.
    """

    steps: dict[str, Array]
    shape: float
    fit: Fit | None
    told: str
    shape_told: float

    @property
    def rate(self) -> Array:
        return list(self.steps.values())[-1]

    def only(self, rows: Array) -> "Prior":
        """That of some estates. rows: positions."""
        return replace(self, steps={name: rate[rows] for name, rate in self.steps.items()})


def build(years: Years, memory: float, places: Places, terms: Sequence[Term]) -> Prior:
    """City, then attributes, then each level of places, then the nearest estates.

    Attributes and the wider levels are fitted in turns, each given the other. What estates of the narrowest level
    have in common is left to the intervals of the effects, as places fitted there would make them too short. The
    latest year has full weight here, or counts would look too even.
    """
    seen, size = years.discounted(memory ** (years.age - years.age[0]))
    known = size > 0
    city = np.full(len(seen), max(seen.sum(), 0.5) / size.sum())
    if not seen.sum():
        return Prior({"city": city}, 1.0, None, "city", 1.0)
    found = fit(terms, seen, city * size, places.narrowest)
    for _ in range(ROUNDS - 1):
        if found is None:
            break
        at = city * found.factor
        place = list(_place_steps(seen, size, at, places.wider).values())[-1] / at
        found = again(found, seen, city * place * size, places.narrowest)
    told = {"city": city}
    for name, part in (found.parts if found else {}).items():
        told[name] = list(told.values())[-1] * np.exp(part)
    name, rate = list(told.items())[-1]
    rate = told[name] = rate * seen.sum() / (rate * size).sum() if found else rate
    steps = _place_steps(seen, size, rate, places)
    shape_told = shape_of(seen[known], (rate * size)[known])
    steps = told | {level: at for level, at in steps.items() if level != "start"}
    rate = list(steps.values())[-1]
    shape = shape_of(seen[known], (rate * size)[known])
    return Prior(steps, shape, found, name, shape_told)


def _place_steps(seen: Array, size: Array, rate: Array, places: Places) -> dict[str, Array]:
    """start, then each level, then near -> (n,) rate."""
    known = size > 0
    steps = {"start": rate}
    for name, codes in places.groups.items():
        shape = shape_of(seen[known], (rate * size)[known])
        rate = rate * _ratios(seen, rate * size, shape, codes)
        rate = rate * seen.sum() / (rate * size).sum()
        steps[name] = rate
    ratio = _near(seen, rate * size, places)
    if ratio is not None:
        steps["near"] = rate * ratio * seen.sum() / (rate * ratio * size).sum()
    return steps


def _near(seen: Array, expected: Array, places: Places) -> Array | None:
    """(n,) incidents of the neighbours ÷ what was expected of them, drawn towards 1; None where it tells nothing.

    The estate itself is left out, so width and strength are chosen by how well neighbours foretell it. A single
    loud neighbour is cut.

    Source: kernel-weighted local likelihood, Tibshirani & Hastie 1987; leave-one-out choice, Stone 1974.
    """
    known = expected > 0
    loud = (seen > 0) & known
    if places.near.shape[1] == 0 or loud.sum() < LEAST_GROUPS:
        return None
    cut = np.minimum(seen, np.quantile(seen[loud] / expected[loud], LOUDEST) * expected)
    shape = shape_of(seen[known], expected[known])
    best, chosen = SOUND / 2, None
    cuts, usuals = cut[places.near], expected[places.near]
    for band in BANDS:
        weight = np.exp(-places.distance / band)
        about, usual = (np.einsum("nk,nk->n", weight, figure) for figure in (cuts, usuals))
        for strength in STRENGTHS:
            ratio = (strength + about) / (strength + usual)
            level = seen.sum() / (ratio @ expected)
            gain = gain_of(seen[known], expected[known], level * ratio[known], shape)
            if gain > best:
                best, chosen = gain, ratio
    return chosen


def _ratios(seen: Array, expected: Array, shape: float, codes: Array) -> Array:
    """(n,) rate of the group of each estate ÷ what was expected of it, drawn towards 1; 1 without a group."""
    grouped = codes >= 0
    number = int(codes.max(initial=-1)) + 1
    total = np.bincount(codes[grouped], expected[grouped], number)
    usable = total > 0
    if usable.sum() < LEAST_GROUPS:
        return np.ones(len(seen))
    total = np.where(usable, total, 1.0)
    ratio = np.bincount(codes[grouped], seen[grouped], number) / total
    noise = 1 / total + np.bincount(codes[grouped], expected[grouped] ** 2, number) / (shape * total**2)
    between = _between(ratio[usable], noise[usable])
    drawn = np.where(usable, 1 + between / (between + noise) * (ratio - 1), 1.0)
    return np.where(grouped, drawn[codes], 1.0)


def _between(ratio: Array, noise: Array) -> float:
    """Variance between groups beyond noise. Source: Paule & Mandel 1982, by bisection."""

    def excess(variance: float) -> float:
        weight = 1 / (variance + noise)
        middle = (weight * ratio).sum() / weight.sum()
        return float((weight * (ratio - middle) ** 2).sum() - (len(ratio) - 1))

    low, high = 0.0, float(ratio.var() * len(ratio)) + 1.0
    if excess(0.0) <= 0:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low


def locate(levels: Sequence[str], near: bool, estates: pd.DataFrame, areas: pd.DataFrame) -> Places:
    """Groups by zone or level of area, and the nearest estates by lon and lat. Levels that tell no estates apart
    are left out."""
    index = areas.set_index("area")
    found: dict[str, Array] = {}
    for name in levels:
        if name == "zone":
            group = estates["zone"].fillna(estates["area"].map(index["zone"]).astype("str"))
        else:
            group = above(estates["area"], index, name)
        codes, values = pd.factorize(group)
        if len(values) >= LEAST_GROUPS and not any(np.array_equal(codes, other) for other in found.values()):
            found[name] = codes
    nothing = np.empty((len(estates), 0))
    return Places(found, *(_nearest(estates) if near else (nothing.astype(int), nothing)))


def _nearest(estates: pd.DataFrame) -> tuple[Array, Array]:
    """(n, k) positions and distances of the nearest estates; the distances are infinite without a point."""
    from scipy.spatial import cKDTree

    lon, lat = (estates[name].to_numpy(dtype=float) for name in ("lon", "lat"))
    placed = np.flatnonzero(~np.isnan(lon + lat))
    count = min(NEIGHBOURS, len(placed) - 1)
    if count < 1:
        nothing = np.empty((len(lon), 0))
        return nothing.astype(int), nothing
    points = np.column_stack([lon[placed] * np.cos(np.radians(lat[placed].mean())), lat[placed]])
    distance, position = cKDTree(points).query(points, count + 1)
    itself = position == np.arange(len(placed))[:, None]
    itself[~itself.any(axis=1), -1] = True  # more than k estates at one point
    rest = (~itself).nonzero()[1].reshape(len(placed), count)
    distance, position = (np.take_along_axis(table, rest, axis=1) for table in (distance, position))
    usual = np.median(distance[:, min(7, count - 1)]) or 1.0
    near, far = np.zeros((len(lon), count), dtype=int), np.full((len(lon), count), np.inf)
    near[placed], far[placed] = placed[position], distance / usual
    return near, far


def above(area: pd.Series, index: pd.DataFrame, level: str) -> pd.Series:
    """The area of `level` that each one is or lies in."""
    here, found = area, pd.Series(index=area.index, dtype="str")
    while here.notna().any():
        found = found.fillna(here.where(here.map(index["level"]) == level))
        here = here.map(index["parent"]).astype("str")
    return found
