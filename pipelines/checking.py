"""`weisu check`: read every input as the monthly job would and tell what is there and what is wrong; run nothing."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import estates, sources
from pipelines import inputs, interventions, ledgers, runs
from pipelines.config import Config
from pipelines.inputs import History
from pipelines.words import say

SHOWN = 12
"""Headers told that no field is meant by."""


@dataclass(frozen=True)
class Columns:
    """What is read from a source or ledger: read: field -> headers; unread: header -> what to write to read it."""

    source: str
    read: dict[str, str]
    unread: dict[str, str]

    def lines(self, language: str) -> list[str]:
        """What is read, what is not, and a line for each header that a field may be meant by."""
        pairs = ", ".join(f"{headers} = {field}" for field, headers in self.read.items())
        left = [header for header, line in self.unread.items() if not line]
        names = ", ".join(left[:SHOWN]) + (f" ... (+{len(left) - SHOWN})" if len(left) > SHOWN else "")
        near = {header: line for header, line in self.unread.items() if line}
        return [
            *([say(language, "columns_read", source=self.source, pairs=pairs)] if self.read else []),
            *([say(language, "columns_unread", source=self.source, names=names)] if left else []),
            *(
                say(language, "columns_near", source=self.source, header=header, line=line)
                for header, line in near.items()
            ),
        ]


@dataclass(frozen=True)
class Report:
    """What was read."""

    history: History
    known: pd.DataFrame
    columns: tuple[Columns, ...]
    warnings: tuple[str, ...]
    language: str

    def lines(self, path: Path) -> list[str]:
        """For a person: files, columns, totals, span, then what was noticed and what to do next."""
        history, known = self.history, self.known
        columns = ["source", "file", "rows", "kept", "rejected", "repeated", "left_out", "unplaced", "unclassified"]
        span = f"{known['month'].min():%Y-%m} .. {history.origin:%Y-%m}" if len(known) else "-"
        return [
            *history.sources[columns].to_string(index=False).splitlines(),
            *(line for file in self.columns for line in file.lines(self.language)),
            say(self.language, "sources", **history.totals()),
            say(self.language, "panel", span=span, orders=int(known["orders"].sum()), estates=len(history.estates),
                streets=self._streets(), areas=known["area"].nunique(), categories=known["category"].nunique()),
            *([history.estate_summary] if history.estate_summary else []),
            *(f"! {text}" for text in self.warnings if text != history.estate_summary),
            *(f"! {text}" for text in ledgers.fault_lines(history.estate_rejects, self.language)),
            say(self.language, "after_check", path=path),
        ]  # fmt: skip

    def _streets(self) -> int:
        return int((self.history.areas["level"] == "street").sum())

    def facts(self) -> dict[str, Any]:
        """For `--json`."""
        history, known = self.history, self.known
        return {
            **history.totals(), "estates": len(history.estates), "areas": known["area"].nunique(),
            "categories": known["category"].nunique(), "orders": int(known["orders"].sum()),
            "first_month": f"{known['month'].min():%Y-%m}" if len(known) else None,
            "last_month": f"{history.origin:%Y-%m}",
            "files": json.loads(history.sources.to_json(orient="records", date_format="iso")),
            "columns": {file.source: {"read": file.read, "unread": file.unread} for file in self.columns},
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
        warnings = [*job.warnings, *_one_street(config, history)]
        return Report(history, known, tuple(_columns(config, history)), tuple(warnings), config.settings.language)


def _columns(config: Config, history: History) -> Iterator[Columns]:
    """Of each source and each ledger."""
    for source in config.settings.sources:
        headers = history.headers.get(source.name, [])
        found = sources.locate(headers, source).items()
        read = {field: " / ".join("->".join(way) for way in ways) for field, ways in found}
        yield Columns(source.name, read, sources.unread(headers, source))
    for ledger, frame in zip(config.settings.estates, ledgers.read(config, []), strict=True):
        yield Columns(ledger.path, {}, estates.unread(frame, ledger))


def _one_street(config: Config, history: History) -> list[str]:
    """Communities that nobody told the street of share one, and so one workbook."""
    found = [sources.locate(history.headers.get(source.name, []), source) for source in config.settings.sources]
    told = any(len(way) > 1 for fields in found for way in fields.get("area", ()))
    communities = int((history.areas["level"] == "community").sum())
    if config.settings.areas or told or communities < 2:
        return []
    return [say(config.settings.language, "one_street", areas=communities)]
