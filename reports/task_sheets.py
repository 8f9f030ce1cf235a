"""A street's tasks -> sheets of its workbook: the list to fill in, waiting ones, why each, months, how to fill in."""

from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from forecast.tables import STATUSES
from reports import findings
from reports.material import Material, records
from reports.past import of_cells, seasonal
from reports.sheets import COLOURS, HEADER_ROW, Book, Column, field, lines, plain, span, table
from reports.texts import Words, whole

MONTHS_SHOWN = 24
"""Past months behind a line of the sheet of reasons."""

READ = ("expected", "normal", "late", "estate")
"""What the guide explains, in its order."""

MESSAGE = 255
"""Letters a hint beside a cell holds."""


def todo(book: Book, material: Material, place: str, tasks: pd.DataFrame) -> None:
    """The list to fill in. On paper: up to the reason for not doing a task; what follows is for the screen."""
    words = book.words
    title, notes = heading(material, words, place, tasks)
    notes += [words("book.tasks.fill")] if len(tasks) else []
    columns = [*columns_of(words), *_fill_columns(words)]
    sheet = book.sheet("sheet.tasks", title, notes, columns, records(tasks))
    if tasks.empty:
        return
    first, last = HEADER_ROW + 1, HEADER_ROW + len(tasks)
    at = {column.head: place for place, column in enumerate(columns)}
    sheet.print_area(0, 0, last, at[words("col.override")])
    status, done_on = at[words("col.status")], at[words("col.done_on")]
    choices = [words(f"status.{name}") for name in STATUSES]
    sheet.data_validation(first, status, last, status, {"validate": "list", "source": choices})
    rule = {"validate": "date", "criteria": ">=", "value": material.as_of.to_pydatetime()}
    rule |= {"error_title": words("fill.date"), "error_message": words("fill.date.error")}
    sheet.data_validation(first, done_on, last, done_on, rule)
    for name in ("cost", "defects_found", "defects_fixed"):
        column = at[words(f"col.{name}")]
        rule = {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": words("fill.figure.error")}
        sheet.data_validation(first, column, last, column, rule)
    proof = at[words("col.evidence")]
    for row, kept in enumerate(tasks["evidence"], first):
        if kept:
            hint = {"validate": "any", "input_title": words("fill.proof"), "input_message": plain(kept)[:MESSAGE]}
            sheet.data_validation(row, proof, row, proof, hint)


def waiting(book: Book, material: Material, place: str, tasks: pd.DataFrame) -> None:
    """Tasks that do not begin this month, and why; no sheet without any."""
    if tasks.empty:
        return
    words = book.words
    title = words("book.waiting", place=place, month=words.month(material.plan_month))
    notes = [words("book.waiting.note", n=len(tasks))]
    book.sheet("sheet.waiting", title, notes, [*columns_of(words), fate_column(words)], records(tasks))


def heading(material: Material, words: Words, place: str, tasks: pd.DataFrame) -> tuple[str, list[str]]:
    """Title and notes of a list of tasks."""
    title = words("book.tasks", place=place, month=words.month(material.plan_month))
    if tasks.empty:
        return title, [findings.no_plan(material, words)]
    return title, [words("book.tasks.sum", n=len(tasks), late=findings.late(tasks, words))]


def columns_of(words: Words, city: bool = False) -> list[Column]:
    """What a task says; the whole city's list names the street and whether the task was chosen."""
    en = words.language == "en"
    return [
        field(words, "place", 5, "rank", "number"),
        *([field(words, "street", 9, "street_name")] if city else []),
        field(words, "community", 9.5, "area_name"),
        field(words, "category", 9 if en else 8.5, "category_name"),
        field(words, "action", 23 if en else 26, "action"),
        field(words, "lead", 9 if en else 8, "lead_party"),
        field(words, "support", 9 if en else 8.5, "support"),
        field(words, "start_by", 7.5, "start_by", "day"),
        Column(words("col.on_time"), 6.5 if en else 7.5, "text", lambda row: _when(row, words)),
        Column(words("col.window"), 9, "text", lambda row: words.months(row["window_start"], row["window_end"])),
        field(words, "expected", 8 if en else 6, "expected_requests", "count"),
        Column(words("col.sure80"), 8, "middle", lambda row: span(row, words)),
        field(words, "excess", 7, "excess_over_normal", "signed"),
        field(words, "last_year", 5.5, "last_year", "count"),
        Column(words("col.estate"), 11, "grade", lambda row: _estate(row, words)),
        *([fate_column(words)] if city else []),
        *([field(words, "task_id", 10, "task_id", "small")] if city else []),
    ]  # fmt: skip


def fate_column(words: Words) -> Column:
    return Column(words("col.fate"), 9, "text", lambda row: findings.fate(row, words))


def sentence(row: dict[str, Any], words: Words) -> str:
    """A task in one breath: where, what is expected and why, by when to do what, who, what to keep."""
    day = words.day(row["start_by"])
    return words(
        "task.sentence",
        where=row["area_name"],
        category=row["category_name"],
        reason=row["reason"],
        by=words("task.by" if row["on_time"] else "task.too_late", day=day),
        action=row["action"],
        who=words("task.who" if row["support"] else "task.who.alone", lead=row["lead_party"], support=row["support"]),
    ) + (words("task.proof", proof=row["evidence"]) if row["evidence"] else "")


def basis(book: Book, place: str, plan: pd.DataFrame) -> None:
    """One line a task: the whole of it in words, its figures, and a small line of the past months."""
    words = book.words
    columns = [
        field(words, "place", 5, "rank", "number"),
        field(words, "community", 10, "area_name"),
        field(words, "category", 9, "category_name"),
        Column(words("col.in_words"), 60, "text", lambda row: sentence(row, words)),
        field(words, "expected", 8, "expected_requests", "count"),
        field(words, "low80", 8, "low", "count"),
        field(words, "high80", 8, "high", "count"),
        field(words, "normal", 6.5, "normal", "count"),
        field(words, "excess", 8, "excess_over_normal", "signed"),
        field(words, "last_year", 6.5, "last_year", "count"),
        Column(words("col.past", n=MONTHS_SHOWN), 22, "text", lambda _: None),
    ]
    notes = [words("book.basis.note" if len(plan) else "book.basis.none")]
    sheet = book.sheet("sheet.basis", words("book.basis", place=place), notes, columns, records(plan))
    lines_of = {cell: number for number, cell in enumerate(_cells(plan), HEADER_ROW + 2)}
    name = words("sheet.past").replace("'", "''")
    for number, cell in enumerate(zip(plan["area"], plan["category"], strict=True), HEADER_ROW + 1):
        line = lines_of[cell]
        last = _letters(MONTHS_SHOWN + 1)
        drawn = {
            "range": f"'{name}'!$C${line}:${last}${line}",
            "last_point": True,
            "min": 0,
            "series_color": "#1A6B78",
        }
        sheet.add_sparkline(number, len(columns) - 1, drawn)


def past(book: Book, material: Material, place: str, plan: pd.DataFrame) -> None:
    """Requests of the past months of every cell that has a task: what the small lines draw."""
    if plan.empty:
        return
    words = book.words
    months = pd.date_range(end=material.origin, periods=MONTHS_SHOWN, freq="MS")
    cells = _cells(plan)
    heads = [f"{month:%Y-%m}" for month in months]
    known = of_cells(material.past, *zip(*cells, strict=True))
    at = material.past.months.get_indexer(months)
    counts = np.where(at >= 0, known[:, at], np.nan)
    rows = [
        {"area_name": area_name, "category_name": category_name} | dict(zip(heads, row, strict=True))
        for (area_name, category_name), row in zip(cells.values(), counts.tolist(), strict=True)
    ]
    columns = [
        field(words, "community", 11, "area_name"),
        field(words, "category", 11, "category_name"),
        *(
            Column(_head(month, words), 5, "count", itemgetter(head))
            for month, head in zip(months, heads, strict=True)
        ),
    ]
    book.sheet("sheet.past", words("book.past", place=place), [words("book.past.note")], columns, rows)


def months(book: Book, material: Material, place: str, plan: pd.DataFrame) -> None:
    """Months ahead of every cell that has a task."""
    if plan.empty:
        return
    words = book.words
    columns = [
        field(words, "community", 16, "area_name"),
        field(words, "category", 16, "category_name"),
        field(words, "month", 12, "month", "month"),
        *forecast_columns(words),
        Column(words("col.in_window"), 12, "middle", lambda row: words("yes") if row["in_window"] else ""),
    ]
    rows = records(_ahead(material, plan))
    book.sheet("sheet.months", words("book.months", place=place), [words("book.basis.note")], columns, rows)


def forecast_columns(words: Words) -> list[Column]:
    """A month ahead: expected, intervals, last year, normal."""
    return [
        field(words, "expected", 10, "mean", "count"),
        *(field(words, name, 13, name, "count") for name in ("low80", "high80", "low50", "high50")),
        field(words, "last_year", 10, "last_year", "count"),
        field(words, "normal", 10, "normal", "count"),
    ]


def guide(book: Book, tasks: pd.DataFrame) -> None:
    """How to fill in the list and send it back, what its words mean, and what to keep as proof of each work."""
    words = book.words
    sheet = book.page("sheet.guide", words("book.guide"), [])
    widths = (14, 60, 60)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    choices = words("comma").join(words(f"status.{name}") for name in STATUSES)
    row = lines(
        book,
        sheet,
        1,
        {
            "guide.how": [words("guide.how.1", choices=choices), words("guide.how.2"), words("guide.how.3")],
            "guide.back": [words("guide.back.1"), words("guide.back.2")],
            "guide.read": [words(f"guide.read.{name}") for name in READ],
        },
        sum(widths[1:]) - 4,
    )
    for grade in COLOURS:
        book.cell(sheet, row, 0, (grade, words.grade(grade)), "grade")
        sheet.write_string(row, 1, words(f"guide.{grade}"), book.styles["line"])
        row += 1
    proofs = tasks[tasks["evidence"] != ""].drop_duplicates(["category_name", "action", "evidence"])
    columns = [
        field(words, "category", widths[0], "category_name"),
        field(words, "action", widths[1], "action"),
        field(words, "proof", widths[2], "evidence"),
    ]
    table(book, sheet, row + 1, columns, records(proofs))


def with_past(rows: pd.DataFrame, counts: np.ndarray, months: pd.DatetimeIndex) -> pd.DataFrame:
    """`rows` with `last_year` and `normal` of their `month`; `counts`: (rows, months) requests of each row's cell."""
    last, normal = seasonal(counts, months, pd.DatetimeIndex(rows["month"]))
    return rows.assign(last_year=last, normal=normal)


def _fill_columns(words: Words) -> list[Column]:
    """Empty columns for the street; the task id tells the city which task a line is."""
    return [
        Column(words("col.status"), 7.5, "fill", lambda _: words("status.not_started")),
        Column(words("col.done_on"), 10.5, "fill_date", lambda _: None),
        Column(words("col.evidence"), 9, "fill", lambda _: None),
        Column(words("col.override"), 9, "fill", lambda _: None),
        *(
            Column(words(f"col.{name}"), 8, "fill_count", lambda _: None)
            for name in ("cost", "defects_found", "defects_fixed")
        ),
        field(words, "task_id", 11, "task_id", "small"),
    ]


def _ahead(material: Material, plan: pd.DataFrame) -> pd.DataFrame:
    """Outlook of the plan's cells with the same month of past years and whether a task's window holds the month."""
    key = ["area", "category"]
    cells = plan.groupby(key, as_index=False).agg(
        area_name=("area_name", "first"), category_name=("category_name", "first"), rank=("rank", "min")
    )
    rows = cells.merge(material.outlook_by_area.of(cells["area"]), on=key)
    windows = rows[[*key, "month"]].merge(plan[[*key, "window_start", "window_end"]], on=key)
    ends = windows["month"] + pd.offsets.MonthEnd()
    windows = windows[(windows["month"] <= windows["window_end"]) & (ends >= windows["window_start"])]
    inside = windows.drop_duplicates([*key, "month"])[[*key, "month"]].assign(in_window=True)
    rows = rows.merge(inside, on=[*key, "month"], how="left")
    rows["in_window"] = rows["in_window"].notna()
    counts = of_cells(material.past, rows["area"], rows["category"])
    return with_past(rows, counts, material.past.months).sort_values(["rank", "month"], ignore_index=True)


def _cells(plan: pd.DataFrame) -> dict[tuple[str, str], tuple[str, str]]:
    """(area, category) of the plan -> their names, in the order of the plan."""
    once = plan.drop_duplicates(["area", "category"])
    names = zip(once["area_name"], once["category_name"], strict=True)
    return dict(zip(zip(once["area"], once["category"], strict=True), names, strict=True))


def _estate(row: dict[str, Any], words: Words) -> tuple[Any, str | None]:
    """Grade, and the estate to check first with its grade and score in words."""
    if not isinstance(row["estate_name"], str):
        return None, None
    grade, score = words.grade(row["risk_grade"]), row["risk_score"]
    if not grade or pd.isna(score):
        return row["risk_grade"], row["estate_name"]
    return row["risk_grade"], f"{row['estate_name']}\n{grade} {whole(score)}"


def _when(row: dict[str, Any], words: Words) -> str:
    return words("on_time" if row["on_time"] else "late")


def _head(month: pd.Timestamp, words: Words) -> str:
    return f"{month:%b}\n{month.year}" if words.language == "en" else f"{month.year}\n{month.month}月"


def _letters(column: int) -> str:
    """Name of a zero-based column."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))
