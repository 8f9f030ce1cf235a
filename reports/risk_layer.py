"""RiskMaterial -> GeoJSON (RFC 7946, EPSG:4326): a point an estate, with its place on the list of all estates."""

import json
from typing import Any

import pandas as pd

from reports.risk_material import RiskMaterial


def render(material: RiskMaterial) -> bytes:
    """One feature an estate that has a point; `without_point` counts the others.

    Properties: estate, name, area, area_name, rank, score, grade, grade_name, expected, low, high (null where not
    foretold), in_top, reason_1, reason_2, reason_3.
    """
    rows = material.listed()
    there = rows[rows["lon"].notna() & rows["lat"].notna()]
    features = [_feature(row, material) for row in there.to_dict("records")]
    collection = {"type": "FeatureCollection", "without_point": len(rows) - len(there), "features": features}
    return json.dumps(collection, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _feature(row: dict[Any, Any], material: RiskMaterial) -> dict[str, Any]:
    plain = {name: _or_null(row[name]) for name in ("estate", "name", "area", "area_name", "rank")}
    figures = {name: _rounded(row[name]) for name in ("score", "expected", "low", "high", "in_top")}
    reasons = {f"reason_{n}": reason for n, reason in enumerate(row["reasons"], start=1)}
    grade = {"grade": row["grade"], "grade_name": material.words.grade(row["grade"])}
    point = {"type": "Point", "coordinates": [round(row["lon"], 6), round(row["lat"], 6)]}
    return {
        "type": "Feature",
        "id": row["estate"],
        "geometry": point,
        "properties": plain | figures | grade | reasons,
    }


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else round(value, 2)


def _or_null(value: Any) -> Any:
    return None if pd.isna(value) else value
