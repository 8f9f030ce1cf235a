"""Which tasks begin: crews and slots never exceeded, as good as trying everything, safety first, draws that hold."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.workplan import Limit, Plan
from forecast.workplan.choice import choose

MONTH = pd.Timestamp("2022-09-01")
PARTIES = ("物业", "街道")


def tasks(rows: list[tuple[float, int, int, int, bool, bool]], **columns: list[bool] | list[str]) -> pd.DataFrame:
    """(value, crew-days, party, latest, safety, visit) each; all in one street unless `columns` say otherwise."""
    frame = pd.DataFrame(rows, columns=["expected_requests", "crew_days", "who", "latest", "safety", "visit"])
    frame = frame.sort_values("expected_requests", ascending=False, kind="stable", ignore_index=True)
    frame["latest"] = frame["latest"].where(~frame["visit"], 0)
    frame["safety"] &= ~frame["visit"]
    known = frame.assign(
        task_id=[f"t{k}" for k in range(len(frame))], street="s", party=[PARTIES[k] for k in frame["who"]],
        lead_party="someone", preventable=frame["expected_requests"] * 0.3,
        probability=np.where(frame["visit"], 0.9 - 0.01 * frame.index, np.nan),
        on_time=True, going=False, asked=False, held=False,
    )  # fmt: skip
    return known.assign(**columns)


def free(**options: object) -> Plan:
    return Plan.model_validate({"hold_back": 0, "stability": 0} | options)


ROW = st.tuples(
    st.floats(3, 100), st.integers(0, 5), st.integers(0, 1), st.integers(0, 1), st.booleans(), st.booleans()
)
ROWS = st.lists(ROW, min_size=1, max_size=40)


def used(frame: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    return frame.join(found[["fate", "begin"]]).dropna(subset="begin")


@given(ROWS, st.integers(0, 12), st.floats(0, 30), st.floats(0, 30), st.floats(0, 0.5), st.floats(0, 1))
def test_no_month_has_more_than_its_slots_and_no_party_more_than_its_crew(
    rows: list[tuple[float, int, int, int, bool, bool]], slots: int, one: float, two: float, back: float, share: float
) -> None:
    limits = (Limit(party="物业", crew_days=one), Limit(party="街道", crew_days=two))
    plan = Plan(slots_per_street=slots, capacity=limits, hold_back=back, silent_share=share)
    frame = tasks(rows, street=["s" if k % 3 else "t" for k in range(len(rows))])
    found = used(frame, choose(frame, plan, MONTH, {}, 1))
    for _, month in found.groupby(["street", "begin"]):
        assert len(month) <= slots
        assert month["visit"].sum() <= share * slots + 1e-6
        work = month.groupby("party")["crew_days"].sum()
        assert work.get("物业", 0) <= one
        assert work.get("街道", 0) <= two
    last = MONTH + pd.to_timedelta(0, unit="D")
    assert (found["begin"] >= last).all()
    months = (found["begin"].dt.year - MONTH.year) * 12 + found["begin"].dt.month - MONTH.month
    assert (months <= found["latest"]).all()


@given(st.lists(ROW, min_size=1, max_size=6), st.integers(0, 4), st.integers(0, 12))
def test_as_much_is_won_as_by_trying_every_choice(
    rows: list[tuple[float, int, int, int, bool, bool]], slots: int, crew: int
) -> None:
    rows = [(round(value, 1), days, who, latest, False, False) for value, days, who, latest, _, _ in rows]
    frame = tasks(rows)
    plan = free(slots_per_street=slots, capacity=[{"crew_days": crew}])
    won = used(frame, choose(frame, plan, MONTH, {}, 1))["expected_requests"].sum()
    best = max(_won(frame, starts, slots, crew) for starts in product((-1, 0, 1), repeat=len(frame)))
    assert won == pytest.approx(best, rel=2e-3)  # early work costs a thousandth


def _won(frame: pd.DataFrame, starts: tuple[int, ...], slots: int, crew: int) -> float:
    start = np.array(starts)
    if (start > frame["latest"]).any():
        return 0.0
    for month in (0, 1):
        here = frame[start == month]
        if len(here) > slots or (here.groupby("party")["crew_days"].sum() > crew).any():
            return 0.0
    return float(frame.loc[start >= 0, "expected_requests"].sum())


def test_a_street_with_many_tasks_and_no_crew_limits_fills_its_slots_with_the_most() -> None:
    frame = tasks([(float(3 + k % 997), 1, k % 2, k % 2, False, False) for k in range(3000)])
    found = choose(frame, free(slots_per_street=40), MONTH, {}, 1)
    begun = frame[found["begin"].notna()]
    assert (found["fate"] == "chosen").sum() == 40
    assert begun["expected_requests"].min() >= frame["expected_requests"].nlargest(82).min()


def test_safety_comes_before_volume_and_visits_before_what_is_left() -> None:
    rows = [(90.0, 1, 0, 0, False, False), (80.0, 1, 0, 0, False, False), (5.0, 1, 0, 0, True, False)]
    frame = tasks([*rows, (10.0, 1, 0, 0, False, True), (9.0, 1, 0, 0, False, True)])
    fates = choose(frame, free(slots_per_street=3, silent_share=0.4), MONTH, {}, 1)["fate"]
    assert fates.tolist() == ["chosen", "no_capacity", "chosen", "no_capacity", "chosen"]


def test_work_under_way_keeps_its_crew() -> None:
    frame = tasks([(90.0, 2, 0, 0, True, False), (4.0, 2, 0, 0, False, False)], going=[False, True])
    fates = choose(frame, free(capacity=[{"crew_days": 3}]), MONTH, {}, 1)["fate"]
    assert fates.tolist() == ["no_capacity", "chosen"]


def test_a_list_does_not_jump_for_a_hair() -> None:
    frame = tasks([(10.5, 1, 0, 0, False, False), (10.0, 1, 0, 0, False, False)], asked=[False, True])
    one = {"slots_per_street": 1}
    assert choose(frame, free(**one), MONTH, {}, 1)["fate"].tolist() == ["chosen", "no_capacity"]
    assert choose(frame, free(**one, stability=0.1), MONTH, {}, 1)["fate"].tolist() == ["no_capacity", "chosen"]


def test_the_limit_that_names_most_counts() -> None:
    limits = [
        {"crew_days": 9},
        {"street": "甲街道", "crew_days": 1},
        {"street": "甲街道", "month": "9", "crew_days": 2},
    ]
    frame = tasks([(9.0 - k, 1, 0, 0, False, False) for k in range(5)])
    for known, chosen in (({"s": "甲街道"}, 2), ({"s": "乙街道"}, 5)):
        fates = choose(frame, free(capacity=limits), MONTH, known, 1)["fate"]
        assert (fates == "chosen").sum() == chosen
    assert (
        choose(frame, free(capacity=limits), pd.Timestamp("2022-08-01"), {"s": "甲街道"}, 1)["fate"] == "chosen"
    ).sum() == 1
    english = [{"party": "someone", "crew_days": 1}]
    assert (choose(frame, free(capacity=english), MONTH, {}, 1)["fate"] == "chosen").sum() == 1


def test_held_back_are_few_borderline_never_safety_and_replaced() -> None:
    rng = np.random.default_rng(3)
    rows = [(float(v), 1, 0, 0, bool(k % 4 == 0), False) for k, v in enumerate(rng.uniform(3, 100, 4000))]
    frame = tasks(rows, street=[f"s{k % 40}" for k in range(4000)])
    plan = Plan(slots_per_street=50, hold_back=0.1, borderline=0.4)
    found = choose(frame, plan, MONTH, {}, 1)
    held = found["fate"] == "held_back"
    borderline = found["borderline"]
    assert (found["fate"] == "chosen").sum() == 40 * 50
    assert not frame.loc[borderline, "safety"].any()
    assert 0.06 < held.sum() / borderline.sum() < 0.14
    assert (held <= borderline).all()
    again = choose(frame.assign(held=held), plan, MONTH, {}, 2)
    assert (again.loc[held, "fate"] == "held_back").all()
    street = found.join(frame[["expected_requests", "safety"]])[frame["street"] == "s1"]
    asked = street[(street["fate"] == "chosen") & ~street["safety"]]
    assert street.loc[street["borderline"], "expected_requests"].max() <= asked["expected_requests"].quantile(0.7)


def test_a_draw_does_not_depend_on_other_tasks() -> None:
    frame = tasks([(float(100 - k), 1, 0, 0, False, False) for k in range(60)])
    plan = Plan(slots_per_street=60, hold_back=0.5, borderline=1.0)
    every = choose(frame, plan, MONTH, {}, 1)["fate"]
    some = choose(frame.iloc[::2], plan, MONTH, {}, 1)["fate"]
    assert some.tolist() == every.iloc[::2].tolist()
    assert every.tolist() != choose(frame, plan, MONTH, {}, 2)["fate"].tolist()
