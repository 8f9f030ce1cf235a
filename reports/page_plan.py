"""Workplan of a Material -> rows of the page: the texts they show, what they sort by, what the CSV holds."""

from typing import Any

import pandas as pd

from reports import findings
from reports.material import Material, records
from reports.texts import Words, whole

COLUMNS = (
    "rank", "community", "category", "action", "lead", "start_by", "window", "expected", "excess", "risk", "on_time",
)  # fmt: skip
CSV = (
    "task_id", "rank", "street", "community", "estate", "category", "action", "lead", "support", "start_by", "window",
    "expected", "low80", "high80", "normal", "last_year", "on_time", "fate", "reason", "proof", "change",
)  # fmt: skip


def rows(material: Material, words: Words, limit: int) -> list[dict[str, Any]]:
    """The first tasks, by rank."""
    first = bool((material.workplan["since"] == "new").all())
    return [_task(row, words, first) for row in records(material.workplan.sort_values("rank").head(limit))]


def _task(row: dict[str, Any], words: Words, first: bool) -> dict[str, Any]:
    estate = row["estate_name"] if isinstance(row["estate_name"], str) else ""
    grade = words.grade(row["risk_grade"])
    score = None if pd.isna(row["risk_score"]) else whole(row["risk_score"])
    excess = None if pd.isna(row["excess_over_normal"]) else whole(row["excess_over_normal"])
    expected, low, high = (whole(row[name]) for name in ("expected_requests", "low", "high"))
    start_by = f"{row['start_by']:%Y-%m-%d}"
    window = words.months(row["window_start"], row["window_end"])
    shared = {
        "rank": row["rank"], "community": row["area_name"], "category": row["category_name"], "action": row["action"],
        "lead": row["lead_party"], "start_by": start_by, "expected": expected,
    }  # fmt: skip
    told = {
        "street": row["street_name"], "estate": estate, "support": row["support"], "reason": row["reason"],
        "proof": row["evidence"], "window": window, "change": words(f"change.{row['since']}"),
    }  # fmt: skip
    past = {name: _whole(row[name]) for name in ("normal", "last_year")}
    return {
        **shared,
        **told,
        "cell": [row["area"], row["category"]],
        "sure": words("8_in_10", low=words.count(low), high=words.count(high)),
        "excess": "–" if excess is None else words.signed(excess),
        "grade": row["risk_grade"] if grade else "",
        "grade_word": grade,
        "score": score,
        "on_time": row["on_time"],
        "fate": findings.fate(row, words),
        "waiting": "" if row["fate"] in ("chosen", "late") else findings.fate(row, words),
        "new": row["since"] == "new" and not first,
        "sort": shared
        | {
            "window": f"{row['window_start']:%Y-%m-%d}",
            "excess": excess,
            "risk": score,
            "on_time": int(row["on_time"]),
        },
        "csv": shared
        | told
        | past
        | {"task_id": row["task_id"], "low80": low, "high80": high}
        | {"on_time": words("on_time" if row["on_time"] else "late"), "fate": findings.fate(row, words)},
    }


def _whole(value: float) -> int | None:
    return None if pd.isna(value) else whole(value)
