"""The regression finds what was put in, says how sure it is, and gives up in peace."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.models import climatology, negbin_glm
from forecast.models.negbin_glm import MONTHS, NegBinGlm
from forecast.panel import Grid
from forecast.tables import ALL, Seasons, empty
from tests import naive
from tests.forecast.grids import grid_of

FIRST = "2014-01-01"
SPEC = NegBinGlm()
NO_SEASONS = empty(Seasons)
SEASON = np.array([1.5, 1.3, 1.0, 0.8, 0.7, 0.7, 0.8, 0.9, 0.9, 1.0, 1.1, 1.3])
FEAST, COLD = -0.35, 0.02  # log effects of a whole festival in the month, and of a degree


def months_of(count: int) -> pd.DatetimeIndex:
    return pd.date_range(FIRST, periods=count, freq="MS", unit="us")


def seasons_of(months: pd.DatetimeIndex, **drivers: np.ndarray) -> pd.DataFrame:
    rows = [
        pd.DataFrame({"category": ALL, "month": months, "driver": name, "value": drivers[name]}) for name in drivers
    ]
    return pd.concat(rows, ignore_index=True)


def feast_and_cold(months: pd.DatetimeIndex, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Share of a feast that moves between January and February; degrees of cold, more in winter."""
    moy = months.month.to_numpy()
    january = rng.uniform(0, 1, len(months))
    feast = np.where(moy == 1, january, np.where(moy == 2, 1 - np.roll(january, 1), 0.0))
    return feast, 5 * np.cos(2 * np.pi * (moy - 1) / 12) + rng.normal(0, 2, len(months))


def city(seed: int, count: int = 96, areas: int = 10) -> tuple[Grid, pd.DataFrame]:
    """Areas of different size, one festival, weather, and a shock that all areas share in a month."""
    rng = np.random.default_rng(seed)
    months = months_of(count)
    feast, cold = feast_and_cold(months, rng)
    normal = 5 * np.cos(2 * np.pi * (months.month.to_numpy() - 1) / 12)
    log = np.log(SEASON[months.month.to_numpy() - 1]) + FEAST * feast + COLD * (cold - normal)
    shock = rng.gamma(100, 1 / 100, count)
    mean = rng.gamma(3, 10, (areas, 1)) * np.exp(log) * shock
    y = rng.poisson(mean * rng.gamma(20, 1 / 20, mean.shape))
    return grid_of(y, first=FIRST), seasons_of(months, feast=feast, cold=cold)


def read(grid: Grid, seasons: pd.DataFrame, spec: NegBinGlm = SPEC) -> pd.DataFrame:
    """The only category's table by term."""
    return negbin_glm.coefficients(spec, grid, seasons).set_index("term")


def value(table: pd.DataFrame, term: str, column: str) -> float:
    return float(table[column].to_numpy(dtype=float)[table.index.get_loc(term)])


def holds(table: pd.DataFrame, term: str, truth: float) -> bool:
    return value(table, term, "low") < truth < value(table, term, "high")


def truth_of(seasons: pd.DataFrame) -> pd.Series:
    """Factors of the months at the drivers they had on average, and of the drivers."""
    wide = seasons.pivot(index="month", columns="driver", values="value")
    normal = wide.groupby(pd.DatetimeIndex(wide.index).month).mean()
    cold = normal["cold"].to_numpy() - 5 * np.cos(2 * np.pi * np.arange(12) / 12)
    factor = SEASON * np.exp(FEAST * normal["feast"].to_numpy() + COLD * cold)
    return pd.Series([*(factor / factor.mean()), np.exp(FEAST), np.exp(COLD)], index=[*MONTHS, "feast", "cold"])


def test_known_effects_lie_in_their_intervals() -> None:
    held, missed = [], []
    for seed in range(8):
        grid, known = city(seed)
        truth = truth_of(known)
        table = read(grid, known).loc[truth.index]
        held.append((table["low"] <= truth) & (truth <= table["high"]))
        missed.append(np.abs(np.log(table["estimate"] / truth)))
    assert 0.9 <= np.mean(held) < 1
    assert np.mean(missed) < 0.05
    assert np.mean([row[["feast", "cold"]].mean() for row in held]) >= 0.8


def test_the_intercept_is_the_requests_of_an_average_month_whoever_was_silent() -> None:
    y = np.random.default_rng(2).poisson([[40.0], [160.0]], (2, 72)).astype(float)
    y[1, :30] = np.nan
    table = read(grid_of(y, first=FIRST), NO_SEASONS)
    assert holds(table, "intercept", 200)
    assert value(table, "intercept", "estimate") == pytest.approx(200, rel=0.05)


def test_steady_growth_is_read_and_carried_on_but_ever_less() -> None:
    y = np.random.default_rng(3).poisson(300 * 1.2 ** (np.arange(84) / 12), (5, 84))
    grid = grid_of(y, first=FIRST)
    table = read(grid, NO_SEASONS)
    assert holds(table, "trend", 1.2)
    assert value(table, "trend", "estimate") > 1.1
    moving = negbin_glm.predict(SPEC, grid, NO_SEASONS, 12, 0).sum(0)
    still = negbin_glm.predict(NegBinGlm(trend_damping=0), grid, NO_SEASONS, 12, 0).sum(0)
    steps = np.diff(np.log(moving / still))
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()


def test_the_dispersion_is_that_of_the_totals() -> None:
    rng = np.random.default_rng(4)
    shock = rng.gamma(25, 1 / 25, 120)
    found = [
        read(grid_of(rng.poisson(1000 * rng.permutation(shock), (4, 120)), first=FIRST), NO_SEASONS) for _ in range(5)
    ]
    assert np.mean([value(table, "dispersion", "estimate") for table in found]) == pytest.approx(1 / 25, rel=0.35)


def test_a_driver_that_is_the_same_every_year_or_stands_out_once_is_no_driver() -> None:
    months = months_of(84)
    same = (months.month.to_numpy() > 10).astype(float)
    once = same + (np.arange(84) == 40)
    grid, known = city(1, 84)
    terms = read(grid, pd.concat([known, seasons_of(months, same=same, once=once)])).index
    assert {"feast", "cold"} <= set(terms)
    assert not {"same", "once"} & set(terms)
    assert "cold" not in read(grid, known, NegBinGlm(drivers=("feast",))).index


def test_a_month_the_seasons_do_not_know_is_a_normal_one() -> None:
    grid, known = city(1)
    ahead = pd.date_range("2022-01-01", periods=3, freq="MS", unit="us")
    values = known.assign(moy=known["month"].dt.month).groupby(["driver", "moy"])["value"].mean()
    normal = seasons_of(ahead, **{name: values[name].loc[ahead.month].to_numpy() for name in ("feast", "cold")})
    told = negbin_glm.predict(SPEC, grid, pd.concat([known, normal]), 3, 0)
    np.testing.assert_allclose(negbin_glm.predict(SPEC, grid, known, 3, 0), told)


def test_a_moving_feast_is_expected_where_it_falls() -> None:
    rng = np.random.default_rng(1)
    months = months_of(108)
    first = rng.integers(0, 2, 108)
    share = np.where(months.month == 1, first, np.where(months.month == 2, 1 - np.roll(first, 1), 0)).astype(float)
    y = rng.poisson(400 * (1 - 0.5 * share), (2, 108))
    known = grid_of(y[:, :-12], first=FIRST)
    means = negbin_glm.predict(SPEC, known, seasons_of(months, feast=share), 2, 0)
    blind = negbin_glm.predict(NegBinGlm(drivers=()), known, seasons_of(months, feast=share), 2, 0)
    truth = 400 * (1 - 0.5 * share[-12:-10])
    assert np.abs(means - truth).sum() < np.abs(blind - truth).sum() / 2


def test_a_wild_driver_is_held() -> None:
    grid, known = city(1)
    wild = seasons_of(pd.date_range("2022-01-01", periods=3, freq="MS", unit="us"), cold=np.array([1e6, -1e6, 1e300]))
    means = negbin_glm.predict(SPEC, grid, pd.concat([known, wild]), 3, 0).sum(0)
    usual = climatology.predict(climatology.Climatology(), grid, NO_SEASONS, 3, 0).sum(0)
    assert (means <= usual * SPEC.largest_factor * (1 + 1e-9)).all()
    assert (means >= usual / SPEC.largest_factor * (1 - 1e-9)).all()


def test_months_that_never_saw_a_request_are_no_trouble() -> None:
    months = months_of(60)
    y = np.random.default_rng(5).poisson(20 * np.isin(months.month, [12, 1, 2]), (4, 60))
    table = read(grid_of(y, first=FIRST), NO_SEASONS).drop(index="dispersion")
    assert np.isfinite(table[["estimate", "std_error", "low", "high"]].to_numpy(dtype=float)).all()
    assert value(table, "july", "estimate") < 0.1
    assert value(table, "january", "estimate") > 2


@pytest.mark.parametrize("y", [np.full((3, 23), 9.0), np.zeros((3, 40))], ids=["23 months", "zeros"])
def test_where_nothing_can_be_estimated_level_and_season_stay(y: np.ndarray) -> None:
    plain = climatology.predict(climatology.Climatology(), grid_of(y, first=FIRST), NO_SEASONS, 6, 0)
    np.testing.assert_allclose(negbin_glm.predict(SPEC, grid_of(y, first=FIRST), NO_SEASONS, 6, 0), plain)
    table = negbin_glm.coefficients(SPEC, grid_of(y, first=FIRST), NO_SEASONS)
    assert table.empty
    assert list(table.columns) == ["category", "term", "estimate", "std_error", "low", "high"]


def test_a_fit_that_fails_leaves_level_and_season(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, known = city(1)
    monkeypatch.setattr(negbin_glm, "_glm", lambda *_: None)
    plain = climatology.predict(climatology.Climatology(), grid, known, 6, 0)
    np.testing.assert_allclose(negbin_glm.predict(SPEC, grid, known, 6, 0), plain)


def test_a_fit_that_leaves_the_numbers_is_given_up() -> None:
    x, y = np.ones((30, 1)), np.full(30, 5.0)
    assert negbin_glm._glm(x, y, np.zeros(30), np.array([np.inf]), 0.1, np.array([np.nan])) is None
    assert negbin_glm._glm(x, y, np.zeros(30), np.array([np.inf]), 0.1, np.zeros(1)) is not None


def test_the_order_of_rows_does_not_matter() -> None:
    grid, known = city(1)
    y = np.vstack([grid.y, grid.y[:, ::-1]])
    categories = ["b"] * 10 + ["a"] * 10
    order = np.random.default_rng(0).permutation(20)
    shuffled = Grid(pd.DataFrame({"area": "x", "category": categories}).iloc[order], grid.months, y[order])
    straight = Grid(pd.DataFrame({"area": "x", "category": categories}), grid.months, y)
    key = ["category", "term"]
    tables = [negbin_glm.coefficients(SPEC, g, known).set_index(key).sort_index() for g in (straight, shuffled)]
    pd.testing.assert_frame_equal(tables[0], tables[1], rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(24, 60), st.integers(-2, 6))
def test_factors_of_the_months_have_mean_one_and_lie_in_their_intervals(seed: int, count: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.poisson(10.0**size * rng.gamma(2, 0.5, (3, 1)) * rng.gamma(2, 0.5, count), (3, count)).astype(float)
    y[rng.random(y.shape) < 0.1] = np.nan
    tables = negbin_glm.coefficients(SPEC, grid_of(y, first=FIRST), NO_SEASONS)
    for _, table in tables[tables["term"] != "dispersion"].groupby("category"):
        assert table.loc[table["term"].isin(MONTHS), "estimate"].mean() == pytest.approx(1)
        assert (table["low"] < table["estimate"]).all()
        assert (table["estimate"] < table["high"]).all()


def test_totals_of_areas_hold_all_that_their_rows_say_of_shared_effects() -> None:
    rng = np.random.default_rng(6)
    size = rng.gamma(2, 20, 5)
    x = np.column_stack([np.ones(60), rng.normal(size=60), rng.normal(size=60)])
    y = rng.poisson(size[:, None] * np.exp(x @ [0.1, 0.3, -0.2]))
    spread, start = np.array([np.inf, 0.04, 0.04]), np.zeros(3)
    rows = negbin_glm._glm(np.tile(x, (5, 1)), y.ravel(), np.repeat(np.log(size), 60), spread, 1e-9, start)
    totals = negbin_glm._glm(x, y.sum(0), np.full(60, np.log(size.sum())), spread, 1e-9, start)
    assert rows is not None
    assert totals is not None
    np.testing.assert_allclose(totals[0], rows[0], rtol=1e-5)
    np.testing.assert_allclose(totals[1], rows[1], rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 1.0), st.floats(0.5, 500))
def test_the_fit_is_that_of_its_slow_twin(seed: int, alpha: float, mean: float) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(30), np.eye(3)[rng.integers(0, 3, 30)], rng.normal(size=30)])
    offset = np.log(mean * rng.uniform(0.5, 2, 30))
    y = rng.poisson(np.exp(offset) * rng.gamma(4, 1 / 4, 30)).astype(float)
    y[0] += 1
    spread = np.array([np.inf, 0.04, 0.04, 0.04, 0.01])
    start = np.append(np.log(y.sum() / np.exp(offset).sum()), np.zeros(4))
    quick = negbin_glm._glm(x, y, offset, spread, alpha, start)
    assert quick is not None
    slow = naive.negbin_regression(x.tolist(), y.tolist(), offset.tolist(), spread.tolist(), alpha)
    np.testing.assert_allclose(quick[0], slow, atol=1e-4)


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(0, 6))
def test_a_driver_off_its_normal(seed: int, known: int, ahead: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 2, known + ahead)
    values[rng.random(len(values)) < 0.2] = np.nan
    moy = (np.arange(len(values)) + seed) % 12
    quick = negbin_glm._off_normal(values, moy, known)
    np.testing.assert_allclose(quick, naive.off_normal(values.tolist(), moy.tolist(), known), atol=1e-12)


def test_the_dispersion_explains_what_is_left_over() -> None:
    rng = np.random.default_rng(7)
    mu = rng.gamma(2, 50, 200)
    y = rng.poisson(mu * rng.gamma(5, 1 / 5, 200)).astype(float)
    alpha = negbin_glm._dispersion(y, mu, 190.0)
    assert ((y - mu) ** 2 / (mu + alpha * mu**2)).sum() == pytest.approx(190)
    assert negbin_glm._dispersion(mu, mu, 190.0) == pytest.approx(negbin_glm.DISPERSION[0])
