"""Patterns: false calls are rare, planted ones are found, the future changes nothing, twins agree."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast import evidence
from forecast.panel import Grid
from forecast.patterns import PatternOptions, classify
from forecast.tables import PATTERNS, Areas, Patterns, check, conform, empty
from tests import naive
from tests.bench import patterns as bench
from tests.forecast.grids import grid_of

SPEC = PatternOptions()
NO_AREAS = empty(Areas)
AS_OF = bench.AS_OF


def found_in(y: np.ndarray, spec: PatternOptions = SPEC, categories: int = 1) -> pd.DataFrame:
    return classify(grid_of(y, categories), NO_AREAS, AS_OF, spec)


@functools.cache
def planted() -> tuple[Grid, np.ndarray, np.ndarray, pd.DataFrame]:
    grid, kind, mean = bench.panel(3, 3000, 72, planted=True)
    return grid, kind, mean, classify(grid, NO_AREAS, AS_OF, SPEC)


@pytest.mark.parametrize(("months", "drift"), [(24, 0.0), (36, 0.3), (72, 0.0), (72, 0.3)])
def test_where_there_is_nothing_little_is_called(months: int, drift: float) -> None:
    grid, _, _ = bench.panel(1, 4000, months, planted=False, drift=drift)
    found = classify(grid, NO_AREAS, AS_OF, SPEC)
    for name in ("season", "trend"):
        assert (found[f"{name}_p"].dropna() < 0.05).mean() < 0.08
        assert (found[f"{name}_q"] <= 0.05).sum() <= 4
    assert found["seasonal"].sum() + found["rising"].sum() <= 4


@pytest.mark.parametrize("size", [1.0, np.inf])
@pytest.mark.parametrize("mean", [0.3, 30.0, 1e6])
def test_p_values_are_honest_at_every_size(mean: float, size: float) -> None:
    rng = np.random.default_rng(4)
    mu = np.full((2000, 60), mean)
    found = found_in(rng.poisson(mu if np.isinf(size) else rng.gamma(size, mu / size)), categories=4)
    for name in ("season_p", "trend_p"):
        assert 0.01 < (found[name].dropna() < 0.05).mean() < 0.075


def test_few_of_the_calls_are_wrong_and_the_planted_are_found() -> None:
    _, kind, mean, found = planted()
    for name, planted_kind, least in (("season_q", bench.SEASON, 0.6), ("trend_q", bench.RISE, 0.4)):
        called = (found[name] <= SPEC.false_discoveries).to_numpy()
        assert called[kind != planted_kind].sum() <= 0.09 * called.sum()
        assert called[(kind == planted_kind) & (mean > 3)].mean() > least


def test_a_planted_season_has_its_peak_and_its_months() -> None:
    _, kind, mean, found = planted()
    sure = found[(kind == bench.SEASON) & (mean > 3) & found["seasonal"].to_numpy()]
    apart = (sure["peak_month"] - AS_OF.month + 5) % 12 - 5
    assert (apart.abs() <= 2).mean() > 0.9
    assert sure["season_months"].str.split("|").map(len).between(2, 7).mean() > 0.9
    assert sure["peak_times"].median() == pytest.approx(1.95, abs=0.25)


def test_a_planted_rise_has_its_size() -> None:
    _, kind, mean, found = planted()
    """Against the city, which itself ran 0.15 x 1.5 higher in the last year."""
    rising = found[(kind == bench.RISE) & (mean > 5)]
    assert rising["recent_times"].median() == pytest.approx(2.5 / 1.225, rel=0.1)
    assert rising["trend_per_year"].median() == pytest.approx((2.5 / 1.225) ** 0.5, rel=0.1)


def test_kinds_go_before_one_another() -> None:
    rng = np.random.default_rng(0)
    month = np.arange(72)
    season = np.where(month % 12 < 3, 3.0, 0.4)
    y = np.stack([np.full(72, 20.0), 20 * season, np.where(month >= 60, 60.0, 20.0), (month % 18 == 0) * 1.0])
    found = found_in(np.vstack([rng.poisson(y), rng.poisson(np.full((20, 72), 20.0))]))
    assert found["pattern"].tolist()[:4] == ["chronic", "seasonal", "emerging", "sporadic"]
    assert found["season_months"].iloc[1] == "11|12|1"
    assert found.loc[2, ["rising", "lasting"]].all()


def test_growth_of_the_whole_city_is_no_rise() -> None:
    rng = np.random.default_rng(1)
    growth = 3.6 ** (np.arange(60) / 48)
    y = rng.poisson(8 * np.tile(growth, (300, 1)))
    y[7, -12:] = rng.poisson(30 * growth[-12:])
    found = found_in(y, categories=5)
    assert found["pattern"].iloc[7] == "emerging"
    assert found["rising"].sum() <= 2
    assert found["recent_times"].median() == pytest.approx(1, abs=0.05)
    assert found["seasonal"].sum() <= 1


def test_one_burst_is_neither_season_nor_rise() -> None:
    y = np.random.default_rng(2).poisson(2.0, (40, 72))
    y[0, 65], y[1, 20] = 90, 90
    assert not found_in(y).loc[:1, ["seasonal", "rising"]].to_numpy().any()


def test_a_thin_cell_borrows_the_shape_of_its_category() -> None:
    rng = np.random.default_rng(3)
    season = np.where(np.arange(60) % 12 < 3, 2.0, 2 / 3)
    thin, loud = rng.poisson(0.5 * season, (150, 60)), rng.poisson(5 * season, (10, 60))
    alone = [found_in(thin[[row]])["season_p"].iloc[0] < 0.01 for row in range(150)]
    together = classify(grid_of(np.vstack([thin, loud]), ["x"] * 160), NO_AREAS, AS_OF, SPEC)["season_p"].iloc[:150]
    assert (together < 0.01).mean() > np.mean(alone) + 0.1


@pytest.mark.parametrize("as_of", ["2020-05-01", "2021-10-01"])
def test_what_comes_later_changes_no_byte(as_of: str) -> None:
    grid, _, _, _ = planted()
    until = pd.Timestamp(as_of).as_unit("us")
    later = grid.months > until
    y = grid.y.copy()
    y[:, later] = np.random.default_rng(0).integers(0, 10**6, (len(y), int(later.sum())))
    y[::3, later] = np.nan
    one = classify(grid, NO_AREAS, until, SPEC)
    other = classify(Grid(grid.cells, grid.months, y), NO_AREAS, until, SPEC)
    cut = classify(Grid(grid.cells, grid.months[~later], grid.y[:, ~later]), NO_AREAS, until, SPEC)
    for table in (other, cut):
        pd.testing.assert_frame_equal(one, table, check_exact=True)


def test_uncovered_months_are_not_zeros() -> None:
    rng = np.random.default_rng(5)
    y = rng.poisson(6.0, (30, 60)).astype(float)
    gaps, zeros = y.copy(), y.copy()
    winter = np.arange(60) % 12 < 3
    gaps[0, winter], zeros[0, winter] = np.nan, 0
    for table, is_season in ((found_in(gaps), False), (found_in(zeros), True)):
        assert bool(table["season_q"].iloc[0] <= 0.05) == is_season
    assert found_in(gaps)["months_covered"].iloc[0] == 45
    assert found_in(gaps)["mean_per_month"].iloc[0] == pytest.approx(np.nanmean(gaps[0]))


def test_ended_areas_and_cells_never_covered_are_left_out() -> None:
    y = np.full((3, 30), 4.0)
    y[2] = np.nan
    areas = conform(
        Areas, pd.DataFrame({"area": ["a000"], "level": "community", "name": "x", "aliases": "", "valid_to": [AS_OF]})
    ).assign(valid_to=AS_OF - pd.Timedelta(days=3))
    assert classify(grid_of(y), areas, AS_OF, SPEC)["area"].tolist() == ["a001"]
    assert classify(grid_of(y), areas, pd.Timestamp("2000-01-01"), SPEC).empty


def test_too_little_is_not_tested() -> None:
    y = np.zeros((2, 72))
    y[0, 60:71] = 1
    found = found_in(y)
    assert found[["season_p", "season_q", "trend_p", "trend_q", "peak_month"]].isna().all().all()
    assert found["pattern"].tolist() == ["sporadic", "sporadic"]
    assert found_in(np.full((1, 10), 9.0))["trend_p"].isna().all()


series = st.integers(1, 200).flatmap(
    lambda months: st.tuples(
        st.lists(st.sampled_from([0.0, 1.0, 2.0, 7.0, 1e6, float("nan")]), min_size=months, max_size=months),
        st.integers(0, 2**31),
    )
)


@given(series, st.integers(1, 6))
def test_any_panel_gives_a_valid_table(drawn: tuple[list[float], int], cells: int) -> None:
    values, seed = drawn
    y = np.stack([np.random.default_rng(seed + n).permutation(values) for n in range(cells)])
    found = check(Patterns, found_in(y, categories=2))
    assert set(found["pattern"]) <= set(PATTERNS)
    assert (found["months_active"] <= found["months_covered"]).all()
    assert len(found) == (~np.isnan(y)).any(axis=1).sum()
    for name in ("season", "trend"):
        assert (found[f"{name}_q"].dropna() >= found[f"{name}_p"].dropna() - 1e-15).all()


@given(st.integers(0, 2**31))
def test_order_of_rows_changes_nothing(seed: int) -> None:
    grid, _, _ = bench.panel(seed, 60, 40, planted=True)
    order = np.random.default_rng(seed).permutation(60)
    mixed = Grid(grid.cells.iloc[order].reset_index(drop=True), grid.months, grid.y[order])
    one, other = (classify(g, NO_AREAS, AS_OF, SPEC) for g in (grid, mixed))
    pd.testing.assert_frame_equal(one, other, rtol=1e-12)


@given(st.integers(0, 2**31), st.sampled_from([10, 100]))
def test_a_larger_city_of_the_same_shape_is_as_seasonal(seed: int, times: int) -> None:
    """Counts far above Poisson noise: multiplying all of them moves no share, ratio or strength."""
    rng = np.random.default_rng(seed)
    y = np.round(rng.gamma(4, 1e4, (8, 60)) * (1 + 0.5 * np.cos(np.arange(60) * np.pi / 6)))
    one, other = found_in(y, categories=2), found_in(times * y, categories=2)
    for name in ("seasonal_strength", "recent_times", "trend_per_year"):
        assert other[name].to_numpy() == pytest.approx(one[name].to_numpy(), rel=5e-3, abs=1e-3)
    assert other["pattern"].tolist() == one["pattern"].tolist()


def with_gaps(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = rng.negative_binomial(2, 2 / (2 + rng.choice([1.0, 8, 500]) * (1 + (np.arange(60) % 12 < 4))), 60).astype(
        float
    )
    y[rng.random(60) < 0.15] = np.nan
    y[: rng.integers(0, 14)] = np.nan
    return evidence.by_year(y[None])


@given(st.integers(0, 10**6))
def test_sums_of_squares_against_the_slow_twin(seed: int) -> None:
    y, shape = with_gaps(seed), np.random.default_rng(seed).gamma(5, 0.2, 12)
    if np.nansum(y) < 5 or (~np.isnan(y)).sum() < 24:
        return
    years = y[0].tolist()
    np.testing.assert_allclose(evidence.level(y)[0], naive.slow_level(years), rtol=1e-9, atol=1e-12)
    rng = np.random.default_rng(seed)
    index, known_by, pace = rng.gamma(5, 0.2, 12), rng.uniform(50, 90, 12), rng.uniform(0.3, 1, 5)
    pace[-1] = 1
    fits = evidence.fits(y, shape[None], index[None], known_by[None], pace, 4)
    season, season_df, signed, rest, df = naive.season_sums(years, shape.tolist())
    assert [fits.season_df[0], fits.df[0]] == [season_df, df]
    scale = season + rest
    assert fits.season[0] == pytest.approx(season, rel=1e-6, abs=1e-6 * scale)
    assert fits.rss[0] == pytest.approx(rest, rel=1e-6, abs=1e-6 * scale)
    assert fits.shape[0] == pytest.approx(signed, rel=1e-5, abs=1e-6 * scale)
    if not (fits.recent[0] and fits.before[0]):
        return
    share, variance, squares, left = naive.rise(years, index.tolist(), known_by.tolist(), pace.tolist())
    told = [fits.share[0], fits.variance[0], fits.rise_rss[0], fits.rise_df[0]]
    assert told == pytest.approx([share, variance, squares, max(left, 0)], rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_rates_of_false_discovery_against_the_slow_twin(p: list[float]) -> None:
    values = np.array([*p, np.nan])
    found = evidence.false_discovery(values, any_dependence=False)
    assert found[:-1] == pytest.approx(np.array(naive.discovery_rates(p)), rel=1e-12)
    assert np.isnan(found[-1])
    times = (1 / np.arange(1, len(p) + 1)).sum()
    guarded = evidence.false_discovery(values, any_dependence=True)[:-1]
    assert (guarded >= found[:-1] * (1 - 1e-12)).all()
    low = guarded < 1
    assert guarded[low] == pytest.approx(found[:-1][low] * times, rel=1e-9)


@pytest.mark.parametrize("change", [{"active": 0}, {"rise": 0.5}, {"cut": 1}])
def test_options_refuse_what_makes_no_sense(change: dict[str, float]) -> None:
    make: Callable[..., PatternOptions] = PatternOptions
    with pytest.raises(ValueError, match=next(iter(change))):
        make(**change)
