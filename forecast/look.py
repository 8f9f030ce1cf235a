"""What is known, an origin and models -> what they say there and at origins before it, and what came of that.

A model sees the past only through the panel built at its origin; past origins learn from months up to theirs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from forecast import panel
from forecast.changes import NONE, Changes, carry, comparable
from forecast.errors import DataError, Fault, RunError
from forecast.explain import Explained, Wanted
from forecast.forecaster import Forecaster, names
from forecast.models import catalogue
from forecast.models.catalogue import Model
from forecast.panel import Grid

Array = np.ndarray

Predict = Callable[[Grid, pd.DataFrame, int, int], Array]
"""(grid, seasons, horizon, seed) -> (n, horizon) means >= 0."""

Means = list[Array]

LookBack = Callable[[Sequence[Grid], Sequence[pd.DataFrame], int, int], Means]
"""As `Predict`, for several origins, oldest first."""

SeasonsAt = Callable[[pd.Timestamp], pd.DataFrame]
"""Origin -> Seasons as known then, for the months of history and those forecast."""

Progress = Callable[[int, int], None]
"""(steps done, steps in all)."""


@dataclass(frozen=True)
class Basis:
    """What every forecast of a city is made from, whatever its origin.

    counts: Counts; rows after an origin never shape its forecast.
    areas: Areas.
    ancestors: [area, ancestor], each area with every area above it.
    seasons_at: Seasons as known at an origin.
    horizon: months ahead, >= 1.
    forecaster: models, combination, calibration.
    seed: of all randomness.
    changes: categories that followed others; those of areas stand in `areas`. See `changes.carry`.
    """

    counts: pd.DataFrame
    areas: pd.DataFrame
    ancestors: pd.DataFrame
    seasons_at: SeasonsAt
    horizon: int
    forecaster: Forecaster
    seed: int
    changes: Changes = NONE


@dataclass(frozen=True)
class Told:
    """usual: (n,) requests in a month like any other; cells: (k,) positions of those explained, by the models."""

    usual: Array
    cells: Array
    models: dict[str, Explained]


@dataclass(frozen=True)
class Look:
    """What the models said at an origin and at K origins before it, and what came of that.

    basis: what they were told from, in the names that held at the origin.
    means: model -> (n, H); past: model -> (K, n, H), NaN where a cell was not known; actual: (K, n, H), NaN where
    not covered or after the origin; back: (K,) months from each past origin to this one, oldest first.
    told: why the models said so at the origin, where that was asked.
    """

    basis: Basis
    origin: pd.Timestamp
    grid: Grid
    means: dict[str, Array]
    past: dict[str, Array]
    actual: Array
    back: tuple[int, ...]
    told: Told | None = None


def looked(
    basis: Basis,
    origin: pd.Timestamp,
    predictors: Mapping[str, LookBack],
    looked_back: Sequence[str],
    progress: Progress | None = None,
    wanted: Wanted | None = None,
) -> Look:
    """Run the models at the origin and, those of `looked_back`, at the origins before it.

    Args:
        basis: counts and areas in any names.
        origin: first day of the last month known.
        predictors: the models by name.
        looked_back: names of those whose past errors are needed.
        progress: is told of steps done.
        wanted: cells whose forecast is explained; None = none.

    Raises:
        DataError: no request is known up to the origin.
        RunError: a model gave something that is no forecast.
    """
    basis = renamed(basis, origin)
    first = _grid(basis, origin)
    if first is None:
        raise nothing_known(f"{origin:%Y-%m}")
    spec, horizon = basis.forecaster.calibrate, basis.horizon
    steps = [spec.past_step * number for number in range(spec.past_origins, 0, -1)]
    back = [step for step in steps if len(first.months) - step >= spec.min_history]
    todo, done = 2 * len(predictors), 0

    def run(called: Sequence[str], grids: Sequence[Grid]) -> dict[str, Means]:
        nonlocal done
        seasons, out = [basis.seasons_at(grid.months[-1]) for grid in grids], {}
        for name in called:
            means = predictors[name](grids, seasons, horizon, basis.seed) if grids else []
            out[name] = [_valid(name, m, (len(g.cells), horizon)) for m, g in zip(means, grids, strict=True)]
            done += 1
            if progress:
                progress(done, todo)
        return out

    found = {k: _grid(basis, first.months[-1 - step]) for k, step in enumerate(back)}
    grids = {k: grid for k, grid in found.items() if grid is not None}
    shape = (len(back), len(first.cells), horizon)
    past = {name: np.full(shape, np.nan) for name in looked_back}
    actual = np.full(shape, np.nan)
    then = run(looked_back, list(grids.values()))
    for number, (k, grid) in enumerate(grids.items()):
        here, there = matched(first.cells, grid.cells)
        for name in looked_back:
            past[name][k, here] = then[name][number][there]
        came = first.y[:, -back[k] :][:, :horizon]
        actual[k, :, : came.shape[1]] = came
    done = len(predictors)
    told = None if wanted is None else _told(basis, first, wanted)
    now = {name: one.means for name, one in told.models.items()} if told else {}
    done += len(now)
    if progress and now:
        progress(done, todo)
    others = [name for name in predictors if name not in now]
    now |= {name: means for name, (means,) in run(others, [first]).items()}
    return Look(basis, origin, first, now, past, actual, tuple(back), told)


def renamed(basis: Basis, origin: pd.Timestamp) -> Basis:
    """The same in the names that hold when the month of the origin is over."""
    counts, areas = carry(basis.counts, basis.areas, basis.changes, origin)
    return replace(basis, counts=counts, areas=areas)


def truth(basis: Basis, then: Basis, origin: pd.Timestamp) -> Grid:
    """What is known by now, in the names of `then` (`renamed` at the origin); NaN where a cell became another."""
    last = basis.counts.loc[basis.counts["area"].notna(), "month"].max()
    grid = panel.grid_at(then.counts, then.areas, last, then.forecaster.coverage, then.forecaster.value)
    same = comparable(grid.cells, grid.months, basis.areas, basis.changes, origin)
    return replace(grid, y=np.where(same, grid.y, np.nan))


def came(cells: pd.DataFrame, origin: pd.Timestamp, grid: Grid, horizon: int) -> Array:
    """(n, H) what came after the origin in the cells; NaN where not covered or not yet known."""
    here, there = matched(cells, grid.cells)
    today = int(grid.months.get_indexer(pd.DatetimeIndex([origin]))[0]) + 1
    out = np.full((len(cells), horizon), np.nan)
    known = grid.y[there, today : today + horizon]
    out[here, : known.shape[1]] = known
    return out


def predictors(specs: Iterable[Model]) -> dict[str, LookBack]:
    """Models by name, as `looked` runs them."""
    specs = list(specs)
    called = names(spec.kind for spec in specs)
    return {name: partial(catalogue.look_back, spec) for name, spec in zip(called, specs, strict=True)}


def each(predict: Predict, grids: Sequence[Grid], seasons: Sequence[pd.DataFrame], horizon: int, seed: int) -> Means:
    """A `Predict` as a `LookBack`."""
    return [predict(grid, known, horizon, seed) for grid, known in zip(grids, seasons, strict=True)]


def matched(cells: pd.DataFrame, others: pd.DataFrame) -> tuple[Array, Array]:
    """Positions of the cells both have, in `cells` and in `others`."""
    at = pd.MultiIndex.from_frame(others).get_indexer(pd.MultiIndex.from_frame(cells))
    return np.flatnonzero(at >= 0), at[at >= 0]


def nothing_known(where: str) -> DataError:
    """The error of an origin without a past."""
    fix = "choose a later month, add older data, or mend the dates of the areas"
    return DataError(Fault("no request is known up to the origin in an area that is valid", where, fix))


def _told(basis: Basis, grid: Grid, wanted: Wanted) -> Told:
    """What the members of the combination say at the origin, and why."""
    forecaster, seasons = basis.forecaster, basis.seasons_at(grid.months[-1])
    usual, expected = catalogue.usual(grid, basis.horizon)
    cells = wanted.of(grid.cells, expected)
    specs = dict(zip(names(model.kind for model in forecaster.models), forecaster.models, strict=True))
    models = {
        name: catalogue.explain(specs[name], grid, seasons, basis.horizon, basis.seed, cells)
        for name in forecaster.combine.members
    }
    for name, one in models.items():
        _valid(name, one.means, (len(grid.cells), basis.horizon))
    return Told(usual, cells, models)


def _grid(basis: Basis, origin: pd.Timestamp) -> Grid | None:
    """`panel.grid_at`, or None when no cell is covered up to the origin."""
    grid = panel.grid_at(basis.counts, basis.areas, origin, basis.forecaster.coverage, basis.forecaster.value)
    return grid if len(grid.cells) else None


def _valid(name: str, means: Array, shape: tuple[int, int]) -> Array:
    if means.shape == shape and np.isfinite(means).all() and (means >= 0).all():
        return means.astype(float)
    what = f"model {name} gave {means.shape} figures, of which {int((~(means >= 0)).sum())} are no means >= 0"
    raise RunError(Fault(what, f"expected {shape}", "leave the model out of `models`, or correct it"))
