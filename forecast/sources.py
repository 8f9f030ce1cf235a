"""Headers of a file -> which of them hold which field. Holds the options of a source."""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from forecast import personal
from forecast.errors import Fault
from forecast.near import kin
from forecast.spec import Names, Spec

DISTRICT = "被反映区|所属区|行政区|区县|district"
STREET = "被反映街乡镇|被反映街道|所属街道|街乡镇|街道乡镇|街道/乡镇|街道|street_office|subdistrict"
COMMUNITY = "社区/村|社区(村)|社区村|被反映社区|所属社区|社区名称|社区|村居|居委会|community"


class Columns(Spec):
    """Header names of each field; of several names the first one the file has is read.

    Case, width, blanks and underscores do not matter. Two fields may be spread over columns, written from the
    most general to the finest, each with its own other names behind `|`:
    `area`: ways to name the place, tried in order for each row; a way is one column or a path of columns,
    "区县->街道|街乡镇->社区". `category`: the levels of the category, "一级分类|问题分类", "二级分类", …; a
    single column may hold all of them as "A->B->C". Of `text` all names are read: only to look for keywords.
    `called_back` says whether the call-back counts; where it does not, the three answers are null.
    `excluded`: whether the order is left out of the appraisal.
    """

    request_id: Names = (
        "工单编号", "工单号", "受理编号", "受理单号", "诉求编号", "案件编号", "事件编号", "工单流水号",
        "request_id", "unique_key", "service request number", "sr_number", "case_id", "ticket_id",
    )  # fmt: skip
    received_at: Names = (
        "来电时间", "创建时间", "受理时间", "诉求时间", "反映时间", "登记时间", "来电日期", "受理日期", "创建日期",
        "received_at", "created_at", "created_date", "creation date", "open_date", "opened_at",
    )  # fmt: skip
    closed_at: Names = (
        "办结时间", "结案时间", "完成时间", "办结日期", "结案日期",
        "closed_at", "closed_date", "close_date", "completion date",
    )  # fmt: skip
    area: Names = (
        f"{DISTRICT}->{STREET}->{COMMUNITY}", COMMUNITY, "area", "area_name", "neighborhood",
        "community area", "community_board", "community district", "社区代码", "区划代码", "area_code",
    )  # fmt: skip
    lon: Names = ("经度", "lon", "lng", "longitude")
    lat: Names = ("纬度", "lat", "latitude")
    category: Annotated[Names, Field(max_length=3)] = (
        "一级分类|一级类别|一级问题|问题分类|诉求分类|问题类别|问题类型|分类|类别|category|complaint_type"
        "|type of service request|service_name",
        "二级分类|二级类别|二级问题|descriptor|subcategory|nature of code violation",
        "三级分类|三级类别|三级问题",
    )  # fmt: skip
    text: Names = (
        "标题", "诉求标题", "主要内容", "诉求内容", "工单内容", "问题描述", "title", "description", "content",
    )  # fmt: skip
    estate: Names = ("小区点位", "小区名称", "小区", "住宅小区", "estate", "estate_name")
    address: Names = (
        "详细地址", "诉求地址", "反映地址", "事发地址", "问题地址", "地址",
        "address", "street address", "incident_address",
    )  # fmt: skip
    caller: Names = ("来电号码", "来电电话", "来电人号码", "联系电话", "手机号", "phone", "caller", "caller_id")
    called_back: Names = ("是否有效回访", "有效回访")
    contacted: Names = ("是否联系", "是否响应", "联系情况", "contacted")
    resolved: Names = ("是否解决", "解决情况", "resolved")
    satisfied: Names = ("是否满意", "满意情况", "满意度", "satisfied", "satisfaction")
    excluded: Names = ("是否剔除", "剔除", "excluded")
    status: Names = ("工单状态", "办理状态", "状态", "status")
    kind: Names = ("工单类型", "诉求类型", "工单类别", "来电类型", "kind", "request_type")
    month: Names = ("月份", "年月", "统计月份", "月", "month", "year_month")
    count: Names = ("数量", "工单数", "工单量", "诉求量", "受理量", "件数", "count", "orders", "total")
    incidents: Names = ("事件数", "incidents")
    callers: Names = ("来电人数", "诉求人数", "callers")


Text = Literal["kind", "status", "category", "estate", "area"]


def _strptime_form(form: str) -> str:
    if "%z" in form.lower():
        raise ValueError("times are read as the clock on the wall: leave the time zone out of the form")
    datetime.strptime(datetime(2001, 2, 3).strftime(form), form)
    return form


def _delimiter(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if text != "auto" and (len(text) != 1 or text in '"\r\n'):
        raise ValueError('write one character, "tab" or "auto"')
    return text


class Source(Spec):
    """One kind of export: where it comes from, how it is written, what its columns are called.

    `grain`: one row an order, or ready-made monthly counts. `paths`: globs relative to the workspace.
    `dsn_env`: environment variable with the PostgreSQL connection string; `query`: its SELECT.
    `header_row`: 1-based. `date_formats`: strptime forms tried before the usual ones; `day_first`: 05/01/2023 is
    in January. `repeat_status`: statuses of orders that repeat another one. `leave_out`: values that are no
    complaint, by field. Both may hold `*` for any text; such rows are counted and dropped.
    `max_rejected_share` (0..1): more refused rows than this refuse the source.
    """

    name: str = Field(min_length=1)
    grain: Literal["orders", "counts"] = "orders"
    format: Literal["auto", "csv", "excel", "parquet", "postgresql"] = "auto"
    paths: Names = ()
    dsn_env: str = "WEISU_DSN"
    query: str = ""
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    delimiter: Annotated[str, AfterValidator(_delimiter)] = "auto"
    sheet: Annotated[int, Field(ge=0)] | str = 0
    header_row: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    columns: Columns = Columns()
    date_formats: tuple[Annotated[str, AfterValidator(_strptime_form)], ...] = ()
    day_first: bool = False
    repeat_status: Names = ()
    leave_out: dict[Text, Names] = {"kind": ("咨询", "咨询类", "表扬", "表扬类")}
    max_rejected_share: float = Field(0.1, ge=0, le=1)


Found = Mapping[str, tuple[tuple[str, ...], ...]]
"""Field -> ways to read it, in the order to try -> headers of one way, joined to a path. Absent: not in the file."""

ORDER_FIELDS = (
    "request_id", "received_at", "closed_at", "area", "lon", "lat", "category", "text", "estate", "address",
    "caller", "called_back", "contacted", "resolved", "satisfied", "status", "kind",
)  # fmt: skip
COUNT_FIELDS = (
    "month", "area", "lon", "lat", "category", "estate", "count", "incidents", "callers", "status", "kind",
)  # fmt: skip
FIELDS = {"orders": ORDER_FIELDS, "counts": COUNT_FIELDS}
PLACED = (("area",), ("lon", "lat"))
REQUIRED = {
    "orders": ((("received_at",),), PLACED, (("category",), ("text",))),
    "counts": ((("month",),), PLACED, (("category",),), (("count",),)),
}
"""What a file must have: of each group of choices one."""
FIGURES = {"orders": "count", "incidents": "incidents", "callers": "callers"}
"""Column of Counts -> field."""
TOLD = 6
"""Names of a field that an error tells; the table in docs/inputs.md holds them all."""
UNASKED = ("text", "address", "caller")
"""Fields nobody is asked for: the less is read of a person the better."""
LOOSE = 40
"""Least likeness, 0..100, of a header proposed for a field that must be there: a weak guess is better than none."""


def locate(headers: Iterable[str], source: Source) -> Found:
    """The headers of a file that hold each field of its grain."""
    by_key: dict[str, str] = {}
    for header in headers:
        by_key.setdefault(_key(header), header)

    def first(names: str) -> str | None:
        return next((by_key[_key(name)] for name in names.split("|") if _key(name) in by_key), None)

    def path(levels: Iterable[str]) -> tuple[str, ...]:
        return tuple(header for names in levels if (header := first(names)) is not None)

    found: dict[str, Iterable[tuple[str, ...]]] = {}
    for field in FIELDS[source.grain]:
        names: tuple[str, ...] = getattr(source.columns, field)
        if field == "area":
            levels = [way.split("->") for way in names]
            found[field] = dict.fromkeys(path(way) for way in levels if first(way[-1]) is not None)
        elif field == "text":
            found[field] = dict.fromkeys(path([name]) for name in names)
        else:
            found[field] = [path(names if field == "category" else ["|".join(names)])]
    ways = {field: tuple(way for way in ways if way) for field, ways in found.items()}
    return {field: way for field, way in ways.items() if way}


def missing(headers: Iterable[str], source: Source, where: str = "") -> list[Fault]:
    """One fault for each field that must be there and is not, with the line of the config that would mend it."""
    headers = list(headers)
    found = locate(headers, source)
    shown = personal.shown(pd.Series([header for header in headers if header], dtype="str"))[:40]
    read = {header for ways in found.values() for way in ways for header in way}
    free = [header for header, safe in zip([h for h in headers if h], shown, strict=False) if header == safe]
    faults = []
    for choices in REQUIRED[source.grain]:
        if any(all(field in found for field in choice) for choice in choices):
            continue
        field = choices[0][0]
        near = _perhaps([header for header in free if header not in read], field)
        line = f"columns: {{{field}: {near or 'THE HEADER'}}}"
        fix = f"write {line} in source {source.name}{', if that is it' if near else ''}; known without that: "
        fix += f"{', '.join(_names(source.columns, field)[:TOLD])} ... (docs/inputs.md)"
        faults.append(Fault(f"no column for {field}; found: {', '.join(shown) or 'nothing'}", where, fix))
    return faults


def unread(headers: Iterable[str], source: Source) -> dict[str, str]:
    """Headers that no field reads -> what to write under `columns` to have them read; "" where none seems meant.

    A field that another header already gives is not proposed again, save the levels above a community.
    """
    headers = [header for header in headers if header]
    found = locate(headers, source)
    read = {header for ways in found.values() for way in ways for header in way}
    open_fields = [field for field in FIELDS[source.grain] if field not in found and field not in UNASKED]
    fields = {field: _names(Columns(), field) for field in open_fields}
    above = [*DISTRICT.split("|"), *STREET.split("|")]
    alone = [ways[0][0] for ways in [found.get("area", ())] if len(ways) == 1 and len(ways[0]) == 1]
    lines = {}
    for header in headers:
        if header in read:
            continue
        near = kin(header, {**fields, **({"above": above} if alone else {})})
        field = near[0] if near else ""
        path = f'"{header}->{alone[0]}"' if alone else ""
        lines[header] = f"area: {path}" if field == "above" else f"{field}: {_quoted(header)}" if field else ""
    return lines


def _names(columns: Columns, field: str) -> list[str]:
    """Names by which a field is known; of `area` those of the place itself, of `category` the first level."""
    ways: tuple[str, ...] = getattr(columns, field)[: 1 if field == "category" else None]
    return list(dict.fromkeys(name for way in ways for name in way.split("->")[-1].split("|")))


def _perhaps(headers: list[str], field: str) -> str:
    """The header that most likely holds a field, as YAML; of `category` up to three levels. "" when none is near."""
    names = {field: _names(Columns(), field)}
    near = {header: found[1] for header in headers if (found := kin(header, names, LOOSE))}
    best = max(near.values(), default=0.0)
    chosen = [_quoted(header) for header, likeness in near.items() if likeness == best]
    if field == "category" and len(chosen) > 1:
        return f"[{', '.join(chosen[:3])}]"
    return chosen[0] if chosen else ""


def _quoted(header: str) -> str:
    return header if re.fullmatch(r"\w+", header) else json.dumps(header, ensure_ascii=False)


def _key(header: str) -> str:
    return re.sub(r"[\s_*\ufeff]+", "", unicodedata.normalize("NFKC", header).casefold())
