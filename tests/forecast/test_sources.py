"""Headers find their fields under every name they bear; what is missing is told at once."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from forecast.sources import Columns, Source, locate, missing, unread

ORDERS = Source(name="orders")
COUNTS = Source(name="counts", grain="counts")


@pytest.fixture(scope="module")
def cn(root: Path) -> Source:
    return Source.model_validate(yaml.safe_load((root / "configs/sources/cn_12345.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("headers", "field", "found"),
    [
        (["受理编号", "工单编号"], "request_id", [["工单编号"]]),
        ([" 来 电_时间* ", "x"], "received_at", [[" 来 电_时间* "]]),
        (["CREATED DATE"], "received_at", [["CREATED DATE"]]),
        (["社区（村）"], "area", [["社区（村）"]]),
        (["所属区", "街道", "社区"], "area", [["所属区", "街道", "社区"], ["社区"]]),
        (["街道", "社区"], "area", [["街道", "社区"], ["社区"]]),
        (["社区", "区划代码"], "area", [["社区"], ["区划代码"]]),
        (["问题分类"], "category", [["问题分类"]]),
        (["二级分类", "一级分类", "三级分类"], "category", [["一级分类", "二级分类", "三级分类"]]),
        (["问题分类", "一级分类", "二级分类"], "category", [["一级分类", "二级分类"]]),
        (["主要内容", "标题"], "text", [["标题"], ["主要内容"]]),
    ],
)
def test_names_that_change_from_year_to_year(
    headers: list[str], field: str, found: list[list[str]], cn: Source
) -> None:
    for source in (ORDERS, cn):
        if source is cn and field == "received_at" and headers[0].isascii():
            continue
        assert [list(way) for way in locate(headers, source)[field]] == found


def test_a_street_alone_is_no_community() -> None:
    assert "area" not in locate(["被反映区", "街道"], ORDERS)


def test_the_fields_of_the_other_grain_are_not_looked_for() -> None:
    assert set(locate(["月份", "社区", "分类", "数量", "来电时间"], COUNTS)) == {"month", "area", "category", "count"}
    assert set(locate(["月份", "社区", "分类", "数量", "来电时间"], ORDERS)) == {"area", "category", "received_at"}


def test_own_names_replace_the_usual_ones() -> None:
    own = Source(name="own", columns=Columns(received_at="opened", area=("spot", "a->b|c"), category="kind->of"))
    assert locate(["opened", "来电时间", "a", "c", "spot"], own) == {
        "received_at": (("opened",),),
        "area": (("spot",), ("a", "c")),
    }
    assert "received_at" not in locate(["来电时间"], own)


def test_real_exports_need_no_columns_at_all() -> None:
    nyc = "unique_key,account,opendate,closedate,complaint_type,descriptor,zip,borough,council_dist,community_board"
    chicago = "Creation Date,Completion Date,Community Area,Nature of Code Violation,Status,Street Address,Longitude"
    for headers in (nyc, chicago):
        assert missing(headers.split(","), ORDERS) == []
        assert {"received_at", "closed_at", "area", "category"} <= set(locate(headers.split(","), ORDERS))


def test_all_missing_columns_are_told_at_once_with_what_was_found() -> None:
    faults = missing(["编号", "13800138000"], ORDERS, "a.csv")
    assert [fault.what.split(";")[0] for fault in faults] == [
        "no column for received_at", "no column for area", "no column for category",
    ]  # fmt: skip
    for fault in faults:
        assert fault.where == "a.csv"
        assert "编号, ***" in fault.what
        assert "13800138000" not in str(fault)
    assert "来电时间" in faults[0].fix
    assert "write columns: {received_at: THE HEADER} in source orders" in faults[0].fix
    assert [fault.what.split()[3].strip(";") for fault in missing([], COUNTS)] == [
        "month",
        "area",
        "category",
        "count",
    ]


STRANGE = [
    "流水号",
    "来件时刻",
    "所在街道",
    "所在小区",
    "问题分类一级",
    "问题分类二级",
    "诉求描述",
    "反映人",
    "办结时刻",
]


def test_the_line_of_the_config_that_mends_a_missing_column_is_told() -> None:
    lines = [fault.fix.split("write ")[1].split(" in source")[0] for fault in missing(STRANGE, ORDERS)]
    assert lines == [
        "columns: {received_at: 来件时刻}", "columns: {area: 所在小区}",
        "columns: {category: [问题分类一级, 问题分类二级]}",
    ]  # fmt: skip
    own = Source(
        name="own",
        columns=Columns(received_at="来件时刻", area="所在小区", category=("问题分类一级", "问题分类二级")),
    )
    assert missing(STRANGE, own) == []


def test_headers_nobody_reads_are_told_with_the_field_they_may_hold() -> None:
    own = Source(
        name="own",
        columns=Columns(received_at="来件时刻", area="所在小区", category=("问题分类一级", "问题分类二级")),
    )
    assert unread(STRANGE, own) == {
        "流水号": "request_id: 流水号", "所在街道": 'area: "所在街道->所在小区"', "诉求描述": "", "反映人": "",
        "办结时刻": "closed_at: 办结时刻",
    }  # fmt: skip
    mended = own.model_copy(update={"columns": own.columns.model_copy(update={"area": ("所在街道->所在小区",)})})
    assert "所在街道" not in unread(STRANGE, mended)
    assert unread(["创建时间", "来电时间"], ORDERS) == {"创建时间": ""}, "a second name of a field that is read"
    assert unread(["来电时间", "月 份"], COUNTS) == {"来电时间": ""}, "counts have no such field"


def test_a_header_that_looks_like_personal_data_is_not_proposed() -> None:
    (fault,) = (f for f in missing(["受理13800138000", "社区", "分类"], ORDERS) if "received_at" in f.what)
    assert "THE HEADER" in fault.fix


def test_a_point_stands_in_for_the_area_and_a_text_for_the_category() -> None:
    assert missing(["来电时间", "经度", "纬度", "标题"], ORDERS) == []
    assert len(missing(["来电时间", "经度", "标题"], ORDERS)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"nmae": "x"},
        {"columns": {"recieved_at": "x"}},
        {"columns": {"category": ["a", "b", "c", "d"]}},
        {"date_formats": ["%Y-%m-%d %z"]},
        {"date_formats": ["%Q"]},
        {"delimiter": "ab"},
        {"delimiter": '"'},
        {"header_row": 0},
        {"sheet": -1},
        {"leave_out": {"colour": ["red"]}},
        {"max_rejected_share": 1.5},
        {"encoding": "latin-1"},
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Source.model_validate({"name": "x", **wrong})


def test_short_forms_of_options() -> None:
    source = Source.model_validate(
        {"name": "x", "delimiter": "tab", "paths": "a.csv", "repeat_status": "* - Dup", "leave_out": {"kind": "咨询"}}
    )
    assert source.delimiter == "\t"
    assert source.paths == ("a.csv",)
    assert source.repeat_status == ("* - Dup",)
    assert source.leave_out == {"kind": ("咨询",)}


@given(st.lists(st.text(), max_size=12))
def test_any_headers_can_be_searched(headers: list[str]) -> None:
    for source in (ORDERS, COUNTS):
        found = {header for ways in locate(headers, source).values() for way in ways for header in way}
        assert found <= set(headers)
        missing(headers, source)
