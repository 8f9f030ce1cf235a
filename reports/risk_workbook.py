"""RiskMaterial -> the Excel list of estates at risk (小区风险清单). Same material, same bytes."""

import pandas as pd

from forecast.tables import ALL
from reports import findings
from reports.material import records
from reports.risk_material import RiskMaterial
from reports.sheets import Book, Column, facts, field, lines, reason_columns, span, table
from reports.texts import Words

LISTED = 5000
"""Estates on the sheet of all; a longer one is slow to open on an office PC, and nobody reads on."""

GROUPINGS = ("zone", "building_age", "tenure", "elderly_share", "mgmt_type", "owners_body", "heat_type")
"""Order of the sheet of fairness."""

OF_EACH = 20
"""Estates of each category on the sheet of categories: what can be visited, and what fits on paper."""


def render(material: RiskMaterial) -> bytes:
    """All estates by rank; by category; silent ones, where looked for; fairness; data and assumptions."""
    book = Book(material.as_of, material.words, material.city)
    _list_sheet(book, material)
    _categories_sheet(book, material)
    _silent_sheet(book, material)
    _fairness_sheet(book, material)
    _notes_sheet(book, material)
    return book.finish()


def _list_sheet(book: Book, material: RiskMaterial) -> None:
    words = book.words
    rows = material.listed(LISTED)
    several = material.risk.loc[material.risk["category"] != ALL, "category"].nunique() > 1
    columns = [
        *_columns(words, material),
        *([field(words, "main", 12, "main")] if several and material.overall == ALL else []),
        *reason_columns(words, findings.REASONS, 17),
    ]
    told = rows["expected"].notna().any()
    category = material.category_names.get(material.overall, material.overall)
    notes = [material.grade_sentence() + _cut(material, rows)]
    notes.append(words("risk.read", category=category) if told else words("risk.read.points"))
    title = words("risk.title", city=material.city, month=words.month(material.as_of))
    book.sheet("sheet.homes", title, notes, columns, records(rows))


def _cut(material: RiskMaterial, rows: pd.DataFrame) -> str:
    return "" if len(rows) == sum(material.in_grade.values()) else material.words("risk.cut", shown=len(rows))


def _categories_sheet(book: Book, material: RiskMaterial) -> None:
    words = book.words
    rows = material.ranked[~material.ranked["category"].isin([material.overall, ALL])]
    if rows.empty:
        return
    rows = material.with_reasons(rows[rows["rank"] <= OF_EACH])
    columns = [
        field(words, "category", 12, "category_name"),
        *_columns(words, material),
        *reason_columns(words, findings.REASONS, 17),
    ]
    title = words("risk.categories", city=material.city)
    book.sheet("sheet.by_category", title, [words("risk.categories.note", shown=OF_EACH)], columns, records(rows))


def _columns(words: Words, material: RiskMaterial) -> list[Column]:
    return [
        field(words, "rank", 5, "rank", "number"),
        field(words, "estate_name", 17, "name"),
        field(words, "street", 10, "street_name"),
        field(words, "community", 11, "area_name"),
        Column(words("col.grade"), 7, "grade", lambda row: (row["grade"], words.grade(row["grade"]))),
        field(words, "score", 9, "score", "score"),
        field(words, "expected_year", 11, "expected", "count"),
        Column(words("col.sure80"), 10, "middle", lambda row: span(row, words)),
        Column(words("col.in_top", top=material.top), 9, "percent", lambda row: row["in_top"]),
        field(words, "households", 11 if words.language == "en" else 8, "households", "count"),
        field(words, "built_year", 8, "built_year", "number"),
    ]


def _silent_sheet(book: Book, material: RiskMaterial) -> None:
    """Estates that are likely to report less than happens there, the surest first."""
    words = book.words
    if material.silent is None:
        return
    rows = material.silent[material.silent["listed"] & (material.silent["category"] == ALL)]
    rows = rows.merge(material.estates[["estate", "name", "area"]], on="estate")
    names = dict(zip(material.areas["area"], material.areas["name"], strict=True))
    streets = material.ranked.drop_duplicates("estate").set_index("estate")["street_name"]
    rows = rows.assign(
        area_name=[names.get(code, "") for code in rows["area"]], street_name=rows["estate"].map(streets).fillna("")
    )
    rows = rows.sort_values(["probability", "estate"], ascending=[False, True])
    columns = [
        field(words, "estate_name", 20, "name"),
        field(words, "street", 12, "street_name"),
        field(words, "community", 14, "area_name"),
        field(words, "probability", 10, "probability", "percent"),
        field(words, "expected_then", 10, "expected", "count"),
        field(words, "reported", 10, "reported", "count"),
        field(words, "reason", 60, "reason_en" if words.language == "en" else "reason"),
    ]
    title = words("risk.silent", city=material.city)
    book.sheet("sheet.silent", title, [words("risk.silent.note")], columns, records(rows))


def _fairness_sheet(book: Book, material: RiskMaterial) -> None:
    words, rows = book.words, material.fairness
    if rows.empty:
        return
    rows = rows.sort_values("by", key=lambda by: by.map(GROUPINGS.index), kind="stable")
    unknown = words("fair.unknown")
    columns = [
        Column(words("col.by"), 16, "text", lambda row: words(f"fair.{row['by']}")),
        Column(words("col.group"), 16, "text", lambda row: unknown if row["group"] == "unknown" else row["group"]),
        *(field(words, name, 9, name, "count") for name in ("estates", "slots")),
        field(words, "slots_share", 10, "slots_share", "percent"),
        field(words, "need", 10, "need", "count"),
        field(words, "need_share", 10, "need_share", "percent"),
        field(words, "fair_ratio", 9, "ratio", "ratio"),
        *(field(words, name, 9, name, "ratio") for name in ("low", "high")),
        field(words, "uncapped_share", 13, "uncapped_share", "percent"),
        field(words, "uncapped_ratio", 11, "uncapped_ratio", "ratio"),
    ]
    slots = words("risk.fairness.top", top=material.slots) if material.slots else words("risk.fairness.note")
    counted = (rows["basis"] == "incidents").all()
    notes = [slots, words("risk.fairness.incidents" if counted else "risk.fairness.households", cap=material.cap)]
    book.sheet("sheet.fairness", words("risk.fairness", city=material.city), notes, columns, records(rows))


def _notes_sheet(book: Book, material: RiskMaterial) -> None:
    """As-of, what is unknown, what is assumed, which model scored what, warnings."""
    words = book.words
    sheet = book.page("sheet.notes", words("book.notes"), [])
    widths = (22, 20, 14, 14, 14, 14, 14, 14)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    pairs = [
        ("note.city", material.city),
        ("note.issued", words.month(material.as_of)),
        ("note.run", material.run_id),
        ("note.version", material.version),
    ]
    red, orange, yellow = (f"{words.percent(share)} %" for share in material.cuts)
    raised = material.risk_drivers[material.risk_drivers["driver"].str.startswith("elderly_share")]
    people = words("risk.about.people", n=raised["estate"].nunique())
    mapped = int((material.estates["lon"].notna() & material.estates["lat"].notna()).sum())
    sections = {
        "note.warning": list(material.warnings),
        "note.unknown": [material.unknown_sentence()],
        "note.method": [words("risk.about.score", top=material.top), words("risk.about.relative")],
        "note.assumed": [words("risk.about.cuts", red=red, orange=orange, yellow=yellow)],
        "note.fair": [*findings.fair(material.fairness, words), people],
        "note.data": [words("risk.about.map", n=mapped, without=len(material.estates) - mapped)],
    }
    row = lines(book, sheet, facts(book, sheet, 2, pairs), sections, sum(widths[1:]))
    used = material.ranked.groupby(["category", "category_name", "model"], dropna=False).size().rename("estates")
    models = [field(words, "category", widths[0], "category_name"), field(words, "scored_by", widths[1], "model")]
    table(
        book, sheet, row + 1, [*models, field(words, "estates", 0, "estates", "count")], records(used.reset_index())
    )
