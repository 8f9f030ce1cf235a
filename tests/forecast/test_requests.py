"""Raw rows become requests or counts; each row has one fate, and nothing personal comes through."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import requests
from forecast.errors import DataError
from forecast.requests import Cleaned, CleanedCounts, Tally
from forecast.sources import Columns, Source
from forecast.tables import UNCLASSIFIED, Rejects, Unresolved, check

SOURCE = Source(name="hotline", repeat_status=("*重复*",))
COUNTS = Source(name="ready", grain="counts")
KEY = b"secret"
PLACES = ("一社区", "二社区")
KINDS = ("漏雨", "供暖->不热", "咨询办事")


def place(texts: Sequence[pd.Series], lon: pd.Series | None, lat: pd.Series | None, on: pd.Series) -> pd.Series:
    """Communities by their names, whatever stands before "->"; the east is 一社区."""
    found = pd.Series(index=on.index, dtype="str")
    for text in texts:
        name = text.str.replace(r".*->", "", regex=True)
        found = found.fillna(name.where(name.isin(PLACES)))
    if lon is not None and lat is not None:
        found = found.mask(found.isna() & (lon > 100) & lat.notna(), "一社区")
    return found


def classify(texts: pd.Series, free_text: pd.Series | None, at: pd.Series) -> pd.DataFrame:
    """Known texts are categories; else the word 暖气 in the free text says heating."""
    code = texts.where(texts.isin(KINDS))
    if free_text is not None:
        code = code.mask(code.isna() & free_text.str.contains("暖气"), "供暖->不热")
    assert at.index.equals(texts.index)
    assert at.notna().all()
    return pd.DataFrame({"code": code.fillna(UNCLASSIFIED), "by": "value"}, dtype="str")


def batch(**columns: Any) -> pd.DataFrame:
    """Columns as a reader gives them; the first row stands in line 2."""
    frame = pd.DataFrame(columns, dtype="str")
    frame.index = pd.RangeIndex(2, 2 + len(frame), name="row")
    return frame


def orders(rows: int = 3, **columns: Any) -> pd.DataFrame:
    usual = {
        "工单编号": [f"A{n}" for n in range(rows)],
        "来电时间": ["2023-01-05 08:03"] * rows,
        "社区": ["一社区"] * rows,
        "问题分类": ["漏雨"] * rows,
    }
    return batch(**(usual | columns))


def clean(frame: pd.DataFrame, source: Source = SOURCE, **options: Any) -> Cleaned:
    cleaned = requests.clean(frame, source, place, classify, **{"caller_key": KEY, "token": "f1", **options})
    check(Rejects, cleaned.rejects)
    check(Unresolved, cleaned.unresolved)
    return cleaned


def clean_counts(frame: pd.DataFrame, source: Source = COUNTS, **options: Any) -> CleanedCounts:
    cleaned = requests.clean_counts(frame, source, place, classify, **options)
    check(Rejects, cleaned.rejects)
    check(Unresolved, cleaned.unresolved)
    return cleaned


def test_a_plain_order() -> None:
    cleaned = clean(orders(1, 办结时间=["2023/1/6"], 小区=["农光里"]))
    row = cleaned.requests.iloc[0]
    assert (row["request_id"], row["source"], row["area"], row["category"]) == ("A0", "hotline", "一社区", "漏雨")
    assert (row["received_at"], row["closed_at"]) == (pd.Timestamp("2023-01-05 08:03"), pd.Timestamp("2023-01-06"))
    assert row["estate"] == "农光里"
    day = pd.Timestamp("2023-01-05")
    assert cleaned.tally == Tally(rows=1, kept=1, first_day=day, last_day=day)


def test_times_in_many_forms_side_by_side_and_nonsense() -> None:
    times = ["2023/1/5 8:03", "2023年1月5日", "20230105", "44931", "昨天", None, "1023-01-05", "2200-01-05"]
    cleaned = clean(orders(8, 来电时间=times))
    assert cleaned.requests["received_at"].dt.normalize().unique().tolist() == [pd.Timestamp("2023-01-05")]
    assert cleaned.rejects[["row", "column", "reason", "value"]].to_numpy().tolist() == [
        [6, "来电时间", "not a date", "昨天"],
        [7, "来电时间", "empty", ""],
        [8, "来电时间", "year outside 1990-2100", "1023-01-05"],
        [9, "来电时间", "year outside 1990-2100", "2200-01-05"],
    ]
    assert (cleaned.tally.kept, cleaned.tally.rejected) == (4, 4)


def test_an_unreadable_closing_time_does_not_cost_the_order() -> None:
    cleaned = clean(orders(3, 办结时间=["2023-01-07", "办理中", "0001-01-01"]))
    assert cleaned.requests["closed_at"].isna().tolist() == [False, True, True]


def test_of_orders_with_one_id_the_last_good_one_is_kept() -> None:
    cleaned = clean(
        orders(4, 工单编号=["A", "B", "A", "A"], 社区=["", "", "二社区", ""], 来电时间=["2023-01-01"] * 3 + ["?"])
    )
    assert cleaned.requests["request_id"].tolist() == ["B", "A"]
    assert cleaned.requests["area"].fillna("").tolist() == ["", "二社区"]
    assert (cleaned.tally.repeated, cleaned.tally.rejected) == (1, 1)


def test_orders_without_an_id_get_one_that_stays() -> None:
    frame = orders(2, 工单编号=["7.0", None])
    assert clean(frame).requests["request_id"].tolist() == ["7", "hotline:f1:3"]
    assert clean(frame.drop(columns="工单编号")).requests["request_id"].tolist() == ["hotline:f1:2", "hotline:f1:3"]
    assert clean(frame, token="f2").requests["request_id"][1] == "hotline:f2:3"


def test_repeats_and_what_is_no_complaint_are_counted_and_dropped() -> None:
    cleaned = clean(
        orders(
            5,
            工单状态=["已办结", "重复件", "重复件", None, "办结"],
            工单类型=["诉求", "诉求", "咨询", "咨询", None],
            来电时间=["2023-01-05", "?", "?", "?", "2023-01-05"],
        )
    )
    tally = cleaned.tally
    assert (tally.rows, tally.kept, tally.repeated, tally.left_out, tally.rejected) == (5, 2, 1, 2, 0)


def test_leave_out_by_any_field_and_by_category_code() -> None:
    source = SOURCE.model_copy(update={"leave_out": {"category": ("供暖*",), "area": ("二*",)}})
    frame = orders(
        4, 问题分类=["供暖->不热", "漏雨", "漏雨", "咨询办事"], 社区=["一社区", "二社区", "一社区", "一社区"]
    )
    cleaned = clean(frame, source, consultations=["咨询办事"])
    assert cleaned.requests["request_id"].tolist() == ["A2"]
    assert cleaned.tally.left_out == 3
    assert cleaned.unresolved.empty


def test_category_in_one_column_or_three() -> None:
    assert clean(orders(1, 问题分类=["供暖→不热"])).requests["category"][0] == "供暖->不热"
    levels = {"一级分类": ["供暖", "漏雨", None], "二级分类": ["不热", None, None], "三级分类": [None, None, None]}
    cleaned = clean(orders(3, **levels).drop(columns="问题分类"))
    assert cleaned.requests["category"].tolist() == ["供暖->不热", "漏雨", UNCLASSIFIED]


def test_free_text_finds_a_category_and_leaves_no_trace() -> None:
    cleaned = clean(
        orders(2, 问题分类=["", "未知"], 标题=["我家暖气不热", None], 主要内容=["张三 13800138000", "暖气"])
    )
    assert cleaned.requests["category"].tolist() == ["供暖->不热", "供暖->不热"]
    assert not _traces(cleaned, "张三", "13800138000", "我家")


def test_the_first_area_that_resolves_wins_and_a_point_comes_last() -> None:
    source = Source(name="s", columns=Columns(area=("甲", "乙")))
    frame = orders(
        4,
        甲=["不详", None, "二社区", "?"],
        乙=["一社区", "二社区", "一社区", "?"],
        经度=["0"] * 3 + ["116"],
        纬度=["39"] * 4,
    )
    assert clean(frame, source).requests["area"].tolist() == ["一社区", "二社区", "二社区", "一社区"]


def test_what_finds_no_place_or_category_is_kept_and_counted() -> None:
    frame = orders(
        5,
        社区=["不详", "不详", None, "一社区", "电话13800138000"],
        街道=["劲松"] * 5,
        问题分类=["漏雨"] * 3 + ["怪事", None],
    )
    cleaned = clean(frame)
    assert len(cleaned.requests) == 5
    assert (cleaned.tally.unplaced, cleaned.tally.unclassified) == (4, 2)
    assert cleaned.unresolved[["column", "value", "count"]].to_numpy().tolist() == [
        ["街道->社区", "劲松->不详", 2],
        ["街道->社区", "", 1],
        ["街道->社区", "***", 1],
        ["问题分类", "", 1],
        ["问题分类", "怪事", 1],
    ]


def test_callers_are_hashed_with_the_key_or_not_at_all() -> None:
    frame = orders(3, 来电号码=["13800138000", " 138 0013 8000", None])
    mark = hmac.new(KEY, b"13800138000", hashlib.sha256).hexdigest()[:16]
    assert clean(frame).requests["caller"].fillna("").tolist() == [mark, mark, ""]
    assert clean(frame, caller_key=None).requests["caller"].isna().all()
    assert not _traces(clean(frame), "13800138000", "0013")


def test_places_are_hashes_of_the_address_or_else_the_estate() -> None:
    frame = orders(4, 详细地址=["农光里1号楼", "农光里 1号楼", None, None], 小区=["农光里", "农光里", "农光里", None])
    for key in (KEY, None):
        place = clean(frame, caller_key=key).requests["place"]
        assert place[0] == place[1] != place[2]
        assert place.isna().tolist() == [False, False, False, True]
        assert place.str.len().dropna().unique().tolist() == [16]
    assert clean(frame).requests["place"][0] != clean(frame, caller_key=None).requests["place"][0]
    other = SOURCE.model_copy(update={"name": "other"})
    assert (
        clean(frame, caller_key=None).requests["place"][0]
        != clean(frame, other, caller_key=None).requests["place"][0]
    )


def test_answers_of_call_backs() -> None:
    answers = {
        "是否联系": ["是", "否", "是"],
        "是否解决": ["已解决", "未解决", "?"],
        "是否满意": ["基本满意", "不满意", "满意"],
    }
    found = clean(orders(3, **answers)).requests
    assert found["contacted"].tolist() == [True, False, True]
    assert found["resolved"].isna().tolist() == [False, False, True]
    assert found["satisfied"].tolist() == [0.9, 0, 1]
    counted = clean(orders(3, **answers, 是否有效回访=["是", "否", None])).requests
    assert counted[["contacted", "satisfied"]].isna().to_numpy().tolist() == [[False] * 2, [True] * 2, [False] * 2]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="no column for area; found: 工单编号, 来电时间, 问题分类"):
        clean(orders().drop(columns="社区"))
    with pytest.raises(DataError, match="no column for count"):
        clean_counts(batch(月份=["2023-01"], 社区=["一社区"], 分类=["漏雨"]))


def test_no_rows_at_all() -> None:
    cleaned = clean(orders(0))
    assert cleaned.tally == Tally()
    assert cleaned.requests.empty


def test_tallies_add_up() -> None:
    one = clean(orders(2)).tally
    other = clean(orders(2, 来电时间=["?", "2022-12-31 23:59"])).tally
    assert (
        one + other
        == other + one
        == Tally(
            rows=4, kept=3, rejected=1, first_day=pd.Timestamp("2022-12-31"), last_day=pd.Timestamp("2023-01-05")
        )
    )
    assert one + Tally() == one


def test_counts_of_finer_categories_are_summed() -> None:
    cleaned = clean_counts(
        batch(
            month=["2023-01", "202301", "2023年1月", "2023-02-28", "44957"],
            area=["一社区", "一社区", "二社区", "一社区", "不详"],
            category=["漏雨", "漏雨", "漏雨", "漏雨", "漏雨"],
            count=["3", "4.0", "1,000", "0", "2"],
        )
    )
    january, february = pd.Timestamp("2023-01-01"), pd.Timestamp("2023-02-01")
    assert cleaned.counts.fillna({"area": ""}).to_numpy().tolist() == [
        ["一社区", "漏雨", january, 7, 7, 7],
        ["一社区", "漏雨", february, 0, 0, 0],
        ["二社区", "漏雨", january, 1000, 1000, 1000],
        ["", "漏雨", january, 2, 2, 2],
    ]
    assert cleaned.tally == Tally(rows=5, kept=5, unplaced=1, first_day=january, last_day=pd.Timestamp("2023-02-28"))


def test_counts_that_cannot_be_are_refused_with_every_fault() -> None:
    figures = ["-1", "1.5", "五", None, "1e10", "2"]
    cleaned = clean_counts(
        batch(
            month=["2023-01"] * 5 + ["2023-13"],
            area=["一社区"] * 6,
            category=["漏雨"] * 6,
            count=figures,
            incidents=["1"] * 5 + ["x"],
        )
    )
    assert cleaned.rejects[["row", "column", "reason"]].to_numpy().tolist() == [
        [2, "count", "negative"],
        [3, "count", "not a whole number"],
        [4, "count", "not a number"],
        [5, "count", "empty"],
        [6, "count", "impossibly large"],
        [7, "month", "not a date"],
        [7, "incidents", "not a number"],
    ]
    assert cleaned.tally == Tally(rows=6, rejected=6)


def test_incidents_and_callers_of_counts_have_columns_of_their_own() -> None:
    frame = batch(month=["2023-01"], area=["一社区"], category=["漏雨"], count=["9"], incidents=["5"], callers=["7"])
    assert clean_counts(frame).counts[["orders", "incidents", "callers"]].to_numpy().tolist() == [[9, 5, 7]]


def _traces(cleaned: Cleaned, *words: str) -> bool:
    tables = (cleaned.requests, cleaned.rejects, cleaned.unresolved)
    everything = " ".join(table.to_csv() for table in tables)
    return any(word in everything for word in words)


ANY = st.none() | st.text(max_size=3)
ROW = st.fixed_dictionaries(
    {
        "工单编号": st.sampled_from(["A", "B", None]) | ANY,
        "来电时间": st.sampled_from(["2023-01-05", "2023/2/6 9:00", "44931", "20230105"]) | ANY,
        "办结时间": st.sampled_from(["2023-01-06"]) | ANY,
        "街道": ANY,
        "社区": st.sampled_from([*PLACES, "不详"]) | ANY,
        "经度": st.sampled_from(["116.4"]) | ANY,
        "纬度": st.sampled_from(["39.9"]) | ANY,
        "问题分类": st.sampled_from(KINDS) | ANY,
        "标题": st.sampled_from(["暖气"]) | ANY,
        "详细地址": ANY,
        "来电号码": st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True) | ANY,
        "是否有效回访": st.sampled_from(["是", "否"]) | ANY,
        "是否满意": st.sampled_from(["满意", "基本满意"]) | ANY,
        "工单状态": st.sampled_from(["重复件"]) | ANY,
        "工单类型": st.sampled_from(["咨询", "诉求"]) | ANY,
    }
)
COUNT_ROW = st.fixed_dictionaries(
    {
        "月份": st.sampled_from(["2023-01", "202302", "2023年3月"]) | ANY,
        "社区": st.sampled_from([*PLACES, "不详"]) | ANY,
        "分类": st.sampled_from(KINDS) | ANY,
        "数量": st.integers(-2, 9).map(str) | ANY,
        "事件数": st.integers(0, 9).map(str) | ANY,
    }
)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return batch(**{name: [row[name] for row in rows] for name in rows[0]})


@settings(max_examples=20)
@given(st.lists(ROW, min_size=1, max_size=6))
def test_every_order_has_one_fate(rows: list[dict[str, Any]]) -> None:
    cleaned = clean(_frame(rows), consultations=["咨询办事"])
    tally, found = cleaned.tally, cleaned.requests
    assert tally.kept + tally.rejected + tally.repeated + tally.left_out == tally.rows == len(rows)
    assert tally.kept == len(found)
    assert found["request_id"].is_unique
    assert cleaned.rejects["row"].nunique() == tally.rejected
    assert set(cleaned.rejects["row"]) <= set(range(2, 2 + len(rows)))
    assert cleaned.unresolved["count"].sum() == tally.unplaced + tally.unclassified
    assert found["area"].isna().sum() == tally.unplaced
    phones = [row["来电号码"] for row in rows if row["来电号码"] and len(row["来电号码"]) == 11]
    assert not _traces(cleaned, *phones)


@settings(max_examples=20)
@given(st.lists(COUNT_ROW, min_size=1, max_size=6))
def test_every_count_has_one_fate(rows: list[dict[str, Any]]) -> None:
    cleaned = clean_counts(_frame(rows), consultations=["咨询办事"])
    tally = cleaned.tally
    assert tally.kept + tally.rejected + tally.repeated + tally.left_out == tally.rows == len(rows)
    assert cleaned.rejects["row"].nunique() == tally.rejected
    assert not cleaned.counts.duplicated(["area", "category", "month"]).any()
    refused = set(cleaned.rejects["row"])
    asked = [row["分类"] == "咨询办事" for row in rows]
    kept = [int(row["数量"]) for n, row in enumerate(rows, start=2) if n not in refused and not asked[n - 2]]
    assert cleaned.counts["orders"].sum() == sum(kept)


@settings(max_examples=8)
@given(st.lists(ROW, min_size=1, max_size=5), st.integers(0, 5))
def test_batches_do_not_matter_but_for_repeats(rows: list[dict[str, Any]], cut: int) -> None:
    """Cut in two, the same rows give the same requests, once repeats across the cut are dropped."""
    frame = _frame(rows)
    whole = clean(frame)
    parts = [clean(part) for part in (frame.iloc[:cut], frame.iloc[cut:])]
    both = pd.concat([part.requests for part in parts]).drop_duplicates("request_id", keep="last", ignore_index=True)
    pd.testing.assert_frame_equal(both, whole.requests)
    sums = parts[0].tally + parts[1].tally
    assert sums.rows == whole.tally.rows
    assert (sums.rejected, sums.left_out) == (whole.tally.rejected, whole.tally.left_out)
    assert sums.kept - len(both) == whole.tally.repeated - sums.repeated
