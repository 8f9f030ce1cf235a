import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forecast.effects.rules import Finding, Normal, Rules, judged, tables
from forecast.tables import Treated, conform

RULES = Rules()


def units(costs: list[float], found: float = 0.0) -> pd.DataFrame:
    day = pd.Timestamp("2024-01-01")
    table = pd.DataFrame({"unit": [f"u{k}" for k in range(len(costs))], "group": "g", "area": "a", "category": "x",
                          "month": day, "first": day, "last": day, "cost": costs})  # fmt: skip
    return conform(Treated, table.assign(defects_found=found, defects_fixed=found / 2))


def finding(low: float = 0.5, ratio: float = 0.7, high: float = 0.9, **more: object) -> Finding:
    given = {"pre_trend_p": 0.5, "detectable": 0.3, "power": 0.6, "treated": 20, "controls": 50, "clusters": 20,
             "months": 12, "requests": 70.0, "units": units([100.0, 200.0])} | more  # fmt: skip
    return Finding("did", "g", "x", "*", ratio, low, high, **given)  # type: ignore[arg-type]


def test_averted_requests_and_their_cost_follow_from_the_ratio() -> None:
    effects, _ = tables([finding()], RULES)
    (row,) = effects.to_dict("records")
    assert row["concluded"]
    assert row["reading"] == "fewer"
    assert row["estimate"] == pytest.approx(-0.3)
    assert row["averted"] == pytest.approx(100 - 70)
    assert (row["averted_low"], row["averted_high"]) == pytest.approx((70 / 0.9 - 70, 70 / 0.5 - 70))
    assert row["cost_per_averted"] == pytest.approx(300 / 30)
    assert row["cost_per_averted_low"] < row["cost_per_averted"] < row["cost_per_averted_high"]


def test_a_unit_of_many_cells_costs_once_and_an_unknown_cost_stays_unknown() -> None:
    twice = pd.concat([units([100.0, 200.0])] * 2)
    effects, _ = tables([finding(units=twice), finding(units=units([100.0, np.nan]))][:1], RULES)
    assert effects["cost"].iloc[0] == 300
    unknown, _ = tables([finding(units=units([100.0, np.nan]))], RULES)
    assert unknown[["cost", "cost_per_averted"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("low", "high", "found", "reading"),
    [(0.5, 0.9, 0, "fewer"), (0.8, 1.2, 5, "unclear"), (1.1, 1.6, 0, "more"), (1.1, 1.6, 5, "found")],
)
def test_more_reports_with_defects_found_are_no_failure(low: float, high: float, found: float, reading: str) -> None:
    effects, _ = tables([finding(low, (low + high) / 2, high, units=units([1.0], found))], RULES)
    assert effects["reading"].tolist() == [reading]
    assert effects["defects_found"].tolist() == [found]


def test_where_no_saving_is_sure_its_cost_has_no_upper_end() -> None:
    effects, _ = tables([finding(0.6, 0.8, 1.1)], RULES)
    assert effects["cost_per_averted"].notna().all()
    assert effects["cost_per_averted_high"].isna().all()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"clusters": 3}, "few_clusters"),
        ({"pre_trend_p": np.nan}, "no_pre_trend"),
        ({"pre_trend_p": 0.01}, "pre_trend"),
        ({"detectable": 0.6}, "no_power"),
        ({"detectable": np.nan}, "no_power"),
        ({"ratio": np.nan}, "few_requests"),
        ({"refusal": "few_before", "clusters": 0}, "few_before"),
    ],
)
def test_no_number_is_told_on_weak_ground(changes: dict[str, object], why: str) -> None:
    effects, _ = tables([finding(**changes)], RULES)  # type: ignore[arg-type]
    (row,) = effects.to_dict("records")
    assert (row["refusal"], row["reading"], row["concluded"]) == (why, "refused", False)
    told = effects[["estimate", "averted", "averted_low", "averted_high", "cost_per_averted"]]
    assert told.isna().all(axis=None)
    assert judged(finding(**changes), RULES) == why  # type: ignore[arg-type]


def test_the_detectable_change_is_found_as_often_as_said() -> None:
    """Draw estimates around it: the interval lies below 1 in 80 of 100."""
    normal = Normal(0.0, 0.2, 1e6)
    least = np.log(1 - normal.detectable(RULES))
    drawn = least + 0.2 * np.random.default_rng(0).normal(size=20000)
    assert (drawn + stats.norm.ppf(0.975) * 0.2 < 0).mean() == pytest.approx(0.8, abs=0.01)
    assert normal.power(Rules(plausible=normal.detectable(RULES))) == pytest.approx(0.8, abs=1e-3)


def test_nothing_done_gives_empty_tables() -> None:
    effects, study = tables([], RULES)
    assert effects.empty
    assert study.empty
