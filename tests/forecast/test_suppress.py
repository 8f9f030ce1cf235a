from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.suppress import suppress
from forecast.tables import ALL
from tests.naive.suppress import bounds

MONTH = pd.Timestamp("2024-01-01").as_unit("us")


def panel_of(counts: np.ndarray, month: pd.Timestamp = MONTH) -> pd.DataFrame:
    """Rows are communities c0, c1 ...; columns categories k0, k1 ...; a negative count is not covered."""
    rows = [
        (f"c{n}", f"k{m}", month, int(count), int(count), int(count))
        for (n, m), count in np.ndenumerate(counts)
        if count >= 0
    ]
    return pd.DataFrame(rows, columns=["area", "category", "month", "orders", "incidents", "callers"])


def tree_of(above: list[int], city: bool = True) -> pd.DataFrame:
    """Community n lies in street s<above[n]>, every street in the city."""
    rows: list[tuple[str, str, str | None]]
    rows = [(f"c{n}", "community", f"s{street}") for n, street in enumerate(above)]
    rows += [(f"s{street}", "street", "city" if city else None) for street in sorted(set(above))]
    rows += [("city", "city", None)] if city else []
    return pd.DataFrame(rows, columns=["area", "level", "parent"])


def parents_of(areas: pd.DataFrame) -> dict[str, str]:
    return {a: p for a, p in zip(areas["area"], areas["parent"], strict=True) if not pd.isna(p)}


def truth_of(panel: pd.DataFrame, areas: pd.DataFrame) -> pd.Series:
    """Every true sum, by area, category, month."""
    parents, steps = parents_of(areas), []
    step = panel[["area", "category", "month", "orders"]]
    while len(step):
        steps.append(step)
        step = step.assign(area=step["area"].map(parents)).dropna()
    rows = pd.concat(steps)
    rows = pd.concat([rows, rows.assign(category=ALL)])
    return rows.groupby(["area", "category", "month"])["orders"].sum()


def hold_against_attack(panel: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """All promises of PublicCounts: what is told is true and never small; what is hidden can be 1 ... 5."""
    told = suppress(panel, areas)
    key = ["area", "category", "month"]
    truth = truth_of(panel, areas)
    assert len(told) == len(truth)
    true = truth.reindex(pd.MultiIndex.from_frame(told[key]))
    shown = ~told["suppressed"].to_numpy()
    assert told["count"].isna().eq(told["suppressed"]).all()
    assert (told["count"].to_numpy()[shown] == true.to_numpy()[shown]).all()
    assert not true[shown].between(1, 4).any()
    for month, rows in told.groupby("month"):
        if rows["suppressed"].any():
            parents, mixed = parents_of(areas), sorted(set(panel["area"]) & set(parents_of(areas).values()))
            own = rows[rows["area"].isin(mixed)]
            own = own.assign(area=own["area"] + " itself", count=np.nan, suppressed=True)
            parents |= {f"{area} itself": area for area in mixed}
            found = bounds(pd.concat([rows, own]), parents, wide=(1, 5)).assign(month=month)
            found = found[~found["area"].isin(own["area"])]
            small = found[truth.reindex(pd.MultiIndex.from_frame(found[key])).between(1, 4).to_numpy()]
            assert (small["low"] <= 1).all()
            assert (small["high"] >= 5).all()
            assert (found["high"] - found["low"] >= 1).all()
    return told


def test_an_area_with_requests_of_its_own_beside_those_of_its_parts() -> None:
    """What lies in s0 itself cannot give way for c2, as there is nothing there."""
    panel = panel_of(np.array([[60, 90], [0, 0], [1, 70]]))
    panel["area"] = panel["area"].replace("c1", "s0")
    told = hold_against_attack(panel, tree_of([0, 0, 1]))
    assert set(told["area"]) == {"c0", "c2", "s0", "s1", "city"}


COUNTS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 9, 14, 60, -1])


@settings(max_examples=12)
@given(
    above=st.lists(st.integers(0, 2), min_size=1, max_size=7),
    columns=st.integers(1, 4),
    city=st.booleans(),
    data=st.data(),
)
def test_no_count_can_be_worked_out_of_any_table(
    above: list[int], columns: int, city: bool, data: st.DataObject
) -> None:
    cells = data.draw(st.lists(COUNTS, min_size=len(above) * columns, max_size=len(above) * columns))
    panel = panel_of(np.array(cells).reshape(len(above), columns))
    hold_against_attack(panel, tree_of(above, city))


def test_new_york_holds_against_the_attack(root: Path) -> None:
    """A month of the complaints themselves, 59 boards and 26 types; docs/privacy.md tells of all months."""
    columns = ["opendate", "complaint_type", "community_board"]
    raw = pd.read_csv(root / "data/fixtures/nyc/council.csv.gz", usecols=columns, dtype="str").dropna()
    raw["month"] = pd.to_datetime(raw["opendate"].str[:7]).astype("datetime64[us]")
    raw = raw[raw["month"].isin(pd.to_datetime(["2022-03-01"]))]
    common = raw["complaint_type"].isin(raw["complaint_type"].value_counts().index[:25])
    raw["category"] = raw["complaint_type"].where(common, "other")
    grid = pd.MultiIndex.from_product(
        [raw["month"].unique(), raw["community_board"].unique(), raw["category"].unique()],
        names=["month", "area", "category"],
    )
    named = raw.rename(columns={"community_board": "area"})
    counts = named.groupby(["month", "area", "category"])["complaint_type"].count().reindex(grid, fill_value=0)
    panel = counts.rename("orders").reset_index().assign(incidents=0, callers=0)
    boards = sorted(panel["area"].unique())
    areas = pd.DataFrame({"area": boards, "parent": [board[3:] for board in boards]})
    boroughs = areas["parent"].unique()
    top = pd.DataFrame({"area": [*boroughs, "city"], "parent": ["city"] * len(boroughs) + [None]})
    told = hold_against_attack(panel, pd.concat([areas, top], ignore_index=True))
    true = truth_of(panel, pd.concat([areas, top])).between(1, 4)
    assert told["suppressed"].sum() < 1.4 * true.sum()
    assert not told.loc[(told["area"] == "city") & (told["category"] == ALL), "suppressed"].any()


def test_the_corners_of_a_square_hide_a_small_count() -> None:
    counts = np.array([[2, 20, 30], [20, 25, 40], [31, 33, 50]])
    told = suppress(panel_of(counts), tree_of([0, 0, 0]))
    hidden = set(told.loc[told["suppressed"], ["area", "category"]].itertuples(index=False, name=None))
    assert len(hidden) == 4
    rows, columns = {area for area, _ in hidden}, {category for _, category in hidden}
    assert len(rows) == len(columns) == 2
    assert ("c0", "k0") in hidden
    assert rows.isdisjoint({"s0", "city"})


def test_large_counts_and_zeros_are_all_told() -> None:
    told = suppress(panel_of(np.array([[0, 7], [12, 0]])), tree_of([0, 1]))
    assert not told["suppressed"].any()
    assert told.set_index(["area", "category"]).loc[("city", ALL), "count"] == 19


def test_a_city_with_three_requests_tells_nothing() -> None:
    told = suppress(panel_of(np.array([[0, 2], [1, 0]])), tree_of([0, 1]))
    sums = told.set_index(["area", "category"])["suppressed"]
    assert sums["city", ALL]
    assert sums["c0", "k1"]


def test_a_later_month_leaves_the_pattern_of_earlier_ones() -> None:
    rng = np.random.default_rng(3)
    months = pd.date_range("2024-01-01", periods=3, freq="MS", unit="us")
    panel = pd.concat([panel_of(rng.poisson(3, (8, 4)), month) for month in months], ignore_index=True)
    areas = tree_of([0, 0, 0, 1, 1, 1, 2, 2])
    before = suppress(panel[panel["month"] < months[2]], areas)
    after = suppress(panel.sample(frac=1, random_state=1), areas)
    pd.testing.assert_frame_equal(before, after[after["month"] < months[2]].reset_index(drop=True))


def test_no_panel_no_counts() -> None:
    assert suppress(panel_of(np.empty((0, 0))), tree_of([0])).empty


def test_the_attacker_finds_what_a_bare_suppression_gives_away() -> None:
    """Were only small counts left out, sums would tell them."""
    told = suppress(panel_of(np.array([[2, 20], [20, 25]])), tree_of([0, 0]))
    true = truth_of(panel_of(np.array([[2, 20], [20, 25]])), tree_of([0, 0]))
    key = pd.MultiIndex.from_frame(told[["area", "category", "month"]])
    bare = told.assign(count=true.reindex(key).to_numpy(float), suppressed=true.reindex(key).between(1, 4).to_numpy())
    found = bounds(bare, parents_of(tree_of([0, 0])))
    assert found[["low", "high"]].to_numpy().tolist() == [[2, 2]]


@pytest.mark.parametrize("least", [2, 3, 10])
def test_another_threshold(least: int) -> None:
    counts = np.random.default_rng(5).poisson(4, (6, 4))
    told = suppress(panel_of(counts), tree_of([0, 0, 0, 1, 1, 1]), least=least)
    assert not told["count"].between(1, least - 1).any()
