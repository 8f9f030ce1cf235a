"""Grid -> whole-city series of each category, and their forecasts shared out to the cells again."""

from collections.abc import Callable

import numpy as np

from forecast.models import _climate
from forecast.models._climate import Climate, Fit
from forecast.models._season import group_sum
from forecast.panel import Grid

Forecaster = Callable[[int, np.ndarray], np.ndarray | None]
"""Number of the category, its monthly totals (m,) up to the end of the grid -> means (horizon,), or None when
nothing can be said."""


def share_out(
    climate: Climate,
    grid: Grid,
    horizon: int,
    forecaster: Forecaster,
    least_months: int,
    largest_factor: float,
    most_categories: int,
) -> np.ndarray:
    """Means (n, horizon): each category forecast as one series, each cell its share of level x season.

    Args:
        forecaster: asked for every category with at least `least_months` months of history.
        least_months: categories with less keep level x season.
        largest_factor: how far the total of a category may leave that of level x season, either way.
        most_categories: how many are asked for, those with the most requests first; the others keep level x season.
    """
    fit = _climate.fit(climate, grid)
    cells = _climate.project(fit, grid.future(horizon))
    category, _ = _climate.codes(grid)
    totals = group_sum(filled(climate, grid, fit), category)
    listened = group_sum(~np.isnan(grid.y), category) > 0
    usual = group_sum(cells, category)
    factors = np.ones_like(usual)
    names = grid.cells["category"].unique()
    largest = sorted(range(len(totals)), key=lambda c: (-totals[c].sum(), names[c]))[:most_categories]
    for c in largest:
        series = totals[c]
        history = series[np.argmax(listened[c]) :] if listened[c].any() else series[:0]
        means = forecaster(c, history) if len(history) >= least_months and history.any() else None
        if means is not None:
            factors[c] = np.clip(means / usual[c], 1 / largest_factor, largest_factor)
    return cells * factors[category]


def filled(climate: Climate, grid: Grid, fit: Fit) -> np.ndarray:
    """(n, T) counts; months not covered hold what level x season says from the covered months on both sides.

    Without it a total would drop whenever an area falls silent.
    """
    y = grid.y
    season = fit.index[:, _climate.month_of_year(grid.months)]
    before_a, before_b = _climate.discounted(y, season, climate.discount)
    after_a, after_b = (x[:, ::-1] for x in _climate.discounted(y[:, ::-1], season[:, ::-1], climate.discount))
    level = _climate.gamma_mean(before_a + after_a, before_b + after_b, fit.level[:, None], climate.pool_shape)
    return np.where(np.isnan(y), level * season, y)
