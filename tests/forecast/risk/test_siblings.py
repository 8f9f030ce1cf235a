"""Siblings: batches by what is known, factors against a slow twin, only ever raised, points add up, no future."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forecast.risk import Cuts
from forecast.risk.eb_glm import EbGlm, assess
from forecast.risk.siblings import KINS, LEAST, TIMES, Kin, Spread, batch, confirmed, factor_of, raised, siblings
from forecast.tables import Areas, EstateHistory, Estates, RiskDrivers, check, conform, empty
from forecast.tables import Risk as RiskTable
from forecast.tables import Siblings as SiblingsTable
from tests import naive

AS_OF = pd.Timestamp("2023-12-01").as_unit("us")
PIPES = Kin(name="pipes", same=("pipe_material", "pipe_age"), zh="同批管材", en="same pipes")
SPEC = Spread(kins=(PIPES,), strength=20.0)


def homes(n: int = 40, batches: int = 10, **columns: Any) -> pd.DataFrame:
    names = [f"e{k:02}" for k in range(n)]
    frame = {"estate": names, "name": [f"苑{k}" for k in range(n)], "pipe_year": 1981.0, "area": None}
    material = [f"m{k % batches}" for k in range(n)]
    return conform(Estates, pd.DataFrame(frame | {"pipe_material": material} | columns))


def monthly(counts: np.ndarray, category: str = "2C") -> pd.DataFrame:
    """counts: (estates, months), the last month that of AS_OF."""
    n, t = np.indices(counts.shape).reshape(2, -1)
    months = pd.date_range(end=AS_OF, periods=counts.shape[1], freq="MS", unit="us")
    frame = pd.DataFrame({"estate": [f"e{k:02}" for k in n], "category": category, "month": months[t], "months": 1})
    return conform(EstateHistory, frame.assign(incidents=counts.ravel()))


def spreading(seed: int = 0, months: int = 36) -> np.ndarray:
    """A batch has a burst now and then, which lasts half a year."""
    rng = np.random.default_rng(seed)
    rate = np.ones((40, months))
    for kin in range(10):
        begin = rng.integers(0, months, 2)
        for start in begin:
            rate[kin::10, start : start + 6] = 4.0
    return rng.poisson(rate)


def find(spec: Spread, estates: pd.DataFrame, history: pd.DataFrame, as_of: pd.Timestamp = AS_OF) -> pd.DataFrame:
    return siblings(spec, estates, history, empty(Areas), as_of)


def test_only_known_and_equal_attributes_make_a_batch() -> None:
    estates = homes(
        5, 5, pipe_material=["铸铁", "铸铁", "PPR", None, "铸铁"], pipe_year=[1981, 1989, 1985, 1981, 1990]
    )
    assert batch(PIPES, estates, empty(Areas)).tolist() == [1, 1, 0, -1, 2]
    unknown = homes(3, 1, pipe_material=None)
    assert batch(PIPES, unknown, empty(Areas)).tolist() == [-1, -1, -1]


def test_estates_of_one_name_in_one_street_are_a_group() -> None:
    rows = [("city", "city", None), ("s", "street", "city"), ("t", "street", "city"),
            ("a", "community", "s"), ("b", "community", "t")]  # fmt: skip
    areas = conform(Areas, pd.DataFrame(rows, columns=["area", "level", "parent"]).assign(name="x", aliases=""))
    names = ["劲松一区", "劲松 2区", "劲松南里", "东里", "劲松三区"]
    estates = homes(5, 5, name=names, area=["a", "a", "a", "a", "b"])
    codes = batch(KINS[0], estates, areas)
    assert codes[0] == codes[1] == codes[2]
    assert codes[3] == -1
    assert codes[4] not in (codes[0], -1)


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=4, max_size=8), st.data())
def test_the_factor_matches_a_slow_twin_and_stays_in_bounds(rows: list[list[int]], data: st.DataObject) -> None:
    counts = np.array(rows, dtype=float)
    counts[0, 0] += 1
    codes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows))))
    spec = Spread(strength=5.0, most=1.5)
    loud = confirmed(counts)
    factor, basis = factor_of(spec, codes, counts, loud)
    assert 1 <= factor <= spec.most
    assert basis in ("learned", "assumed")
    bound = TIMES * counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    assume(not (np.isclose(counts, bound) & (counts >= LEAST)).any())  # rounding alone would decide
    slow = naive.sibling_factor(counts.astype(int).tolist(), codes.tolist(), 5.0, spec.assumed, LEAST, TIMES)
    assert factor == pytest.approx(np.clip(slow, 1, spec.most))


def test_spread_is_learned_where_it_is_there() -> None:
    table = find(SPEC, homes(), monthly(spreading()))
    check(SiblingsTable, table)
    assert set(table["basis"]) == {"learned"}
    assert (table["factor"] > 1.2).all()
    shuffled = homes(pipe_material=np.random.default_rng(5).permutation([f"m{k % 10}" for k in range(40)]))
    assert (find(SPEC, shuffled, monthly(spreading()))["factor"] < table["factor"].iloc[0]).all()


def test_little_history_leaves_the_marked_assumption() -> None:
    counts = np.ones((40, 3), dtype=int)
    counts[0] = 9
    table = find(Spread(kins=(PIPES,)), homes(), monthly(counts))
    assert table.empty  # of one window nothing is above the usual
    counts = np.ones((40, 12), dtype=int)
    counts[0, :9], counts[0, 9:] = 0, 9
    table = find(Spread(kins=(PIPES,)), homes(), monthly(counts))
    assert table["estate"].tolist() == ["e10", "e20", "e30"]
    assert set(table["siblings"]) == {"苑0"}
    assert set(table["basis"]) == {"assumed"}
    assert table["factor"].tolist() == pytest.approx([Spread().assumed] * 3)


def test_without_monthly_history_nothing_is_confirmed() -> None:
    yearly = monthly(spreading()).assign(months=12)
    assert find(SPEC, homes(), conform(EstateHistory, yearly)).empty
    assert find(SPEC, homes(), empty(EstateHistory)).empty
    assert find(SPEC, empty(Estates), monthly(spreading())).empty


def test_a_month_not_on_record_confirms_nothing() -> None:
    counts = np.ones((40, 12), dtype=int)
    counts[0, :9], counts[0, 9:] = 0, 9
    history = monthly(counts)
    lost = history[~((history["estate"] == "e00") & (history["month"] == AS_OF))]
    assert find(SPEC, homes(), lost.reset_index(drop=True)).empty


def test_the_future_changes_no_byte() -> None:
    counts, as_of = spreading(), AS_OF - pd.DateOffset(months=6)
    altered = counts.copy()
    altered[:, -6:] = 50 - altered[:, -6:]
    first, second = (find(SPEC, homes(), monthly(one), as_of) for one in (counts, altered))
    assert len(first)
    assert first.to_csv() == second.to_csv()
    table = find(SPEC, homes(), monthly(altered))
    assert table.to_csv() != first.to_csv()


def scored() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    estates, history = homes(), monthly(spreading())
    risk, drivers = assess(EbGlm(draws=5), estates, history, empty(Areas), AS_OF)
    return risk, drivers, find(SPEC, estates, history)


def test_siblings_only_raise_and_points_add_up() -> None:
    risk, drivers, kin = scored()
    after, reasons = raised(risk, drivers, kin, Cuts(), AS_OF, 3)
    check(RiskTable, after)
    check(RiskDrivers, reasons)
    key = ["estate", "category"]
    both = after.merge(risk, on=key, suffixes=("", "_before"))
    up = both["estate"].isin(kin["estate"])
    for name in ("score", "expected", "high"):
        assert (both[name] >= both[f"{name}_before"]).all()
        pd.testing.assert_series_equal(both[name][~up], both[f"{name}_before"][~up], check_names=False)
    assert (both["expected"][up] > both["expected_before"][up]).all()
    assert (both["low"] == both["low_before"]).all()
    assert after["score"].max() <= 100
    total = reasons.groupby(key)["contribution"].sum().reindex(pd.MultiIndex.from_frame(after[key]), fill_value=0)
    assert (total.to_numpy() == after["score"].to_numpy()).all()
    assert set(reasons.loc[reasons["driver"] == "sibling", "estate"]) <= set(kin["estate"])


def test_a_factor_for_three_months_raises_a_quarter_of_a_year() -> None:
    risk, drivers, kin = scored()
    after = raised(risk, drivers, kin, Cuts(), AS_OF, 3)[0]
    name, factor = kin["estate"].iloc[0], kin["factor"].iloc[0]
    ratio = (after.set_index("estate")["expected"] / risk.set_index("estate")["expected"])[name]
    assert ratio == pytest.approx(1 + (factor - 1) / 4)


def test_points_of_a_card_are_left_as_they_are() -> None:
    risk, drivers, kin = scored()
    card = conform(RiskTable, risk.assign(expected=np.nan, low=np.nan, high=np.nan, months=np.nan))
    after, reasons = raised(card, drivers, kin, Cuts(), AS_OF, 3)
    assert after.to_csv() == card.to_csv()
    assert reasons.to_csv() == drivers.to_csv()


def test_two_numbers_of_one_road_are_no_group() -> None:
    kin = next(kin for kin in KINS if kin.name == "group").model_copy(update={"same": ("name",)})
    names = ["和平路12号院", "和平路45号院", "劲松一区", "劲松二区", "甘家口大街3号院", "甘家口大街5号院", "12号院"]
    estates = homes(len(names), name=names)
    assert batch(kin, estates, empty(Areas)).tolist() == [-1, -1, 0, 0, -1, -1, -1]
