"""Material -> what the map shows: figures by place, category and span of months, colour classes, outlines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from reports.charts import CLASSES
from reports.material import Material, geometry
from reports.texts import Words, whole

DRAWN = 2_000
"""Communities on a map; of more, their streets are drawn."""

TILED = 600
"""Communities as tiles, where nothing has an outline."""

ROOM = 500_000
"""Place x category x span figures a page has room for: about 5 MB."""

OUTLINES = 1_500_000
"""Characters of all outlines together."""

DIGITS = 5
TOLERANCES = (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01)
"""Degrees an outline may stray when the map is too large: up to about 1 km."""


@dataclass(frozen=True, eq=False)
class Places:
    """level: "community" or "street". codes: the places. spans: months of each span; the first is all of `ahead`.

    expected, low, high: (spans, categories, places) whole requests, NaN = not known. last_year: (categories,
    places), of the first span. shapes: outline (WKB) by code.
    """

    level: str
    codes: list[str]
    spans: list[pd.DatetimeIndex]
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    last_year: np.ndarray
    shapes: dict[str, bytes]


def find(material: Material, categories: list[str], tiled: int = TILED) -> Places:
    """Communities, or streets where communities are too many; as many months as there is room for.

    tiled: communities as tiles, where nothing has an outline.
    """
    communities = list(material.street_of)
    shapes = dict(material.areas.dropna(subset=["geometry"])[["area", "geometry"]].itertuples(index=False, name=None))
    drawn = any(community in shapes for community in communities)
    level = "street" if len(communities) > (DRAWN if drawn else tiled) else "community"
    if level == "street":
        shapes = {**_joined(material, shapes), **shapes}
    coming = material.coming[material.coming["category"].isin(categories)]
    known = set(coming["area"])
    codes = [code for code in (communities if level == "community" else _parents(material)) if code in known]
    room = max(0, ROOM // max(1, len(codes) * len(categories)) - 1)
    months = sorted(material.outlook["month"].unique())[:room] if codes else []
    spans = [material.ahead, *(pd.DatetimeIndex([month]) for month in months if len(material.ahead) > 1)]
    cubes = _cubes(material, coming, categories, codes, spans)
    return Places(level, codes, spans, *cubes, {code: shapes[code] for code in codes if code in shapes})


def named(material: Material, codes: list[str]) -> list[list[str]]:
    """Name of each place and of what it lies in."""
    parent = dict(zip(material.areas["area"], material.areas["parent"], strict=True))
    names = material.area_names
    return [[names.get(code, code), names.get(parent.get(code) or "", "")] for code in codes]


def cuts(places: Places) -> list[list[list[int]]]:
    """By kind of span (the first; single months) and category: whole numbers that part the colour classes.

    All single months share theirs, so that a colour means the same in each.
    """
    kinds = (places.expected[:1], places.expected[1:])
    return [[_cuts(kind[:, c]) for c in range(places.expected.shape[1])] if len(kind) else [] for kind in kinds]


def features(places: Places) -> list[dict[str, Any] | None]:
    """GeoJSON geometry of each place, null without an outline; simplified until all are small enough."""
    found: list[dict[str, Any] | None] = []
    for tolerance in TOLERANCES:
        found = [
            geometry(places.shapes[code], DIGITS, tolerance, clockwise=True) if code in places.shapes else None
            for code in places.codes
        ]
        if sum(len(str(shape)) for shape in found) <= OUTLINES:
            break
    return found


def payload(material: Material, places: Places, words: Words) -> dict[str, Any]:
    """What the script of the page draws."""
    return {
        "names": named(material, places.codes),
        "spans": spans(places, words),
        "place": words(f"place.{places.level}"),
        "e": _numbers(places.expected),
        "l": _numbers(places.low),
        "h": _numbers(places.high),
        "y": _numbers(places.last_year),
        "cuts": cuts(places),
        "shapes": features(places) if places.shapes else [],
    }


def spans(places: Places, words: Words) -> list[str]:
    """The spans in words; none without a place."""
    return [words.months(span[0], span[-1]) for span in places.spans] if places.codes else []


def sentence(places: Places, words: Words) -> str:
    """What the map shows, in words."""
    if not places.codes:
        return words("map.none")
    said = words("map.sentence" if places.shapes else "map.tiles", place=words(f"place.{places.level}"))
    return said + (words("map.streets") if places.level == "street" else "")


def missing(places: Places, words: Words) -> str:
    """How many places the map cannot draw."""
    count = len(places.codes) - len(places.shapes)
    return words("map.missing", n=count, place=words(f"place.{places.level}")) if places.shapes and count else ""


def _parents(material: Material) -> list[str]:
    return list(dict.fromkeys(material.street_of.values()))


def _joined(material: Material, shapes: dict[str, bytes]) -> dict[str, bytes]:
    """Outline of each street from those of its communities."""
    import shapely

    parts: dict[str, list[bytes]] = {}
    for community, street in material.street_of.items():
        if street not in shapes and community in shapes:
            parts.setdefault(street, []).append(shapes[community])
    return {
        street: shapely.to_wkb(shapely.union_all(shapely.make_valid(shapely.from_wkb(found))))
        for street, found in parts.items()
    }


def _cubes(
    material: Material, coming: pd.DataFrame, categories: list[str], codes: list[str], spans: list[pd.DatetimeIndex]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """expected, low, high and last_year of Places."""
    shape = (len(spans), len(categories), len(codes))
    cube = {name: np.full(shape, np.nan) for name in ("expected", "low", "high", "last_year")}
    rows = coming[coming["area"].isin(codes)]
    at = (
        pd.Index(categories).get_indexer(pd.Index(rows["category"])),
        pd.Index(codes).get_indexer(pd.Index(rows["area"])),
    )
    for name, values in cube.items():
        values[0][at] = _rounded(rows[name])
    ahead = material.outlook[material.outlook["area"].isin(codes) & material.outlook["category"].isin(categories)]
    ahead = ahead.rename(columns={"mean": "expected", "low80": "low", "high80": "high"})
    of_month = {span[0]: n for n, span in enumerate(spans) if n}
    ahead = ahead[ahead["month"].isin(list(of_month))]
    where = (
        ahead["month"].map(of_month).to_numpy(int),
        pd.Index(categories).get_indexer(pd.Index(ahead["category"])),
        pd.Index(codes).get_indexer(pd.Index(ahead["area"])),
    )
    for name in ("expected", "low", "high"):
        cube[name][where] = _rounded(ahead[name])
    return cube["expected"], cube["low"], cube["high"], cube["last_year"][0]


def _cuts(values: np.ndarray) -> list[int]:
    """Rising whole numbers that part the values into at most CLASSES groups of similar size."""
    known = values[~np.isnan(values)]
    edges = np.quantile(known, np.arange(1, CLASSES) / CLASSES) if known.size else np.array([])
    return sorted({_round_cut(float(edge)) for edge in edges} - {0})


def _round_cut(cut: float) -> int:
    """A cut of two digits at most."""
    size = 10 ** max(0, len(str(whole(cut))) - 2)
    return whole(cut / size) * size


def _rounded(values: pd.Series) -> np.ndarray:
    """Whole requests, rounded half up; NaN stays."""
    return np.floor(values.to_numpy(float) + 0.5)


def _numbers(values: np.ndarray) -> Any:
    """Nested lists of whole numbers, null for NaN."""
    if values.ndim > 1:
        return [_numbers(part) for part in values]
    return [None if value != value else int(value) for value in values.tolist()]
