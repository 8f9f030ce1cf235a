"""The plan bench, by hand: what other lists hold, what a true forecast would win, and what its tables say."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecast import plan_scores
from forecast.plan_scores import Known
from forecast.tables import LISTS, PlanScores, conform
from tests.bench import plan_limits, plans
from tests.bench.plan_limits import RANKINGS, Stand, of_oracle, promised, swapped, window

ORIGIN = pd.Timestamp("2020-01-01")


def stand(n: int = 40) -> Stand:
    """Cells of two categories; the flat mean has the order of each right and the categories wrong."""
    level = np.arange(1.0, n + 1)
    category = np.where(np.arange(n) % 2, "heat", "noise")
    mean = np.repeat(level[:, None] * np.where(category == "heat", 3.0, 0.1)[:, None], 12, axis=1)
    flat = np.repeat(level[:, None], 12, axis=1)
    cells = pd.DataFrame({"area": [f"a{i}" for i in range(n)], "category": category})
    known = Known(ORIGIN, cells, {"plan": mean, "last_year": flat, "flat_mean": flat}, 10)
    actual = mean.copy()
    actual[0, 5:] = np.nan
    return Stand(known, actual, 2 * mean)


def test_only_cells_covered_in_every_month_are_judged() -> None:
    one, other = window(stand(), 3), window(stand(), 6)
    assert one is not None
    assert other is not None
    assert (len(one.came), len(other.came)) == (40, 39)
    assert one.k == 4
    none = Stand(stand().known, np.full((40, 12), np.nan), stand().variance)
    assert window(none, 1) is None


def test_a_list_that_knows_the_categories_is_as_good_as_the_oracle() -> None:
    one = window(stand(), 3)
    assert one is not None
    held = {name: of_oracle(ranking(one), one.came, one.k) for name, ranking in RANKINGS.items()}
    assert held["plan"] == held["category as it came, shared out by the flat mean"] == 1
    assert held["forecast of the category, shared out by the flat mean"] == 1
    assert held["flat mean"] == held["last year"] < 0.6
    more, less = swapped(one)
    assert more.sum() == less.sum() == 2
    assert set(one.category[more > 0]) == {"heat"}
    assert set(one.category[less > 0]) == {"noise"}


def test_chance_costs_a_true_forecast_part_of_the_oracle() -> None:
    one = window(stand(), 1)
    assert one is not None
    plan, flat = promised(one, seed=1)
    assert flat < plan < 1
    assert (plan, flat) == promised(one, seed=1)


def test_the_tables_show_every_origin_and_every_list() -> None:
    origins = pd.date_range(ORIGIN, periods=3, freq="3MS")
    values = dict(zip(LISTS, (0.9, 0.7, 0.8, 1.0), strict=True))
    rows = [
        (origin, months, size, name, metric, value)
        for origin in origins
        for months, size in ((1, "10%"), (0, "tasks"))
        for name, value in values.items()
        for metric in ("of_oracle", "kept", "jaccard")
    ]
    scores = conform(PlanScores, pd.DataFrame(rows, columns=list(PlanScores.to_schema().columns)))
    said = plans.summary(scores, "of_oracle", (*plan_scores.SIZES, "tasks"))
    assert "| 1 | 10% | 90.0 | 70.0 | 80.0 | +20.0 (+20.0 to +20.0; 100 %) | +10.0" in said
    assert "| its window | tasks | 90.0" in said
    each = plans.by_origin(scores, "of_oracle")
    assert [line.split(" | ")[0] for line in each.splitlines()[2:]] == ["| 2020-01", "| 2020-04", "| 2020-07"]
    assert each.count("90.0 / 70.0 / 80.0") == 6
    assert "| 1 | 90.0 / 0.90 | 70.0 / 0.70 | 80.0 / 0.80 |" in plans.stable([scores])
    text = plan_limits.page([stand(), stand()])
    assert text.count("\n| plan | 100.0") == 1
    assert "heat +" in text


@pytest.mark.parametrize("name", plans.CITIES)
def test_origins_are_a_quarter_apart_and_runs_a_month(name: str) -> None:
    city = plans.CITIES[name]
    quarters = pd.PeriodIndex(city.origins, freq="M")
    assert len(quarters) >= 11
    assert all(later - one == pd.offsets.MonthEnd(3) for one, later in pairwise(quarters))
    for run in city.runs:
        steps = pd.PeriodIndex(run, freq="M")
        assert all(later - one == pd.offsets.MonthEnd(1) for one, later in pairwise(steps))
