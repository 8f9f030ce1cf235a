"""Material -> messages of at most 4096 bytes: one a street, one for the city; markdown as chat robots take it."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from reports import findings
from reports.material import Material, Rows, records
from reports.texts import Words

LIMIT = 4096
"""Bytes in UTF-8 a message may have: what a WeCom robot takes of markdown, the least of all channels."""

LONGEST = 120
"""Characters of a name or an action that are shown."""

WORK = ("entry", "action", "category", "start_by", "window_start", "on_time")
"""What tasks share that are one work in several places."""

SAID = (*WORK, "area_name", "estate_name", "category_name", "lead_party", "window_end", "low", "high",
        "expected_requests")  # fmt: skip
"""What is told of a task."""

MARKS = str.maketrans({"<": "＜", ">": "＞", "*": "＊", "[": "［", "]": "］", "`": "'", "#": "＃", "@": "＠"})
"""Signs that would be read as markup or as a call to someone, and what stands for them."""


def street(material: Material, code: str, file: str) -> bytes:
    """What a street must begin this month, the largest first. `file`: name of its workbook."""
    words = Words(material.language)
    asked = material.asked[[*SAID, "street", "rank"]]
    tasks = asked[asked["street"] == code].sort_values("rank")
    month = words.month(material.plan_month)
    head = [f"# {words('digest.street', street=_clean(material.streets.get(code, code)), month=month)}"]
    if tasks.empty:
        return _cut([*head, findings.no_plan(material, words)], [], lambda _: "")
    head.append(words("digest.begin", n=len(tasks), late=findings.late(tasks, words)))
    lines = _works(tasks, words)

    def foot(left: int) -> str:
        return words("digest.left_out", n=left, file=file) if left else words("digest.all", file=file)

    return _cut(head, lines, foot)


def city(material: Material, file: str) -> bytes:
    """What is coming and how many tasks each street begins. `file`: name of the page."""
    words = Words(material.language)
    title = words("digest.city", city=_clean(material.city), month=words.month(material.plan_month))
    head = [f"# {title}", *(_clean(text, 2 * LONGEST) for text in findings.headlines(material, words))]
    groups = sorted(material.asked.groupby("street"), key=lambda group: (-len(group[1]), str(group[0])))
    lines = [
        words(
            "digest.by_street", n=n, street=_clean(material.streets.get(str(code), str(code))), tasks=len(tasks),
            late=findings.late(tasks, words),
        )
        for n, (code, tasks) in enumerate(groups, 1)
    ]  # fmt: skip

    def foot(left: int) -> str:
        return words("digest.streets_left", n=left, file=file) if left else words("digest.page", file=file)

    return _cut(head, lines, foot)


def _works(tasks: pd.DataFrame, words: Words) -> list[str]:
    """What is to be done, said once, then where, one line a task."""
    lines: list[str] = []
    n = 0
    works: dict[tuple[Any, ...], Rows] = {}
    for row in records(tasks):
        works.setdefault(tuple(row[name] for name in WORK), []).append(row)
    for rows in works.values():
        lines.append(_work(rows[0], words))
        for row in rows:
            n += 1
            named = isinstance(row["estate_name"], str)
            where = f"{row['area_name']} {row['estate_name']}" if named else row["area_name"]
            sure = words("8_in_10", low=words.count(row["low"]), high=words.count(row["high"]))
            expected = words.count(row["expected_requests"])
            lines.append(words("digest.task", n=n, where=_clean(where), expected=expected, sure=sure))
    return lines


def _work(row: dict[str, Any], words: Words) -> str:
    when = words.months(row["window_start"], row["window_end"])
    facts = {"category": _clean(row["category_name"]), "when": when, "lead": _clean(row["lead_party"])}
    if not row["on_time"]:
        return words("digest.too_late", **facts)
    return words("digest.work", action=_clean(row["action"]), by=words.day(row["start_by"]), **facts)


def _cut(head: Sequence[str], lines: Sequence[str], foot: Callable[[int], str]) -> bytes:
    """As many whole lines as LIMIT allows, and a last one that says how many that begin with a number are missing."""
    for kept in range(len(lines), -1, -1):
        if kept and not lines[kept - 1][0].isdigit():
            continue
        left = sum(line[0].isdigit() for line in lines[kept:])
        text = ("\n".join(part for part in (*head, *lines[:kept], foot(left)) if part) + "\n").encode(
            errors="replace"
        )
        if len(text) <= LIMIT:
            return text
    return text[:LIMIT].decode(errors="ignore").encode()


def _clean(text: object, longest: int = LONGEST) -> str:
    """One line without markup."""
    flat = " ".join(str(text).translate(MARKS).split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
