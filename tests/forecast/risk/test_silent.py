"""Silent estates: the posterior against a slow twin, no claim without ground, no future, planted ones found."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.risk.silent import Evidence, Groups, Silent, learned, probability, silent
from forecast.tables import ALL, Areas, EstateHistory, Estates, SilentEstates, check, conform, empty
from tests import naive

AS_OF = pd.Timestamp("2023-12-01").as_unit("us")
CATEGORIES = ("a", "b", "c", "d", "e", "f")
PLANTED = tuple(range(0, 200, 20))


def made(
    n: int = 200, per_category: float = 12.0, seed: int = 0, **columns: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estates of two ages, the old with twice the incidents; each planted one reports a third."""
    rng = np.random.default_rng(seed)
    age = np.where(np.arange(n) % 2, 1975.0, 2010.0)
    homes = rng.integers(200, 900, n).astype(float)
    names = [f"e{k:03}" for k in range(n)]
    frame = {"estate": names, "name": names, "built_year": age, "households": homes} | columns
    rate = per_category * homes / homes.mean() * np.where(age < 2000, 1.33, 0.67)
    rate = rate * np.where(np.isin(np.arange(n), PLANTED), 1 / 3, 1)
    past = [
        pd.DataFrame({"estate": names, "category": c, "incidents": rng.poisson(rate * rng.gamma(8, 1 / 8, n))})
        for c in CATEGORIES
    ]
    history = pd.concat(past, ignore_index=True).assign(month=pd.Timestamp("2023-01-01"), months=12)
    return conform(Estates, pd.DataFrame(frame)), conform(EstateHistory, history)


def overall(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["category"] == ALL].set_index("estate")


def find(estates: pd.DataFrame, history: pd.DataFrame, spec: Silent | None = None) -> pd.DataFrame:
    return silent(spec or Silent(), estates, history, empty(Areas), AS_OF)


COUNTS = st.lists(st.tuples(st.integers(0, 60), st.floats(0.5, 50), st.floats(0.8, 30)), min_size=1, max_size=4)


@settings(max_examples=25)
@given(COUNTS, st.sampled_from((0.15, 0.3, 0.6)), st.floats(0.01, 0.2), st.sampled_from((0.2, 1 / 3, 0.6)))
def test_the_posterior_matches_a_slow_twin(
    counts: list[tuple[int, float, float]], spread: float, share: float, reports: float
) -> None:
    seen, expected, shape = (np.array(x, dtype=float) for x in zip(*counts, strict=True))
    evidence = Evidence(seen[None], expected[None], shape)
    found = probability(evidence, Groups(share, spread), reports)[0]
    slow = naive.under_reporting([c[0] for c in counts], expected.tolist(), shape.tolist(), share, spread, reports)
    assert found == pytest.approx(slow, abs=2e-3)


@given(st.lists(st.integers(0, 80), min_size=2, max_size=6, unique=True), st.floats(1, 60))
def test_fewer_reports_never_make_silence_less_likely(counts: list[int], expected: float) -> None:
    seen = np.sort(np.array(counts, dtype=float))[:, None]
    n = len(seen)
    evidence = Evidence(seen, np.full((n, 1), expected), np.array([4.0]))
    said = probability(evidence, Groups(0.05, 0.2), 1 / 3)
    assert ((said >= 0) & (said <= 1)).all()
    assert (np.diff(said) <= 1e-12).all()


def test_planted_silent_estates_are_found_and_little_else() -> None:
    estates, history = made()
    table = find(estates, history)
    check(SilentEstates, table)
    found = overall(table).query("listed").index
    planted = {f"e{k:03}" for k in PLANTED}
    assert len(planted & set(found)) >= 8
    assert len(set(found) - planted) <= 2


def test_without_silent_estates_hardly_any_is_listed() -> None:
    estates, history = made(n=200)
    honest = history[~history["estate"].isin([f"e{k:03}" for k in PLANTED])]
    kept = estates[estates["estate"].isin(honest["estate"])].reset_index(drop=True)
    assert overall(find(kept, honest))["listed"].sum() <= 2


def test_nothing_is_claimed_without_attributes_and_place() -> None:
    estates, history = made()
    bare = conform(Estates, estates[["estate", "name", "households"]])
    table = overall(find(bare, history))
    assert set(table["ground"]) == {"none"}
    assert table["probability"].isna().all()
    assert not table["listed"].any()
    assert table["reason"].str.contains("不作判断").all()
    one = estates.assign(built_year=estates["built_year"].where(estates.index != 0))
    alone = overall(find(one, history)).iloc[0]
    assert (alone["ground"], alone["listed"]) == ("none", False)


def test_new_and_gone_estates_are_never_silent() -> None:
    estates, history = made()
    estates.loc[0, "valid_from"] = pd.Timestamp("2022-06-01")
    estates.loc[20, "built_year"] = 2022.0
    estates.loc[40, "valid_to"] = pd.Timestamp("2023-06-30")
    table = overall(find(estates, history))
    assert table["ground"].iloc[[0, 20, 40]].tolist() == ["new", "new", "gone"]
    assert table["probability"].iloc[[0, 20, 40]].isna().all()
    assert table["listed"].iloc[60]


def test_months_not_on_record_are_unknown_not_silent() -> None:
    estates, history = made()
    history.loc[5, "incidents"] = 0  # a zero is written down: absent estates are unknown
    absent = history["estate"].eq("e101")
    stated = pd.concat([history[~absent], history.head(1).assign(estate="e003", incidents=0, category="g")])
    zeros = pd.concat([stated[stated["category"] != "g"], *(
        history.head(1).assign(estate="e003", category=c, incidents=0, month=pd.Timestamp("2022-01-01"))
        for c in CATEGORIES
    )])  # fmt: skip
    row = overall(find(estates, conform(EstateHistory, zeros.reset_index(drop=True)))).loc["e101"]
    assert row["ground"] == "unheard"
    assert np.isnan(row["reported"])
    assert np.isnan(row["expected"])
    assert np.isnan(row["probability"])


def test_unknown_households_do_not_make_an_estate_silent() -> None:
    estates, history = made()
    small = int(estates["households"].mask(estates.index.isin(PLANTED)).argmin())
    found = overall(find(estates.assign(households=estates["households"].where(estates.index != small)), history))
    assert found["ground"].iloc[small] == "unsized"
    assert np.isnan(found["probability"].iloc[small])
    assert not overall(find(estates.assign(households=np.nan), history))["listed"].any()


def test_the_future_changes_no_byte() -> None:
    estates, history = made()
    later = history.assign(month=pd.Timestamp("2024-01-01"), incidents=0)
    running = history.assign(month=pd.Timestamp("2023-06-01"), incidents=99)  # a year that has not ended
    more = conform(EstateHistory, pd.concat([history, later, running], ignore_index=True))
    assert find(estates, history).to_csv() == find(estates, more).to_csv()


def test_the_order_of_rows_changes_nothing() -> None:
    estates, history = made()
    other = find(estates.iloc[::-1].reset_index(drop=True), history.iloc[::-1].reset_index(drop=True))
    pd.testing.assert_frame_equal(find(estates, history), other, rtol=1e-6, atol=1e-2)


def test_the_share_is_learned_and_bounded() -> None:
    rng = np.random.default_rng(1)
    expected = np.full((400, 8), 20.0)
    factor = np.where(np.arange(400) < 80, 0.3, 1.0)[:, None]
    evidence = Evidence(rng.poisson(expected * factor).astype(float), expected * 0.86, np.full(8, 50.0))
    assert 0.12 < learned(Silent(), evidence).share < 0.25
    assert learned(Silent(learn=False), evidence).share == Silent().share


def test_reasons_name_what_is_missing_in_both_languages() -> None:
    estates, history = made()
    names = pd.DataFrame({"category": list(CATEGORIES), "name": [f"甲{c}" for c in CATEGORIES], "name_en": ""})
    table = silent(Silent(), estates, history, empty(Areas), AS_OF, names=names)
    row = overall(table).loc["e040"]
    assert row["listed"]
    assert f"应有约 {row['expected']:.0f} 件，实报 {row['reported']:.0f} 件" in row["reason"]
    assert str(row["reason"]).count("甲") == 3
    assert "mostly missing: 甲" in row["reason_en"]
    assert "%" not in row["reason"] + row["reason_en"]


def test_no_estates_or_no_history_give_an_empty_table() -> None:
    estates, history = made()
    assert find(estates, empty(EstateHistory)).empty
    assert find(empty(Estates), history).empty
    check(SilentEstates, find(estates, empty(EstateHistory)))
