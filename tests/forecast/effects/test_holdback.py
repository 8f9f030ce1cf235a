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


def test_only_chance_tells_borderline_tasks_apart() -> None:
    place = planted.place(2, 120)
    tasks, _, _ = planted.lottery(place, 0.0, 8, 1.0, 0)
    lot = holdback.borderline(tasks)
    held = tasks[tasks["fate"] == "held_back"]
    assert set(held["task_id"]) <= set(lot["task_id"])
    for key, own in lot.groupby(["plan_month", "street"]):
        back = held[(held["plan_month"] == key[0]) & (held["street"] == key[1])]["expected_requests"]
        assert own["expected_requests"].between(back.min(), back.max()).all()
    safe = tasks.assign(safety=tasks["fate"] == "chosen")
    assert (holdback.borderline(safe)["fate"] == "held_back").all()


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
