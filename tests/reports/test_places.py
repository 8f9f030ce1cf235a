from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from forecast.tables import ALL
from reports import charts, places, series
from reports.material import Material
from reports.texts import Words
from tests.reports import big
from tests.reports.sample import make


def found(material: Material) -> places.Places:
    return places.find(material, series.choices(material))


def test_figures_are_those_of_the_span() -> None:
    material = make()
    where, categories = found(material), series.choices(material)
    assert (where.level, where.expected.shape) == ("community", (13, 7, 12))
    area, c = where.codes[4], categories.index("H1")
    coming = material.coming_of(area, "H1")
    assert coming is not None
    assert where.expected[0, c, 4] == np.floor(coming.expected + 0.5)
    assert where.last_year[c, 4] == coming.last_year
    rows = material.outlook
    month = rows[(rows["area"] == area) & (rows["category"] == "H1")].sort_values("month").iloc[2]
    assert (where.low[3, c, 4], where.high[3, c, 4]) == (month["low80"], month["high80"])
    assert where.spans[3][0] == month["month"]


def test_single_months_share_their_colours() -> None:
    cuts = places.cuts(found(make()))
    assert [len(kind) for kind in cuts] == [7, 7]
    for kind in cuts:
        for edges in kind:
            assert edges == sorted(set(edges))
            assert 0 not in edges
            assert len(edges) < charts.CLASSES


def test_too_many_communities_are_drawn_as_streets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "DRAWN", 11)
    where = found(make())
    assert (where.level, where.codes) == ("street", ["S1", "S2", "S3"])
    assert set(where.shapes) == {"S1", "S2", "S3"}  # made of their communities
    shape = places.features(where)[0]
    assert shape is not None
    corners = np.array(shape["coordinates"]).reshape(-1, 2)
    assert [*corners.min(axis=0), *corners.max(axis=0)] == pytest.approx([116.40, 39.90, 116.42, 39.92])
    assert "图上按街道合计" in places.sentence(where, Words("zh"))


def test_months_are_left_out_before_there_are_too_many_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "ROOM", 12 * 7 * 4)
    assert [len(span) for span in found(make()).spans] == [3, 1, 1, 1]
    monkeypatch.setattr(places, "ROOM", 1)
    assert [len(span) for span in found(make()).spans] == [3]


def test_large_outlines_are_simplified(monkeypatch: pytest.MonkeyPatch) -> None:
    where = found(big.make(40, 2))
    full = len(str(places.features(where)))
    monkeypatch.setattr(places, "OUTLINES", full // 3)
    shapes = places.features(where)
    assert len(str(shapes)) < full // 3
    assert all(shape is not None for shape in shapes)


def test_some_without_an_outline_are_counted() -> None:
    material = make()
    areas = material.areas.copy()
    areas.loc[areas["area"].str.endswith("12"), "geometry"] = None
    where = found(replace(material, areas=areas))
    assert places.missing(where, Words("zh")).startswith("1 个社区没有边界")
    assert [shape is None for shape in places.features(where)] == [False] * 11 + [True]


@pytest.mark.parametrize("missing", ["forecasts", "panel"])
def test_without_forecasts_or_past_there_is_still_an_answer(missing: str) -> None:
    material: Any = make()
    material = replace(material, **{missing: getattr(material, missing).head(0)})
    where = places.find(material, [ALL])
    assert (len(where.codes) == 0) == (missing == "forecasts")
    assert places.payload(material, where, Words("zh"))["names"] == places.named(material, where.codes)
