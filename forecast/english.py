"""English that counts one as one."""

import re

ONE = {
    "alarms": "alarm", "areas": "area", "categories": "category", "cells": "cell", "communities": "community",
    "controls": "control", "days": "day", "defects": "defect", "draws": "draw", "estates": "estate",
    "figures": "figure", "files": "file", "incidents": "incident", "lines": "line", "messages": "message",
    "models": "model", "months": "month", "orders": "order", "origins": "origin", "places": "place",
    "points": "point", "remarks": "remark", "requests": "request", "rows": "row", "streets": "street",
    "sums": "sum", "tasks": "task", "times": "time",
}  # fmt: skip
"""What is counted, and one of it."""

VERBS = {"are": "is", "were": "was", "have": "has", "do": "does"}
_ONE = re.compile(
    rf"(?<![\w.,:–−/-])1 (?P<kind>(?:largest |more |paired |past |preventive )?)(?P<noun>{'|'.join(ONE)})\b"
    rf"(?P<verb> (?:{'|'.join(VERBS)})\b)?"
)


def counted(sentence: str) -> str:
    """English with "1 tasks" said as "1 task"."""
    return _ONE.sub(_of_one, sentence)


def _of_one(found: re.Match[str]) -> str:
    verb = found["verb"] or ""
    return f"1 {found['kind']}{ONE[found['noun']]}" + (f" {VERBS[verb.strip()]}" if verb else "")
