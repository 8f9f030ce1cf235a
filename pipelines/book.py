"""What streets said of their tasks, in a file that only grows, and the plans issued in run folders -> the past."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.tables import Returns, Workplan, conform, empty
from forecast.tasks import tasks
from pipelines import audit, runs, store
from pipelines.config import Config

ISSUING = ("monthly", "plan")
"""Jobs whose plans are issued."""


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


def append(config: Config, heard: pd.DataFrame) -> None:
    """Add Returns to the book; on the disk when this ends. Nothing that stands there is touched."""
    path = _path(config)
    lines = heard.assign(**{name: heard[name].dt.strftime("%Y-%m-%d") for name in ("done_on", "said_on")}).to_json(
        orient="records", lines=True, force_ascii=False
    )
    with store.writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        cut = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        with path.open("ab", buffering=0) as file:
            store.append(file, (("\n" if cut else "") + (lines if lines.endswith("\n") else lines + "\n")).encode())
        store.sync(path.parent, deep=False)


def facts(config: Config, start: int) -> dict[str, Any]:
    """Where the book is, as seen from the runs folder, how long it was and is, and its sha256, for the audit log."""
    path = _path(config)
    if not path.exists():
        return {}
    seen = os.path.relpath(path, config.path(config.settings.runs))
    return {"book": seen, "start": start, "bytes": path.stat().st_size, "sha256": audit.digest(path)}


def length(config: Config) -> int:
    """Bytes of the book."""
    path = _path(config)
    return path.stat().st_size if path.exists() else 0


def _a_year_before(found: list[Path], as_of: pd.Timestamp | None) -> Path | None:
    if as_of is None:
        return None
    then = f"{as_of - pd.DateOffset(years=1):%Y-%m}"
    return next((run for run in found if runs.manifest(run)["as_of"] == then), None)


def _path(config: Config) -> Path:
    return config.path(config.settings.ledger) / "returns.jsonl"
