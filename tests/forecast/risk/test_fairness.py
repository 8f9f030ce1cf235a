"""Fairness: slots against need by hand, repeat callers, bands and unknown levels, refusal of what is protected."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from forecast.risk.fairness import Fairness, _resampled, fairness
from forecast.tables import ALL, EstateHistory, Estates, Risk, conform, empty
from tests import naive

AS_OF = pd.Timestamp("2021-12-01").as_unit("us")
NONE = empty(EstateHistory)
SPEC = Fairness(draws=50)


def estates() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "estate": list("abcdef"), "name": list("abcdef"), "zone": ["core", "core", "new", "new", None, " "],
            "built_year": [1975.0, 1985, 1995, 2005, np.nan, 1981],
            "tenure": ["公房", "商品房", "商品房", None, "公房", "公房"],
            "elderly_share": [0.4, 0.3, 0.1, np.nan, 0.36, 0.25], "households": [100.0, 200, 100, 100, np.nan, 100],
        }
    )  # fmt: skip
    return conform(Estates, table)


def risk(category: str = "H1", expected: float | None = 1.0) -> pd.DataFrame:
    table = pd.DataFrame({"estate": list("abcdef"), "grade": ["red", "orange", "yellow", "red", "blue", "blue"]})
    values = np.array([10.0, 5, 4, 8, 2, 1])
    return conform(Risk, table.assign(
        category=category, as_of=AS_OF, score=values, expected=values * expected if expected else np.nan
    ))  # fmt: skip


def found(
    by: str,
    scored: pd.DataFrame | None = None,
    capped: pd.DataFrame = NONE,
    uncapped: pd.DataFrame = NONE,
    slots: pd.Series | None = None,
) -> pd.DataFrame:
    scored = risk() if scored is None else scored
    table = fairness(SPEC, scored, estates(), capped, uncapped, AS_OF, slots)
    return table[table["by"] == by].set_index("group")


def test_ratios_are_shares_of_slots_over_shares_of_need() -> None:
    table = found("zone")
    group = dict(zip("abcdef", ["core", "core", "new", "new", "unknown", "unknown"], strict=True))
    need = dict(zip("abcdef", [10.0, 5, 4, 8, 2, 1], strict=True))
    assert table["ratio"].to_dict() == pytest.approx(naive.slots_against_need(["a", "b", "d"], group, need))
    assert table["slots"].to_dict() == {"core": 2, "new": 1, "unknown": 0}
    assert table["estates"].sum() == 6
    assert table[["low", "high"]].isna().all(axis=None)
    assert set(table["basis"]) == {"incidents"}


def test_bands_hold_their_lower_end_and_unknown_stays_apart() -> None:
    assert found("building_age")["estates"].to_dict() == {"<20": 1, "20–30": 1, "30–40": 1, "≥40": 2, "unknown": 1}
    assert found("elderly_share")["estates"].to_dict() == {"<25%": 1, "25–36%": 2, "≥36%": 2, "unknown": 1}


def test_without_expected_incidents_households_stand_for_need() -> None:
    table = found("zone", risk(ALL, None))
    assert set(table["basis"]) == {"households"}
    assert table["need_share"].to_dict() == pytest.approx({"core": 3 / 7, "new": 2 / 7, "unknown": 2 / 7})


def test_all_counts_once_beside_its_categories() -> None:
    both = pd.concat([risk(), risk(ALL, 2.0)], ignore_index=True)
    assert found("zone", both)["need"].sum() == 60
    general = pd.concat([risk(), risk(ALL, None)], ignore_index=True)
    assert found("zone", general)["need"].sum() == 30


def test_repeat_callers_are_shown_beside() -> None:
    rows = {"estate": ["a", "b"], "category": "H1", "month": pd.Timestamp("2021-01-01"), "months": 12}
    capped, loud = (conform(EstateHistory, pd.DataFrame(rows | {"incidents": n})) for n in ([4, 5], [8, 5]))
    later = loud.assign(month=pd.Timestamp("2022-01-01").as_unit("us"), incidents=[999, 1])
    table = found("zone", capped=capped, uncapped=pd.concat([loud, later], ignore_index=True))
    assert table["need_share"]["core"] == pytest.approx(15 / 30)
    assert table["uncapped_share"]["core"] == pytest.approx(25 / 40)
    assert table["uncapped_ratio"]["core"] == pytest.approx((2 / 3) / (25 / 40))


def test_slots_of_a_plan_and_the_first_k() -> None:
    assert found("zone", slots=pd.Series(["a", "a", "c"]))["slots"].to_dict() == {"core": 2, "new": 1, "unknown": 0}
    table = fairness(Fairness(top=2, draws=5), risk(), estates(), NONE, NONE, AS_OF)
    assert table[table["by"] == "zone"]["slots"].tolist() == [1, 1, 0]
    none = found("zone", slots=pd.Series([], dtype="str"))
    assert none["ratio"].isna().all()


def test_an_interval_needs_slots_and_holds_the_ratio() -> None:
    slots = pd.Series([*"ab"] * 6 + ["c"] * 4)
    table = found("zone", slots=slots)
    low, ratio, high = (table[name].to_dict() for name in ("low", "ratio", "high"))
    assert low["core"] <= ratio["core"] <= high["core"]
    assert high["new"] > low["new"]
    assert np.isnan(high["unknown"])  # 16 slots x 3 / 30 of the need are not 5


def test_same_seed_same_interval_and_no_estate_no_row() -> None:
    assert found("zone").equals(found("zone"))
    nobody = fairness(SPEC, empty(Risk), empty(Estates), NONE, NONE, AS_OF)
    assert nobody.empty


@pytest.mark.parametrize("name", ["民族", "household_income", "hukou"])
def test_protected_attributes_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match="protected attributes are never read"):
        Fairness(by=(name,))
    with pytest.raises(ValidationError, match="groups no homes"):
        Fairness(by=("lon",))


def test_the_interval_is_that_of_estates_drawn_one_by_one() -> None:
    rng = np.random.default_rng(3)
    codes, figures = rng.integers(0, 3, 40), rng.gamma(1.0, 3.0, (40, 2))
    drawn = _resampled(SPEC, codes, figures, 4)
    again = np.random.default_rng(SPEC.seed)
    for row in drawn:
        pick = again.integers(0, 40, 40)
        sums = np.array([figures[[k for k in pick if codes[k] == group]].sum(axis=0) for group in range(4)])
        share = sums / sums.sum(axis=0)
        with np.errstate(invalid="ignore"):
            assert row == pytest.approx(share[:, 0] / share[:, 1], nan_ok=True)
