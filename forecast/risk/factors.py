"""Factors of the scorecard: which measure gives how many points at which level. Options and their defaults."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from forecast.protected import is_protected
from forecast.risk.measures import NUMBERS, RAISE_ONLY, TALL, WORDS
from forecast.spec import Names, Spec


def _allowed(measure: str) -> str:
    if is_protected(measure):
        raise ValueError(f"{measure!r} may not score a home: protected attributes are refused")
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
        named = [self.name, self.zh, self.en, *(word for level in self.levels for word in (level.name, *level.words))]
        if refused := [name for name in named if is_protected(name)]:
            raise ValueError(f"{refused[0]!r} may not score a home: protected attributes are refused")
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


def _yes_no(yes: tuple[float, str, str], no: tuple[float, str, str]) -> tuple[Level, ...]:
    """(points, zh, en) of each."""
    return (
        Level(name="yes", at_least=1, points=yes[0], zh=yes[1], en=yes[2]),
        Level(name="no", points=no[0], zh=no[1], en=no[2]),
    )


def _months_left(soon: str, soon_en: str, past: float) -> tuple[Level, ...]:
    return _steps(
        (12, 0, "一年以后", "in a year or later"),
        (6, past / 4, "一年以内", "within a year"),
        (0, past * 3 / 4, f"半年以内{soon}", f"{soon_en} within half a year"),
        (None, past, f"已{soon}", f"{soon_en} already"),
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
        name="seismic_done", measure="seismic_done", theme="building", zh="抗震加固", en="earthquake proofing",
        unknown=2, only=("2B",), levels=_yes_no((0, "已加固或达标", "done"), (5, "未加固", "not done")),
    ),
    Factor(
        name="insulation_done", measure="insulation_done", theme="building", zh="外墙保温", en="insulation",
        unknown=2, only=("H1",), levels=_yes_no((0, "已做", "done"), (5, "未做", "not done")),
    ),
    Factor(
        name="low_lying", measure="low_lying", theme="building", zh="地势", en="ground", unknown=2, only=("W1",),
        levels=_yes_no((10, "低洼", "low-lying"), (0, "不低洼", "not low-lying")),
    ),
    Factor(
        name="basement", measure="basement", theme="building", zh="地下室", en="basement", unknown=1, only=("W1",),
        levels=_yes_no((4, "有", "yes"), (0, "无", "none")),
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
        name="end_of_line", measure="end_of_line", theme="pipes", zh="供热管网位置", en="place on the heating line",
        unknown=2, only=("H1",), levels=_yes_no((7, "末端", "at its end"), (0, "非末端", "not at its end")),
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
        name="contract_end", measure="contract_months_left", theme="management", zh="物业合同",
        en="management contract",
        unknown=2, only=("4B",), levels=_months_left("到期", "ends", 8),
    ),
    Factor(
        name="term_end", measure="term_months_left", theme="management", zh="业主组织任期",
        en="term of the owners' body",
        unknown=2, only=("6A",), levels=_months_left("届满", "ends", 8),
    ),
    Factor(
        name="tenure", measure="tenure", theme="management", zh="产权", en="title", unknown=2,
        only=("2A", "2B", "2C", "2D", "5B"),
        levels=(
            _word("state", 5, ("央产", "军产", "central", "military"), "央产或军产", "of a central or army unit"),
            _word("public", 4, ("公房", "public"), "直管公房", "public housing"),
            _word("reform", 3, ("房改", "reform"), "房改房", "sold to its tenants"),
            _word("resettled", 3, ("回迁", "安置", "resettle"), "回迁房", "resettlement"),
            _word("rented", 1, ("公租", "rent"), "公租房", "public rental"),
            _word("commodity", 0, ("商品", "commodity"), "商品房", "commercial"),
            _word("other", 2, (), "其他", "other"),
        ),
    ),
    Factor(
        name="owning_units", measure="owning_units", theme="management", zh="产权单位", en="owning units", unknown=1,
        only=("2A", "2B", "2C", "2D", "5B"),
        levels=_steps((3, 4, "3 家以上", "3 or more"), (2, 2, "2 家", "2"), (None, 0, "1 家", "1 at most")),
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
        name="repeat_share", measure="repeat_share", theme="history", zh="重复诉求占比",
        en="repeated requests", unknown=1,
        levels=_steps(
            (0.3, 5, "30 % 以上", "30 % or more"),
            (0.15, 3, "15–30 %", "15 to 30 %"),
            (None, 0, "不足 15 %", "under 15 %"),
        ),
    ),
    Factor(
        name="unresolved_rate", measure="unresolved_rate", theme="history", zh="未解决率", en="unresolved requests",
        unknown=1,
        levels=_steps(
            (0.5, 5, "50 % 以上", "50 % or more"),
            (0.3, 3, "30–50 %", "30 to 50 %"),
            (None, 0, "不足 30 %", "under 30 %"),
        ),
    ),
    Factor(
        name="leaks", measure="leaks_per_household", theme="history", zh="上季漏点",
        en="leaks last season", unknown=2,
        only=("2A", "2D"),
        levels=_steps(
            (0.05, 8, "每百户 5 处以上", "5 or more per 100 homes"),
            (0.01, 4, "每百户 1–5 处", "1 to 5 per 100 homes"),
            (None, 0, "每百户不足 1 处", "under 1 per 100 homes"),
        ),
    ),
    Factor(
        name="cold_homes", measure="cold_per_household", theme="history", zh="上季不热户",
        en="cold homes last season",
        unknown=2, only=("H1",),
        levels=_steps(
            (0.05, 8, "每百户 5 户以上", "5 or more per 100 homes"),
            (0.01, 4, "每百户 1–5 户", "1 to 5 per 100 homes"),
            (None, 0, "每百户不足 1 户", "under 1 per 100 homes"),
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
