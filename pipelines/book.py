"""What streets said of their tasks, in a file that only grows, and the plans issued in run folders -> the past."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.errors import WeisuError
from forecast.tables import Returns, Workplan, conform, empty
from forecast.tasks import tasks
from pipelines import audit, runs, store
from pipelines.config import Config

ISSUING = ("monthly", "plan")
"""Jobs whose plans are issued."""

EVENT = "feedback"
"""What the audit log calls a book that grew."""


@dataclass(frozen=True)
class Past:
    """plan: Workplan last issued before a month, `plan_run` its run; `year_run`: the run issued a year before it.
    tasks: Tasks. plans: every plan issued, oldest first. digest: of all that shaped these."""

    plan: pd.DataFrame
    plan_run: Path | None
    year_run: Path | None
    tasks: pd.DataFrame
    plans: tuple[pd.DataFrame, ...]
    digest: str


def issued(folder: Path, city: str, before: pd.Timestamp | None = None) -> list[Path]:
    """Run folders of the plans issued for a city, for months up to `before` (all months without it), oldest first;
    of a month that was planned again the last."""
    months: dict[str, Path] = {}
    for manifest in runs.listed(folder):
        early = before is None or manifest["as_of"] < f"{before:%Y-%m}"
        if manifest["job"] in ISSUING and manifest.get("city") == city and early:
            months[manifest["as_of"]] = Path(manifest["run_dir"])
    return [months[month] for month in sorted(months)]


def past(config: Config, folder: Path, as_of: pd.Timestamp | None = None) -> Past:
    """Plans issued for months before `as_of` (all without it), and what streets said of them."""
    found = issued(folder, config.settings.city, as_of)
    plans = tuple(conform(Workplan, store.read(run / "workplan.parquet")) for run in found)
    said = returns(config)
    heard = said.to_csv(index=False).encode()
    digest = hashlib.sha256("\n".join(run.name for run in found).encode() + heard).hexdigest()
    known = tasks(plans, said)
    last, last_run = (plans[-1], found[-1]) if found else (empty(Workplan), None)
    return Past(last, last_run, _a_year_before(found, as_of), known, plans, digest)


def returns(config: Config) -> pd.DataFrame:
    """Returns in the order they were heard. A line that was cut off when the machine stopped is passed over."""
    path = _path(config)
    if not path.exists():
        return empty(Returns)
    rows = []
    for line in path.read_bytes().split(b"\n"):  # a note may hold other signs that end a line
        try:
            rows.append(json.loads(line))
        except ValueError:  # UnicodeDecodeError is one: a line may be cut within a letter
            continue
    frame = pd.DataFrame(rows, columns=list(empty(Returns).columns))
    for name in ("done_on", "said_on"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return conform(Returns, frame)


def append(config: Config, heard: pd.DataFrame, **told: Any) -> None:
    """Add Returns to the book; on the disk and in the audit log when this ends. Nothing that stands there is touched.

    A line of the log says before what is to be added, and another after: `settle` knows from the first what a job
    that was stopped between the two had begun. `told`: facts of both.
    """
    path, log = _path(config), config.path(config.settings.runs)
    old = path.read_bytes() if path.exists() else b""
    new = _lines(heard, cut=old != b"" and not old.endswith(b"\n")) if len(heard) else b""
    facts = {"book": _seen(config), "start": len(old), "bytes": len(old + new)}
    facts |= {"sha256": hashlib.sha256(old + new).hexdigest(), **told}
    if new:
        audit.record(log, audit.BEGUN, **facts)
        try:
            _add(path, new)
        except WeisuError:
            with suppress(WeisuError):  # else the next job settles it
                audit.record(log, audit.VOID, book=facts["book"])
            raise
    if old + new:
        audit.record(log, EVENT, **facts)
    else:
        audit.record(log, EVENT, **told)


def settle(config: Config) -> None:
    """Finish in the log, or take out of the book, what a stopped job had begun to add. Call it under the book's lock.

    What stands whole in the book stays; of a part nobody was told that it was heard.
    """
    path, log = _path(config), config.path(config.settings.runs)
    mine = (line for line in reversed(audit.lines(log)) if line.get("book") == _seen(config))
    begun: dict[str, Any] = next(mine, {})
    if begun.get("event") != audit.BEGUN:
        return
    if path.exists() and audit.digest(path) == begun["sha256"]:
        facts = {name: value for name, value in begun.items() if name not in audit.OWN}
        audit.record(log, EVENT, **facts)
        return
    if path.exists() and path.stat().st_size > begun["start"]:
        with store.writing(path), path.open("r+b") as file:
            file.truncate(begun["start"])
            os.fsync(file.fileno())
    audit.record(log, audit.VOID, book=begun["book"])


def _lines(heard: pd.DataFrame, cut: bool) -> bytes:
    """Returns as lines; cut: the book ends within a line, which is ended first."""
    days = {name: heard[name].dt.strftime("%Y-%m-%d") for name in ("done_on", "said_on")}
    text = heard.assign(**days).to_json(orient="records", lines=True, force_ascii=False)
    return (("\n" if cut else "") + text.removesuffix("\n") + "\n").encode()


def _add(path: Path, content: bytes) -> None:
    with store.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            store.append(file, content)
        store.sync(path.parent, deep=False)


def _seen(config: Config) -> str:
    """The book as seen from the runs folder."""
    return os.path.relpath(_path(config), config.path(config.settings.runs))


def _a_year_before(found: list[Path], as_of: pd.Timestamp | None) -> Path | None:
    if as_of is None:
        return None
    then = f"{as_of - pd.DateOffset(years=1):%Y-%m}"
    return next((run for run in found if runs.manifest(run)["as_of"] == then), None)


def _path(config: Config) -> Path:
    return config.path(config.settings.ledger) / "returns.jsonl"
