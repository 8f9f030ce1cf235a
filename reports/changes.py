"""PlanChanges of a Material -> sentences on what changed since the last plan, and the tasks dropped."""

from typing import Any

import pandas as pd

from reports.material import Material, records
from reports.texts import Words

KINDS = ("new", "carried_over", "dropped")

LISTED = 50
"""Tasks dropped that are named."""


def sentences(material: Material, words: Words) -> list[str]:
    """How many tasks are new, kept and dropped; then the reasons, most frequent first."""
    rows = material.changes
    if rows.empty:
        return [words("changes.none" if material.workplan.empty else "changes.first", n=len(material.workplan))]
    if (rows["change"] == "new").all():
        return [words("changes.first", n=words.count(len(rows)))]
    counts = {kind: int((rows["change"] == kind).sum()) for kind in KINDS}
    said = [words("changes.sum", **{kind: words.count(n) for kind, n in counts.items()})]
    said += [
        words(f"changes.{kind}", reasons=_reasons(rows[rows["change"] == kind], words))
        for kind in KINDS
        if counts[kind]
    ]
    kept = rows[rows["change"] == "carried_over"]
    turned = int((kept["fate"] != kept["fate_before"]).sum())
    return [*said, *([words("changes.turned", n=words.count(turned))] if turned else [])]


def dropped(material: Material, words: Words) -> list[dict[str, Any]]:
    """The largest tasks dropped, in words: place, street, category, action, expected, why."""
    rows = material.changes[material.changes["change"] == "dropped"]
    rows = rows.sort_values(["expected_before", "task_id"], ascending=[False, True], kind="stable").head(LISTED)
    return [
        {
            "place": row["area_name"],
            "street": row["street_name"],
            "category": row["category_name"],
            "action": row["action"],
            "expected": "–"
            if pd.isna(row["expected_before"])
            else words("requests", n=words.count(row["expected_before"])),
            "why": words(f"why.{row['why']}"),
        }
        for row in records(rows)
    ]


def cut(material: Material, words: Words) -> str:
    """That some tasks dropped are not named, if so."""
    count = int((material.changes["change"] == "dropped").sum())
    return words("changes.cut", n=LISTED, rest=words.count(count - LISTED)) if count > LISTED else ""


def _reasons(rows: pd.DataFrame, words: Words) -> str:
    counts = rows["why"].value_counts()
    return words("comma").join(
        words("changes.reason", why=words(f"why.{why}"), n=words.count(n)) for why, n in counts.items()
    )
