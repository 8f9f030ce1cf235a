"""Scores, reliability and comparisons of a backtest -> one HTML file that needs no network, for a researcher."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from forecast.tables import PlanGains, PlanScores, empty
from reports import backtest_charts, backtest_lists, charts, html
from reports.material import records
from reports.texts import FONTS, Words

NAIVE = "seasonal_naive"
"""The model the others are held against."""

LEADERBOARD = (
    "wspl", "skill", "wape", "bias", "wrmsse", "wql", "wis", "crps", "coverage_50", "coverage_80", "coverage_95",
    "pit", "capture", "surge", "precision", "lift",
)  # fmt: skip
SHARES = ("skill", "wape", "bias", "coverage_50", "coverage_80", "coverage_95", "capture", "surge", "precision")
"""Shown in percent."""
SIGNED = ("skill", "bias")
HIGHER_IS_BETTER = ("capture", "surge", "precision", "lift")
WANTED = {"bias": 0.0, "coverage_50": 0.5, "coverage_80": 0.8, "coverage_95": 0.95}
"""Nearest to this is best."""


@dataclass(frozen=True, eq=False)
class Board:
    """What a backtest found.

    Args:
        model: the combination; members: the models it combines.
        origins: first days of the last months known, oldest first; last: last month of data.
        leaderboard: one row a model, best first; scores, reliability, comparisons, areas: tables of forecast.tables.
        categories: DataFrame[category, name, name_en].
        lists, gains: PlanScores and PlanGains; empty = nothing is said of lists.
    """

    city: str
    language: Literal["zh", "en"]
    model: str
    members: tuple[str, ...]
    origins: tuple[pd.Timestamp, ...]
    horizon: int
    last: pd.Timestamp
    seed: int
    run_id: str
    version: str
    inputs_sha256: str
    config_sha256: str
    code_sha256: str
    leaderboard: pd.DataFrame
    scores: pd.DataFrame
    reliability: pd.DataFrame
    comparisons: pd.DataFrame
    areas: pd.DataFrame
    categories: pd.DataFrame
    lists: pd.DataFrame = field(default_factory=lambda: empty(PlanScores))
    gains: pd.DataFrame = field(default_factory=lambda: empty(PlanGains))

    @property
    def models(self) -> list[str]:
        """The combination first, then the others, best first."""
        return [self.model, *(name for name in self.leaderboard["model"] if name != self.model)]


def render(board: Board) -> bytes:
    """The page as UTF-8 HTML."""
    words = Words(board.language)
    drawn = _charts(board, words)
    page = html.environment().get_template("backtest.html.j2").render(
        t=words,
        language="zh-CN" if board.language == "zh" else "en",
        board=board,
        fonts=FONTS,
        headlines=_headlines(board, words),
        columns=LEADERBOARD,
        rows=_leaderboard(board),
        models=board.models,
        colours={name: backtest_charts.colour(k) for k, name in enumerate(board.models)},
        rival=NAIVE,
        sizes=backtest_lists.SIZES.values(),
        lists=backtest_lists.lists(board.lists),
        ahead=backtest_lists.ahead(board.gains),
        origins=backtest_lists.by_origin(board.lists, words),
        horizons=[name for name in drawn if name.startswith("horizon")],
        groups=[name.removeprefix("segment_") for name in drawn if name.startswith("segment_")],
        classes=[name.removeprefix("level_") for name in drawn if name.startswith("level_")],
        metrics=[name.removeprefix("against_") for name in drawn if name.startswith("against_")],
        compared=_compared(board),
        draws=int(board.comparisons["draws"].max()) if len(board.comparisons) else 0,
        made=_made(board, words),
        payload=html.markup(html.script_json({"charts": drawn})),
        library=html.markup(charts.library()),
        style=html.markup(html.read("page.css") + html.read("backtest.css")),
        script=html.markup(html.read("backtest.js")),
    )  # fmt: skip
    return page.encode("utf-8", errors="replace")


def _charts(board: Board, words: Words) -> dict[str, Any]:
    """Name of each chart that has data -> its specification."""
    names = _names(board)
    found = {}
    for metric in ("wspl", "wape"):
        rows = backtest_charts.by_horizon(board.scores, board.models, NAIVE, metric)
        found[f"horizon_{metric}"] = (rows, backtest_charts.horizons(rows, board.models, words))
    for group in backtest_charts.GROUPS:
        rows = backtest_charts.by_segment(board.scores, board.models, NAIVE, group, names, words)
        found[f"segment_{group}"] = (rows, backtest_charts.segments(rows, board.models, words))
    for size in backtest_charts.CLASSES:
        rows = backtest_charts.levels(board.reliability, board.models, size)
        found[f"level_{size}"] = (rows, backtest_charts.reliability(rows, words))
        rows = backtest_charts.bins(board.reliability, board.models, size)
        found[f"pit_{size}"] = (rows, backtest_charts.histogram(rows, words))
    for metric in dict.fromkeys(board.comparisons["metric"]):
        rows = backtest_charts.against(board.comparisons, metric)
        found[f"against_{metric}"] = (rows, backtest_charts.intervals(rows, words))
    return {name: json.loads(spec) for name, (rows, spec) in found.items() if rows}


def _names(board: Board) -> dict[str, str]:
    """Codes of areas and categories in words; what has no name stands for itself."""
    areas = dict(zip(board.areas["area"], board.areas["name"], strict=True))
    column = "name_en" if board.language == "en" else "name"
    return areas | dict(zip(board.categories["category"], board.categories[column], strict=True))


def _skill(board: Board) -> pd.DataFrame:
    """The leaderboard with `skill`: WSPL against seasonal naive, as a change."""
    table = board.leaderboard.set_index("model")
    naive = table["wspl"].get(NAIVE, float("nan"))
    table["skill"] = table["wspl"] / naive - 1 if naive else float("nan")
    return table.reindex(columns=list(LEADERBOARD))


def _leaderboard(board: Board) -> list[dict[str, Any]]:
    table = _skill(board)
    best = {metric: _best(table[metric], metric) for metric in LEADERBOARD}
    rows = []
    for row in records(table.reset_index()):
        cells = [(metric, shown(row[metric], metric), row[metric] == best[metric]) for metric in LEADERBOARD]
        rows.append({"model": row["model"], "cells": cells})
    return rows


def _best(values: pd.Series, metric: str) -> float:
    """The value of the best model, NaN where all are alike."""
    known = values.dropna()
    if known.nunique() < 2:
        return float("nan")
    if metric in WANTED:
        return float(known.iloc[int((known - WANTED[metric]).abs().argmin())])
    return float(known.max() if metric in HIGHER_IS_BETTER else known.min())


def shown(value: float, metric: str) -> str:
    """A figure of a metric with the digits that carry meaning; – where there is none."""
    if pd.isna(value):
        return "–"
    if metric in SHARES:
        text = f"{100 * value:+.1f}" if metric in SIGNED else f"{100 * value:.1f}"
        return text.replace("-", "−") + "\u202f%"
    if metric in ("wis", "crps"):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:.3f}"


def _headlines(board: Board, words: Words) -> list[str]:
    """What a reader should take away, each figure with its meaning."""
    table = _skill(board)
    if board.model not in table.index:
        return [words("board.none")]
    own, found = table.loc[board.model], []
    sure = board.comparisons[(board.comparisons["rival"] == NAIVE) & (board.comparisons["metric"] == "wspl")]
    for one in records(sure.dropna(subset=["low", "high"])):
        change = {name: _change(one[name]) for name in ("ratio", "low", "high")}
        found.append(words("board.skill", model=board.model, **change))
    if not pd.isna(own["wspl"]):
        best = str(table["wspl"].idxmin())
        key = "board.best" if best == board.model else "board.not_best"
        lead = {"best": best, "value": shown(table["wspl"][best], "wspl"), "own": shown(own["wspl"], "wspl")}
        found.append(words(key, model=board.model, n=len(table), **lead))
    if not pd.isna(own["coverage_80"]):
        held = {"share": words.percent(own["coverage_80"]), "pit": shown(own["pit"], "pit")}
        found.append(words("board.held", **held))
    if not pd.isna(own["capture"]) and not pd.isna(own["lift"]):
        found.append(words("board.list", share=words.percent(own["capture"]), lift=f"{own['lift']:.2f}"))
    return found or [words("board.none")]


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}".replace("-", "−")


def _compared(board: Board) -> list[dict[str, str]]:
    rows = board.comparisons.dropna(subset=["ratio", "low", "high"])
    return [
        {
            "rival": str(row["rival"]),
            "metric": str(row["metric"]),
            "ratio": f"{row['ratio']:.3f}",
            "interval": f"{row['low']:.3f}–{row['high']:.3f}",
            "difference": f"{row['difference']:+.3g}".replace("-", "−"),
            "better": f"{100 * row['better_in']:.0f}\u202f%",
        }
        for row in records(rows)
    ]


def _made(board: Board, words: Words) -> list[tuple[str, str]]:
    """Label and value of everything that decides the figures."""
    comma = words("comma")
    values = {
        "origins": comma.join(words.month(origin) for origin in board.origins),
        "horizon": words("board.months", n=board.horizon),
        "last": words.month(board.last),
        "members": comma.join(board.members),
        "seed": str(board.seed),
        "run": board.run_id,
        "version": board.version,
        "inputs": board.inputs_sha256,
        "config": board.config_sha256,
        "code": board.code_sha256,
    }
    return [(words(f"made.{name}"), value) for name, value in values.items()]
