"""The work plan: sums over windows, intervals, history, rank, slots, risk, reason."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast import negbin
from forecast.playbook import Playbook, Task, Window
from forecast.tables import (
    ALL,
    Areas,
    Contributions,
    Estates,
    Forecasts,
    Panel,
    Patterns,
    Risk,
    Scenarios,
    Siblings,
    SilentEstates,
    Tasks,
    Workplan,
    conform,
    empty,
)
from forecast.workplan import Ground, Limit, Plan, build, changes, strangers

AS_OF = pd.Timestamp("2022-08-01")
TASK = Task(
    entry="h1",
    categories=("H1",),
    windows=(Window(start="11-07", end="01-31"),),
    lead_days=45,
    start_by="10-01",
    action="平衡调试",
    action_en="balance the network",
    lead_party="供热单位",
    preventable_share=0.3,
)
AREAS = conform(
    Areas,
    pd.DataFrame(
        [
            ("city", "city", None, "城"),
            ("s1", "street", "city", "甲街道"),
            ("s2", "street", "city", "乙街道"),
            ("a", "community", "s1", "一社区"),
            ("b", "community", "s1", "二社区"),
            ("c", "community", "s2", "三社区"),
        ],
        columns=["area", "level", "parent", "name"],
    ).assign(aliases=""),
)
NAMES = pd.DataFrame({"category": ["H1"], "name": ["供暖不热"], "name_en": ["No heat"]})
PLAYBOOK = Playbook(tasks=(TASK,))


def forecasts(means: dict[str, float], spread: float = 1.5, category: str = "H1") -> pd.DataFrame:
    months = pd.date_range("2022-09-01", periods=12, freq="MS", unit="us")
    rows = [
        ("combination", AS_OF, area, category, month, h + 1, output, value)
        for area, mean in means.items()
        for h, month in enumerate(months)
        for output, value in (("mean", mean * (1 + h % 3)), ("variance", spread * mean * (1 + h % 3)))
    ]
    names = ["model", "origin", "area", "category", "month", "horizon", "output", "predicted"]
    return conform(Forecasts, pd.DataFrame(rows, columns=names))


def history(per_month: int, months: int = 24, category: str = "H1") -> pd.DataFrame:
    span = pd.date_range(end=AS_OF, periods=months, freq="MS", unit="us")
    frame = pd.DataFrame({"area": "a", "category": category, "month": span, "orders": per_month})
    return conform(Panel, frame.assign(incidents=per_month, callers=per_month))


def ground(means: dict[str, float], **changes: object) -> Ground:
    base: dict[str, object] = {
        "forecasts": forecasts(means),
        "correlation": 0.0,
        "panel": history(4),
        "areas": AREAS,
        "names": NAMES,
        "risk": empty(Risk),
        "estates": empty(Estates),
    }
    return Ground(**(base | changes))  # type: ignore[arg-type]


def test_expected_requests_are_the_sum_over_the_window() -> None:
    plan = build(ground({"a": 5.0}), PLAYBOOK, Plan(), AS_OF)
    row = plan.iloc[0]
    assert row["expected_requests"] == pytest.approx(5 * (3 + 1 + 2))
    assert row["peak_month"] == pd.Timestamp("2022-11-01")
    assert (row["low"], row["high"]) == tuple(
        negbin.quantile(np.array([30.0]), np.array([45.0]), np.array([0.1, 0.9]))[0]
    )
    assert row["preventable"] == pytest.approx(9.0)


def test_correlated_months_widen_the_interval() -> None:
    alone = build(ground({"a": 5.0}), PLAYBOOK, Plan(), AS_OF).iloc[0]
    together = build(ground({"a": 5.0}, correlation=0.8), PLAYBOOK, Plan(), AS_OF).iloc[0]
    assert together["high"] - together["low"] > alone["high"] - alone["low"]


def test_normal_and_last_year_come_from_whole_windows_only() -> None:
    row = build(ground({"a": 5.0}), PLAYBOOK, Plan(), AS_OF).iloc[0]
    assert (row["last_year"], row["normal"], row["excess_over_normal"]) == (12, 12, 18)
    short = build(ground({"a": 5.0}, panel=history(4, months=9)), PLAYBOOK, Plan(), AS_OF).iloc[0]
    assert np.isnan(short["last_year"])
    assert "常年" not in short["reason"]


@given(st.dictionaries(st.sampled_from("abc"), st.floats(0, 1e5), min_size=1))
def test_rank_follows_expected_volume(means: dict[str, float]) -> None:
    plan = build(ground(means), PLAYBOOK, Plan(), AS_OF)
    assert plan["rank"].tolist() == list(range(1, len(plan) + 1))
    assert plan["expected_requests"].is_monotonic_decreasing
    assert len(plan) == sum(6 * mean >= 3 for mean in means.values())
    assert (plan["low"] <= plan["high"]).all()


def test_a_street_begins_no_more_than_its_slots() -> None:
    plan = build(ground({"a": 5.0, "b": 6.0, "c": 1.0}), PLAYBOOK, Plan(slots_per_street=1), AS_OF)
    assert plan.set_index("area")["chosen"].to_dict() == {"b": True, "a": False, "c": True}


def test_task_ids_do_not_depend_on_the_run() -> None:
    one = build(ground({"a": 5.0, "b": 9.0}), PLAYBOOK, Plan(), AS_OF).set_index("area")["task_id"]
    late = build(ground({"a": 7.0}), PLAYBOOK, Plan(), pd.Timestamp("2022-09-01")).set_index("area")["task_id"]
    assert one["a"] == late["a"]


def test_a_late_task_says_so() -> None:
    row = build(ground({"a": 5.0}), PLAYBOOK, Plan(), pd.Timestamp("2022-09-01")).iloc[0]
    assert not row["on_time"]
    assert "来不及" in row["reason"]


def test_the_worst_estate_is_named() -> None:
    estates = conform(Estates, pd.DataFrame({"estate": ["e1", "e2"], "name": ["东里", "西里"], "area": ["a", "a"]}))
    rows = [("e1", "H1", AS_OF, 40.0, "blue"), ("e2", "H1", AS_OF, 95.0, "red")]
    risk = conform(Risk, pd.DataFrame(rows, columns=["estate", "category", "as_of", "score", "grade"]))
    row = build(ground({"a": 5.0}, risk=risk, estates=estates), PLAYBOOK, Plan(), AS_OF).iloc[0]
    assert (row["estate"], row["risk_score"], row["risk_grade"]) == ("e2", 95, "red")
    assert "先查 西里 (红)" in row["reason"]


def test_reason_is_one_plain_sentence_in_either_language() -> None:
    chinese = build(ground({"a": 5.0}), PLAYBOOK, Plan(), AS_OF).iloc[0]
    english = build(ground({"a": 5.0}), PLAYBOOK, Plan(), AS_OF, "en").iloc[0]
    assert chinese["reason"] == "2022年11月–2023年1月预计 30 件 (约八成把握 22–39 件)，比常年多 18 件，去年同期 12 件"
    assert english["reason"].startswith(
        "30 requests expected in Nov to Jan 2023 (about 8 in 10: 22–39), 18 more than normal"
    )
    assert english["action"] == "balance the network"


def made_of(**parts: float) -> pd.DataFrame:
    """Contributions of area a whose product is its mean in each month, the season taking what is left."""
    months = pd.date_range("2022-09-01", periods=12, freq="MS", unit="us")
    rows = []
    for h, month in enumerate(months):
        season = 5.0 * (1 + h % 3) / np.prod(list(parts.values()))
        rows += [(AS_OF, "a", "H1", month, part, factor) for part, factor in (parts | {"season": season}).items()]
    names = ["origin", "area", "category", "month", "part", "factor"]
    return conform(Contributions, pd.DataFrame(rows, columns=names))


def test_reason_says_what_makes_it_more_than_usual_in_either_language() -> None:
    parts = made_of(usual=7.0, level=0.7, trend=1.05, weather=0.89, neighbours=1.3, calendar=1.08)
    known = ground({"a": 5.0}, contributions=parts)
    chinese, english = (build(known, PLAYBOOK, Plan(), AS_OF, language).iloc[0] for language in ("zh", "en"))
    assert chinese["reason"] == (
        "2022年11月–2023年1月预计 30 件 (约八成把握 22–39 件)，"
        "平时 3 个月 21 件 (旺季 ×1.6、近期水平偏低 ×0.7、同类或本社区诉求增多 ×1.3)，比常年多 18 件，去年同期 12 件"
    )
    assert english["reason"] == (
        "30 requests expected in Nov to Jan 2023 (about 8 in 10: 22–39), "
        "21 in 3 ordinary months (busy season ×1.6, running low of late ×0.7, more of its kind or in its area ×1.3), "
        "18 more than normal, 12 last year"
    )


def test_reason_of_one_month_names_one_month() -> None:
    month = Task.model_validate(TASK.model_dump() | {"windows": [{"start": "11-07", "end": "11-20"}]})
    known = ground({"a": 5.0}, contributions=made_of(usual=15.0, level=1.6))
    reason = build(known, Playbook(tasks=(month,)), Plan(), AS_OF).iloc[0]["reason"]
    assert "平时 1 个月 15 件 (近期水平偏高 ×1.6、淡季 ×0.62)，" in reason


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"usual": 5.0, "level": 2.0, "trend": 1.02}, "only what matters"),
        ({"usual": 10.0, "level": 1.0}, "nothing matters"),
        ({"usual": 0.3, "level": 5.0}, "usual is too little to compare with"),
    ],
)
def test_reason_tells_no_part_that_says_nothing(parts: dict[str, float], why: str) -> None:
    reason = build(ground({"a": 5.0}, contributions=made_of(**parts)), PLAYBOOK, Plan(), AS_OF, "en").iloc[0][
        "reason"
    ]
    assert ("ordinary" in reason) == (why == "only what matters")
    assert "rising" not in reason


def test_a_cell_that_is_not_explained_keeps_its_plain_reason() -> None:
    known = ground({"a": 5.0, "b": 6.0}, contributions=made_of(usual=7.0))
    reasons = build(known, PLAYBOOK, Plan(), AS_OF).set_index("area")["reason"]
    assert "平时" in reasons["a"]
    assert "平时" not in reasons["b"]


def test_no_task_due_gives_an_empty_plan() -> None:
    plan = build(ground({"a": 5.0}), PLAYBOOK, Plan(), pd.Timestamp("2022-03-01"))
    assert plan.empty
    assert list(plan.columns) == list(empty(Workplan).columns)


def test_without_a_playbook_every_category_gets_the_general_task() -> None:
    plan = build(ground({"a": 5.0}, forecasts=forecasts({"a": 5.0}, category="noise")), Playbook(), Plan(), AS_OF)
    assert plan["category_name"].tolist() == ["noise"]
    assert plan["window_start"].tolist() == [pd.Timestamp("2022-10-01")]


def quiet(*names: str, probability: float = 0.9) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(SilentEstates, Estates): the first letter of a name is its area."""
    estates = conform(Estates, pd.DataFrame({"estate": names, "name": names, "area": [name[0] for name in names]}))
    frame = pd.DataFrame({"estate": names, "category": ALL, "as_of": AS_OF, "expected": 40.0, "reported": 9.0})
    frame = frame.assign(spread=0.3, probability=probability - 0.01 * np.arange(len(names)), score=90.0, listed=True)
    return conform(SilentEstates, frame.assign(ground="both", reason="应有约 40 件", reason_en="about 40")), estates


def with_silent(means: dict[str, float], *names: str, **changes: object) -> Ground:
    silent, estates = quiet(*names)
    return ground(means, **({"silent": silent, "estates": estates} | changes))


def test_silent_estates_have_their_share_of_the_slots() -> None:
    many = Playbook(tasks=tuple(TASK.model_copy(update={"entry": f"t{k}"}) for k in range(30)))
    names = [f"a{k}" for k in range(12)] + [f"b{k}" for k in range(12)]
    plan = build(with_silent({"a": 5.0, "b": 6.0}, *names), many, Plan(slots_per_street=20), AS_OF)
    visits = plan["category"] == ALL
    assert plan["chosen"].sum() == 20
    assert plan.loc[visits, "chosen"].sum() == 3
    assert set(plan.loc[visits & plan["chosen"], "estate"]) == {"a0", "a1", "a2"}  # the surest
    assert plan.loc[~visits & plan["chosen"], "rank"].max() < plan.loc[~visits & ~plan["chosen"], "rank"].min()


def test_where_nobody_is_silent_every_slot_is_for_the_others() -> None:
    many = Playbook(tasks=tuple(TASK.model_copy(update={"entry": f"t{k}"}) for k in range(30)))
    silent, estates = quiet("a1")
    known = ground({"a": 5.0}, silent=silent.assign(listed=False), estates=estates)
    plan = build(known, many, Plan(hold_back=0), AS_OF)
    assert plan["chosen"].sum() == len(plan) == 30
    assert not (plan["category"] == ALL).any()
    without = build(with_silent({"a": 5.0}, "a1"), many, Plan(silent_share=0.0), AS_OF)
    assert not without.loc[without["category"] == ALL, "chosen"].any()


def test_a_safety_task_keeps_its_slot() -> None:
    safe = TASK.model_copy(update={"safety": True})
    entries = [f"t{k}" for k in range(10)]
    many = Playbook(
        tasks=tuple((safe if k >= 2 else TASK).model_copy(update={"entry": e}) for k, e in enumerate(entries))
    )
    slots = Plan(slots_per_street=10, silent_share=0.5)
    plan = build(with_silent({"a": 5.0}, *(f"a{k}" for k in range(9))), many, slots, AS_OF)
    chosen = plan[plan["chosen"]]
    assert (chosen["category"] == ALL).sum() == 2  # in place of the two others
    assert (chosen["category"] == "H1").sum() == 8
    all_safe = Playbook(tasks=tuple(safe.model_copy(update={"entry": e}) for e in entries))
    plan = build(with_silent({"a": 5.0}, "a1"), all_safe, slots, AS_OF)
    assert plan.loc[plan["category"] == "H1", "chosen"].all()
    assert not plan.loc[plan["category"] == ALL, "chosen"].any()


def test_a_silent_estate_has_a_task_with_its_reason_and_a_stable_id() -> None:
    row = build(with_silent({}, "a1"), PLAYBOOK, Plan(), AS_OF).iloc[0]
    assert row["reason"] == "沉默小区 a1，应有约 40 件"
    assert (row["estate"], row["area_name"], row["street_name"], row["category"]) == ("a1", "一社区", "甲街道", ALL)
    assert row["expected_requests"] == pytest.approx(10)
    assert row["low"] <= row["expected_requests"] <= row["high"]
    assert row["preventable"] == 0
    later = build(with_silent({}, "a1"), PLAYBOOK, Plan(), pd.Timestamp("2022-11-01")).iloc[0]
    assert later["task_id"] == row["task_id"]
    english = build(with_silent({}, "a1"), PLAYBOOK, Plan(), AS_OF, "en").iloc[0]
    assert english["reason"] == "silent estate a1: about 40"
    assert english["lead_party"] == "residents' committee"


def test_a_silent_estate_outside_any_community_gets_no_task() -> None:
    assert build(with_silent({}, "x1", "s1"), PLAYBOOK, Plan(), AS_OF).empty


def test_siblings_are_named() -> None:
    estates = conform(Estates, pd.DataFrame({"estate": ["e1", "e2"], "name": ["东里", "西里"], "area": ["a", "b"]}))
    row = {"estate": "e1", "category": "H1", "kin": "heat", "as_of": AS_OF, "factor": 1.2, "basis": "learned"}
    kin = pd.DataFrame(
        [row | {"siblings": "西里|南里|北里|新里", "kin_zh": "同一供热单位", "kin_en": "same supplier"}]
    )
    told = {"estates": estates, "siblings": conform(Siblings, kin)}
    plan = build(ground({"a": 5.0, "b": 5.0}, **told), PLAYBOOK, Plan(), AS_OF).set_index("area")["reason"]
    assert plan["a"].endswith("同一供热单位: 西里、南里、北里等 4 个小区 近期多发")
    assert "近期多发" not in plan["b"]
    english = build(ground({"a": 5.0}, **told), PLAYBOOK, Plan(), AS_OF, "en")["reason"].iloc[0]
    assert english.endswith("same supplier, more of late: 西里, 南里, 北里 and others (4 in all)")


SUMMER = TASK.model_copy(update={"entry": "early", "start_by": None, "lead_days": 30, "early_days": 31})


def test_a_task_of_a_later_month_begins_early_only_where_crews_are_short_then() -> None:
    known = ground({"a": 5.0, "b": 6.0})
    free = build(known, Playbook(tasks=(SUMMER,)), Plan(), AS_OF)  # begins by 8 October: no need in September
    assert free["fate"].tolist() == ["later", "later"]
    assert set(free["begin"]) == {pd.Timestamp("2022-10-01")}
    october = (Limit(month="2022-10", crew_days=1.0),)
    short = build(known, Playbook(tasks=(SUMMER,)), Plan(capacity=october), AS_OF).set_index("area")
    assert short["fate"].to_dict() == {"a": "chosen", "b": "chosen"} or short["fate"].value_counts()["chosen"] == 1
    assert (short["begin"] == pd.Timestamp("2022-09-01")).any()


def test_a_late_task_is_never_chosen() -> None:
    row = build(ground({"a": 5.0}), PLAYBOOK, Plan(), pd.Timestamp("2022-09-01")).iloc[0]
    assert (row["fate"], row["chosen"]) == ("late", False)


def said(status: str, plan: pd.DataFrame) -> pd.DataFrame:
    """Tasks: every street said `status` of all its tasks."""
    return conform(Tasks, plan.assign(status=status))


def test_what_is_done_or_declined_is_not_asked_again_and_what_goes_on_is_carried_over() -> None:
    first = build(ground({"a": 5.0, "b": 6.0}), PLAYBOOK, Plan(), AS_OF)
    later = pd.Timestamp("2022-10-01")
    for status in ("done", "declined"):
        known = ground({"a": 5.0, "b": 6.0}, previous=first, tasks=said(status, first))
        again = build(known, PLAYBOOK, Plan(), AS_OF)
        assert again.empty
        moved = changes(again, known, PLAYBOOK, Plan(), AS_OF)
        assert set(moved["change"]) == {"dropped"}
        assert set(moved["why"]) == {status}
    months = forecasts({"a": 5.0, "b": 6.0})
    known = ground({}, forecasts=months, previous=first, tasks=said("in_progress", first))
    going = build(known, PLAYBOOK, Plan(), later)
    assert going["since"].tolist() == ["carried_over"] * 2
    assert going["task_id"].tolist() == first["task_id"].tolist()
    assert going["chosen"].all()
    assert set(changes(going, known, PLAYBOOK, Plan(), later)["why"]) == {"in_progress"}


def test_changes_say_what_is_new_and_what_was_dropped_and_why() -> None:
    first = build(ground({"a": 5.0, "b": 6.0}), PLAYBOOK, Plan(), AS_OF)
    known = ground({"a": 5.0, "b": 0.1, "c": 9.0}, previous=first)
    moved = changes(build(known, PLAYBOOK, Plan(), AS_OF), known, PLAYBOOK, Plan(), AS_OF).set_index("area")
    assert moved["change"].to_dict() == {"c": "new", "a": "carried_over", "b": "dropped"}
    assert moved["why"].to_dict() == {"c": "due", "a": "still_due", "b": "few"}
    other = Playbook(tasks=(TASK.model_copy(update={"entry": "other"}),))
    moved = changes(build(known, other, Plan(), AS_OF), known, other, Plan(), AS_OF)
    assert set(moved.loc[moved["change"] == "dropped", "why"]) == {"not_asked"}
    month_on = changes(empty(Workplan), known, PLAYBOOK, Plan(), pd.Timestamp("2022-10-01"))
    assert set(month_on["why"]) == {"passed"}


def patterned(**patterns: str) -> pd.DataFrame:
    rows = pd.DataFrame({"area": list(patterns), "category": "H1", "pattern": list(patterns.values())})
    for name in empty(Patterns).columns.difference(rows.columns):
        rows[name] = 36
    return conform(Patterns, rows.assign(as_of=AS_OF))


def test_tasks_follow_what_a_cell_is() -> None:
    known = ground({"a": 0.7, "b": 0.7, "c": 0.7}, patterns=patterned(a="sporadic", b="seasonal"))
    assert sorted(build(known, PLAYBOOK, Plan(), AS_OF)["area"]) == ["b", "c"]
    known = ground({"a": 5.0, "b": 5.0, "c": 5.0}, patterns=patterned(a="sporadic", b="seasonal"))
    assert sorted(build(known, PLAYBOOK, Plan(), AS_OF)["area"]) == ["a", "b", "c"]  # 22 requests are as good as sure
    only = Playbook(tasks=(TASK.model_copy(update={"patterns": ("emerging",)}),))
    assert build(known, only, Plan(), AS_OF)["area"].tolist() == ["c"]


def test_a_chronic_cell_without_a_task_of_its_own_gets_its_root_cause_looked_for() -> None:
    september = pd.Timestamp("2022-08-01")
    known = ground({"a": 5.0, "b": 5.0}, patterns=patterned(a="chronic", b="seasonal"))
    march = {"windows": (Window(start="03-01", end="03-31"),), "start_by": None}
    nothing = Playbook(tasks=(TASK.model_copy(update=march),))
    plan = build(known, nothing, Plan(), september)
    assert plan[["area", "entry"]].to_numpy().tolist() == [["a", "root-cause"]]
    assert build(known, PLAYBOOK, Plan(), september)["entry"].tolist() == ["h1", "h1"]


def test_an_emerging_cell_without_a_task_of_its_own_is_inspected_until_work_goes_on() -> None:
    known = ground({"a": 5.0, "b": 5.0}, patterns=patterned(a="emerging", b="seasonal"))
    march = {"windows": (Window(start="03-01", end="03-31"),), "start_by": None}
    nothing = Playbook(tasks=(TASK.model_copy(update=march),))
    plan = build(known, nothing, Plan(), AS_OF)
    assert plan[["area", "entry"]].to_numpy().tolist() == [["a", "emerging"]]
    assert (plan["window_start"] == plan["plan_month"] + pd.DateOffset(months=1)).all()
    assert build(known, nothing, Plan(emerging=None), AS_OF).empty
    assert set(build(known, PLAYBOOK, Plan(), AS_OF)["entry"]) == {"h1"}
    begun = plan.assign(status="in_progress").reindex(columns=list(empty(Tasks)))
    known = replace(known, tasks=conform(Tasks, begun))
    later = build(known, nothing, Plan(), AS_OF + pd.DateOffset(months=1))
    assert later["task_id"].tolist() == plan["task_id"].tolist()


def test_rank_by_what_a_crew_day_averts() -> None:
    cheap = TASK.model_copy(update={"entry": "cheap", "crew_days": 0.5, "preventable_share": 0.2})
    plan = build(ground({"a": 5.0}), Playbook(tasks=(TASK, cheap)), Plan(rank_by="avoidable_per_crew_day"), AS_OF)
    assert plan["entry"].tolist() == ["cheap", "h1"]
    assert plan["avoidable_per_crew_day"].tolist() == [pytest.approx(12.0), pytest.approx(9.0)]


def test_a_limit_for_someone_nobody_knows_is_told() -> None:
    plan = Plan(capacity=(Limit(street="丙街道", crew_days=3), Limit(party="水务", crew_days=3), Limit(crew_days=1)))
    faults = strangers(plan, AREAS, PLAYBOOK)
    assert [fault.where for fault in faults] == ["plan.capacity, entry 1", "plan.capacity, entry 2"]
    assert "丙街道" in faults[0].what


def test_a_plan_shows_other_weather_and_may_be_made_for_it() -> None:
    months = pd.date_range("2022-09-01", periods=12, freq="MS", unit="us")
    rows = [("H1", month, "cold", 1.5) for month in months]
    weather = conform(Scenarios, pd.DataFrame(rows, columns=["category", "month", "scenario", "factor"]))
    known = ground({"a": 5.0}, scenarios=weather)
    normal = build(known, PLAYBOOK, Plan(), AS_OF).iloc[0]
    assert (normal["expected_requests"], normal["expected_cold"]) == (pytest.approx(30), pytest.approx(45))
    assert np.isnan(normal["expected_wet"])
    cold = build(known, PLAYBOOK, Plan(scenario="cold"), AS_OF).iloc[0]
    assert cold["expected_requests"] == pytest.approx(45)
    assert cold["high"] > normal["high"]
    assert cold["task_id"] == normal["task_id"]
