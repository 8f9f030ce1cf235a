from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast import compare, scores
from forecast.compare import METRICS
from forecast.scores import Case
from forecast.tables import Comparisons, Losses, check, conform
from tests import work
from tests.forecast.test_scores import ORIGIN, case


def table(loss: dict[str, np.ndarray], base: np.ndarray) -> pd.DataFrame:
    """Losses of one metric: model -> (areas, origins)."""
    rows = [
        (model, ORIGIN + pd.DateOffset(months=o), f"a{a:04}", "wape", figures[a, o], base[a, o])
        for model, figures in loss.items()
        for a, o in np.ndindex(base.shape)
    ]
    return conform(Losses, pd.DataFrame(rows, columns=list(Losses.to_schema().columns)))


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_losses_over_all_areas_are_the_scores(gaps: float) -> None:
    one = case(3, gaps=gaps)
    found = check(Losses, compare.losses(one))
    sums = found.groupby("metric")[["loss", "base"]].sum()
    rows = scores.measure(one)
    expected = rows[(rows["segment"] == "all") & (rows["horizon"] == 0)].set_index("metric")["value"]
    for metric in METRICS:
        assert sums["loss"][metric] / sums["base"][metric] == pytest.approx(expected[metric]), metric


def test_a_model_without_quantiles_is_compared_on_its_means() -> None:
    one = case(0)
    bare = replace(one, model="bare", variance=None, quantiles=None)
    both = pd.concat([compare.losses(one), compare.losses(bare)], ignore_index=True)
    found = compare.compare(both, "combination", ["bare"], seed=1, draws=50).set_index("metric")
    assert found.loc[["wape", "wrmsse"], "better_in"].notna().all()
    assert found.loc[["wspl", "wql", "wis", "crps"], ["ratio", "low", "better_in"]].isna().all(axis=None)


def test_draws_are_those_of_a_slow_loop() -> None:
    rng = np.random.default_rng(5)
    base = rng.gamma(2.0, 3.0, (4, 3))
    loss = {name: base * rng.gamma(5.0, 0.2, base.shape) for name in ("mine", "theirs")}
    found = compare.compare(table(loss, base), "mine", ["theirs"], seed=7, draws=200).iloc[0]
    again = np.random.default_rng(7)
    areas = again.multinomial(4, np.full(4, 0.25), 200)
    origins = again.multinomial(3, np.full(3, 1 / 3), 200)

    def metric(figures: np.ndarray, area: np.ndarray, origin: np.ndarray) -> float:
        each = [
            sum(area[a] * figures[a, o] for a in range(4)) / sum(area[a] * base[a, o] for a in range(4))
            for o in range(3)
        ]
        return sum(origin[o] * each[o] for o in range(3)) / 3

    ratios, better = [], 0
    for area, origin in zip(areas, origins, strict=True):
        mine, theirs = (metric(loss[name], area, origin) for name in ("mine", "theirs"))
        ratios.append(mine / theirs)
        better += mine < theirs
    assert found["low"] == pytest.approx(np.quantile(ratios, 0.025))
    assert found["high"] == pytest.approx(np.quantile(ratios, 0.975))
    assert found["better_in"] == pytest.approx(better / 200)


def test_better_worse_and_the_same() -> None:
    base = np.full((40, 6), 10.0)
    noise = np.random.default_rng(0).gamma(50.0, 0.02, base.shape)
    given = table({"a": noise, "worse": noise * 1.2, "same": noise}, base)
    found = compare.compare(given, "a", ["worse", "same"], seed=1).set_index("rival")
    assert found["ratio"]["worse"] == pytest.approx(1 / 1.2)
    assert found["better_in"]["worse"] == 1.0
    assert found["difference"]["worse"] < found["difference_high"]["worse"] < 0
    assert [found[name]["same"] for name in ("ratio", "low", "high", "better_in")] == [1, 1, 1, 0.5]
    other_way = compare.compare(given, "worse", ["a"], seed=1).iloc[0]
    assert other_way["better_in"] == 0.0


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Areas and origins both shift the losses; the interval of the difference must be wide enough for both."""
    rng, held = np.random.default_rng(11), 0
    for _ in range(60):
        shared = 5 + rng.normal(0, 0.5, (30, 1)) + rng.normal(0, 0.5, (1, 8))
        gap = rng.normal(0, 0.3, (30, 1)) + rng.normal(0, 0.3, (1, 8)) + rng.normal(0, 0.2, (30, 8))
        given = table({"a": shared + gap, "b": shared}, np.ones((30, 8)))
        one = compare.compare(given, "a", ["b"], seed=1, draws=200).iloc[0]
        held += one["difference_low"] <= 0 <= one["difference_high"]
    assert held >= 50


def many(areas: int) -> pd.DataFrame:
    """Losses of three models on every metric, a dozen origins."""
    rng = np.random.default_rng(0)
    base = rng.gamma(2.0, 3.0, (areas, 12))
    given = table({name: base * rng.random(base.shape) for name in ("a", "b", "c")}, base)
    return pd.concat([given.assign(metric=metric) for metric in METRICS], ignore_index=True)


def test_a_thousand_areas_and_a_dozen_origins_are_quick() -> None:
    """No loop goes over rows or areas, and no array holds draws x areas x origins."""

    def compared(losses: pd.DataFrame) -> Callable[[], pd.DataFrame]:
        return lambda: compare.compare(losses, "a", ["b", "c"], seed=1)

    few, every = compared(many(20)), compared(many(1000))
    assert len(check(Comparisons, every())) == 2 * len(METRICS)
    assert work.lines(every) < 1.5 * work.lines(few)
    assert work.peak(every) < 5 * 8 * compare.DRAWS * 1000


def test_nothing_came() -> None:
    nothing: Case = case(0)
    nothing = replace(nothing, actual=nothing.actual * np.nan)
    both = [compare.losses(replace(nothing, model=name)) for name in ("a", "b")]
    found = check(Comparisons, compare.compare(pd.concat(both, ignore_index=True), "a", ["b"], seed=1, draws=10))
    assert found["better_in"].isna().all()
