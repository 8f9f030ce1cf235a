"""Contributions: they multiply to the mean, whatever the models; planted effects are found where they belong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from forecast import explain, seasons
from forecast.explain import Explained, Wanted
from forecast.forecaster import COMBINATION, Forecaster
from forecast.issue import Issued, issue
from forecast.look import Basis, Progress
from forecast.models import _drivers, _rows, catalogue
from forecast.panel import Grid
from forecast.tables import ALL, PARTS, Areas, Contributions, Counts, Seasons, check, conform, empty
from tests import naive
from tests.forecast.grids import LAST, grid_of

CHEAP = {"lightgbm": {"trees": 40, "least_rows": 50, "rows": 4000, "least_in_leaf": 10}}
MEMBERS = ("climatology", "lightgbm", "theta", "seasonal_naive", "tsb")
WINTER = (11, 12, 1, 2, 3)


def spec_of(kind: str, **options: float) -> catalogue.Model:
    given = {"kind": kind} | CHEAP.get(kind, {}) | options
    spec: catalogue.Model = TypeAdapter(catalogue.Model).validate_python(given)
    return spec


def messy(seed: int, months: int, cells: int = 12) -> np.ndarray:
    """Counts of all sizes, silent cells, gaps, cells born late and one never covered."""
    rng = np.random.default_rng(seed)
    y = rng.poisson(10 ** rng.uniform(-2, 3, (cells, 1)) * rng.gamma(2, 0.5, (cells, months))).astype(float)
    y[0] = 0
    y[1, :-3] = 0
    y[2, -14:] = 0
    y[3, : months // 2] = np.nan
    y[4] = np.nan
    y[5, rng.random(months) < 0.3] = np.nan
    return y


def calendar_of(grid: Grid, horizon: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    months = grid.months.append(grid.future(horizon))
    wide = pd.DataFrame({"workdays": rng.integers(17, 24, len(months)), "month": months, "category": ALL})
    wide = wide.assign(rain_mm=rng.gamma(1, 50, len(months)))
    return conform(Seasons, wide.melt(["category", "month"], var_name="driver"))


def told_by(kind: str, grid: Grid, horizon: int, cells: np.ndarray) -> Explained:
    return catalogue.explain(spec_of(kind), grid, calendar_of(grid, horizon), horizon, 3, cells)


def parts_of(spec: catalogue.Model, grid: Grid, horizon: int, known: pd.DataFrame) -> dict[str, np.ndarray]:
    """Factors of every cell as one model alone sees them."""
    cells = np.arange(len(grid.cells))
    told = catalogue.explain(spec, grid, known, horizon, 3, cells)
    return explain.split({"one": told}, {"one": 1.0}, catalogue.usual(grid, horizon)[0], cells)


def product(parts: dict[str, np.ndarray]) -> np.ndarray:
    return np.prod(list(parts.values()), axis=0)


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_an_explained_model_says_what_it_would_have_said_and_its_factors_multiply_to_it(kind: str) -> None:
    grid = grid_of(messy(1, 40), 2)
    known, cells = calendar_of(grid, 5), np.array([0, 1, 2, 4, 7, 11])
    told = told_by(kind, grid, 5, cells)
    np.testing.assert_array_equal(told.means, catalogue.predict(spec_of(kind), grid, known, 5, 3))
    usual = catalogue.usual(grid, 5)[0][cells]
    parts = explain.split({kind: told}, {kind: 2.0}, usual, cells)
    assert set(parts) < set(PARTS)
    np.testing.assert_allclose(usual[:, None] * product(parts), told.means[cells], rtol=1e-9, atol=0)


@given(
    st.integers(0, 10**6), st.integers(1, 45), st.lists(st.floats(0, 5), min_size=5, max_size=5), st.integers(1, 6)
)
@settings(max_examples=20, deadline=None)
def test_factors_multiply_to_the_average_of_all_members(
    seed: int, months: int, weights: list[float], horizon: int
) -> None:
    grid = grid_of(messy(seed, months), 2)
    cells = np.arange(len(grid.cells))
    told = {kind: told_by(kind, grid, horizon, cells) for kind in MEMBERS}
    weigh = dict(zip(MEMBERS, [*weights[:-1], weights[-1] + 0.1], strict=True))
    usual = catalogue.usual(grid, horizon)[0]
    parts = explain.split(told, weigh, usual, cells)
    mean = sum(weigh[kind] / sum(weigh.values()) * told[kind].means for kind in MEMBERS)
    assert all(np.isfinite(factor).all() and (factor >= 0).all() for factor in parts.values())
    np.testing.assert_allclose(usual[:, None] * product(parts), mean, rtol=1e-9, atol=0)


@given(st.integers(0, 10**6))
def test_split_is_what_the_twin_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    usual, means = 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-3, 3, 2)
    levels, seasonal, weights = 10 ** rng.uniform(-3, 3, 2), rng.uniform(0.2, 3, 2), rng.uniform(0.1, 1, 2)
    told, sectors = {}, []
    for n, rest in enumerate(("trend", "neighbours")):
        logs = {"level": np.log(levels[n]), "season": np.log(seasonal[n])}
        told[str(n)] = Explained(means[None, None, n], {part: np.full((1, 1), x) for part, x in logs.items()}, rest)
        logs |= {"level": np.log(levels[n] / usual), rest: np.log(means[n] / levels[n] / seasonal[n])}
        weight = weights[n] / weights.sum()
        sectors.append((weight * usual, weight * means[n], logs))
    parts = explain.split(told, {str(n): float(weights[n]) for n in range(2)}, np.array([usual]), np.array([0]))
    assert {part: factor.item() for part, factor in parts.items()} == pytest.approx(naive.lmdi(sectors), rel=1e-6)


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=2))
def test_log_mean_is_its_twin_and_lies_between(pair: list[float]) -> None:
    x, y = pair
    found = explain.log_mean(np.array([x]), np.array([y])).item()
    assert min(pair) * (1 - 1e-12) <= found <= max(pair) * (1 + 1e-12)
    if abs(np.log(x / y)) > 1e-3:
        assert found == pytest.approx(naive.log_mean(x, y))


def test_a_model_that_says_nothing_will_come_takes_its_share_away() -> None:
    some = Explained(np.array([[4.0]]), {"level": np.log([[4.0]])}, "trend")
    none = Explained(np.array([[0.0]]), {"level": np.log([[4.0]]), "season": np.log([[3.0]])}, "trend")
    parts = explain.split({"a": some, "b": none}, {"a": 1, "b": 1}, np.array([4.0]), np.array([0]))
    assert {part: factor.item() for part, factor in parts.items()} == pytest.approx(
        {"level": 1.0, "season": 1.0, "trend": 0.5}
    )
    nothing = explain.split({"b": none}, {"b": 1}, np.array([4.0]), np.array([0]))
    assert {part: factor.item() for part, factor in nothing.items()} == {"level": 0, "season": 1, "trend": 1}


@given(st.integers(0, 10**6))
def test_what_adding_up_changed_is_told_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    usual, parts = (
        rng.gamma(1, 5, 4) + 1e-6,
        {"level": rng.gamma(3, 0.3, (4, 3)), "season": rng.gamma(3, 0.3, (4, 3))},
    )
    parts["level"][0] = 0
    mean = usual[:, None] * product(parts)
    assert set(explain.as_issued(parts, usual, mean)) == {"usual", "level", "season"}
    issued = mean * rng.gamma(3, 0.3, (4, 3))
    issued[0, 0], issued[1, 1] = 3.0, 0.0
    whole = explain.as_issued(parts, usual, issued)
    np.testing.assert_allclose(product(whole), issued, rtol=1e-9, atol=0)
    np.testing.assert_array_equal(whole["season"][1:], parts["season"][1:])
    assert whole["neighbours"][1, 1] == 0


def contributions(seed: int, months: int = 4, zero: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    grid = grid_of(np.ones((4, 3)), 2)
    parts = {part: rng.gamma(5, 0.2, (4, months)) for part in PARTS}
    parts["trend"][0, 1] = 0 if zero else 1
    return explain.table(grid.cells, grid.future(months), grid.months[-1], parts)


def test_sums_over_months_are_what_the_twin_says() -> None:
    table = contributions(2, zero=False)
    found = explain.summed(table.assign(sum="all"), "sum").loc["all"]
    rows = table.pivot(index=["area", "category", "month"], columns="part", values="factor")
    sectors = [
        (row["usual"], float(np.prod(row)), {part: np.log(row[part]) for part in PARTS if part != "usual"})
        for _, row in rows.iterrows()
    ]
    assert found["usual"] == pytest.approx(rows["usual"].sum())
    assert found.drop("usual").to_dict() == pytest.approx(naive.lmdi(sectors))


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_sums_multiply_and_do_not_depend_on_the_order_of_summing(seed: int) -> None:
    table = contributions(seed)
    whole = table.pivot(index=["area", "category", "month"], columns="part", values="factor").prod(axis=1).sum()
    at_once = explain.summed(table.assign(sum=1), "sum")
    months = explain.summed(table.assign(sum=table["month"]), "sum").rename_axis("month")
    steps = months.reset_index().melt("month", var_name="part", value_name="factor")
    in_steps = explain.summed(steps.assign(sum=1, area="x", category="x"), "sum")
    assert at_once.prod(axis=1).item() == pytest.approx(whole)
    pd.testing.assert_frame_equal(at_once, in_steps[at_once.columns], check_names=False)


def test_a_sum_of_nothing_is_nothing() -> None:
    table = explain.table(
        grid_of(np.ones((1, 3)), 2).cells, pd.DatetimeIndex([pd.Timestamp(LAST)]), pd.Timestamp(LAST),
        {"usual": np.array([[2.0]]), "level": np.array([[0.0]]), "season": np.array([[1.0]])},
    )  # fmt: skip
    assert explain.summed(table.assign(sum=1), "sum").loc[1].to_dict() == {"usual": 2, "level": 0, "season": 1}
    assert explain.table(grid_of(np.ones((0, 3)), 2).cells, pd.DatetimeIndex([]), pd.Timestamp(LAST), {}).empty


def test_the_cells_of_the_plan_are_explained_first_then_the_largest() -> None:
    cells = grid_of(np.ones((6, 2)), 2).cells
    expected = np.array([1.0, 9.0, 3.0, 8.0, 2.0, 7.0])
    assert Wanted(most=2).of(cells, expected).tolist() == [1, 3]
    assert Wanted(most=4, first=("c0",)).of(cells, expected).tolist() == [0, 1, 2, 4]
    assert Wanted().of(cells, expected).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_heating_winter_is_season() -> None:
    rng = np.random.default_rng(0)
    months = pd.date_range(end=LAST, periods=72, freq="MS").month
    y = rng.poisson(20 * np.where(np.isin(months, WINTER), 2.0, 0.6), (20, 72))
    grid = grid_of(y, 1)
    for kind in ("climatology", "lightgbm", "theta"):
        parts = parts_of(spec_of(kind), grid, 12, empty(Seasons))
        winter = np.isin(grid.future(12).month, WINTER)
        assert parts["season"][:, winter].mean() > 1.5
        assert parts["season"][:, ~winter].mean() < 0.8
        others = [factor for part, factor in parts.items() if part != "season"]
        assert np.abs(np.log(others)).max() < 0.4


def test_a_doubled_last_quarter_is_level_or_trend() -> None:
    y = np.random.default_rng(0).poisson(30, (20, 72)).astype(float)
    y[:4, -3:] *= 2
    grid = grid_of(y, 1)
    for kind in ("climatology", "lightgbm", "theta"):
        parts = parts_of(spec_of(kind), grid, 3, empty(Seasons))
        own = parts["level"] * parts.get("trend", 1.0)
        assert own[:4].mean() > 1.35
        assert own[4:].mean() == pytest.approx(1, abs=0.15)
        assert np.abs(np.log(parts["season"])).max() < 0.25


@pytest.mark.parametrize(("driver", "part"), [("theme", "calendar"), ("rain_mm", "weather")])
def test_a_planted_driver_is_found_where_it_belongs(driver: str, part: str) -> None:
    rng = np.random.default_rng(0)
    months = pd.date_range(end="2022-12-01", periods=74, freq="MS", unit="us")
    flag = np.where(np.arange(74) == 72, 1.0, np.where(np.arange(74) == 73, 0.0, rng.random(74) < 0.25))
    effect = np.where((np.arange(120) % 4 == 0)[:, None], np.exp(0.8 * flag[:72]), 1.0)
    of_one = pd.DataFrame({"category": "c0", "month": months, "driver": driver, "value": flag})
    known = conform(Seasons, pd.concat([of_one, of_one.assign(category=ALL, value=0.0)]))
    spec = spec_of("lightgbm", trees=150, feature_share=1.0)
    parts = parts_of(spec, grid_of(rng.poisson(40 * effect), 4), 2, known)
    found = parts.pop(part).reshape(30, 4, 2)
    assert (found[:, 0, 0] / found[:, 0, 1]).min() > 1.4
    assert np.abs(np.log(found[:, 1:])).max() < 0.1
    assert set(parts) == {"level", "season", "neighbours", "trend"}
    assert max(np.ptp(np.log(factor[::4]), axis=1).max() for factor in parts.values()) < 0.3


@pytest.mark.parametrize("largest_factor", [1.02, 5.0])
def test_the_correction_of_trees_is_shared_out_without_rest(largest_factor: float) -> None:
    grid = grid_of(messy(4, 40, 30), 2)
    spec = spec_of("lightgbm", largest_factor=largest_factor)
    cells = np.array([20, 3, 4, 0, 29])
    told = catalogue.explain(spec, grid, calendar_of(grid, 6), 6, 3, cells)
    np.testing.assert_allclose(sum(told.logs.values()), np.log(told.means[cells]), rtol=0, atol=1e-9)
    assert set(told.logs) == set(PARTS) - {"usual"}


def test_every_feature_and_every_driver_has_a_part() -> None:
    assert set(_rows.PART_OF) == set(_rows.FEATURES)
    assert set(_rows.PART_OF.values()) < set(PARTS)
    days = pd.date_range("2020-01-01", "2021-12-31", freq="D")
    daily = pd.DataFrame({"date": days, "tmean": 5.0, "rain": 30.0, "snow": 1.0})
    months = pd.date_range("2020-01-01", periods=24, freq="MS")
    plain = seasons.build(seasons.Calendar(), months, months[-1])
    wet = seasons.build(seasons.Calendar(), months, months[-1], daily)
    assert set(_drivers.WEATHER) == set(wet["driver"]) - set(plain["driver"])
    assert {_drivers.part(driver) for driver in plain["driver"]} == {"calendar"}


FORECASTER = Forecaster.model_validate(
    {
        "models": [{"kind": "climatology"}, {"kind": "lightgbm"} | CHEAP["lightgbm"], {"kind": "theta"}],
        "combine": {"method": "rolling"},
        "calibrate": {"past_origins": 2},
    }
)


def counts() -> pd.DataFrame:
    grid = grid_of(np.random.default_rng(3).poisson(4, (12, 40)), 2)
    y = grid.y.astype(int)
    y[0] = 0
    wide = pd.DataFrame(y, columns=grid.months).assign(**grid.cells)
    table = wide.melt(["area", "category"], var_name="month", value_name="orders")
    return conform(Counts, table.assign(incidents=table["orders"], callers=table["orders"]))


def issued(
    table: pd.DataFrame, wanted: Wanted | None, forecaster: Forecaster = FORECASTER, progress: Progress | None = None
) -> Issued:
    places = pd.DataFrame({"area": sorted(table["area"].unique())})
    places = places.assign(level="community", parent=None, name=places["area"], aliases="")
    above = pd.DataFrame({"area": [], "ancestor": []}, dtype="str")
    basis = Basis(table, conform(Areas, places), above, lambda origin: empty(Seasons), 4, forecaster, 1)
    return issue(basis, pd.Timestamp(LAST), progress, wanted=wanted)


def test_contributions_multiply_to_the_means_as_issued_and_change_none() -> None:
    table = counts()
    done, plain = issued(table, Wanted()), issued(table, None)
    pd.testing.assert_frame_equal(done.forecasts, plain.forecasts)
    assert plain.contributions.empty
    check(Contributions, done.contributions)
    key = ["area", "category", "month"]
    means = done.forecasts[(done.forecasts["model"] == COMBINATION) & (done.forecasts["output"] == "mean")]
    predicted = means[means["category"] != ALL].set_index(key)["predicted"].sort_index()
    made = done.contributions.pivot(index=key, columns="part", values="factor").prod(axis=1)
    assert made.index.equals(predicted.index)
    np.testing.assert_allclose(made, predicted, rtol=1e-9, atol=0)
    assert len(issued(table, Wanted(most=5)).contributions.drop_duplicates(key)) == 5 * 4


def test_progress_is_told_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    plain = Forecaster.model_validate({"models": [{"kind": "climatology"}, {"kind": "seasonal_naive"}]})
    issued(counts(), Wanted(most=1), plain, lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1]


def test_models_are_weighed_as_in_the_combination() -> None:
    plain = FORECASTER.model_dump() | {"models": [{"kind": "climatology"}, {"kind": "theta"}]}
    plain["combine"] = {"method": "rolling", "trust": 1.0, "sharpness": 4.0}
    parts = issued(counts(), Wanted(), Forecaster.model_validate(plain)).contributions["part"]
    assert set(parts) == {"usual", "level", "season", "trend"}  # other weights would leave something to `neighbours`


def test_nothing_after_the_origin_enters() -> None:
    table = counts()
    last = table[table["month"] == pd.Timestamp(LAST)]
    later = pd.concat([table, last.assign(month=pd.Timestamp("2022-11-01"), orders=10**6)], ignore_index=True)
    pd.testing.assert_frame_equal(
        issued(later, Wanted()).contributions, issued(table, Wanted()).contributions, check_exact=True
    )
