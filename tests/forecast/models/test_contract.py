"""What every model must keep to, whatever its kind: the catalogue finds it, this file tests it."""

import logging
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from forecast.calibrate import Calibrate
from forecast.forecaster import COMBINATION, Forecaster
from forecast.issue import issue
from forecast.look import Basis
from forecast.models import catalogue
from forecast.panel import Grid
from forecast.tables import ALL, Areas, Counts, Seasons, conform
from tests.forecast.grids import grid_of

CHEAP = {"lightgbm": {"trees": 30, "least_rows": 100, "rows": 4000, "least_in_leaf": 20}}
SEASONLESS = {"flat_mean", "tsb"}
SCALE_FREE = {"seasonal_naive", "flat_mean", "tsb"}
"""A thousand times the counts are exactly a thousand times the means. The others weigh small counts against a pool
and judge bursts with an allowance for Poisson chance, which is small for large counts: they keep the scale nearly."""
LEARNS_FROM_ALL_HORIZONS = {"lightgbm"}
SEED = 20


def spec_of(kind: str) -> catalogue.Model:
    spec: catalogue.Model = TypeAdapter(catalogue.Model).validate_python({"kind": kind} | CHEAP.get(kind, {}))
    return spec


def counts(months: int, areas: int = 8, categories: int = 2, mean: float = 10.0, seed: int = 0) -> np.ndarray:
    """Poisson counts, rows by area then category, with a winter peak for the second category."""
    rng = np.random.default_rng(seed)
    moy = pd.date_range(end="2022-10-01", periods=months, freq="MS").month.to_numpy()
    peak = np.stack([1 + 0.5 * c * np.cos(2 * np.pi * (moy - 1) / 12) for c in range(categories)])
    size = rng.gamma(4, 1 / 4, (areas, categories, 1))
    return rng.poisson(mean * size * peak).reshape(areas * categories, months).astype(float)


def seasons_of(grid: Grid, horizon: int) -> pd.DataFrame:
    months = pd.date_range("2012-01-01", "2024-12-01", freq="MS", unit="us")
    rng = np.random.default_rng(1)
    festival = np.where(months.month == 1, rng.uniform(0, 1, len(months)), 0.0)
    wide = pd.DataFrame({"spring_festival_share": festival, "workdays": rng.integers(17, 24, len(months))})
    rows = wide.assign(month=months, category=ALL).melt(["category", "month"], var_name="driver")
    return conform(Seasons, rows[rows["month"].between(grid.months[0], grid.future(horizon)[-1])])


def forecast(kind: str, grid: Grid, horizon: int = 6) -> np.ndarray:
    means = catalogue.predict(spec_of(kind), grid, seasons_of(grid, horizon), horizon, SEED)
    assert means.shape == (len(grid.cells), horizon)
    assert np.isfinite(means).all()
    assert (means >= 0).all()
    return means


@pytest.fixture(params=catalogue.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_catalogue_knows_the_models_asked_for() -> None:
    asked = {"seasonal_naive", "flat_mean", "climatology", "theta", "tsb", "ets", "prophet", "lightgbm"}
    assert set(catalogue.KINDS) >= asked


def test_a_kind_is_the_name_of_its_file(kind: str) -> None:
    assert type(spec_of(kind)).__module__ == f"forecast.models.{kind}"


def test_importing_the_catalogue_loads_no_heavy_library() -> None:
    heavy = ("lightgbm", "prophet", "cmdstanpy", "statsmodels")
    code = f"import sys, forecast.models.catalogue; sys.exit(str([m for m in {heavy} if m in sys.modules] or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("horizon", [1, 2, 3, 6, 11, 12, 13, 18])
def test_every_horizon(kind: str, horizon: int) -> None:
    areas = 2 if kind == "prophet" else 8
    means = forecast(kind, grid_of(counts(40, areas, 1)), horizon)
    assert 0.5 < means.mean() / 10 < 2


@pytest.mark.parametrize("kind", sorted({*catalogue.KINDS} - LEARNS_FROM_ALL_HORIZONS))
def test_the_near_months_do_not_depend_on_how_far_one_looks(kind: str) -> None:
    grid = grid_of(counts(40, 4, 1))
    np.testing.assert_allclose(forecast(kind, grid, 3), forecast(kind, grid, 12)[:, :3])


def test_two_runs_are_equal_to_the_byte(kind: str) -> None:
    grid = grid_of(counts(48), 2)
    assert forecast(kind, grid).tobytes() == forecast(kind, grid).tobytes()


def test_the_grid_is_left_as_it_was(kind: str) -> None:
    grid = grid_of(counts(40), 2)
    before = grid.y.copy()
    forecast(kind, grid)
    np.testing.assert_array_equal(grid.y, before)


def test_the_order_of_the_cells_does_not_matter(kind: str) -> None:
    grid = grid_of(counts(48), 2)
    order = np.random.default_rng(3).permutation(len(grid.cells))
    shuffled = Grid(grid.cells.iloc[order].reset_index(drop=True), grid.months, grid.y[order])
    np.testing.assert_allclose(forecast(kind, shuffled), forecast(kind, grid)[order], rtol=1e-9)


def test_what_comes_later_changes_nothing(kind: str) -> None:
    """Not through the memory behind a grid either, nor through what an earlier call saw."""
    long = counts(46, 4, 1)
    grid = grid_of(long[:, :40].copy())
    before = forecast(kind, grid)
    long[:, 40:] = 1e6
    forecast(kind, grid_of(long))
    assert forecast(kind, Grid(grid.cells, grid.months, long[:, :40])).tobytes() == before.tobytes()


def backward(kind: str, grids: list[Grid], horizon: int = 3) -> list[np.ndarray]:
    seasons = [seasons_of(grid, horizon) for grid in grids]
    return catalogue.look_back(spec_of(kind), grids, seasons, horizon, SEED)


def test_looking_back_to_one_origin_is_predicting(kind: str) -> None:
    grid = grid_of(counts(40, 4), 2)
    (means,) = backward(kind, [grid])
    assert means.tobytes() == forecast(kind, grid, 3).tobytes()


def test_looking_back_no_origin_knows_of_a_later_one(kind: str) -> None:
    """The second shares what was learned at the first, where anything is; the third is not known to either."""
    y = counts(40, 4)
    first, second, third = (up_to(y, months) for months in (38, 39, 40))
    means = backward(kind, [first, second, third])
    assert [part.shape for part in means] == [(8, 3)] * 3
    assert (means[0] != means[2]).any()
    y[:, 39:] = 1e4
    other = backward(kind, [first, second, up_to(y, 40)])
    assert [part.tobytes() for part in other[:2]] == [part.tobytes() for part in means[:2]]
    y[:, 38:] = 1e4
    assert backward(kind, [first, up_to(y, 39)])[0].tobytes() == means[0].tobytes()


def up_to(y: np.ndarray, months: int) -> Grid:
    """What is known of the counts after so many months; the last of all would be 2022-10."""
    end = pd.Timestamp("2022-10-01") - pd.DateOffset(months=y.shape[1] - months)
    known = grid_of(y[:, :months].copy(), 2)
    return Grid(known.cells, pd.date_range(end=end, periods=months, freq="MS", unit="us"), known.y)


def test_the_last_month_known_does_enter(kind: str) -> None:
    grid = grid_of(counts(40, 4, 1))
    louder = Grid(grid.cells, grid.months, grid.y.copy())
    louder.y[:, -1] += 200
    assert forecast(kind, louder, 12).sum() > forecast(kind, grid, 12).sum()


def test_a_thousand_times_the_counts_are_a_thousand_times_the_means(kind: str) -> None:
    y = counts(48, 4, mean=200)
    means, large = forecast(kind, grid_of(y, 2)), forecast(kind, grid_of(1000 * y, 2))
    np.testing.assert_allclose(large, 1000 * means, rtol=1e-9 if kind in SCALE_FREE else 0.1)


@pytest.mark.parametrize("kind", sorted({*catalogue.KINDS} - SEASONLESS))
def test_a_season_seen_four_times_is_expected_again(kind: str) -> None:
    grid = grid_of(counts(48, mean=50), 2)
    winter = forecast(kind, grid, 12)[1::2].sum(0)
    months = grid.future(12).month
    assert winter[months == 1] > 1.5 * winter[months == 7]


def test_one_series(kind: str) -> None:
    assert 0.5 < forecast(kind, grid_of(counts(48, 1, 1, seed=1))).mean() / 10 < 2


def test_nothing_but_zeros_stays_near_zero(kind: str) -> None:
    assert forecast(kind, grid_of(np.zeros((6, 40)), 2)).max() < 1e-3


def test_a_silent_series_among_loud_ones_stays_near_zero(kind: str) -> None:
    y = counts(48)
    y[5] = 0
    assert forecast(kind, grid_of(y, 2))[5].max() < 0.5


def test_a_series_born_last_month(kind: str) -> None:
    y = counts(40)
    y[3, :-1], y[3, -1] = np.nan, 4
    assert 1 < forecast(kind, grid_of(y, 2))[3].mean() < 20


def test_a_series_never_covered(kind: str) -> None:
    y = counts(40)
    y[3] = np.nan
    forecast(kind, grid_of(y, 2))


def test_nobody_ever_covered(kind: str) -> None:
    assert forecast(kind, grid_of(np.full((2, 30), np.nan), 2)).max() < 1e-3


def test_a_category_born_last_month(kind: str) -> None:
    y = counts(40)
    y[1::2, :-1] = np.nan
    assert forecast(kind, grid_of(y, 2))[1::2].mean() < 30


@pytest.mark.parametrize("size", [1e-3, 1e6])
def test_tiny_and_huge_means(kind: str, size: float) -> None:
    y = counts(48, 4 if size > 1 else 40, 2, mean=size)
    means = forecast(kind, grid_of(y, 2))
    assert means.mean() < 0.05 if size < 1 else 0.5 < means.mean() / y.mean() < 2


@pytest.mark.parametrize("months", [1, 2, 3, 12, 13, 14, 15, 23, 24, 25])
def test_short_histories(kind: str, months: int) -> None:
    y = counts(months, seed=months)
    assert 0.4 < forecast(kind, grid_of(y, 2), 12).mean() / y.mean() < 2.5


def test_gaps_are_not_zeros(kind: str) -> None:
    y = counts(48, mean=20)
    holes = y.copy()
    holes[0:2, 14:34] = np.nan
    holes[6:8, -5:] = np.nan
    whole, broken = forecast(kind, grid_of(y, 2)), forecast(kind, grid_of(holes, 2))
    np.testing.assert_allclose(broken.sum(), whole.sum(), rtol=0.15)
    np.testing.assert_allclose(broken[6:8].sum(), whole[6:8].sum(), rtol=0.5)


def test_a_month_nobody_listened(kind: str) -> None:
    y = counts(48)
    y[:, 20] = np.nan
    y[:, -1] = np.nan
    assert 0.5 < forecast(kind, grid_of(y, 2)).mean() / 10 < 2


def test_seasons_may_be_empty_or_incomplete(kind: str) -> None:
    grid = grid_of(counts(40, 4), 2)
    seasons = seasons_of(grid, 6)
    for part in (seasons.iloc[:0], seasons[seasons["month"] <= grid.months[-1]], seasons[seasons["category"] != ALL]):
        means = catalogue.predict(spec_of(kind), grid, part, 6, SEED)
        assert np.isfinite(means).all()


def test_nothing_is_said_aloud(
    kind: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        forecast(kind, grid_of(counts(25), 2))
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def issued(table: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """Forecasts of every kind and of all combined, each with quantiles."""
    places = pd.DataFrame({"area": grid.cells["area"].unique()})
    places = places.assign(level="community", parent=None, name=places["area"], aliases="")
    above = pd.DataFrame({"area": [], "ancestor": []}, dtype="str")
    models = [spec_of(kind) for kind in catalogue.KINDS]
    forecaster = Forecaster(models=models, calibrate=Calibrate(past_origins=1), member_quantiles=True)
    seasons = seasons_of(grid, 2)
    basis = Basis(table, conform(Areas, places), above, lambda origin: seasons, 2, forecaster, SEED)
    return issue(basis, grid.months[-1]).forecasts


def test_quantiles_of_every_kind_are_ordered_counts_and_nothing_later_enters() -> None:
    y = counts(40, 4, 1)
    y[2] = 0
    grid = grid_of(y)
    table = (
        pd.DataFrame(y.astype(int), columns=grid.months)
        .assign(**grid.cells)
        .melt(["area", "category"], var_name="month", value_name="orders")
    )
    table = conform(Counts, table.assign(incidents=table["orders"], callers=table["orders"]))
    later = table[table["month"] == grid.months[-1]].assign(month=grid.future(1)[0], orders=10**6)
    forecasts = issued(table, grid)
    pd.testing.assert_frame_equal(issued(pd.concat([table, later], ignore_index=True), grid), forecasts)
    quantiles = forecasts[forecasts["output"] == "quantile"].sort_values(
        ["model", "area", "category", "month", "level"]
    )
    assert set(quantiles["model"]) == {COMBINATION, *catalogue.KINDS}
    predicted = quantiles["predicted"].to_numpy().reshape(-1, quantiles["level"].nunique())
    assert (predicted == np.floor(predicted)).all()
    assert (predicted >= 0).all()
    assert (np.diff(predicted) >= 0).all()
