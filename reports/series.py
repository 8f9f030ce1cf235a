"""Material -> the lines a page draws: what came, what is expected with intervals, what was expected a year ago."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from forecast.tables import ALL, UNCLASSIFIED
from reports.material import BANDS, Coming, Material
from reports.past import sums
from reports.texts import whole

HISTORY_MONTHS = 36
YEAR = 12
CATEGORIES = 40
"""Categories a page offers, the largest."""

LINES = 12_000
"""Lines a page has room for: about 5 MB."""

FIGURES = ("mean", *(f"{end}{band}" for band in BANDS for end in ("low", "high")))

Number = float | int | None


class Line(NamedTuple):
    """One area and category: a number a month, oldest first; None = not known.

    past: up to HISTORY_MONTHS up to the origin. ahead: FIGURES of each month after. before: what was expected, as
    issued a year ago, for the last YEAR months of `past`; empty without it. said: expected, low, high, last_year,
    same, communities, complete of the Coming, whole; empty without it.
    """

    area: str
    category: str
    past: list[Number]
    ahead: list[Number]
    before: list[Number]
    said: list[Number]


def choices(material: Material) -> list[str]:
    """ALL, then the categories with most requests ahead."""
    coming = material.coming[material.coming["area"] == material.root]
    coming = coming[~coming["category"].isin([ALL, UNCLASSIFIED])].sort_values(
        "expected", ascending=False, kind="stable"
    )
    return [ALL, *coming["category"].head(CATEGORIES)]


def months(material: Material) -> pd.DatetimeIndex:
    """The months of `Line.past`: as many as there are, HISTORY_MONTHS at most."""
    return material.past.months[-HISTORY_MONTHS:]


def wanted(material: Material, categories: list[str]) -> list[tuple[str, str]]:
    """Areas and categories that get a line, LINES at most.

    The city, its districts and streets come first, then cells with a task, then all requests of each community, then
    what is largest.
    """
    forecast = material.coming[material.coming["category"].isin(categories)]
    levels = material.areas.set_index("area")["level"]
    above = forecast[forecast["area"].map(levels) != "community"]
    below = forecast[forecast["area"].map(levels) == "community"]
    place = {level: n for n, level in enumerate(("city", "district", "street"))}
    order = above["area"].map(levels).map(place).fillna(len(place))
    above = above.assign(order=order).sort_values(["order", "expected"], ascending=[True, False], kind="stable")
    tasks = material.workplan.sort_values("rank")[["area", "category"]].itertuples(index=False, name=None)
    known = set(_pairs(below))
    largest = below.sort_values("expected", ascending=False, kind="stable")
    found = [
        *_pairs(above),
        *(cell for cell in tasks if cell in known),
        *_pairs(largest[largest["category"] == ALL]),
        *_pairs(largest.head(LINES)),
    ]
    return list(dict.fromkeys(found))[:LINES]


def lines(material: Material, chosen: list[tuple[str, str]]) -> list[Line]:
    """The line of each chosen area and category."""
    past, ahead, before = _past(material, chosen), _ahead(material, chosen), _before(material, chosen)
    return [
        Line(*cell, past.get(cell, []), ahead.get(cell, []), before.get(cell, []), _said(material.coming_of(*cell)))
        for cell in chosen
    ]


def _pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["area"], rows["category"], strict=True))


def _said(coming: Coming | None) -> list[Number]:
    if coming is None:
        return []
    figures = (coming.expected, coming.low, coming.high, coming.last_year, coming.same)
    return [*map(_whole, figures), _whole(coming.communities), int(coming.complete)]


def _past(material: Material, chosen: list[tuple[str, str]]) -> dict[tuple[str, str], list[Number]]:
    known, width = material.past, len(months(material))
    if not width:
        return {}
    position = {str(category): n for n, category in enumerate([*known.categories, ALL])}
    found: dict[tuple[str, str], list[Number]] = {}
    unknown = np.full(width, np.nan)
    for area, group in pd.DataFrame(chosen, columns=["area", "category"]).groupby("area", sort=False):
        counts = sums(known.counts[material.below.get(str(area), []), :, -width:])
        for category in group["category"]:
            row = counts[position[category]] if category in position else unknown
            found[str(area), str(category)] = [None if value != value else int(value) for value in row.tolist()]
    return found


def _ahead(material: Material, chosen: list[tuple[str, str]]) -> dict[tuple[str, str], list[Number]]:
    rows = _only(material.outlook, chosen)
    order = rows.sort_values(["area", "category", "month"], kind="stable")
    figures = [[_number(value) for value in row] for row in order[list(FIGURES)].to_numpy(float).tolist()]
    found: dict[tuple[str, str], list[Number]] = {}
    for cell, row in zip(_pairs(order), figures, strict=True):
        found.setdefault(cell, []).extend(row)
    length = len(FIGURES) * material.outlook["month"].nunique()
    return {cell: row for cell, row in found.items() if len(row) == length}


def _before(material: Material, chosen: list[tuple[str, str]]) -> dict[tuple[str, str], list[Number]]:
    span = months(material)[-YEAR:]
    rows = _only(material.year_before, chosen)
    rows = rows[rows["month"].isin(span)]
    found: dict[tuple[str, str], list[Number]] = {}
    at = span.get_indexer(pd.DatetimeIndex(rows["month"]))
    for cell, n, value in zip(_pairs(rows), at, rows["predicted"], strict=True):
        found.setdefault(cell, [None] * len(span))[n] = _number(value)
    return found


def _only(rows: pd.DataFrame, chosen: list[tuple[str, str]]) -> pd.DataFrame:
    keys = pd.DataFrame(chosen, columns=["area", "category"])
    rows = rows[rows["area"].isin(keys["area"]) & rows["category"].isin(keys["category"])]
    return rows.merge(keys, on=["area", "category"])


def _number(value: float) -> Number:
    """One decimal below a hundred, so that small lines are smooth and large ones short."""
    if value != value:
        return None
    rounded = round(float(value), 1) if abs(value) < 100 else whole(float(value))
    return int(rounded) if rounded == int(rounded) else rounded


def _whole(value: float) -> int | None:
    return None if pd.isna(value) else whole(float(value))
