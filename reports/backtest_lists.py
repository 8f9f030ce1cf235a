"""PlanScores and PlanGains -> rows of the tables a backtest page shows of lists."""

from typing import Any

import pandas as pd

from forecast.tables import LISTS
from reports.material import records
from reports.texts import Words

SIZES = {"1%": "1", "5%": "5", "10%": "10", "20%": "20", "slots": "slots", "tasks": "tasks"}
"""Size of a list -> how its text is called."""

SHOWN = ("plan", "last_year", "flat_mean")
TENTH = "10%"


def lists(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a list, means over the origins: of the best possible list by size, of the excess, and what stays."""
    whole = _whole(table)
    means = whole.groupby(["list", "metric", "size"])["value"].mean()
    rows = []
    for name in [name for name in SHOWN if name in set(whole["list"])]:
        figures = [_percent(means.get((name, "of_oracle", size))) for size in SIZES]
        more = [_percent(means.get((name, metric, TENTH))) for metric in ("surge_of_oracle", "kept")]
        rows.append({"list": name, "cells": [*figures, *more]})
    return rows


def ahead(gains: pd.DataFrame) -> list[dict[str, str]]:
    """How far the plan is ahead of each other list, in points, with its interval."""
    if gains.empty:
        return []
    rows = gains[gains["months"].isin([0, gains["months"].max()]) & (gains["metric"] == "of_oracle")]
    rows = rows[rows["size"].isin([TENTH, "tasks"])]
    return [
        {
            "size": SIZES[str(row["size"])],
            "rival": str(row["rival"]),
            "difference": _points(row["difference"]),
            "interval": "–" if pd.isna(row["low"]) else f"{_points(row['low'])} – {_points(row['high'])}",
            "ahead": f"{100 * row['ahead_in']:.0f}\u202f%",
        }
        for row in records(rows)
    ]


def by_origin(table: pd.DataFrame, words: Words) -> list[dict[str, Any]]:
    """What each list of a tenth of the cells held of the best possible one, a row an origin."""
    rows = _whole(table)
    rows = rows[(rows["size"] == TENTH) & (rows["metric"] == "of_oracle")]
    wide = rows.pivot(index="origin", columns="list", values="value").reindex(columns=LISTS)
    return [
        {"origin": words.month(pd.Timestamp(str(origin))), "cells": [_percent(row[name]) for name in SHOWN]}
        for origin, row in wide.iterrows()
    ]


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of all months ahead together, and those of tasks."""
    return table[table["months"].isin([0, table["months"].max()])]


def _percent(share: float | None) -> str:
    return "–" if share is None or pd.isna(share) else f"{100 * share:.1f}\u202f%"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")
