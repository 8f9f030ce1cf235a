"""The scorecard: points add up, what is unknown says so, age of residents only raises, nothing protected enters."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from forecast.risk import Cuts, grades, percentile
from forecast.risk.catalogue import KINDS, Auto, Risk
from forecast.risk.scorecard import FACTORS, Factor, Level, Scorecard, any_attribute, assess, labels
from forecast.tables import ALL, EstateHistory, Estates, check, conform, empty
from forecast.tables import Risk as RiskTable

AS_OF = pd.Timestamp("2024-12-01").as_unit("us")
LATER = pd.Timestamp("2030-01-01").as_unit("us")
NO_HISTORY = empty(EstateHistory)
AGE = Factor(
    name="age", measure="building_age", theme="building", unknown=4,
    levels=(Level(name="old", at_least=30, points=10), Level(name="young", points=0)),
)  # fmt: skip
ELDERLY = Factor(
    name="elderly", measure="elderly_share", theme="people", unknown=0, bonus=True,
    levels=(Level(name="many", at_least=0.3, points=5), Level(name="few", points=0)),
)  # fmt: skip


def estates(*rows: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([{"estate": f"e{n}", "name": f"e{n}", "area": "c"} | row for n, row in enumerate(rows)])
    return check(Estates, conform(Estates, frame))


def scores(spec: Scorecard, *rows: dict[str, Any], category: str = ALL) -> list[float]:
    return assess(spec, estates(*rows), NO_HISTORY, [category], AS_OF)[0]["score"].tolist()


def points(spec: Scorecard, *rows: dict[str, Any], category: str = ALL) -> list[dict[str, float]]:
    drivers = assess(spec, estates(*rows), NO_HISTORY, [category], AS_OF)[1]
    return [
        dict(zip(part["driver"], part["contribution"], strict=True))
        for part in (drivers[drivers["estate"] == f"e{n}"] for n in range(len(rows)))
    ]


def test_the_shipped_file_holds_the_defaults(root: Path) -> None:
    shipped = yaml.safe_load((root / "configs/risk.yaml").read_text(encoding="utf-8"))
    assert TypeAdapter(Risk).validate_python(shipped) == Auto()
    alone = {"kind": "scorecard", **shipped["scorecard"]}
    assert TypeAdapter(Risk).validate_python(alone) == Scorecard()
    assert TypeAdapter(Risk).validate_python({"kind": "eb_glm", **shipped["eb_glm"]}) == Auto().eb_glm
    assert KINDS == ("auto", "scorecard", "eb_glm")


def test_levels_and_their_bounds() -> None:
    rows = [{"built_year": 1994}, {"built_year": 1995}, {}, {"built_year": 2024}]
    spec = Scorecard(factors=(AGE,), caps={})
    assert scores(spec, *rows) == [100, 0, 40, 0]
    assert points(spec, *rows) == [{"age:old": 100}, {}, {"age:unknown": 40}, {}]


def test_unknown_is_a_level_of_its_own_and_never_0() -> None:
    spec = Scorecard()
    (reasons,) = points(spec, {})
    assert set(reasons) == {f"{f.name}:unknown" for f in FACTORS if not f.bonus}
    assert all(value > 0 for value in reasons.values())
    worst = {"built_year": 1960, "reno_year": 1990, "roof_waterproof_year": 1990, "pipe_year": 1960,
             "heat_pipe_year": 1960, "elevators": 0, "floors_max": 7, "pipe_material": "铸铁", "mgmt_type": "失管",
             "owners_body": "无", "fee_collection_rate": 0.2, "fund_initial": 10, "fund_balance": 1,
             "seismic_done": False, "insulation_done": False, "low_lying": True, "basement": True,
             "end_of_line": True, "contract_end": AS_OF, "term_end": AS_OF, "tenure": "央产", "owning_units_n": 4,
             "repeat_share": 0.4, "unresolved_rate": 0.6, "leak_points": 9, "cold_points": 9,
             "households": 100}  # fmt: skip
    best = {"built_year": 2024, "reno_year": 2024, "roof_waterproof_year": 2024, "pipe_year": 2024,
            "heat_pipe_year": 2024, "elevators": 4, "floors_max": 20, "pipe_material": "PPR/PVC",
            "mgmt_type": "信托制", "owners_body": "业委会", "fee_collection_rate": 1.0, "fund_initial": 10,
            "fund_balance": 10, "seismic_done": True, "insulation_done": True, "low_lying": False, "basement": False,
            "end_of_line": False, "contract_end": LATER, "term_end": LATER, "tenure": "商品房", "owning_units_n": 1,
            "repeat_share": 0.0, "unresolved_rate": 0.0, "leak_points": 0, "cold_points": 0,
            "households": 100}  # fmt: skip
    low, unknown, high = scores(spec, best, {}, worst)
    assert low < unknown < high
    assert low < 10
    assert high > 85


@pytest.mark.parametrize(
    ("category", "row", "level"),
    [
        ("H1", {"end_of_line": True}, "end_of_line:yes"),
        ("H1", {"insulation_done": False}, "insulation_done:no"),
        ("2B", {"seismic_done": False}, "seismic_done:no"),
        ("W1", {"low_lying": True}, "low_lying:yes"),
        ("W1", {"basement": True}, "basement:yes"),
        ("4B", {"contract_end": "2024-12-31"}, "contract_end:below"),
        ("4B", {"contract_end": "2025-01-01"}, "contract_end:from_0"),
        ("4B", {"contract_end": "2025-06-30"}, "contract_end:from_6"),
        ("6A", {"term_end": "2024-01-01"}, "term_end:below"),
        ("2A", {"tenure": "直管公房"}, "tenure:public"),
        ("5B", {"owning_units_n": 3}, "owning_units:from_3"),
        ("3C", {"repeat_share": 0.3}, "repeat_share:from_0.3"),
        ("3C", {"unresolved_rate": 0.3}, "unresolved_rate:from_0.3"),
        ("2A", {"leak_points": 5, "households": 100}, "leaks:from_0.05"),
        ("H1", {"cold_points": 1, "households": 100}, "cold_homes:from_0.01"),
    ],
)
def test_each_attribute_has_its_level_where_it_belongs(category: str, row: dict[str, Any], level: str) -> None:
    row = {name: pd.Timestamp(value) if name.endswith("_end") else value for name, value in row.items()}
    name = level.split(":")[0]
    known, unknown = points(Scorecard(), row, {}, category=category)
    assert level in known
    assert f"{name}:unknown" in unknown
    (factor,) = [factor for factor in FACTORS if factor.name == name]
    if factor.only:
        assert not any(driver.startswith(name) for driver in points(Scorecard(), row, category="3C")[0])


def test_what_is_good_takes_the_points_of_unknown_away() -> None:
    rows: list[dict[str, Any]] = [
        {"end_of_line": False}, {"insulation_done": True}, {"cold_points": 0, "households": 100}
    ]  # fmt: skip
    unknown = scores(Scorecard(), {}, category="H1")[0]
    assert all(score < unknown for score in scores(Scorecard(), *rows, category="H1"))
    assert scores(Scorecard(), {"cold_points": 9}, category="H1") == [unknown]  # of how many homes is not known


def test_an_estate_said_to_lack_lifts() -> None:
    rows: list[dict[str, Any]] = [
        {"lacks_elevator": True, "floors_max": 8},
        {"lacks_elevator": False, "floors_max": 8},
    ]
    lacking, not_lacking = points(Scorecard(), *rows)
    assert "floors_without_lift:from_7" in lacking
    assert not any(name.startswith("floors_without_lift") for name in not_lacking)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "回族"},
        {"zh": "外来人口占比"},
        {"en": "share of migrants"},
        {"measure": "hukou"},
        {"measure": "gender"},
    ],
)
def test_a_factor_named_after_a_protected_attribute_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"'.+' may not score a home: protected attributes are refused"):
        Factor(
            **{"name": "x", "measure": "building_age", "theme": "people", "unknown": 1, "levels": AGE.levels} | change
        )


def test_a_level_that_looks_for_a_protected_word_is_refused() -> None:
    levels = (Level(name="poor", points=5, words=("低保",)), Level(name="rest", points=0))
    with pytest.raises(ValidationError, match="may not score a home: protected"):
        Factor(name="x", measure="tenure", theme="people", unknown=1, levels=levels)


def test_a_theme_is_capped_in_proportion() -> None:
    other = AGE.model_copy(update={"name": "reno", "measure": "renovation_age"})
    money = Factor(
        name="fees", measure="fee_collection_rate", theme="money", unknown=1,
        levels=(Level(name="good", at_least=0.5, points=0), Level(name="bad", points=10)),
    )  # fmt: skip
    spec = Scorecard(factors=(AGE, other, money), caps={"building": 10})
    worst = {"built_year": 1950, "reno_year": 1950, "fee_collection_rate": 0.1}
    assert points(spec, worst) == [{"age:old": 25, "reno:old": 25, "fees:bad": 50}]
    assert scores(spec, worst | {"reno_year": 2020}) == [100]


def test_weight_and_only() -> None:
    heat = AGE.model_copy(update={"name": "heat", "measure": "heat_pipe_age", "only": ("H1",), "weight": 3.0})
    spec = Scorecard(factors=(AGE, heat), caps={})
    row = {"built_year": 2020, "heat_pipe_year": 1980}
    assert scores(spec, row, category="H1") == [75]
    assert scores(spec, row, category="2A") == [0]
    assert scores(spec, row) == [75]  # the general card has every factor


attributes = st.fixed_dictionaries(
    {
        "built_year": st.one_of(st.none(), st.integers(1900, 2024)),
        "pipe_year": st.one_of(st.none(), st.integers(1900, 2024)),
        "fee_collection_rate": st.one_of(st.none(), st.floats(0, 1)),
        "fund_balance": st.one_of(st.none(), st.floats(-1e6, 1e6)),
        "fund_initial": st.one_of(st.none(), st.sampled_from([0.0, 1.0, 1e6])),
        "mgmt_type": st.one_of(st.none(), st.sampled_from(["失管", "专业物业", "别的", "信托制"])),
        "elderly_share": st.one_of(st.none(), st.floats(0, 1)),
    }
)


@settings(max_examples=12)
@given(st.lists(attributes, min_size=1, max_size=20), st.sampled_from([ALL, "2A", "H1", "anything"]))
def test_contributions_add_up_exactly(rows: list[dict[str, Any]], category: str) -> None:
    risk, drivers = assess(Scorecard(), estates(*rows), NO_HISTORY, [category], AS_OF)
    check(RiskTable, risk)
    sums = drivers.groupby("estate")["contribution"].sum().reindex(risk["estate"], fill_value=0.0)
    assert (sums.to_numpy() == risk["score"].to_numpy()).all()
    assert set(drivers["driver"]) <= set(labels(Scorecard())["driver"])
    assert risk[["expected", "low", "high"]].isna().all(axis=None)


@settings(max_examples=12)
@given(attributes, st.floats(0, 1), st.floats(0, 1))
def test_elderly_share_only_raises(row: dict[str, Any], one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    unknown, some, many = scores(Scorecard(), *(row | {"elderly_share": share} for share in (None, fewer, more)))
    assert unknown <= some <= many <= 100


def test_a_bonus_never_passes_100() -> None:
    spec = Scorecard(factors=(AGE, ELDERLY), caps={})
    assert points(spec, {"built_year": 1950, "elderly_share": 0.9}) == [{"age:old": 100}]
    assert points(spec, {"elderly_share": 0.9}) == [{"age:unknown": 40, "elderly:many": 50}]


@pytest.mark.parametrize("measure", ["ethnicity", "income", "rental_share", "民族", "lon"])
def test_protected_measures_are_refused_by_name(measure: str) -> None:
    with pytest.raises(ValidationError, match=f"'{measure}' may not score a home"):
        Factor(name="x", measure=measure, theme="people", unknown=1, levels=AGE.levels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": (Level(name="a", points=1, at_least=1.0),)}, "the last level"),
        ({"levels": AGE.levels[::-1]}, "the last level"),
        ({"levels": (Level(name="a", points=1, at_least=1), *AGE.levels)}, "must fall"),
        ({"levels": (Level(name="a", points=1, words=("x",)),)}, "is a number"),
        ({"levels": (Level(name="unknown", points=1),)}, "level names"),
        ({"measure": "mgmt_type"}, "is a text"),
        ({"measure": "elderly_share"}, "may only raise"),
        ({"measure": "elderly_share", "bonus": True, "unknown": 1}, "may only raise"),
        ({"unknown": -1}, "greater than or equal to 0"),
    ],
)
def test_a_factor_that_makes_no_sense_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Factor(**(AGE.model_dump() | change))
    lower = (Level(name="many", at_least=0.3, points=1), Level(name="few", points=5))
    with pytest.raises(ValidationError, match="needs no fewer points"):
        Factor(**(ELDERLY.model_dump() | {"levels": lower}))


def test_a_card_that_makes_no_sense_is_refused() -> None:
    for change, message in (
        ({"factors": (AGE, AGE)}, "must differ"),
        ({"caps": {"stars": 3}}, "without a factor"),
        ({"caps": {"building": 0}}, "above 0"),
        ({"factors": (ELDERLY,), "caps": {}}, "must give points"),
        ({"cuts": {"red": 0.5, "orange": 0.1}}, "must rise"),
    ):
        with pytest.raises(ValidationError, match=message):
            Scorecard(**change)


def history(*rows: tuple[str, str, str, int, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["estate", "category", "month", "months", "incidents"])
    return conform(EstateHistory, frame.assign(month=pd.to_datetime(frame["month"])))


def test_past_incidents_count_until_as_of_only() -> None:
    table = estates(*({} for _ in range(4)))
    known = history(("e0", "x", "2024-03-01", 1, 40), ("e1", "x", "2024-04-01", 1, 2))
    later = history(("e1", "x", "2025-01-01", 1, 900), ("e1", "x", "2024-02-01", 12, 900))
    one = assess(Scorecard(), table, known, [ALL, "x"], AS_OF)
    two = assess(Scorecard(), table, pd.concat([known, later], ignore_index=True), [ALL, "x"], AS_OF)
    for a, b in zip(one, two, strict=True):
        pd.testing.assert_frame_equal(a, b)
    reasons = one[1][one[1]["category"] == "x"].set_index("estate")["driver"]
    assert "incidents:from_2" in set(reasons["e0"])
    assert not reasons["e2"].str.startswith("incidents").any()  # a list of events: none means none
    zeros = history(("e0", "x", "2023-01-01", 12, 40), ("e1", "x", "2023-01-01", 12, 0))
    drivers = assess(Scorecard(), table, zeros, ["x"], AS_OF)[1].set_index("estate")["driver"]
    assert "incidents:unknown" in set(drivers["e2"])  # a ledger that says 0 elsewhere: none means unknown
    assert "incidents:unknown" not in set(drivers["e1"])
    old = history(("e0", "x", "2021-12-01", 1, 40))
    assert "incidents:unknown" in set(assess(Scorecard(), table, old, ["x"], AS_OF)[1]["driver"])


def test_the_fund_below_30_percent_and_a_first_deposit_of_0() -> None:
    rows = [{"fund_initial": 100, "fund_balance": b} for b in (29, 30, -5)] + [{"fund_initial": 0, "fund_balance": 9}]
    found = [next(name for name in reasons if name.startswith("fund")) for reasons in points(Scorecard(), *rows)]
    assert found == ["fund_left:below", "fund_left:from_0.3", "fund_left:below", "fund_left:unknown"]


def test_lifts_only_count_where_both_figures_are_known() -> None:
    rows = [{"elevators": 0, "floors_max": 7}, {"elevators": 0}, {"elevators": 2}, {"floors_max": 20}]
    reasons = points(Scorecard(), *rows)
    assert "floors_without_lift:from_7" in reasons[0]
    assert "floors_without_lift:unknown" in reasons[1]
    assert not any(name.startswith("floors_without_lift") for name in reasons[2])
    assert "floors_without_lift:unknown" in reasons[3]


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("失管", "none"),
        ("无物业", "none"),
        ("街道代管", "street"),
        ("物业自管", "self"),
        ("专业物业", "company"),
        ("?", "other"),
    ],
)
def test_words_are_found_within_texts(text: str, level: str) -> None:
    assert f"mgmt_type:{level}" in points(Scorecard(), {"mgmt_type": text})[0]


def test_grades_are_shares_of_estates() -> None:
    found = pd.Series(grades(np.arange(1000.0), np.zeros(1000), Cuts())).value_counts()
    assert found.to_dict() == {"red": 20, "orange": 80, "yellow": 200, "blue": 700}
    assert set(grades(np.zeros(50), np.zeros(50), Cuts())) == {"blue"}
    assert set(grades(np.array([97.0]), np.zeros(1), Cuts())) == {"blue"}
    assert set(grades(np.arange(9.0), np.zeros(9), Cuts(red=0, orange=0, yellow=1))) == {"yellow"}
    among_equals = grades(np.full(100, 97.0), np.arange(100.0), Cuts(red=0.01))
    assert among_equals.tolist().index("red") == 99  # the one of whom most is expected
    assert percentile(np.array([1.0, 2.0]), np.array([1.0, 1.0, 2.0, 2.0])).tolist() == [25, 75]


def test_any_attribute_and_no_estate() -> None:
    assert not any_attribute(Scorecard(), estates({}), AS_OF)
    assert any_attribute(Scorecard(), estates({}, {"owners_body": "无"}), AS_OF)
    risk, drivers = assess(Scorecard(), estates({}).iloc[:0], NO_HISTORY, [ALL], AS_OF)
    assert risk.empty
    assert drivers.empty
