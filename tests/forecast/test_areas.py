from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.areas import AreaColumns, AreaSource, codes_of, from_texts, gazetteer, streets, summing, to_areas
from forecast.errors import DataError
from forecast.tables import LEVELS, Areas, check

FILE = AreaSource(path="areas.csv")
NOW = "2024-05-01"


Rows = Mapping[str, Any]


def tree(rows: Rows, city: str = "某市", source: AreaSource = FILE, **more: Any) -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in rows.items()})
    return to_areas(frame.set_axis(range(2, len(frame) + 2), axis=0), source, city, **more)


def faults(rows: Rows, **more: Any) -> str:
    with pytest.raises(DataError) as raised:
        tree(rows, **more)
    return "\n".join(map(str, raised.value.faults))


def find(areas: pd.DataFrame, *texts: Sequence[str | None], at: Any = NOW, **point: list[Any]) -> list[str | None]:
    n = len(texts[0]) if texts else len(point["lon"])
    on = pd.Series(pd.to_datetime([at] * n if isinstance(at, str) else at, format="ISO8601"))
    where = {name: pd.Series(values, dtype=float) for name, values in point.items()}
    found = gazetteer(areas).resolve(
        [pd.Series(text, dtype="str") for text in texts], where.get("lon"), where.get("lat"), on
    )
    assert found.index.equals(on.index)
    return [None if pd.isna(code) else code for code in found]


def line(areas: pd.DataFrame, area: str) -> list[str]:
    """Levels from an area up to the city."""
    level = dict(zip(areas["area"], areas["level"], strict=True))
    parent = dict(areas[["area", "parent"]].dropna().itertuples(index=False, name=None))
    levels = [level[area]]
    while area in parent:
        area = parent[area]
        levels.append(level[area])
    return levels


PEACE = {
    "社区": ["劲松一社区", "劲松二社区", "和平社区", "和平社区", "和平社区"],
    "街道": ["劲松街道", "劲松街道", "劲松街道", "望京街道", "城关街道"],
    "区": ["朝阳区", "朝阳区", "朝阳区", "朝阳区", "房山区"],
    "区划代码": ["101", "102", "103", "201", "301"],
    "别名": ["劲一|劲松1区", None, None, None, None],
}


@pytest.fixture(scope="module")
def peace() -> pd.DataFrame:
    return tree(PEACE)


class TestTree:
    def test_parent_codes(self) -> None:
        areas = tree(
            {"code": ["C", "D", "S", "a"], "parent": [None, "C", "D", "S"], "name": ["某市", "区", "街", "社"]}
        )
        assert line(areas, "a") == list(LEVELS)
        assert len(areas) == 4

    def test_parents_may_be_named(self) -> None:
        areas = tree({"code": ["1", "11"], "parent": [None, "东街"], "name": ["东街", "甲"]})
        assert areas.set_index("area").loc["11", "parent"] == "1"

    def test_upper_columns_make_rows(self, peace: pd.DataFrame) -> None:
        assert line(peace, "101") == list(LEVELS)
        assert streets(peace).set_index("area")["street"].to_dict() == {
            "101": "朝阳区-劲松街道", "102": "朝阳区-劲松街道", "103": "朝阳区-劲松街道",
            "201": "朝阳区-望京街道", "301": "房山区-城关街道",
        }  # fmt: skip

    def test_one_street_name_in_two_districts_is_two_streets(self) -> None:
        areas = tree({"name": ["甲", "乙"], "街道": ["城关镇", "城关镇"], "区": ["东县", "西县"]})
        assert (areas["level"] == "street").sum() == 2

    def test_upper_columns_meet_rows_of_the_upper_areas(self) -> None:
        areas = tree({
            "code": ["D", "S", "a", "b"], "name": ["东区", "一街", "甲", "乙"],
            "level": ["区", "街道", "社区", "社区"], "街道": [None, "一街", "一街", "S"], "区": ["东区"] * 4,
        })  # fmt: skip
        assert areas.set_index("area")["parent"].dropna().to_dict() == {"D": "city", "S": "D", "a": "S", "b": "S"}

    def test_missing_levels_are_added(self) -> None:
        areas = tree({"name": ["甲", "乙"]})
        assert line(areas, "甲") == ["community", "street", "city"]
        assert areas["name"].tolist()[:2] == ["某市", "某市"]

    def test_a_community_right_under_a_district_gets_a_street_of_its_own(self) -> None:
        areas = tree({"name": ["甲", "乙"], "区": ["东区", "东区"], "街道": ["一街", None]})
        assert line(areas, "乙") == list(LEVELS)
        assert areas.set_index("area").loc["东区-all", "name"] == "东区"

    def test_the_root_named_as_the_city_is_the_city(self) -> None:
        areas = tree({"code": ["0", "1"], "parent": [None, "0"], "name": ["某市", "甲"]})
        assert areas.loc[areas["level"] == "city", "area"].tolist() == ["0"]
        assert line(areas, "1") == ["community", "street", "city"]

    def test_statistical_codes_are_a_tree(self) -> None:
        areas = tree({
            "区划代码": ["110000000000", "110105000000", "110105001000", "110105001001", "110105002001"],
            "名称": ["北京市", "朝阳区", "一街道", "甲社区", "乙社区"],
        })  # fmt: skip
        assert line(areas, "110105001001") == line(areas, "110105002001") == list(LEVELS)
        assert areas.set_index("area").loc["110105001001", "parent"] == "110105001000"

    def test_float_damage_in_codes_is_mended(self) -> None:
        areas = tree({"area": ["21.0", "110105001001.0", "1.10105001002E+11", "3E2"], "name": list("ABCD")})
        assert {"21", "110105001001", "110105001002", "3E2"} < set(areas["area"])

    def test_a_code_named_city_is_no_trouble(self) -> None:
        areas = tree({"area": ["city", "x"]})
        assert (areas["level"] == "city").sum() == 1
        assert line(areas, "city") == ["community", "street", "city"]

    def test_dates_and_figures(self) -> None:
        areas = tree({
            "area": ["a", "b", "c"], "valid_from": ["2023-07-01", "2023/7/1", "2023年7月1日"],
            "households": ["1200", "0", None], "zone": ["中心城区", None, None],
        }).set_index("area")  # fmt: skip
        assert areas.loc[list("abc"), "valid_from"].nunique() == 1
        assert areas.loc[["a", "b"], "households"].tolist() == [1200, 0]
        assert areas.loc["a", "zone"] == "中心城区"

    def test_a_point_stands_in_for_a_polygon(self) -> None:
        areas = tree({"area": ["a", "b"], "lon": ["116.4", None], "lat": ["39.9", None]}).set_index("area")
        assert shapely.from_wkb(areas.loc["a", "geometry"]).wkt == "POINT (116.4 39.9)"
        assert areas.loc["b", "geometry"] is None
        assert find(areas.reset_index(), lon=[116.4], lat=[39.9]) == [None]

    def test_all_faults_at_once(self) -> None:
        told = faults({
            "area": ["1", "1", "2", "3", "4", None], "name": list("abcdef"),
            "parent": [None, None, "9", "4", "3", None], "level": ["zz", None, None, None, None, None],
            "lon": ["1", "500", None, "x", None, None], "lat": ["91", "1", None, "1", None, None],
            "households": ["-1", None, "many", None, None, None],
            "valid_from": ["soon", "2024-01-02", None, None, None, None],
            "valid_to": [None, "2024-01-01", None, None, None, None],
        })  # fmt: skip
        for part in (
            "code stands twice: 1 (first at line 2, 3)", "has no code: f (first at line 7)", "unknown level: zz",
            "unknown parent: 9", "in a circle: 3 -> 4 -> 3", "impossible lon: 500, x", "impossible lat: 91",
            "impossible households: -1, many", "no date: soon", "ends before it begins: 1",
        ):  # fmt: skip
            assert part in told
        assert told.count("circle") == 1

    def test_predecessors_are_codes_whatever_was_written(self) -> None:
        areas = tree({
            "代码": ["1", "2", "3", "4"], "名称": ["老社区", "东社区", "西社区", "合社区"],
            "撤销日期": ["2023-06-30", None, None, None],
            "设立日期": [None, "2023-07-01", "2023-07-01", "2024-01-01"],
            "前身": [None, "老社区", "1.0", "2、西社区;2"],
        }).set_index("area")["predecessors"]  # fmt: skip
        assert areas[["2", "3", "4"]].tolist() == ["1", "1", "2|3"]
        assert areas.drop(["2", "3", "4"]).isna().all()

    def test_what_cannot_follow(self) -> None:
        told = faults({"area": ["a", "b"], "predecessors": ["zz", "a"], "valid_from": ["2024-01-01", None]})
        assert "unknown predecessor: zz" in told
        assert "has predecessors but no valid_from: b" in told
        told = faults({
            "area": ["a", "b", "c", "d"], "level": ["community", "community", "street", "community"],
            "valid_from": ["2024-02-01", "2024-02-01", "2024-03-01", "2024-01-01"],
            "predecessors": [None, "a", "a", "d"],
        })  # fmt: skip
        assert "only communities have predecessors: c" in told
        assert "is no younger than its predecessor: b, d" in told

    def test_levels_must_rise(self) -> None:
        told = faults({"area": ["a", "b"], "parent": ["b", None], "level": ["street", "community"]})
        assert "parent is not above it: a" in told

    def test_two_cities_are_one_too_many(self) -> None:
        assert "more than one area of level city" in faults({"area": ["a", "b"], "level": ["city", "市"]})

    def test_an_alias_belongs_to_one_area(self) -> None:
        rows = {"area": ["a", "b", "c"], "name": ["甲", "乙", "丙"], "aliases": ["10001;老甲", "10001", "甲"]}
        told = faults(rows)
        assert "2 alias(es) belong to two areas" in told
        assert "10001 (a, b)" in told

    def test_an_alias_may_move_on_with_time(self) -> None:
        rows = {
            "area": ["a", "b"], "aliases": ["老街", "老街"],
            "valid_to": ["2023-06-30", None], "valid_from": [None, "2023-07-01"],
        }  # fmt: skip
        areas = tree(rows)
        assert find(areas, ["老街"] * 2, at=["2023-06-30 23:59", "2023-07-01"]) == ["a", "b"]
        assert "老街 (a, b)" in faults(rows | {"valid_from": [None, "2023-06-30"]})

    def test_a_street_and_its_community_may_share_an_alias(self) -> None:
        rows = {
            "area": ["s", "a"],
            "parent": [None, "s"],
            "name": ["劲松街道", "劲松社区"],
            "aliases": ["劲松", "劲松"],
        }
        assert find(tree(rows), ["劲松"]) == ["a"]

    def test_no_known_column(self) -> None:
        assert "neither a code nor a name column; it has: foo" in faults({"foo": ["1"]})

    def test_own_header_names(self) -> None:
        source = AreaSource(path="x", columns=AreaColumns(area=("编码",)))
        assert "7" in tree({"编码": ["7"], "code": ["8"]}, source=source)["area"].tolist()


def square(x: float, y: float, size: float = 1) -> Any:
    return shapely.box(x, y, x + size, y + size)


def shape_table(**shapes: Any) -> pd.DataFrame:
    return pd.DataFrame({"key": list(shapes), "geometry": shapely.to_wkb(list(shapes.values()))})


GRID = AreaSource(path="x", shapes="grid.geojson", shape_key="key")


class TestShapes:
    def test_parts_of_one_key_are_one_shape(self) -> None:
        parts = pd.concat([shape_table(a=square(0, 0)), shape_table(a=square(5, 5))], ignore_index=True)
        areas = tree({"area": ["a", "b"]}, source=GRID, shapes=parts)
        assert find(areas, lon=[0.5, 5.5, 3], lat=[0.5, 5.5, 3]) == ["a", "a", None]

    def test_keys_take_a_format(self) -> None:
        source = GRID.model_copy(update={"key_format": "11{:0>3}"})
        areas = tree({"area": ["11001"]}, source=source, shapes=shape_table(**{"1.0": square(0, 0)}))
        assert find(areas, lon=[0.5], lat=[0.5]) == ["11001"]

    def test_no_shape_fits(self) -> None:
        told = faults({"area": ["a"]}, source=GRID, shapes=shape_table(z=square(0, 0)))
        assert "no shape belongs to an area: keys z" in told

    def test_wrong_key_column_and_wrong_format(self) -> None:
        wrong = GRID.model_copy(update={"shape_key": "boro"})
        assert "has no column 'boro' -> set areas.shape_key to one of: key" in faults(
            {"area": ["a"]}, source=wrong, shapes=shape_table(a=square(0, 0))
        )
        odd = GRID.model_copy(update={"key_format": "{:d}"})
        assert "'{:d}' is no format" in faults({"area": ["a"]}, source=odd, shapes=shape_table(a=square(0, 0)))

    def test_a_border_goes_to_the_smallest_code_in_any_order(self) -> None:
        for order in (["a", "b"], ["b", "a"]):
            shapes = shape_table(b=square(0, 0), a=square(1, 0))
            assert find(tree({"area": order}, source=GRID, shapes=shapes), lon=[1.0], lat=[0.5]) == ["a"]

    def test_impossible_points_are_unplaced(self) -> None:
        areas = tree({"area": ["a"]}, source=GRID, shapes=shape_table(a=square(-0.5, -0.5)))
        nothing = [np.nan, np.inf, 0.0, 999.0, None]
        assert find(areas, lon=nothing, lat=[0.0, 0.0, 0.0, 0.0, None]) == [None, None, "a", None, None]

    def test_a_point_respects_time(self) -> None:
        rows = {"area": ["new", "old"], "valid_from": ["2023-07-01", None], "valid_to": [None, "2023-06-30"]}
        areas = tree(rows, source=GRID, shapes=shape_table(new=square(0, 0), old=square(0, 0)))
        assert find(areas, at=["2023-06-30", "2023-07-01"], lon=[0.5, 0.5], lat=[0.5, 0.5]) == ["old", "new"]

    def test_text_goes_before_the_point(self) -> None:
        areas = tree({"area": ["a", "b"]}, source=GRID, shapes=shape_table(a=square(0, 0), b=square(1, 0)))
        assert find(areas, ["b", "nowhere", None], lon=[0.5] * 3, lat=[0.5] * 3) == ["b", "a", "a"]


class TestTexts:
    @pytest.mark.parametrize(
        "text",
        ["101", "101.0", "１０１", " 劲松一社区 ", "劲一", "劲松１区", "劲松一", "劲松一社区居委会", "劲松一居委会",
         "劲松一社区居民委员会", "朝阳区/劲松街道/劲松一社区", "劲松街道->劲松一社区", "劲松街道劲松一社区",
         "某市朝阳区劲松街道劲松一社区居委会", "劲松街道 劲一", "朝阳区-劲松一社区"],
    )  # fmt: skip
    def test_ways_to_write_one_community(self, peace: pd.DataFrame, text: str) -> None:
        assert find(peace, [text]) == ["101"]

    @pytest.mark.parametrize(
        "text",
        ["劲松街道", "朝阳区", "某市", "和平社区", "朝阳区/和平社区", "不详", "", "1", "1010", "望京街道/劲松一社区"],
    )
    def test_what_names_no_single_community(self, peace: pd.DataFrame, text: str) -> None:
        assert find(peace, [text]) == [None]

    def test_a_path_tells_equal_names_apart(self, peace: pd.DataFrame) -> None:
        paths = ["望京街道/和平社区", "房山区->和平", "劲松街道·和平社区", "房山区/城关街道/和平社区居委会"]
        assert find(peace, paths) == ["201", "301", "103", "301"]

    def test_exact_beats_evened_out(self) -> None:
        areas = tree({"area": ["1", "2", "3"], "name": ["A", "a", "B社区"]})
        assert find(areas, ["A", "a", "Ａ", "b"]) == ["1", "2", "1", "3"]

    def test_villages_are_not_communities_of_the_same_name(self) -> None:
        areas = tree({"area": ["1", "2"], "name": ["太平社区", "太平村"]})
        assert find(areas, ["太平村委会", "太平村民委员会", "太平居委会", "太平"]) == ["2", "2", "1", "1"]

    def test_texts_are_tried_in_order(self) -> None:
        areas = tree({"area": ["101", "102"], "aliases": ["10001", "10002"]})
        boards, zips = ["101", "82 Queens", None, "102"], ["10002", "10002", "10001.0", None]
        assert find(areas, boards, zips) == ["101", "102", "101", "102"]

    def test_a_split_community(self) -> None:
        areas = tree({
            "area": ["1", "11", "12"], "name": ["东里社区", "东里社区", "西里社区"],
            "valid_from": [None, "2023-07-01", "2023-07-01"], "valid_to": ["2023-06-30", None, None],
        })  # fmt: skip
        days = ["2023-06-30 12:00", "2023-07-01", "2023-06-30", "2023-07-01", None]
        assert find(areas, ["东里社区"] * 2 + ["西里社区"] * 2 + ["东里"], at=days) == ["1", "11", None, "12", "11"]
        assert find(areas, ["1"] * 2, at=days[:2]) == ["1", None]

    def test_a_name_of_marks_only_does_not_stand_for_its_street(self) -> None:
        areas = tree({"area": ["a", "b"], "name": ["-", "乙"], "街道": ["东街", "东街"]})
        assert find(areas, ["东街", "东街-乙"]) == [None, "b"]

    def test_nothing_to_do(self, peace: pd.DataFrame) -> None:
        assert find(peace, []) == []


class TestFromTexts:
    def test_each_text_is_a_community_of_the_whole_city(self) -> None:
        areas = from_texts(["B", "A ", "A", "不详", "", "12.0", "12"], "某市")
        assert areas.loc[areas["level"] == "community", "area"].tolist() == ["12", "A", "B"]
        assert streets(areas)["street_name"].unique().tolist() == ["某市"]

    def test_paths_keep_their_levels(self) -> None:
        areas = from_texts(["朝阳区->劲松街道->一社区", "朝阳区->劲松街道->不详"], "北京市")
        assert line(areas, "朝阳区->劲松街道->一社区") == list(LEVELS)
        assert (areas["level"] == "community").sum() == 1

    def test_no_text_leaves_the_city(self) -> None:
        assert from_texts(["未知"], "某市")["level"].tolist() == ["city"]

    @settings(max_examples=15)
    @given(
        st.lists(
            st.one_of(
                st.none(), st.text(max_size=8), st.sampled_from(["a->b", "city", "city-all", "1.0", "110105001000"])
            )
        )
    )
    def test_codes_of_orders_are_communities(self, texts: list[str | None]) -> None:
        series = pd.Series(texts, dtype="str")
        codes = codes_of([series], series.index)
        areas = from_texts(series.dropna(), "某市")
        own = areas.loc[areas["level"] == "community", "area"]
        assert set(codes.dropna()) == set(own)
        assert from_texts(codes.dropna(), "某市").drop(columns="geometry").equals(areas.drop(columns="geometry"))

    def test_the_first_text_that_says_something_counts(self) -> None:
        one, two = pd.Series(["不详", "A", None]), pd.Series(["B", "C", None], dtype="str")
        assert codes_of([one, two], one.index).fillna("").tolist() == ["B", "A", ""]


@st.composite
def forests(draw: st.DrawFn) -> Rows:
    """Rows with parents somewhere before them, at most four levels, in any order."""
    n = draw(st.integers(1, 12))
    depth: list[int] = []
    parents: list[str | None] = []
    for _ in range(n):
        above = [j for j, d in enumerate(depth) if d < 2]
        parent = draw(st.sampled_from([None, *above]))
        depth.append(0 if parent is None else depth[parent] + 1)
        parents.append(None if parent is None else f"n{parent}")
    order = draw(st.permutations(range(n)))
    return {"area": [f"n{k}" for k in order], "parent": [parents[k] for k in order]}


@given(forests())
def test_any_forest_becomes_one_tree_that_adds_up(rows: Rows) -> None:
    areas = tree(rows)
    check(Areas, areas)
    assert (areas["level"] == "city").sum() == 1
    pairs = summing(areas)
    communities = areas.loc[areas["level"] == "community", "area"]
    assert set(pairs["area"]) == set(communities)
    levels = pairs.assign(level=pairs["ancestor"].map(areas.set_index("area")["level"]))
    per_level = levels.groupby(["area", "level"]).size().unstack(fill_value=0)
    assert (per_level[["community", "street", "city"]] == 1).all(axis=None)
    assert per_level.get("district", pd.Series([0])).max() <= 1


@given(order=st.permutations(range(6)), cut=st.integers(0, 6))
def test_a_row_is_placed_alike_in_any_batch(peace: pd.DataFrame, order: list[int], cut: int) -> None:
    texts = pd.Series(["101", "和平社区", "劲一", None, "望京街道/和平社区", "x"], dtype="str").iloc[order]
    on = pd.Series(pd.Timestamp(NOW), index=texts.index)
    book = gazetteer(peace)
    whole = book.resolve([texts], None, None, on)
    parts = [book.resolve([texts.iloc[s]], None, None, on.iloc[s]) for s in (slice(0, cut), slice(cut, None))]
    assert whole.equals(pd.concat(parts))
