from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecast import reconcile
from forecast.models import theta
from forecast.models.theta import Theta
from forecast.panel import Grid
from forecast.tables import ALL, Seasons, empty
from tests import naive, work

PARENTS = {"a": ["S1", "city"], "b": ["S1", "city"], "c": ["S2", "city"], "S1": ["city"], "S2": ["city"]}
ANCESTORS = pd.DataFrame([(area, up) for area, ups in PARENTS.items() for up in ups], columns=["area", "ancestor"])


def frame(*cells: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["area", "category"]).astype("str")


CELLS = frame(("a", "heat"), ("a", "noise"), ("b", "heat"), ("c", "rain"))


def total(sums: reconcile.Summing, figures: np.ndarray, area: str, category: str) -> list[float]:
    at = (sums.nodes["area"] == area) & (sums.nodes["category"] == category)
    assert at.sum() == 1
    return reconcile.add(sums, figures)[..., np.flatnonzero(at)[0], :].tolist()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["heat", "noise", "rain"])), min_size=1, unique=True),
    st.integers(0, 2**32 - 1),
)
def test_every_level_adds_up_as_the_slow_twin_does(cells: list[tuple[str, str]], seed: int) -> None:
    figures = np.random.default_rng(seed).gamma(1.0, 5.0, (len(cells), 3))
    sums = reconcile.summing(frame(*cells), ANCESTORS)
    expected = naive.totals(cells, PARENTS, figures.tolist())
    keys = list(zip(sums.nodes["area"], sums.nodes["category"], strict=True))
    assert set(keys) == set(expected) - set(cells)
    for key, row in zip(keys, reconcile.add(sums, figures), strict=True):
        np.testing.assert_allclose(row, expected[key], rtol=1e-12)
    assert sums.leaf.all()


def test_a_street_is_the_sum_of_its_communities_and_the_city_of_all() -> None:
    figures = np.array([[1.0], [2.0], [4.0], [8.0]])
    sums = reconcile.summing(CELLS, ANCESTORS)
    assert total(sums, figures, "S1", "heat") == [5.0]
    assert total(sums, figures, "S1", ALL) == [7.0]
    assert total(sums, figures, "a", ALL) == [3.0]
    assert total(sums, figures, "city", "rain") == [8.0]
    assert total(sums, figures, "city", ALL) == [15.0]


def test_orders_placed_on_a_street_belong_to_its_total_and_have_no_row_of_their_own() -> None:
    cells = pd.concat([CELLS, frame(("S1", "heat"), ("S1", "water"))], ignore_index=True)
    sums = reconcile.summing(cells, ANCESTORS)
    figures = np.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]])
    assert sums.leaf.tolist() == [True] * 4 + [False] * 2
    assert total(sums, figures, "S1", "heat") == [21.0]
    assert total(sums, figures, "S1", "water") == [32.0]
    assert total(sums, figures, "S1", ALL) == [55.0]
    assert total(sums, figures, "city", ALL) == [63.0]
    both = pd.concat([cells[sums.leaf], sums.nodes])
    assert not both.duplicated().any()


def test_a_city_without_parts_sums_its_categories() -> None:
    sums = reconcile.summing(frame(("city", "heat"), ("city", "noise")), ANCESTORS)
    assert sums.nodes.to_numpy().tolist() == [["city", ALL]]
    assert sums.leaf.all()


def test_an_area_with_itself_among_the_ancestors_changes_nothing() -> None:
    own = pd.DataFrame({"area": list("abc"), "ancestor": list("abc")})
    plain, more = (reconcile.summing(CELLS, table) for table in (ANCESTORS, pd.concat([own, ANCESTORS])))
    pd.testing.assert_frame_equal(plain.nodes, more.nodes)
    assert (plain.matrix != more.matrix).nnz == 0


def test_leading_dimensions_are_kept() -> None:
    sums = reconcile.summing(CELLS, ANCESTORS)
    figures = np.random.default_rng(0).random((5, 4, 3))
    added = reconcile.add(sums, figures)
    assert added.shape == (5, len(sums.nodes), 3)
    np.testing.assert_array_equal(added[2], reconcile.add(sums, figures[2]))
    assert reconcile.add(sums, figures[:0]).shape == (0, len(sums.nodes), 3)


@given(hnp.arrays(bool, (2, 4, 3)), hnp.arrays(bool, (2, 4, 3)))
def test_a_sum_counts_only_cells_known_on_both_sides(forecast: np.ndarray, covered: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    mean = np.where(forecast, rng.gamma(1.0, 2.0, forecast.shape), np.nan)
    actual = np.where(covered, rng.poisson(2.0, covered.shape), np.nan)
    sums = reconcile.summing(CELLS, ANCESTORS)
    total_mean, total_actual = reconcile.add_covered(sums, mean, actual)
    both = forecast & covered
    city = np.flatnonzero((sums.nodes["area"] == "city") & (sums.nodes["category"] == ALL))[0]
    some = both.any(axis=1)
    assert (np.isnan(total_mean[:, city]) == ~some).all()
    assert (np.isnan(total_actual[:, city]) == ~some).all()
    expected = np.where(both, mean, 0.0).sum(axis=1), np.where(both, actual, 0.0).sum(axis=1)
    np.testing.assert_allclose(total_mean[:, city][some], expected[0][some])
    np.testing.assert_allclose(total_actual[:, city][some], expected[1][some])


@pytest.fixture(scope="module")
def council(root: Path) -> Grid:
    """New York council complaints up to September 2022: borough | board x type."""
    columns = ["opendate", "borough", "community_board", "complaint_type"]
    raw = pd.read_csv(root / "data/fixtures/nyc/council.csv.gz", usecols=columns, dtype="str").dropna()
    raw["month"] = pd.to_datetime(raw["opendate"]).dt.to_period("M").dt.to_timestamp()
    raw = raw[raw["month"] < "2022-10"].assign(area=raw["borough"] + "|" + raw["community_board"])
    wide = raw.pivot_table(index=["area", "complaint_type"], columns="month", aggfunc="size", fill_value=0)
    cells = wide.index.to_frame(index=False).set_axis(["area", "category"], axis=1)
    return Grid(cells, pd.DatetimeIndex(wide.columns), wide.to_numpy(dtype=float))


def test_sums_of_forecasts_are_no_worse_than_forecasts_of_sums(council: Grid) -> None:
    areas = pd.Series(council.cells["area"].unique())
    boroughs = areas.str.split("|").str[0]
    above = [pd.DataFrame({"area": areas, "ancestor": up}) for up in (boroughs, "city")]
    ancestors = pd.concat(above, ignore_index=True)
    sums = reconcile.summing(council.cells, ancestors)
    names = sums.nodes["area"].where(sums.nodes["area"].isin(ancestors["ancestor"]), "board")
    level = names.where(names.isin(["city", "board"]), "borough") + np.where(
        sums.nodes["category"] == ALL, "", " type"
    )
    figures = []
    for length in (36, 39, 42, 45, 48, 51):
        y = reconcile.add(sums, council.y)
        scale = np.maximum((np.diff(y[:, :length]) ** 2).mean(axis=1), 0.25)
        known = Grid(council.cells, council.months[:length], council.y[:, :length])
        up = reconcile.add(sums, theta.predict(Theta(), known, empty(Seasons), 6, 0))
        for name, nodes in sums.nodes.groupby(level):
            at = nodes.index.to_numpy()
            own = Grid(nodes.reset_index(drop=True), known.months, y[at, :length])
            direct = theta.predict(Theta(), own, empty(Seasons), 6, 0)
            missed = [((means - y[at, length : length + 6]) ** 2).mean(axis=1) for means in (up[at], direct)]
            figures.append((name, *(np.sqrt(miss / scale[at]) @ y[at, :length].mean(axis=1) for miss in missed)))
    errors = pd.DataFrame(figures, columns=["level", "up", "direct"]).groupby("level").sum()
    assert set(errors.index) == {"board", "borough", "borough type", "city", "city type"}
    assert (errors["up"] <= 1.05 * errors["direct"]).all(), errors


def city_of(cells: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells of 70 categories, and what lies in what: streets, 16 districts, a city."""
    area, category = np.divmod(np.arange(cells), 70)
    own = pd.Series(np.unique(area))
    ups = ["S" + (own % 340).astype("str"), "D" + (own % 16).astype("str"), "city"]
    ancestors = pd.concat([pd.DataFrame({"area": own.astype("str"), "ancestor": up}) for up in ups])
    return pd.DataFrame({"area": area, "category": category}).astype("str"), ancestors


def test_a_quarter_of_a_million_nodes_add_up() -> None:
    cells, ancestors = city_of(210_000)
    sums = reconcile.summing(cells, ancestors)
    assert len(cells) + len(sums.nodes) > 230_000
    assert reconcile.add(sums, np.full((len(cells), 12), 0.5)).max() == 105_000.0


def test_ten_times_the_cells_cost_at_most_ten_times_as_much() -> None:
    def added(cells: int) -> Callable[[], np.ndarray]:
        city, mean = city_of(cells), np.full((cells, 12), 0.5)
        return lambda: reconcile.add(reconcile.summing(*city), mean)

    few, many = added(2_100), added(21_000)
    few()
    assert work.lines(many) < 11 * work.lines(few)
    assert work.peak(many) < 11 * work.peak(few)
