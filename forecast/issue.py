"""What is known and an origin -> forecasts as issued then, what their spread was learned from, and past scores.

`issue` is the one path to a forecast: the monthly job calls it once, `backtest` goes this way at each past origin.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast import calibrate, combine, explain, negbin, paths, reconcile, scores
from forecast.calibrate import Calibrate, Calibrated
from forecast.explain import Wanted
from forecast.forecaster import COMBINATION, Forecaster, names
from forecast.look import Basis, Look, Mapper, Progress, in_turn, looked, predictors
from forecast.reconcile import Summing
from forecast.scores import Case
from forecast.tables import Contributions, Forecasts, Scores, check, conform, empty

Array = np.ndarray

ROWS = 1_000_000
"""Rows of a table checked together; bounds the memory."""


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
class Head:
    """A forecast with its spread: (n, H) mean and variance, (n, H, L) quantiles."""

    mean: Array
    variance: Array
    quantiles: Array


@dataclass(frozen=True)
class Made:
    """A forecast as made at one origin.

    cells, upper: what was learned of the spread of cells and of sums; heads: the combination's and, where asked,
    each model's; total: the combination's for sums; alive: (n,) cells that still are when the forecast begins.
    """

    forecasts: pd.DataFrame
    cells: Calibrated
    upper: Calibrated
    heads: dict[str, Head]
    total: Head
    sums: Summing
    alive: Array

    @property
    def rows(self) -> Array:
        """(n,) cells that are written: those alive that are no sum themselves."""
        return self.alive & self.sums.leaf


def issue(
    basis: Basis,
    origin: pd.Timestamp,
    progress: Progress | None = None,
    review: bool = True,
    wanted: Wanted | None = None,
    mapper: Mapper = in_turn,
) -> Issued:
    """Forecast every cell, every area and every sum of categories for the months after `origin`.

    Args:
        basis: what is known; counts after `origin` change nothing.
        origin: first day of the last month known.
        progress: is told of steps done.
        review: also score the combination at its past origins.
        wanted: cells whose forecast is explained; None = none.
        mapper: where the models run; changes no byte.

    Returns:
        Issued. Model "combination" has mean, variance and quantiles of cells and sums, the members have means
        of cells.

    Raises:
        DataError: no request is known up to the origin.
        RunError: a model gave something that is no forecast.
    """
    forecaster = basis.forecaster
    models, back = predictors(forecaster.models), _looked_back(forecaster)
    look = looked(basis, origin, models, back, progress, wanted, mapper)
    leaf = reconcile.leaf(look.grid.cells, _chains(look.basis))
    reviewed = _past_scores(look, leaf) if review else empty(Scores)  # before there is a large table
    made = make(look)
    return Issued(
        made.forecasts,
        _calibration(look, made),
        reviewed,
        made.cells.correlation,
        _contributions(look, made),
    )


def make(look: Look, everyone: bool = False) -> Made:
    """Combine, calibrate, add up, write; `everyone`: each model gets a spread too."""
    forecaster = look.basis.forecaster
    models = names(model.kind for model in forecaster.models)
    spec = forecaster.calibrate
    sums = reconcile.summing(look.grid.cells, _chains(look.basis))
    alive = _alive(look)
    mean, past = _combined(look, look.actual)
    mean = np.where(alive[:, None], mean, 0.0)
    cells = calibrate.calibrate(spec, past, look.actual, mean)
    upper_mean = reconcile.add(sums, mean)
    upper = calibrate.calibrate(spec, *reconcile.add_covered(sums, past, look.actual), upper_mean)
    heads = {COMBINATION: with_spread(spec, mean, cells)}
    for name in look.means if everyone else models if forecaster.member_quantiles else ():
        learned = calibrate.calibrate(spec, look.past[name], look.actual, look.means[name])
        heads[name] = with_spread(spec, look.means[name], learned)
    made = Made(empty(Forecasts), cells, upper, heads, with_spread(spec, upper_mean, upper), sums, alive)
    nodes = sums.matrix @ alive.astype(float) > 0
    written = [
        _write(look, COMBINATION, look.grid.cells, heads[COMBINATION], made.rows),
        _write(look, COMBINATION, sums.nodes, made.total, nodes),
        *(write_model(look, name, made) for name in models),
    ]
    return replace(made, forecasts=_together(written))


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all parts, which are emptied: a column at a time, so that no more than one is held twice."""
    columns = {}
    for name in parts[0].columns:
        columns[name] = pd.concat([part.pop(name) for part in parts], ignore_index=True)
    return pd.DataFrame(columns, copy=False)


def with_spread(spec: Calibrate, mean: Array, learned: Calibrated) -> Head:
    """The mean with the spread learned."""
    return Head(mean, learned.variance, negbin.quantile(mean, learned.variance, spec.quantile_levels))


def _looked_back(forecaster: Forecaster) -> list[str]:
    """Models whose past errors are needed to issue a forecast."""
    every = names(model.kind for model in forecaster.models)
    return [name for name in every if forecaster.member_quantiles or name in forecaster.combine.members]


def _combined(look: Look, actual: Array, upto: int | None = None) -> tuple[Array, Array]:
    """Combined means (n, H) and (K, n, H) with weights learned from the past origins.

    `upto` = k stands at past origin k instead of today: only the k origins before it are past.
    """
    spec = look.basis.forecaster.combine
    past = {name: look.past[name][:upto] for name in spec.members}
    now = {name: look.means[name] if upto is None else look.past[name][upto] for name in past}
    weights = combine.weights(spec, past, actual)
    return combine.combine(now, weights), combine.combine(past, weights)


def _calibration(look: Look, made: Made) -> pd.DataFrame:
    """What the spread was learned from, and how far cells move together."""
    mean, total = made.heads[COMBINATION].mean, made.sums.matrix
    shared = paths.implied(
        look.grid.cells, mean, made.cells.variance, made.cells.correlation, total, made.upper.variance,
        made.upper.correlation,
    )  # fmt: skip
    spread = calibrate.table({"": made.cells, "upper": made.upper}, COMBINATION, look.origin)
    return pd.concat([spread, paths.table(shared, COMBINATION, look.origin)], ignore_index=True)


def _contributions(look: Look, made: Made) -> pd.DataFrame:
    """What the issued means of cells are made of, as far as it was asked."""
    told = look.told
    if told is None:
        return empty(Contributions)
    mean = made.heads[COMBINATION].mean
    weights = combine.weights(look.basis.forecaster.combine, look.past, look.actual)
    kept = made.rows[told.cells]
    parts = explain.split(told.models, weights, told.usual[told.cells], told.cells)
    parts = {part: factor[kept] for part, factor in parts.items()}
    chosen = told.cells[kept]
    whole = explain.as_issued(parts, told.usual[chosen], mean[chosen])
    return explain.table(look.grid.cells.iloc[chosen], look.grid.future(mean.shape[1]), look.origin, whole)


def _past_scores(look: Look, leaf: Array) -> pd.DataFrame:
    """Scores of the combination at each past origin, made from what was known there."""
    spec, frames = look.basis.forecaster.calibrate, []
    for k, back in enumerate(look.back):
        ahead = np.arange(1, look.actual.shape[2] + 1)
        came_later = ahead > np.array(look.back[:k], dtype=int)[:, None] - back
        actual = np.where(came_later[:, None, :], np.nan, look.actual[:k])
        mean, past = _combined(look, actual, upto=k)
        rows = np.flatnonzero(leaf & ~np.isnan(mean).any(axis=1))
        learned = ~np.isnan(actual[:, rows]).all()
        head = with_spread(spec, mean[rows], calibrate.calibrate(spec, past[:, rows], actual[:, rows], mean[rows]))
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
                look.basis.seed,
            )
        )
    return check(Scores, pd.concat(frames, ignore_index=True) if frames else empty(Scores), "scores")


def _alive(look: Look) -> Array:
    """(n,) False for the cells of areas that are no more when the forecast begins."""
    ends = look.basis.areas.set_index("area")["valid_to"].dropna()
    gone = ends.index[ends < look.grid.future(1)[0]]
    return ~look.grid.cells["area"].isin(gone).to_numpy()


def _chains(basis: Basis) -> pd.DataFrame:
    """`ancestors`, with the areas it leaves out led up the tree of `areas`."""
    ancestors, areas = basis.ancestors, basis.areas
    parent = areas.set_index("area")["parent"]
    area = areas.loc[~areas["area"].isin(ancestors["area"]), "area"]
    steps, above = [ancestors[["area", "ancestor"]]], area.map(parent)
    while above.notna().any():
        steps.append(pd.DataFrame({"area": area, "ancestor": above}).dropna())
        above = above.map(parent)
    return pd.concat(steps, ignore_index=True)


def write_model(look: Look, name: str, made: Made) -> pd.DataFrame:
    """Forecasts rows of the cells of one model."""
    forecaster = look.basis.forecaster
    figures = made.heads[name] if forecaster.member_quantiles else look.means[name]
    return _write(look, name, look.grid.cells, figures, made.rows)


def _write(look: Look, model: str, cells: pd.DataFrame, head: Head | Array, rows: Array) -> pd.DataFrame:
    """Forecasts rows of the chosen cells, by cell, month, output and level. `head` without spread = means alone."""
    spec = look.basis.forecaster.calibrate
    if isinstance(head, Head):
        levels = np.array([np.nan, np.nan, *spec.quantile_levels])
        outputs = np.array(["mean", "variance"] + ["quantile"] * len(spec.quantile_levels))
        figures = np.concatenate([head.mean[..., None], head.variance[..., None], head.quantiles], axis=-1)[rows]
    else:
        levels, outputs, figures = np.array([np.nan]), np.array(["mean"]), head[rows][..., None]
    rows_of_cell, kinds = figures[0].size if len(figures) else 0, figures.shape[2]
    months = look.grid.future(figures.shape[1]).repeat(kinds)
    chosen = cells[rows]

    def each(texts: Iterable[str], times: int, over: int = 1) -> pd.api.extensions.ExtensionArray:
        """Every text so many times in a row, all of it `over` and over."""
        known = pd.Series(list(texts), dtype="str").array
        return known.take(np.tile(np.repeat(np.arange(len(known)), times), over))

    frame = {
        "model": each([model], figures.size),
        "origin": look.grid.months[-1],
        "area": each(chosen["area"], rows_of_cell),
        "category": each(chosen["category"], rows_of_cell),
        "month": np.tile(months, len(figures)),
        "horizon": np.tile(np.repeat(np.arange(1, figures.shape[1] + 1), kinds), len(figures)),
        "output": each(outputs, 1, figures.size // kinds),
        "level": np.tile(levels, figures.size // kinds),
        "predicted": figures.ravel(),
    }
    table = conform(Forecasts, pd.DataFrame(frame, copy=False))
    for start in range(0, len(table), ROWS):  # no rule looks beyond a row, and a check needs room for itself
        check(Forecasts, table.iloc[start : start + ROWS], "forecasts")
    return table
