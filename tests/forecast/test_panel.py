"""The panel: nothing lost, coverage is not zero, nothing from after the origin."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.panel import Coverage, build, enough, grid_at, last_complete, to_grid
from forecast.tables import Areas, Counts, conform, empty

NO_AREAS = empty(Areas)
MONTHS = pd.date_range("2020-01-01", periods=24, freq="MS", unit="us")
figures = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 23), st.integers(1, 50)), min_size=1
)


def counts(rows: Sequence[tuple[str | None, str, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["area", "category", "turn", "orders"])
    frame["month"] = MONTHS[frame["turn"]]
    return conform(Counts, frame.assign(incidents=frame["orders"], callers=frame["orders"]))


@given(figures)
def test_counts_are_preserved(rows: list[tuple[str, str, int, int]]) -> None:
    panel = build(counts(rows), NO_AREAS, MONTHS[-1], Coverage())
    assert panel["orders"].sum() == sum(row[3] for row in rows)


@given(figures, st.integers(0, 23))
def test_nothing_after_the_origin_matters(rows: list[tuple[str, str, int, int]], turn: int) -> None:
    before = [row for row in rows if row[2] <= turn]
    changed = before + [(area, category, at, 10 * n) for area, category, at, n in rows if at > turn]
    one = build(counts(rows), NO_AREAS, MONTHS[turn], Coverage())
    other = build(counts(changed), NO_AREAS, MONTHS[turn], Coverage())
    pd.testing.assert_frame_equal(one, other)


@given(figures)
def test_rows_in_any_order_give_the_same_panel(rows: list[tuple[str, str, int, int]]) -> None:
    one = build(counts(rows), NO_AREAS, MONTHS[-1], Coverage())
    pd.testing.assert_frame_equal(one, build(counts(rows[::-1]), NO_AREAS, MONTHS[-1], Coverage()))


@given(figures, st.integers(0, 23))
def test_a_grid_is_the_panel_without_the_table_between(rows: list[tuple[str, str, int, int]], turn: int) -> None:
    origin = MONTHS[max(turn, min(row[2] for row in rows))]
    grid = grid_at(counts(rows), NO_AREAS, origin, Coverage())
    long = to_grid(build(counts(rows), NO_AREAS, origin, Coverage()), origin)
    pd.testing.assert_frame_equal(grid.cells, long.cells)
    assert grid.months.equals(long.months)
    np.testing.assert_array_equal(grid.y, long.y)


def test_a_grid_of_nothing_has_no_cell() -> None:
    assert grid_at(counts([(None, "x", 0, 5)]), NO_AREAS, MONTHS[-1], Coverage()).y.shape == (0, 0)


def test_a_silent_month_of_a_loud_area_is_not_covered() -> None:
    rows = [("loud", "x", turn, 20) for turn in range(24) if turn != 10]
    rows += [("calm", "x", turn, 1) for turn in range(0, 24, 3)]
    grid = grid_at(counts(rows), NO_AREAS, MONTHS[-1], Coverage())
    calm, loud = grid.y
    assert np.isnan(loud[10])
    assert np.isnan(loud).sum() == 1
    assert calm[1] == 0


def test_a_row_that_says_zero_is_a_covered_month() -> None:
    rows = [("loud", "x", turn, 0 if turn == 10 else 20) for turn in range(24)]
    assert grid_at(counts(rows), NO_AREAS, MONTHS[-1], Coverage()).y[0, 10] == 0


def test_a_silent_city_is_not_covered() -> None:
    rows = [(area, "x", turn, 2) for area in "abcd" for turn in range(24) if turn != 10]
    grid = grid_at(counts(rows), NO_AREAS, MONTHS[-1], Coverage())
    assert np.isnan(grid.y[:, 10]).all()


def test_a_summer_without_calls_is_a_season_and_not_a_gap() -> None:
    rows = [(area, "x", turn, 30) for area in "ab" for turn in range(24) if turn % 12 not in (5, 6, 7)]
    for kept in (rows, [row for row in rows if row[0] == "a"]):
        grid = grid_at(counts(kept), NO_AREAS, MONTHS[-1], Coverage())
        assert not np.isnan(grid.y).any()
        assert (grid.y[:, 5:8] == 0).all()


def test_an_area_that_is_mostly_silent_is_quiet_and_not_uncovered() -> None:
    rows = [("burst", "x", turn, 40) for turn in range(0, 24, 3)] + [("loud", "x", turn, 20) for turn in range(24)]
    assert not np.isnan(grid_at(counts(rows), NO_AREAS, MONTHS[-1], Coverage()).y).any()


def test_a_cell_starts_when_its_area_and_its_category_have_been_seen() -> None:
    rows = [("a", "x", 0, 1), ("b", "x", 5, 1), ("b", "y", 8, 1), ("a", "y", 12, 1)]
    panel = build(counts(rows), NO_AREAS, MONTHS[-1], Coverage())
    first = panel.groupby(["area", "category"])["month"].min()
    assert first.tolist() == list(MONTHS[[0, 8, 5, 8]])


def test_an_area_is_covered_only_while_it_is_valid() -> None:
    areas = conform(
        Areas,
        pd.DataFrame(
            {
                "area": ["a"],
                "level": ["community"],
                "name": ["a"],
                "aliases": [""],
                "valid_from": [pd.Timestamp("2020-03-15")],
                "valid_to": [pd.Timestamp("2020-06-01")],
            }
        ),
    )
    panel = build(counts([("a", "x", turn, 1) for turn in range(24)]), areas, MONTHS[-1], Coverage())
    assert panel["month"].tolist() == list(MONTHS[2:6])


def test_unplaced_counts_stay_out_and_an_empty_panel_is_valid() -> None:
    assert build(counts([(None, "x", 0, 5)]), NO_AREAS, MONTHS[-1], Coverage()).empty


def test_the_grid_runs_to_the_origin() -> None:
    panel = build(counts([("a", "x", 0, 9), ("a", "x", 1, 9)]), NO_AREAS, MONTHS[3], Coverage())
    grid = to_grid(panel, MONTHS[3])
    assert list(grid.months) == list(MONTHS[:4])
    assert list(grid.future(2)) == list(MONTHS[4:6])


def born(turn: int, orders: int = 10, others: int = 4) -> list[tuple[str | None, str, int, int]]:
    """Areas that have known x and y for two years, one of them z; and one first heard at `turn`, with x alone."""
    known = [(f"old{i}", category, at, 6) for i in range(others) for category in "xy" for at in range(24)]
    rare = [("old0", "z", at, 90) for at in range(24)]
    return [*known, *rare, *(("new", "x", at, orders) for at in range(turn, 24))]


def cells_of(panel: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(panel["area"], panel["category"], strict=True))


@pytest.mark.parametrize("turn", [18, 20, 23])
def test_a_new_area_was_listened_to_for_what_is_common_elsewhere(turn: int) -> None:
    panel = build(counts(born(turn)), NO_AREAS, MONTHS[-1], Coverage())
    without = build(counts(born(turn)), NO_AREAS, MONTHS[-1], Coverage(common_in=0))
    assert cells_of(panel) - cells_of(without) == {("new", "y")}
    added = panel[(panel["area"] == "new") & (panel["category"] == "y")]
    assert added["month"].tolist() == list(MONTHS[turn:])
    assert (added[["orders", "incidents", "callers"]] == 0).all(axis=None)
    kept = panel.drop(added.index).reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, without)


@pytest.mark.parametrize(
    ("rows", "coverage"),
    [
        (born(17), Coverage()),
        (born(20, orders=1), Coverage(worth_a_cell=0.5)),
        (born(20), Coverage(common_in=0)),
        ([row for row in born(20) if row[2] >= 13], Coverage()),
        ([row for row in born(20) if row[1] != "y" or row[0] == "old1"], Coverage()),
    ],
    ids=["older than half a year", "too little to expect", "switched off", "all areas new", "not common"],
)
def test_no_cell_is_made_up(rows: list[tuple[str | None, str, int, int]], coverage: Coverage) -> None:
    panel = build(counts(rows), NO_AREAS, MONTHS[-1], coverage)
    assert cells_of(panel) == {(area, category) for area, category, _, _ in rows}


@given(figures, st.floats(0.01, 1), st.floats(0.01, 10))
def test_new_cells_are_no_more_than_the_requests_they_rest_on(
    rows: list[tuple[str, str, int, int]], common_in: float, worth: float
) -> None:
    coverage = Coverage(common_in=common_in, worth_a_cell=worth)
    panel = build(counts(rows), NO_AREAS, MONTHS[-1], coverage)
    seen = build(counts(rows), NO_AREAS, MONTHS[-1], Coverage(common_in=0))
    added = cells_of(panel) - cells_of(seen)
    months = seen.groupby("area")["month"].nunique()
    for area in {area for area, _ in added}:
        a_month = sum(row[3] for row in rows if row[0] == area) / months[area]
        assert months[area] <= 6
        assert sum(name == area for name, _ in added) <= a_month / worth + 1e-9
    assert cells_of(seen) <= cells_of(panel)


def days(first: str, last: str, orders: int = 5) -> pd.DataFrame:
    span = pd.date_range(first, last, freq="D", unit="us")
    return pd.DataFrame({"day": span, "orders": orders})


@pytest.mark.parametrize(
    ("last_day", "starts_on", "expected"),
    [
        ("2022-10-31", 1, "2022-10-01"),
        ("2022-10-30", 1, "2022-09-01"),
        ("2022-10-12", 1, "2022-09-01"),
        ("2022-10-18", 19, "2022-10-01"),
        ("2022-10-12", 19, "2022-09-01"),
        ("2022-11-05", 1, "2022-10-01"),
    ],
)
def test_a_month_that_is_not_all_in_is_not_complete(last_day: str, starts_on: int, expected: str) -> None:
    found = last_complete(days("2021-01-01", last_day), pd.Timestamp("2022-10-01"), starts_on, Coverage())
    assert found == pd.Timestamp(expected)


def test_a_trickle_after_the_end_of_the_data_completes_no_month() -> None:
    trickle = pd.DataFrame({"day": pd.to_datetime(["2022-12-03", "2023-02-09"]).as_unit("us"), "orders": 1})
    span = pd.concat([days("2021-01-01", "2022-10-31"), trickle])
    assert last_complete(span, pd.Timestamp("2023-06-01"), 1, Coverage()) == pd.Timestamp("2022-10-01")


def test_a_low_season_is_no_stub_and_a_stub_is() -> None:
    totals = pd.Series([100.0] * 6 + [5.0] * 6, index=MONTHS[:12])
    two_years = pd.concat([totals, totals.set_axis(MONTHS[12:])])
    assert enough(two_years, Coverage())
    assert not enough(pd.concat([two_years.iloc[:-8], two_years.iloc[-9:-8] * 0.04]), Coverage())


def test_one_mistyped_year_does_not_move_the_end_of_the_data() -> None:
    stray = pd.DataFrame({"day": pd.to_datetime(["2042-08-03"]).as_unit("us"), "orders": 1})
    span = pd.concat([days("2021-01-01", "2022-10-31"), stray])
    assert last_complete(span, pd.Timestamp("2100-01-01"), 1, Coverage()) == pd.Timestamp("2022-10-01")


def test_no_days_no_month() -> None:
    assert last_complete(days("2021-01-01", "2020-12-01"), pd.Timestamp("2022-10-01"), 1, Coverage()) is None
