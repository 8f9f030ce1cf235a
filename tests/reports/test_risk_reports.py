"""The list of estates at risk: what its workbook and its map layer hold, and how they look in an office program."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from forecast.tables import ALL, Fairness, RiskDrivers, conform, empty
from reports import findings, risk_layer, risk_workbook, sheets
from reports.material import Language
from reports.risk_material import RiskMaterial
from tests.reports import sample
from tests.reports.programs import convert

HEADER = sheets.HEADER_ROW + 1


def made(language: Language = "zh") -> RiskMaterial:
    city = sample.make(language)
    n = len(city.estates)
    points = np.where(np.arange(n) % 4 == 3, np.nan, 116.4 + np.arange(n) / 1000)
    estates = city.estates.assign(lon=points, lat=points - 76.5, tenure="公房")
    leaks = city.risk.assign(category="2A", score=city.risk["score"] / 2, expected=city.risk["expected"] / 2)
    total = city.risk.assign(category=ALL, in_top=0.93, model="eb_glm")
    fairness = pd.DataFrame(
        {"by": "tenure", "group": ["公房", "unknown"], "as_of": city.as_of, "basis": "incidents", "estates": [20, 4],
         "slots": [6, 0], "slots_share": [1.0, 0.0], "need": [300.0, 60.0], "need_share": [0.75, 0.25],
         "ratio": [4 / 3, 0.0], "low": [0.9, 0.0], "high": [1.6, 0.5], "uncapped_share": [0.8, 0.2],
         "uncapped_ratio": [1.25, 0.0]}
    )  # fmt: skip
    drivers = [city.risk_drivers, city.risk_drivers.assign(category=ALL), city.risk_drivers.assign(category="2A")]
    return RiskMaterial(
        city=city.city, language=language, as_of=city.as_of, run_id="0a1b2c3d", version="0.1.0", overall=ALL,
        risk=pd.concat([city.risk, leaks, total], ignore_index=True), risk_drivers=pd.concat(drivers),
        estates=estates, areas=city.areas, categories=city.categories, driver_names=city.driver_names,
        fairness=conform(Fairness, fairness), cuts=(0.02, 0.1, 0.3), top=20, slots=0, cap=3,
        warnings=("只有历史总数。",),
    )  # fmt: skip


def opened(material: RiskMaterial) -> Any:
    return openpyxl.load_workbook(io.BytesIO(risk_workbook.render(material)))


def rows(sheet: Any) -> list[dict[str, Any]]:
    found = list(sheet.iter_rows(min_row=HEADER, values_only=True))
    return [dict(zip(found[0], row, strict=True)) for row in found[1:]]


def test_the_first_sheet_ranks_every_estate() -> None:
    material = made()
    book = opened(material)
    assert book.sheetnames == ["小区风险清单", "分类风险", "公平性", "数据说明"]
    listed = rows(book["小区风险清单"])
    best = material.risk[material.risk["category"] == ALL].sort_values("score", ascending=False).iloc[0]
    names = material.estates.set_index("estate")["name"]
    assert len(listed) == len(material.estates)
    assert listed[0]["小区"] == names[best["estate"]]
    assert [row["序"] for row in listed] == list(range(1, len(listed) + 1))
    assert listed[0]["等级"] == {"red": "红", "orange": "橙", "yellow": "黄", "blue": "蓝"}[best["grade"]]
    assert listed[0]["未来 12 个月预计"] == round(best["expected"])
    assert listed[0]["进前 20 的把握"] == 0.93
    assert listed[0]["件数最多的类别"] == "供暖不热"
    assert listed[0]["原因 1"].startswith("本小区历史诉求")
    assert "全市平均水平" not in str(listed)


def test_sheets_stay_readable() -> None:
    book = opened(made())
    for name in book.sheetnames[:-1]:
        sheet = book[name]
        assert sheet.freeze_panes == f"C{HEADER + 1}"
        assert sheet.auto_filter.ref.startswith(f"A{HEADER}:")
        assert sheet.page_setup.orientation == "landscape"
        assert not sheet.merged_cells.ranges
    colours = {cell.value: cell.fill.start_color.rgb for cell in book["小区风险清单"]["E"][HEADER:]}
    assert colours["红"] == "FFC62F2F"
    assert colours["蓝"] == "FF2C6FB5"


def test_fairness_shows_the_uncapped_figure_beside() -> None:
    found = rows(opened(made())["公平性"])
    assert [row["组"] for row in found] == ["公房", "不详"]
    assert found[0]["比值"] == pytest.approx(4 / 3)
    assert found[0]["比值（不设上限）"] == 1.25


def test_groups_surely_off_their_need_are_named() -> None:
    material = made()
    words = material.words
    assert findings.fair(material.fairness, words) == ["名额少于需要的：产权 不详（比值 0.0）。"]
    assert findings.fair(material.fairness.assign(high=1.2), words) == ["没有哪一组的名额明显偏离需要。"]
    (more, fewer) = findings.fair(material.fairness.assign(low=[1.1, 0]), words)
    assert more == "名额多于需要的：产权 公房（比值 1.3）。"
    assert "不详" in fewer
    assert findings.fair(empty(Fairness), words) == []


def test_the_notes_mark_what_is_assumed() -> None:
    text = "\n".join(str(cell.value) for row in opened(made())["数据说明"] for cell in row if cell.value)
    for said in ("前 2 % 为红", "不是官方标准", "不详", "没有坐标", "无一减分", "只有历史总数"):
        assert said in text, said


def test_silent_estates_have_a_sheet_where_they_are_looked_for() -> None:
    material = made()
    first = material.estates["estate"].iloc[0]
    silent = pd.DataFrame(
        {"estate": [first, first], "category": [ALL, "H1"], "expected": 12.0, "reported": 1.0, "probability": 0.8,
         "listed": True, "reason": "同类小区多, 此处少", "reason_en": "its like report more"}
    )  # fmt: skip
    (row,) = rows(opened(replace(material, silent=silent))["沉默小区"])
    assert row["少报的可能"] == 0.8
    assert row["理由"] == "同类小区多, 此处少"


def test_without_incidents_the_points_lead() -> None:
    material = made()
    risk = material.risk[material.risk["category"] == ALL].assign(expected=np.nan, low=np.nan, high=np.nan)
    bare = replace(material, risk=risk, fairness=empty(Fairness), risk_drivers=empty(RiskDrivers))
    book = opened(bare)
    assert book.sheetnames == ["小区风险清单", "数据说明"]
    assert rows(book["小区风险清单"])[0]["未来 12 个月预计"] is None
    assert "属性打分" in book["小区风险清单"]["A3"].value
    assert json.loads(risk_layer.render(bare))["features"][0]["properties"].get("expected") is None


def test_the_map_layer_says_nothing_twice_and_leaves_out_what_is_unknown() -> None:
    material = made()
    raw = risk_layer.render(material).decode()
    layer = json.loads(raw)
    assert len({feature["properties"]["estate"] for feature in layer["features"]}) == len(layer["features"])
    for feature in layer["features"]:
        assert all(value not in (None, "") for value in feature["properties"].values())
        assert all(round(degree, 6) == degree for degree in feature["geometry"]["coordinates"])
    assert not re.search(r":\d+\.0[,}]", raw)
    unplaced = replace(material, estates=material.estates.assign(area=None), risk_drivers=empty(RiskDrivers))
    first = json.loads(risk_layer.render(unplaced))["features"][0]["properties"]
    assert not {"area", "area_name", "reason_1"} & set(first)


def test_an_english_workbook_reads_well() -> None:
    material = made("en")
    drivers = material.risk_drivers.assign(contribution=1.0)
    silent = pd.DataFrame(
        {"estate": material.estates["estate"].head(1), "category": ALL, "expected": 12.0, "reported": 1.0,
         "probability": 0.8, "listed": True, "reason": "少", "reason_en": "few"}
    )  # fmt: skip
    book = opened(replace(material, risk_drivers=drivers, silent=silent))
    sheet = book["Estates at risk"]
    for cell in sheet[HEADER]:
        longest = max(map(len, str(cell.value).replace("-", " ").split()))
        assert sheet.column_dimensions[cell.column_letter].width >= 1.1 * longest, cell.value
    assert "(1 point)" in str(rows(sheet)[0])
    assert rows(book["Silent estates"])[0]["Street"]
    notes = book[book.sheetnames[-1]]
    for row in range(1, notes.max_row + 1):
        text = notes.cell(row, 1).value
        if text and notes.cell(row, 2).value == "eb_glm":
            assert notes.row_dimensions[row].height >= sheets.LINE * len(sheets.wrapped(text, 22))


def test_every_estate_with_a_point_is_on_the_map() -> None:
    material = made("en")
    layer = json.loads(risk_layer.render(material))
    there = material.estates[material.estates["lon"].notna()]
    assert {feature["id"] for feature in layer["features"]} == set(there["estate"])
    assert layer["without_point"] == len(material.estates) - len(there) > 0
    first = layer["features"][0]
    assert first["properties"]["rank"] == 1
    assert first["properties"]["grade_name"] in ("red", "orange", "yellow", "blue")
    assert first["properties"]["reason_1"].startswith("its own past incidents")
    lon, lat = first["geometry"]["coordinates"]
    assert 116 < lon < 117
    assert 39 < lat < 40


def test_same_material_same_bytes() -> None:
    assert risk_workbook.render(made()) == risk_workbook.render(made())


def test_libreoffice_shows_the_list(tmp_path: Path) -> None:
    text = convert(
        risk_workbook.render(made()), "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false", tmp_path
    )
    assert "小区风险清单" in text.decode()
    assert "Err:" not in text.decode()
