"""Several ledgers: what is surely one estate is joined, the newer figure holds, nothing else is merged or lost."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.estates import EstateSource, Ledger, Matching, clean, to_wgs84, unite, wgs84_to_gcj02
from forecast.estates.coordinates import gcj02_to_bd09
from forecast.estates.names import LIKE, OTHER_NAME, TWO
from forecast.tables import EstateFacts, EstateReview, Estates, check, conform, empty
from tests.forecast.test_estates import AS_OF, BEIJING, GOOD, at, by_code, ledger, metres, reasons

ALONE = pd.DataFrame({"area": [], "earlier": []}, dtype="str")


def sheet(path: str, rows: list[dict[str, Any]], **options: Any) -> Ledger:
    frame = pd.DataFrame(rows, index=range(2, len(rows) + 2)).astype("str").where(lambda x: x != "None")
    return clean(frame, EstateSource(path=path, **options), by_code, AS_OF)


def united(*ledgers: Ledger, answers: pd.DataFrame | None = None) -> tuple[Ledger, pd.DataFrame]:
    whole, asked = unite(ledgers, ALONE, empty(EstateReview) if answers is None else answers, Matching())
    check(Estates, whole.estates)
    check(EstateFacts, whole.facts)
    check(EstateReview, asked)
    return whole, asked


def row(name: str, **cells: Any) -> dict[str, Any]:
    return {"小区名称": name, "社区": "c1"} | cells


def test_the_same_estate_under_another_spelling_gets_the_figures_of_both() -> None:
    one = sheet("a.csv", [row("东风花园一期", 小区编号="7", 户数="100", 收缴率="50%"), row("别处", 小区编号="8")])
    two = sheet("b.csv", [row("东风花园(1期)小区", 建成年份="1985", 收缴率="80%"), row("新里", 建成年份="1990")])
    whole, asked = united(one, two)
    estates = whole.estates.set_index("estate")
    assert sorted(estates.index) == ["7", "8", "新里@c1"]
    assert estates.loc[["7"], ["households", "built_year", "fee_collection_rate"]].to_numpy().tolist() == [
        [100, 1985, 0.5]
    ]
    assert estates.loc["7", "aliases"] == "东风花园(1期)小区"
    assert asked.empty
    facts = whole.facts.set_index(["estate", "field"])
    assert facts.at[("7", "built_year"), "row"] == 2
    assert facts.at[("7", "built_year"), "file"] == "b.csv"
    assert facts.at[("7", "fee_collection_rate"), "file"] == "a.csv"
    assert whole.rows == 4
    assert any("2 个小区中 1 个与前面的表是同一小区, 1 个单列" in note.zh for note in whole.notes)


@pytest.mark.parametrize(
    ("days", "rate"),
    [((None, None), 0.5), (("2023-01-01", "2024-01-01"), 0.8), (("2024-01-01", "2023-01-01"), 0.5),
     (("2024-01-01", None), 0.5), (("2024-01-01", "2024-01-01"), 0.5)],
)  # fmt: skip
def test_the_newer_figure_holds(days: tuple[str | None, str | None], rate: float) -> None:
    rows = [row("甲里", 小区编号="1", 收缴率=share) for share in ("50%", "80%")]
    ledgers = [sheet(f"{n}.csv", [cells], as_of=day) for n, (cells, day) in enumerate(zip(rows, days, strict=True))]
    whole, _ = united(*ledgers)
    assert whole.estates["fee_collection_rate"].tolist() == [rate]
    assert len(whole.facts[whole.facts["field"] == "fee_collection_rate"]) == 1


def test_doubtful_estates_of_two_files_stay_apart_until_answered() -> None:
    one = sheet("a.csv", [row("东风花园", 小区编号="7")])
    two = sheet("b.csv", [row("东风花圆", 小区编号="x", 建成年份="1985")])
    whole, asked = united(one, two)
    assert len(whole.estates) == 2
    assert asked[["where", "written", "estate", "reason"]].values.tolist() == [["b.csv", "东风花圆", "7", LIKE]]
    joined, asked = united(one, two, answers=conform(EstateReview, asked.assign(answer="same")))
    assert joined.estates[["estate", "built_year"]].values.tolist() == [["7", 1985]]
    assert asked.empty
    apart, asked = united(one, two, answers=conform(EstateReview, asked.assign(answer="different")))
    assert len(apart.estates) == 2


def test_one_id_for_two_estates_is_no_match() -> None:
    one = sheet("a.csv", [row("东风花园", 小区编号="1", 户数="100")])
    two = sheet("b.csv", [row("和平里", 小区编号="1", 户数="9")])
    whole, asked = united(one, two)
    assert whole.estates[["estate", "name", "households"]].values.tolist() == [
        ["1", "东风花园", 100], ["1@b.csv", "和平里", 9]
    ]  # fmt: skip
    assert asked[["written", "estate", "reason"]].values.tolist() == [["和平里", "1", OTHER_NAME]]
    phases = united(
        one,
        sheet("b.csv", [row("东风花园二期", 小区编号="1")]),
    )[0]
    assert phases.estates["estate"].tolist() == ["1"]  # the id says so, and no number speaks against it
    first = sheet("a.csv", [row("东风花园一期", 小区编号="1")])
    assert len(united(first, sheet("b.csv", [row("东风花园二期", 小区编号="1")]))[0].estates) == 2


def test_two_rows_that_mean_one_estate_are_asked() -> None:
    one = sheet("a.csv", [row("东风", 小区编号="1")])
    two = sheet("b.csv", [row("东风小区", 小区编号="x"), row("东风·小区", 小区编号="y")])
    whole, asked = united(one, two)
    assert len(whole.estates) == 3
    assert asked[["written", "reason"]].values.tolist() == [["东风小区", TWO], ["东风·小区", TWO]]


names = st.sampled_from(["东风", "东风小区", "东风花园", "东风一期", "东风二期", "和平里", "和平里3号楼"])


@settings(max_examples=8)
@given(st.lists(st.lists(names, min_size=1, max_size=4, unique=True), min_size=1, max_size=3))
def test_no_estate_is_lost_and_each_figure_has_one_origin(files: list[list[str]]) -> None:
    ledgers = [sheet(f"{n}.csv", [row(name, 户数="5") for name in each]) for n, each in enumerate(files)]
    whole, _ = united(*ledgers)
    assert len(ledgers[0].estates) <= len(whole.estates) <= sum(len(each) for each in files)
    known = {*whole.estates["name"], *"|".join(whole.estates["aliases"].dropna()).split("|")}
    assert {name for each in files for name in each} <= known
    assert len(whole.facts[whole.facts["field"] == "households"]) == len(whole.estates)
    assert whole.rows == sum(len(each) for each in files)


def test_every_kind_of_cell() -> None:
    cells = {
        "曾用名": "甲、乙/丙", "抗震加固": "未加固", "外墙保温": "已完成", "地下室": "有", "低洼": "×",
        "供热末端": "末端", "是否缺电梯": "是", "产权单位数": "3家", "商品房占比": "20%", "央产占比": "80%",
        "物业费": "0.55元/平方米·月", "物业合同到期日期": "2025-06", "业委会届满日期": "2026", "重复率": "15%",
        "去年漏雨户数": "4户", "未解决率": "30%",
        "更新日期": "2024年6月", "填报单位": "街道", "维修资金余额（万元）": "66", "建成年代": "31048",
    }  # fmt: skip
    found = ledger([GOOD | cells | {"建成年份": None}])
    assert found.rejects.empty
    estate = found.estates.iloc[0]
    assert estate["aliases"] == "甲|乙|丙"
    answers = ["seismic_done", "insulation_done", "basement", "low_lying", "end_of_line", "lacks_elevator"]
    assert estate[answers].tolist() == [False, True, True, False, True, True]
    assert estate[["tenure", "tenure_central", "owning_units_n", "fee_yuan_m2_month"]].tolist() == [
        "央产",
        0.8,
        3,
        0.55,
    ]
    assert [f"{estate[name]:%Y-%m-%d}" for name in ("contract_end", "term_end")] == ["2025-06-30", "2026-12-31"]
    assert estate[["repeat_share", "leak_points", "unresolved_rate", "fund_balance"]].tolist() == [
        0.15,
        4,
        0.3,
        660_000,
    ]
    facts = found.facts.set_index("field")
    assert set(facts["source"]) == {"街道"}
    assert facts.loc["leak_points", "as_of"] == pd.Timestamp("2024-06-01")
    unknown = ledger([GOOD]).estates[[*answers, "owning_units_n", "contract_end", "tenure_central", "cold_points"]]
    assert unknown.isna().all(axis=None)


def test_money_that_names_its_unit_holds_against_the_column() -> None:
    rows = [
        GOOD | {"小区编号": n, "维修资金余额(万元)": cell}
        for n, cell in (("a", "66"), ("b", "660000元"), ("c", "6.6万"))
    ]
    assert ledger(rows).estates["fund_balance"].tolist() == [660_000, 660_000, 66_000]


def test_rates_written_three_ways_in_one_column() -> None:
    rows = [GOOD | {"小区编号": f"e{n}", "收缴率": cell} for n, cell in enumerate(["85", "85%", "0.85", "90", "70"])]
    found = ledger(rows)
    assert found.estates["fee_collection_rate"].tolist() == [0.85, 0.85, 0.85, 0.9, 0.7]
    assert any("1 个比率的写法与同列不同" in note.zh for note in found.notes)


def test_what_is_no_answer_or_day_has_a_line() -> None:
    found = ledger([GOOD | {"抗震加固": "部分", "物业合同到期日期": "快了", "坐标系": "火星"}])
    assert reasons(found) == {
        (2, "seismic_done", "neither yes nor no"),
        (2, "contract_end", "not a day"),
        (2, "coord_crs", "not a known system"),
    }  # fmt: skip
    assert found.blanked() == 3


def test_estates_that_no_longer_or_not_yet_stand_are_left_out() -> None:
    spans = [
        {"停用日期": "2024-11-30"},
        {"停用日期": "2024-12-01"},
        {"启用日期": "2025-01-01"},
        {"启用日期": "2024-12-31"},
    ]
    rows = [GOOD | {"小区编号": f"e{n}", "停用日期": None, "启用日期": None} | span for n, span in enumerate(spans)]
    found = ledger(rows)
    assert found.estates["estate"].tolist() == ["e1", "e3"]
    assert (found.rows, found.dropped(), found.blanked()) == (4, 2, 0)


@given(st.floats(74, 134), st.floats(18, 53))
def test_baidu_there_and_back_is_under_a_metre(lon: float, lat: float) -> None:
    there = at(gcj02_to_bd09, at(wgs84_to_gcj02, (lon, lat)))
    assert metres(at(to_wgs84, there, "BD-09"), (lon, lat)) < 0.5


@given(st.floats(-179, 179), st.floats(-85, 85), st.sampled_from(["GCJ-02", "BD-09", "WGS-84"]))
def test_no_point_outside_china_moves(lon: float, lat: float, crs: str) -> None:
    if not (71 < lon < 139 and 0 < lat < 57):
        assert at(to_wgs84, (lon, lat), crs) == (lon, lat)


def test_a_row_says_what_its_point_is_measured_in() -> None:
    gcj = {"经度": "116.38404722455657", "纬度": "39.91334545536069"}
    rows = [GOOD | gcj | {"小区编号": n, "坐标系": crs} for n, crs in (("a", "gcj02"), ("b", "WGS-84"), ("c", None))]
    lon = ledger(rows, city_bbox=BEIJING, coord_crs="GCJ-02").estates["lon"].round(6).tolist()
    assert lon == [116.377817, 116.384047, 116.377817]
