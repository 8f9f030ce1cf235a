"""Estates: each fault of a ledger becomes a line, nothing missing becomes a figure, points land where they belong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from forecast.errors import ConfigError, DataError
from forecast.estates import (
    EstateSource,
    HistoryColumn,
    Ledger,
    Matching,
    clean,
    history,
    is_protected,
    to_wgs84,
    unread,
    wgs84_to_gcj02,
)
from forecast.tables import EstateHistory, EstateReview, Estates, Rejects, check, conform, empty

AS_OF = pd.Timestamp("2024-12-01").as_unit("us")
BEIJING = (115.4, 39.4, 117.6, 41.1)


def ledger(rows: list[dict[str, Any]], **options: Any) -> Ledger:
    codes = options.pop("codes", ())
    frame = pd.DataFrame(rows, index=range(2, len(rows) + 2)).astype("str").where(lambda x: x != "None")
    return clean(frame, EstateSource(**{"path": "estates.csv", **options}), by_code, AS_OF, codes)


def by_code(texts: list[pd.Series], lon: pd.Series, lat: pd.Series) -> pd.Series:
    """A community for each text that starts with c, else one for each point."""
    found = pd.Series(index=lon.index, dtype="str")
    for text in texts:
        found = found.fillna(text.where(text.str.startswith("c").fillna(False)))
    return found.fillna((lon + lat).map("p{:.3f}".format).where(lon.notna()))


def match(named: pd.DataFrame, estates: pd.DataFrame, lineage: pd.DataFrame) -> pd.DataFrame:
    return history(named, estates, lineage, empty(EstateReview), Matching())[0]


def reasons(found: Ledger) -> set[tuple[int, str, str]]:
    return set(found.rejects[["row", "column", "reason"]].itertuples(index=False, name=None))


GOOD: dict[str, Any] = {
    "小区编号": "a",
    "小区名称": "甲",
    "社区": "c1",
    "户数": "120",
    "建成年份": "1987",
    "经度": "116.4",
    "纬度": "39.9",
}


def test_a_plain_ledger_with_chinese_headers() -> None:
    rows = [
        GOOD | {"物业费收缴率": "62%", "维修资金余额": "1,234.5", "管理方式": "失管", "电梯": "无", "层数": "6层"}
    ]
    found = ledger(rows)
    estate = found.estates.iloc[0]
    check(Estates, found.estates)
    assert found.rejects.empty
    assert (estate["estate"], estate["name"], estate["area"], estate["households"]) == ("a", "甲", "c1", 120)
    assert (estate["built_year"], estate["lon"], estate["lat"]) == (1987, 116.4, 39.9)
    assert (estate["fee_collection_rate"], estate["fund_balance"], estate["mgmt_type"]) == (0.62, 1234.5, "失管")
    assert (estate["elevators"], estate["floors_max"]) == (0, 6)
    assert estate[["buildings", "pipe_year", "elderly_share", "owners_body", "zone"]].isna().all()


def test_every_fault_has_its_line_and_no_estate_is_lost() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"小区编号": "a", "小区名称": "又一个甲"},
        {"建成年份": "0"},
        {"建成年份": "2090"},
        {"户数": "0"},
        {"户数": None},
        {"户数": "-3"},
        {"户数": "12.5"},
        {"户数": "很多"},
        {"物业费收缴率": "540%"},
        {"经度": "39.9", "纬度": "116.4"},
        {"经度": "0", "纬度": "0"},
        {"经度": "216.4"},
        {"经度": "2.35", "纬度": "48.85"},
        {"经度": None},
        {"社区": "不详", "经度": None, "纬度": None},
        {"小区编号": None, "小区名称": None},
        {"建成年份": "八十年代"},
    ]
    rows = [GOOD | {"小区编号": f"e{n:02}", "物业费收缴率": "80%"} | change for n, change in enumerate(changes)]
    rows[0]["小区编号"] = "a"
    found = ledger(rows, city_bbox=BEIJING)
    assert reasons(found) == {
        (3, "小区编号", "an earlier row has this id; the first is kept"),
        (4, "built_year", "outside 1840..2024"),
        (5, "built_year", "outside 1840..2024"),
        (6, "households", "no household"),
        (8, "households", "below 0"),
        (9, "households", "not whole"),
        (10, "households", "not a number"),
        (11, "fee_collection_rate", "outside 0..100 %"),
        (12, "lon, lat", "lon and lat look swapped"),
        (13, "lon, lat", "not a point on earth"),
        (14, "lon, lat", "not a point on earth"),
        (15, "lon, lat", "outside the city"),
        (16, "lon, lat", "not a point on earth"),
        (17, "area", "community not found; the estate is kept without one"),
        (18, "小区编号", "neither an id nor a name"),
        (19, "built_year", "not a year"),
    }
    check(Rejects, found.rejects)
    assert len(found.estates) == len(rows) - 2
    estates = found.estates.set_index("estate")
    assert estates.loc["a", "name"] == "甲"
    assert estates["households"].isna().sum() == 5
    assert estates.loc[["e02", "e03", "e17"], "built_year"].isna().all()
    assert estates.loc[["e10", "e11", "e12", "e13", "e14", "e15"], ["lon", "lat"]].isna().all(axis=None)
    assert estates.loc[["e09"], "fee_collection_rate"].isna().all()
    assert estates.loc["e08", "built_year"] == 1987
    assert found.rejects.set_index("row").loc[11, "value"] == "540%"


def test_without_a_box_a_far_point_is_still_refused() -> None:
    rows = [GOOD | {"小区编号": str(n)} for n in range(5)]
    rows.append(GOOD | {"小区编号": "x", "经度": "40.7", "纬度": "-73.9"})
    rows.append(GOOD | {"小区编号": "y", "经度": "39.9", "纬度": "16.4"})
    assert reasons(ledger(rows)) == {(7, "lon, lat", "outside the city"), (8, "lon, lat", "outside the city")}
    points = [("-73.9", "40.7"), ("-73.8", "40.8"), ("-74.0", "40.7"), ("40.7", "-73.9")]
    swapped = [{"name": str(n), "area": "c1", "lon": lon, "lat": lat} for n, (lon, lat) in enumerate(points)]
    assert reasons(ledger(swapped)) == {(5, "lon, lat", "lon and lat look swapped")}


@pytest.mark.parametrize(
    ("cells", "shares"),
    [
        (["62%", "100 %", None], [0.62, 1.0, None]),
        (["0.62", "1", "0"], [0.62, 1.0, 0.0]),
        (["62", "100", "1"], [0.62, 1.0, 0.01]),
        (["62", "85", "540"], [0.62, 0.85, None]),
        (["0.62", "0.9", "5.4"], [0.62, 0.9, None]),
        (["62", "0.5%", "70"], [0.62, 0.005, 0.7]),
    ],
)
def test_shares_by_sign_or_by_column(cells: list[str | None], shares: list[float | None]) -> None:
    rows = [GOOD | {"小区编号": f"e{n}", "收缴率": cell} for n, cell in enumerate(cells)]
    wanted = pd.Series(shares, dtype=float, name="fee_collection_rate")
    pd.testing.assert_series_equal(ledger(rows).estates["fee_collection_rate"], wanted)


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        ("1987", 1987),
        ("1987.0", 1987),
        ("1987年", 1987),
        ("1987年6月", 1987),
        ("1987-05-01", 1987),
        ("１９８７", 1987),
    ],
)
def test_years_in_many_forms(cell: str, year: int) -> None:
    found = ledger([GOOD | {"建成年份": cell}])
    assert found.estates["built_year"].tolist() == [year]
    assert found.rejects.empty


@pytest.mark.parametrize("cell", ["", "-", "不详", "未知", "NaN", "/"])
def test_missing_stays_missing_without_a_line(cell: str) -> None:
    found = ledger([GOOD | {"户数": cell, "建成年份": cell, "收缴率": cell, "电梯": cell, "管理方式": cell}])
    columns = ["households", "built_year", "fee_collection_rate", "elevators", "mgmt_type"]
    assert found.estates[columns].isna().all(axis=None)
    assert found.rejects.empty


def test_money_in_wan() -> None:
    found = ledger([GOOD | {"维修资金余额": "66", "首期维修资金": "120万元"}], money_unit="wan")
    assert found.estates[["fund_balance", "fund_initial"]].iloc[0].tolist() == [660_000, 1_200_000]


def test_ids_are_made_where_there_are_none_and_tell_two_streets_apart() -> None:
    rows = [
        {"incident_address": "1  MAIN STREET", "borough": "BRONX", "area": "204.0"},
        {"incident_address": "1 MAIN STREET", "borough": "QUEENS", "area": "401.0"},
        {"incident_address": "1 MAIN STREET", "borough": "BRONX", "area": "204.0"},
    ]
    found = ledger(rows, columns={"name": "incident_address"})
    assert found.estates["estate"].tolist() == ["1 MAIN STREET@204", "1 MAIN STREET@401"]
    own = ledger(rows, columns={"name": "incident_address"}, id_from=["incident_address", "borough"])
    assert own.estates["estate"].tolist() == ["1 MAIN STREET@BRONX", "1 MAIN STREET@QUEENS"]
    assert {column for _, column, _ in reasons(own)} >= {"incident_address"}
    again = ledger(rows[::-1], columns={"name": "incident_address"})
    assert again.estates["estate"].tolist() == found.estates["estate"].tolist()


def test_the_second_area_text_is_tried_where_the_first_fails() -> None:
    rows = [GOOD | {"社区代码": "不详", "社区": "c7"}, GOOD | {"小区编号": "b", "社区代码": "c8", "社区": "c7"}]
    assert ledger(rows).estates["area"].tolist() == ["c7", "c8"]
    rows = [GOOD | {"社区": None}]
    assert ledger(rows).estates["area"].tolist() == ["p156.300"]


HISTORY = [
    {"column": "heat_2020", "category": "heat", "year": 2020},
    {"column": "heat_2021", "category": "heat", "year": 2021},
    {"column": "water_2021", "category": "heat", "year": 2021},
]


def test_yearly_totals() -> None:
    rows = [
        GOOD | {"heat_2020": "3.0", "heat_2021": "0", "water_2021": "2"},
        GOOD | {"小区编号": "b", "heat_2020": None, "heat_2021": "1.5", "water_2021": "-1"},
        GOOD | {"heat_2020": "99", "heat_2021": "99", "water_2021": "99"},
    ]
    found = ledger(rows, history=HISTORY, codes=["heat"])
    check(EstateHistory, found.history)
    assert found.history[["estate", "category", "months", "incidents"]].values.tolist() == [
        ["a", "heat", 12, 3],
        ["a", "heat", 12, 2],
    ]
    assert found.history["month"].dt.strftime("%Y-%m").tolist() == ["2020-01", "2021-01"]
    assert (3, "heat_2021", "not whole") in reasons(found)
    assert (3, "water_2021", "below 0") in reasons(found)


def test_what_no_row_can_mend_is_raised_at_once() -> None:
    rows = [{"门牌": "1", "户数": "3", "民族占比": "4"}]
    history = [*HISTORY, {"column": "民族占比", "category": "nothing", "year": 2021}]
    with pytest.raises(DataError) as caught:
        ledger(rows, history=history, id_from=["楼号"], codes=["heat"])
    text = str(caught.value)
    for part in ("'heat_2020'", "'heat_2021'", "'water_2021'", "'楼号'", "'民族占比' is a protected", "'nothing'"):
        assert part in text
    with pytest.raises(DataError, match="neither an id nor a name"):
        ledger(rows)
    with pytest.raises(ConfigError, match="unknown category 'heat'"):
        ledger([GOOD | {"heat_2020": "1"}], history=HISTORY[:1], codes=["noise"])


@pytest.mark.parametrize(
    "header", ["民族", "人均收入", "household_income", "medianIncome", "Ethnicity", "race", "低保户数"]
)
def test_protected_attributes_are_refused_by_name(header: str) -> None:
    assert is_protected(header)
    with pytest.raises(ValidationError, match="protected attributes are never read"):
        EstateSource(path="x", columns={"rental_share": header})


@pytest.mark.parametrize("header", ["terrace", "bracelet", "物业费收缴率", "elderly_share", "embrace", "outcome"])
def test_harmless_headers_pass(header: str) -> None:
    assert not is_protected(header)


def test_header_only_and_a_box_without_inside() -> None:
    frame = pd.DataFrame({name: pd.Series(dtype="str") for name in GOOD})
    found = clean(frame, EstateSource(path="estates.csv"), by_code, AS_OF)
    assert found.estates.empty
    assert found.rejects.empty
    with pytest.raises(ValidationError, match="west, south, east, north"):
        EstateSource(path="x", city_bbox=(117.0, 39.0, 116.0, 41.0))


def test_personal_numbers_are_masked_in_rejects() -> None:
    found = ledger([GOOD | {"户数": "13800138000号张"}])
    assert found.rejects["value"].tolist() == ["***"]


# Published pairs of the eviltransform test suite: WGS-84, GCJ-02 (latitude first there).
PAIRS = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]
# Published by coordtransform (GCJ-02 and BD-09) and, for its exact inverse, presto-third-functions (WGS-84).
GCJ, BAIDU = (116.404, 39.915), (116.41036949371029, 39.92133699351021)
WGS = (116.39775549316407, 39.913596801757805)


def metres(one: tuple[Any, Any], other: tuple[Any, Any]) -> float:
    east = (one[0] - other[0]) * np.cos(np.radians(one[1])) * 111_320
    return float(np.hypot(east, (one[1] - other[1]) * 111_320))


def at(convert: Callable[..., Any], point: tuple[float, float], *rest: str) -> tuple[float, float]:
    x, y = convert(np.array([point[0]]), np.array([point[1]]), *rest)
    return float(x[0]), float(y[0])


@pytest.mark.parametrize(("wgs", "gcj"), PAIRS)
def test_published_points(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert metres(at(wgs84_to_gcj02, wgs), gcj) < 0.001
    assert metres(at(to_wgs84, gcj, "GCJ-02"), wgs) < 0.01
    assert metres(wgs, gcj) > 300


def test_published_baidu_point() -> None:
    assert metres(at(to_wgs84, GCJ, "GCJ-02"), WGS) < 0.5
    assert metres(at(to_wgs84, BAIDU, "BD-09"), WGS) < 0.5
    assert metres(BAIDU, GCJ) > 500


@given(st.floats(74, 134), st.floats(18, 53))
def test_there_and_back_is_under_a_metre(lon: float, lat: float) -> None:
    assert metres(at(to_wgs84, at(wgs84_to_gcj02, (lon, lat)), "GCJ-02"), (lon, lat)) < 0.01


def test_outside_china_nothing_moves() -> None:
    assert at(to_wgs84, (-73.9, 40.7), "GCJ-02") == (-73.9, 40.7)


def test_points_of_the_ledger_are_converted() -> None:
    (wgs, gcj) = PAIRS[2]
    found = ledger([GOOD | {"经度": str(gcj[0]), "纬度": str(gcj[1])}], coord_crs="GCJ-02", city_bbox=BEIJING)
    assert metres(tuple(found.estates[["lon", "lat"]].iloc[0]), wgs) < 0.01


cell = st.sampled_from(
    ["", "0", "1", "-1", "7", "1987", "2090", "62%", "540%", "116.4", "39.9", "abc", "不详", "１２", "inf", "0x10"]
)


@settings(max_examples=12)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys([*GOOD, "收缴率", "电梯", "维修资金余额"], cell)), min_size=1))
def test_any_ledger_gives_valid_tables_and_loses_no_row(rows: list[dict[str, str]]) -> None:
    found = ledger(rows)
    check(Estates, found.estates)
    check(Rejects, found.rejects)
    refused = found.rejects["column"].eq("小区编号").sum()
    assert len(found.estates) + refused == len(rows)


def test_orders_find_estates_by_id_or_name() -> None:
    estates = ledger(
        [GOOD, GOOD | {"小区编号": "b", "小区名称": "乙"}, GOOD | {"小区编号": "d", "小区名称": "乙"}]
    ).estates
    names = ["a", "甲", "甲", "乙", "丙", "甲", "乙"]
    named = pd.DataFrame({"estate": names, "area": ["c1", "c1", "c2", "c1", "c1", None, None]})
    named["category"], named["month"], named["months"], named["incidents"] = "x", AS_OF, 1, 1
    apart = pd.DataFrame({"area": [], "earlier": []}, dtype="str")
    found = match(named, estates, apart)
    assert conform(EstateHistory, found)[["estate", "incidents"]].values.tolist() == [["a", 3]]


def test_orders_of_a_community_that_was_split_find_the_estate_where_it_lies_now() -> None:
    rows = [
        GOOD,
        GOOD | {"小区编号": "b", "小区名称": "乙"},
        GOOD | {"小区编号": "e", "小区名称": "乙", "社区": "c2"},
    ]
    estates = ledger(rows).estates
    named = pd.DataFrame({"estate": ["甲", "乙"], "area": "old", "category": "x", "month": AS_OF})
    named["months"], named["incidents"] = 1, 1
    split = pd.DataFrame({"area": ["c1", "c2"], "earlier": ["old", "old"]})
    assert match(named, estates, split)["estate"].tolist() == ["a"]
    assert match(named, estates, split[:1])["estate"].tolist() == ["a", "b"]
    assert match(named, estates, split[:0]).empty


def test_real_addresses(root: Path) -> None:
    frame = pd.read_csv(root / "data/fixtures/nyc/heat.csv.gz", dtype="str")
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    source = EstateSource(
        path="heat.csv.gz",
        columns={"name": "incident_address", "area": "boro_cd"},
        id_from=("incident_address", "zip", "borough"),
        history=HISTORY[:2],
    )
    found = clean(frame, source, lambda texts, lon, lat: texts[0], AS_OF, ["heat"])
    lost = found.rejects["reason"].str.startswith("an earlier row").sum()
    assert len(found.estates) == len(frame) - lost
    assert lost <= 2
    assert found.estates["area"].isna().sum() == 6
    assert found.estates["lon"].notna().all()
    total = frame["heat_2020"].astype(float).sum()
    assert 0 <= total - found.history.loc[found.history["month"] == "2020-01-01", "incidents"].sum() < 20


def test_headers_of_a_ledger_nobody_reads_are_told_with_the_field_they_may_hold() -> None:
    frame = pd.DataFrame(
        columns=["小区名称", "竣工年月(年)", "物业公司", "民族", "漏雨2023", "Unnamed: 4"], dtype="str"
    )
    history = (HistoryColumn(column="漏雨2023", category="2A", year=2023),)
    told = unread(frame, EstateSource(path="a.csv", history=history))
    assert told == {"竣工年月(年)": "built_year: 竣工年月(年)", "物业公司": ""}
