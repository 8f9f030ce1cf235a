import json
from dataclasses import replace

import pytest
import shapely

from reports import layers
from reports.material import geometry
from tests.reports.sample import make


def test_every_area_is_a_feature_with_its_sums() -> None:
    material = make()
    read = json.loads(layers.render(material))
    assert read["type"] == "FeatureCollection"
    assert "crs" not in read
    found = {feature["id"]: feature for feature in read["features"]}
    assert set(found) == set(material.areas["area"])
    city = found["city"]
    coming = material.coming_of("city")
    assert coming is not None
    assert city["geometry"] is None
    assert city["properties"]["expected"] == round(coming.expected, 1)
    assert city["properties"]["months_from"] == "2025-09"
    total = sum(value for name, value in city["properties"].items() if name.startswith("by_"))
    assert total == pytest.approx(coming.expected, abs=0.5)


def test_outlines_are_valid_lon_lat_and_counter_clockwise() -> None:
    shapes = [f["geometry"] for f in json.loads(layers.render(make()))["features"] if f["geometry"]]
    assert len(shapes) == 12
    for shape in shapes:
        polygon = shapely.from_geojson(json.dumps(shape))
        assert isinstance(polygon, shapely.Polygon)
        assert polygon.is_valid
        assert polygon.exterior.is_ccw
        assert shapely.box(116, 39, 117, 40).contains(polygon)


def test_without_last_year_the_figure_is_null() -> None:
    read = json.loads(layers.render(make(history=False, tasks=False)))
    assert read["features"][0]["properties"]["last_year"] is None


def test_without_forecasts_areas_remain() -> None:
    material = make(tasks=False)
    read = json.loads(layers.render(replace(material, forecasts=material.forecasts.head(0))))
    assert len(read["features"]) == len(material.areas)


def test_geometry_drops_height_rounds_and_turns() -> None:
    ring = [(0.1234567, 0, 9), (1, 0, 9), (1, 1, 9), (0, 1, 9)]
    made = geometry(shapely.to_wkb(shapely.Polygon(ring)), digits=3, clockwise=True)
    assert [0.123, 0.0] in made["coordinates"][0]
    assert not shapely.Polygon(made["coordinates"][0]).exterior.is_ccw


def test_simplified_outlines_are_shorter() -> None:
    circle = shapely.to_wkb(shapely.Point(0, 0).buffer(1, quad_segs=64))
    assert len(geometry(circle, tolerance=0.05)["coordinates"][0]) < len(geometry(circle)["coordinates"][0]) / 4
