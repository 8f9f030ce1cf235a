"""Columns and rows -> worksheets: the one shape every sheet of our workbooks has.

Every text is written as text: never as a formula, a number or a link.
"""

import io
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

import pandas as pd

from reports.texts import OFFICE_FONT, Words, whole

HEADER_ROW = 3
"""Zero-based row of the column names; title and notes stand above."""

LONGEST = 32_767
"""Characters a cell holds."""

MOST_ROWS = 1_000_000
"""Rows of a list; a sheet ends at 1,048,576."""

LINE = 15.0
"""Points a line of text takes. Office programs differ in whether they stretch rows, so each row is given a height."""

MOST_LINES = 26
"""Lines of the highest row Excel allows (409 points)."""

WIDE = 1.9
"""Width of the widest sign."""

COLOURS = {
    "red": ("#C62F2F", "#FFFFFF"),
    "orange": ("#E8862E", "#000000"),
    "yellow": ("#F3D23B", "#000000"),
    "blue": ("#2C6FB5", "#FFFFFF"),
}


@dataclass(frozen=True)
class Column:
    """One column of a sheet: heading, width in characters, format of its cells, value of a row."""

    head: str
    width: float
    style: str
    value: Callable[[dict[str, Any]], Any]


class Book:
    """A workbook being written: its formats, and sheets of one shape (title, note, header, rows)."""

    def __init__(self, as_of: pd.Timestamp, words: Words, title: str):
        import xlsxwriter

        self.buffer = io.BytesIO()
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.file = xlsxwriter.Workbook(self.buffer, options)
        self.file.set_properties({"title": plain(title), "created": as_of.to_pydatetime()})
        self.words = words
        self.styles = {name: self.file.add_format(style) for name, style in _styles(words).items()}

    def sheet(
        self, name: str, title: str, notes: Sequence[str], columns: Sequence[Column], rows: Sequence[dict[str, Any]]
    ) -> Any:
        """A sheet with filters, a header that stays, and one row a row; a list too long for a sheet says so."""
        if len(rows) > MOST_ROWS:
            cut = self.words("book.cut", shown=self.words.count(MOST_ROWS), all=self.words.count(len(rows)))
            notes = [*notes[:-1], f"{notes[-1]} {cut}"] if notes else [cut]
        sheet = self.page(name, title, notes)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width)
            head = "head_fill" if column.style.startswith("fill") else "head"
            sheet.write_string(HEADER_ROW, place, column.head, self.styles[head])
        sheet.set_row(HEADER_ROW, max(_lines(column.head, column.width) for column in columns) * LINE + 4)
        number = HEADER_ROW
        shown = [(place, column.value, column.width, column.style) for place, column in enumerate(columns)]
        for number, row in enumerate(rows[:MOST_ROWS], HEADER_ROW + 1):
            lines = 1
            for place, value_of, width, style in shown:
                value = value_of(row)
                if text := _text(value):
                    lines = max(lines, _lines(text, width))
                self.cell(sheet, number, place, value, style)
            sheet.set_row(number, lines * LINE + 3)
        sheet.autofilter(HEADER_ROW, 0, max(number, HEADER_ROW + 1), len(columns) - 1)
        sheet.freeze_panes(HEADER_ROW + 1, 2)
        sheet.repeat_rows(HEADER_ROW)
        return sheet

    def page(self, name: str, title: str, notes: Sequence[str]) -> Any:
        """A sheet with a title and notes, to be printed on A4 landscape, as wide as one page."""
        sheet = self.file.add_worksheet(self.words(name))
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.25, right=0.25, top=0.4, bottom=0.55)
        sheet.center_horizontally()
        sheet.set_footer("&L&8 " + plain(title).replace("&", "＆")[:120] + "&R&8 " + self.words("print.page"))
        sheet.hide_gridlines(2)
        sheet.write_string(0, 0, plain(title), self.styles["title"])
        sheet.set_row(0, 26)
        for number, note in enumerate(notes, 1):
            sheet.write_string(number, 0, plain(note), self.styles["note"])
        return sheet

    def cell(self, sheet: Any, row: int, column: int, value: Any, style: str) -> None:
        """`value` by its kind; what is missing stays an empty cell."""
        if style == "grade":
            grade, value = value
            style = f"grade_{grade}" if grade in COLOURS else "text"
        if isinstance(value, str):
            sheet.write_string(row, column, plain(value), self.styles[style])
        elif value is None or value is pd.NA or value != value:
            sheet.write_blank(row, column, None, self.styles[style if not style.startswith("grade_") else "text"])
        elif isinstance(value, pd.Timestamp):
            sheet.write_datetime(row, column, value.to_pydatetime(), self.styles[style])
        else:
            exact = style in ("ratio", "percent", "score")
            sheet.write_number(row, column, value if exact else whole(value), self.styles[style])

    def finish(self) -> bytes:
        self.file.close()
        return self.buffer.getvalue()


def field(words: Words, key: str, width: float, name: str, style: str = "text") -> Column:
    """A column that shows a field of the row as it is."""
    return Column(words(f"col.{key}"), width, style, lambda row: row[name])


def reason_columns(words: Words, most: int, width: int) -> list[Column]:
    """A column each for the first `most` of a row's `reasons`, empty where it has fewer."""

    def value(row: Mapping[str, Any], n: int) -> str:
        return row["reasons"][n] if n < len(row["reasons"]) else ""

    return [Column(words("col.reason_n", n=n + 1), width, "text", partial(value, n=n)) for n in range(most)]


def span(row: dict[str, Any], words: Words) -> str:
    """The interval of a row, 33–53; empty where there is none."""
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return ""
    return f"{words.count(row['low'])}–{words.count(row['high'])}"


def sure(row: dict[str, Any], words: Words, at_least: bool = False) -> str:
    """The interval of a row in words; empty where there is none."""
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return ""
    key = "8_in_10.short" if at_least else "8_in_10"
    return words(key, low=words.count(row["low"]), high=words.count(row["high"]))


def lines(book: Book, sheet: Any, row: int, sections: Mapping[str, Sequence[str]], width: float) -> int:
    """Labelled paragraphs, wrapped by hand at `width` columns; returns the row after them."""
    for key, texts in sections.items():
        row += 1 if texts else 0
        parts = [part for text in texts for part in wrapped(plain(text), width)]
        for number, part in enumerate(parts):
            sheet.write_string(row, 0, book.words(key) if number == 0 else "", book.styles["label"])
            sheet.write_string(row, 1, part, book.styles["line"])
            row += 1
    return row


def facts(book: Book, sheet: Any, row: int, pairs: Sequence[tuple[str, str]]) -> int:
    """A label and a value a line; returns the row after them."""
    for key, value in pairs:
        sheet.write_string(row, 0, book.words(key), book.styles["label"])
        sheet.write_string(row, 1, plain(value), book.styles["line"])
        row += 1
    return row


def table(book: Book, sheet: Any, row: int, columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> int:
    """A small table below other lines; returns the row after it. Columns of width 0 do not make rows higher."""
    if not rows:
        return row
    sheet.set_row(row, 2 * LINE + 4)
    for place, column in enumerate(columns):
        sheet.write_string(row, place, column.head, book.styles["head"])
    for number, record in enumerate(rows, row + 1):
        values = [column.value(record) for column in columns]
        pairs = zip(values, columns, strict=True)
        lines = [_lines(value, column.width) for value, column in pairs if column.width and isinstance(value, str)]
        sheet.set_row(number, max(lines, default=1) * LINE + 3)
        for place, (column, value) in enumerate(zip(columns, values, strict=True)):
            book.cell(sheet, number, place, value, column.style)
    return row + len(rows) + 1


def plain(text: str) -> str:
    """What a cell can hold: no lone surrogates, no control signs but line breaks, not too long."""
    if text.isprintable():
        return text[:LONGEST]
    clean = text.encode("utf-8", errors="replace").decode()
    return "".join(sign for sign in clean if sign == "\n" or (sign >= " " and sign not in "\ufffe\uffff"))[:LONGEST]


@cache
def units(sign: str) -> float:
    """Width of a sign in column units: a digit has one."""
    return WIDE if unicodedata.east_asian_width(sign) in "WF" else 1.05


def wrapped(text: str, width: float) -> list[str]:
    """`text` cut into lines of `width` column units, at a space or beside a wide sign."""
    if WIDE * len(text) < width - 0.01:
        return [text]
    lines, start, spot, used = [], 0, 0, 0.0
    sizes = [units(sign) for sign in text]
    for place, (sign, size) in enumerate(zip(text, sizes, strict=True)):
        while used + size > width and place > start:
            cut = spot or place
            lines.append(text[start:cut].rstrip())
            start = place - len(text[cut:place].lstrip())
            used, spot = sum(sizes[start:place]), 0
        used += size
        if sign == " " or size > 1.5:
            spot = place + 1
    return [*lines, text[start:]]


def _text(value: Any) -> str:
    """What of a cell's value may need more than one line."""
    if isinstance(value, str):
        return value
    return _text(value[1]) if isinstance(value, tuple) else ""


@lru_cache(maxsize=2**16)
def _lines(text: str, width: float) -> int:
    """Lines a wrapped text takes in a column of `width`, as far as a row can be stretched."""
    if WIDE * len(text) < width - 0.01 and "\n" not in text:
        return 1
    return min(MOST_LINES, sum(len(wrapped(part, width)) for part in text[: int(MOST_LINES * width)].split("\n")))


def _styles(words: Words) -> dict[str, dict[str, Any]]:
    font = {"font_name": OFFICE_FONT, "font_size": 10}
    text = font | {"num_format": "@"}
    figure = font | {"valign": "top", "border": 1, "border_color": "#C9D0D6"}
    cell = figure | {"text_wrap": True}
    head = cell | {"bold": True, "bg_color": "#E9EDF0", "valign": "vcenter"}
    fill = {"bg_color": "#EAF3F4"}
    zh = words.language == "zh"
    month = 'yyyy"年"m"月"' if zh else "mmm yyyy"
    day = 'm"月"d"日"' if zh else "d mmm"
    signed = '+#,##0" 件";-#,##0" 件";0" 件"' if zh else "+#,##0;-#,##0;0"
    grades = {
        f"grade_{grade}": figure
        | {
            "text_wrap": True,
            "bg_color": back,
            "font_color": ink,
            "bold": True,
            "align": "center",
            "valign": "vcenter",
            "num_format": f'"{words.grade(grade)}" 0',
        }
        for grade, (back, ink) in COLOURS.items()
    }
    return {
        "title": text | {"font_size": 15, "bold": True, "valign": "vcenter"},
        "note": text | {"font_color": "#444B52"},
        "label": text | {"bold": True, "valign": "top"},
        "line": text | {"valign": "top"},
        "head": head,
        "head_fill": head | {"bg_color": "#CFE4E7"},
        "text": cell | {"num_format": "@"},
        "small": cell | {"num_format": "@", "font_size": 8, "font_color": "#5A6670"},
        "middle": cell | {"num_format": "@", "align": "center"},
        "number": figure | {"num_format": "0", "align": "center"},
        "score": figure | {"num_format": "[>=99.5]0.0;[<0.5]0.0;0", "align": "center"},
        "ratio": figure | {"num_format": "0.00", "align": "center"},
        "percent": figure | {"num_format": "0.0%", "align": "center"},
        "count": figure | {"num_format": "#,##0", "align": "right", "indent": 1},
        "signed": figure | {"num_format": signed, "align": "right"},
        "date": figure | {"num_format": "yyyy-mm-dd", "align": "center"},
        "day": figure | {"num_format": day, "align": "center"},
        "month": figure | {"num_format": month, "align": "center"},
        "fill": cell | fill | {"num_format": "@"},
        "fill_date": figure | fill | {"num_format": "yyyy-mm-dd", "align": "center"},
        "fill_count": figure | fill | {"num_format": "#,##0", "align": "right"},
        **grades,
    }
