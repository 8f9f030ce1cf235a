from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import issue, panel, plan_scores
from forecast.forecaster import COMBINATION
from forecast.look import Basis, renamed
from forecast.plan_scores import Known, board, gains, held, known_at, membership, stability
from forecast.playbook import Playbook
from forecast.tables import LISTS, PlanGains, PlanScores, check, conform, empty
from forecast.workplan import Plan
from tests import naive
from tests.forecast.test_backtest import MONTHS, ORIGIN, basis, counts

Array = np.ndarray
ORIGINS = [MONTHS[24], ORIGIN]
PLAN = Plan(min_expected=0.5, slots_per_street=2)

rankings = st.lists(st.integers(0, 4), min_size=1, max_size=7)


def score(table: pd.DataFrame, origins: list[pd.Timestamp] = ORIGINS, plan: Plan = PLAN) -> pd.DataFrame:
    known = basis(table)
    return plan_scores.score(known, forecasts(known, origins), origins, Playbook(), plan)


def forecasts(known: Basis, origins: list[pd.Timestamp]) -> pd.DataFrame:
    issued = [issue.issue(known, origin, review=False).forecasts for origin in origins]
    return pd.concat(issued, ignore_index=True)


def at(table: pd.DataFrame, origin: pd.Timestamp) -> Known:
    known = renamed(basis(table), origin)
    past = panel.grid_at(known.counts, known.areas, origin, known.forecaster.coverage)
    issued = issue.issue(known, origin, review=False).forecasts
    return known_at(past, issued[issued["model"] == COMBINATION], known.areas, known.horizon, PLAN)


def made_up(rng: np.random.Generator, n: int = 6, horizon: int = 3) -> tuple[Known, Array]:
    """Counts so small that lists tie, and what came of them with a month that is not covered."""
    lists = {name: rng.integers(0, 4, (n, horizon)).astype(float) for name in ("plan", "last_year")}
    lists["flat_mean"] = np.repeat(rng.integers(0, 4, (n, 1)).astype(float), horizon, axis=1)
    actual = rng.integers(0, 5, (n, horizon)).astype(float)
    actual[rng.integers(n), rng.integers(horizon)] = np.nan
    cells = pd.DataFrame({"area": [f"a{i}" for i in range(n)], "category": "heat"})
    return Known(ORIGIN, cells, lists, 3), actual


def figures(rows: list[plan_scores.Row]) -> pd.Series:
    table = pd.DataFrame(rows, columns=["origin", "months", "size", "list", "metric", "value"])
    return table.set_index(["months", "size", "list", "metric"])["value"]


@given(rankings, st.data())
def test_a_list_is_the_mean_of_all_ways_to_draw_its_ties(ranking: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(ranking)))
    came = data.draw(st.lists(st.integers(0, 9), min_size=len(ranking), max_size=len(ranking)))
    later = data.draw(st.permutations(ranking))
    listed = membership(np.array(ranking, dtype=float), k)
    assert listed.sum() == pytest.approx(k)
    assert ((listed >= 0) & (listed <= 1)).all()
    assert listed @ np.array(came) == pytest.approx(
        naive.held_by_list([*map(float, ranking)], [*map(float, came)], k)
    )
    both = listed @ membership(np.array(later, dtype=float), k)
    assert both / k == pytest.approx(naive.kept_in_list([*map(float, ranking)], [*map(float, later)], k))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_what_lists_hold_is_that_of_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, (6, 20)).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    origin = int(rng.integers(3, 17))
    past = panel.Grid(pd.DataFrame({"area": [*"abcdef"], "category": "heat"}), MONTHS[:origin], y[:, :origin])
    expected = rng.integers(0, 3, (6, 3)) + 0.5
    known = known_at(past, as_forecasts(past, expected), areas_of(past), 3, PLAN)
    found = figures(held(known, y[:, origin : origin + 3]))
    for months in (1, 3):
        if np.isnan(y[:, origin : origin + months]).any(axis=1).all():
            continue
        k = round(found[months, "20%", "plan", "listed"])
        twin = naive.plan_list(y.tolist(), origin, expected.tolist(), months, k)
        for name in LISTS:
            for metric, value in twin[name].items():
                assert found[months, "20%", name, metric] == pytest.approx(value, nan_ok=True), (name, metric)


def as_forecasts(past: panel.Grid, expected: Array) -> pd.DataFrame:
    row, ahead = (index.ravel() for index in np.indices(expected.shape))
    table = past.cells.iloc[row].reset_index(drop=True)
    return table.assign(horizon=ahead + 1, output="mean", predicted=expected.ravel())


def areas_of(past: panel.Grid) -> pd.DataFrame:
    return pd.DataFrame({"area": past.cells["area"], "level": "community", "parent": "S1"})


@given(st.integers(0, 2**32 - 1))
def test_no_list_holds_more_than_the_oracle(seed: int) -> None:
    table = figures(held(*made_up(np.random.default_rng(seed)))).unstack("list")
    metrics = table.index.get_level_values("metric")
    shares = table[metrics.isin(["share", "of_oracle", "surge", "surge_of_oracle"])].dropna()
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all(axis=None)
    assert (shares.le(shares["oracle"] + 1e-9, axis=0)).all(axis=None)
    whole = table.loc[metrics.isin(["of_oracle", "surge_of_oracle"]), "oracle"].dropna()
    assert whole.to_numpy() == pytest.approx(np.ones(len(whole)))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 4.0, 1024.0]))
def test_shares_do_not_depend_on_the_unit(seed: int, factor: float) -> None:
    known, actual = made_up(np.random.default_rng(seed))
    larger = replace(known, expected={name: factor * each for name, each in known.expected.items()})
    one, other = figures(held(known, actual)), figures(held(larger, factor * actual))
    scaled = one.where(one.index.get_level_values("metric") != "captured", one * factor)
    pd.testing.assert_series_equal(other, scaled)


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_cells_favours_no_list(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known, actual = made_up(rng)
    order = rng.permutation(len(actual))
    turned = Known(
        known.origin, known.cells.iloc[order].reset_index(drop=True),
        {name: each[order] for name, each in known.expected.items()}, known.slots,
    )  # fmt: skip
    pd.testing.assert_series_equal(figures(held(turned, actual[order])), figures(held(known, actual)))


def test_cells_not_covered_are_left_out_and_not_zero() -> None:
    known, actual = made_up(np.random.default_rng(1))
    actual = np.nan_to_num(actual)
    actual[0] = np.nan
    found = figures(held(known, actual))
    without = Known(
        known.origin, known.cells.iloc[1:], {name: each[1:] for name, each in known.expected.items()}, known.slots
    )
    pd.testing.assert_series_equal(found, figures(held(without, actual[1:])))


def test_a_cell_without_last_year_counts_there_with_its_trailing_mean() -> None:
    y = np.full((2, 12), np.nan)
    y[0], y[1, -2:] = np.arange(12), (3, 5)
    past = panel.Grid(pd.DataFrame({"area": ["a", "b"], "category": "heat"}), MONTHS[:12], y)
    known = known_at(past, as_forecasts(past, np.ones((2, 3))), areas_of(past), 3, PLAN)
    assert known.expected["last_year"].tolist() == [[0, 1, 2], [4, 4, 4]]
    assert known.expected["flat_mean"].tolist() == [[5.5] * 3, [4] * 3]
    assert known.slots == 2


def test_a_list_that_does_not_change_is_kept_and_one_that_turns_over_is_not() -> None:
    ranks = np.arange(10.0)[:, None]
    cells = pd.DataFrame({"area": [*"abcdefghij"], "category": "heat"})
    now = {"plan": ranks, "last_year": ranks, "flat_mean": np.ones((10, 1))}
    one = Known(ORIGIN, cells, now, 5)
    found = figures(stability(one, replace(one, expected=now | {"last_year": -ranks})))
    assert found[1, "20%", "plan", "kept"] == found[1, "20%", "plan", "jaccard"] == 1
    assert found[1, "20%", "last_year", "kept"] == 0
    assert found[1, "20%", "flat_mean", "kept"] == pytest.approx(0.2), "two of ten at random, twice"
    gone = replace(one, cells=cells.assign(area=[*"klmnopqrst"]))
    assert figures(stability(one, gone))[1, "slots", "plan", "kept"] == 0


def test_nothing_after_the_origin_shapes_a_list() -> None:
    table = counts()
    late = table["month"] > ORIGIN
    altered = table.assign(orders=table["orders"].where(~late, table["orders"] * 7 + 3))
    one, other = at(table, ORIGIN), at(altered, ORIGIN)
    assert other.cells.equals(one.cells)
    assert all(other.expected[name].tobytes() == one.expected[name].tobytes() for name in one.expected)
    assert tasks(table).to_csv().encode() == tasks(altered).to_csv().encode()
    earlier = at(table.assign(orders=table["orders"].where(late, table["orders"] * 7 + 3)), ORIGIN)
    assert all((earlier.expected[name] != one.expected[name]).any() for name in one.expected)


def tasks(table: pd.DataFrame) -> pd.DataFrame:
    then = renamed(basis(table), ORIGIN)
    issued = issue.issue(then, ORIGIN, review=False).forecasts
    ground = plan_scores.ground_at(then, issued[issued["model"] == COMBINATION], ORIGIN)
    return plan_scores.tasks_at(ground, Playbook(), PLAN, ORIGIN)


def test_the_tasks_chosen_are_scored_over_their_own_windows() -> None:
    table = counts()
    found = score(table, [ORIGIN]).query("size == 'tasks'").set_index(["list", "metric"])["value"].sort_index()
    every = tasks(table)
    keys = every[["area", "category", "first_month", "last_month"]].assign(task=every.index)
    rows = keys.merge(table, on=["area", "category"])
    rows = rows[rows["month"].between(rows["first_month"], rows["last_month"])]
    came = rows.groupby("task")["orders"].sum().reindex(every.index).to_numpy()
    chosen = every["chosen"].to_numpy()
    assert 0 < chosen.sum() < len(every)
    assert (every["first_month"] > ORIGIN).all()
    assert found["plan", "captured"] == came[chosen].sum()
    assert found["plan", "share"] == pytest.approx(came[chosen].sum() / came.sum())
    best = every.assign(came=came).sort_values("came", ascending=False).groupby("street")["came"].head(2)
    assert chosen.sum() == found["oracle", "listed"] == len(best)
    assert found["oracle", "captured"] == best.sum()


def test_the_tables_are_whole_and_a_city_without_forecasts_has_none() -> None:
    table = check(PlanScores, score(counts()))
    assert set(table["months"]) == {0, 1, 3, 6}
    assert set(table["size"]) == {"1%", "5%", "10%", "20%", "slots", "tasks"}
    assert set(table.loc[table["metric"] == "kept", "origin"]) == set(ORIGINS[:-1])
    ahead = check(PlanGains, gains(table))
    lines = board(table, ahead)
    assert lines["model"].tolist() == [f"list: {name}" for name in LISTS]
    assert (lines["of_oracle_10%"] <= 1 + 1e-9).all()
    none = plan_scores.score(basis(counts()), forecasts(basis(counts()), [ORIGIN]).iloc[:0], [], Playbook(), PLAN)
    assert none.empty
    assert gains(none).empty
    assert board(none, gains(none)).empty


def test_origins_of_one_stretch_are_one_witness() -> None:
    origins = pd.date_range("2020-01-01", periods=8, freq="3MS", unit="us")
    ahead = np.array([0.1, 0.1, 0.2, 0.2, 0.0, 0.0, 0.1, 0.1])
    rows = [
        (origin, months, "10%", name, "of_oracle", 0.5 + (gain if name == "plan" else 0.0))
        for months in (6, 24)
        for origin, gain in zip(origins, ahead, strict=True)
        for name in LISTS
    ]
    table = conform(PlanScores, pd.DataFrame(rows, columns=list(PlanScores.to_schema().columns)))
    found = gains(table)
    found = found[found["rival"] == "flat_mean"].set_index("months")
    half, whole = (found.loc[months].to_dict() for months in (6, 24))
    assert (half["blocks"], half["origins"], whole["blocks"]) == (4, 8, 1)
    assert half["difference"] == pytest.approx(0.1)
    reach = 3.18244630528371 * np.std([0.1, 0.2, 0.0, 0.1], ddof=1) / 2
    assert (half["low"], half["high"]) == (pytest.approx(0.1 - reach), pytest.approx(0.1 + reach))
    assert half["ahead_in"] == pytest.approx(0.875)
    assert np.isnan(whole["low"])
    assert gains(empty(PlanScores)).empty
