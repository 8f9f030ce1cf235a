from math import isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import live, negbin
from forecast.live import LiveOptions
from forecast.scores import INTERVALS
from forecast.tables import ALL, Areas, Drift, Forecasts, LiveScores, Panel, check, conform
from tests.naive import live as naive

SPEC = LiveOptions()
ORIGIN = pd.Timestamp("2022-06-01").as_unit("us")
HORIZON = 3
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
PLACES = {"C": None, "S1": "C", "S2": "C", "a": "S1", "b": "S1", "c": "S2", "d": "S2"}
CATEGORIES = ("heat", "lift", "noise")
CELLS = [(area, category) for area in "abcd" for category in CATEGORIES]


def month(ahead: int) -> pd.Timestamp:
    return (ORIGIN + pd.DateOffset(months=ahead)).as_unit("us")


def areas() -> pd.DataFrame:
    level = {1: "community", 2: "street"}
    rows = [
        {"area": area, "parent": parent, "name": area, "aliases": "", "level": level.get(len(area), "community")}
        for area, parent in PLACES.items()
    ]
    frame = conform(Areas, pd.DataFrame(rows))
    return frame.assign(level=frame["level"].where(frame["area"] != "C", "city"))


def above(area: str) -> list[str]:
    parent = PLACES[area]
    return [area] if parent is None else [area, *above(parent)]


def sums(cells: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Cells and all sums of them."""
    found: dict[tuple[str, str], float] = {}
    for (area, category), figure in cells.items():
        for place in above(area):
            for kind in (category, ALL):
                found[place, kind] = found.get((place, kind), 0.0) + figure
    return found


def issued(mean: dict[tuple[str, str], float], times: float = 1.6, horizon: int = HORIZON) -> pd.DataFrame:
    """Forecasts of cells and sums, the same every month; variance = `times` x mean."""
    rows = []
    every = sums(mean)
    figures = np.array(list(every.values()))
    for ((area, category), mu), quantiles in zip(
        every.items(), negbin.quantile(figures, times * figures, np.array(LEVELS)), strict=True
    ):
        outputs = [("mean", np.nan, mu), ("variance", np.nan, times * mu)]
        outputs += [("quantile", level, float(q)) for level, q in zip(LEVELS, quantiles, strict=True)]
        rows += [
            ("combination", ORIGIN, area, category, month(h), h, *output)
            for h in range(1, horizon + 1)
            for output in outputs
        ]
    return conform(Forecasts, pd.DataFrame(rows, columns=list(Forecasts.to_schema().columns)))


def panel_of(came: dict[tuple[str, str, int], float]) -> pd.DataFrame:
    rows = [(area, category, month(h), n, n, n) for (area, category, h), n in came.items()]
    return conform(Panel, pd.DataFrame(rows, columns=["area", "category", "month", "orders", "incidents", "callers"]))


def world(seed: int, lost: float = 0.0) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str, int], float]]:
    """Means of the cells, and counts of three months; a part of them lost."""
    rng = np.random.default_rng(seed)
    mean = {cell: float(rng.choice([0.1, 2.0, 30.0])) for cell in CELLS}
    came = {(*cell, h): float(rng.poisson(mu)) for cell, mu in mean.items() for h in (1, 2, 3)}
    return mean, {key: n for key, n in came.items() if rng.random() >= lost}


def scored(seed: int, lost: float = 0.0, known: int = HORIZON) -> pd.DataFrame:
    mean, came = world(seed, lost)
    return live.score(issued(mean), areas(), panel_of(came), month(known))


def row(table: pd.DataFrame, segment: str, ahead: int) -> pd.Series:
    return table[(table["segment"] == segment) & (table["month"] == month(ahead))].iloc[0]


@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_cells_are_scored_as_by_hand(lost: float) -> None:
    mean, came = world(3, lost)
    table = scored(3, lost)
    members = {
        "all": CELLS,
        "category=lift": [cell for cell in CELLS if cell[1] == "lift"],
        "street=S2": [cell for cell in CELLS if cell[0] in "cd"],
    }
    for segment, cells in members.items():
        for h in (1, 3):
            now = {cell: came[(*cell, h)] for cell in cells if (*cell, h) in came}
            found = row(table, segment, h)
            for name, (low, high) in INTERVALS.items():
                said = {}
                for cell in cells:
                    at = [naive.quantile(level, mean[cell], 1.6 * mean[cell]) for level in (0.5, low, high)]
                    said[cell] = (mean[cell], at[0], at[1], at[2])
                n, expected, observed, wape, bias, inside = naive.cell_figures(said, now)
                assert (found["cells"], found[name]) == (n, pytest.approx(inside))
                assert (found["wape"], found["bias"]) == (pytest.approx(wape), pytest.approx(bias))
                assert (found["expected"], found["observed"]) == (pytest.approx(expected), pytest.approx(observed))


def test_a_sum_is_held_against_its_own_spread() -> None:
    mean, came = world(1)
    found = row(scored(1), "street=S1", 2)
    mu = sum(figure for (area, _), figure in mean.items() if area in "ab")
    y = sum(n for (area, _, h), n in came.items() if area in "ab" and h == 2)
    assert found["sd"] == pytest.approx(sqrt(1.6 * mu))
    assert found["z"] == pytest.approx((y - mu) / sqrt(1.6 * mu))
    assert found["low80"] == naive.quantile(0.1, mu, 1.6 * mu)
    assert found["high80"] == naive.quantile(0.9, mu, 1.6 * mu)


def test_a_sum_covered_in_part_is_held_against_that_part() -> None:
    mean = dict.fromkeys(CELLS, 10.0)
    came = {(*cell, 1): 10.0 for cell in CELLS if cell[0] != "a"}
    table = live.score(issued(mean), areas(), panel_of(came), month(1))
    city = row(table, "all", 1)
    assert (city["cells"], city["expected"], city["observed"], city["z"]) == (9, 90, 90, 0)
    assert city["sd"] == pytest.approx(sqrt(1.6 * 120 * 0.75))
    assert city["low80"] == naive.quantile(0.1, 90, 1.6 * 90)
    came = {(*cell, 1): 10.0 for cell in CELLS if cell == ("a", "heat")}
    table = live.score(issued(mean), areas(), panel_of(came), month(1))
    few = row(table, "all", 1)
    assert few["cells"] == 1
    assert few[["sd", "z", "low80", "high80"]].isna().all()
    assert live.drift(table, SPEC).query("segment == 'all'").empty


def test_a_cell_nobody_forecast_changes_nothing_and_one_not_covered_is_no_zero() -> None:
    mean, came = world(5)
    base = live.score(issued(mean), areas(), panel_of(came), month(3))
    more = came | {("a", "new", h): 50.0 for h in (1, 2, 3)} | {("z", "heat", 1): 9.0}
    assert live.score(issued(mean), areas(), panel_of(more), month(3)).equals(base)
    without = {key: n for key, n in came.items() if key[0] != "a"}
    left = live.score(issued({c: mu for c, mu in mean.items() if c[0] != "a"}), areas(), panel_of(without), month(3))
    table = live.score(issued(mean), areas(), panel_of(without), month(3))
    names = ["segment", "cells", "observed", "wape", "bias", "coverage_80"]
    ours, theirs = (each[each["segment"].str.startswith(("all", "category"))][names] for each in (table, left))
    pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True))


def test_orders_on_a_street_itself_count_in_its_sums() -> None:
    mean = dict.fromkeys(CELLS, 10.0)
    came = {(*cell, 1): 10.0 for cell in CELLS} | {("S1", "heat", 1): 7.0}
    table = live.score(issued(mean), areas(), panel_of(came), month(1))
    observed = table.set_index("segment")["observed"]
    assert observed[["all", "category=heat", "street=S1", "street=S2"]].tolist() == [127, 47, 67, 60]
    assert row(table, "all", 1)["cells"] == 12


def test_levels_hold_their_areas_by_category() -> None:
    table = scored(2)
    cells = table[table["month"] == month(1)].set_index("segment")["cells"]
    assert cells[[f"level={name}" for name in ("community", "street", "city")]].tolist() == [12, 6, 3]
    assert table.loc[table["segment"].str.startswith("level"), ["z", "sd", "low80"]].isna().all(axis=None)


def test_quantiles_that_were_not_issued_are_no_coverage() -> None:
    mean, came = world(2)
    rows = issued(mean)
    bare = live.score(rows[~rows["level"].isin([0.025])], areas(), panel_of(came), month(1))
    assert bare["coverage_95"].isna().all()
    assert bare["coverage_80"].notna().all()
    means = live.score(rows[rows["output"] == "mean"], areas(), panel_of(came), month(1))
    assert means[["z", "sd", "coverage_80"]].isna().all(axis=None)
    assert means["wape"].notna().all()
    assert live.drift(means, SPEC).empty


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.9]), st.integers(1, 3))
def test_what_always_holds(seed: int, lost: float, known: int) -> None:
    table = check(LiveScores, scored(seed, lost, known))
    assert (table["month"] <= month(known)).all()
    assert (table["horizon"] == (table["month"].dt.month - ORIGIN.month)).all()
    assert (table["coverage_50"] <= table["coverage_80"]).all()
    assert (table["coverage_80"] <= table["coverage_95"]).all()
    whole = table[table["segment"] == "all"].set_index("month")["cells"]
    for family in ("category=", "street=", "level=community"):
        parts = table[table["segment"].str.startswith(family)].groupby("month")["cells"].sum()
        assert parts.equals(whole) or (parts == whole).all()


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_nothing_after_the_origin_is_looked_at(seed: int, known: int) -> None:
    mean, came = world(seed)
    later = {key: (n if key[2] <= known else n * 9 + 5) for key, n in came.items()}
    rows = issued(mean)
    other = rows.assign(predicted=rows["predicted"].where(rows["horizon"] <= known, 1e6))
    base = live.score(rows, areas(), panel_of(came), month(known))
    assert live.score(other, areas(), panel_of(later), month(known)).equals(base)


@pytest.mark.parametrize("what", ["forecasts", "panel", "nothing in common"])
def test_nothing_to_score_is_an_empty_table(what: str) -> None:
    mean, came = world(0)
    forecasts, panel = issued(mean), panel_of(came)
    panel = panel.assign(area="x" + panel["area"]) if what == "nothing in common" else panel
    forecasts = forecasts.head(0) if what == "forecasts" else forecasts
    table = live.score(forecasts, areas(), panel.head(0) if what == "panel" else panel, month(3))
    assert table.empty
    assert live.drift(check(LiveScores, table), SPEC).empty


@pytest.mark.parametrize("expected", [0.0, 0.02, 0.7, 3.0, 40.0])
@pytest.mark.parametrize("times", [1.0, 1.7, 6.0])
def test_normal_scores_are_those_added_up_by_hand(expected: float, times: float) -> None:
    counts = np.array([0, 1, 2, 5, 30, 45])
    mean, sd = np.full(counts.shape, expected), np.full(counts.shape, sqrt(times * expected))
    found = live.normal_score(counts.astype(float), mean, sd)
    by_hand = [naive.normal_score(int(n), expected, times * expected) for n in counts]
    inner = np.abs(by_hand) < 7
    assert found[inner] == pytest.approx(np.array(by_hand)[inner], abs=1e-5)
    assert (np.abs(found[~inner]) > 6).all()


def history(z: np.ndarray, expected: float = 400.0) -> pd.DataFrame:
    """LiveScores of sums with these standard scores, (T, S); the segments are the city and then categories."""
    rows = []
    for t, scores in enumerate(z):
        for s, score in enumerate(scores):
            if not isnan(score):
                y = max(round(expected + score * sqrt(expected)), 0)
                segment = f"category=k{s}" if s else "all"
                figures = {"cells": 5, "expected": expected, "observed": float(y), "sd": sqrt(expected), "z": score}
                rows.append({"issued": month(t - 1), "month": month(t), "horizon": 1, "segment": segment} | figures)
    return conform(LiveScores, pd.DataFrame(rows, columns=list(LiveScores.to_schema().columns)))


@given(st.integers(0, 10_000), st.floats(0.05, 1.0))
def test_the_chart_is_the_one_drawn_by_hand(seed: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(rng.choice([0, 1.5]), 1, (9, 3))
    z[rng.random(z.shape) < 0.2] = np.nan
    z[:, 1] = rng.normal(0, 1, 9)  # both families are there in every month
    table = live.drift(history(z), LiveOptions(smoothing=weight, false_alarms=0.2))
    for segment in ("all", "category=k1", "category=k2"):
        rows = table[table["segment"] == segment]
        drawn = np.full(9, np.nan)
        drawn[[list(map(month, range(9))).index(at) for at in rows["month"]]] = rows["z"]
        for bound in rows["z_limit"].unique():
            assert bound in [pytest.approx(naive.limit(0.2, f, m)) for f in (1, 2) for m in (1, 2)]
        if rows["z_limit"].nunique() == 1:
            by_hand = naive.chart(list(drawn), float(rows["z_limit"].iloc[0]), weight)
            assert rows["ewma"].tolist() == pytest.approx([ewma for ewma, *_ in by_hand])
            assert rows["limit"].tolist() == pytest.approx([bound for _, bound, *_ in by_hand])
            assert rows["alarm"].tolist() == [alarm for *_, alarm, _ in by_hand]
            since = [None if first is None else month(first) for *_, first in by_hand]
            assert [None if pd.isna(at) else at for at in rows["since"]] == since


@given(st.integers(0, 10_000))
def test_what_always_holds_of_a_chart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 3, (12, 4))
    z[rng.random(z.shape) < 0.5] = np.nan
    table = check(Drift, live.drift(history(z), SPEC))
    assert len(table) == int((~np.isnan(z)).sum())
    assert (table["alarm"] == (table["far"] | table["lasting"])).all()
    assert (table["since"].notna() == table["alarm"]).all()
    assert (table.loc[table["alarm"], "since"] <= table.loc[table["alarm"], "month"]).all()
    assert (table.loc[table["months"] == 1, "lasting"] == 0).all()
    mirrored = live.drift(history(-z), SPEC)
    assert (mirrored["months"].to_numpy() == table["months"].to_numpy()).all()


@given(st.integers(0, 11), st.floats(-20, 20))
def test_one_month_alone_never_looks_lasting(at: int, score: float) -> None:
    z = np.zeros((12, 1))
    z[at, 0] = score
    table = live.drift(history(z), SPEC)
    assert not table["lasting"].any()
    assert table["far"].sum() == (abs(table["z"]) > table["z_limit"]).sum() <= 1


def test_months_that_are_missing_raise_no_alarm_and_do_not_move_the_chart() -> None:
    z = np.full((10, 2), np.nan)
    z[[0, 1, 9], 0] = [0.5, -0.5, 0.2]
    z[:, 1] = 0.0
    table = live.drift(history(z), SPEC).query("segment == 'all'")
    close = live.drift(history(z[[0, 1, 9]]), SPEC).query("segment == 'all'")
    assert not table["alarm"].any()
    assert table["months"].tolist() == [1, 2, 3]
    assert table["ewma"].tolist() == close["ewma"].tolist()


def test_more_segments_need_more_to_be_called() -> None:
    few, many = (live.drift(history(np.zeros((1, n))), SPEC).set_index("segment")["z_limit"] for n in (2, 40))
    assert many["category=k1"] > few["category=k1"]
    assert many["all"] == few["all"]  # the city is not drowned out by its parts


def test_a_month_forecast_only_from_afar_is_no_month_of_the_chart() -> None:
    table = history(np.full((4, 1), 6.0))
    assert live.drift(table.assign(horizon=2), SPEC).empty


@pytest.mark.parametrize("expected", [1e-6, 0.01, 0.5])
def test_a_request_or_two_where_next_to_none_were_expected_raise_no_alarm(expected: float) -> None:
    table = history(np.zeros((6, 5)), 1.0)
    table = table.assign(expected=expected, sd=sqrt(expected), observed=[float(n % 3) for n in range(30)])
    assert not live.drift(table, SPEC)["alarm"].any()
    assert live.drift(table.assign(observed=30.0), SPEC)["alarm"].all()


def test_a_lasting_change_is_dated_by_its_first_month() -> None:
    z = np.array([[-0.5, 0.4, -0.5, -0.3, 2.0, 2.0, 2.0, 2.0]]).T
    table = live.drift(history(z), SPEC)
    assert table["lasting"].tolist() == [False] * 6 + [True] * 2
    assert set(table["since"].dropna()) == {month(4)}


def simulated(seed: int, shift: float, months: int = 12, begins: int = 4) -> pd.DataFrame:
    """Right forecasts of a city with 4 streets and 6 categories; from month `begins` on counts are `shift` times."""
    rng = np.random.default_rng(seed)
    names = ["all", *(f"category=k{k}" for k in range(6)), *(f"street=s{s}" for s in range(4))]
    size = np.array([2000.0, *(2000 / 6,) * 6, *(500.0,) * 4])
    sd = 0.06 * size + np.sqrt(size)
    rows = []
    for t in range(months):
        mean = size * (shift if t >= begins else 1)
        variance = sd**2 - size
        rate = rng.gamma(size**2 / variance, variance / size**2)
        y = rng.poisson(mean * rate)
        frame = pd.DataFrame({"segment": names, "expected": size, "sd": sd, "observed": y.astype(float), "cells": 9})
        rows.append(frame.assign(issued=month(t - 1), month=month(t), horizon=1, z=(y - size) / sd))
    return conform(LiveScores, pd.concat(rows, ignore_index=True))


def test_a_planted_shift_is_called_and_where_none_is_nothing_is() -> None:
    for seed in range(5):
        assert not live.drift(simulated(seed, 1.0), SPEC).query("segment == 'all'")["alarm"].any()
        shifted = live.drift(simulated(seed, 1.4), SPEC).query("segment == 'all'")
        assert shifted["alarm"].tolist()[-1]
        assert shifted["since"].iloc[-1] <= month(4)
        assert not shifted["alarm"].iloc[:4].any()
        assert shifted["ewma"].iloc[-1] > 0


def test_alarms_are_as_rare_as_was_said() -> None:
    quiet = [live.drift(simulated(seed, 1.0, months=6), LiveOptions(false_alarms=0.2)) for seed in range(60)]
    months = [alarm for table in quiet for alarm in table.groupby("month")["alarm"].any()]
    assert 0.05 < np.mean(months) < 0.25
