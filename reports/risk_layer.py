"""RiskMaterial -> GeoJSON (RFC 7946, EPSG:4326): a point an estate, with its place on the list of all estates."""

import json
from typing import Any

import pandas as pd

from reports.risk_material import RiskMaterial


def render(material: RiskMaterial) -> bytes:
    """One feature an estate that has a point; `without_point` counts the others.

    Properties: estate, name, area, area_name, rank, score, grade, grade_name, expected, low, high, in_top, reason_1,
    reason_2, reason_3; one that is unknown is left out. Degrees have six digits, about 0.1 m.
    """
    rows = material.listed()
    there = rows[rows["lon"].notna() & rows["lat"].notna()]
    features = [_feature(row, material) for row in there.to_dict("records")]
    collection = {"type": "FeatureCollection", "without_point": len(rows) - len(there), "features": features}
    return json.dumps(collection, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _feature(row: dict[Any, Any], material: RiskMaterial) -> dict[str, Any]:
    plain = {name: row[name] for name in ("estate", "name", "area", "area_name", "rank")}
    figures = {name: _rounded(row[name]) for name in ("score", "expected", "low", "high", "in_top")}
    reasons = {f"reason_{n}": reason for n, reason in enumerate(row["reasons"], start=1)}
    grade = {"grade": row["grade"], "grade_name": material.words.grade(row["grade"])}
    point = {"type": "Point", "coordinates": [round(row["lon"], 6), round(row["lat"], 6)]}
    told = {name: value for name, value in (plain | figures | grade | reasons).items() if not _unknown(value)}
    return {"type": "Feature", "id": row["estate"], "geometry": point, "properties": told}


def _rounded(value: float) -> float | int:
    """Two digits; a whole number without a point."""
    short = round(value, 2)
    return int(short) if short == short // 1 else short


def _unknown(value: Any) -> bool:
    return bool(pd.isna(value)) or value == ""
