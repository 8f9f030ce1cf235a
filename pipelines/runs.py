"""A job's run folder: lock, log, stages, and the moment it becomes visible; and the list of past runs."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
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


class Watch:
    """What a job tells the person before it. This one stays silent."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def step(self, done: int, total: int) -> None:
        """Part of the stage is done."""

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
        path = self.draft / name
        with store.writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@contextmanager
def locked(folder: Path, job: str) -> Iterator[None]:
    """Hold a folder for one job. The lock falls with its process, so a killed job leaves none behind."""
    path = folder / ".lock"
    with store.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            fix = "wait until it ends"
            raise RunError(
                Fault(f"another job is running here ({handle.read().strip()})", str(folder), fix)
            ) from None
        with store.writing(path):
            handle.truncate(0)
            handle.write(f"{job}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
            handle.flush()
        yield
        handle.truncate(0)


@contextmanager
def opened(folder: Path, watch: Watch) -> Iterator[Run]:
    """A draft under the runs folder, gone when the job does not reach `publish`. Call under the lock."""
    for left in folder.glob(".draft-*"):
        shutil.rmtree(left, ignore_errors=True)
    for link in folder.glob(".latest-*"):
        link.unlink(missing_ok=True)
    audit.settle(folder)
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
    with locked(folder, name), opened(folder, watch) as job:
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
    gets a number, so that forecasts as issued are never lost.
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
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{name}-{number}"
    with store.writing(target):
        store.sync(run.draft)
    told = {"run_id": identity.run_id, **asdict(identity), "code_sha256": code_digest(), "rows": run.counts}
    audit.record(folder, identity.job, run=target.name, outputs=audit.digests(run.draft), **told)
    with store.writing(target):
        run.draft.rename(target)
    with suppress(OSError):  # the run is published; a missing pointer to it is no reason to fail
        store.sync(folder, deep=False)
        _point(folder / "latest", target.name)
    return target


def listed(folder: Path) -> list[dict[str, Any]]:
    """Manifests of all published runs, oldest first."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) | {"run_dir": str(path.parent)}
        for path in folder.glob(f"[!.]*/{MANIFEST}")
        if not path.parent.is_symlink()
    ]
    return sorted(found, key=lambda manifest: (manifest["started_at"], manifest["run_dir"]))


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


def _point(link: Path, name: str) -> None:
    """Swap a symlink in one step."""
    draft = link.with_name(f".{link.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(link)
