"""Material -> Excel workbooks: one a street, to fill in and send back, and one for the whole city.

Same Material, same bytes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.tables import ALL
from reports import accuracy, findings, live, task_sheets
from reports.leaf import Leaf, by_street, heading, leaf, with_past
from reports.material import ASKED, Material, Rows, records
from reports.sheets import HEADER_ROW, Book, Column, facts, field, lines, reason_columns, span, sure, table
from reports.texts import Words

UNRESOLVED = 200
"""Values that matched nothing, the most frequent ones."""


@dataclass(frozen=True)
class About:
    """What every workbook says of the data: label and value, paragraphs, rows of two tables."""

    pairs: list[tuple[str, str]]
    sections: dict[str, list[str]]
    sources: Rows
    unresolved: Rows


def street(material: Material, street: str) -> bytes:
    """The workbook of one street: tasks to fill in, why each, estates at risk, how to fill it in, data, months."""
    return draw(about(material), leaf(by_street(material), street))


def about(material: Material) -> About:
    """As-of, what was read and left out, how good past forecasts were, method, warnings."""
    words = Words(material.language)
    pairs = [
        ("note.city", material.city),
        ("note.as_of", words.month(material.as_of)),
        ("note.origin", words.month(material.origin)),
        ("note.run", material.run_id),
        ("note.version", material.version),
    ]
    sections = {
        "note.warning": list(material.warnings),
        "note.data": findings.data_sentences(material, words),
        "note.live": live.sentences(material, words),
        "note.accuracy": accuracy.sentences(material, words),
        "note.fair": findings.fair(material.fairness, words),
        "note.method": findings.method(words),
    }
    unresolved = material.unresolved.sort_values("count", ascending=False, kind="stable").head(UNRESOLVED)
    return About(pairs, sections, records(material.sources), records(unresolved))


def draw(about: About, leaf: Leaf) -> bytes:
    """The workbook of a street."""
    words = Words(leaf.language)
    book = Book(leaf.as_of, words, leaf.place)
    tasks = records(leaf.plan)
    task_sheets.todo(book, leaf, [task for task in tasks if task["fate"] in ASKED])
    task_sheets.waiting(book, leaf, [task for task in tasks if task["fate"] not in ASKED])
    task_sheets.basis(book, leaf, tasks)
    _risk_sheet(book, leaf.place, leaf.risk)
    task_sheets.guide(book, leaf)
    _notes_sheet(book, about)
    task_sheets.months(book, leaf)
    task_sheets.past(book, leaf)
    return book.finish()


def city(material: Material) -> bytes:
    """The workbook of the whole city: streets compared, all tasks, forecast by category, estates at risk, data."""
    words = Words(material.language)
    book = Book(material.as_of, words, material.city)
    _overview_sheet(book, material)
    waiting = len(material.workplan) - len(material.asked)
    title, notes = heading(material, words, material.city, material.asked)
    notes += [words("book.tasks.waiting", n=waiting)] if waiting else []
    columns = task_sheets.columns_of(words, city=True)
    rows = records(material.workplan.sort_values("rank"))
    sheet = book.sheet("sheet.tasks", title, notes, columns, rows)
    sheet.print_area(0, 0, HEADER_ROW + max(1, len(rows)), len(columns) - 2)  # ids are for the screen
    _categories_sheet(book, material)
    _risk_sheet(book, material.city, findings.risk_table(material, words))
    _notes_sheet(book, about(material))
    return book.finish()


def _risk_sheet(book: Book, place: str, table: pd.DataFrame) -> None:
    words = book.words
    columns = [
        field(words, "estate_name", 20, "name"),
        field(words, "community", 14, "area_name"),
        field(words, "category", 14, "category_name"),
        Column(words("col.grade"), 7, "grade", lambda row: (row["grade"], words.grade(row["grade"]))),
        field(words, "score", 10, "score", "number"),
        field(words, "expected_year", 12, "expected", "count"),
        Column(words("col.sure80"), 10, "middle", lambda row: span(row, words)),
        field(words, "households", 8, "households", "count"),
        field(words, "built_year", 8, "built_year", "number"),
        *reason_columns(words, findings.REASONS, 22),
    ]
    note = words("book.risk.note" if len(table) else "book.risk.none")
    book.sheet("sheet.risk", words("book.risk", place=place), [note], columns, records(table))


def _overview_sheet(book: Book, material: Material) -> None:
    """Streets by the requests expected in them."""
    words = book.words
    months = words.months(material.ahead[0], material.ahead[-1]) if len(material.ahead) else ""
    columns = [
        field(words, "rank", 5, "rank", "number"),
        field(words, "street", 18, "name"),
        field(words, "tasks", 10, "tasks", "count"),
        field(words, "tasks_late", 11, "late", "count"),
        Column(words("col.expected_ahead", months=months), 14, "count", lambda row: row["expected"]),
        Column(words("col.sure"), 28, "text", lambda row: sure(row, words, at_least=True)),
        Column(words("col.last_year"), 10, "count", lambda row: row["last_year"] if row["complete"] else None),
        Column(words("col.against_last_year"), 10, "signed", lambda row: row["same"] - row["last_year"]),
        field(words, "red", 10, "red", "count"),
        field(words, "orange", 10, "orange", "count"),
    ]
    title = words("book.overview", city=material.city, month=words.month(material.plan_month))
    notes = [findings.headlines(material, words)[0]]
    if months:
        notes.append(words("book.overview.note", months=months))
    book.sheet("sheet.overview", title, notes, columns, records(_streets(material)))


def _streets(material: Material) -> pd.DataFrame:
    """One row a street: name, tasks, late, columns of `coming`, red, orange, rank."""
    rows = pd.DataFrame({"area": list(material.streets), "name": list(material.streets.values())})
    asked = material.asked
    rows["tasks"] = rows["area"].map(asked.groupby("street").size()).fillna(0)
    rows["late"] = rows["area"].map(asked[~asked["on_time"]].groupby("street").size()).fillna(0)
    ahead = material.coming[material.coming["category"] == ALL].drop(columns="category")
    rows = rows.merge(ahead, on="area", how="left")
    graded = material.risk.merge(material.estates[["estate", "area"]], on="estate")
    graded["street"] = graded["area"].map(material.street_of)
    for grade in ("red", "orange"):
        counts = graded[graded["grade"] == grade].groupby("street")["estate"].nunique()
        rows[grade] = rows["area"].map(counts).fillna(0) if len(graded) else float("nan")
    rows = rows.sort_values(["expected", "area"], ascending=[False, True], ignore_index=True)
    return rows.assign(rank=rows.index + 1)


def _categories_sheet(book: Book, material: Material) -> None:
    words = book.words
    columns = [
        field(words, "category", 20, "category_name"),
        field(words, "month", 12, "month", "month"),
        *task_sheets.forecast_columns(words),
    ]
    rows, known = material.outlook_by_area.of([material.root]), material.past
    at = pd.Index([*known.categories, ALL]).get_indexer(pd.Index(rows["category"]))
    counts = np.concatenate([material.steady, np.full((1, len(known.months)), np.nan)])[at]
    rows = with_past(rows, counts, known.months)
    rows["category_name"] = [findings.category_name(material, code) for code in rows["category"]]
    rows["order"] = (rows["category"] != ALL).astype(int)
    rows = rows.sort_values(["order", "category", "month"])
    title = words("book.categories", city=material.city)
    book.sheet("sheet.categories", title, [words("book.basis.note")], columns, records(rows))


def _notes_sheet(book: Book, about: About) -> None:
    words = book.words
    sheet = book.page("sheet.notes", words("book.notes"), [])
    widths = (24, 26, 12, 12, 10, 10, 10, 10, 13, 12, 12)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    row = lines(book, sheet, facts(book, sheet, 2, about.pairs), about.sections, sum(widths[1:]))
    row = table(book, sheet, row + 1, _source_columns(words), about.sources)
    names = {"source": "text", "column": "text", "value": "text", "count": "count"}
    table(book, sheet, row + 1, [field(words, n, 0, n, s) for n, s in names.items()], about.unresolved)


def _source_columns(words: Words) -> list[Column]:
    counts = [field(words, name, 0, name, "count") for name in findings.COUNTS]
    days = [field(words, name, 0, name, "date") for name in ("first_day", "last_day")]
    return [field(words, "source", 0, "source"), field(words, "file", 0, "file"), *days, *counts]
