"""Grid + seasons -> means: level x season, corrected by one LightGBM for all cells and horizons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.explain import Explained
from forecast.models import _climate, _drivers, _parts, _rows, _trees
from forecast.models._climate import Climate, Fit
from forecast.panel import Grid
from forecast.spec import Spec

if TYPE_CHECKING:
    from lightgbm import Booster

CHUNK = 32_768
"""Cells corrected together; bounds the memory."""

LEAST_BASE = 1e-3
"""Cells expected to have fewer requests a month teach nothing about corrections."""


ROWS_FOR_BINS = 10_000
"""Rows from which the bounds of the bins are taken: more cost time and change nothing that can be measured."""


class LightGBM(Spec):
    """A global Poisson model of the correction to level x season.

    `drivers`: those of the seasons it may use (None = all). `rows`: most rows it learns from; with fewer than
    `least_rows`, or fewer than `least_months` months, level x season stays. `dispersion`: phi of var = mu + phi mu^2
    by which rows are weighed. `largest_factor` bounds a correction, either way. `refit_every`: past origins that
    share one fit, that of the oldest of them. `threads` changes the time, not the result.
    """

    kind: Literal["lightgbm"] = "lightgbm"
    climate: Climate = Climate()
    drivers: tuple[str, ...] | None = None
    rows: int = Field(75_000, ge=500)
    least_rows: int = Field(500, ge=1)
    least_months: int = Field(15, ge=14)
    half_life_months: float = Field(48.0, gt=0)
    dispersion: float = Field(0.3, ge=0)
    trees: int = Field(100, ge=1)
    learning_rate: float = Field(0.05, gt=0, le=1)
    leaves: int = Field(8, ge=2)
    least_in_leaf: int = Field(100, ge=1)
    l2: float = Field(5.0, ge=0)
    feature_share: float = Field(0.4, gt=0, le=1)
    bins: int = Field(127, ge=2, le=255)
    largest_factor: float = Field(5.0, gt=1)
    refit_every: int = Field(6, ge=1)
    threads: int = Field(1, ge=1)


@dataclass(frozen=True)
class _Ground:
    """What is known at one origin: the grid in its own order of cells, its drivers, level x season ahead."""

    past: _rows.Past
    fit: Fit
    plain: np.ndarray
    order: np.ndarray


def predict(spec: LightGBM, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
    """Means (n, horizon) for the months after the grid; plain level x season when there is too little to learn."""
    return look_back(spec, [grid], [seasons], horizon, seed)[0]


def look_back(
    spec: LightGBM, grids: Sequence[Grid], seasons: Sequence[pd.DataFrame], horizon: int, seed: int
) -> list[np.ndarray]:
    """Means (n, horizon) at each of several origins, oldest first; what is learned at one serves the next few."""
    means: list[np.ndarray] = []
    names: list[str] = []
    booster, served = None, 0
    for grid, known in zip(grids, seasons, strict=True):
        again = booster is None or served == spec.refit_every
        names = _drivers.names(known, spec.drivers) if again else names
        ground = _ground(spec, grid, _drivers_of(grid, known, names, horizon), horizon)
        booster, served = (_learn(spec, ground, horizon, seed), 1) if again else (booster, served + 1)
        means.append(_corrected(spec, ground, booster, horizon))
    return means


def explain(
    spec: LightGBM, grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int, cells: np.ndarray
) -> Explained:
    """The means of `predict`, from one fit, and the correction of the chosen cells shared out to what it came from.

    The average correction counts as level; one that reaches its bound is scaled down with all its parts.

    Source: Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees,
    Nature Machine Intelligence 2, algorithm 2 (TreeSHAP): exact, and its parts add up to the log of the correction.
    """
    names = _drivers.names(seasons, spec.drivers)
    ground = _ground(spec, grid, _drivers_of(grid, seasons, names, horizon), horizon)
    booster = _learn(spec, ground, horizon, seed)
    at = np.argsort(ground.order)[cells]
    logs = _parts.logs(ground.fit, grid, horizon, at)
    if booster is not None:
        parts = [*(_rows.PART_OF[feature] for feature in _rows.FEATURES), *map(_drivers.part, names), "level"]
        for part, log in _shared_out(spec, ground, booster, horizon, at, np.array(parts)).items():
            logs[part] = logs[part] + log if part in logs else log
    return Explained(_corrected(spec, ground, booster, horizon), logs, rest="trend")


def _shared_out(
    spec: LightGBM, ground: _Ground, booster: "Booster", horizon: int, at: np.ndarray, part_of: np.ndarray
) -> dict[str, np.ndarray]:
    """Part -> (k, horizon) of the log correction of the cells `at`; `part_of`: (features + 1,), the last the mean."""
    now, largest = np.full(len(at), ground.past.y.shape[1] - 1), np.log(spec.largest_factor)
    out = {part: np.zeros((len(at), horizon)) for part in dict.fromkeys(part_of.tolist())}
    months = _rows.each_month_ahead(ground.past, at, now, horizon) if len(at) else ()
    for h, rows in enumerate(months):
        told = booster.predict(np.ascontiguousarray(rows.T), pred_contrib=True, num_threads=spec.threads)
        shares = np.asarray(told)
        shares *= np.minimum(1.0, largest / np.maximum(np.abs(shares.sum(1, keepdims=True)), largest))
        for part, log in out.items():
            log[:, h] = shares[:, part_of == part].sum(1)
    return out


def _ground(spec: LightGBM, grid: Grid, drivers: np.ndarray, horizon: int) -> _Ground:
    cells = grid.cells.reset_index(drop=True).sort_values(["category", "area"])
    order = cells.index.to_numpy()
    tidy = Grid(cells.reset_index(drop=True), grid.months, grid.y[order])
    tidy = Grid(tidy.cells, grid.months, _climate.fit(spec.climate, tidy).tamed)
    fit = _climate.fit(spec.climate, tidy)
    plain = _climate.project(fit, grid.future(horizon))
    return _Ground(_rows.past(spec.climate, tidy, horizon, drivers), fit, plain, order)


def _learn(spec: LightGBM, ground: _Ground, horizon: int, seed: int) -> "Booster | None":
    """The model of the correction, or None when there is too little to learn."""
    if ground.past.y.shape[1] < spec.least_months:
        return None
    cell, origin, ahead = _sample(spec, ground.past, horizon, seed)
    return _train(spec, ground.past, cell, origin, ahead, seed) if len(cell) >= spec.least_rows else None


def _corrected(spec: LightGBM, ground: _Ground, booster: "Booster | None", horizon: int) -> np.ndarray:
    """Level x season, corrected, in the order of the grid's cells."""
    plain, out = ground.plain, np.empty_like(ground.plain)
    largest = np.log(spec.largest_factor)
    factor = np.ones_like(plain)
    forest = [] if booster is None else _trees.trees(booster)
    for start in range(0, len(plain) if forest else 0, CHUNK):
        cells = np.arange(start, min(start + CHUNK, len(plain)))
        now = np.full(len(cells), ground.past.y.shape[1] - 1)
        for h, rows in enumerate(_rows.each_month_ahead(ground.past, cells, now, horizon)):
            factor[cells, h] = np.exp(np.clip(_trees.summed(forest, rows), -largest, largest))
    out[ground.order] = plain * factor
    return out


def _drivers_of(grid: Grid, seasons: pd.DataFrame, names: list[str], horizon: int) -> np.ndarray:
    """(drivers, categories in order of name, T + horizon): how far each lies from its usual value of the month."""
    months = _climate.past_and_future(grid, horizon)
    values = _drivers.dense(seasons, names, pd.Index(sorted(grid.cells["category"].unique())), months)
    moy = _climate.month_of_year(months)
    usual = np.stack([_rows.mean_of(values[:, :, moy == m], axis=2) for m in range(12)], axis=2)
    return values - usual[:, :, moy]


def _sample(spec: LightGBM, past: _rows.Past, horizon: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cell, origin and horizon of the rows to learn from: at most `rows`, each with a known target."""
    n, T = past.y.shape  # noqa: N806
    origins, ahead = _pairs(T, horizon)
    total = n * len(origins)
    rng = np.random.default_rng(seed)
    picked = np.arange(total) if total <= 4 * spec.rows else np.unique(rng.integers(total, size=2 * spec.rows))
    cell, pair = picked // len(origins), picked % len(origins)
    good = ~np.isnan(past.y[cell, (origins + ahead)[pair]])
    good &= past.seen[cell, origins[pair] + 1] > 0
    good &= past.base(cell, origins[pair], ahead[pair]) > LEAST_BASE
    cell, pair = cell[good], pair[good]
    if len(cell) > spec.rows:
        kept = np.sort(rng.choice(len(cell), spec.rows, replace=False))
        cell, pair = cell[kept], pair[kept]
    return cell, origins[pair], ahead[pair]


def _pairs(T: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
    """Every origin with a year behind it and every horizon whose target is known."""
    origins, ahead = np.meshgrid(np.arange(_rows.FIRST, T), np.arange(1, horizon + 1), indexing="ij")
    known = origins + ahead < T
    return origins[known], ahead[known]


def _train(
    spec: LightGBM, past: _rows.Past, cell: np.ndarray, origin: np.ndarray, ahead: np.ndarray, seed: int
) -> "Booster":
    import lightgbm

    base = past.base(cell, origin, ahead)
    y = past.y[cell, origin + ahead]
    score = np.log(base) + _shocks(past, origin, ahead)
    age = past.y.shape[1] - 1 - (origin + ahead)
    data = lightgbm.Dataset(
        _rows.features(past, cell, origin, ahead),
        label=y,
        init_score=score,
        # 1 / (1 + phi mu) makes the Poisson gradient that of a negative binomial (McCullagh & Nelder 1989, §9.2)
        weight=0.5 ** (age / spec.half_life_months) / (1 + spec.dispersion * base),
        params={"max_bin": spec.bins, "bin_construct_sample_cnt": ROWS_FOR_BINS, "verbose": -1},
    )
    options = {
        "objective": "poisson",
        "learning_rate": spec.learning_rate,
        "num_leaves": spec.leaves,
        "min_data_in_leaf": spec.least_in_leaf,
        "lambda_l2": spec.l2,
        "feature_fraction": spec.feature_share,
        "max_bin": spec.bins,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": spec.threads,
        "verbose": -1,
    }
    return lightgbm.train(options, data, num_boost_round=spec.trees)


def _shocks(past: _rows.Past, origin: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Log of how the whole city came out against level x season, for the origin and horizon of each row.

    What hits every cell at once cannot be foreseen from a cell's past and must not be learned as if it could.
    """
    pairs, where = np.unique(np.stack([origin, ahead]), axis=1, return_inverse=True)
    y, level, seen = (np.ascontiguousarray(x.T) for x in (past.y, past.level, past.seen > 0))
    index = np.ascontiguousarray(np.swapaxes(past.blocks, 1, 2))
    shocks = np.zeros(pairs.shape[1])
    for k, (o, h) in enumerate(pairs.T):
        known = ~np.isnan(y[o + h]) & seen[o + 1]
        expected = (level[o] * index[past.block[o], past.moy[o + h]])[known].sum()
        shocks[k] = np.log((y[o + h][known].sum() + 5) / (expected + 5))
    return shocks[where.ravel()]
