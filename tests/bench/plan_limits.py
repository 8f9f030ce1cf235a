"""Lists and what came -> what other lists hold, where they differ, and what a true forecast would win."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.plan_scores import Known, membership
from tests.bench.page import table

Array = np.ndarray

SHARE = 0.1
MONTHS = (1, 3, 6, 12)
DRAWS = 10
TOGETHER = 0.12
"""Correlation between the months of one cell in the draws of `promised`; about what is learned in both cities."""

CATEGORIES = 4


@dataclass(frozen=True)
class Stand:
    """Lists of an origin, (n, H) what came, and (n, H) variance of the forecasts."""

    known: Known
    actual: Array
    variance: Array


@dataclass(frozen=True)
class Window:
    """Cells covered in all of the first months: (n,) volumes by list, what came, variance of the sum, category."""

    volume: dict[str, Array]
    came: Array
    variance: Array
    category: Array

    @property
    def k(self) -> int:
        return max(1, round(SHARE * len(self.came)))


def variances(issued: pd.DataFrame, known: Known) -> Array:
    """(n, H) variance of the cells of the lists."""
    rows = issued[issued["output"] == "variance"]
    wide = rows.pivot(index=["area", "category"], columns="horizon", values="predicted")
    return wide.reindex(pd.MultiIndex.from_frame(known.cells)).to_numpy()


def window(stand: Stand, months: int) -> Window | None:
    came = stand.actual[:, :months].sum(axis=1)
    there = ~np.isnan(came)
    if not there.any():
        return None
    each = stand.variance[there, :months]
    total = (1 - TOGETHER) * each.sum(axis=1) + TOGETHER * np.sqrt(each).sum(axis=1) ** 2
    volume = {name: one[there] for name, one in stand.known.volume(months).items()}
    return Window(volume, came[there], total, stand.known.cells["category"].to_numpy()[there])


def by_category(figures: Array, window: Window) -> Array:
    """(n,) sum of the figures over the cell's category."""
    _, at = np.unique(window.category.astype(str), return_inverse=True)
    return np.bincount(at, figures)[at]


def shared(window: Window, totals: Array) -> Array:
    """Category totals shared out by the flat mean."""
    flat = window.volume["flat_mean"]
    below = by_category(flat, window)
    return np.divide(flat * totals, below, out=np.zeros(len(flat)), where=below > 0)


RANKINGS: dict[str, Callable[[Window], Array]] = {
    "plan": lambda w: w.volume["plan"],
    "flat mean": lambda w: w.volume["flat_mean"],
    "last year": lambda w: w.volume["last_year"],
    "flat mean × last year's season of its category": lambda w: shared(w, by_category(w.volume["last_year"], w)),
    "forecast of the category, shared out by the flat mean": lambda w: shared(w, by_category(w.volume["plan"], w)),
    "mean of plan and flat mean": lambda w: w.volume["plan"] + w.volume["flat_mean"],
    "category as it came, shared out by the flat mean": lambda w: shared(w, by_category(w.came, w)),
}


def of_oracle(ranking: Array, came: Array, k: int) -> float:
    best = membership(came, k) @ came
    return float(membership(ranking, k) @ came / best) if best > 0 else np.nan


def promised(window: Window, seed: int) -> tuple[float, float]:
    """÷ oracle of the plan and of the flat mean in a world where every cell is drawn from its forecast."""
    rng, mean, k = np.random.default_rng(seed), window.volume["plan"], window.k
    extra = np.maximum(window.variance - mean, 1e-9)
    found = []
    for _ in range(DRAWS):
        rate = rng.gamma(np.maximum(mean**2 / extra, 1e-9)) * extra / np.maximum(mean, 1e-9)
        came = rng.poisson(rate).astype(float)
        found.append([of_oracle(window.volume[name], came, k) for name in ("plan", "flat_mean")])
    plan, flat = np.mean(found, axis=0)
    return float(plan), float(flat)


def swapped(window: Window) -> tuple[Array, Array]:
    """(n,) how much more the plan lists a cell than the flat mean does, and less."""
    gap = membership(window.volume["plan"], window.k) - membership(window.volume["flat_mean"], window.k)
    return np.maximum(gap, 0), np.maximum(-gap, 0)


def page(stands: Sequence[Stand]) -> str:
    """The tables of a city."""
    lines: dict[str, list[float]] = {
        name: [] for name in (*RANKINGS, "a true forecast: plan", "a true forecast: flat mean")
    }
    differ = []
    for months in MONTHS:
        found = [one for stand in stands if (one := window(stand, months)) is not None]
        for name, ranking in RANKINGS.items():
            lines[name].append(float(np.mean([of_oracle(ranking(one), one.came, one.k) for one in found])))
        both = np.mean([promised(one, seed) for seed, one in enumerate(found)], axis=0)
        lines["a true forecast: plan"].append(both[0])
        lines["a true forecast: flat mean"].append(both[1])
        differ.append(_differ(months, found))
    rows = [[name, *(f"{100 * value:.1f}" for value in values)] for name, values in lines.items()]
    return (
        "\nOther lists of a tenth of the cells ÷ oracle, mean over the origins; the last two rows are not of what "
        "came but of draws from the forecasts.\n\n"
        + table(["list", *(f"{months} ahead" for months in MONTHS)], rows)
        + "\nCells on the plan's list and not on that of the flat mean, and the reverse; points of the oracle by "
        "category, most and least.\n\n"
        + table(["months", "swapped", "requests in", "requests out", "won in", "lost in"], differ)
    )


def _differ(months: int, found: Sequence[Window]) -> list[str]:
    pairs = [(one, *swapped(one)) for one in found]
    into, out = sum(more.sum() for _, more, _ in pairs), sum(less.sum() for _, _, less in pairs)
    won = sum(more @ one.came for one, more, _ in pairs) / into
    lost = sum(less @ one.came for one, _, less in pairs) / out
    each = pd.concat(
        [
            pd.Series(100 * (more - less) * one.came / (membership(one.came, one.k) @ one.came))
            .groupby(one.category)
            .sum()
            for one, more, less in pairs
        ]
    )
    points = (each.groupby(level=0).sum() / len(found)).sort_values()
    named = [f"{name} {value:+.2f}" for name, value in points.items()]
    share = into / sum(one.k for one in found)
    most = ", ".join(named[::-1][:CATEGORIES])
    return [str(months), f"{100 * share:.0f} %", f"{won:.1f}", f"{lost:.1f}", most, ", ".join(named[:CATEGORIES])]
