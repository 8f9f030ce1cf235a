import json
from io import BytesIO
from pathlib import Path

import geopandas
import pandas as pd
import pytest

from reports import layers, open_data
from tests.reports.sample import make

DAY = pd.Timestamp("2025-08-31")


def opened(content: bytes, folder: Path) -> geopandas.GeoDataFrame:
    (folder / "layer.gpkg").write_bytes(content)
    return geopandas.read_file(folder / "layer.gpkg")


def test_areas_read_back_with_the_same_rows(tmp_path: Path) -> None:
    source = layers.render(make())
    packed, without = open_data.geopackage(source, "areas", DAY)
    frame = opened(packed, tmp_path)
    features = json.loads(source)["features"]
    placed = [feature["properties"] for feature in features if feature["geometry"]]
    assert frame.crs.to_epsg() == 4326
    assert frame["area"].tolist() == [each["area"] for each in placed]
    assert frame["expected"].tolist() == [each["expected"] for each in placed]
    assert without == len(features) - len(placed) > 0
    assert frame.geometry.is_valid.all()


def test_tasks_stand_in_their_area_and_the_rest_is_counted(tmp_path: Path) -> None:
    material = make()
    homeless = material.areas.assign(
        geometry=material.areas["geometry"].where(material.areas["area"] != "110105001001")
    )
    source = open_data.tasks(material.workplan, homeless, material.estates)
    packed, without = open_data.geopackage(source, "tasks", DAY)
    frame = opened(packed, tmp_path)
    assert json.loads(source)["without_geometry"] == without
    assert len(frame) + without == len(material.workplan)
    assert set(frame.geom_type) == {"Point"}
    outlines = opened(open_data.geopackage(open_data.areas(material.areas), "a", DAY)[0], tmp_path).set_index("area")
    inside = [
        outlines.geometry[area].contains(point) for area, point in zip(frame["area"], frame.geometry, strict=True)
    ]
    assert all(inside)
    assert frame["start_by"].iloc[0] == f"{material.workplan['start_by'].iloc[0]:%Y-%m-%d}"


def test_estates_without_coordinates_are_counted(tmp_path: Path) -> None:
    material = make()
    place = material.estates.assign(lon=116.4, lat=39.9)
    place.loc[place.index[:3], "lon"] = None
    packed, without = open_data.geopackage(open_data.estates(material.risk, place), "estates", DAY)
    assert without == 3
    frame = opened(packed, tmp_path)
    assert len(frame) == len(material.risk) - 3
    assert frame.geometry.x.unique().tolist() == [116.4]


def test_the_layer_for_everybody_holds_the_tree_alone() -> None:
    features = json.loads(open_data.areas(make().areas))["features"]
    assert {name for feature in features for name in feature["properties"]} == {"area", "name", "level", "parent"}


def test_same_material_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    source = layers.render(make())
    first = open_data.geopackage(source, "areas", DAY)
    assert first == open_data.geopackage(source, "areas", DAY)
    assert b"2025-08-31T00:00:00.000Z" in first[0]


def test_a_layer_without_any_place_is_still_a_layer(tmp_path: Path) -> None:
    material = make()
    empty = material.areas.assign(geometry=None)
    packed, without = open_data.geopackage(open_data.areas(empty), "areas", DAY)
    assert without == len(empty)
    assert opened(packed, tmp_path).empty
    assert BytesIO(packed).read(6) == b"SQLite"
