"""A new area leans on its like as far as the old cells show; an old cell, and what tells nothing, is left alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.models import _climate
from forecast.models._climate import LEAST_SPREAD, OLD, Climate

CLIMATE = Climate()
MEANS = [0.01, 0.3, 10.0, 1_000.0, 100_000.0]


def city(
    mean: float, areas: int = 40, categories: int = 6, months: int = 36, own: float = 5.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of areas x categories, each cell Gamma with shape `own` around the product; (y, category, area)."""
    rng = np.random.default_rng(seed)
    product = rng.gamma(3, 1 / 3, (areas, 1)) * rng.gamma(3, 1 / 3, categories)
    rate = mean * product * (rng.gamma(own, 1 / own, product.shape) if own < np.inf else 1.0)
    y = rng.poisson(rate[..., None], (*rate.shape, months)).astype(float)
    area, category = np.divmod(np.arange(rate.size), categories)
    return y.reshape(rate.size, months), category, area


def weights(y: np.ndarray, category: np.ndarray, area: np.ndarray, climate: Climate = CLIMATE) -> np.ndarray:
    a, b = _climate.discounted(y, np.ones_like(y), climate.slow_discount)
    pool = _climate.pooled_level(a, b, category, area)
    return _climate.pool_weight(climate, a, b, pool, category, area)


def new_area(y: np.ndarray, area: np.ndarray, months: int = 1) -> np.ndarray:
    """The first area is born `months` before the end."""
    born = y.copy()
    born[area == 0, :-months] = np.nan
    return born


@pytest.mark.parametrize("own", [2.0, 8.0])
@pytest.mark.parametrize("mean", [3.0, 30.0, 1_000.0, 100_000.0])
def test_a_new_area_leans_on_its_like_as_the_old_cells_lie_around_theirs(mean: float, own: float) -> None:
    shown = []
    for seed in range(5):
        y, category, area = city(mean, own=own, seed=seed)
        shown.append(weights(new_area(y, area), category, area)[0, -1])
    fading = (6 / 7) ** 2
    assert 0.6 * own * fading < np.mean(shown) < 1.7 * own * fading


@pytest.mark.parametrize("mean", [10.0, 1_000.0])
def test_the_first_forecast_is_nearer_to_the_truth_than_with_one_weight_for_all(mean: float) -> None:
    """Category shares of all areas alike, one month known: the area total says it all."""
    errors = dict.fromkeys((False, True), 0.0)
    for seed in range(8):
        y, category, area = city(mean / 20, own=np.inf, seed=seed)
        born = new_area(y, area)
        season = np.ones_like(y)
        a, b = _climate.discounted(born, season, CLIMATE.slow_discount)
        pool = _climate.pooled_level(a, b, category, area)
        for learned in errors:
            shape = _climate.pool_weight(CLIMATE, a, b, pool, category, area) if learned else CLIMATE.pool_shape
            level = _climate.gamma_mean(a, b, pool, shape)[area == 0, -1]
            errors[learned] += float(np.abs(level - y[area == 0].mean(1)).sum() / y[area == 0].mean(1).sum())
    assert errors[True] < 0.8 * errors[False]


@pytest.mark.parametrize(
    ("areas", "categories", "months"), [(1, 6, 36), (40, 1, 36), (1, 1, 36), (2, 1, 200), (40, 6, 8)]
)
@pytest.mark.parametrize("mean", MEANS)
def test_where_nothing_can_be_learned_the_pool_weighs_what_it_is_told(
    mean: float, areas: int, categories: int, months: int
) -> None:
    y, category, area = city(mean, areas, categories, months)
    np.testing.assert_array_equal(weights(y, category, area), CLIMATE.pool_shape)


def test_a_few_rare_requests_prove_nothing() -> None:
    shown = [weights(*city(0.01, months=24, own=np.inf, seed=seed)).max() for seed in range(10)]
    assert np.mean(shown) < 2 * CLIMATE.pool_shape


@given(st.integers(0, 2**32), st.sampled_from(MEANS), st.sampled_from([0.2, 5.0, np.inf]), st.integers(1, 30))
def test_the_weight_is_bounded_and_the_older_the_cell_the_smaller(
    seed: int, mean: float, own: float, age: int
) -> None:
    y, category, area = city(mean, 6, 4, 30, own, seed)
    y[np.random.default_rng(seed).random(y.shape) < 0.1] = np.nan
    born = new_area(y, area, age)
    found = weights(born, category, area)
    assert (found >= CLIMATE.pool_shape).all()
    assert (found <= 1 / LEAST_SPREAD).all()
    exposure = _climate.discounted(born, np.ones_like(y), CLIMATE.slow_discount)[1]
    order = np.argsort(exposure[:, -1])
    assert (np.diff(found[order, -1]) <= 1e-9).all()


def test_what_comes_later_changes_no_earlier_weight() -> None:
    y, category, area = city(10.0)
    later = y.copy()
    later[:, 30:] = 1e6
    before = weights(later, category, area)
    np.testing.assert_array_equal(before[:, :30], weights(y, category, area)[:, :30])
    assert (before[:, 20:30] > CLIMATE.pool_shape).any()
    assert _climate.discounted(y, np.ones_like(y), CLIMATE.slow_discount)[1][0, 20] > OLD
