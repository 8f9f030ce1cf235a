"""Material -> one HTML file that needs no network: words, charts, map, plan, risk, accuracy, method."""

import json
from typing import Any

import pandas as pd

from forecast.tables import UNCLASSIFIED
from reports import accuracy, charts, findings, html, live
from reports.material import Material, records
from reports.texts import FONTS, Words, whole

TASKS = 1000
"""Tasks on the page; the rest are in the CSV."""
ESTATES = 50

PLAN_COLUMNS = (
    "rank",
    "community",
    "category",
    "action",
    "lead",
    "start_by",
    "window",
    "expected",
    "excess",
    "risk",
    "on_time",
)
CSV_COLUMNS = (
    "task_id", "rank", "street", "community", "estate", "category", "action", "lead", "support", "start_by", "window",
    "expected", "low80", "high80", "normal", "last_year", "on_time", "fate", "reason", "proof",
)  # fmt: skip


def render(material: Material) -> bytes:
    """The page as UTF-8 HTML."""
    words = Words(material.language)
    template = html.environment().get_template("page.html.j2")
    tasks = [_task(row, words) for row in records(material.workplan.sort_values("rank").head(TASKS))]
    categories = charts.choices(material)
    places = charts.place_rows(material, categories)
    page = template.render(
        t=words,
        language="zh-CN" if material.language == "zh" else "en",
        material=material,
        fonts=FONTS,
        headlines=findings.headlines(material, words),
        made=_made(material, words),
        data=findings.data_sentences(material, words),
        sources=_sources(material, words),
        categories=[findings.category_name(material, code) for code in categories],
        sentence=charts.trend_sentences(material, words, categories)[0],
        cut=_cut(material, words, categories),
        **_where(material, words, places),
        top=charts.largest(places, 0),
        tasks=tasks,
        plan_columns=PLAN_COLUMNS,
        plan_sentence=findings.plan_headline(material, words),
        hidden_tasks=max(0, len(material.workplan) - TASKS),
        streets=sorted({task["street"] for task in tasks}),
        leads=sorted({task["lead"] for task in tasks}),
        risk=_risk(material, words),
        live=live.sentences(material, words),
        live_chart=bool(live.chart_rows(material, categories)),
        accuracy=accuracy.sentences(material, words),
        horizons=accuracy.by_horizon(material, words),
        method=findings.method(words),
        payload=_payload(material, words, categories, places, tasks),
        library=html.markup(charts.library()),
        style=html.markup(html.read("page.css")),
        script=html.markup(html.read("page.js")),
    )
    return page.encode("utf-8", errors="replace")


def _payload(
    material: Material, words: Words, categories: list[str], places: charts.Rows, tasks: list[dict[str, Any]]
) -> Any:
    """Everything the script of the page reads."""
    count = len(categories)
    features = charts.outlines(material, places)
    areas = charts.areas_map(words) if features else charts.areas_bars(words)
    top = [charts.largest(places, c) for c in range(count)]
    says = {name: words(f"plan.{name}", shown="{shown}", all="{all}") for name in ("shown", "copied", "copy")}
    payload = {
        "charts": {
            "trend": _chart(charts.trend(material.origin, words), charts.trend_rows(material, categories)),
            "live": _chart(live.chart(words), live.chart_rows(material, categories)),
            "areas": _chart(areas, features or charts.bar_rows(places, count)),
        },
        "legend": charts.legend(places, count) if features else [],
        "sentences": charts.trend_sentences(material, words, categories),
        "top": [
            [[row["n"], row["s"], row["e"][c], row["l"][c], row["h"][c]] for row in rows]
            for c, rows in enumerate(top)
        ],
        "csv": {
            "name": f"workplan-{material.plan_month:%Y-%m}.csv",
            "header": [words(f"col.{name}") for name in CSV_COLUMNS],
            "rows": [[task["csv"][name] for name in CSV_COLUMNS] for task in tasks],
        },
        "sort": [[task["sort"][name] for name in PLAN_COLUMNS] for task in tasks],
        "words": says | {"range": words("range", low="{low}", high="{high}")},
    }
    return html.markup(html.script_json(payload))


def _chart(spec: str, data: charts.Rows) -> dict[str, Any] | None:
    return {"spec": json.loads(spec), "data": data} if data else None


def _task(row: dict[str, Any], words: Words) -> dict[str, Any]:
    """One row of the plan: the texts it shows, what it sorts by, what the CSV holds."""
    estate = row["estate_name"] if isinstance(row["estate_name"], str) else ""
    grade = words.grade(row["risk_grade"])
    score = None if pd.isna(row["risk_score"]) else whole(row["risk_score"])
    excess = None if pd.isna(row["excess_over_normal"]) else whole(row["excess_over_normal"])
    expected, low, high = (whole(row[name]) for name in ("expected_requests", "low", "high"))
    start_by = f"{row['start_by']:%Y-%m-%d}"
    shared = {
        "rank": row["rank"], "community": row["area_name"], "category": row["category_name"], "action": row["action"],
        "lead": row["lead_party"], "start_by": start_by, "expected": expected,
    }  # fmt: skip
    return {
        **shared,
        "street": row["street_name"],
        "estate": estate,
        "support": row["support"],
        "reason": row["reason"],
        "proof": row["evidence"],
        "window": words.months(row["window_start"], row["window_end"]),
        "sure": words("8_in_10", low=words.count(low), high=words.count(high)),
        "excess": "–" if excess is None else words.signed(excess),
        "grade": row["risk_grade"] if grade else "",
        "grade_word": grade,
        "score": score,
        "on_time": row["on_time"],
        "waiting": "" if row["fate"] in ("chosen", "late") else findings.fate(row, words),
        "sort": shared
        | {
            "window": f"{row['window_start']:%Y-%m-%d}",
            "excess": excess,
            "risk": score,
            "on_time": int(row["on_time"]),
        },
        "csv": shared
        | {
            "task_id": row["task_id"],
            "street": row["street_name"],
            "estate": estate,
            "support": row["support"],
            "window": words.months(row["window_start"], row["window_end"]),
            "low80": low,
            "high80": high,
            "normal": _whole(row["normal"]),
            "last_year": _whole(row["last_year"]),
            "on_time": words("on_time" if row["on_time"] else "late"),
            "fate": findings.fate(row, words),
            "reason": row["reason"],
            "proof": row["evidence"],
        },
    }


def _where(material: Material, words: Words, places: charts.Rows) -> dict[str, Any]:
    """What the map shows, in words, and how many communities it cannot draw."""
    shapes = set(material.areas.dropna(subset=["geometry"])["area"])
    missing = sum(row["a"] not in shapes for row in places)
    if not places:
        return {"where": words("map.none"), "missing": ""}
    months = words.months(material.ahead[0], material.ahead[-1])
    if missing == len(places):
        return {"where": words("map.bars", months=months), "missing": ""}
    return {
        "where": words("map.sentence", months=months),
        "missing": words("map.missing", n=missing) if missing else "",
    }


def _cut(material: Material, words: Words, categories: list[str]) -> str:
    """That the charts leave out small categories, if they do."""
    known = set(material.coming.loc[material.coming["area"] == material.root, "category"]) - {UNCLASSIFIED}
    return words("page.more_categories", n=len(categories) - 1) if len(categories) < len(known) else ""


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


def _whole(value: float) -> int | None:
    return None if pd.isna(value) else whole(value)
