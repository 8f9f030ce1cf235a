"""Config + plans issued -> Treated and Tasks: what was done where, from the ledger and the file of interventions."""

import hashlib

import pandas as pd

from forecast.effects import counterfactual, holdback, treated
from forecast.effects.measure import measure
from forecast.tables import Treated, conform, empty
from pipelines import book, sheets
from pipelines.config import Config
from pipelines.inputs import History


def read(config: Config, history: History, known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Treated, Tasks) of the file and of the plans issued before the end of the panel `known`.

    Raises:
        DataError: with every fault of the file of interventions.
    """
    settings = config.settings
    starts_on = settings.calendar.month_starts_on
    past = book.past(config, config.path(settings.runs), history.origin)
    tasks = holdback.as_drawn(past.tasks, past.plans)
    parts = [treated.from_tasks(tasks, starts_on)]
    if settings.interventions.path:
        parts.append(
            treated.from_rows(
                sheets.read(config.path(settings.interventions.path)),
                history.areas,
                treated.place_by(history.areas),
                sorted(known["category"].unique()),
                (known["month"].min(), history.origin),
                starts_on,
                settings.interventions.after_months,
                settings.interventions.path,
            )
        )
    filled = [part for part in parts if len(part)]
    both = conform(Treated, pd.concat(filled, ignore_index=True)) if filled else empty(Treated)
    return both[both["month"] <= history.origin].reset_index(drop=True), tasks


def without(config: Config, history: History, known: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(Counts models learn from, digest of what changed them): as if nothing had been done, where that is asked for.

    Args:
        known: Panel up to the origin of `history`.

    Returns:
        Counts of treated cells divided by 1 + effect, of the effects that could be told at the origin. Without
        `train_without` the counts as they came, and no digest.

    Raises:
        DataError: with every fault of the file of interventions.
    """
    settings = config.settings
    if not settings.interventions.train_without:
        return history.counts, ""
    done, tasks = read(config, history, known)
    ground = (known, history.areas, done, tasks, history.origin, settings.calendar.month_starts_on)
    effects, _ = measure(*ground, settings.interventions, settings.seed)
    told = counterfactual.told(effects)
    return counterfactual.untreated(history.counts, done, told), digest(done, tasks)


def digest(*frames: pd.DataFrame) -> str:
    """sha256 of tables."""
    return hashlib.sha256("\n".join(frame.to_csv(index=False) for frame in frames).encode()).hexdigest()
