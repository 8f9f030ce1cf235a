"""The tables of the property-management study: planted shares and odds are found, twins agree, gaps stay gaps."""

from math import exp, log
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecast import study as room
from forecast.shares import wilson
from forecast.simulate import City, simulate
from forecast.simulate.published import KINDS
from forecast.study import Study, StudyOptions
from forecast.tables import ALL, Areas, Counts, conform
from forecast.taxonomy import Category, Taxonomy
from tests import naive

PROPERTY = ("1", "2", "3", "4", "5", "6")
SPEC = StudyOptions(classes=PROPERTY, base_zone="核心", last="2019-03")
CODES = [*"123456HWZ", *(kind.code for kind in KINDS if len(kind.code) > 1)]
TREE = Taxonomy(
    categories=tuple(Category(code=code, name=code, parent=code[0] if len(code) > 1 else None) for code in CODES)
)


@pytest.fixture(scope="module")
def found() -> Study:
    """The made-up city as the study looked at it."""
    made = simulate(City(seed=20))
    orders = made.orders[made.orders["kind"] == "诉求"]
    month = orders["received_at"].dt.to_period("M").dt.to_timestamp()
    counts = orders.groupby(["area", "category", month.rename("month")]).size().rename("orders").reset_index()
    counts = conform(Counts, counts.assign(incidents=counts["orders"], callers=counts["orders"]))
    return room.study(room.tally(counts, made.areas.assign(geometry=None), TREE, SPEC), SPEC)


def ratio(found: Study, category: str, level: str, model: str = "logit") -> Any:
    rows = found.odds[(found.odds["category"] == category) & (found.odds["level"] == level)]
    return rows[rows["model"] == model].iloc[0]


def test_the_published_shares_come_out(found: Study) -> None:
    all_years = found.shares[found.shares["year"] == 0].set_index("category")
    assert 100 * all_years["share"].to_numpy()[:3] == pytest.approx([31.19, 28.74, 24.31], abs=1)
    assert 100 * all_years["share"].to_numpy()[3:].sum() == pytest.approx(15.66, abs=1)
    assert (all_years["months"] == 63).all()
    by_year: Any = found.shares.set_index(["year", "category"])["share"]
    assert 100 * (by_year[2018, "1"] - by_year[2014, "1"]) == pytest.approx(-6.46, abs=1)


def test_the_published_quarters_come_out(found: Study) -> None:
    together = found.quarters[found.quarters["category"] == ALL].dropna()
    highest = together.loc[together.groupby("year")["orders"].idxmax(), "quarter"]
    lowest = together.loc[together.groupby("year")["orders"].idxmin(), "quarter"]
    assert [set(highest), set(lowest)] == [{3}, {1}]
    assert found.quarters.loc[found.quarters["year"] == 2019, "share_of_year"].isna().all()
    volume = together.groupby("year")["orders"].sum()
    assert volume[2018] / volume[2014] == pytest.approx(3.6, rel=0.1)


def test_the_published_zones_come_out(found: Study) -> None:
    cell: Any = found.zones.set_index(["zone", "category"])
    assert 100 * cell.loc[("中心城区", ALL), "share"] == pytest.approx(46.53, abs=1)
    assert (
        cell.loc[(ALL, ALL), "orders"]
        == found.zones[(found.zones[["zone", "category"]] != ALL).all(axis=1)]["orders"].sum()
    )


@pytest.mark.parametrize("model", ["logit", "probit"])
@pytest.mark.parametrize(
    ("category", "level", "planted"),
    [
        ("1", "中心城区", 1.2), ("1", "平原新城", 0.83), ("1", "生态涵养", 0.73),
        ("2", "中心城区", 0.7), ("2", "平原新城", 1.0), ("2", "生态涵养", 2.7),
        ("4", "中心城区", 2.3), ("4", "平原新城", 3.6), ("4", "生态涵养", 1.7),
        ("6", "中心城区", 2.3), ("6", "平原新城", 3.4), ("6", "生态涵养", 1.7),
        ("2", "2018", 0.56), ("3", "2018", 1.6),
    ],
)  # fmt: skip
def test_the_planted_odds_come_out(found: Study, category: str, level: str, planted: float, model: str) -> None:
    row = ratio(found, category, level, model)
    assert row["odds_ratio"] == pytest.approx(planted, rel=0.12)
    assert row["low"] / 1.06 < planted < row["high"] * 1.06
    assert np.sign(row["effect"]) == np.sign(row["coefficient"])
    if abs(log(planted)) > 0.2:
        assert (row["odds_ratio"] > 1) == (planted > 1)
        assert row["p"] < 0.01


def tallied(seed: int, zones: int = 3, years: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (category, f"z{zone}", pd.Timestamp(year=2014 + year, month=month, day=1), int(rng.integers(5, 60)))
        for category in "ABC" for zone in range(zones) for year in range(years) for month in range(1, 13)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["category", "zone", "month", "orders"])


@given(st.integers(0, 10**6))
def test_grouped_counts_give_what_single_orders_give(seed: int) -> None:
    """The textbook way: a row an order, Logit and Probit by maximum likelihood."""
    rng = np.random.default_rng(seed)
    rows = (
        tallied(seed).groupby(["category", "zone", pd.Grouper(key="month", freq="YS")])["orders"].sum().reset_index()
    )
    found = room.odds(rows.assign(zone=rows["zone"].astype("str")), StudyOptions(base_zone="z0"))
    single = rows.loc[rows.index.repeat(rows["orders"])].sample(frac=1, random_state=int(rng.integers(1000)))
    zone, year = single["zone"].to_numpy(), single["month"].dt.year.to_numpy()
    terms = [np.ones(len(single)), zone == "z1", zone == "z2", year == 2015, year == 2016]
    design = np.column_stack(terms).astype(float)
    for model, fitter in (("logit", sm.Logit), ("probit", sm.Probit)):
        truth = fitter((single["category"] == "A").to_numpy(dtype=float), design).fit(disp=False, method="newton")
        mine = found[(found["category"] == "A") & (found["model"] == model)].set_index("level")
        levels = ["z1", "z2", "2015", "2016"]
        assert mine.loc[levels, "coefficient"].to_numpy() == pytest.approx(truth.params[1:], rel=1e-5, abs=1e-7)
        errors = mine["error"] / np.sqrt(mine["scatter"])
        assert errors[levels].to_numpy() == pytest.approx(truth.bse[1:], rel=3e-3)
        z1 = np.where([[False, True, True, False, False]], 0.0, design)
        share = [truth.predict(z1 + shift).mean() for shift in ([0, 1, 0, 0, 0], [0, 0, 0, 0, 0])]
        assert mine.loc["z1", "effect"] == pytest.approx(share[0] - share[1], rel=1e-5, abs=1e-9)


def test_marginal_effects_of_two_by_two_are_differences_of_shares() -> None:
    month = pd.Timestamp("2015-01-01")
    rows = pd.DataFrame(
        [("A", "x", month, 30), ("B", "x", month, 70), ("A", "y", month, 60), ("B", "y", month, 40)],
        columns=["category", "zone", "month", "orders"],
    )
    found = room.odds(rows, StudyOptions(base_zone="x"))
    row: Any = found[(found["category"] == "A") & (found["model"] == "logit") & (found["level"] == "y")].iloc[0]
    error = (0.3 * 0.7 / 100 + 0.6 * 0.4 / 100) ** 0.5
    z = stats.norm.ppf(0.975)
    assert row["odds_ratio"] == pytest.approx((60 / 40) / (30 / 70))
    assert row["effect"] == pytest.approx(0.3)
    assert row["effect_high"] - row["effect_low"] == pytest.approx(2 * z * error)
    wald = (1 / 60 + 1 / 40 + 1 / 30 + 1 / 70) ** 0.5
    assert log(row["high"] / row["odds_ratio"]) == pytest.approx(z * wald)
    probit: Any = found[(found["category"] == "A") & (found["model"] == "probit") & (found["level"] == "y")].iloc[0]
    assert probit["odds_ratio"] == pytest.approx(row["odds_ratio"])
    assert exp(probit["coefficient"]) != pytest.approx(row["odds_ratio"], rel=0.1)


def test_a_class_that_a_zone_never_has_gets_no_estimate_there() -> None:
    rows = tallied(3)
    rows.loc[(rows["category"] == "A") & (rows["zone"] == "z2"), "orders"] = 0
    found: Any = room.odds(rows, StudyOptions(base_zone="z0")).set_index(["category", "model", "level"])
    assert np.isnan(found.loc[("A", "logit", "z2"), "odds_ratio"])
    assert found.loc[("A", "logit", "z1"), "odds_ratio"] > 0
    assert np.isfinite(found.loc[("B", "logit", "z2"), "odds_ratio"])
    assert (found["odds_ratio"].isna() == found["p"].isna()).all()


def test_without_zones_the_other_tables_still_come() -> None:
    found = room.study(tallied(1).assign(zone=pd.Series(index=range(324), dtype="str")), StudyOptions())
    assert found.zones.empty
    assert found.odds.empty
    assert len(found.shares) == 12
    assert len(found.quarters) == 48


def test_zones_come_from_above_and_classes_from_the_top() -> None:
    areas = pd.DataFrame(
        {"area": ["s", "a", "b"], "level": ["street", "community", "community"], "parent": [None, "s", "s"],
         "name": "x", "aliases": "", "zone": ["core", None, "new"]}
    )  # fmt: skip
    counts = pd.DataFrame(
        {"area": ["a", "b", None, "a"], "category": ["1A", "1B", "1", "unclassified"],
         "month": pd.Timestamp("2015-01-01"), "orders": [1, 2, 4, 8], "incidents": 0, "callers": 0}
    )  # fmt: skip
    rows = room.tally(conform(Counts, counts), conform(Areas, areas), TREE, StudyOptions())
    assert rows.set_index(rows["zone"].fillna("-"))["orders"].to_dict() == {"core": 1, "new": 2, "-": 4}
    assert set(rows["category"]) == {"1"}
    assert room.tally(conform(Counts, counts), conform(Areas, areas), TREE, StudyOptions(first="2016-01")).empty


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_interval_against_the_slow_twin(yes: int, more: int) -> None:
    low, high = wilson(np.array([float(yes)]), np.array([float(yes + more)]), 0.95)
    assert [low[0], high[0]] == pytest.approx(list(naive.wilson(yes, yes + more)), abs=1e-6)


@settings(max_examples=6)
@given(st.integers(0, 10**6))
def test_order_of_rows_changes_nothing(seed: int) -> None:
    rows = tallied(seed, zones=2, years=2)
    mixed = rows.sample(frac=1, random_state=seed % 1000).reset_index(drop=True)
    one, other = room.study(rows, StudyOptions()), room.study(mixed, StudyOptions())
    for name in ("shares", "quarters", "zones", "odds"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=1e-9)
