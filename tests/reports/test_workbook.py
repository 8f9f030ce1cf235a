import io
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import column_index_from_string, get_column_letter

from reports import brief, sheets, workbook
from tests.reports.programs import convert, pages
from tests.reports.sample import make, renamed

HEADER = sheets.HEADER_ROW + 1
SHEETS = ["任务清单", "候补任务", "依据", "小区风险", "填写说明", "数据说明", "逐月预测", "历史件数"]
LISTS = [name for name in SHEETS if name not in ("填写说明", "数据说明")]
HEADS = [
    "全市位次", "社区", "类别", "做什么", "牵头", "配合", "最迟开始", "来得及吗", "起作用的时段", "预计件数",
    "八成把握在", "较常年", "去年同期", "先查小区",
    "状态", "完成日期", "证据", "不采纳或更正的原因", "花费 (元)", "查出问题数", "已修问题数", "任务编号",
]  # fmt: skip


def opened(data: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data))


def table(sheet: Any) -> list[dict[str, Any]]:
    rows = list(sheet.iter_rows(min_row=HEADER, values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def cell(sheet: Any, head: str, row: int = HEADER + 1) -> Any:
    heads = [c.value for c in sheet[HEADER]]
    return sheet.cell(row, heads.index(head) + 1)


def test_a_street_opens_on_its_tasks() -> None:
    material = make()
    book = opened(workbook.street(material, "S2"))
    assert book.sheetnames == SHEETS
    assert book.active.title == "任务清单"
    rows = table(book["任务清单"])
    plan = material.workplan[(material.workplan["street"] == "S2") & (material.workplan["fate"] != "no_capacity")]
    assert list(rows[0]) == HEADS
    assert [row["任务编号"] for row in rows] == list(plan["task_id"])
    first, task = rows[0], plan.iloc[0]
    assert first["最迟开始"] == datetime(2025, 9, 30)
    assert first["预计件数"] == round(task["expected_requests"])
    assert first["八成把握在"] == f"{task['low']:.0f}–{task['high']:.0f}"
    assert first["起作用的时段"] == "2025年11月–2026年3月"
    assert first["状态"] == "未开始"
    assert first["完成日期"] is None
    assert first["先查小区"] == f"{task['estate_name']}\n橙 {task['risk_score']:.0f}"


def test_numbers_show_their_words() -> None:
    sheet = opened(workbook.street(make(), "S2"))["任务清单"]
    assert cell(sheet, "先查小区").fill.start_color.rgb == "FFE8862E"
    assert '" 件"' in cell(sheet, "较常年").number_format
    assert cell(sheet, "最迟开始").number_format == 'm"月"d"日"'
    assert cell(sheet, "任务编号").data_type == "s"


def test_sheets_are_made_to_work_with() -> None:
    book = opened(workbook.street(make(), "S2"))
    for name in LISTS:
        sheet = book[name]
        assert sheet.freeze_panes == f"C{HEADER + 1}", name
        assert sheet.auto_filter.ref.startswith(f"A{HEADER}:"), name
        assert sheet.page_setup.orientation == "landscape"
        assert str(sheet.page_setup.paperSize) == "9"
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.print_title_rows == f"${HEADER}:${HEADER}"
        assert not sheet.merged_cells.ranges


def test_status_is_chosen_from_a_list_and_the_date_is_a_date() -> None:
    sheet = opened(workbook.street(make(), "S2"))["任务清单"]
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert rules["O5:O12"].formula1 == '"未开始,进行中,已完成,不采纳"'
    assert rules["P5:P12"].type == "date"
    assert rules["S5:S12"].type == "decimal"
    assert rules["Q5"].prompt == "回访登记表、调试记录"


def test_tasks_not_chosen_wait_on_their_own_sheet() -> None:
    material = make()
    waiting = table(opened(workbook.street(material, "S2"))["候补任务"])
    plan = material.workplan[(material.workplan["street"] == "S2") & (material.workplan["fate"] == "no_capacity")]
    assert [row["全市位次"] for row in waiting] == list(plan["rank"])
    assert {row["本月安排"] for row in waiting} == {"人手不足，候补"}
    everything = replace(material, workplan=material.workplan.assign(fate="chosen"))
    assert "候补任务" not in opened(workbook.street(everything, "S2")).sheetnames


def test_a_task_is_said_in_one_breath_beside_its_figures_and_its_past() -> None:
    material = make()
    data = workbook.street(material, "S2")
    book = opened(data)
    task = material.workplan[material.workplan["street"] == "S2"].iloc[0]
    row = table(book["依据"])[0]
    assert row["一句话说清"] == (
        "河沿二社区 · 供暖不热 · 预计 202 件 (约八成把握 114–290 件)，去年同期 137 件 · 建议 2025年9月30日前启动："
        "9 月 30 日前完成平衡调试与打压注水演练; 去年报修不热的住户逐户回访并登记室温 · 牵头 供热单位，"
        "配合 街道、物业 · 留存 回访登记表、调试记录"
    )
    assert (row["预计件数"], row["八成区间下限"], row["八成区间上限"]) == (202, 114, 290)
    past = table(book["历史件数"])
    line = next(n for n, r in enumerate(past) if (r["社区"], r["类别"]) == ("河沿二社区", "供暖不热"))
    counts = material.panel[(material.panel["area"] == task["area"]) & (material.panel["category"] == "H1")]
    assert list(past[line].values())[2:] == list(counts.sort_values("month")["orders"])[-24:]
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        text = parts.read("xl/worksheets/sheet3.xml").decode()
    assert f"<xm:f>'历史件数'!C{HEADER + 1 + line}:Z{HEADER + 1 + line}</xm:f><xm:sqref>K5</xm:sqref>" in text


def test_the_list_prints_on_a4_in_letters_that_can_be_read() -> None:
    for language, name in (("zh", "任务清单"), ("en", "Tasks")):
        sheet = opened(workbook.street(make(language), "S2"))[name]
        last = sheet.print_area.split(":")[1].strip("$").split("$")[0]
        heads = [c.value for c in sheet[HEADER]]
        printed = heads[: column_index_from_string(last)]
        assert "任务编号" not in printed
        widths = [sheet.column_dimensions[get_column_letter(n + 1)].width for n in range(len(printed))]
        pixels = sum(7 * width for width in widths)  # as stored, with the room beside the letters
        paper = (297 / 25.4 - sheet.page_margins.left - sheet.page_margins.right) * 96
        assert 10 * min(1, paper / pixels) >= 8, language


def test_the_guide_names_every_status_and_what_to_keep() -> None:
    sheet = opened(workbook.street(make(), "S2"))["填写说明"]
    text = "\n".join(str(value) for row in sheet.iter_rows(values_only=True) for value in row if value is not None)
    for part in ("未开始、进行中、已完成、不采纳", "回访登记表、调试记录", "维保单", "红", "任务编号"):
        assert part in text


def test_a_list_too_long_for_a_sheet_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 5)
    sheet = opened(workbook.city(make()))["任务清单"]
    assert len(table(sheet)) == 5
    notes = [sheet.cell(row, 1).value for row in range(2, HEADER)]
    assert any("清单太长：只列前 5 行" in str(note) for note in notes)


def test_the_months_add_up_to_the_task() -> None:
    material = make()
    rows = table(opened(workbook.street(material, "S2"))["逐月预测"])
    task = material.workplan[material.workplan["street"] == "S2"].iloc[0]
    cells = [r for r in rows if (r["社区"], r["类别"]) == (task["area_name"], task["category_name"])]
    inside = [r for r in cells if r["在任务时段内"] == "是"]
    assert len(cells) == 12
    assert sum(r["预计件数"] for r in inside) == pytest.approx(task["expected_requests"], abs=3)
    assert sum(r["去年同期"] for r in inside) == task["last_year"]
    assert all(r["八成区间下限"] <= r["预计件数"] <= r["八成区间上限"] for r in cells)


def test_the_city_ranks_its_streets_and_lists_every_task() -> None:
    material = make()
    book = opened(workbook.city(material))
    assert book.sheetnames == ["总览", "任务清单", "分类预测", "小区风险", "数据说明"]
    streets = table(book["总览"])
    expected = [row["2025年9月–11月预计"] for row in streets]
    assert expected == sorted(expected, reverse=True)
    assert sum(row["本月任务"] for row in streets) == len(material.asked)
    assert len(table(book["任务清单"])) == len(material.workplan)
    fates = {row["本月安排"] for row in table(book["任务清单"])}
    assert fates == {"本月启动", "人手不足，候补", "来不及：转应急预案"}
    forecast = table(book["分类预测"])
    assert len(forecast) == 12 * 7
    assert forecast[0]["类别"] == "全部诉求"


def test_data_sheet_tells_sources_method_and_warnings() -> None:
    sheet = opened(workbook.street(make(), "S1"))["数据说明"]
    values = [value for row in sheet.iter_rows(values_only=True) for value in row if value is not None]
    text = "\n".join(map(str, values))
    for part in ("工单_2024.csv", "松园五社区", "调休未公布", "实测 78.9 %", "不是官方标准", "2025-08-0a1b2c3d"):
        assert part in text
    assert {18432, 10544, 31, 211, 7646, 96, 120} <= set(values)


def test_an_empty_month_explains_itself() -> None:
    book = opened(workbook.street(make(tasks=False), "S1"))
    assert book["任务清单"]["A2"].value.startswith("2025年9月无需启动的任务：")
    assert book["依据"]["A2"].value == "没有任务，因此没有依据可列。"
    assert not book["任务清单"].data_validations.dataValidation
    assert book.sheetnames == ["任务清单", "依据", "小区风险", "填写说明", "数据说明"]


def test_english() -> None:
    book = opened(workbook.street(make("en"), "S1"))
    assert book.sheetnames == [
        "Tasks", "Waiting tasks", "Basis", "Estate risk", "How to fill in", "Data", "By month", "Past counts",
    ]  # fmt: skip
    assert table(book["Tasks"])[0]["Status"] == "not begun"


@pytest.mark.parametrize(
    "name",
    [
        "=cmd|' /C calc'!A0",
        "@SUM(A1)",
        "http://example.org/",
        "\u202egnp.exe",
        "a\x00\x07b",
        "&[Path]&G",
        "x" * 40_000,
    ],
)
def test_names_stay_text(name: str) -> None:
    data = workbook.street(renamed(make(), name), "S2")
    sheet = opened(data)["任务清单"]
    assert cell(sheet, "社区").value == sheets.plain(name)
    assert cell(sheet, "社区").data_type == "s"
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        text = "".join(parts.read(part).decode() for part in parts.namelist() if part.endswith((".xml", ".rels")))
    assert "<f>" not in text
    assert "<hyperlink " not in text
    assert "relationships/hyperlink" not in text


def test_same_material_same_bytes() -> None:
    assert workbook.street(make(), "S1") == workbook.street(make(), "S1")
    assert workbook.city(make()) == workbook.city(make())


@given(st.text(alphabet="abc 好，（1", max_size=60), st.integers(4, 30))
def test_wrapped_lines_fit_and_lose_only_spaces(text: str, width: int) -> None:
    lines = sheets.wrapped(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(sum(map(sheets.units, line)) <= width for line in lines)


@pytest.mark.system("libreoffice")
def test_libreoffice_shows_what_was_meant(tmp_path: Path) -> None:
    shown = convert(
        workbook.street(make(), "S2"), "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true", tmp_path
    )
    text = shown.decode()
    assert "河沿街道 · 2025年9月应启动的预防任务" in text
    assert "橙 76" in text
    assert "+22 件" in text
    assert "9月30日" in text
    assert "###" not in text
    files = {"city.xlsx": workbook.city(make()), "brief.docx": brief.render(make())}
    printed = pages(files, tmp_path)
    assert 5 <= printed["city.xlsx"] <= 12
    assert 4 <= printed["brief.docx"] <= 8
