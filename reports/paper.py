"""Headings, paragraphs, tables and pictures -> a Word file in the layout of official Chinese documents (GB/T 9704).

Fonts are named, none is carried: a machine without them takes its own. Same content, same bytes.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import pandas as pd

MARGINS = {"top": 37, "bottom": 35, "left": 28, "right": 26}
"""Millimetres of an A4 page."""

TITLE, BODY, HEAD, SUB = "方正小标宋简体", "仿宋", "黑体", "楷体"
WESTERN = "Times New Roman"
BIG, NORMAL, SMALL = 22.0, 16.0, 10.5
"""Points of 二号, 三号 and 五号."""

LINE = 28.0
"""Points from line to line."""

WIDE = 156
"""Millimetres between the margins."""

EPOCH = (1980, 1, 1, 0, 0, 0)
BAD = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Signs XML cannot hold."""

FIGURE = re.compile(r"[\d,.+−–]+( \([\d,–]+\)| 件| requests)?$")
"""What stands in the middle of its cell."""


class Paper:
    """A document being written."""

    def __init__(self, as_of: pd.Timestamp, title: str, language: str):
        import docx
        from docx.shared import Mm

        self.file = docx.Document()
        section = self.file.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        for side, size in MARGINS.items():
            setattr(section, f"{side}_margin", Mm(size))
        section.footer_distance = Mm(25)
        self.file.settings.odd_and_even_pages_header_footer = True
        self._normal()
        _page_number(section.footer, "right")
        _page_number(section.even_page_footer, "left")
        facts = self.file.core_properties
        facts.title, facts.author, facts.comments, facts.language = clean(title)[:255], "weisu", "", language
        facts.created = facts.modified = as_of.to_pydatetime()
        facts.last_modified_by, facts.revision = "weisu", 1

    def title(self, text: str, below: str) -> None:
        self._line(text, TITLE, BIG, align="center", style="Title", after=0)
        self._line(below, SUB, NORMAL, align="center", after=14)

    def heading(self, text: str) -> None:
        self._line(text, HEAD, NORMAL, indent=True, style="Heading 1", keep=True)

    def text(self, text: str, lead: str = "") -> None:
        """A paragraph; `lead`, its first words, stand in 楷体."""
        paragraph = self._line("", BODY, NORMAL, indent=True)
        for part, font in ((lead, SUB), (text, BODY)):
            if part:
                _font(paragraph.add_run(clean(part)), font, NORMAL)

    def caption(self, text: str, above: bool = False) -> None:
        """Below a picture, or above a table, with which it stays."""
        self._line(text, SUB, 12.0, align="center", keep=above, exact=20.0)

    def picture(self, png: bytes, words: str, high: float) -> None:
        """`words` are read out to who cannot see it; at most `high` mm."""
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.shared import Mm

        wide, tall = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
        paragraph = self.file.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.line_spacing = 1.0
        paragraph.paragraph_format.keep_with_next = True
        shape = paragraph.add_run().add_picture(io.BytesIO(png), width=Mm(min(WIDE, high * wide / tall)))
        shape._inline.docPr.set("descr", clean(words))

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
        """A ruled table whose head is repeated on each page; `widths` are shares of the page."""
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.oxml import OxmlElement
        from docx.shared import Mm

        table = self.file.add_table(rows=0, cols=len(heads), style="Table Grid")
        table.autofit = False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Mm(WIDE * width / sum(widths))
        for number, texts in enumerate([heads, *rows]):
            row = table.add_row()
            marks = row._tr.get_or_add_trPr()
            marks.append(OxmlElement("w:cantSplit"))
            if number == 0:
                marks.append(OxmlElement("w:tblHeader"))
            for cell, text, width in zip(row.cells, texts, widths, strict=True):
                cell.width = Mm(WIDE * width / sum(widths))
                paragraph = cell.paragraphs[0]
                paragraph.paragraph_format.line_spacing = 1.0
                if number == 0 or FIGURE.match(text):
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
                _font(paragraph.add_run(clean(text)), HEAD if number == 0 else BODY, SMALL)
        self._line("", BODY, 6.0, exact=8.0)

    def small(self, text: str) -> None:
        self._line(text, BODY, SMALL, exact=16.0)

    def finish(self) -> bytes:
        """The file, its parts dated alike."""
        raw, fixed = io.BytesIO(), io.BytesIO()
        self.file.save(raw)
        with zipfile.ZipFile(raw) as parts, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as out:
            for name in parts.namelist():
                info = zipfile.ZipInfo(name, EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                out.writestr(info, parts.read(name))
        return fixed.getvalue()

    def _normal(self) -> None:
        from docx.oxml.ns import qn
        from docx.shared import Pt

        for lang in self.file.styles.element.iter(qn("w:lang")):
            lang.set(qn("w:eastAsia"), "zh-CN")
        for name in ("Normal", "Title", "Heading 1"):
            style = self.file.styles[name]
            style.font.name, style.font.size = WESTERN, Pt(NORMAL)
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for theme in [key for key in fonts.keys() if key.endswith("Theme")]:  # noqa: SIM118
                del fonts.attrib[theme]
            fonts.set(qn("w:eastAsia"), BODY)
        for name in ("Title", "Heading 1"):
            style = self.file.styles[name]
            style.font.color.rgb, style.font.bold = None, False
            for border in style.element.pPr.findall(qn("w:pBdr")):
                style.element.pPr.remove(border)
        self.file.styles["Normal"].paragraph_format.space_after = Pt(0)

    def _line(
        self, text: str, font: str, size: float, *, align: str = "", indent: bool = False, style: str = "Normal",
        after: float = 0, keep: bool = False, exact: float = LINE,
    ) -> Any:  # fmt: skip
        from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
        from docx.oxml.ns import qn
        from docx.shared import Pt

        paragraph = self.file.add_paragraph(style=style)
        shape = paragraph.paragraph_format
        shape.space_before, shape.space_after = Pt(0), Pt(after)
        shape.line_spacing_rule, shape.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(max(exact, 1.2 * size))
        shape.keep_with_next = keep
        if align:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if indent:
            shape.first_line_indent = Pt(2 * size)
            paragraph._p.get_or_add_pPr().get_or_add_ind().set(qn("w:firstLineChars"), "200")
        if text:
            _font(paragraph.add_run(clean(text)), font, size)
        return paragraph


def clean(text: str) -> str:
    """What XML can hold."""
    return BAD.sub("", text.encode("utf-8", errors="replace").decode())


def _font(run: Any, name: str, size: float) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    run.font.name, run.font.size, run.font.color.rgb = WESTERN, Pt(size), RGBColor(0, 0, 0)
    run._element.rPr.rFonts.set(qn("w:eastAsia"), name)


def _page_number(footer: Any, side: str) -> None:
    """— 1 —, at the outer side."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if side == "right" else WD_ALIGN_PARAGRAPH.LEFT
    _font(paragraph.add_run("— "), "宋体", 14.0)
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)
    _font(paragraph.add_run(" —"), "宋体", 14.0)
