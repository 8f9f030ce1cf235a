"""What is known, an origin and models -> what they say there and at origins before it, and what came of that.

A model sees the past only through the panel built at its origin; past origins learn from months up to theirs.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

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

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

CHUNK = 20_000
"""Cells of one task, for models that take each series alone."""

Predict = Callable[[Grid, pd.DataFrame, int, int], Array]
"""(grid, seasons, horizon, seed) -> (n, horizon) means >= 0."""

Means = list[Array]

LookBack = Callable[[Sequence[Grid], Sequence[pd.DataFrame], int, int], Means]
"""As `Predict`, for several origins, oldest first."""

SeasonsAt = Callable[[pd.Timestamp], pd.DataFrame]
"""Origin -> Seasons as known then, for the months of history and those forecast."""

Progress = Callable[[int, int], None]
"""(steps done, steps in all)."""


class Mapper(Protocol):
    """`function(shared, task)` of every task, in the order of the tasks, wherever it pleases.

    `function` stands in a module; `done` is told of every task that has ended.
    """

    def __call__(
        self, function: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task], done: Progress
    ) -> list[Result]:
        """Results in the order of the tasks."""
        ...


def in_turn(
    function: Callable[[Shared, Task], Result], shared: Shared, tasks: Sequence[Task], done: Progress
) -> list[Result]:
    """The `Mapper` that stays here and takes one task after the other."""
    results = []
    for number, task in enumerate(tasks, start=1):
        results.append(function(shared, task))
        done(number, len(tasks))
    return results


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


@dataclass(frozen=True)
class _Scene:
    """What every task sees: grids and Seasons of the origins, oldest first, the last the one forecast from.

    specs: models of the forecaster; cells: (k,) positions of those to explain.
    """

    grids: tuple[Grid, ...]
    seasons: tuple[pd.DataFrame, ...]
    predictors: Mapping[str, LookBack]
    specs: Mapping[str, Model]
    horizon: int
    seed: int
    cells: Array


@dataclass(frozen=True)
class _Call:
    """A model at the origins `first` to `last` of the scene; `chunk`: cells [from, to); `why`: explain as well."""

    model: str
    first: int
    last: int
    chunk: tuple[int, int] | None = None
    why: bool = False


def looked(
    basis: Basis,
    origin: pd.Timestamp,
    predictors: Mapping[str, LookBack],
    looked_back: Sequence[str],
    progress: Progress | None = None,
    wanted: Wanted | None = None,
    mapper: Mapper = in_turn,
) -> Look:
    """Run the models at the origin and, those of `looked_back`, at the origins before it.

    Args:
        basis: counts and areas in any names.
        origin: first day of the last month known.
        predictors: the models by name.
        looked_back: names of those whose past errors are needed.
        progress: is told of steps done.
        wanted: cells whose forecast is explained; None = none.
        mapper: where the models run; changes no byte.

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
    found = {k: _grid(basis, first.months[-1 - step]) for k, step in enumerate(back)}
    grids = {k: grid for k, grid in found.items() if grid is not None}
    shape = (len(back), len(first.cells), horizon)
    past = {name: np.full(shape, np.nan) for name in looked_back}
    actual = np.full(shape, np.nan)
    usual, expected = (None, None) if wanted is None else catalogue.usual(first, horizon)
    cells = np.array([], dtype=int) if wanted is None or expected is None else wanted.of(first.cells, expected)
    scene = _scene(basis, (*grids.values(), first), predictors, cells)
    explained = () if wanted is None else basis.forecaster.combine.members
    then, now, told = _run(scene, looked_back, explained, progress, mapper)
    for number, (k, grid) in enumerate(grids.items()):
        here, there = matched(first.cells, grid.cells)
        for name in looked_back:
            past[name][k, here] = then[name][number][there]
        came = first.y[:, -back[k] :][:, :horizon]
        actual[k, :, : came.shape[1]] = came
    why = None if usual is None else Told(usual, cells, told)
    return Look(basis, origin, first, now, past, actual, tuple(back), why)


def _scene(basis: Basis, grids: tuple[Grid, ...], predictors: Mapping[str, LookBack], cells: Array) -> _Scene:
    seasons = tuple(basis.seasons_at(grid.months[-1]) for grid in grids)
    models = basis.forecaster.models
    specs = dict(zip(names(model.kind for model in models), models, strict=True))
    return _Scene(grids, seasons, predictors, specs, basis.horizon, basis.seed, cells)


def _run(
    scene: _Scene, looked_back: Sequence[str], explained: Sequence[str], progress: Progress | None, mapper: Mapper
) -> tuple[dict[str, Means], dict[str, Array], dict[str, Explained]]:
    """model -> means at each past origin; model -> means at the origin, the explained first; why they said so."""
    last = len(scene.grids) - 1
    others = [name for name in scene.predictors if name not in explained]
    tasks = [call for name in looked_back for call in _calls(scene, name, range(last))]
    tasks += [_Call(name, last, last, why=True) for name in explained]
    tasks += [call for name in others for call in _calls(scene, name, range(last, last + 1))]
    results = mapper(_said, scene, tasks, progress or _untold)
    parts: dict[tuple[str, int], Means] = {}
    told = {}
    for call, (means, why) in zip(tasks, results, strict=True):
        for number, one in enumerate(means, start=call.first):
            parts.setdefault((call.model, number), []).append(one)
        if why is not None:
            told[call.model] = why
    whole = {key: np.concatenate(part) if len(part) > 1 else part[0] for key, part in parts.items()}
    then = {name: [whole[name, number] for number in range(last)] for name in looked_back}
    return then, {name: whole[name, last] for name in (*explained, *others)}, told


def _calls(scene: _Scene, name: str, origins: range) -> list[_Call]:
    """The smallest tasks that give what one call at all origins would."""
    if not origins:
        return []
    spec = scene.specs.get(name)
    if spec is None or not catalogue.forgets(spec):
        return [_Call(name, origins[0], origins[-1])]
    if not catalogue.each_alone(spec):
        return [_Call(name, origin, origin) for origin in origins]
    sizes = {origin: len(scene.grids[origin].cells) for origin in origins}
    return [
        _Call(name, origin, origin, (start, min(start + CHUNK, size)))
        for origin, size in sizes.items()
        for start in range(0, size, CHUNK)
    ]


def _said(scene: _Scene, call: _Call) -> tuple[Means, Explained | None]:
    """What a model says at the origins of a call, and why."""
    chosen = slice(call.first, call.last + 1)
    grids = [grid if call.chunk is None else _rows(grid, *call.chunk) for grid in scene.grids[chosen]]
    seasons, told = scene.seasons[chosen], None
    if call.why:
        told = catalogue.explain(
            scene.specs[call.model], grids[0], seasons[0], scene.horizon, scene.seed, scene.cells
        )
        means = [told.means]
    else:
        means = scene.predictors[call.model](grids, seasons, scene.horizon, scene.seed)
    pairs = zip(means, grids, strict=True)
    return [_valid(call.model, one, (len(grid.cells), scene.horizon)) for one, grid in pairs], told


def _untold(done: int, total: int) -> None:
    """Nobody asked for progress."""


def _rows(grid: Grid, start: int, stop: int) -> Grid:
    return Grid(grid.cells.iloc[start:stop].reset_index(drop=True), grid.months, grid.y[start:stop])


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


def _grid(basis: Basis, origin: pd.Timestamp) -> Grid | None:
    """`panel.grid_at`, or None when no cell is covered up to the origin."""
    grid = panel.grid_at(basis.counts, basis.areas, origin, basis.forecaster.coverage, basis.forecaster.value)
    return grid if len(grid.cells) else None


def _valid(name: str, means: Array, shape: tuple[int, int]) -> Array:
    if means.shape == shape and np.isfinite(means).all() and (means >= 0).all():
        return means.astype(float)
    what = f"model {name} gave {means.shape} figures, of which {int((~(means >= 0)).sum())} are no means >= 0"
    raise RunError(Fault(what, f"expected {shape}", "leave the model out of `models`, or correct it"))
