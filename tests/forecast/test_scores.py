from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast import negbin, scores
from forecast.scores import Case
from forecast.tables import Forecasts, Panel, Scores, check, conform, empty
from tests import naive

LEVELS = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])
ORIGIN = pd.Timestamp("2021-12-01")
HORIZON = 4


def case(seed: int = 0, cells: int = 30, past: int = 24, gaps: float = 0.1, model: str = "combination") -> Case:
    """A model that is somewhat wrong about a city with gaps."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(0.7, 8.0, cells)[:, None]
    y = rng.poisson(level * rng.gamma(4.0, 0.25, (cells, past + HORIZON))).astype(float)
    y[rng.random(y.shape) < gaps] = np.nan
    mean = level * rng.gamma(9.0, 1 / 9, (cells, HORIZON))
    variance = mean + 0.4 * mean**2
    names = pd.DataFrame(
        {"area": [f"a{i // 2:02}" for i in range(cells)], "category": ["heat", "rain"] * (cells // 2)}
    )
    quantiles = negbin.quantile(mean, variance, LEVELS).astype(float)
    return Case(model, ORIGIN, names.astype("str"), y[:, :past], y[:, past:], mean, variance, quantiles, LEVELS)


def tables(*given: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same as Forecasts and Panel."""
    rows, panel = [], []
    for one in given:
        months = pd.date_range(ORIGIN, periods=HORIZON + 1, freq="MS")[1:]
        for i, (area, category) in enumerate(one.cells.itertuples(index=False)):
            for h, month in enumerate(months):
                assert one.variance is not None
                assert one.quantiles is not None
                outputs = [("mean", np.nan, one.mean[i, h]), ("variance", np.nan, one.variance[i, h])]
                outputs += [("quantile", p, q) for p, q in zip(LEVELS, one.quantiles[i, h], strict=True)]
                key = (one.model, ORIGIN, area, category, month, h + 1)
                rows += [(*key, *output) for output in outputs]
    y = np.concatenate([given[0].past, given[0].actual], axis=1)
    months = pd.date_range(end=months[-1], periods=y.shape[1], freq="MS")
    for i, (area, category) in enumerate(given[0].cells.itertuples(index=False)):
        panel += [(area, category, m, int(n), 0, 0) for m, n in zip(months, y[i], strict=True) if not np.isnan(n)]
    forecasts = conform(Forecasts, pd.DataFrame(rows, columns=list(Forecasts.to_schema().columns)))
    return forecasts, conform(Panel, pd.DataFrame(panel, columns=list(Panel.to_schema().columns)))


def figures(table: pd.DataFrame, segment: str = "all", horizon: int = 0) -> dict[str, float]:
    rows = table[(table["segment"] == segment) & (table["horizon"] == horizon)]
    return dict(zip(rows["metric"], rows["value"], strict=True))


@pytest.mark.parametrize(("seed", "gaps", "past"), [(0, 0.0, 36), (1, 0.1, 24), (2, 0.3, 15)])
def test_scores_are_those_of_the_slow_twin(seed: int, gaps: float, past: int) -> None:
    one = case(seed, gaps=gaps, past=past)
    y = np.concatenate([one.past, one.actual], axis=1)
    assert one.quantiles is not None
    assert one.variance is not None
    expected = naive.scores(y.tolist(), past, one.mean.tolist(), one.quantiles.tolist(), LEVELS.tolist())
    spread = zip(one.actual.ravel(), one.mean.ravel(), one.variance.ravel(), strict=True)
    ranked = [naive.negbin_crps(int(a), m, v, int(a + 15 * m) + 60) for a, m, v in spread if a >= 0]
    expected["crps"] = sum(ranked) / len(ranked)
    found = figures(scores.measure(one))
    assert set(found) == set(expected) | {"pit"}
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value, rel=1e-9), metric


@pytest.mark.parametrize("seed", [0, 1])
def test_a_segment_and_a_horizon_are_scored_as_if_alone(seed: int) -> None:
    one = case(seed)
    table = scores.measure(one)
    rain = (one.cells["category"] == "rain").to_numpy()
    assert one.quantiles is not None
    assert one.variance is not None
    part = replace(
        one,
        cells=one.cells[rain],
        past=one.past[rain],
        actual=one.actual[rain, :1],
        mean=one.mean[rain, :1],
        variance=one.variance[rain, :1],
        quantiles=one.quantiles[rain, :1],
    )
    alone, found = figures(scores.measure(part)), figures(table, "category=rain", 1)
    assert alone.pop("pit") != found.pop("pit")
    assert found == pytest.approx(alone)
    assert set(table["segment"]) == {
        "all", "category=heat", "category=rain", "volume=low", "volume=mid", "volume=high",
    }  # fmt: skip


def test_of_many_categories_only_the_largest_are_scored_apart() -> None:
    one = case(cells=60)
    codes = [f"c{n:02}" for n in range(60)]
    named = replace(one, cells=one.cells.assign(category=codes))
    segments = {name for name in scores.measure(named)["segment"] if name.startswith("category=")}
    asked = np.nansum(one.past[:, -12:], axis=1)
    largest = np.argsort(-asked, kind="stable")[: scores.MOST_PARTS]
    assert segments == {f"category={codes[n]}" for n in largest}


def test_the_tables_and_the_arrays_give_the_same_scores() -> None:
    one = case(0)
    worse = replace(one, model="worse", mean=one.mean * 2, variance=None, quantiles=None)
    expected = pd.concat([scores.measure(one), scores.measure(worse)], ignore_index=True)
    forecasts, panel = tables(one, replace(one, model="worse", mean=one.mean * 2))
    forecasts = forecasts[(forecasts["model"] == "combination") | (forecasts["output"] == "mean")]
    sums = forecasts[forecasts["area"] == "a00"].assign(category="*")
    shuffled = pd.concat([forecasts, sums]).sample(frac=1, random_state=1)
    found = scores.score(shuffled, panel)
    check(Scores, found)
    pd.testing.assert_frame_equal(found, expected)


def test_a_model_without_quantiles_is_scored_on_its_means() -> None:
    one = case(0)
    bare = replace(one, variance=None, quantiles=None)
    found, full = figures(scores.measure(bare)), figures(scores.measure(one))
    assert set(found) == set(full)
    assert np.isnan([found[name] for name in ("wspl", "wql", "wis", "coverage_80", "pit")]).all()
    for name in ("bias", "wrmsse", "capture", "surge", "lift"):
        assert found[name] == full[name]
    known = ~np.isnan(one.actual)
    assert found["wape"] == pytest.approx(np.abs(one.actual - one.mean)[known].sum() / one.actual[known].sum())


def test_what_is_not_known_is_left_out() -> None:
    one = case(0, gaps=0.0)
    actual = one.actual.copy()
    actual[:, 2:] = np.nan
    late = replace(one, actual=actual)
    table = scores.measure(late)
    assert set(table["horizon"]) == {0, 1, 2}
    assert not np.isnan(list(figures(table).values())).any()
    assert scores.measure(replace(one, actual=actual * np.nan)).empty


def test_a_city_without_any_request_has_no_ratios() -> None:
    one = case(0, gaps=0.0)
    zero = replace(one, past=one.past * 0, actual=one.actual * 0, mean=one.mean * 0)
    found = figures(scores.measure(zero))
    assert np.isnan([found[name] for name in ("wape", "bias", "wql", "capture", "lift", "surge")]).all()
    assert found["precision"] == 0.0
    assert found["wrmsse"] == 0.0


@given(st.integers(0, 2**32 - 1))
def test_the_interval_score_is_its_parts_and_twice_the_pinball_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    actual = rng.poisson(5.0, (3, 4)).astype(float)
    quantiles = np.sort(rng.poisson(5.0, (3, 4, 7)), axis=-1).astype(float)
    total, spread, under, over = scores.wis(actual, quantiles, LEVELS)
    assert total == pytest.approx(spread + under + over)
    assert total == pytest.approx(2 * scores.pinball(actual, quantiles, LEVELS).mean())


def test_by_hand() -> None:
    actual = np.array([[2.0, 4.0], [0.0, np.nan]])
    mean = np.array([[3.0, 3.0], [2.0, 50.0]])
    assert scores.wape(actual, mean) == pytest.approx(4 / 6)
    assert scores.bias(actual, mean) == pytest.approx(2 / 6)
    np.testing.assert_allclose(scores.rmsse(actual, mean, np.array([4.0, 1.0])), [0.5, 2.0])
    assert scores.wrmsse(actual, mean, np.array([4.0, 1.0]), np.array([3.0, 1.0])) == pytest.approx(0.875)
    assert scores.coverage(actual, mean - 1, mean + 1) == pytest.approx(2 / 3)
    level = np.array([0.9])
    np.testing.assert_allclose(scores.pinball(np.array([5.0, 1.0]), np.array([[3.0], [3.0]]), level), [1.8, 0.2])


def test_rankings_by_hand() -> None:
    actual = np.array([10.0, 6.0, np.nan, 4.0, 0.0])
    ranking = np.array([1.0, 5.0, 99.0, 4.0, 3.0])
    assert scores.capture(actual, ranking, 0.5) == pytest.approx(10 / 16)
    assert scores.precision(actual, ranking, 0.5) == 0.5
    assert scores.lift(actual, ranking, np.array([0.0, np.nan, 9.0, 1.0, 2.0]), 0.5) == pytest.approx(10 / 4)
    assert scores.surge(actual, ranking, np.array([9.0, 0.0, 0.0, 0.0, 0.0]), 0.25) == 1.0
    assert scores.capture(actual, actual) == 1.0


def test_pit_is_the_largest_gap_to_uniform() -> None:
    assert scores.pit((np.arange(1000) + 0.5) / 1000) == pytest.approx(0.0005)
    assert scores.pit(np.array([0.5, 0.5, np.nan])) == pytest.approx(0.5)
    assert np.isnan(scores.pit(np.array([np.nan])))


def test_the_interval_score_needs_symmetrical_levels() -> None:
    assert np.isnan(scores.wis(np.ones(1), np.ones((1, 2)), np.array([0.1, 0.5]))).all()
    assert np.isnan(scores.wis(np.ones(1), np.ones((1, 3)), np.array([0.1, 0.5, 0.8]))).all()


def test_the_leaderboard_puts_the_best_first_and_the_unscored_last() -> None:
    rows = []
    for model, (wspl, wape) in {"c": (0.5, 0.9), "b": (np.nan, 0.1), "a": (0.4, 0.8), "d": (0.4, 0.7)}.items():
        for origin, shift in ((ORIGIN, -0.1), (ORIGIN - pd.DateOffset(months=3), 0.1)):
            rows += [(model, origin, 0, "all", "wspl", wspl + shift), (model, origin, 0, "all", "wape", wape + shift)]
            rows += [(model, origin, 1, "all", "wspl", 0.0), (model, origin, 0, "category=x", "wape", 0.0)]
    board = scores.leaderboard(conform(Scores, pd.DataFrame(rows, columns=list(Scores.to_schema().columns))))
    assert board.columns.tolist() == ["model", "wspl", "wape"]
    assert board["model"].tolist() == ["d", "a", "c", "b"]
    assert board.loc[1, "wspl"] == pytest.approx(0.4)


def test_nothing_gives_an_empty_table() -> None:
    _, panel = tables(case(0))
    assert check(Scores, scores.score(empty(Forecasts), panel)).empty
    assert scores.leaderboard(empty(Scores)).empty
