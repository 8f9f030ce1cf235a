"""How data arrive: days, counts, files and the last run's panel -> sentences about what has changed with them.

Rules, not tests of significance: each is set so that a sound export stays silent.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecast.near import nearest
from pipelines.words import say

DOUBLE = (1.6, 2.6)
"""A month that came in twice holds about this many times what is usual."""
EVEN = 0.95
"""Share of the counts above 0 of a month counted twice that are even; of sound ones about half are."""
FEW_CELLS = 10
COPIES = 0.3
"""Share of orders like another one in all but the id; in other months it must be half as large at most."""
SILENT_DAYS = 5
EXPECTED = 15.0
"""Orders to be expected in days without any."""
CHANCE = 1e-6
"""Chance of so many days without any, where days are as often silent as around them."""
AROUND = pd.Timedelta(days=56)
SAME_SEASON = 20
"""Days: a gap as near to one of another year is a holiday."""
REVISED = (5, 0.01)
"""A month that changed by this many orders, and by this share, is told."""
TOLD = 3


def doubled(counts: pd.DataFrame, copies: pd.DataFrame, language: str) -> list[str]:
    """Months that seem to have come in twice.

    Args:
        counts: Counts of everything up to the last complete month.
        copies: DataFrame[month, orders, copies]: of the orders of a month those like another in all but the id;
            empty where there are only counts.
        language: zh or en.
    """
    totals = counts.groupby("month")["orders"].sum()
    cells = counts[counts["orders"] > 0]
    even = (cells["orders"] % 2 == 0).groupby(cells["month"]).agg(["mean", "size"])
    alike = copies.set_index("month")["copies"] / copies.set_index("month")["orders"]
    said = []
    for month, total in totals.items():
        usual = _usual(totals, pd.Timestamp(str(month)))
        if not DOUBLE[0] <= total / usual <= DOUBLE[1]:
            continue
        share = float(alike.get(month, 0.0))
        others = float(alike.drop(month, errors="ignore").median()) if len(alike) > 1 else 0.0
        pairs = even["mean"].get(month, 0.0) >= EVEN and even["size"].get(month, 0) >= FEW_CELLS
        if pairs or (share >= COPIES and others <= share / 2):
            facts = {"month": f"{month:%Y-%m}", "orders": int(total), "usual": round(usual), "share": f"{share:.0%}"}
            said.append(say(language, "doubled_pairs" if pairs else "doubled", **facts))
    return said[:TOLD]


def _usual(totals: pd.Series, month: pd.Timestamp) -> float:
    """What a month holds as a rule: the largest of the same month in other years, and the months around it."""
    others = totals.drop(month)
    same = others[pd.DatetimeIndex(others.index).month == month.month]
    near = others[np.abs((pd.DatetimeIndex(others.index) - month).days) < 200]
    found = [float(part.median()) for part in (same, near) if len(part)]
    return max([*found, 0.0]) or np.inf


def silent(days: pd.DataFrame, language: str) -> list[str]:
    """Runs of days without a single order within the span of the data, where many were to be expected.

    Args:
        days: DataFrame[day, orders] of the days with orders, in order.
        language: zh or en.
    """
    at, orders = pd.DatetimeIndex(days["day"]), days["orders"].to_numpy()
    gaps = []
    for n in np.flatnonzero(np.diff(at) > pd.Timedelta(days=SILENT_DAYS)).tolist():
        before, after = at[n], at[n + 1]
        near = (at > before - AROUND) & (at < after + AROUND)
        length = (after - before).days - 1
        first, last = at[near][[0, -1]]
        heard = (last - first).days + 1 - length
        expected, quiet = orders[near].sum() / heard * length, 1 - near.sum() / heard
        if expected >= EXPECTED and quiet**length < CHANCE:
            gaps.append((before + pd.Timedelta(days=1), length, expected))
    return [
        say(language, "silent_days", first=f"{first:%Y-%m-%d}", days=length, expected=round(expected))
        for first, length, expected in gaps
        if not any(_season(first, other) for other, *_ in gaps)
    ][:TOLD]


def _season(one: pd.Timestamp, other: pd.Timestamp) -> bool:
    """Whether two days of different years lie near each other in the year."""
    apart = abs((one - other).days)
    return apart > 183 and min(apart % 365.25, 365.25 - apart % 365.25) <= SAME_SEASON


def lacking(files: Sequence[dict[str, Any]], language: str) -> list[str]:
    """Fields that the last file of a source lacks and an earlier one had: perhaps a column was renamed.

    Args:
        files: source, file, fields, unused (headers nobody asked for) of each, in the order they were taken in.
        language: zh or en.
    """
    said = []
    for source in dict.fromkeys(facts["source"] for facts in files):
        mine = [facts for facts in files if facts["source"] == source and facts["fields"]]
        had = {field: facts["columns"][field] for facts in mine[:-1] for field in facts["fields"]}
        for field in sorted(had.keys() - set(mine[-1]["fields"]) if mine else ()):
            near = nearest(had[field], mine[-1]["unused"])
            key = "lost_column_near" if near else "lost_column"
            facts = {"file": mine[-1]["file"], "field": field, "had": had[field], "near": near}
            said.append(say(language, key, **facts))
    return said[:TOLD]


def revised(then: pd.DataFrame, now: pd.DataFrame, language: str) -> list[str]:
    """Months that hold other orders now than when the last plan was made; the largest changes first.

    Args:
        then, now: Panels; months of `then` that `now` lacks are passed over.
        language: zh or en.
    """
    before, after = (panel.groupby("month")["orders"].sum() for panel in (then, now))
    change = (after - before).dropna()
    told = change[(change.abs() >= REVISED[0]) & (change.abs() >= REVISED[1] * before.reindex(change.index))]
    largest = told.abs().nlargest(TOLD).index
    return [
        say(language, "gained" if told[month] > 0 else "lost", month=f"{month:%Y-%m}", count=abs(int(told[month])))
        for month in largest
    ]
