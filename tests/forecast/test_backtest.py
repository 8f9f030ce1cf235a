from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from forecast import backtest, calibrate, panel, scores
from forecast import issue as live
from forecast.backtest import Backtested
from forecast.errors import ConfigError, DataError, RunError
from forecast.forecaster import COMBINATION, Forecaster
from forecast.issue import Issued
from forecast.look import Basis
from forecast.panel import Grid
from forecast.tables import ALL, Areas, Calibration, Counts, Forecasts, Scores, Seasons, check, conform, empty

MONTHS = pd.date_range("2019-01-01", periods=40, freq="MS", unit="us")
ORIGIN = MONTHS[29]
PARENT = {"city": None, "S1": "city", "S2": "city", "a": "S1", "b": "S1", "c": "S2"}
FAST = Forecaster.model_validate(
    {"models": [{"kind": "seasonal_naive"}, {"kind": "climatology"}], "calibrate": {"past_origins": 3}}
)


def areas(**valid_to: str) -> pd.DataFrame:
    rows = [
        (area, "city" if parent is None else "street" if parent == "city" else "community", parent, area, "")
        for area, parent in PARENT.items()
    ]
    table = pd.DataFrame(rows, columns=["area", "level", "parent", "name", "aliases"])
    return conform(Areas, table.assign(valid_to=pd.to_datetime(table["area"].map(valid_to))))


ANCESTORS = pd.DataFrame(
    [("a", "S1"), ("a", "city"), ("b", "S1"), ("b", "city"), ("c", "S2"), ("c", "city")], columns=["area", "ancestor"]
)


def counts(seed: int = 0, places: str = "abc", months: pd.DatetimeIndex = MONTHS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (area, category, month, int(rng.poisson(level * (1.5 if month.month in (12, 1, 2) else 0.9))))
        for level, area in enumerate(places, start=2)
        for category in ("heat", "noise")
        for month in months
    ]
    table = pd.DataFrame(rows, columns=["area", "category", "month", "orders"])
    return conform(Counts, table.assign(incidents=table["orders"], callers=table["orders"]))


def seasons_at(origin: pd.Timestamp) -> pd.DataFrame:
    return empty(Seasons)


def basis(table: pd.DataFrame, forecaster: Forecaster = FAST, **other: Any) -> Basis:
    return replace(Basis(table, areas(), ANCESTORS, seasons_at, 6, forecaster, 1), **other)


def issue(table: pd.DataFrame, forecaster: Forecaster = FAST, **other: Any) -> Issued:
    origin, progress = other.pop("origin", ORIGIN), other.pop("progress", None)
    return live.issue(basis(table, forecaster, **other), origin, progress)


def look_back(table: pd.DataFrame, forecaster: Forecaster = FAST, **other: Any) -> Backtested:
    origins, rivals = other.pop("origins", [MONTHS[24], ORIGIN]), other.pop("rivals", None)
    return backtest.backtest(basis(table, forecaster, **other), origins, rivals=rivals)


def same(first: Issued, second: Issued) -> bool:
    names = ("forecasts", "calibration", "scores")
    return all(getattr(first, name).to_csv().encode() == getattr(second, name).to_csv().encode() for name in names)


def figure(table: pd.DataFrame, area: str, category: str, output: str = "mean") -> np.ndarray:
    rows = table[(table["area"] == area) & (table["category"] == category) & (table["output"] == output)]
    return rows[rows["model"] == COMBINATION].sort_values("horizon")["predicted"].to_numpy()


def test_the_tables_are_whole() -> None:
    issued = issue(counts())
    forecasts = check(Forecasts, issued.forecasts)
    check(Calibration, issued.calibration)
    check(Scores, issued.scores)
    key = ["model", "origin", "area", "category", "month", "output", "level"]
    assert not forecasts.duplicated(key).any()
    assert set(forecasts["model"]) == {COMBINATION, "seasonal_naive", "climatology"}
    assert set(forecasts["origin"]) == {ORIGIN}
    assert forecasts["month"].min() == MONTHS[30]
    after = (forecasts["month"].dt.year - ORIGIN.year) * 12 + forecasts["month"].dt.month - ORIGIN.month
    assert (forecasts["horizon"] == after).all()
    combined = forecasts[forecasts["model"] == COMBINATION]
    places = combined[["area", "category"]].drop_duplicates()
    assert len(places) == 6 + 3 + 2 * 3 + 3
    assert len(combined) == len(places) * 6 * 9
    members = forecasts[forecasts["model"] != COMBINATION]
    assert set(members["output"]) == {"mean"}
    assert len(members) == 2 * 6 * 6
    assert issued.correlation == calibrate.correlation_in(issued.calibration)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=5)
def test_levels_add_up_and_quantiles_are_ordered_counts(seed: int) -> None:
    table = issue(counts(seed)).forecasts
    for category in ("heat", "noise", ALL):
        assert figure(table, "S1", category) == pytest.approx(
            figure(table, "a", category) + figure(table, "b", category)
        )
        assert figure(table, "city", category) == pytest.approx(
            figure(table, "S1", category) + figure(table, "S2", category)
        )
    assert figure(table, "city", ALL) == pytest.approx(figure(table, "city", "heat") + figure(table, "city", "noise"))
    quantiles = table[table["output"] == "quantile"].sort_values(["area", "category", "month", "level"])
    predicted = quantiles["predicted"].to_numpy()
    assert (predicted == np.floor(predicted)).all()
    assert (predicted >= 0).all()
    assert (np.diff(predicted.reshape(-1, 7)) >= 0).all()


def test_the_combination_is_the_mean_of_its_members() -> None:
    equal = FAST.model_copy(update={"combine": FAST.combine.model_copy(update={"method": "equal"})})
    table = issue(counts(), equal).forecasts
    means = table[(table["output"] == "mean") & (table["area"] == "a") & (table["category"] == "heat")]
    wide = means.pivot(index="month", columns="model", values="predicted")
    assert wide[COMBINATION].to_numpy() == pytest.approx(
        wide[["seasonal_naive", "climatology"]].mean(axis=1).to_numpy()
    )


changes: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "other counts": lambda late: late.assign(orders=late["orders"] * 7 + 3, incidents=0),
    "no rows": lambda late: late.iloc[:0],
    "new cells": lambda late: pd.concat([late, late.assign(category="rain"), late.assign(area="S2")]),
}


@pytest.mark.parametrize("change", changes.values(), ids=changes.keys())
def test_nothing_after_the_origin_enters(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    table = counts()
    late = table["month"] > ORIGIN
    altered = pd.concat([table[~late], change(table[late])], ignore_index=True)
    assert same(issue(table), issue(altered))


def test_what_is_known_at_the_origin_does_enter() -> None:
    table = counts()
    altered = table.copy()
    altered.loc[table["month"] == ORIGIN, "orders"] += 20
    assert not same(issue(table), issue(altered))


def test_a_learning_model_sees_nothing_after_its_origin_either() -> None:
    options = {"kind": "lightgbm", "trees": 5, "least_rows": 50, "least_in_leaf": 5, "threads": 1}
    learner = Forecaster.model_validate(
        {"models": [options], "calibrate": {"past_origins": 2}, "combine": {"method": "rolling"}}
    )
    table = counts()
    altered = table.assign(orders=table["orders"].where(table["month"] <= ORIGIN, 99))
    assert same(issue(table, learner), issue(altered, learner))


def test_seasons_are_asked_for_at_the_origins_alone() -> None:
    asked = []

    def ask(origin: pd.Timestamp) -> pd.DataFrame:
        asked.append(origin)
        return empty(Seasons)

    issue(counts(), seasons_at=ask)
    assert sorted(set(asked)) == [MONTHS[29 - 6], MONTHS[29 - 4], MONTHS[29 - 2], ORIGIN]


def test_a_past_origin_is_scored_on_a_spread_learned_before_it() -> None:
    """Shocks after a past origin change its errors, never the width of its intervals."""
    table = counts()
    shocked = table.copy()
    shocked.loc[(table["month"] > MONTHS[25]) & (table["month"] <= ORIGIN), "orders"] += 30
    found = []
    for one in (table, shocked):
        rows = issue(one).scores
        rows = rows[(rows["origin"] == MONTHS[25]) & (rows["segment"] == "all") & (rows["horizon"] == 0)]
        found.append(rows.set_index("metric")["value"])
    assert found[0]["wis_spread"] == found[1]["wis_spread"]
    assert found[0]["wis_under"] < found[1]["wis_under"]


def test_the_earliest_past_origin_is_scored_on_means_alone() -> None:
    rows = issue(counts()).scores
    rows = rows[(rows["segment"] == "all") & (rows["horizon"] == 0)].pivot(
        index="origin", columns="metric", values="value"
    )
    assert rows.index.tolist() == [MONTHS[23], MONTHS[25], MONTHS[27]]
    assert rows["wspl"].isna().tolist() == [True, False, False]
    assert rows["wape"].notna().all()


def test_a_model_that_is_never_wrong_is_seen_to_be_so() -> None:
    table = counts()
    table["orders"] = 3 + table["month"].dt.month * (1 + (table["area"] == "a"))
    naive = Forecaster.model_validate({"models": [{"kind": "seasonal_naive"}]})
    issued = issue(table, naive)
    figures = issued.scores.set_index("metric")["value"]
    assert (figures[["bias", "rmsse", "wrmsse"]] == 0).all()
    assert (figures[["capture", "precision", "lift"]] == 1).all()
    mean, variance = (figure(issued.forecasts, "city", ALL, output) for output in ("mean", "variance"))
    assert ((variance - mean) / mean**2 < 0.05).all()


def test_the_same_input_gives_the_same_bytes_in_any_order_of_rows() -> None:
    table = counts()
    assert same(issue(table), issue(table.sample(frac=1, random_state=3)))


def test_a_backtest_issues_what_the_job_would_have_issued() -> None:
    found = look_back(counts())
    for origin in (MONTHS[24], ORIGIN):
        now = issue(counts(), origin=origin).forecasts
        past = found.forecasts[(found.forecasts["origin"] == origin) & found.forecasts["model"].isin(now["model"])]
        pd.testing.assert_frame_equal(now, past.reset_index(drop=True))


def test_a_backtest_scores_every_model_and_its_baselines() -> None:
    alone = Forecaster.model_validate({"models": [{"kind": "climatology"}], "calibrate": {"past_origins": 2}})

    def mean(grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
        return np.repeat(np.nanmean(grid.y, axis=1)[:, None], horizon, axis=1)

    found = look_back(counts(), alone, rivals={"mine": mean})
    models = {COMBINATION, "climatology", "seasonal_naive", "mine"}
    assert set(found.leaderboard["model"]) == models
    assert set(found.forecasts["model"]) == models
    assert found.leaderboard["wspl"].is_monotonic_increasing
    assert found.leaderboard[["wspl", "wape", "bias", "pit"]].notna().all(axis=None)
    by_model = found.leaderboard.set_index("model")
    assert by_model["wape"][COMBINATION] == by_model["wape"]["climatology"]


def test_scores_of_a_backtest_follow_from_its_forecasts_and_the_panel() -> None:
    table = counts()
    written = look_back(table, FAST.model_copy(update={"member_quantiles": True}))
    cells = written.scores[~written.scores["segment"].str.match("level=|total=|zone=")]
    truth = panel.build(table, areas(), MONTHS[-1], FAST.coverage)
    again = scores.score(written.forecasts, truth, seed=1)
    order = ["model", "origin", "segment", "horizon", "metric"]
    expected, found = (one.sort_values(order, ignore_index=True) for one in (cells, again))
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(written.scores, look_back(table).scores)


def test_orders_placed_on_a_street_count_once_in_every_total() -> None:
    table = pd.concat([counts(), counts(5, "c").assign(area="S1")], ignore_index=True)
    forecasts = issue(table).forecasts
    key = ["model", "area", "category", "month", "output", "level"]
    assert not forecasts.duplicated(key).any()
    both = figure(forecasts, "a", "heat") + figure(forecasts, "b", "heat")
    assert (figure(forecasts, "S1", "heat") > both).all()
    assert figure(forecasts, "city", "heat") == pytest.approx(
        figure(forecasts, "S1", "heat") + figure(forecasts, "S2", "heat")
    )
    scored = look_back(table)
    assert (scored.leaderboard["wape"] < 1).all()


def test_an_area_that_is_no_more_is_not_forecast() -> None:
    forecasts = issue(counts(), areas=areas(b=f"{ORIGIN + pd.offsets.MonthEnd():%Y-%m-%d}")).forecasts
    assert "b" not in set(forecasts["area"])
    assert figure(forecasts, "S1", "heat") == pytest.approx(figure(forecasts, "a", "heat"))


@pytest.mark.parametrize("length", [1, 3, 7])
def test_a_short_history_is_forecast_from_the_prior(length: int) -> None:
    early = counts()
    issued = issue(early[early["month"] >= MONTHS[30 - length]])
    assert issued.scores.empty
    assert issued.correlation == 0.0
    spread = figure(issued.forecasts, "a", "heat", "variance")
    mean = figure(issued.forecasts, "a", "heat")
    growth = (np.arange(1, 7) / 4) ** FAST.calibrate.growth
    assert spread == pytest.approx(mean + FAST.calibrate.prior_dispersion * growth * mean**2)


def test_one_cell_and_a_city_of_zeros_are_forecast() -> None:
    one = counts(places="a")
    one = one[one["category"] == "heat"]
    assert len(issue(one).forecasts)
    zero = issue(counts().assign(orders=0, incidents=0, callers=0)).forecasts
    assert (zero["predicted"] < 1e-6).all()


def test_progress_is_told_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    issue(counts(), progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 8) for n in range(1, 9)]


def test_no_request_up_to_the_origin_is_an_error() -> None:
    with pytest.raises(DataError, match="no request"):
        issue(counts(), origin=pd.Timestamp("2018-12-01"))
    with pytest.raises(DataError, match="no request"):
        look_back(counts().iloc[:0])
    with pytest.raises(DataError, match="areas"):
        issue(counts(), areas=areas(a="2018-01-01", b="2018-01-01", c="2018-01-01"))


def test_areas_valid_only_of_late_have_no_past_to_learn_from() -> None:
    new = areas()
    new["valid_from"] = MONTHS[28]
    issued = issue(counts(), areas=new)
    assert issued.scores.empty
    assert len(issued.forecasts)


@pytest.mark.parametrize("wrong", [np.nan, -1.0, np.inf])
def test_figures_that_are_no_forecast_are_refused(wrong: float) -> None:
    def broken(grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
        return np.full((len(grid.cells), horizon), wrong)

    with pytest.raises(RunError, match="broken"):
        look_back(counts(), rivals={"broken": broken})


@pytest.mark.parametrize("name", [COMBINATION, "climatology"])
def test_a_rival_may_not_take_the_name_of_another_model(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        look_back(counts(), rivals={name: lambda grid, seasons, horizon, seed: np.zeros((1, 1))})


def test_without_a_word_all_models_are_members() -> None:
    twice = Forecaster.model_validate({"models": [{"kind": "climatology"}, {"kind": "climatology", "discount": 0.9}]})
    assert twice.combine.members == ("climatology", "climatology_2")
    assert set(issue(counts(), twice).forecasts["model"]) == {COMBINATION, "climatology", "climatology_2"}
    assert Forecaster.model_validate(twice.model_dump(mode="json")) == twice
    assert Forecaster().combine.members == ("lightgbm", "theta", "theta_2", "ets")
    assert [model.kind for model in Forecaster().models] == ["lightgbm", "theta", "theta", "ets"]


def test_a_member_must_be_a_model() -> None:
    with pytest.raises(ValidationError, match="names prophet"):
        Forecaster.model_validate({"models": [{"kind": "climatology"}], "combine": {"members": ["prophet"]}})


def test_a_model_outside_the_combination_is_written_but_not_combined() -> None:
    options = {
        "models": [{"kind": "seasonal_naive"}, {"kind": "climatology"}],
        "combine": {"members": ["climatology"]},
    }
    table = issue(counts(), Forecaster.model_validate(options)).forecasts
    means = table[(table["output"] == "mean") & (table["area"] == "a") & (table["category"] == "heat")]
    wide = means.pivot(index="month", columns="model", values="predicted")
    assert (wide[COMBINATION] == wide["climatology"]).all()
    assert (wide["seasonal_naive"] != wide["climatology"]).any()


def test_levels_and_zones_are_scored() -> None:
    """By hand from the written sums: every cell is covered, so a sum is scored as it was issued."""
    table, tree = counts(), areas()
    tree["zone"] = tree["area"].map({"S1": "old town"})
    found = look_back(table, areas=tree)
    segments = set(found.scores["segment"])
    assert {
        "level=community",
        "level=street",
        "level=city",
        "total=community",
        "total=street",
        "total=city",
    } <= segments
    assert "level=district" not in segments
    assert {"zone=old town", "zone=S2"} <= segments
    zones = found.scores[found.scores["segment"].str.startswith("zone=")]
    assert set(zones["horizon"]) == {0}
    for segment, places, category in (("total=city", {"city"}, ALL), ("total=street", {"S1", "S2"}, ALL)):
        miss = came = 0.0
        rows = found.forecasts[found.forecasts["area"].isin(places) & (found.forecasts["category"] == category)]
        median = rows[(rows["level"] == 0.5) & (rows["origin"] == ORIGIN)]
        below = {place: [area for area in "abc" if place in (PARENT[area], "city")] for place in places}
        for row in median.to_dict("records"):
            actual = table[table["area"].isin(below[row["area"]]) & (table["month"] == row["month"])]["orders"].sum()
            miss, came = miss + abs(actual - row["predicted"]), came + actual
        scored = found.scores[(found.scores["segment"] == segment) & (found.scores["origin"] == ORIGIN)]
        scored = scored[(scored["metric"] == "wape") & (scored["horizon"] == 0)]
        one = scored.set_index("model")["value"]
        assert one[COMBINATION] == pytest.approx(miss / came)
        assert one.notna().all()
        assert len(one) == 3


def test_a_sum_is_scored_over_what_was_covered() -> None:
    """An area that is not heard of any more leaves the sums on both sides."""
    table = counts()
    silent = table[~((table["area"] == "c") & (table["month"] > ORIGIN))]
    tree = areas(c=f"{ORIGIN + pd.DateOffset(months=1) + pd.offsets.MonthEnd():%Y-%m-%d}")
    found = look_back(silent, areas=tree, origins=[ORIGIN])
    rows = found.scores[(found.scores["segment"] == "total=city") & (found.scores["model"] == COMBINATION)]
    bias = rows[rows["metric"] == "bias"].set_index("horizon")["value"]
    means = figure(found.forecasts, "S1", ALL)
    totals = table[table["area"].isin(["a", "b"])].groupby("month")["orders"].sum()
    came = totals[totals.index > ORIGIN].head(6).to_numpy()
    assert bias.loc[2:6].to_numpy() == pytest.approx((means / came - 1)[1:])


def test_origins_may_be_looked_at_apart() -> None:
    table = counts()
    parts = [backtest.at_origin(basis(table), origin) for origin in (MONTHS[24], ORIGIN)]
    apart, whole = backtest.together(parts, 1), look_back(table)
    for name in whole.__dataclass_fields__:
        pd.testing.assert_frame_equal(getattr(apart, name), getattr(whole, name))
    nothing = backtest.together([], 1)
    assert all(getattr(nothing, name).empty for name in nothing.__dataclass_fields__)


def test_a_backtest_compares_the_combination_with_every_other_model() -> None:
    found = look_back(counts())
    assert set(found.comparisons["rival"]) == {"seasonal_naive", "climatology"}
    assert set(found.comparisons["model"]) == {COMBINATION}
    wape = found.comparisons[found.comparisons["metric"] == "wape"].set_index("rival")
    board = found.leaderboard.set_index("model")["wape"]
    for rival in wape.index:
        assert wape["ratio"][rival] == pytest.approx(board[COMBINATION] / board[rival])
        assert wape["low"][rival] <= wape["ratio"][rival] <= wape["high"][rival]
    shares = found.reliability[(found.reliability["level"] == 1) & (found.reliability["segment"] == "all")]
    assert (shares["share"] == 1).all()
    assert (shares["n"] == 2 * 6 * 6).all()


@pytest.mark.parametrize("horizon", [12, 18])
def test_long_horizons(horizon: int) -> None:
    options = {"kind": "lightgbm", "trees": 5, "least_rows": 50, "least_in_leaf": 5, "threads": 1}
    light = Forecaster.model_validate(
        {"models": [options, {"kind": "climatology"}], "calibrate": {"past_origins": 2}}
    )
    found = look_back(counts(), light, origins=[MONTHS[39 - horizon]], horizon=horizon)
    assert set(found.scores["horizon"]) == set(range(horizon + 1))
    assert found.leaderboard[["wspl", "wape", "crps", "pit", "capture"]].notna().all(axis=None)
