"""Config + what is known -> Treated and Tasks: what was done where, from the ledger and the file of interventions."""

import hashlib

import pandas as pd

from forecast.effects import treated
from forecast.tables import Tasks, Treated, conform, empty
from pipelines import sheets, store
from pipelines.config import Config
from pipelines.inputs import History

LEDGER = "tasks.parquet"


def read(config: Config, history: History, known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Treated, Tasks) for the months of the panel `known`.

    Raises:
        DataError: with every fault of the file of interventions.
    """
    settings = config.settings
    starts_on = settings.calendar.month_starts_on
    tasks = ledger(config)
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


def ledger(config: Config) -> pd.DataFrame:
    """Tasks of the store; none before the first answer came back."""
    path = config.path(config.settings.store) / LEDGER
    return store.read(path, Tasks) if path.exists() else empty(Tasks)


def digest(*frames: pd.DataFrame) -> str:
    """sha256 of tables."""
    return hashlib.sha256("\n".join(frame.to_csv(index=False) for frame in frames).encode()).hexdigest()
