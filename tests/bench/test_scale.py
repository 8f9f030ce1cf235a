"""The bench of the forecast's scale: its cities, its line, and a whole small run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.tables import Areas, check
from tests.bench import scale
from tests.bench.measure import Cost


def test_a_city_is_what_it_says() -> None:
    rows, areas = scale.city(1_200)
    again, _ = scale.city(1_200)
    pd.testing.assert_frame_equal(rows, again)
    check(Areas, areas)
    assert areas["level"].value_counts().to_dict() == {"community": 40, "street": 2, "district": 2, "city": 1}
    total = rows.groupby(["area", "category"], observed=True)["count"].sum()
    assert len(total) == 1_200, "a cell without any request is no cell"
    mean = total / scale.MONTHS
    assert 0.6 < ((mean > 0.05) & (mean < 2)).mean() < 0.98
    assert mean.max() > 8
    assert rows["month"].nunique() == scale.MONTHS


def test_peers_get_whole_series_and_months_that_are_cut_off() -> None:
    rows, _ = scale.city(300)
    some = scale.sample(rows, 7)
    assert some.groupby(["area", "category"]).ngroups == 7
    table = scale.complete(some)
    assert len(table) == 7 * (scale.MONTHS + scale.HORIZON)
    assert table["count"].sum() == some["count"].sum()
    late = table["month"] > rows["month"].max()
    assert late.sum() == 7 * scale.HORIZON
    assert not table.loc[late, "count"].any()


def points(seconds: dict[int, float]) -> list[scale.Point]:
    return [scale.Point(cells, Cost(2 * spent, spent, 2**30), spent) for cells, spent in seconds.items()]


def test_the_line_is_found_and_a_bend_is_told() -> None:
    straight = points({n: 10 + 0.002 * n for n in scale.CELLS})
    assert scale.line(straight) == pytest.approx((10, 0.002))
    assert scale.farthest(straight) == pytest.approx(0, abs=1e-9)
    assert scale.farthest(points({n: 1e-6 * n**1.5 for n in scale.CELLS})) > 0.2


def test_the_page_says_who_is_faster_and_by_how_much() -> None:
    told = scale.page(points({2_000: 20.0, 20_000: 40.0}), [scale.Rival("ets", 600, 60.0, 100.0)])
    assert "| 20,000 | 80 | 40 | 1.0 | 500 |" in told
    assert "| statsforecast AutoETS | 600 | 60 | 100 | 6.0 | 83.3 |" in told


def test_a_small_run_measures_plots_and_keeps_what_it_found(tmp_path: Path) -> None:
    found, rivals = scale.measured([120], [], tmp_path)
    assert rivals == []
    assert found[0].cost.processor > 0
    assert 0 < found[0].inside < found[0].cost.clock
    assert scale.measured([120], [], tmp_path)[0] == found, "measured twice"
    scale.plot(found, tmp_path / "scale.svg")
    assert (tmp_path / "scale.svg").read_text().startswith("<svg")
    assert np.isfinite(scale.line(found)).all()
