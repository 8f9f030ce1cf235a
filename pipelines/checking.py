"""`weisu check`: read every input as the monthly job would and tell what is there and what is wrong; run nothing."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines import inputs, interventions, ledgers, runs
from pipelines.config import Config
from pipelines.inputs import History
from pipelines.words import say


@dataclass(frozen=True)
class Report:
    """What was read."""

    history: History
    known: pd.DataFrame
    warnings: tuple[str, ...]
    language: str

    def lines(self) -> list[str]:
        """For a person: files, totals, span, then what was noticed."""
        history, known = self.history, self.known
        columns = ["source", "file", "rows", "kept", "rejected", "repeated", "left_out", "unplaced", "unclassified"]
        span = f"{known['month'].min():%Y-%m} .. {history.origin:%Y-%m}" if len(known) else "-"
        return [
            *history.sources[columns].to_string(index=False).splitlines(),
            say(self.language, "sources", **history.totals()),
            say(self.language, "panel", span=span, orders=int(known["orders"].sum()), estates=len(history.estates),
                areas=known["area"].nunique(), categories=known["category"].nunique()),
            *([history.estate_summary] if history.estate_summary else []),
            *(f"! {text}" for text in self.warnings if text != history.estate_summary),
            *(f"! {text}" for text in ledgers.fault_lines(history.estate_rejects, self.language)),
        ]  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        history, known = self.history, self.known
        return {
            **history.totals(), "estates": len(history.estates), "areas": known["area"].nunique(),
            "categories": known["category"].nunique(), "orders": int(known["orders"].sum()),
            "first_month": f"{known['month'].min():%Y-%m}" if len(known) else None,
            "last_month": f"{history.origin:%Y-%m}",
            "files": json.loads(history.sources.to_json(orient="records", date_format="iso")),
            "warnings": list(self.warnings),
        }  # fmt: skip


def run(config: Config, as_of: pd.Timestamp | None) -> Report:
    """Read all inputs.

    Raises:
        ConfigError, DataError: with every fault of every input.
    """
    with tempfile.TemporaryDirectory(prefix="weisu-") as scratch, runs.opened(Path(scratch), runs.Watch()) as job:
        history = inputs.read(config, as_of, job)
        known = inputs.panel_of(config, history)
        interventions.read(config, history, known)
        return Report(history, known, tuple(job.warnings), config.settings.language)
