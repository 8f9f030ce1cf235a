"""Estates (+ history) -> Risk by points. Works with no history at all; what is not known has points of its own."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from forecast.risk import Cuts, grades, known_at, on_grid, tables
from forecast.risk.factors import FACTORS, Factor, Level
from forecast.risk.measures import HISTORY, NUMBERS, WORDS, Facts
from forecast.spec import Spec
from forecast.tables import ALL

__all__ = ["FACTORS", "Factor", "Level", "Scorecard", "any_attribute", "assess", "labels"]


class Scorecard(Spec):
    """Points per factor. `caps`: most points a theme can give; what exceeds it is taken off in proportion."""

    kind: Literal["scorecard"] = "scorecard"
    factors: tuple[Factor, ...] = Field(FACTORS, min_length=1)
    caps: dict[str, float] = Field({"building": 25.0, "pipes": 18.0, "management": 20.0, "history": 25.0})
    cuts: Cuts = Cuts()

    @model_validator(mode="after")
    def _whole(self) -> "Scorecard":
        names = [factor.name for factor in self.factors]
        if len(set(names)) < len(names):
            raise ValueError("factor names must differ")
        themes = {factor.theme for factor in self.factors}
        if strange := sorted(set(self.caps) - themes):
            raise ValueError(f"caps for themes without a factor: {', '.join(strange)}")
        if not all(cap > 0 for cap in self.caps.values()):
            raise ValueError("caps must be above 0")
        if not any(factor.most > 0 and not factor.bonus and not factor.only for factor in self.factors):
            raise ValueError("a factor for all categories, not a bonus, must give points")
        return self


def assess(
    spec: Scorecard,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    categories: Iterable[str],
    as_of: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every estate for each of `categories` (ALL = general risk).

    Args:
        estates: Estates, checked. history: EstateHistory; periods that end after `as_of` are not read.

    Returns:
        (Risk, RiskDrivers): score = 100 x points ÷ the most the card of the category can give, + bonus, at
        most 100; `expected`, `low`, `high` are null. A driver is named factor:level; its contributions add up
        to the score exactly. Grades go by rank among all estates.
    """
    return tables(*rows(spec, estates, history, categories, as_of), as_of)


def rows(
    spec: Scorecard,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    categories: Iterable[str],
    as_of: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `assess` returns, not yet sorted and checked."""
    known = known_at(history, as_of)
    risks, drivers = [], []
    for category in dict.fromkeys(categories):
        factors = _card(spec, category)
        levels = _levels(factors, Facts(estates, known, category, as_of))
        share = _contributions(spec, factors, levels)
        score = share.sum(axis=1)
        risks.append(
            pd.DataFrame(
                {
                    "estate": estates["estate"].to_numpy(),
                    "category": category,
                    "score": score,
                    "grade": grades(score, np.zeros_like(score), spec.cuts),
                    "model": spec.kind,
                }
            )
        )
        drivers.append(_drivers(factors, levels, share, estates["estate"], category))
    return pd.concat(risks), pd.concat(drivers)


def any_attribute(spec: Scorecard, estates: pd.DataFrame, as_of: pd.Timestamp) -> bool:
    """Whether any factor but history is known of any estate."""
    factors = [factor for factor in spec.factors if factor.measure not in HISTORY]
    none = pd.DataFrame({"estate": [], "category": [], "incidents": []})
    return bool((_levels(factors, Facts(estates, none, ALL, as_of)) >= 0).any())


def labels(spec: Scorecard) -> pd.DataFrame:
    """DataFrame[driver, zh, en]: every driver in words."""
    rows = []
    for factor in spec.factors:
        zh, en = factor.zh or factor.name, factor.en or factor.name
        rows += [
            (f"{factor.name}:{level.name}", f"{zh}: {level.zh or level.name}", f"{en}: {level.en or level.name}")
            for level in factor.levels
        ]
        rows.append((f"{factor.name}:unknown", f"{zh}: 未知", f"{en}: unknown"))
    return pd.DataFrame(rows, columns=pd.Index(["driver", "zh", "en"]), dtype="str")


def _card(spec: Scorecard, category: str) -> list[Factor]:
    return [f for f in spec.factors if category == ALL or not f.only or category in f.only]


def _levels(factors: list[Factor], facts: Facts) -> np.ndarray:
    """(estates, factors) position of the level, -1 = unknown."""
    found = [
        _by_words(factor, facts.estates[factor.measure])
        if factor.measure in WORDS
        else _by_number(factor, NUMBERS[factor.measure](facts))
        for factor in factors
    ]
    return np.column_stack(found) if found else np.empty((len(facts.estates), 0), dtype=int)


def _by_number(factor: Factor, values: pd.Series) -> np.ndarray:
    value = values.to_numpy(dtype=float)
    steps = np.array([-np.inf if level.at_least is None else level.at_least for level in factor.levels])
    return np.where(np.isnan(value), -1, len(steps) - np.searchsorted(steps[::-1], value, side="right"))


def _by_words(factor: Factor, texts: pd.Series) -> np.ndarray:
    def find(text: str) -> int:
        for position, level in enumerate(factor.levels):
            if not level.words or any(word.casefold() in text.casefold() for word in level.words):
                return position
        return -1

    number, values = pd.factorize(texts)
    return np.array([*(find(str(value)) for value in values), -1], dtype=int)[number]


def _contributions(spec: Scorecard, factors: list[Factor], levels: np.ndarray) -> np.ndarray:
    """(estates, factors) points out of 100."""
    points = np.empty(levels.shape)
    for n, factor in enumerate(factors):
        worth = np.array([*(level.points for level in factor.levels), factor.unknown]) * factor.weight
        points[:, n] = worth[levels[:, n]]
    bonus = np.array([factor.bonus for factor in factors], dtype=bool)
    themes = np.array([factor.theme for factor in factors])
    most = 0.0
    for theme in np.unique(themes[~bonus]):
        here = (themes == theme) & ~bonus
        top = sum(factor.most for factor, is_here in zip(factors, here, strict=True) if is_here)
        cap = min(spec.caps.get(str(theme), np.inf), top)
        given = points[:, here].sum(axis=1)
        points[:, here] *= np.minimum(1, np.divide(cap, given, out=np.ones(len(given)), where=given > 0))[:, None]
        most += cap
    share = on_grid(100 * points / most) if most > 0 else np.zeros(points.shape)
    room = 100 - share[:, ~bonus].sum(axis=1)
    for column in np.flatnonzero(bonus):
        share[:, column] = np.minimum(share[:, column], room)
        room -= share[:, column]
    return share


def _drivers(
    factors: list[Factor], levels: np.ndarray, share: np.ndarray, estates: pd.Series, category: str
) -> pd.DataFrame:
    parts: list[Any] = []
    for n, factor in enumerate(factors):
        names = np.array([*(f"{factor.name}:{level.name}" for level in factor.levels), f"{factor.name}:unknown"])
        here = share[:, n] != 0
        parts.append(
            pd.DataFrame(
                {
                    "estate": estates.to_numpy()[here],
                    "category": category,
                    "driver": names[levels[here, n]],
                    "contribution": share[here, n],
                }
            )
        )
    return pd.concat(parts)
