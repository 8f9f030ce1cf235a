"""Tables of a run -> open layers: GeoJSON of tasks and estates, and any GeoJSON as GeoPackage (EPSG:4326).

Every layer is made as GeoJSON first and turned into GeoPackage from there, so that both say the same. Degrees have
six digits (0.1 m) and outlines are not simplified: New York's 59 boards are 190 kB, which every tool opens at once,
and a simplified outline would leave gaps between neighbours.
"""

import io
import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from reports.material import geometry

TASK_FIELDS = (
    "task_id", "rank", "fate", "area", "area_name", "street_name", "category", "category_name", "action",
    "lead_party", "start_by", "window_start", "window_end", "expected_requests", "low", "high", "normal", "last_year",
    "preventable", "crew_days", "risk_grade",
)  # fmt: skip
ESTATE_FIELDS = ("category", "score", "grade", "expected", "low", "high", "months", "in_top", "model")


def areas(table: pd.DataFrame) -> bytes:
    """GeoJSON of the tree of areas alone: area, name, level, parent and outline; no count."""
    rows = (
        (row["geometry"], {name: row[name] for name in ("area", "name", "level", "parent")})
        for row in table.to_dict("records")
    )
    return _collection((None if _unknown(wkb) else geometry(wkb), told) for wkb, told in rows)


def tasks(workplan: pd.DataFrame, areas: pd.DataFrame, estates: pd.DataFrame) -> bytes:
    """GeoJSON of the work plan: a point a task, at its estate, else within its area; null without either."""
    there = estates[estates["lon"].notna() & estates["lat"].notna()]
    points = zip(there["estate"], there["lon"].tolist(), there["lat"].tolist(), strict=True)
    at = {estate: _point(lon, lat) for estate, lon, lat in points}
    within = {
        area: _inside(wkb) for area, wkb in zip(areas["area"], areas["geometry"], strict=True) if not _unknown(wkb)
    }
    return _collection(
        (at.get(row["estate"]) or within.get(row["area"]), {name: row[name] for name in TASK_FIELDS})
        for row in workplan.to_dict("records")
    )


def estates(risk: pd.DataFrame, estates: pd.DataFrame) -> bytes:
    """GeoJSON of the scores of estates: a point an estate and category; null for an estate without coordinates."""
    rows = risk.merge(estates[["estate", "name", "area", "lon", "lat"]], on="estate")
    rows = rows.sort_values(["category", "score", "estate"], ascending=[True, False, True])
    return _collection(
        (
            None if _unknown(row["lon"]) or _unknown(row["lat"]) else _point(row["lon"], row["lat"]),
            {name: row[name] for name in ("estate", "name", "area", *ESTATE_FIELDS)},
        )
        for row in rows.to_dict("records")
    )


def geopackage(geojson: bytes, layer: str, day: pd.Timestamp) -> tuple[bytes, int]:
    """The features of a GeoJSON that have a place, as the one layer of a GeoPackage.

    Args:
        geojson: a FeatureCollection.
        layer: name of the layer.
        day: stands in the file as its time of change, so that the same material gives the same bytes.

    Returns:
        The file, and how many features without a place were left out.
    """
    import geopandas
    import pyogrio
    from shapely.geometry import shape

    features = json.loads(geojson)["features"]
    placed = [feature for feature in features if feature["geometry"]]
    names = list(dict.fromkeys(name for feature in features for name in feature["properties"]))
    table = {name: [feature["properties"].get(name) for feature in placed] for name in names}
    frame = geopandas.GeoDataFrame(
        table, geometry=[shape(feature["geometry"]) for feature in placed], crs="EPSG:4326"
    )
    buffer = io.BytesIO()
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day:%Y-%m-%d}T00:00:00.000Z"})
    try:
        kinds = set(frame.geom_type)
        kind = next(iter(kinds)) if len(kinds) == 1 else "Unknown" if kinds else "Point"
        pyogrio.write_dataframe(frame, buffer, driver="GPKG", layer=layer, geometry_type=kind)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return buffer.getvalue(), len(features) - len(placed)


def _collection(rows: Iterable[tuple[dict[str, Any] | None, dict[Any, Any]]]) -> bytes:
    features = [
        {"type": "Feature", "geometry": place, "properties": {name: _plain(value) for name, value in told.items()}}
        for place, told in rows
    ]
    without = sum(feature["geometry"] is None for feature in features)
    found = {"type": "FeatureCollection", "without_geometry": without, "features": features}
    return json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if _unknown(value):
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return round(value, 2) if isinstance(value, float) else value


def _point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}


def _inside(wkb: bytes) -> dict[str, Any]:
    import shapely

    point = shapely.from_wkb(wkb).representative_point()
    return _point(point.x, point.y)


def _unknown(value: Any) -> bool:
    return bool(pd.isna(value))
