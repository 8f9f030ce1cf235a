"""What is known and past origins -> forecasts as they would have been issued, and scores against what came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from forecast import calibrate, compare, negbin, reconcile, reliability, scores
from forecast.calibrate import Calibrate
from forecast.errors import ConfigError, Fault
from forecast.forecaster import COMBINATION
from forecast.issue import Head, Made, make, with_spread, write_model
from forecast.look import (
    Basis,
    Look,
    LookBack,
    Predict,
    Progress,
    came,
    each,
    looked,
    matched,
    nothing_known,
    predictors,
    truth,
)
from forecast.models.catalogue import Model
from forecast.models.climatology import Climatology
from forecast.models.seasonal_naive import SeasonalNaive
from forecast.panel import Grid
from forecast.scores import Case
from forecast.tables import Comparisons, Forecasts, Losses, Reliability, Scores, check, empty

Array = np.ndarray

BASELINES: tuple[Model, ...] = (SeasonalNaive(), Climatology())
"""Scored in every backtest, whether or not they are members."""


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


def backtest(
    basis: Basis,
    origins: Iterable[pd.Timestamp],
    progress: Progress | None = None,
    rivals: Mapping[str, Predict] | None = None,
) -> Backtested:
    """Issue from each origin as if it were today, and score against what came.

    Args:
        basis: what is known; counts after an origin are used to score it, never to forecast.
        origins: first days of the last months known.
        progress: is told of steps done.
        rivals: further models by name, scored but never combined; the baselines seasonal_naive and climatology
            always are among them. Every model gets the count distribution of the combination's recipe, fitted
            to its own past errors, so that all are scored on quantiles.

    Returns:
        Backtested.

    Raises:
        ConfigError: a rival has the name of another model.
        DataError, RunError: as for `issue.issue`.
    """
    origins = list(origins)
    parts = [
        at_origin(basis, origin, _part(progress, number, len(origins)), rivals)
        for number, origin in enumerate(origins)
    ]
    return together(parts, basis.seed)


def at_origin(
    basis: Basis,
    origin: pd.Timestamp,
    progress: Progress | None = None,
    rivals: Mapping[str, Predict] | None = None,
) -> Hindsight:
    """One origin of `backtest`: needs nothing of the others, so that each may run where there is room.

    Raises:
        ConfigError, DataError, RunError: as for `backtest`.
    """
    if not basis.counts["area"].notna().any():
        raise nothing_known("counts")
    models = predictors(basis.forecaster.models)
    every = models | _others(models, rivals or {})
    look = looked(basis, origin, every, list(every), progress)
    known = truth(basis, look.basis, origin)
    made = make(look, everyone=True)
    written = [made.forecasts, *(write_model(look, name, made) for name in every if name not in models)]
    cases = _cases(look, made, known)
    figures = [
        *(scores.measure(case, basis.seed) for case in cases),
        *(scores.measure_levels(case, basis.seed) for case in _level_cases(look, made, known)),
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


def _others(models: Mapping[str, LookBack], rivals: Mapping[str, Predict]) -> dict[str, LookBack]:
    """The baselines that are no models themselves, and the rivals."""
    baselines = predictors(spec for spec in BASELINES if spec.kind not in models)
    taken = sorted({COMBINATION, *models, *baselines} & set(rivals))
    if taken:
        raise ConfigError(Fault(f"rivals may not be called {', '.join(taken)}", "rivals", "choose other names"))
    return baselines | {name: partial(each, predict) for name, predict in rivals.items()}


def _cases(look: Look, made: Made, known: Grid) -> list[Case]:
    """What every model said of the cells written, and what came of it."""
    levels = np.array(look.basis.forecaster.calibrate.quantile_levels)
    chosen = made.rows & np.isin(np.arange(len(made.rows)), matched(look.grid.cells, known.cells)[0])
    actual = came(look.grid.cells, look.origin, known, made.total.mean.shape[1])[chosen]
    cells = look.grid.cells[chosen]
    cells = cells.assign(zone=cells["area"].map(scores.zones(look.basis.areas)))
    return [
        Case(
            name, look.origin, cells, look.grid.y[chosen], actual, head.mean[chosen], head.variance[chosen],
            head.quantiles[chosen], levels,
        )
        for name, head in made.heads.items()
    ]  # fmt: skip


def _level_cases(look: Look, made: Made, known: Grid) -> list[Case]:
    """Cells and their sums, with the level of their areas.

    Sums of models get a spread by the recipe of the combination. Where cells of a sum are not covered, the sum is
    cut to the others on both sides and keeps its dispersion.
    """
    spec, sums, alive, rows = look.basis.forecaster.calibrate, made.sums, made.alive, made.rows
    later = came(look.grid.cells, look.origin, known, made.total.mean.shape[1])
    later[~alive] = np.nan
    whole = reconcile.add(sums, (~np.isnan(later)).astype(float)) == (sums.matrix @ alive.astype(float))[:, None]
    cells = pd.concat([look.grid.cells[rows], sums.nodes], ignore_index=True)
    cells["level"] = cells["area"].map(look.basis.areas.set_index("area")["level"])
    past = np.concatenate([look.grid.y[rows], reconcile.add_covered(sums, look.grid.y, look.grid.y)[1]])
    found = []
    for name, cell in made.heads.items():
        mean, actual = reconcile.add_covered(sums, cell.mean, later)
        if name == COMBINATION:
            issued = made.total
        else:
            total = reconcile.add(sums, cell.mean * alive[:, None])
            learned = calibrate.calibrate(spec, *reconcile.add_covered(sums, look.past[name], look.actual), total)
            issued = with_spread(spec, total, learned)
        head = _cut(issued, mean, whole, spec)
        found.append(
            Case(
                name,
                look.origin,
                cells,
                past,
                np.concatenate([later[rows], actual]),
                np.concatenate([cell.mean[rows], head.mean]),
                np.concatenate([cell.variance[rows], head.variance]),
                np.concatenate([cell.quantiles[rows], head.quantiles]),
                np.array(spec.quantile_levels),
            )
        )
    return found


def _cut(head: Head, mean: Array, whole: Array, spec: Calibrate) -> Head:
    """`head` where a sum is `whole`; elsewhere the distribution of the smaller `mean` with the same dispersion."""
    square = head.mean**2
    phi = np.divide(np.maximum(head.variance - head.mean, 0), square, out=np.zeros(square.shape), where=square > 0)
    known = np.nan_to_num(mean)
    variance = known + np.nan_to_num(phi) * known**2
    quantiles = negbin.quantile(known, variance, spec.quantile_levels).astype(float)
    return Head(
        np.where(whole, head.mean, mean),
        np.where(whole, head.variance, variance),
        np.where(whole[..., None], head.quantiles, quantiles),
    )


def _part(progress: Progress | None, number: int, of: int) -> Progress | None:
    """Progress of one of several equal parts."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, of * total)
