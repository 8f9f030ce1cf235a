"""Orders counted one by one: copies, incidents, callers, estates."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

Row = dict[str, Any]


def last_of_each(files: Sequence[Sequence[Row]]) -> tuple[list[Row], int]:
    """Of the orders with one source and id the one that comes last, and how many others there were."""
    last: dict[tuple[str, str], Row] = {}
    count = 0
    for row in (row for rows in files for row in rows):
        last[row["source"], row["request_id"]] = row
        count += 1
    return list(last.values()), count - len(last)


def opening(rows: Sequence[Row], days: int) -> list[bool]:
    """Which orders open an incident: the first about a spot and category, and any more than `days` after another."""
    before: dict[tuple[Any, ...], Any] = {}
    opens = [False] * len(rows)
    for n in sorted(range(len(rows)), key=lambda n: (rows[n]["received_at"], rows[n]["request_id"])):
        row = rows[n]
        spot = (row["area"], row["category"], row["place"] or row["caller"] or row["request_id"])
        opens[n] = spot not in before or row["received_at"] > before[spot] + timedelta(days=days)
        before[spot] = row["received_at"]
    return opens


def counted(rows: Sequence[Row], days: int) -> dict[tuple[Any, ...], tuple[int, int, int]]:
    """(area, category, year and month) -> orders, incidents, callers; who has no number is a caller of his own."""
    told: dict[tuple[Any, ...], tuple[int, int, set[str]]] = {}
    for row, opens in zip(rows, opening(rows, days), strict=True):
        key = (row["area"], row["category"], f"{row['received_at']:%Y-%m}")
        orders, incidents, callers = told.get(key, (0, 0, set()))
        told[key] = (orders + 1, incidents + opens, callers | {row["caller"] or f"of {row['request_id']}"})
    return {key: (orders, incidents, len(callers)) for key, (orders, incidents, callers) in told.items()}


def of_estates(rows: Sequence[Row], days: int, cap: int) -> dict[tuple[Any, ...], tuple[int, int]]:
    """(area, estate, category, year and month) -> incidents; and without those beyond the first `cap` of a caller."""
    told: dict[tuple[Any, ...], tuple[int, int]] = {}
    mine: Counter[tuple[Any, ...]] = Counter()
    opened = [row for row, opens in zip(rows, opening(rows, days), strict=True) if opens and row["estate"]]
    for row in sorted(opened, key=lambda row: row["received_at"]):
        key = (row["area"], row["estate"], row["category"], f"{row['received_at']:%Y-%m}")
        caller = (*key[:3], row["caller"], row["received_at"].year)
        mine[caller] += 1
        incidents, capped = told.get(key, (0, 0))
        told[key] = (incidents + 1, capped + (row["caller"] is None or mine[caller] <= cap))
    return told


def alike(rows: Sequence[Row]) -> int:
    """Orders that are like an earlier one in all but the id."""
    facts = ("source", "received_at", "area", "category", "estate", "place", "caller")
    return len(rows) - len({tuple(row[fact] for fact in facts) for row in rows})
