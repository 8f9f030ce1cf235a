"""`weisu feedback`: returned workbooks in; what can be believed into the book of tasks, the rest refused by name."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import personal
from forecast.errors import DataError, Fault
from forecast.returns import Heard, Sheet, hear
from forecast.tables import STATUSES, Refusals, Returns, empty
from forecast.tasks import tasks
from pipelines import audit, book, runs, sheets, store
from pipelines.config import Config
from pipelines.words import not_heard, say
from reports import plan_csv

TOLD = 20
"""Refusals told on the terminal."""


@dataclass(frozen=True)
class Said:
    """What came of the files. tasks: Tasks after them."""

    heard: Heard
    files: int
    tasks: pd.DataFrame
    refused_path: Path
    language: str

    def lines(self) -> list[str]:
        """For a person: one line of sums, then what was refused, why, and what to do."""
        refusals = self.heard.refusals
        lines = [say(self.language, "heard", **self.sums())]
        for row in refusals.head(TOLD).itertuples():
            what, fix = not_heard(self.language, str(row.reason))
            facts = {"file": Path(str(row.file)).name, "row": row.row, "column": row.column, "value": row.value}
            lines.append(say(self.language, "refused_row", what=what, fix=fix, **facts))
        if len(refusals) > TOLD:
            lines.append(say(self.language, "more_refused", count=len(refusals) - TOLD, path=self.refused_path))
        return lines

    def sums(self) -> dict[str, int]:
        """Counts of files, rows and tasks."""
        states = self.tasks["status"].value_counts()
        return {
            "files": self.files,
            "kept": len(self.heard.returns),
            "unchanged": self.heard.unchanged,
            "refused": len(self.heard.refusals),
            "tasks": len(self.tasks),
            **{status: int(states.get(status, 0)) for status in STATUSES},
        }

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        return {**self.sums(), "refusals": json.loads(self.heard.refusals.to_json(orient="records"))}


def run(config: Config, files: Sequence[Path], today: pd.Timestamp) -> Said:
    """Take in what streets said of their tasks.

    Args:
        config: whose city's plans were issued, and where the book is kept.
        files: workbooks or CSV files that came back; none asks for the state alone.
        today: the day they are taken in.

    Returns:
        Said. Also writes tasks.parquet and tasks.csv beside the book: the state of every task now; and refused.csv:
        what was refused this time.

    Raises:
        DataError: a file cannot be read at all (nothing is taken in then), or no plan was ever issued.
    """
    folder = config.path(config.settings.ledger)
    with runs.locked(folder, "feedback"):
        book.settle(config)
        past = book.past(config, config.path(config.settings.runs))
        if not past.plans:
            fix = "run `weisu monthly` first, or name the config the plans were made with"
            raise DataError(Fault("no plan was issued yet", config.settings.runs, fix))
        issued = pd.concat(past.plans, ignore_index=True).drop_duplicates("task_id", keep="last")
        heard = hear(_sheets(files), issued, book.returns(config), today) if files else _nothing()
        if files:
            rows = {"kept": len(heard.returns), "refused": len(heard.refusals), "unchanged": heard.unchanged}
            book.append(config, heard.returns, inputs=sorted(audit.digest(file) for file in files), rows=rows)
        now = tasks(past.plans, book.returns(config))
        store.replace(now, folder / "tasks.parquet")
        store.put(folder / "tasks.csv", _csv(now))
        store.put(folder / "refused.csv", _csv(heard.refusals))
    return Said(heard, len(files), now, folder / "refused.csv", config.settings.language)


def _nothing() -> Heard:
    return Heard(empty(Returns), empty(Refusals), 0)


def _csv(table: pd.DataFrame) -> bytes:
    return plan_csv.csv(table, 2)


def _sheets(files: Sequence[Path]) -> list[Sheet]:
    faults: list[Fault] = []
    found: list[Sheet] = []
    for file in files:
        try:
            found += [
                Sheet(str(file.with_name(personal.file_name(file.name))), cells) for cells in sheets.every(file)
            ]
        except DataError as error:
            faults += error.faults
    if faults:
        raise DataError(faults)
    return found
