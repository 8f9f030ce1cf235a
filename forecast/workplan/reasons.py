"""A task and what is known of it -> one plain sentence: what is expected, how sure, against what, where to look."""

from typing import Any

import numpy as np
import pandas as pd

from forecast import explain
from forecast.months import number

PHRASES = {
    "zh": {
        "comma": "，",
        "expected": "{span}预计 {mean:.0f} 件 (约八成把握 {low:.0f}–{high:.0f} 件)",
        "more": "比常年多 {n} 件",
        "fewer": "比常年少 {n} 件",
        "as_normal": "与常年持平",
        "last_year": "去年同期 {n:.0f} 件",
        "usual": "平时 {months} 个月 {n:.0f} 件 ({factors})",
        "usual_month": "平时 1 个月 {n:.0f} 件 ({factors})",
        "and": "、",
        "estate": "先查 {name} ({grade})",
        "siblings": "{kin}: {names} 近期多发",
        "others": "等 {n} 个小区",
        "silent": "沉默小区 {name}，{why}",
        "inspection": "沉默小区排查",
        "low_resolution": "本街道此类解决率偏低",
        "late": "来不及: 转应急预案",
        "red": "红",
        "orange": "橙",
    },
    "en": {
        "comma": ", ",
        "expected": "{mean:.0f} requests expected in {span} (about 8 in 10: {low:.0f}–{high:.0f})",
        "more": "{n} more than normal",
        "fewer": "{n} fewer than normal",
        "as_normal": "as in a normal year",
        "last_year": "{n:.0f} last year",
        "usual": "{n:.0f} in {months} ordinary months ({factors})",
        "usual_month": "{n:.0f} in an ordinary month ({factors})",
        "and": ", ",
        "estate": "start at {name} ({grade})",
        "siblings": "{kin}, more of late: {names}",
        "others": " and others ({n} in all)",
        "silent": "silent estate {name}: {why}",
        "inspection": "silent estate",
        "low_resolution": "seldom settled in this street",
        "late": "too late to prevent: prepare the emergency response",
        "red": "red",
        "orange": "orange",
    },
}
PARTS = {
    "zh": {
        "season": ("旺季", "淡季"),
        "level": ("近期水平偏高", "近期水平偏低"),
        "trend": ("近几个月上升", "近几个月回落"),
        "neighbours": ("同类或本社区诉求增多", "同类或本社区诉求减少"),
        "calendar": ("节假日与工作日", "节假日与工作日"),
        "weather": ("天气", "天气"),
    },
    "en": {
        "season": ("busy season", "quiet season"),
        "level": ("running high of late", "running low of late"),
        "trend": ("rising", "falling"),
        "neighbours": ("more of its kind or in its area", "fewer of its kind or in its area"),
        "calendar": ("holidays and workdays", "holidays and workdays"),
        "weather": ("weather", "weather"),
    },
}
"""What a part is called when it raises the forecast, and when it lowers it."""

MATTERS = np.log(1.1)
"""Size of a log factor below which a part is not worth a word."""

AT_MOST = 3
"""Parts, or names, told in one sentence."""


def why(tasks: pd.DataFrame, contributions: pd.DataFrame, language: str) -> list[str]:
    """What makes each task's requests more or fewer than usual, the largest part first; "" when nothing is known."""
    keys = tasks[["area", "category", "first_month", "last_month"]].assign(task=np.arange(len(tasks)))
    rows = keys.merge(contributions, on=["area", "category"])
    rows = rows[rows["month"].between(rows["first_month"], rows["last_month"])]
    if rows.empty:
        return [""] * len(tasks)
    parts = explain.summed(rows, "task").reindex(keys["task"])
    months = number(keys["last_month"]) - number(keys["first_month"]) + 1
    factors = parts.drop(columns="usual").to_dict("records")
    return [_factors(*task, language) for task in zip(parts["usual"], months, factors, strict=True)]


def _factors(usual: float, months: int, factors: dict[Any, float], language: str) -> str:
    """The parts that matter in words; "" when none does, or when usual is so little that a factor says nothing."""
    with np.errstate(divide="ignore"):
        logs = {part: abs(np.log(factor)) for part, factor in factors.items()}
    told = sorted((part for part in logs if logs[part] > MATTERS), key=lambda part: -logs[part])[:AT_MOST]
    if not told or not usual >= 1:
        return ""
    say = PHRASES[language]
    words = [f"{PARTS[language][part][factors[part] < 1]} ×{_plain(factors[part])}" for part in told]
    usually = say["usual_month" if months == 1 else "usual"]
    return usually.format(n=usual, months=months, factors=say["and"].join(words))


def _plain(factor: float) -> str:
    """A factor with as many digits as can be believed."""
    factor = max(factor, 0.01)
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}" if factor >= 1 else f"{factor:.2f}".rstrip("0")


def kin(tasks: pd.DataFrame, siblings: pd.DataFrame, estates: pd.DataFrame, language: str) -> list[str]:
    """Estates of the area's batches that had more of the task's category of late, the strongest tie; "" without."""
    say = PHRASES[language]
    placed = siblings.merge(estates[["estate", "area"]], on="estate")
    placed = placed.sort_values(["factor", "siblings", "kin"], ascending=[False, True, True])
    first = placed.drop_duplicates(["area", "category"]).set_index(["area", "category"])
    words = {}
    for key, label, names in zip(first.index, first[f"kin_{language}"], first["siblings"], strict=True):
        words[key] = say["siblings"].format(kin=label, names=few(names.split("|"), language))
    return [words.get(key, "") for key in zip(tasks["area"], tasks["category"], strict=True)]


def few(names: list[str], language: str) -> str:
    """The first names, and how many more there are."""
    say = PHRASES[language]
    text = say["and"].join(names[:AT_MOST])
    return text + say["others"].format(n=len(names)) if len(names) > AT_MOST else text


def reason(task: Any, language: str) -> str:
    """One plain sentence: what is expected, how sure, against what, and where to look first."""
    say = PHRASES[language]
    span = _span(task.first_month, task.last_month, language)
    parts = [say["expected"].format(span=span, mean=task.expected_requests, low=task.low, high=task.high)]
    if task.why:
        parts.append(task.why)
    if not np.isnan(task.excess_over_normal):
        excess = round(task.excess_over_normal)
        parts.append(say["as_normal" if excess == 0 else "more" if excess > 0 else "fewer"].format(n=abs(excess)))
    if not np.isnan(task.last_year):
        parts.append(say["last_year"].format(n=task.last_year))
    if task.risk_grade in ("red", "orange"):
        parts.append(say["estate"].format(name=task.estate_name, grade=say[task.risk_grade]))
    if task.low_resolution:
        parts.append(say["low_resolution"])
    if task.kin:
        parts.append(task.kin)
    if not task.on_time:
        parts.append(say["late"])
    return say["comma"].join(parts)


def _span(first: pd.Timestamp, last: pd.Timestamp, language: str) -> str:
    if language == "en":
        return f"{first:%b %Y}" if first == last else f"{first:%b} to {last:%b %Y}"
    if first == last:
        return f"{first.year}年{first.month}月"
    year = "" if first.year == last.year else f"{last.year}年"
    return f"{first.year}年{first.month}月–{year}{last.month}月"
