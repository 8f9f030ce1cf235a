"""Material -> Excel workbooks: one a street, to fill in and send back, and one for the whole city.

Same Material, same bytes.
"""

from typing import Any

import pandas as pd

from forecast.tables import ALL, STATUSES
from reports import accuracy, findings, live
from reports.material import Material, records
from reports.sheets import HEADER_ROW, Book, Column, facts, field, lines, reason_columns, sure, table
from reports.texts import Words

UNRESOLVED = 200
"""Values that matched nothing, the most frequent ones."""


def street(material: Material, street: str) -> bytes:
    """The workbook of one street: tasks to fill in, their basis, estates at risk, data."""
    words = Words(material.language)
    place = material.streets[street]
    plan = material.workplan[material.workplan["street"] == street].sort_values("rank")
    asked = plan["task_id"].isin(material.asked["task_id"])
    tasks, waiting = plan[asked], plan[~asked]
    book = Book(material.as_of, words, place)
    _tasks_sheet(book, material, place, tasks)
    if len(waiting):
        month = words.month(material.plan_month)
        notes = [words("book.waiting.note", n=len(waiting))]
        title = words("book.waiting", place=place, month=month)
        columns = [*_task_columns(words), _fate_column(words)]
        book.sheet("sheet.waiting", title, notes, columns, records(waiting))
    _basis_sheet(book, material, place, plan)
    _risk_sheet(book, material, place, street)
    _notes_sheet(book, material)
    return book.finish()


def city(material: Material) -> bytes:
    """The workbook of the whole city: streets compared, all tasks, forecast by category, estates at risk, data."""
    words = Words(material.language)
    book = Book(material.as_of, words, material.city)
    _overview_sheet(book, material)
    waiting = len(material.workplan) - len(material.asked)
    title, notes = _task_heading(material, words, material.city, material.asked)
    notes += [words("book.tasks.waiting", n=waiting)] if waiting else []
    columns = _task_columns(words, city=True)
    book.sheet("sheet.tasks", title, notes, columns, records(material.workplan.sort_values("rank")))
    _categories_sheet(book, material)
    _risk_sheet(book, material, material.city, None)
    _notes_sheet(book, material)
    return book.finish()


def _tasks_sheet(book: Book, material: Material, place: str, tasks: pd.DataFrame) -> None:
    words = book.words
    title, notes = _task_heading(material, words, place, tasks)
    notes += [words("book.tasks.fill")] if len(tasks) else []
    columns = [*_task_columns(words), *_fill_columns(words)]
    sheet = book.sheet("sheet.tasks", title, notes, columns, records(tasks))
    if tasks.empty:
        return
    first, last = HEADER_ROW + 1, HEADER_ROW + len(tasks)
    heads = [column.head for column in columns]
    sheet.print_area(0, 0, last, heads.index(words("col.override")))  # figures and ids are for the screen
    status, done_on = heads.index(words("col.status")), heads.index(words("col.done_on"))
    choices = [words(f"status.{name}") for name in STATUSES]
    sheet.data_validation(first, status, last, status, {"validate": "list", "source": choices})
    rule = {"validate": "date", "criteria": ">=", "value": material.as_of.to_pydatetime()}
    sheet.data_validation(first, done_on, last, done_on, rule)


def _task_heading(material: Material, words: Words, place: str, tasks: pd.DataFrame) -> tuple[str, list[str]]:
    title = words("book.tasks", place=place, month=words.month(material.plan_month))
    if tasks.empty:
        return title, [findings.no_plan(material, words)]
    return title, [words("book.tasks.sum", n=len(tasks), late=findings.late(tasks, words))]


def _task_columns(words: Words, city: bool = False) -> list[Column]:
    """What a task says; the whole city's list names the street and whether the task was chosen."""
    street = [field(words, "street", 9, "street_name")]
    return [
        field(words, "rank", 4.5, "rank", "number"),
        *(street if city else []),
        field(words, "community", 9, "area_name"),
        field(words, "estate", 10, "estate_name"),
        field(words, "category", 8, "category_name"),
        field(words, "action", 25, "action"),
        field(words, "lead", 8, "lead_party"),
        field(words, "support", 8, "support"),
        field(words, "start_by", 10.5, "start_by", "date"),
        Column(words("col.window"), 10, "text", lambda row: words.months(row["window_start"], row["window_end"])),
        field(words, "expected", 7.5, "expected_requests", "count"),
        Column(words("col.sure"), 10, "text", lambda row: sure(row, words)),
        field(words, "normal", 5.5, "normal", "count"),
        field(words, "excess", 7, "excess_over_normal", "signed"),
        field(words, "last_year", 5.5, "last_year", "count"),
        Column(words("col.on_time"), 7, "text", lambda row: words("on_time" if row["on_time"] else "late")),
        Column(words("col.risk"), 6.5 if words.language == "zh" else 10, "grade", lambda row: _grade(row, words)),
        field(words, "reason", 32, "reason"),
        field(words, "proof", 13, "evidence"),
        *([_fate_column(words)] if city else []),
        *([field(words, "task_id", 10, "task_id", "small")] if city else []),
    ]  # fmt: skip


def _fate_column(words: Words) -> Column:
    return Column(words("col.fate"), 9, "text", lambda row: findings.fate(row, words))


def _fill_columns(words: Words) -> list[Column]:
    """Empty columns for the street; the task id tells the city which task a line is."""

    return [
        Column(words("col.status"), 7.5, "fill", lambda _: words("status.not_started")),
        Column(words("col.done_on"), 10.5, "fill_date", lambda _: None),
        Column(words("col.evidence"), 12, "fill", lambda _: None),
        Column(words("col.override"), 12, "fill", lambda _: None),
        *(
            Column(words(f"col.{name}"), 7, "fill", lambda _: None)
            for name in ("cost", "defects_found", "defects_fixed")
        ),
        field(words, "task_id", 10, "task_id", "small"),
    ]


def _basis_sheet(book: Book, material: Material, place: str, plan: pd.DataFrame) -> None:
    """Months ahead of every cell that has a task."""
    words = book.words
    columns = [
        field(words, "community", 16, "area_name"),
        field(words, "category", 16, "category_name"),
        field(words, "month", 12, "month", "month"),
        field(words, "expected", 10, "mean", "count"),
        *(field(words, name, 13, name, "count") for name in ("low80", "high80", "low50", "high50")),
        field(words, "last_year", 10, "last_year", "count"),
        field(words, "normal", 10, "normal", "count"),
        Column(words("col.in_window"), 12, "middle", lambda row: words("yes") if row["in_window"] else ""),
    ]
    title = words("book.basis", place=place)
    rows = _basis(material, plan)
    book.sheet(
        "sheet.basis", title, [words("book.basis.note" if len(rows) else "book.basis.none")], columns, records(rows)
    )


def _basis(material: Material, plan: pd.DataFrame) -> pd.DataFrame:
    """Outlook of the plan's cells with the same month of past years and whether a task's window holds the month."""
    key = ["area", "category"]
    cells = plan.groupby(key, as_index=False).agg(
        area_name=("area_name", "first"), category_name=("category_name", "first"), rank=("rank", "min")
    )
    rows = cells.merge(material.outlook, on=key)
    windows = rows[[*key, "month"]].merge(plan[[*key, "window_start", "window_end"]], on=key)
    ends = windows["month"] + pd.offsets.MonthEnd()
    windows = windows[(windows["month"] <= windows["window_end"]) & (ends >= windows["window_start"])]
    inside = windows.drop_duplicates([*key, "month"])[[*key, "month"]].assign(in_window=True)
    rows = rows.merge(inside, on=[*key, "month"], how="left")
    rows["in_window"] = rows["in_window"].notna()
    return _with_past(rows, material.panel).sort_values(["rank", "month"], ignore_index=True)


def _with_past(rows: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    """`rows` (area, category, month) with `last_year` and `normal`: the same month last year and over all years."""
    key = ["area", "category"]
    known = past.loc[past["area"].isin(rows["area"].unique()), [*key, "month", "orders"]]
    ago = rows["month"] - pd.DateOffset(years=1)
    last = rows[key].assign(month=ago).merge(known, on=[*key, "month"], how="left")
    normal = (
        known.assign(calendar=known["month"].dt.month).groupby([*key, "calendar"])["orders"].mean().rename("normal")
    )
    rows = rows.assign(
        last_year=last["orders"].to_numpy(dtype=float, na_value=float("nan")), calendar=rows["month"].dt.month
    )
    return rows.merge(normal.reset_index(), on=[*key, "calendar"], how="left")


def _risk_sheet(book: Book, material: Material, place: str, street: str | None) -> None:
    words = book.words
    table = findings.risk_table(material, words, street)
    columns = [
        field(words, "estate_name", 20, "name"),
        field(words, "community", 14, "area_name"),
        field(words, "category", 14, "category_name"),
        Column(words("col.grade"), 7, "grade", lambda row: (row["grade"], words.grade(row["grade"]))),
        field(words, "score", 10, "score", "number"),
        field(words, "expected_year", 12, "expected", "count"),
        Column(words("col.sure"), 22, "text", lambda row: sure(row, words)),
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
        field(words, "expected", 10, "mean", "count"),
        *(field(words, name, 13, name, "count") for name in ("low80", "high80", "low50", "high50")),
        field(words, "last_year", 10, "last_year", "count"),
        field(words, "normal", 10, "normal", "count"),
    ]
    rows = material.outlook[material.outlook["area"] == material.root]
    rows = _with_past(rows, material.covered_history)
    rows["category_name"] = [findings.category_name(material, code) for code in rows["category"]]
    rows["order"] = (rows["category"] != ALL).astype(int)
    rows = rows.sort_values(["order", "category", "month"])
    title = words("book.categories", city=material.city)
    book.sheet("sheet.categories", title, [words("book.basis.note")], columns, records(rows))


def _notes_sheet(book: Book, material: Material) -> None:
    """As-of, what was read and left out, how good past forecasts were, method, warnings."""
    words = book.words
    sheet = book.page("sheet.notes", words("book.notes"), [])
    widths = (24, 26, 12, 12, 10, 10, 10, 10, 13, 12, 12)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
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
    row = lines(book, sheet, facts(book, sheet, 2, pairs), sections, sum(widths[1:]))
    row = table(book, sheet, row + 1, _source_columns(words), records(material.sources))
    unresolved = material.unresolved.sort_values("count", ascending=False, kind="stable").head(UNRESOLVED)
    names = {"source": "text", "column": "text", "value": "text", "count": "count"}
    table(book, sheet, row + 1, [field(words, n, 0, n, s) for n, s in names.items()], records(unresolved))


def _source_columns(words: Words) -> list[Column]:
    counts = [field(words, name, 0, name, "count") for name in findings.COUNTS]
    days = [field(words, name, 0, name, "date") for name in ("first_day", "last_day")]
    return [field(words, "source", 0, "source"), field(words, "file", 0, "file"), *days, *counts]


def _grade(row: dict[str, Any], words: Words) -> tuple[Any, Any]:
    """Grade, and the score that its format shows after the word of the grade; the word alone without a score."""
    score = row["risk_score"]
    return row["risk_grade"], words.grade(row["risk_grade"]) or None if pd.isna(score) else score
