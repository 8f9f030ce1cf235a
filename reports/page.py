"""Material -> one HTML file that needs no network: words, charts, map, plan, risk, accuracy, method."""

import json
from typing import Any

import pandas as pd

from forecast.tables import ALL, UNCLASSIFIED
from reports import accuracy, changes, charts, findings, html, live, page_plan, places, series
from reports.material import Material, records
from reports.places import Places
from reports.series import Line
from reports.texts import FONTS, Words, whole

TASKS = 1000
"""Tasks on the page; the rest are in the CSV."""
ESTATES = 50

SECTIONS = ("headlines", "changes", "data", "live", "coming", "map", "plan", "risk", "accuracy", "method")

SAID = {
    "trend": "trend.sentence", "none": "trend.none", "range": "range", "sure": "8_in_10.at_least",
    "no_interval": "no_interval", "against": "headline.against", "part": "headline.against.part",
    "no_last_year": "headline.no_last_year", "more_than": "change.more", "fewer": "change.fewer",
    "same": "change.same", "shown": "plan.shown", "copied": "plan.copied", "copy": "plan.copy",
    "requests": "requests", "whole": "coming.whole", "tile": "map.tile",
    "all_rows": "page.all_rows", "then": "trend.then",
}  # fmt: skip
"""Texts the script fills in: its name for each -> key."""

PARTS = (
    "months", "category", "expected", "range", "against", "low", "high", "change", "last_year", "n", "shown", "all",
    "place", "name",
)  # fmt: skip
"""Places in these texts, left for the script."""


def render(material: Material) -> bytes:
    """The page as UTF-8 HTML."""
    words = Words(material.language)
    template = html.environment().get_template("page.html.j2")
    tasks = page_plan.rows(material, words, TASKS)
    categories = series.choices(material)
    where = places.find(material, categories)
    lines = series.lines(material, series.wanted(material, categories))
    page = template.render(
        t=words,
        language="zh-CN" if material.language == "zh" else "en",
        material=material,
        fonts=FONTS,
        sections=SECTIONS,
        headlines=findings.headlines(material, words),
        made=_made(material, words),
        changes=changes.sentences(material, words),
        dropped=changes.dropped(material, words),
        dropped_cut=changes.cut(material, words),
        data=findings.data_sentences(material, words),
        sources=_sources(material, words),
        categories=[findings.category_name(material, code) for code in categories],
        sentence=findings.trend_sentence(material, words),
        cut=_cut(material, words, categories),
        compared=words("trend.before" if any(line.before for line in lines) else "trend.year"),
        fits="" if len(lines) < series.LINES else words("coming.cut"),
        where=places.sentence(where, words),
        missing=places.missing(where, words),
        spans=places.spans(where, words),
        level=words(f"place.{where.level}"),
        tasks=tasks,
        plan_columns=page_plan.COLUMNS,
        plan_sentence=findings.plan_headline(material, words),
        hidden_tasks=max(0, len(material.workplan) - TASKS),
        streets=sorted({task["street"] for task in tasks}),
        leads=sorted({task["lead"] for task in tasks}),
        fates=sorted({task["fate"] for task in tasks}),
        risk=_risk(material, words),
        silent=findings.silent(material, words, ESTATES),
        live=live.sentences(material, words),
        live_chart=bool(live.chart_rows(material, categories)),
        accuracy=accuracy.sentences(material, words),
        horizons=accuracy.by_horizon(material, words),
        method=findings.method(words),
        payload=_payload(material, words, categories, (where, lines), tasks),
        library=html.markup(charts.library()),
        style=html.markup(html.read("page.css")),
        script=html.markup(html.read("page.js")),
    )
    return page.encode("utf-8", errors="replace")


def _payload(
    material: Material,
    words: Words,
    categories: list[str],
    drawn: tuple[Places, list[Line]],
    tasks: list[dict[str, Any]],
) -> Any:
    """Everything the script of the page reads."""
    where, lines = drawn
    payload = {
        "charts": {
            "trend": json.loads(charts.trend(material.origin, material.as_of, words)) if lines else None,
            "live": _live(material, words, categories),
            "areas": json.loads(charts.areas_map(words)) if where.shapes else None,
        },
        "categories": [findings.category_name(material, code) for code in categories],
        "lines": _lines(material, words, categories, lines),
        "map": places.payload(material, where, words),
        "csv": {
            "name": f"workplan-{material.plan_month:%Y-%m}.csv",
            "header": [words(f"col.{name}") for name in page_plan.CSV],
            "rows": [[task["csv"][name] for name in page_plan.CSV] for task in tasks],
        },
        "columns": page_plan.COLUMNS,
        "sort": [[task["sort"][name] for name in page_plan.COLUMNS] for task in tasks],
        "words": {name: words(key, **{part: f"{{{part}}}" for part in PARTS}) for name, key in SAID.items()},
    }
    return html.markup(html.script_json(payload))


def _live(material: Material, words: Words, categories: list[str]) -> dict[str, Any] | None:
    data = live.chart_rows(material, categories)
    return json.loads(live.chart(words)) | {"datasets": {"live": data}} if data else None


def _lines(material: Material, words: Words, categories: list[str], lines: list[Line]) -> dict[str, Any]:
    """Places with a line, the months, and the figures of each line; places and categories by position."""
    codes = list(dict.fromkeys(line.area for line in lines))
    at = {code: n for n, code in enumerate(codes)}
    of = {code: n for n, code in enumerate(categories)}
    parent = dict(zip(material.areas["area"], material.areas["parent"], strict=True))
    level = dict(zip(material.areas["area"], material.areas["level"], strict=True))
    ahead = sorted(material.outlook["month"].unique())
    spoken = [pd.Timestamp(month) for month in (*series.months(material), *ahead)]
    return {
        "places": [
            [code, material.area_names.get(code, code), level.get(code, ""), at.get(parent.get(code) or "", -1)]
            for code in codes
        ],
        "past": [charts.iso(month) for month in series.months(material)],
        "ahead": [charts.iso(month) for month in ahead],
        "labels": [words.month(month) for month in spoken],
        "span": words.months(material.ahead[0], material.ahead[-1]) if len(material.ahead) else "",
        "rows": [
            [at[line.area], of[line.category], line.past, line.ahead, line.before, line.said]
            for line in lines
            if line.category in of
        ],
    }


def _cut(material: Material, words: Words, categories: list[str]) -> str:
    """That the charts leave out small categories, if they do."""
    known = set(material.coming.loc[material.coming["area"] == material.root, "category"]) - {ALL, UNCLASSIFIED}
    return words("page.more_categories", n=len(categories) - 1) if len(categories) - 1 < len(known) else ""


def _made(material: Material, words: Words) -> str:
    months = {"as_of": words.month(material.as_of), "origin": words.month(material.origin)}
    return words("page.made", run=material.run_id, version=material.version, **months)


def _sources(material: Material, words: Words) -> list[dict[str, Any]]:
    return [
        {name: words.count(row[name]) for name in findings.COUNTS}
        | {"source": row["source"], "file": row["file"]}
        | {name: findings.day(row[name], words) for name in ("first_day", "last_day")}
        for row in records(material.sources)
    ]


def _risk(material: Material, words: Words) -> dict[str, Any]:
    if material.risk.empty:
        return {"sentence": words("risk.none"), "rows": []}
    table = findings.risk_table(material, words, limit=ESTATES)
    grades = material.risk["grade"].value_counts()
    counts = {grade: words.count(grades.get(grade, 0)) for grade in ("red", "orange")}
    sentence = words("risk.sentence", n=words.count(material.risk["estate"].nunique()), top=len(table), **counts)
    rows = [
        row
        | {"score": whole(row["score"]), "grade_word": words.grade(row["grade"])}
        | {"expected": "–" if pd.isna(row["expected"]) else words("requests", n=words.count(row["expected"]))}
        | {"sure": _range(row, words), "reasons": words("comma").join(row["reasons"])}
        for row in records(table)
    ]
    return {"sentence": sentence, "rows": rows}


def _range(row: dict[str, Any], words: Words) -> str:
    if pd.isna(row["low"]) or pd.isna(row["high"]):
        return ""
    return words("8_in_10", low=words.count(row["low"]), high=words.count(row["high"]))
