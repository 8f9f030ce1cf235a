import numpy as np
import pandas as pd
import pytest

from forecast.effects import holdback
from forecast.effects.holdback import Holdback
from forecast.effects.rules import Rules, judged
from tests import naive, planted

RULES = Rules()


def test_the_log_ratio_is_that_of_a_poisson_regression() -> None:
    rng = np.random.default_rng(0)
    size = rng.uniform(2, 20, 60)
    arm = np.arange(60) % 2 == 0
    y = rng.poisson(size * np.where(arm, 0.7, 1.0)).astype(float)
    lot = pd.DataFrame(
        {"area": [f"a{k}" for k in range(60)], "expected_requests": size, "plan_month": pd.Timestamp("2024-01-01")}
    )
    assert holdback.regression(y, lot, arm).log == pytest.approx(
        naive.poisson_arm(y.tolist(), arm.tolist(), size.tolist()), abs=1e-5
    )


def test_the_error_is_that_of_refits_without_each_area() -> None:
    rng = np.random.default_rng(1)
    size, arm = rng.uniform(5, 30, 80), rng.random(80) < 0.7
    y = rng.poisson(size * rng.gamma(10, 0.1, 80)).astype(float)
    lot = pd.DataFrame({"area": [f"a{k % 40}" for k in range(80)], "expected_requests": size})
    found = holdback.regression(y, lot.assign(plan_month=pd.Timestamp("2024-01-01")), arm)
    slow = naive.left_out_error(y.tolist(), arm.tolist(), size.tolist(), lot["area"].tolist())
    assert found.se == pytest.approx(slow, rel=0.02)
    assert 10 < found.df < 79


def test_the_lot_is_what_the_plan_drew_from() -> None:
    tasks, _, _ = planted.lottery(planted.place(2, 120), 0.0, 8, 1.0, 0)
    lot = holdback.borderline(tasks)
    assert lot["borderline"].all()
    assert set(lot["fate"]) == {"chosen", "held_back"}
    assert set(tasks.loc[tasks["fate"] == "held_back", "task_id"]) <= set(lot["task_id"])
    late = tasks.assign(fate="late")
    assert holdback.borderline(late).empty


def test_a_task_is_judged_as_it_was_when_drawn() -> None:
    first = pd.DataFrame(
        {"task_id": ["a", "b", "c"], "plan_month": pd.Timestamp("2024-01-01"), "expected_requests": [5.0, 6.0, 9.0],
         "borderline": [True, True, False], "fate": ["chosen", "held_back", "chosen"]}
    )  # fmt: skip
    then = first.assign(plan_month=pd.Timestamp("2024-02-01"), expected_requests=[1.0, 2.0, 3.0],
                        borderline=[False, True, True], fate=["no_capacity", "late", "chosen"])  # fmt: skip
    place = planted.place(2, 120)
    tasks = planted.lottery(place, 0.0, 8, 1.0, 0)[0].head(4).assign(task_id=["c", "b", "a", "d"])
    drawn = holdback.as_drawn(tasks, [first, then])
    assert drawn["task_id"].tolist() == ["c", "b", "a", "d"]
    assert drawn["fate"].tolist() == ["chosen", "held_back", "chosen", tasks["fate"].iloc[3]]
    assert drawn["expected_requests"].tolist()[:3] == [3.0, 6.0, 5.0]
    assert drawn["plan_month"].dt.month.tolist()[:3] == [2, 1, 1]
    assert drawn.dtypes.equals(tasks.dtypes)
    assert holdback.as_drawn(tasks, []).equals(tasks)


def test_a_task_never_begun_cost_nothing_and_an_unknown_cost_stays_unknown() -> None:
    place = planted.place(2, 200)
    tasks, factor, _ = planted.lottery(place, 0.0, 8, 0.8, 1)
    grid, asked = planted.counts(place, factor, 1), tasks["borderline"] & (tasks["fate"] == "chosen")
    found = holdback.estimate(tasks, grid, "visit", 1, Holdback(), RULES)
    begun = (asked & (tasks["status"] == "done")).sum()
    assert found.units["cost"].sum() == 500 * begun
    assert len(found.units) == asked.sum() > begun
    unknown = tasks.assign(cost=np.nan)
    assert holdback.estimate(unknown, grid, "visit", 1, Holdback(), RULES).units["cost"].isna().sum() == begun


@pytest.mark.parametrize("effect", [0.0, -0.5])
def test_a_planted_effect_lies_in_the_interval(effect: float) -> None:
    place = planted.place(2, 200)
    tasks, factor, truth = planted.lottery(place, effect, 6, 0.8, 1)
    found = holdback.estimate(tasks, planted.counts(place, factor, 1), "visit", 1, Holdback(), RULES)
    assert judged(found, RULES) == ""
    assert found.low < 1 + truth < found.high
    assert (found.high < 1) == (effect < 0)


def test_windows_not_over_yet_and_small_arms_end_it() -> None:
    place = planted.place(2, 120)
    tasks, factor, _ = planted.lottery(place, 0.0, 6, 0.8, 1)
    grid = planted.counts(place, factor, 1)
    later = tasks.assign(window_end=pd.Timestamp("2030-01-31").as_unit("us"))
    assert holdback.estimate(later, grid, "visit", 1, Holdback(), RULES).refusal == "no_after"
    few = Holdback(min_arm=10_000)
    assert holdback.estimate(tasks, grid, "visit", 1, few, RULES).refusal == "few_controls"
    assert holdback.estimate(tasks, grid, "other", 1, Holdback(), RULES).refusal == "no_after"
