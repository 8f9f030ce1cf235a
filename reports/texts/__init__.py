"""Key + language -> the words a report shows; numbers, months and intervals in the house's wording."""

import math
from dataclasses import dataclass

import pandas as pd

from forecast.english import counted
from reports.texts import backtest, brief, changes, common, digest, effects, live, method, page, risk, tables, tasks

FONTS = '"Source Han Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif'
OFFICE_FONT = "Microsoft YaHei"
"""A workbook names one font; office programs without it take their own default for Chinese."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

PARTS = tuple(
    part.TEXTS
    for part in (common, method, tables, page, changes, backtest, risk, effects, live, tasks, brief, digest)
)
TEXTS = {key: text for part in PARTS for key, text in part.items()}


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        text = TEXTS[key]
        return counted(text.en.format(**values)) if self.language == "en" else text.zh.format(**values)

    def month(self, month: pd.Timestamp) -> str:
        return f"{_short(month)} {month.year}" if self.language == "en" else f"{month.year}年{month.month}月"

    def months(self, first: pd.Timestamp, last: pd.Timestamp) -> str:
        """First to last month; the year is said once when it is the same."""
        same = first.year == last.year
        if same and first.month == last.month:
            return self.month(first)
        if self.language == "en":
            return f"{_short(first) if same else self.month(first)}–{self.month(last)}"
        return f"{self.month(first)}–{'' if same else f'{last.year}年'}{last.month}月"

    def day(self, day: pd.Timestamp) -> str:
        return f"{day.day} {self.month(day)}" if self.language == "en" else f"{day.year}年{day.month}月{day.day}日"

    def count(self, value: float) -> str:
        """A whole number with thousands separated."""
        return f"{whole(value):,}"

    def score(self, value: float) -> str:
        """A whole number; near 0 and 100 one decimal, since 99.7 is not certain."""
        return f"{value:.1f}" if 0 < value < 0.5 or 99.5 <= value < 100 else str(whole(value))

    def percent(self, share: float) -> str:
        return f"{100 * share:.1f}".removesuffix(".0")

    def change(self, difference: float) -> str:
        """Against last year, in words."""
        n = whole(difference)
        if n == 0:
            return self("change.same")
        return self("change.more" if n > 0 else "change.fewer", n=self.count(abs(n)))

    def signed(self, difference: float) -> str:
        """+9 件."""
        n = whole(difference)
        return self("requests", n="0" if n == 0 else f"{n:+,}".replace("-", "−"))

    def grade(self, grade: object) -> str:
        return self(f"grade.{grade}") if isinstance(grade, str) and f"grade.{grade}" in TEXTS else ""


def whole(value: float) -> int:
    """Rounded half up; counts are shown as whole requests."""
    return math.floor(value + 0.5)


def _short(month: pd.Timestamp) -> str:
    return MONTHS[month.month - 1]
