from dataclasses import asdict
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from forecast import negbin, paths
from forecast.errors import DataError
from forecast.paths import Shared
from forecast.tables import ALL, Calibration, Forecasts, check, conform
from tests import naive

SHARED = Shared(city=0.02, category=0.03, area=0.05, kept=0.4, months=0.2)
MONTHS = pd.date_range("2025-01-01", periods=3, freq="MS", unit="us")
ORIGIN = pd.Timestamp("2024-12-01")


def frame(areas: str, categories: str) -> pd.DataFrame:
    return pd.DataFrame(list(product(areas, categories)), columns=["area", "category"]).astype("str")


CELLS = frame("abcdef", "uvwxyz")


def figures(size: int, seed: int, horizon: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(1.0, 1.5, (size, horizon))
    return mean, mean + rng.uniform(0.1, 0.6, (size, horizon)) * mean**2


def sums_of(groups: list[np.ndarray]) -> sparse.csr_array:
    return sparse.csr_array(np.array(groups, dtype=float))


EVERY = [np.ones(len(CELLS), dtype=bool)]
EVERY += [(CELLS["category"] == name).to_numpy() for name in "uvwxyz"]
EVERY += [(CELLS["area"] == name).to_numpy() for name in "abcdef"]


@given(
    st.lists(st.tuples(st.floats(1e-6, 1e6), st.floats(0, 8)), min_size=1, max_size=6),
    st.lists(st.floats(1e-12, 1 - 1e-12), min_size=1, max_size=8),
)
def test_a_draw_is_the_quantile_as_issued_at_its_level(
    margins: list[tuple[float, float]], levels: list[float]
) -> None:
    mean = np.array([mean for mean, _ in margins])
    variance = np.array([mean + dispersion * mean**2 for mean, dispersion in margins])
    drawn = paths._counts(mean, variance, np.tile(levels, (len(mean), 1)))
    issued = negbin.quantile(mean, variance, levels)
    # a level on a step of the cdf may fall to either side of it by rounding
    step = negbin.cdf(np.minimum(drawn, issued), mean[:, None], variance[:, None])
    assert ((drawn == issued) | (np.abs(step - levels) < 1e-11)).all()


@pytest.mark.parametrize(("mean", "dispersion"), [(0.02, 0.5), (0.7, 2.0), (9.0, 0.0), (300.0, 0.4), (2e5, 0.01)])
def test_margins_keep_their_distribution_whatever_is_shared(mean: float, dispersion: float) -> None:
    means = np.full((1, 3), mean)
    variance = means + dispersion * means**2
    drawn = paths.sample(CELLS.head(1), means, variance, SHARED, 20_000, 5)[:, 0]
    for month in drawn.T:
        uniform = np.sort(negbin.pit(month, mean, mean + dispersion * mean**2, 6))
        even = (np.arange(uniform.size) + 0.5) / uniform.size
        assert np.abs(uniform - even).max() < 1.95 / np.sqrt(uniform.size)


@given(st.floats(0.001, 12), st.just(0.0) | st.floats(1e-4, 1))
def test_slope_agrees_with_its_slow_twin(mean: float, dispersion: float) -> None:
    variance = mean + dispersion * mean**2
    found = paths._slope(np.array([[mean]]), np.array([[variance]]))[0, 0]
    assert found == pytest.approx(naive.score_slope(mean, variance), rel=0.02)


def test_sums_vary_as_the_shocks_say() -> None:
    mean, variance = figures(len(CELLS), 1)
    drawn = paths.sample(CELLS, mean, variance, SHARED, 8_000, 2)
    shocks = {"city": SHARED.city, "category": SHARED.category, "area": SHARED.area}
    for group in EVERY:
        cells = list(CELLS[group].itertuples(index=False, name=None))
        expected = naive.variance_with_shocks(cells, mean[group, 0].tolist(), variance[group, 0].tolist(), shocks)
        assert drawn[:, group, 0].sum(axis=1).var() == pytest.approx(expected, rel=0.12)


def test_what_sums_imply_is_what_was_shared() -> None:
    mean, variance = figures(len(CELLS), 3)
    shocks = {"city": 0.02, "category": 0.08, "area": 0.005}
    issued = np.array(
        [
            [
                naive.variance_with_shocks(
                    list(CELLS[group].itertuples(index=False, name=None)),
                    mean[group, h].tolist(),
                    variance[group, h].tolist(),
                    shocks,
                )
                for h in range(3)
            ]
            for group in EVERY
        ]
    )
    sums = sums_of(EVERY)
    apart = np.mean((sums @ variance).sum(axis=1) / issued.sum(axis=1))
    together = 0.2 * apart + 0.6 * (1 - apart)
    found = paths.implied(CELLS, mean, variance, 0.2, sums, issued, together)
    assert asdict(found) == pytest.approx(shocks | {"kept": 0.6, "months": 0.2}, rel=0.02)
    scaled = paths.implied(CELLS, 1e3 * mean, 1e6 * variance, 0.2, sums, 1e6 * issued, together)
    assert asdict(scaled) == pytest.approx(asdict(found), rel=0.02)


def test_sums_that_vary_less_than_their_parts_share_nothing() -> None:
    mean, variance = figures(len(CELLS), 4)
    sums = sums_of(EVERY)
    issued = 0.5 * (sums @ variance)
    assert paths.implied(CELLS, mean, variance, 0.1, sums, issued, 0.3) == Shared(kept=0.3, months=0.1)
    assert paths.implied(CELLS, mean, variance, 0.1, sums[:0], issued[:0], 0.0) == Shared(months=0.1)


def test_months_of_a_cell_hang_together_as_calibrated() -> None:
    mean, variance = np.full((1, 3), 20.0), np.full((1, 3), 140.0)
    drawn = paths.sample(CELLS.head(1), mean, variance, Shared(0.01, 0.01, 0.01, 0.3, 0.3), 20_000, 8)
    expected = negbin.variance_of_sum(variance.sum(), np.sqrt(variance).sum(), 0.3)
    assert drawn[:, 0].sum(axis=1).var() == pytest.approx(expected, rel=0.05)
    apart = paths.sample(CELLS.head(1), mean, variance, Shared(), 20_000, 8)
    assert apart[:, 0].sum(axis=1).var() == pytest.approx(variance.sum(), rel=0.05)


@given(st.permutations(range(8)), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_cell_has_the_same_paths_in_any_company_and_order(order: list[int], some: int, seed: int) -> None:
    cells = frame("abcd", "uv")
    mean, variance = figures(8, seed)
    mean[3] = variance[3] = 0
    drawn = paths.sample(cells, mean, variance, SHARED, 7, seed)
    assert drawn.shape == (7, 8, 3)
    assert drawn.dtype == np.int64
    assert (drawn >= 0).all()
    assert not drawn[:, 3].any()
    chosen = order[:some]
    again = paths.sample(cells.iloc[chosen].reset_index(drop=True), mean[chosen], variance[chosen], SHARED, 7, seed)
    np.testing.assert_array_equal(again, drawn[:, chosen])
    assert (paths.sample(cells, mean, variance, SHARED, 7, seed + 1) != drawn).any()


@given(st.floats(0, 100), st.floats(0, 1), st.floats(0, 1), st.floats(-9, 7))
def test_any_mean_and_any_shock_can_be_drawn(shock: float, months: float, kept: float, power: float) -> None:
    mean = np.array([[0.0, 1.0, 10.0**power], [10.0**power, 0.0, 0.3]])
    drawn = paths.sample(CELLS.head(2), mean, mean / 2, Shared(shock, shock, 0.0, months, kept), 5, 1)
    assert drawn.min() >= 0


def tables(cells: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    mean, variance = figures(len(cells), seed)
    rows = [
        cells.assign(month=month, horizon=h + 1, output=name, level=np.nan, predicted=values[:, h])
        for h, month in enumerate(MONTHS)
        for name, values in (("mean", mean), ("variance", variance))
    ]
    known = pd.concat(rows, ignore_index=True).assign(model="combination", origin=ORIGIN)
    more = known[known["output"] == "mean"].assign(model="theta")
    forecasts = check(Forecasts, conform(Forecasts, pd.concat([more, known.sample(frac=1, random_state=seed)])))
    single = pd.DataFrame({"parameter": ["correlation"], "value": SHARED.months, "horizon": 0, "bin": 0})
    single = conform(Calibration, single.assign(model="combination", origin=ORIGIN))
    calibration = pd.concat([single, paths.table(SHARED, "combination", ORIGIN)], ignore_index=True)
    return forecasts, calibration, mean, variance


def test_tables_give_the_same_paths_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    forecasts, calibration, mean, variance = tables(CELLS, 1)
    expected = paths.sample(CELLS, mean, variance, SHARED, 10, 3)
    monkeypatch.setattr(paths, "CHUNK", 10 * 3 * 5)
    parts = list(paths.from_tables(forecasts, calibration, CELLS, 10, 3))
    assert [len(part.cells) for part in parts] == [5] * 7 + [1]
    np.testing.assert_array_equal(np.concatenate([part.counts for part in parts], axis=1), expected)
    pd.testing.assert_frame_equal(pd.concat([part.cells for part in parts], ignore_index=True), CELLS)
    assert parts[0].months.equals(MONTHS)


def test_totals_add_up_the_cells_of_each_group() -> None:
    forecasts, calibration, mean, variance = tables(CELLS, 2)
    groups = pd.concat([CELLS.assign(group="all"), CELLS[CELLS["area"] == "b"].assign(group="b")])
    groups = pd.concat([groups, pd.DataFrame({"area": ["q"], "category": ["u"], "group": ["none"]})])
    names, sums = paths.totals(paths.from_tables(forecasts, calibration, CELLS, 9, 4), groups)
    drawn = paths.sample(CELLS, mean, variance, SHARED, 9, 4)
    assert names.tolist() == ["all", "b", "none"]
    np.testing.assert_array_equal(sums[:, 0], drawn.sum(axis=1))
    np.testing.assert_array_equal(sums[:, 1], drawn[:, (CELLS["area"] == "b").to_numpy()].sum(axis=1))
    assert not sums[:, 2].any()
    with pytest.raises(DataError, match="no paths"):
        paths.totals(iter([]), groups)


def test_tables_that_lack_something_are_refused() -> None:
    forecasts, calibration, _, _ = tables(CELLS, 5)
    old = calibration[calibration["parameter"] != "common_city"]
    with pytest.raises(DataError, match="no figure for common_city"):
        paths.from_tables(forecasts, old, CELLS, 2, 0)
    with pytest.raises(DataError, match="more than one model or origin"):
        paths.from_tables(forecasts, pd.concat([calibration, calibration]), CELLS, 2, 0)
    with pytest.raises(DataError, match="every month of q/u"):
        paths.from_tables(forecasts, calibration, frame("aq", "u"), 2, 0)
    gap = forecasts.drop(forecasts.index[forecasts["output"] == "variance"][0])
    with pytest.raises(DataError, match="no mean and variance for every month"):
        paths.from_tables(gap, calibration, CELLS, 2, 0)


def test_leaves_are_single_categories_of_areas_without_parts() -> None:
    places = pd.concat([frame("abS", "uv"), pd.DataFrame({"area": ["a", "S"], "category": ALL})], ignore_index=True)
    forecasts, _, _, _ = tables(places, 6)
    ancestors = pd.DataFrame({"area": ["a", "b", "S", "a"], "ancestor": ["S", "S", "S", "a"]})
    pd.testing.assert_frame_equal(paths.leaves(forecasts, ancestors), frame("ab", "uv"))
