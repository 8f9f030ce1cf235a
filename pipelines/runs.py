"""A job's run folder: lock, log, stages, and the moment it becomes visible; and the list of past runs."""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from io import FileIO
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from forecast.errors import ConfigError, Fault, RunError
from pipelines import audit, store

PACKAGES = (
    "chinesecalendar", "duckdb", "geopandas", "holidays", "lightgbm", "numpy", "pandas", "prophet", "pyarrow",
    "python-calamine", "scipy", "statsmodels", "weisu",
)  # fmt: skip
MANIFEST = "run.json"


class BusyError(RunError):
    """Another job holds the folder."""


class Watch:
    """What a job tells the person before it, and how many seconds it may wait for another. This one stays silent."""

    patience: float = 0.0

    def stage(self, name: str) -> None:
        """A stage begins."""

    def step(self, done: int, total: int) -> None:
        """Part of the stage is done."""

    def waits(self, text: str) -> None:
        """Another job holds what this one needs; said once for each lock."""

    def stop(self) -> None:
        """The job has ended."""


@dataclass
class Run:
    """One job under way in a hidden draft folder. `counts` and `warnings` end in the manifest."""

    draft: Path
    watch: Watch
    log: TextIO
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, int]]:
        """Time a stage; what it puts into the yielded dict is its counts."""
        counts: dict[str, int] = {}
        self.watch.stage(name)
        started = time.perf_counter()
        yield counts
        self.seconds[name] = round(time.perf_counter() - started, 3)
        self.counts[name] = counts
        self.say("stage", name=name, seconds=self.seconds[name], **counts)

    def warn(self, text: str) -> None:
        """A plain sentence for the log, the terminal and the reports."""
        self.warnings.append(text)
        self.say("warning", text=text)

    def say(self, event: str, **facts: Any) -> None:
        """One JSON line in the log."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
        with store.writing(self.draft):
            self.log.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.log.flush()

    def save(self, **tables: pd.DataFrame) -> None:
        """Tables into the run folder."""
        for name, frame in tables.items():
            store.write(frame, self.draft / f"{name}.parquet")

    def put(self, name: str, content: bytes) -> None:
        """A report into the run folder."""
        store.draw(self.draft / name, content)


@contextmanager
def locked(folder: Path, job: str, watch: Watch | None = None, name: str = ".lock") -> Iterator[None]:
    """Hold a folder for one job. The lock falls with its process, so a killed job leaves none behind.

    Args:
        folder: what is held; made if need be.
        job: who holds it, in words for others.
        watch: whose patience to wait with; None = none.
        name: of the lock; two of other names do not meet.

    Raises:
        BusyError: another job holds it, and still does after `watch.patience` seconds.
    """
    path = folder / name
    with store.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+b", buffering=0)  # what the disk refused once is not tried again at the end
    with handle:
        _wait(handle, folder, watch or Watch())
        with store.writing(path):
            handle.truncate(0)
            since = f"since {datetime.now(UTC):{_SINCE}} UTC"
            handle.write(f"{job}, {audit.who()}, process {os.getpid()}, {since}".encode())
        yield
        with suppress(OSError):  # the work is done, and the lock falls anyway
            handle.truncate(0)


_SINCE = "%Y-%m-%d %H:%M:%S"
LOOK_AGAIN = 0.2
"""Seconds between two looks at a lock."""


def _wait(handle: FileIO, folder: Path, watch: Watch) -> None:
    """Take the lock, or say who has it."""
    until = time.monotonic() + watch.patience
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            handle.seek(0)
            what = f"another job is running here ({aged(handle.read().decode().strip(), datetime.now(UTC))})"
        except OSError as error:
            fix = "keep the folder on a disk of this machine, or one whose server knows locks"
            raise RunError(Fault(f"cannot be locked ({error.strerror})", str(folder), fix)) from None
        if time.monotonic() >= until:
            after = f", after {watch.patience:g} s of waiting" if watch.patience else ""
            raise BusyError(Fault(what + after, str(folder), "wait until it ends"))
        if not told:
            watch.waits(f"{folder}: {what}")
            told = True
        time.sleep(LOOK_AGAIN)


def aged(holder: str, now: datetime) -> str:
    """What a lock says of its holder, and for how long it has been held."""
    found = re.search(r"since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$", holder)
    if not found:
        return holder or "its name is not written yet"
    seconds = int((now - datetime.strptime(found[1], _SINCE).replace(tzinfo=UTC)).total_seconds())
    span, unit = (3600, "h") if seconds >= 7200 else (60, "min") if seconds >= 120 else (1, "s")
    return f"{holder}, for {max(seconds, 0) // span} {unit}"


@contextmanager
def opened(folder: Path, watch: Watch) -> Iterator[Run]:
    """A draft under the runs folder, gone when the job does not reach `publish`. Call under the lock."""
    audit.settle(folder)
    for left in folder.glob(".draft-*"):
        shutil.rmtree(left, ignore_errors=True)
    for link in folder.glob(".latest-*"):
        link.unlink(missing_ok=True)
    _point_to_newest(folder)
    draft = folder / f".draft-{os.getpid()}"
    with store.writing(draft):
        draft.mkdir(parents=True)
        log = (draft / "log.jsonl").open("w", encoding="utf-8")
    try:
        yield Run(draft, watch, log)
    finally:
        with suppress(OSError):  # every line was flushed when it was written
            log.close()
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def at_work(folder: Path, name: str, watch: Watch) -> Iterator[Run]:
    """A draft of the job `name` under the lock of the runs folder."""
    with locked(folder, name, watch), opened(folder, watch) as job:
        yield job


@dataclass(frozen=True)
class Identity:
    """Everything that decides a run's tables."""

    job: str
    as_of: str
    config_sha256: str
    inputs_sha256: str
    arguments: tuple[str, ...] = ()

    @property
    def run_id(self) -> str:
        """Its short name."""
        parts = [*map(str, asdict(self).values()), code_digest(), str(versions())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def publish(run: Run, folder: Path, identity: Identity, facts: dict[str, Any]) -> Path:
    """Write the manifest and show the run under its name in one step.

    A run of the same name has the same inputs, config and code; the earlier one is kept and the new one
    gets a number, so that forecasts as issued are never lost. The name of a run that was removed is not given again.
    """
    manifest = {
        "run_id": identity.run_id,
        **asdict(identity),
        "code_sha256": code_digest(),
        "versions": versions(),
        "started_at": run.started.isoformat(timespec="seconds"),
        "total_seconds": round(time.perf_counter() - run.clock, 1),
        "status": "done",
        **facts,
        "warnings": run.warnings,
        "counts": run.counts,
        "seconds": run.seconds,
    }
    run.put(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    name = f"{identity.as_of}-{identity.run_id}"
    target, number, known = folder / name, 1, audit.names(folder)
    while target.exists() or target.name in known:
        number += 1
        target = folder / f"{name}-{number}"
    with store.writing(target):
        store.sync(run.draft)
    told = {"run_id": identity.run_id, **asdict(identity), "code_sha256": code_digest(), "rows": run.counts}
    audit.record(folder, identity.job, run=target.name, outputs=audit.digests(run.draft), **told)
    try:
        with store.writing(target):
            run.draft.rename(target)
    except BaseException:
        audit.settle(folder)
        raise
    with suppress(OSError):  # the run is published; a missing pointer to it is no reason to fail
        store.sync(folder, deep=False)
        _point(folder / "latest", target.name)
        store.sync(folder, deep=False)
    return target


def listed(folder: Path) -> list[dict[str, Any]]:
    """Manifests of all published runs, oldest first."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) | {"run_dir": str(path.parent)}
        for path in folder.glob(f"[!.]*/{MANIFEST}")
        if not path.parent.is_symlink()
    ]
    return sorted(found, key=lambda manifest: (manifest["started_at"], manifest["run_dir"]))


def took(folder: Path, job: str) -> dict[str, float]:
    """Seconds of each stage of the last run of a job in a folder; empty where there was none."""
    found = [manifest["seconds"] for manifest in listed(folder) if manifest["job"] == job]
    return dict(found[-1]) if found else {}


def manifest(run: Path) -> dict[str, Any]:
    """The manifest of a run folder.

    Raises:
        ConfigError: there is none.
    """
    path = run / MANIFEST
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        fix = "name a folder `weisu monthly` made, such as runs/latest"
        raise ConfigError(Fault("is no run folder", str(run), fix)) from None
    return found


def shown(folder: Path, run_id: str) -> dict[str, Any]:
    """The manifest of one run, by its name, its id, the beginning of either, or `latest`."""
    run_id = (folder / "latest").resolve().name if run_id == "latest" else run_id
    names = {Path(manifest["run_dir"]).name: manifest for manifest in listed(folder)}
    begin = [name for name in names if name.startswith(run_id) or names[name]["run_id"].startswith(run_id)]
    found = [run_id] if run_id in names else begin
    if len(found) != 1:
        what = f"{len(found)} runs begin with {run_id!r}" if found else f"no run begins with {run_id!r}"
        raise ConfigError(Fault(what, str(folder), "`weisu runs` lists them"))
    return names[found[0]]


def versions() -> dict[str, str]:
    """Python and the packages whose arithmetic shapes the tables."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def stamp() -> dict[str, str]:
    """Code and packages: where they are the same, so are the tables."""
    return {"code": code_digest(), **versions()}


@cache
def code_digest(*modules: str) -> str:
    """sha256 over the source of these modules (all of ours when none is named)."""
    root = Path(__file__).resolve().parents[1]
    names = modules or ("forecast", "pipelines", "reports")
    files = [file for name in names for file in _sources(root / name)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _point_to_newest(folder: Path) -> None:
    """Put `latest` right where a job was killed between its run and the pointer to it. Call under the lock."""
    newest = [Path(manifest["run_dir"]).name for manifest in listed(folder)][-1:]
    link = folder / "latest"
    if newest and not (link.is_symlink() and link.readlink().name == newest[0]):
        with suppress(OSError):
            _point(link, newest[0])


def _point(link: Path, name: str) -> None:
    """Swap a symlink in one step."""
    draft = link.with_name(f".{link.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(link)
