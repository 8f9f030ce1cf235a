"""Changes: sums stay, shares are those seen, later months and later changes change nothing."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import panel
from forecast.backtest import backtest
from forecast.changes import Changes, Succession, carry, comparable, faults, lineage, whole
from forecast.forecaster import Forecaster
from forecast.look import Basis
from forecast.models.climatology import Climatology
from forecast.panel import Coverage
from forecast.tables import Areas, Counts, Seasons, conform, empty
from tests import naive

MONTHS = pd.date_range("2020-01-01", periods=24, freq="MS", unit="us")
TURN = 12
"""Month of the change."""

NO_AREAS = empty(Areas)
SPLIT = Changes(categories=(Succession(before="x", after=("x1", "x2"), since=MONTHS[TURN].date()),))

ANCESTORS = pd.DataFrame({"area": ["d", "d"], "ancestor": ["d", "city"]})

Row = tuple[str, str, int, int]


def counts(rows: Sequence[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["area", "category", "turn", "orders"])
    frame["month"] = MONTHS[frame["turn"].to_numpy(dtype=int)]
    return conform(Counts, frame.assign(incidents=frame["orders"] // 2, callers=frame["orders"]))


def areas(**since: str) -> pd.DataFrame:
    """a split into a1 and a2; b1 and b2 merged into b; c went on beside its offspring c1; d stayed."""
    codes = ["a", "a1", "a2", "b", "b1", "b2", "c", "c1", "d"]
    turn = MONTHS[TURN]
    frame = pd.DataFrame({"area": codes, "level": "community", "name": codes, "aliases": ""}).set_index("area")
    frame.loc[["a", "b1", "b2"], "valid_to"] = turn - pd.Timedelta(days=1)
    frame.loc[["a1", "a2", "b", "c1"], "valid_from"] = turn
    frame.loc[["a1", "a2", "b", "c1"], "predecessors"] = ["a", "a", "b1|b2", "c"]
    for code, day in since.items():
        frame.loc[code, "valid_from"] = pd.Timestamp(day)
    return conform(Areas, frame.reset_index())


OLD, NEW = ("a", "b1", "b2", "c", "d"), ("a1", "a2", "b", "c", "c1", "d")


@st.composite
def lives(draw: st.DrawFn) -> list[Row]:
    """Rows that name only areas and categories that are there."""
    size = draw(st.integers(1, 40))
    rows = []
    for _ in range(size):
        turn = draw(st.integers(0, 23))
        area = draw(st.sampled_from(OLD if turn < TURN else NEW))
        category = draw(st.sampled_from(("x", "y") if turn < TURN else ("x1", "x2", "y")))
        rows.append((area, category, turn, draw(st.integers(0, 9))))
    return rows


def by(frame: pd.DataFrame, *keys: str) -> dict[object, int]:
    return frame.groupby([*keys, "month"])["orders"].sum().to_dict()


@given(lives(), st.integers(0, 23))
def test_totals_of_every_month_stay(rows: list[Row], turn: int) -> None:
    table = counts(rows)
    carried, _ = carry(table, areas(), SPLIT, MONTHS[turn])
    for figure in ("orders", "incidents", "callers"):
        assert carried.groupby("month")[figure].sum().to_dict() == table.groupby("month")[figure].sum().to_dict()
    family = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "c1": "c"}
    kind = {"x1": "x", "x2": "x"}

    def as_families(frame: pd.DataFrame) -> dict[object, int]:
        frame = frame.assign(area=frame["area"].replace(family), category=frame["category"].replace(kind))
        return by(frame, "area", "category")

    assert as_families(carried) == as_families(table)


@settings(max_examples=12)
@given(lives(), st.integers(TURN - 1, 23))
def test_the_panel_loses_nothing_and_knows_no_old_name(rows: list[Row], turn: int) -> None:
    table = counts(rows)
    known = panel.build(*carry(table, areas(), SPLIT, MONTHS[turn]), MONTHS[turn], Coverage())
    assert known["orders"].sum() == table.loc[table["month"] <= MONTHS[turn], "orders"].sum()
    assert not {"a", "b1", "b2"} & set(known["area"])
    assert "x" not in set(known["category"])


@given(lives(), st.integers(0, 23), st.data())
def test_nothing_after_the_origin_matters(rows: list[Row], turn: int, data: st.DataObject) -> None:
    before = [row for row in rows if row[2] <= turn]
    later = data.draw(lives())
    changed = before + [row for row in later if row[2] > turn]
    one, other = (carry(counts(table), areas(), SPLIT, MONTHS[turn]) for table in (rows, changed))
    pd.testing.assert_frame_equal(_upto(one[0], MONTHS[turn]), _upto(other[0], MONTHS[turn]))
    pd.testing.assert_frame_equal(one[1], other[1])


@settings(max_examples=12)
@given(lives(), st.integers(0, TURN - 2))
def test_a_change_that_comes_later_is_not_known(rows: list[Row], turn: int) -> None:
    table = counts([row for row in rows if row[2] <= turn])
    untold = areas()
    untold["predecessors"] = None
    one = panel.build(*carry(table, areas(), SPLIT, MONTHS[turn]), MONTHS[turn], Coverage())
    other = panel.build(*carry(table, untold, Changes(), MONTHS[turn]), MONTHS[turn], Coverage())
    pd.testing.assert_frame_equal(one, other)


@given(lives())
def test_rows_in_any_order_give_the_same_counts(rows: list[Row]) -> None:
    one, other = (carry(counts(table), areas(), SPLIT, MONTHS[-1])[0] for table in (rows, rows[::-1]))
    pd.testing.assert_frame_equal(_upto(one, MONTHS[-1]), _upto(other, MONTHS[-1]))


def _upto(frame: pd.DataFrame, month: pd.Timestamp) -> pd.DataFrame:
    return frame[frame["month"] <= month].groupby(["area", "category", "month"]).sum()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_whole_numbers_stay_near_their_share(figures: list[int], weights: list[float]) -> None:
    share = np.tile(np.array(weights) / sum(weights), (len(figures), 1))
    parts = whole(np.array(figures), share)
    assert (parts >= 0).all()
    assert parts.sum(axis=1).tolist() == figures
    gap = np.cumsum(parts, axis=0) - np.cumsum(np.array(figures)[:, None] * share, axis=0)
    assert np.abs(gap).max() < len(weights)
    assert (parts == naive.whole(figures, share.tolist())).all()


def test_single_requests_do_not_all_go_to_the_larger_heir() -> None:
    parts = whole(np.ones(100, dtype=int), np.tile([0.6, 0.4], (100, 1)))
    assert parts.sum(axis=0).tolist() == [60, 40]


def test_a_split_is_shared_as_it_ran_since() -> None:
    rows = [("a", "y", turn, 100) for turn in range(TURN)]
    rows += [(area, "y", turn, n) for turn in range(TURN, 24) for area, n in (("a1", 90), ("a2", 10))]
    carried = carry(counts(rows), areas(), Changes(), MONTHS[-1])[0].set_index(["area", "month"])["orders"]
    assert (carried["a1"][:TURN] - 90).abs().max() <= 1
    assert carried["a1"][TURN:].tolist() == [90] * 12


def test_a_category_keeps_its_own_share_in_its_area_and_season() -> None:
    winter = [MONTHS[turn].month in (11, 12, 1, 2) for turn in range(24)]
    rows = [(area, "x", turn, 60) for turn in range(TURN) for area in ("d", "e")]
    for turn in range(TURN, 24):
        cold = 45 if winter[turn] else 15
        rows += [("d", "x1", turn, cold), ("d", "x2", turn, 60 - cold)]
        rows += [("e", "x1", turn, cold // 3), ("e", "x2", turn, 60 - cold // 3)]
    carried = carry(counts(rows), NO_AREAS, SPLIT, MONTHS[-1])[0]
    first = carried[(carried["category"] == "x1") & (carried["month"] < MONTHS[TURN])]
    orders = first.pivot(index="area", columns="month", values="orders").to_numpy()
    cold_months = np.array(winter[:TURN])
    assert orders[0, cold_months].mean() > 2 * orders[0, ~cold_months].mean()
    assert orders[0].sum() > 2 * orders[1].sum()


def test_households_speak_before_a_month_was_seen() -> None:
    table = areas()
    table.loc[table["area"].isin(["a1", "a2"]), "households"] = [3000.0, 1000.0]
    rows = [("a", "y", turn, 40) for turn in range(TURN)]
    for told, expected in ((table, 30), (areas(), 20)):
        carried = carry(counts(rows), told, Changes(), MONTHS[TURN - 1])[0]
        assert carried.set_index(["area", "month"])["orders"]["a1"].tolist() == [expected] * TURN


def test_an_area_that_goes_on_keeps_its_share() -> None:
    rows = [("c", "y", turn, 50) for turn in range(TURN)]
    rows += [(area, "y", turn, n) for turn in range(TURN, 24) for area, n in (("c", 40), ("c1", 10))]
    carried = carry(counts(rows), areas(), Changes(), MONTHS[-1])[0].set_index(["area", "month"])["orders"]
    assert (carried["c"] - 40).abs().max() <= 1
    assert (carried["c1"] - 10).abs().max() <= 1


def test_heirs_are_covered_for_as_long_as_what_they_followed() -> None:
    rows = [("a", "y", turn, 2) for turn in range(TURN)] + [("a1", "y", TURN, 1), ("d", "y", 23, 9)]
    known = panel.build(*carry(counts(rows), areas(), Changes(), MONTHS[-1]), MONTHS[-1], Coverage())
    months = known.groupby("area")["month"].agg(["min", "size"])
    assert months.loc[["a1", "a2"]].to_numpy().tolist() == [[MONTHS[0], 24], [MONTHS[0], 24]]


def test_chains_and_codes_that_change_places() -> None:
    changes = Changes(
        categories=(
            Succession(before="p", after="q", since=date(2020, 4, 1)),
            Succession(before="q", after="p", since=date(2020, 4, 1)),
            Succession(before=("q", "r"), after="s", since=date(2021, 1, 1)),
        )
    )
    rows = [
        ("d", "p", 0, 5),
        ("d", "q", 0, 7),
        ("d", "p", 6, 1),
        ("d", "r", 6, 2),
        ("d", "q", 6, 4),
        ("d", "q", 20, 8),
    ]
    carried = carry(counts(rows), NO_AREAS, changes, MONTHS[-1])[0]
    some = carried[carried["orders"] > 0]
    found = set(zip(some["category"], some["month"].dt.month, some["orders"], strict=True))
    assert found == {("p", 1, 7), ("s", 1, 5), ("p", 7, 1), ("s", 7, 6), ("s", 9, 8)}


def test_a_code_taken_up_again_is_left_alone() -> None:
    changes = Changes(
        categories=(
            Succession(before="p", after="q", since=date(2020, 4, 1)),
            Succession(before="q", after=("q", "p"), since=date(2021, 1, 1)),
        )
    )
    rows = [("d", "q", 6, 40), *(("d", code, turn, 10) for turn in range(12, 24) for code in "pq")]
    carried = carry(counts(rows), NO_AREAS, changes, MONTHS[-1])[0].set_index(["category", "month"])["orders"]
    assert carried["p"][MONTHS[6]] == carried["q"][MONTHS[6]] == 20
    assert carried["p"][MONTHS[12:]].tolist() == [10] * 12


def test_months_of_an_appraisal_decide_when_an_area_is_valid() -> None:
    """With months that start on the 19th, 20 December lies in January, 18 December in December."""
    changes = Changes(month_starts_on=19)
    rows = [("a1", "y", turn, 1) for turn in range(24)]
    for day, first in (("2020-12-18", 11), ("2020-12-20", 12)):
        table = areas(a1=day).assign(predecessors=None)
        known = panel.build(*carry(counts(rows), table, changes, MONTHS[-1]), MONTHS[-1], Coverage())
        assert known["month"].min() == MONTHS[first]


def test_lineage_reaches_back_over_several_changes() -> None:
    table = areas()
    table.loc[table["area"] == "d", "predecessors"] = "a1|b"
    pairs = set(lineage(table).itertuples(index=False, name=None))
    assert {("d", code) for code in ("a1", "b", "a", "b1", "b2")} <= pairs
    assert len(pairs) == 5 + 2 + 2 + 1


def test_a_cell_is_scored_until_it_means_something_else() -> None:
    cells = pd.DataFrame({"area": ["a", "c", "d", "d"], "category": ["y", "y", "x", "y"]})
    still = comparable(cells, MONTHS, areas(), SPLIT, MONTHS[TURN - 2])
    assert still.sum(axis=1).tolist() == [TURN, TURN, TURN, 24]
    assert comparable(cells, MONTHS, areas(), SPLIT, MONTHS[TURN - 1]).all()


def test_a_code_that_ends_after_the_origin_is_not_taken_for_silence() -> None:
    rows = [("d", "x", turn, 20) for turn in range(TURN)] + [("d", "y", turn, 20) for turn in range(24)]
    rows += [("d", code, turn, 10) for turn in range(TURN, 24) for code in ("x1", "x2")]
    forecaster = Forecaster(models=(Climatology(),))
    basis = Basis(counts(rows), NO_AREAS, ANCESTORS, lambda _: empty(Seasons), 6, forecaster, 1, SPLIT)
    found = backtest(basis, [MONTHS[TURN - 3]]).scores
    bias = found[(found["metric"] == "bias") & (found["horizon"] == 0) & (found["model"] == "climatology")]
    assert len(bias)
    assert bias["value"].abs().max() < 0.05


def test_faults_are_told_at_once() -> None:
    day = date(2021, 1, 1)
    steps = [
        Succession(before="x", after=("x1", "x9"), since=day),
        Succession(before="x", after="x2", since=day),
        Succession(before="y", after="y", since=day),
        Succession(before=("y", "y"), after="x1", since=date(2022, 1, 1)),
    ]
    told = "\n".join(map(str, faults(steps, ["x", "x1", "x2", "y"])))
    for part in ("unknown category x9", "x has another change on that day", "changes nothing", "names y twice"):
        assert part in told
    assert not faults(steps[:1], [])
    with pytest.raises(ValueError, match="at least 1"):
        Succession(before=(), after="x", since=day)
