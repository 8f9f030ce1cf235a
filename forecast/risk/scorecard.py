"""Estates (+ history) -> Risk by points. Works with no history at all; what is not known has points of its own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from forecast.risk import Cuts, exposure, grades, known_at, month_number, month_numbers, on_grid, states_zeros, tables
from forecast.spec import Names, Spec
from forecast.tables import ALL

PRIOR_INCIDENTS = 3.0
"""Expected incidents added to both sides of a ratio, so that a small estate is not judged by one incident."""

TALL = 7
"""Floors from which a residential building must have a lift (GB 50096)."""


@dataclass(frozen=True)
class Facts:
    """What measures read: Estates, EstateHistory as known, the category, the month."""

    estates: pd.DataFrame
    history: pd.DataFrame
    category: str
    as_of: pd.Timestamp

    @property
    def year(self) -> int:
        return self.as_of.year

    @property
    def month(self) -> int:
        return month_number(self.as_of)


def _since(column: str) -> Callable[[Facts], pd.Series]:
    return lambda facts: (facts.year - facts.estates[column]).clip(lower=0)


def _value(column: str) -> Callable[[Facts], pd.Series]:
    return lambda facts: facts.estates[column]


def _floors_without_lift(facts: Facts) -> pd.Series:
    """Floors of an estate without any lift; 0 where it has one."""
    lifts = facts.estates["elevators"]
    return facts.estates["floors_max"].where(lifts == 0, lifts.where(lifts.isna(), 0.0))


def _fund_left(facts: Facts) -> pd.Series:
    """Balance of the maintenance fund ÷ its first deposit."""
    first = facts.estates["fund_initial"]
    return facts.estates["fund_balance"] / first.where(first > 0)


def _incident_ratio(facts: Facts) -> pd.Series:
    """Incidents of three years ÷ what the city's rate per household (or estate) gives, drawn towards 1."""
    rows = facts.history[month_numbers(facts.history["month"]) + facts.history["months"] > facts.month - 35]
    if facts.category != ALL:
        rows = rows[rows["category"] == facts.category]
    if not rows["incidents"].sum():
        return pd.Series(np.nan, index=facts.estates.index)
    seen = facts.estates["estate"].map(rows.groupby("estate")["incidents"].sum())
    if not states_zeros(rows):
        seen = seen.fillna(0.0)
    size = exposure(facts.estates)
    expected = size * seen.sum() / size[seen.notna()].sum()
    return (seen + PRIOR_INCIDENTS) / (expected + PRIOR_INCIDENTS)


NUMBERS: dict[str, Callable[[Facts], pd.Series]] = {
    "building_age": _since("built_year"),
    "renovation_age": _since("reno_year"),
    "roof_age": _since("roof_waterproof_year"),
    "pipe_age": _since("pipe_year"),
    "heat_pipe_age": _since("heat_pipe_year"),
    "floors_without_lift": _floors_without_lift,
    "fee_collection_rate": _value("fee_collection_rate"),
    "fund_left": _fund_left,
    "elderly_share": _value("elderly_share"),
    "incident_ratio": _incident_ratio,
}
WORDS = ("pipe_material", "heat_type", "tenure", "mgmt_type", "owners_body")
RAISE_ONLY = ("elderly_share",)
"""Measures of people: they may add points on top, never take any away."""

HISTORY = ("incident_ratio",)


def _allowed(measure: str) -> str:
    if measure not in NUMBERS and measure not in WORDS:
        raise ValueError(f"{measure!r} may not score a home; allowed are {', '.join([*NUMBERS, *WORDS])}")
    return measure


class Level(Spec):
    """One level of a factor. A number is at it from `at_least` on, a text when it holds one of `words`;
    a level with neither is for all the rest."""

    name: str = Field(min_length=1)
    points: float = Field(ge=0)
    at_least: float | None = None
    words: Names = ()
    zh: str = ""
    en: str = ""


class Factor(Spec):
    """One reason for points. Levels are tried from top to bottom; `unknown` are the points of a missing value.

    `only`: categories it counts for (empty = all; the card of ALL has every factor). `bonus`: its points come
    on top of the score, which stays at most 100, so that they can only raise it.
    """

    name: str = Field(min_length=1)
    measure: Annotated[str, AfterValidator(_allowed)]
    theme: Literal["building", "pipes", "management", "money", "people", "history"]
    levels: tuple[Level, ...] = Field(min_length=1)
    unknown: float = Field(ge=0)
    weight: float = Field(1.0, ge=0)
    only: Names = ()
    bonus: bool = False
    zh: str = ""
    en: str = ""

    @model_validator(mode="after")
    def _sound(self) -> "Factor":
        words = self.measure in WORDS
        bounds = [level.at_least for level in self.levels]
        steps = [bound for bound in bounds if bound is not None]
        if words and steps:
            raise ValueError(f"{self.measure} is a text: its levels have words, not at_least")
        if not words and any(level.words for level in self.levels):
            raise ValueError(f"{self.measure} is a number: its levels have at_least, not words")
        if not words and (bounds[-1] is not None or None in bounds[:-1]):
            raise ValueError("the last level, and no other, must have no at_least")
        if any(a <= b for a, b in pairwise(steps)):
            raise ValueError("at_least must fall from level to level")
        names = [level.name for level in self.levels]
        if len({*names, "unknown"}) <= len(names):
            raise ValueError("level names must differ, and none may be called unknown")
        if self.measure in RAISE_ONLY:
            if not self.bonus or self.unknown:
                raise ValueError(f"{self.measure} may only raise a score: bonus must be true and unknown 0")
            if any(a.points < b.points for a, b in pairwise(self.levels)):
                raise ValueError(f"{self.measure} may only raise a score: a higher value needs no fewer points")
        return self

    @property
    def most(self) -> float:
        return self.weight * max(self.unknown, *(level.points for level in self.levels))


def _steps(*steps: tuple[float | None, float, str, str]) -> tuple[Level, ...]:
    """(at_least, points, zh, en) from the highest; the last is for the rest."""
    return tuple(
        Level(name="below" if bound is None else f"from_{bound:g}", at_least=bound, points=points, zh=zh, en=en)
        for bound, points, zh, en in steps
    )


def _ages(*steps: tuple[int | None, float]) -> tuple[Level, ...]:
    lowest = min(bound for bound, _ in steps if bound is not None)
    return _steps(
        *(
            (bound, points, f"{lowest} 年以内", f"under {lowest} years")
            if bound is None
            else (bound, points, f"{bound} 年以上", f"{bound} years or more")
            for bound, points in steps
        )
    )


def _word(name: str, points: float, words: tuple[str, ...], zh: str, en: str) -> Level:
    return Level(name=name, points=points, words=words, zh=zh, en=en)


FACTORS = (
    Factor(
        name="building_age", measure="building_age", theme="building", zh="楼龄", en="building age", unknown=7,
        levels=_ages((40, 15), (30, 12), (20, 8), (10, 4), (None, 0)),
    ),
    Factor(
        name="renovation_age", measure="renovation_age", theme="building", zh="距上次综合整治",
        en="since last renovation", unknown=2, levels=_ages((20, 5), (10, 3), (None, 0)),
    ),
    Factor(
        name="roof_age", measure="roof_age", theme="building", zh="屋面防水", en="roof waterproofing", unknown=4,
        only=("2A", "2B", "2D"), levels=_ages((15, 10), (10, 7), (5, 3), (None, 0)),
    ),
    Factor(
        name="floors_without_lift", measure="floors_without_lift", theme="building", zh="无电梯", en="no lift",
        unknown=1, only=("1A",),
        levels=_steps(
            (TALL, 6, "7 层以上无电梯", "7 floors or more without a lift"),
            (4, 3, "4–6 层无电梯", "4 to 6 floors without a lift"),
            (None, 0, "有电梯或 3 层以下", "has lifts, or 3 floors at most"),
        ),
    ),
    Factor(
        name="pipe_age", measure="pipe_age", theme="pipes", zh="给排水管", en="water and waste pipes", unknown=4,
        only=("1B", "2C", "2D", "W1", "W2"), levels=_ages((30, 10), (20, 7), (10, 3), (None, 0)),
    ),
    Factor(
        name="pipe_material", measure="pipe_material", theme="pipes", zh="管材", en="pipe material", unknown=1,
        only=("1B", "2C", "2D", "W1", "W2"),
        levels=(
            _word("iron", 4, ("铸铁", "镀锌", "iron", "galvan"), "铸铁或镀锌钢管", "cast iron or galvanised steel"),
            _word("plastic", 0, ("PPR", "PP-R", "PVC", "HDPE", "聚", "塑", "plastic"), "塑料管", "plastic"),
            _word("other", 2, (), "其他管材", "other"),
        ),
    ),
    Factor(
        name="heat_pipe_age", measure="heat_pipe_age", theme="pipes", zh="供热管网", en="heating pipes", unknown=4,
        only=("H1", "H2"), levels=_ages((25, 10), (15, 6), (None, 0)),
    ),
    Factor(
        name="mgmt_type", measure="mgmt_type", theme="management", zh="管理方式", en="management", unknown=4,
        levels=(
            _word("none", 10, ("失管", "无物业", "无人管", "unmanaged"), "失管", "nobody manages"),
            _word("street", 7, ("街道代管", "社区代管", "代管", "street"), "街道代管", "run by the street office"),
            _word("self", 6, ("自管", "self"), "自管", "run by its residents or owner"),
            _word("trust", 0, ("信托", "trust"), "信托制", "run in trust"),
            _word("company", 2, ("专业", "市场化", "物业", "company"), "专业物业", "run by a company"),
            _word("other", 5, (), "其他管理方式", "run otherwise"),
        ),
    ),
    Factor(
        name="owners_body", measure="owners_body", theme="management", zh="业主组织", en="owners' body", unknown=2,
        levels=(
            _word("none", 5, ("无", "未成立", "没有", "none"), "无业主组织", "none"),
            _word("interim", 2, ("物管会", "物业管理委员会", "interim"), "物管会", "interim committee"),
            _word("elected", 0, ("业委会", "业主委员会", "有", "elected"), "业委会", "elected"),
            _word("other", 3, (), "其他", "other"),
        ),
    ),
    Factor(
        name="fee_collection_rate", measure="fee_collection_rate", theme="money", zh="物业费收缴率",
        en="fees collected", unknown=4,
        levels=_steps(
            (0.9, 0, "90 % 以上", "90 % or more"),
            (0.7, 3, "70–90 %", "70 to 90 %"),
            (0.5, 7, "50–70 %", "50 to 70 %"),
            (None, 10, "不足 50 %", "under 50 %"),
        ),
    ),
    Factor(
        name="fund_left", measure="fund_left", theme="money", zh="维修资金余额", en="fund left", unknown=4,
        levels=_steps(
            (0.6, 0, "首期 60 % 以上", "60 % of first deposit or more"),
            (0.3, 4, "首期 30–60 %", "30 to 60 % of first deposit"),
            (None, 10, "不足首期 30 %, 应续筹", "under 30 % of first deposit, to be topped up"),
        ),
    ),
    Factor(
        name="incidents", measure="incident_ratio", theme="history", zh="历史诉求", en="past incidents", unknown=4,
        levels=_steps(
            (2.0, 15, "全市平均的 2 倍以上", "twice the city's rate or more"),
            (1.2, 9, "高于全市平均", "above the city's rate"),
            (0.8, 5, "接近全市平均", "near the city's rate"),
            (None, 0, "低于全市平均", "below the city's rate"),
        ),
    ),
    Factor(
        name="elderly_share", measure="elderly_share", theme="people", zh="老年人占比", en="residents above 60",
        unknown=0, bonus=True,
        levels=_steps(
            (0.36, 5, "36 % 以上", "36 % or more"),
            (0.25, 3, "25–36 %", "25 to 36 %"),
            (None, 0, "不足 25 %", "under 25 %"),
        ),
    ),
)  # fmt: skip
"""Points, bounds and caps are our assumptions, set before any data were seen. Published: the 30 % rule of the
fund, 5 years of warranty for waterproofing, lifts from 7 floors, over 36 % above 60 in the case study."""


class Scorecard(Spec):
    """Points per factor. `caps`: most points a theme can give; what exceeds it is taken off in proportion."""

    kind: Literal["scorecard"] = "scorecard"
    factors: tuple[Factor, ...] = Field(FACTORS, min_length=1)
    caps: dict[str, float] = Field({"building": 25.0, "pipes": 18.0})
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
