"""The three rates: twins agree, too few say nothing, exclusions and later months stay out, classes and targets."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.areas import summing
from forecast.rates import FIGURES, Busy, RateOptions, Stretch, Weights, appraisal, priority, rates, targets
from forecast.tables import ALL, Appraisal, Areas, CallBacks, Rates, Targets, check, conform
from tests import naive

LAST = pd.Timestamp("2022-10-01")
AREAS = conform(
    Areas,
    pd.DataFrame(
        [("c", "city", None), ("s1", "street", "c"), ("s2", "street", "c"), ("a", "community", "s1"),
         ("b", "community", "s1"), ("d", "community", "s2")],
        columns=["area", "level", "parent"],
    ).assign(name="x", aliases=""),
)  # fmt: skip
TREE = summing(AREAS)
FEW = RateOptions(least=1)


def call_backs(*rows: dict[str, Any]) -> pd.DataFrame:
    base = {"area": "a", "category": "x", "month": LAST, "excluded": False} | dict.fromkeys(FIGURES, 0)
    return check(CallBacks, conform(CallBacks, pd.DataFrame([base | row for row in rows])))


def answered(n: int, yes: int, **more: Any) -> dict[str, Any]:
    """n call-backs, `yes` of them resolved, all contacted and satisfied as resolved."""
    asked = dict.fromkeys(["callbacks", "contact_asked", "contacted", "solution_asked", "opinion_asked"], n)
    return asked | {"resolved": yes, "satisfied": float(yes)} | more


def one(table: pd.DataFrame, area: str = "s1", category: str = ALL, scope: str = "all") -> Any:
    keys = (table["area"] == area) & (table["category"] == category) & (table["scope"] == scope)
    (row,) = table[keys].to_dict("records")
    return row


answers = st.tuples(
    st.none() | st.booleans(), st.none() | st.booleans(), st.none() | st.sampled_from([0.0, 0.9, 1.0])
).filter(lambda row: row != (None, None, None))


@given(st.lists(answers, min_size=1, max_size=30), st.integers(1, 12))
def test_rates_against_the_slow_twin(rows: list[tuple[bool | None, bool | None, float | None]], least: int) -> None:
    counts = call_backs(
        *(
            {"area": "ab"[n % 2], "callbacks": 1, "contact_asked": int(c is not None), "contacted": int(bool(c)),
             "solution_asked": int(r is not None), "resolved": int(bool(r)), "opinion_asked": int(s is not None),
             "satisfied": s or 0.0}
            for n, (c, r, s) in enumerate(rows)
        )
    )  # fmt: skip
    row = one(rates(counts, TREE, AREAS, LAST, RateOptions(least=least)))
    told = [row[name] for name in ("response", "resolution", "satisfaction", "score")]
    expected = [np.nan if value is None else value for value in naive.three_rates(rows, least)]
    assert told == pytest.approx(expected, nan_ok=True)
    assert row["callbacks"] == len(rows)
    for name in ("response", "resolution", "satisfaction"):
        if not np.isnan(row[name]):
            assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]


def test_streets_and_categories_add_up_to_the_city() -> None:
    counts = call_backs(answered(30, 15), answered(10, 10, area="b", category="y"), answered(20, 0, area="d"))
    table = rates(counts, TREE, AREAS, LAST, FEW)
    assert one(table, "c")["callbacks"] == 60
    assert one(table, "s1")["resolution"] == pytest.approx(25 / 40)
    assert one(table, "s1", "y")["score"] == pytest.approx(100)
    assert one(table, "c")["score"] == pytest.approx(100 * (0.1 + 0.9 * 25 / 60))
    assert set(table["level"]) == {"street", "city"}


def test_excluded_orders_and_categories_stand_apart() -> None:
    counts = call_backs(answered(20, 20), answered(20, 0, excluded=True), answered(20, 0, category="y"))
    table = rates(counts, TREE, AREAS, LAST, RateOptions(exclude=("y",)))
    assert one(table)["resolution"] == pytest.approx(1 / 3)
    assert one(table, scope="counted")["resolution"] == 1
    assert not ((table["category"] == "y") & (table["scope"] == "counted")).any()


def test_months_outside_the_span_change_nothing() -> None:
    inside = answered(20, 10, month=pd.Timestamp("2021-11-01"))
    outside = [answered(9, 9, month=pd.Timestamp(day)) for day in ("2021-10-01", "2022-11-01")]
    pd.testing.assert_frame_equal(
        rates(call_backs(inside), TREE, AREAS, LAST, FEW), rates(call_backs(inside, *outside), TREE, AREAS, LAST, FEW)
    )


def test_a_question_never_asked_has_no_rate_and_leaves_no_score() -> None:
    silent = answered(20, 10) | {"opinion_asked": 0, "satisfied": 0.0}
    row = one(rates(call_backs(silent), TREE, AREAS, LAST, FEW))
    assert np.isnan([row["satisfaction"], row["score"]]).all()
    weights = Weights(response=0.5, resolution=0.5, satisfaction=0)
    assert one(rates(call_backs(silent), TREE, AREAS, LAST, RateOptions(weights=weights)))["score"] == pytest.approx(
        75
    )


def test_a_blank_may_count_as_no() -> None:
    half = answered(20, 10) | {"solution_asked": 10}
    assert one(rates(call_backs(half), TREE, AREAS, LAST, FEW))["resolution"] == 1
    blank = RateOptions(blank_is_no=True)
    assert one(rates(call_backs(half), TREE, AREAS, LAST, blank))["resolution"] == pytest.approx(0.5)


def test_no_call_back_is_an_empty_table() -> None:
    nothing = rates(call_backs(answered(5, 5)).iloc[:0], TREE, AREAS, LAST, FEW)
    assert check(Rates, nothing).empty
    assert check(Appraisal, appraisal(nothing, nothing, FEW)).empty
    assert priority(nothing, FEW).empty


@pytest.mark.parametrize(
    ("before", "now", "grade"),
    [(95, 95, "advanced"), (85, 95, "advanced"), (99, 95, "rectify"), (80, 85, "progress"), (85, 85, "rectify"),
     (60, 70, "progress"), (70, 70.5, "govern"), (75, 70, "govern")],
)  # fmt: skip
def test_the_four_classes(before: float, now: float, grade: str) -> None:
    base = one(rates(call_backs(answered(20, 10)), TREE, AREAS, LAST, FEW))
    spec = RateOptions(high=90, low=80)
    tables = [pd.DataFrame([base | {"score": score}]) for score in (now, before)]
    found = appraisal(tables[0], tables[1], spec)
    assert found["grade"].tolist() == [grade]
    assert found["change"].iloc[0] == pytest.approx(now - before)
    alone = appraisal(tables[0], tables[1].assign(area="other"), spec)
    assert alone["grade"].isna().all()


def test_without_cuts_the_areas_of_a_level_are_cut_in_thirds() -> None:
    base = one(rates(call_backs(answered(20, 10)), TREE, AREAS, LAST, FEW))
    now = pd.DataFrame([base | {"area": f"s{n}", "score": float(n)} for n in range(9)])
    found = appraisal(now, now, FEW)
    assert found["grade"].tolist() == ["govern"] * 3 + ["rectify"] * 3 + ["advanced"] * 3


def test_targets_step_from_last_year_to_the_standard() -> None:
    heat = Busy(name="heat", days=Stretch(start="11-15", end="03-15"), categories=("x",))
    spec = RateOptions(busy=(heat,), least=10)
    winter = [answered(10, 5, month=pd.Timestamp(day)) for day in ("2021-11-01", "2022-03-01")]
    summer, later = (answered(50, 50, month=pd.Timestamp(day)) for day in ("2022-07-01", "2022-11-01"))
    found = targets(call_backs(*winter, summer, later), TREE, AREAS, LAST, spec)
    check(Targets, found)
    row: Any = found[(found["area"] == "s1") & (found["measure"] == "resolution")].iloc[0]
    assert [row["first"], row["last"]] == [pd.Timestamp("2022-11-01"), pd.Timestamp("2023-03-01")]
    assert row["last_year"] == pytest.approx(0.5)
    assert row["target"] == pytest.approx(0.5 + 0.25 * 0.4)
    held: Any = found[(found["area"] == "s1") & (found["measure"] == "response")].iloc[0]
    assert held["target"] == 1
    thin = targets(call_backs(answered(3, 1, month=pd.Timestamp("2022-01-01"))), TREE, AREAS, LAST, spec)
    assert thin["last_year"].isna().all()
    assert (thin["target"] == thin["standard"]).all()


@pytest.mark.parametrize(("as_of", "first"), [("2022-02-01", "2021-11-01"), ("2022-03-01", "2022-11-01")])
def test_the_season_is_the_one_not_over(as_of: str, first: str) -> None:
    spec = RateOptions(busy=(Busy(name="heat", days=Stretch(start="11-15", end="03-15")),))
    winters = [answered(20, 9, month=pd.Timestamp(day)) for day in ("2021-01-01", "2022-01-01")]
    found = targets(call_backs(*winters), TREE, AREAS, pd.Timestamp(as_of), spec)
    assert set(found["first"]) == {pd.Timestamp(first)}


def test_a_low_resolution_raises_only_where_it_is_sure() -> None:
    counts = call_backs(answered(200, 80), answered(200, 190, category="y"), answered(12, 9, category="z"))
    found = priority(rates(counts, TREE, AREAS, LAST, RateOptions()), RateOptions()).set_index(["area", "category"])
    assert found.loc[("s1", "x"), "factor"] == pytest.approx(1.5)
    assert found.loc[("s1", ["y", "z"]), "factor"].tolist() == [1, 1]
    assert found["low_resolution"].equals(found["factor"] > 1)
    assert found.index.is_unique


@given(st.permutations(range(6)))
def test_order_of_rows_changes_nothing(order: list[int]) -> None:
    rows = [answered(10 + n, n, area="abd"[n % 3], category="xy"[n % 2], excluded=n == 4) for n in range(6)]
    one_way, other = (rates(call_backs(*given), TREE, AREAS, LAST, FEW) for given in (rows, [rows[n] for n in order]))
    pd.testing.assert_frame_equal(one_way, other, rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"weights": {"response": 0.5}}, {"levels": ("block",)}, {"standard": {"response": 1}}, {"high": 70, "low": 80}],
)
def test_options_refuse_what_makes_no_sense(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"weights|level|standard|above"):
        RateOptions(**change)
