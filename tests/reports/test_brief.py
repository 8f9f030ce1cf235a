"""The monthly brief in Word: its words, its layout, what it says when something is missing."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import pandas as pd
import pytest
from docx.shared import Pt
from docx.text.paragraph import Paragraph

from forecast.tables import ALL, Appraisal, Rates, Targets, check, conform
from reports import brief, paper, pictures, places
from reports.material import Material
from reports.texts import Words
from tests.reports.sample import AS_OF, STREETS, make, renamed

GOLDEN = Path(__file__).parent / "golden"


def with_rates(material: Material) -> Material:
    """Call-backs of the city and two streets, and those of a year before."""
    places = [("city", "city", 0.0), ("S1", "street", 0.02), ("S2", "street", -0.03)]
    first = AS_OF - pd.DateOffset(months=11)
    tables = []
    for years, less in ((0, 0.0), (1, 0.012)):
        span = {"first": first - pd.DateOffset(years=years), "last": AS_OF - pd.DateOffset(years=years)}
        rows = [
            {"area": area, "level": level, "category": ALL, "scope": "counted", "callbacks": 1200, "response": 0.961,
             "resolution": 0.72 + more - less, "satisfaction": None if area == "S2" else 0.7 + more + less,
             "score": 74.0 + 100 * more} | span
            for area, level, more in places
        ]  # fmt: skip
        tables.append(check(Rates, conform(Rates, pd.DataFrame(rows))))
    classes = [
        {"area": area, "level": level, "category": ALL, "scope": "counted", "score": 74.0, "before": 73.0,
         "change": 1.0, "high_from": 75.0, "low_below": 72.0, "grade": grade}
        for (area, level, _), grade in zip(places, ("rectify", "advanced", None), strict=True)
    ]  # fmt: skip
    goals = [
        {"season": "heating", "area": "city", "level": "city", "category": ALL, "first": pd.Timestamp("2025-11-01"),
         "last": pd.Timestamp("2026-03-01"), "measure": measure, "last_year": 0.7, "standard": 0.9, "target": 0.75}
        for measure in brief.MEASURES
    ]  # fmt: skip
    return replace(
        material,
        rates=tables[0],
        rates_before=tables[1],
        appraisal=check(Appraisal, conform(Appraisal, pd.DataFrame(classes))),
        targets=check(Targets, conform(Targets, pd.DataFrame(goals))),
    )


def opened(data: bytes) -> Any:
    return docx.Document(io.BytesIO(data))


def said(data: bytes) -> str:
    """Every paragraph and row, in the order of the page."""
    lines: list[str] = []
    for part in opened(data).iter_inner_content():
        if isinstance(part, Paragraph):
            lines.append(part.text)
        else:
            lines += [" | ".join(cell.text for cell in row.cells) for row in part.rows]
    return "\n".join(line for line in lines if line) + "\n"


@pytest.fixture(scope="module")
def zh() -> bytes:
    return brief.render(with_rates(make()))


def test_the_words_in_chinese(zh: bytes) -> None:
    assert said(zh) == (GOLDEN / "brief.zh.txt").read_text(encoding="utf-8")


def test_the_words_in_english() -> None:
    assert said(brief.render(with_rates(make("en")))) == (GOLDEN / "brief.en.txt").read_text(encoding="utf-8")


def test_same_material_same_bytes_that_tell_no_clock(zh: bytes) -> None:
    assert brief.render(with_rates(make())) == zh
    with zipfile.ZipFile(io.BytesIO(zh)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    facts = opened(zh).core_properties
    assert {facts.created, facts.modified} == {AS_OF.tz_localize("UTC").to_pydatetime()}
    assert (facts.title, facts.comments) == ("示例市未诉先办工作专报", "")


def test_the_page_is_that_of_official_documents(zh: bytes) -> None:
    document = opened(zh)
    section = document.sections[0]
    sides = (section.page_width, section.page_height, section.top_margin, section.bottom_margin,
             section.left_margin, section.right_margin)  # fmt: skip
    assert [round(side.mm) for side in sides if side is not None] == [210, 297, 37, 35, 28, 26]
    title, body = document.paragraphs[0], document.paragraphs[3]
    assert [paragraph.runs[0].font.size for paragraph in (title, body)] == [Pt(22), Pt(16)]
    fonts = [p.runs[0]._element.xpath("w:rPr/w:rFonts/@w:eastAsia") for p in (title, document.paragraphs[2], body)]
    assert fonts == [["方正小标宋简体"], ["黑体"], ["仿宋"]]
    assert body._p.xpath("w:pPr/w:ind/@w:firstLineChars") == ["200"]
    assert document.settings.odd_and_even_pages_header_footer
    for footer in (section.footer, section.even_page_footer):
        assert 'w:instr="PAGE"' in footer._element.xml
    assert len(document.inline_shapes) == 2
    with zipfile.ZipFile(io.BytesIO(zh)) as parts:
        assert not [name for name in parts.namelist() if "font" in name.lower() and name.endswith(("odttf", "ttf"))]


def test_what_is_missing_is_said() -> None:
    bare = make(tasks=False, estates=False, scores=False, history=False)
    text = said(brief.render(replace(bare, forecasts=bare.forecasts.head(0))))
    for part in (
        "没有可用的诉求数据",
        "没有可用的预测",
        "因此没有图",
        "无需启动的任务",
        "没有小区数据",
        "下月起可复盘",
        "没有回访记录",
    ):
        assert part in text
    known = make()
    first = known.panel[known.panel["month"] == AS_OF]
    text = said(brief.render(replace(known, panel=first)))
    assert "2025年8月，全市诉求 306 件。" in text


def test_any_name_can_be_written() -> None:
    name = "a\x00\x07\ufffeb<w:p/>&amp;=cmd|' /C calc'!A0\U00013000\ue000"
    data = brief.render(renamed(make(polygons=False), name))
    assert paper.clean(name) in said(data)
    assert paper.clean("a\ud800b") == "a?b"


@pytest.mark.parametrize(
    ("difference", "shown"),
    [(0.012, "上升 1.2 个百分点"), (-0.034, "下降 3.4 个百分点"), (0.0004, "持平"), (0.0, "持平")],
)
def test_differences_of_shares_are_points(difference: float, shown: str) -> None:
    assert brief.points(difference, Words("zh")) == shown


def test_places_are_drawn_with_and_without_polygons() -> None:
    words = Words("zh")
    drawn = {pictures.places(make(polygons=polygons), words) for polygons in (True, False)}
    drawn.add(pictures.places(replace(make(polygons=False), areas=_moved(make(polygons=False).areas)), words))
    assert len(drawn) == 3
    assert all(png is not None and png.startswith(b"\x89PNG") for png in drawn)


def _moved(areas: pd.DataFrame) -> pd.DataFrame:
    """Other names, which must show on the tiles."""
    named = areas["name"].where(areas["level"] != "community", [f"地{n}" for n in range(len(areas))])
    return areas.assign(name=named)


def test_many_communities_are_drawn_as_streets(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles = pictures.places(make(polygons=False), Words("zh"))
    monkeypatch.setattr(pictures, "MOST_TILES", 5)
    assert pictures.places(make(polygons=False), Words("zh")) not in (None, tiles)
    found = places.find(make(polygons=False), [ALL], 5)
    assert found.codes == list(STREETS)


def test_a_community_that_fell_silent_takes_no_month_away_and_is_not_compared() -> None:
    full = make()
    silent = (full.panel["area"] == full.panel["area"].iloc[0]) & (full.panel["month"] == full.origin)
    holed = replace(full, panel=full.panel[~silent])
    rows = holed.panel.pivot_table(index="area", columns="month", values="orders", aggfunc="sum")
    text = said(brief.render(holed))
    month = rows[full.origin]
    assert f"全市诉求 {month.sum():,.0f} 件" in text
    before = (month - rows[full.origin - pd.DateOffset(months=1)]).sum()
    assert f"比上月{'多' if before > 0 else '少'} {abs(before):,.0f} 件" in text


def test_nothing_to_draw_is_no_picture() -> None:
    full = make(tasks=False, estates=False, scores=False, history=False)
    bare = replace(full, forecasts=full.forecasts.head(0))
    assert pictures.trend(bare, Words("zh")) is None
    assert pictures.places(bare, Words("zh")) is None
