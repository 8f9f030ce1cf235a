"""Returned workbooks with seeded damage: every status that can be known is kept, none is invented.

Here the first few; `make bench-feedback` returns two hundred.
"""

import csv
import io
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import xlwt

from forecast.returns import WORDS, Sheet, hear
from forecast.tables import Returns, empty
from pipelines import sheets
from reports import workbook
from tests.reports.sample import make

TODAY = date(2025, 10, 20)
HEADER = 4
FILES = 40


@dataclass
class Returned:
    """A list as a street sends it back. told: what can be known of each task. refused: (task, reason) of the rest."""

    rows: list[list[Any]]
    head: list[str]
    above: list[list[Any]]
    told: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


def filled(rng: np.random.Generator, cells: list[list[Any]]) -> Returned:
    """Every row filled in, some of them wrongly."""
    head = [str(cell) for cell in cells[HEADER - 1]]
    found = Returned([list(row) for row in cells[HEADER:]], head, cells[: HEADER - 1])
    at = {
        name: head.index(name) for name in ("任务编号", "状态", "完成日期", "证据", "不采纳或更正的原因", "花费 (元)")
    }
    for row in found.rows:
        task = row[at["任务编号"]]
        status = str(rng.choice(["not_started", "in_progress", "done", "declined"]))
        row[at["状态"]] = str(rng.choice(WORDS[status]))
        fault = rng.random() < 0.15
        if status == "done" and not fault:
            row[at["完成日期"]] = written(rng, TODAY - timedelta(days=int(rng.integers(1, 40))))
            row[at["证据"]] = "照片 3 张"
            row[at["花费 (元)"]] = (1200, "1,200", 35.5)[int(rng.integers(3))]
        if status == "declined" and not fault:
            row[at["不采纳或更正的原因"]] = "产权单位不同意"
        if fault and status == "in_progress":
            row[at["状态"]] = "差不多了"
        if fault and status != "not_started":
            found.refused.add(task)
        elif status != "not_started":
            found.told[task] = status
    return found


def written(rng: np.random.Generator, day: date) -> Any:
    """A date as people and spreadsheets write it."""
    serial = (day - date(1899, 12, 30)).days
    forms = [datetime(day.year, day.month, day.day), f"{day.year}年{day.month}月{day.day}日", f"{day:%Y/%m/%d}",
             f"{day.year}.{day.month}.{day.day}", str(serial)]  # fmt: skip
    return forms[int(rng.integers(len(forms)))]


def damaged(rng: np.random.Generator, found: Returned) -> None:
    """What happens to a list on its way, some of it at a time."""
    task = found.head.index("任务编号")
    if rng.random() < 0.5:
        rng.shuffle(found.rows)
    if rng.random() < 0.3:
        twin = list(found.rows[int(rng.integers(len(found.rows)))])
        found.rows.append(twin)
    if rng.random() < 0.3 and found.told:
        clash = sorted(found.told)[0]
        first = next(row for row in found.rows if row[task] == clash)
        other = list(first)
        other[found.head.index("状态")] = "不采纳"
        other[found.head.index("不采纳或更正的原因")] = "另有安排"
        if found.told[clash] != "declined":
            found.rows.append(other)
            found.refused.add(clash)
            del found.told[clash]
    if rng.random() < 0.3:
        stranger = list(found.rows[0])
        stranger[task], stranger[found.head.index("状态")] = "000000000000", "进行中"
        found.rows.append(stranger)
        found.refused.add("")
    if rng.random() < 0.4:
        for row in found.rows:
            row[task] = f" {str(row[task]).upper()} "
    if rng.random() < 0.4:
        place = int(rng.integers(len(found.head)))
        for row, cell in zip([found.head, *found.rows], ["备注", *["见附件"] * len(found.rows)], strict=True):
            row.insert(place, cell)
    if rng.random() < 0.4:
        edits = {"状态": "状态（请选择）", "完成日期": "完成日期(年月日)", "任务编号": "任务编号 请勿改动"}
        found.head[:] = [edits.get(name, name) for name in found.head]
    if rng.random() < 0.3:
        found.rows.insert(int(rng.integers(len(found.rows))), [None] * len(found.head))
    if rng.random() < 0.3:
        found.above = [] if rng.random() < 0.5 else [*found.above, ["请于 10 日前退回"]]


def saved(rng: np.random.Generator, found: Returned, path: Path) -> Path:
    """As xlsx, old xls, or CSV of two encodings."""
    lines = [*found.above, found.head, *found.rows]
    kind = str(rng.choice(["xlsx", "xlsx", "xls", "gb18030", "utf-8-sig"]))
    if kind == "xlsx":
        book = openpyxl.Workbook()
        for line in lines:
            book.active.append(line)  # type: ignore[union-attr]
        if rng.random() < 0.5:
            book.create_sheet("依据", 0).append(["社区", "类别", "月份"])
        book.save(path.with_suffix(".xlsx"))
        return path.with_suffix(".xlsx")
    if kind == "xls":
        old = xlwt.Workbook()
        page = old.add_sheet("任务清单")
        style = xlwt.easyxf(num_format_str="YYYY-MM-DD")
        for r, line in enumerate(lines):
            for c, cell in enumerate(line):
                if cell is not None:
                    plain = cell.item() if isinstance(cell, np.generic) else cell
                    page.write(r, c, plain, style if isinstance(cell, datetime) else xlwt.Style.default_style)
        old.save(str(path.with_suffix(".xls")))
        return path.with_suffix(".xls")
    with path.with_suffix(".csv").open("w", encoding=kind, newline="", errors="replace") as file:
        csv.writer(file).writerows([["" if cell is None else cell for cell in line] for line in lines])
    return path.with_suffix(".csv")


def issue() -> tuple[pd.DataFrame, list[list[Any]]]:
    """(Workplan issued, cells of the task sheet of one street)."""
    material = make()
    book = openpyxl.load_workbook(io.BytesIO(workbook.street(material, "S2")))
    return material.workplan, [list(row) for row in book["任务清单"].iter_rows(values_only=True)]


def test_nothing_is_lost_and_nothing_invented(tmp_path: Path) -> None:
    returned(tmp_path, range(FILES))


def returned(folder: Path, numbers: range) -> None:
    """Send lists out, take them back damaged, and hold what is heard against what was said."""
    issued, cells = issue()
    for number in numbers:
        rng = np.random.default_rng(number)
        found = filled(rng, cells)
        damaged(rng, found)
        path = saved(rng, found, folder / f"{number}")
        parts = [Sheet(path.name, grid) for grid in sheets.every(path)]
        heard = hear(parts, issued, empty(Returns), pd.Timestamp(TODAY))
        said = dict(zip(heard.returns["task_id"], heard.returns["status"], strict=True))
        assert said == found.told, number
        whole = heard.refusals[heard.refusals["reason"] != "bad_figure"]
        assert set(whole["task_id"].fillna("")) == found.refused, number
        done = heard.returns[heard.returns["status"] == "done"]
        assert done["done_on"].between(pd.Timestamp("2025-09-01"), pd.Timestamp(TODAY)).all()
        assert done["cost"].isin([1200.0, 35.5]).all()
