"""Areas + forecasts -> GeoJSON (RFC 7946, EPSG:4326) with the requests expected in each area."""

import json
from typing import Any

import pandas as pd

from forecast.tables import ALL
from reports.material import Coming, Material, geometry


def render(material: Material) -> bytes:
    """One feature an area, whole city included; an area without a polygon has a null geometry.

    Properties: area, name, level, parent; months_from, months_to; expected, low, high (80 % intervals of the
    months added up), last_year (null when not covered in full); by_<category>: expected requests.
    """
    parts = material.coming[material.coming["category"] != ALL]
    by_category: dict[str, dict[str, float]] = {}
    for area, category, expected in zip(*(parts[name] for name in ("area", "category", "expected")), strict=True):
        if not pd.isna(expected):
            by_category.setdefault(area, {})[f"by_{category}"] = round(expected, 1)
    features = [_feature(row, material, by_category.get(str(row.area), {})) for row in material.areas.itertuples()]
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _feature(row: Any, material: Material, by_category: dict[str, float]) -> dict[str, Any]:
    properties = {"area": row.area, "name": row.name, "level": row.level, "parent": _or_null(row.parent)}
    coming = material.coming_of(row.area)
    if coming is not None:
        properties |= _figures(coming)
    properties |= by_category
    shape = None if _or_null(row.geometry) is None else geometry(row.geometry)
    return {"type": "Feature", "id": row.area, "geometry": shape, "properties": properties}


def _figures(coming: Coming) -> dict[str, Any]:
    span = {"months_from": f"{coming.first:%Y-%m}", "months_to": f"{coming.last:%Y-%m}"}
    counts = {
        "expected": coming.expected,
        "low": coming.low,
        "high": coming.high,
        "last_year": coming.last_year if coming.complete else None,
    }
    return span | {name: None if pd.isna(value) else round(value, 1) for name, value in counts.items()}


def _or_null(value: Any) -> Any:
    return None if pd.isna(value) else value
