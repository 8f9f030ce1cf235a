"""A Leaf -> sheets of a street's workbook: the list to fill in, waiting ones, why each, months, how to fill in."""

from functools import partial
from typing import Any

import pandas as pd

from forecast.tables import STATUSES
from reports import findings
from reports.leaf import Leaf, once
from reports.material import Rows, records
from reports.sheets import COLOURS, HEADER_ROW, Book, Column, field, lines, plain, span, table
from reports.texts import Words, whole

READ = ("expected", "normal", "late", "estate")
"""What the guide explains, in its order."""

MESSAGE = 255
"""Letters a hint beside a cell holds."""


def todo(book: Book, leaf: Leaf, tasks: Rows) -> None:
    """The list to fill in. On paper: up to the reason for not doing a task; what follows is for the screen."""
    words = book.words
    notes = [*leaf.notes, *([words("book.tasks.fill")] if tasks else [])]
    columns = [*columns_of(words), *_fill_columns(words)]
    sheet = book.sheet("sheet.tasks", leaf.title, notes, columns, tasks)
    if not tasks:
        return
    first, last = HEADER_ROW + 1, HEADER_ROW + len(tasks)
    at = {column.head: place for place, column in enumerate(columns)}
    sheet.print_area(0, 0, last, at[words("col.override")])
    status, done_on = at[words("col.status")], at[words("col.done_on")]
    choices = [words(f"status.{name}") for name in STATUSES]
    sheet.data_validation(first, status, last, status, {"validate": "list", "source": choices})
    rule = {"validate": "date", "criteria": ">=", "value": leaf.as_of.to_pydatetime()}
    rule |= {"error_title": words("fill.date"), "error_message": words("fill.date.error")}
    sheet.data_validation(first, done_on, last, done_on, rule)
    for name in ("cost", "defects_found", "defects_fixed"):
        column = at[words(f"col.{name}")]
        rule = {"validate": "decimal", "criteria": ">=", "value": 0, "error_message": words("fill.figure.error")}
        sheet.data_validation(first, column, last, column, rule)
    proof = at[words("col.evidence")]
    for row, task in enumerate(tasks, first):
        if kept := task["evidence"]:
            hint = {"validate": "any", "input_title": words("fill.proof"), "input_message": plain(kept)[:MESSAGE]}
            sheet.data_validation(row, proof, row, proof, hint)


def waiting(book: Book, leaf: Leaf, tasks: Rows) -> None:
    """Tasks that do not begin this month, and why; no sheet without any."""
    if not tasks:
        return
    words = book.words
    title = words("book.waiting", place=leaf.place, month=words.month(leaf.plan_month))
    notes = [words("book.waiting.note", n=len(tasks))]
    book.sheet("sheet.waiting", title, notes, [*columns_of(words), fate_column(words)], tasks)


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


def basis(book: Book, leaf: Leaf, tasks: Rows) -> None:
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
        Column(words("col.past", n=len(leaf.past_months)), 22, "text", lambda _: None),
    ]
    notes = [words("book.basis.note" if tasks else "book.basis.none")]
    sheet = book.sheet("sheet.basis", words("book.basis", place=leaf.place), notes, columns, tasks)
    cells = once(leaf.plan)[["area", "category"]].itertuples(index=False, name=None)
    lines_of = {cell: number for number, cell in enumerate(cells, HEADER_ROW + 2)}
    name = words("sheet.past").replace("'", "''")
    last = _letters(len(leaf.past_months) + 1)
    at = [lines_of[task["area"], task["category"]] for task in tasks]
    drawn = {
        "location": [
            f"{_letters(len(columns) - 1)}{row}" for row in range(HEADER_ROW + 2, HEADER_ROW + 2 + len(tasks))
        ],
        "range": [f"'{name}'!$C${line}:${last}${line}" for line in at],
        "last_point": True,
        "min": 0,
        "series_color": "#1A6B78",
    }
    if tasks:
        sheet.add_sparkline(0, 0, drawn)


def past(book: Book, leaf: Leaf) -> None:
    """Requests of the past months of every cell that has a task: what the small lines draw."""
    if leaf.plan.empty:
        return
    words = book.words
    names = once(leaf.plan)[["area_name", "category_name"]].itertuples(index=False, name=None)
    rows = [{"names": cell, "counts": counts} for cell, counts in zip(names, leaf.past.tolist(), strict=True)]
    columns = [
        Column(words("col.community"), 11, "text", lambda row: row["names"][0]),
        Column(words("col.category"), 11, "text", lambda row: row["names"][1]),
        *(Column(_head(month, words), 5, "count", partial(_count, n=n)) for n, month in enumerate(leaf.past_months)),
    ]
    book.sheet("sheet.past", words("book.past", place=leaf.place), [words("book.past.note")], columns, rows)


def months(book: Book, leaf: Leaf) -> None:
    """Months ahead of every cell that has a task."""
    if leaf.plan.empty:
        return
    words = book.words
    columns = [
        field(words, "community", 16, "area_name"),
        field(words, "category", 16, "category_name"),
        field(words, "month", 12, "month", "month"),
        *forecast_columns(words),
        Column(words("col.in_window"), 12, "middle", lambda row: words("yes") if row["in_window"] else ""),
    ]
    title = words("book.months", place=leaf.place)
    book.sheet("sheet.months", title, [words("book.basis.note")], columns, records(leaf.months))


def forecast_columns(words: Words) -> list[Column]:
    """A month ahead: expected, intervals, last year, normal."""
    return [
        field(words, "expected", 10, "mean", "count"),
        *(field(words, name, 13, name, "count") for name in ("low80", "high80", "low50", "high50")),
        field(words, "last_year", 10, "last_year", "count"),
        field(words, "normal", 10, "normal", "count"),
    ]


def guide(book: Book, leaf: Leaf) -> None:
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
    kept = leaf.plan.loc[leaf.plan["evidence"] != "", ["category_name", "action", "evidence"]]
    columns = [
        field(words, "category", widths[0], "category_name"),
        field(words, "action", widths[1], "action"),
        field(words, "proof", widths[2], "evidence"),
    ]
    table(book, sheet, row + 1, columns, records(kept.drop_duplicates()))


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


def _count(row: dict[str, Any], n: int) -> Any:
    return row["counts"][n]


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
