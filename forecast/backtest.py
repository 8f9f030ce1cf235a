"""Counts up to an origin -> forecasts as issued then, what the spread was learned from, and scores.

`issue` is the one path to a forecast: the monthly job calls it once, `backtest` once per past origin. A model
sees the past only through the panel built at its origin; past origins learn from months up to their own alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from forecast import calibrate, combine, compare, explain, negbin, panel, paths, reconcile, reliability, scores
from forecast.calibrate import Calibrate, Calibrated
from forecast.changes import NONE, Changes, carry, comparable
from forecast.combine import Combine
from forecast.errors import ConfigError, DataError, Fault, RunError
from forecast.explain import Explained, Wanted
from forecast.models import catalogue
from forecast.models.catalogue import Model
from forecast.models.climatology import Climatology
from forecast.models.ets import Ets
from forecast.models.lightgbm import LightGBM
from forecast.models.seasonal_naive import SeasonalNaive
from forecast.models.theta import Theta
from forecast.panel import Coverage, Grid
from forecast.reconcile import Summing
from forecast.scores import Case
from forecast.spec import Spec
from forecast.tables import Comparisons, Contributions, Forecasts, Losses, Reliability, Scores, check, conform, empty

Array = np.ndarray

COMBINATION = "combination"
"""Name of the combined forecast in tables."""

BASELINES: tuple[Model, ...] = (SeasonalNaive(), Climatology())
"""Scored in every backtest, whether or not they are members."""

Predict = Callable[[Grid, pd.DataFrame, int, int], Array]
"""(grid, seasons, horizon, seed) -> (n, horizon) means >= 0."""

Means = list[Array]

_LookBack = Callable[[Sequence[Grid], Sequence[pd.DataFrame], int, int], Means]
"""As `Predict`, for several origins, oldest first."""

SeasonsAt = Callable[[pd.Timestamp], pd.DataFrame]
"""Origin -> Seasons as known then, for the months of history and those forecast."""

Progress = Callable[[int, int], None]
"""(steps done, steps in all)."""


class Forecaster(Spec):
    """Which models forecast, how they are combined, and how their spread is learned.

    `models` all forecast; a model is named after its kind, the second of a kind <kind>_2. `combine.members` names
    those that are combined (not said = all). `value`: the figure of the panel that is forecast.
    `member_quantiles`: also write variance and quantiles of each model, not only its means; scores of a backtest
    use them either way.
    """

    models: tuple[Model, ...] = Field((LightGBM(), Theta(), Theta(of="categories"), Ets()), min_length=1)
    combine: Combine = Combine()
    calibrate: Calibrate = Calibrate()
    coverage: Coverage = Coverage()
    value: Literal["orders", "incidents", "callers"] = "orders"
    member_quantiles: bool = False

    @model_validator(mode="before")
    @classmethod
    def _all_are_members(cls, options: Any) -> Any:
        given = options.get("combine", {}) if isinstance(options, dict) else None
        given = given.model_dump(exclude_unset=True) if isinstance(given, Combine) else given
        models = options.get("models", cls.model_fields["models"].default) if isinstance(options, dict) else None
        if not isinstance(given, dict) or "members" in given or not isinstance(models, (list, tuple)):
            return options
        kinds = [str(one.get("kind") if isinstance(one, dict) else getattr(one, "kind", None)) for one in models]
        return options | {"combine": given | {"members": _names(kinds)}}

    @model_validator(mode="after")
    def _members_are_models(self) -> Self:
        names = _names(model.kind for model in self.models)
        unknown = [member for member in self.combine.members if member not in names]
        if unknown:
            raise ValueError(f"combine.members names {', '.join(unknown)}, but models gives {', '.join(names)}")
        return self


@dataclass(frozen=True)
class Issued:
    """Forecasts, Calibration and Scores of one origin; correlation between the months of one forecast of a cell.

    contributions: Contributions of the cells that were to be explained.

    Scores are those of the combination at the past origins looked back on. Each was combined and calibrated only
    from origins before it and from months it knew; the earliest, with nothing before it, is scored on its means.
    """

    forecasts: pd.DataFrame
    calibration: pd.DataFrame
    scores: pd.DataFrame
    correlation: float
    contributions: pd.DataFrame


@dataclass(frozen=True)
class Hindsight:
    """Forecasts as issued at one origin, and their Scores, Reliability and Losses against what came."""

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    reliability: pd.DataFrame
    losses: pd.DataFrame


@dataclass(frozen=True)
class Backtested:
    """Forecasts as issued at each origin, their Scores, Reliability and Losses, and what follows for the models.

    leaderboard: one row a model; comparisons: Comparisons of the combination with every other model.
    """

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    leaderboard: pd.DataFrame
    reliability: pd.DataFrame
    losses: pd.DataFrame
    comparisons: pd.DataFrame


@dataclass(frozen=True)
class _Look:
    """What the models said at an origin and at K origins before it, and what came of that.

    means: model -> (n, H); past: model -> (K, n, H), NaN where a cell was not known; actual: (K, n, H), NaN where
    not covered or after the origin; back: (K,) months from each past origin to this one, oldest first.
    told: why the models said so at the origin, where that was asked.
    """

    origin: pd.Timestamp
    grid: Grid
    means: dict[str, Array]
    past: dict[str, Array]
    actual: Array
    back: tuple[int, ...]
    told: "_Told | None" = None


@dataclass(frozen=True)
class _Told:
    """usual: (n,) requests in a month like any other; cells: (k,) positions of those explained, by the models."""

    usual: Array
    cells: Array
    models: dict[str, Explained]


@dataclass(frozen=True)
class _Head:
    """A forecast with its spread: (n, H) mean and variance, (n, H, L) quantiles."""

    mean: Array
    variance: Array
    quantiles: Array


@dataclass(frozen=True)
class _Made:
    """A forecast as made at one origin.

    cells, upper: what was learned of the spread of cells and of sums; heads: the combination's and, where asked,
    each model's; total: the combination's for sums; alive: (n,) cells that still are when the forecast begins.
    """

    forecasts: pd.DataFrame
    cells: Calibrated
    upper: Calibrated
    heads: dict[str, _Head]
    total: _Head
    sums: Summing
    alive: Array

    @property
    def rows(self) -> Array:
        """(n,) cells that are written: those alive that are no sum themselves."""
        return self.alive & self.sums.leaf


def issue(
    counts: pd.DataFrame,
    areas: pd.DataFrame,
    ancestors: pd.DataFrame,
    seasons_at: SeasonsAt,
    origin: pd.Timestamp,
    horizon: int,
    forecaster: Forecaster,
    seed: int,
    progress: Progress | None = None,
    changes: Changes = NONE,
    review: bool = True,
    wanted: Wanted | None = None,
) -> Issued:
    """Forecast every cell, every area and every sum of categories for the months after `origin`.

    Args:
        counts: Counts; rows after `origin` change nothing.
        areas: Areas.
        ancestors: [area, ancestor], each area with every area above it.
        seasons_at: Seasons as known at an origin.
        origin: first day of the last month known.
        horizon: months ahead, >= 1.
        forecaster: models, combination, calibration.
        seed: of all randomness.
        progress: is told of steps done.
        changes: categories that followed others; those of areas stand in `areas`. See `changes.carry`.
        review: also score the combination at its past origins.
        wanted: cells whose forecast is explained; None = none.

    Returns:
        Issued. Model "combination" has mean, variance and quantiles of cells and sums, the members have means
        of cells.

    Raises:
        DataError: no request is known up to the origin.
        RunError: a model gave something that is no forecast.
    """
    models = _predictors(forecaster.models)
    counts, areas = carry(counts, areas, changes, origin)
    look = _look(
        counts, areas, seasons_at, origin, horizon, forecaster, models, _looked_back(forecaster), seed, progress,
        wanted,
    )  # fmt: skip
    made = _made(look, _chains(ancestors, areas), areas, forecaster)
    scored = _past_scores(look, forecaster, made.sums.leaf, seed) if review else empty(Scores)
    return Issued(
        check(Forecasts, made.forecasts, "forecasts"), _calibration(look, made), scored, made.cells.correlation,
        _contributions(look, forecaster, made),
    )  # fmt: skip


def backtest(
    counts: pd.DataFrame,
    areas: pd.DataFrame,
    ancestors: pd.DataFrame,
    seasons_at: SeasonsAt,
    origins: Iterable[pd.Timestamp],
    horizon: int,
    forecaster: Forecaster,
    seed: int,
    progress: Progress | None = None,
    rivals: Mapping[str, Predict] | None = None,
    changes: Changes = NONE,
) -> Backtested:
    """Issue from each origin as if it were today, and score against what came.

    Args:
        origins: first days of the last months known.
        rivals: further models by name, scored but never combined; the baselines seasonal_naive and climatology
            always are among them. Every model gets the count distribution of the combination's recipe, fitted
            to its own past errors, so that all are scored on quantiles.
        The others: as for `issue`; months of `counts` after an origin are used to score it, never to forecast.

    Returns:
        Backtested.

    Raises:
        ConfigError: a rival has the name of another model.
        DataError, RunError: as for `issue`.
    """
    origins = list(origins)
    parts = [
        at_origin(
            counts, areas, ancestors, seasons_at, origin, horizon, forecaster, seed,
            _part(progress, number, len(origins)), rivals, changes,
        )
        for number, origin in enumerate(origins)
    ]  # fmt: skip
    return together(parts, seed)


def at_origin(
    counts: pd.DataFrame,
    areas: pd.DataFrame,
    ancestors: pd.DataFrame,
    seasons_at: SeasonsAt,
    origin: pd.Timestamp,
    horizon: int,
    forecaster: Forecaster,
    seed: int,
    progress: Progress | None = None,
    rivals: Mapping[str, Predict] | None = None,
    changes: Changes = NONE,
) -> Hindsight:
    """One origin of `backtest`: needs nothing of the others, so that each may run where there is room.

    Raises:
        ConfigError, DataError, RunError: as for `backtest`.
    """
    chains = _chains(ancestors, areas)
    last = counts.loc[counts["area"].notna(), "month"].max()
    if pd.isna(last):
        raise _nothing_known("counts")
    models = _predictors(forecaster.models)
    predictors = models | _predictors(spec for spec in BASELINES if spec.kind not in models)
    taken = sorted({COMBINATION, *predictors} & set(rivals or {}))
    if taken:
        raise ConfigError(Fault(f"rivals may not be called {', '.join(taken)}", "rivals", "choose other names"))
    predictors |= {name: partial(_each, predict) for name, predict in (rivals or {}).items()}
    renamed, places = carry(counts, areas, changes, origin)
    look = _look(
        renamed, places, seasons_at, origin, horizon, forecaster, predictors, list(predictors), seed, progress
    )
    truth = panel.grid_at(renamed, places, last, forecaster.coverage, forecaster.value)
    same = comparable(truth.cells, truth.months, areas, changes, origin)
    truth = replace(truth, y=np.where(same, truth.y, np.nan))
    made = _made(look, chains, places, forecaster, everyone=True)
    others = [name for name in predictors if name not in models]
    written = [made.forecasts, *(_write_model(look, name, made, forecaster) for name in others)]
    cases = _cases(look, made, truth, forecaster, places)
    levels = _level_cases(look, made, truth, forecaster, places)
    figures = [
        *(scores.measure(case, seed) for case in cases),
        *(scores.measure_levels(case, seed) for case in levels),
    ]
    return Hindsight(
        check(Forecasts, pd.concat(written, ignore_index=True), "forecasts"),
        check(Scores, pd.concat(figures, ignore_index=True), "scores"),
        pd.concat([reliability.reliability(case) for case in cases], ignore_index=True),
        check(Losses, pd.concat([compare.losses(case) for case in cases], ignore_index=True), "losses"),
    )


def together(parts: Sequence[Hindsight], seed: int) -> Backtested:
    """The origins of one backtest as one; `seed` of the draws of the comparisons."""
    if not parts:
        board = scores.leaderboard(empty(Scores))
        return Backtested(
            empty(Forecasts), empty(Scores), board, empty(Reliability), empty(Losses), empty(Comparisons)
        )
    table = pd.concat([part.scores for part in parts], ignore_index=True)
    losses = pd.concat([part.losses for part in parts], ignore_index=True)
    board = scores.leaderboard(table)
    rivals = [name for name in board["model"] if name != COMBINATION]
    return Backtested(
        pd.concat([part.forecasts for part in parts], ignore_index=True),
        table,
        board,
        reliability.together(part.reliability for part in parts),
        losses,
        check(Comparisons, compare.compare(losses, COMBINATION, rivals, seed), "comparisons"),
    )


def _names(kinds: Iterable[str]) -> tuple[str, ...]:
    """kind, kind_2, kind_3 ..."""
    kinds = list(kinds)
    order = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return tuple(kind if n == 1 else f"{kind}_{n}" for kind, n in zip(kinds, order, strict=True))


def _predictors(specs: Iterable[Model]) -> dict[str, _LookBack]:
    specs = list(specs)
    names = _names(spec.kind for spec in specs)
    return {name: partial(catalogue.look_back, spec) for name, spec in zip(names, specs, strict=True)}


def _each(predict: Predict, grids: Sequence[Grid], seasons: Sequence[pd.DataFrame], horizon: int, seed: int) -> Means:
    return [predict(grid, known, horizon, seed) for grid, known in zip(grids, seasons, strict=True)]


def _look(
    counts: pd.DataFrame,
    areas: pd.DataFrame,
    seasons_at: SeasonsAt,
    origin: pd.Timestamp,
    horizon: int,
    forecaster: Forecaster,
    predictors: Mapping[str, _LookBack],
    looked_back: Sequence[str],
    seed: int,
    progress: Progress | None,
    wanted: Wanted | None = None,
) -> _Look:
    """Run the models at the origin and, those of `looked_back`, at the origins before it."""
    known = counts[counts["month"] <= origin]
    first = _grid(known, areas, origin, forecaster)
    if first is None:
        raise _nothing_known(f"{origin:%Y-%m}")
    spec = forecaster.calibrate
    steps = [spec.past_step * number for number in range(spec.past_origins, 0, -1)]
    back = [step for step in steps if len(first.months) - step >= spec.min_history]
    todo, done = 2 * len(predictors), 0

    def run(names: Sequence[str], grids: Sequence[Grid]) -> dict[str, Means]:
        nonlocal done
        seasons, out = [seasons_at(grid.months[-1]) for grid in grids], {}
        for name in names:
            means = predictors[name](grids, seasons, horizon, seed) if grids else []
            out[name] = [_valid(name, m, (len(g.cells), horizon)) for m, g in zip(means, grids, strict=True)]
            done += 1
            if progress:
                progress(done, todo)
        return out

    found = {k: _grid(known, areas, first.months[-1 - step], forecaster) for k, step in enumerate(back)}
    grids = {k: grid for k, grid in found.items() if grid is not None}
    shape = (len(back), len(first.cells), horizon)
    past = {name: np.full(shape, np.nan) for name in looked_back}
    actual = np.full(shape, np.nan)
    then = run(looked_back, list(grids.values()))
    for number, (k, grid) in enumerate(grids.items()):
        here, there = _matched(first.cells, grid.cells)
        for name in looked_back:
            past[name][k, here] = then[name][number][there]
        came = first.y[:, -back[k] :][:, :horizon]
        actual[k, :, : came.shape[1]] = came
    done = len(predictors)
    told = None if wanted is None else _told(first, seasons_at(origin), horizon, forecaster, seed, wanted)
    now = {name: one.means for name, one in told.models.items()} if told else {}
    done += len(now)
    if progress and now:
        progress(done, todo)
    others = [name for name in predictors if name not in now]
    now |= {name: means for name, (means,) in run(others, [first]).items()}
    return _Look(origin, first, now, past, actual, tuple(back), told)


def _told(
    grid: Grid, seasons: pd.DataFrame, horizon: int, forecaster: Forecaster, seed: int, wanted: Wanted
) -> _Told:
    """What the members of the combination say at the origin, and why."""
    usual, expected = catalogue.usual(grid, horizon)
    cells = wanted.of(grid.cells, expected)
    specs = dict(zip(_names(model.kind for model in forecaster.models), forecaster.models, strict=True))
    models = {
        name: catalogue.explain(specs[name], grid, seasons, horizon, seed, cells)
        for name in forecaster.combine.members
    }
    for name, one in models.items():
        _valid(name, one.means, (len(grid.cells), horizon))
    return _Told(usual, cells, models)


def _grid(counts: pd.DataFrame, areas: pd.DataFrame, origin: pd.Timestamp, forecaster: Forecaster) -> Grid | None:
    """`panel.grid_at`, or None when no cell is covered up to the origin."""
    known = panel.build(counts, areas, origin, forecaster.coverage)
    return None if known.empty else panel.to_grid(known, origin, forecaster.value)


def _nothing_known(where: str) -> DataError:
    fix = "choose a later month, add older data, or mend the dates of the areas"
    return DataError(Fault("no request is known up to the origin in an area that is valid", where, fix))


def _looked_back(forecaster: Forecaster) -> list[str]:
    """Models whose past errors are needed to issue a forecast."""
    names = _names(model.kind for model in forecaster.models)
    return [name for name in names if forecaster.member_quantiles or name in forecaster.combine.members]


def _made(
    look: _Look, chains: pd.DataFrame, areas: pd.DataFrame, forecaster: Forecaster, everyone: bool = False
) -> _Made:
    """Combine, calibrate, add up, write; `everyone`: each model gets a spread too."""
    models = _names(model.kind for model in forecaster.models)
    spec = forecaster.calibrate
    sums = reconcile.summing(look.grid.cells, chains)
    alive = _alive(look, areas)
    mean, past = _combined(forecaster, look, look.actual)
    mean = np.where(alive[:, None], mean, 0.0)
    cells = calibrate.calibrate(spec, past, look.actual, mean)
    upper_mean = reconcile.add(sums, mean)
    upper = calibrate.calibrate(spec, *reconcile.add_covered(sums, past, look.actual), upper_mean)
    heads = {COMBINATION: _head(spec, mean, cells)}
    for name in look.means if everyone else models if forecaster.member_quantiles else ():
        learned = calibrate.calibrate(spec, look.past[name], look.actual, look.means[name])
        heads[name] = _head(spec, look.means[name], learned)
    made = _Made(empty(Forecasts), cells, upper, heads, _head(spec, upper_mean, upper), sums, alive)
    nodes = sums.matrix @ alive.astype(float) > 0
    written = [
        _write(look, COMBINATION, look.grid.cells, heads[COMBINATION], spec, made.rows),
        _write(look, COMBINATION, sums.nodes, made.total, spec, nodes),
        *(_write_model(look, name, made, forecaster) for name in models),
    ]
    return replace(made, forecasts=pd.concat(written, ignore_index=True))


def _calibration(look: _Look, made: _Made) -> pd.DataFrame:
    """What the spread was learned from, and how far cells move together."""
    mean, total = made.heads[COMBINATION].mean, made.sums.matrix
    shared = paths.implied(
        look.grid.cells, mean, made.cells.variance, made.cells.correlation, total, made.upper.variance,
        made.upper.correlation,
    )  # fmt: skip
    spread = calibrate.table({"": made.cells, "upper": made.upper}, COMBINATION, look.origin)
    return pd.concat([spread, paths.table(shared, COMBINATION, look.origin)], ignore_index=True)


def _contributions(look: _Look, forecaster: Forecaster, made: _Made) -> pd.DataFrame:
    """What the issued means of cells are made of, as far as it was asked."""
    told = look.told
    if told is None:
        return empty(Contributions)
    mean = made.heads[COMBINATION].mean
    weights = combine.weights(forecaster.combine, look.past, look.actual)
    kept = made.rows[told.cells]
    parts = explain.split(told.models, weights, told.usual[told.cells], told.cells)
    parts = {part: factor[kept] for part, factor in parts.items()}
    chosen = told.cells[kept]
    whole = explain.as_issued(parts, told.usual[chosen], mean[chosen])
    return explain.table(look.grid.cells.iloc[chosen], look.grid.future(mean.shape[1]), look.origin, whole)


def _combined(forecaster: Forecaster, look: _Look, actual: Array, upto: int | None = None) -> tuple[Array, Array]:
    """Combined means (n, H) and (K, n, H) with weights learned from the past origins.

    `upto` = k stands at past origin k instead of today: only the k origins before it are past.
    """
    past = {name: look.past[name][:upto] for name in forecaster.combine.members}
    now = {name: look.means[name] if upto is None else look.past[name][upto] for name in past}
    weights = combine.weights(forecaster.combine, past, actual)
    return combine.combine(now, weights), combine.combine(past, weights)


def _past_scores(look: _Look, forecaster: Forecaster, leaf: Array, seed: int) -> pd.DataFrame:
    """Scores of the combination at each past origin, made from what was known there."""
    spec, frames = forecaster.calibrate, []
    for k, back in enumerate(look.back):
        ahead = np.arange(1, look.actual.shape[2] + 1)
        came_later = ahead > np.array(look.back[:k], dtype=int)[:, None] - back
        actual = np.where(came_later[:, None, :], np.nan, look.actual[:k])
        mean, past = _combined(forecaster, look, actual, upto=k)
        rows = np.flatnonzero(leaf & ~np.isnan(mean).any(axis=1))
        learned = ~np.isnan(actual[:, rows]).all()
        head = _head(spec, mean[rows], calibrate.calibrate(spec, past[:, rows], actual[:, rows], mean[rows]))
        frames.append(
            scores.measure(
                Case(
                    model=COMBINATION,
                    origin=look.grid.months[-1 - back],
                    cells=look.grid.cells.iloc[rows],
                    past=look.grid.y[rows, :-back],
                    actual=look.actual[k, rows],
                    mean=head.mean,
                    variance=head.variance if learned else None,
                    quantiles=head.quantiles if learned else None,
                    levels=np.array(spec.quantile_levels),
                ),
                seed,
            )
        )
    return check(Scores, pd.concat(frames, ignore_index=True) if frames else empty(Scores), "scores")


def _came(look: _Look, truth: Grid, horizon: int) -> Array:
    """(n, H) what came after the origin in the cells known at it; NaN where not covered or not yet known."""
    here, there = _matched(look.grid.cells, truth.cells)
    today = int(truth.months.get_indexer(pd.DatetimeIndex([look.origin]))[0]) + 1
    came = np.full((len(look.grid.cells), horizon), np.nan)
    known = truth.y[there, today : today + horizon]
    came[here, : known.shape[1]] = known
    return came


def _cases(look: _Look, made: _Made, truth: Grid, forecaster: Forecaster, areas: pd.DataFrame) -> list[Case]:
    """What every model said of the cells written, and what came of it."""
    levels = np.array(forecaster.calibrate.quantile_levels)
    chosen = made.rows & np.isin(np.arange(len(made.rows)), _matched(look.grid.cells, truth.cells)[0])
    actual = _came(look, truth, made.total.mean.shape[1])[chosen]
    cells = look.grid.cells[chosen]
    cells = cells.assign(zone=cells["area"].map(scores.zones(areas)))
    return [
        Case(
            name, look.origin, cells, look.grid.y[chosen], actual, head.mean[chosen], head.variance[chosen],
            head.quantiles[chosen], levels,
        )
        for name, head in made.heads.items()
    ]  # fmt: skip


def _level_cases(look: _Look, made: _Made, truth: Grid, forecaster: Forecaster, areas: pd.DataFrame) -> list[Case]:
    """Cells and their sums, with the level of their areas.

    Sums of models get a spread by the recipe of the combination. Where cells of a sum are not covered, the sum is
    cut to the others on both sides and keeps its dispersion.
    """
    spec, sums, alive, rows = forecaster.calibrate, made.sums, made.alive, made.rows
    came = _came(look, truth, made.total.mean.shape[1])
    came[~alive] = np.nan
    whole = reconcile.add(sums, (~np.isnan(came)).astype(float)) == (sums.matrix @ alive.astype(float))[:, None]
    cells = pd.concat([look.grid.cells[rows], sums.nodes], ignore_index=True)
    cells["level"] = cells["area"].map(areas.set_index("area")["level"])
    past = np.concatenate([look.grid.y[rows], reconcile.add_covered(sums, look.grid.y, look.grid.y)[1]])
    found = []
    for name, cell in made.heads.items():
        mean, actual = reconcile.add_covered(sums, cell.mean, came)
        if name == COMBINATION:
            issued = made.total
        else:
            total = reconcile.add(sums, cell.mean * alive[:, None])
            learned = calibrate.calibrate(spec, *reconcile.add_covered(sums, look.past[name], look.actual), total)
            issued = _head(spec, total, learned)
        head = _cut(issued, mean, whole, spec)
        found.append(
            Case(
                name,
                look.origin,
                cells,
                past,
                np.concatenate([came[rows], actual]),
                np.concatenate([cell.mean[rows], head.mean]),
                np.concatenate([cell.variance[rows], head.variance]),
                np.concatenate([cell.quantiles[rows], head.quantiles]),
                np.array(spec.quantile_levels),
            )
        )
    return found


def _cut(head: _Head, mean: Array, whole: Array, spec: Calibrate) -> _Head:
    """`head` where a sum is `whole`; elsewhere the distribution of the smaller `mean` with the same dispersion."""
    square = head.mean**2
    phi = np.divide(np.maximum(head.variance - head.mean, 0), square, out=np.zeros(square.shape), where=square > 0)
    known = np.nan_to_num(mean)
    variance = known + np.nan_to_num(phi) * known**2
    quantiles = negbin.quantile(known, variance, spec.quantile_levels).astype(float)
    return _Head(
        np.where(whole, head.mean, mean),
        np.where(whole, head.variance, variance),
        np.where(whole[..., None], head.quantiles, quantiles),
    )


def _head(spec: Calibrate, mean: Array, learned: Calibrated) -> _Head:
    return _Head(mean, learned.variance, negbin.quantile(mean, learned.variance, spec.quantile_levels))


def _alive(look: _Look, areas: pd.DataFrame) -> Array:
    """(n,) False for the cells of areas that are no more when the forecast begins."""
    ends = areas.set_index("area")["valid_to"].dropna()
    gone = ends.index[ends < look.grid.future(1)[0]]
    return ~look.grid.cells["area"].isin(gone).to_numpy()


def _chains(ancestors: pd.DataFrame, areas: pd.DataFrame) -> pd.DataFrame:
    """`ancestors`, with the areas it leaves out led up the tree of `areas`."""
    parent = areas.set_index("area")["parent"]
    area = areas.loc[~areas["area"].isin(ancestors["area"]), "area"]
    steps, above = [ancestors[["area", "ancestor"]]], area.map(parent)
    while above.notna().any():
        steps.append(pd.DataFrame({"area": area, "ancestor": above}).dropna())
        above = above.map(parent)
    return pd.concat(steps, ignore_index=True)


def _matched(cells: pd.DataFrame, others: pd.DataFrame) -> tuple[Array, Array]:
    """Positions of the cells both have, in `cells` and in `others`."""
    at = pd.MultiIndex.from_frame(others).get_indexer(pd.MultiIndex.from_frame(cells))
    return np.flatnonzero(at >= 0), at[at >= 0]


def _valid(name: str, means: Array, shape: tuple[int, int]) -> Array:
    if means.shape == shape and np.isfinite(means).all() and (means >= 0).all():
        return means.astype(float)
    what = f"model {name} gave {means.shape} figures, of which {int((~(means >= 0)).sum())} are no means >= 0"
    raise RunError(Fault(what, f"expected {shape}", "leave the model out of `models`, or correct it"))


def _part(progress: Progress | None, number: int, of: int) -> Progress | None:
    """Progress of one of several equal parts."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, of * total)


def _write_model(look: _Look, name: str, made: _Made, forecaster: Forecaster) -> pd.DataFrame:
    head = made.heads[name] if forecaster.member_quantiles else look.means[name]
    return _write(look, name, look.grid.cells, head, forecaster.calibrate, made.rows)


def _write(
    look: _Look, model: str, cells: pd.DataFrame, head: _Head | Array, spec: Calibrate, rows: Array
) -> pd.DataFrame:
    """Forecasts rows of the chosen cells, by cell, month, output and level. `head` without spread = means alone."""
    if isinstance(head, _Head):
        levels = np.array([np.nan, np.nan, *spec.quantile_levels])
        outputs = np.array(["mean", "variance"] + ["quantile"] * len(spec.quantile_levels))
        figures = np.concatenate([head.mean[..., None], head.variance[..., None], head.quantiles], axis=-1)[rows]
    else:
        levels, outputs, figures = np.array([np.nan]), np.array(["mean"]), head[rows][..., None]
    cell, step, kind = (index.ravel() for index in np.indices(figures.shape))
    months = look.grid.future(figures.shape[1])
    chosen = cells[rows]
    frame = {
        "model": pd.array([model], dtype="str").take(np.zeros(figures.size, dtype=int)),
        "origin": look.grid.months[-1],
        "area": chosen["area"].astype("str").array.take(cell),
        "category": chosen["category"].astype("str").array.take(cell),
        "month": months[step],
        "horizon": step + 1,
        "output": pd.array(outputs, dtype="str").take(kind),
        "level": levels[kind],
        "predicted": figures.ravel(),
    }
    return conform(Forecasts, pd.DataFrame(frame))
