"""What was done, by whom, from what to what: a log that only grows, each line bound to the one before it by its hash.

An edit of a line breaks the chain; an edit of what a line tells of breaks the hash it holds; a run without a line has
lost one. Whoever can write the whole folder can write a new chain: copy the last hash to a place of its own to know.
"""

import fcntl
import hashlib
import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from pipelines import store

NAME = "audit.jsonl"
START = "0" * 64
"""What the first line stands on."""

LATER = ("sent.jsonl",)
"""Files of a run that are written after it was published: which message got through."""

VOID = "void"
"""Event of a line that takes back the one before it: its job was stopped before its run could be seen."""


@dataclass(frozen=True)
class Breach:
    """`kind` is a key of pipelines.words; `where`: line of the log, run, or file."""

    kind: str
    where: str


def record(folder: Path, event: str, **facts: Any) -> None:
    """Add a line to the log of a folder; it is on the disk when this ends.

    Args:
        folder: where the log stands, which is the runs folder.
        event: job that did something, or VOID.
        facts: what can be written as JSON.
    """
    with store.writing(folder / NAME), _held(folder) as file:
        whole = _whole(file)
        file.truncate(whole)  # a line cut off when the machine stopped told of nothing that was seen
        before = _hash_of_last(file, whole)
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "who": who(), "event": event, **facts}
        store.append(file, _text(line | {"before": before, "hash": _hash(before, line)}))
    with store.writing(folder / NAME):
        store.sync(folder, deep=False)


def settle(folder: Path) -> None:
    """Take the line of the last run back when that run was never seen. Call it under the lock of the folder.

    Lists may have come in since it was written; a later run may not, as each job settles first.
    """
    told = [line for line in lines(folder) if line.get("run")][-1:]
    if told and told[0]["event"] != VOID and not (folder / told[0]["run"]).exists():
        record(folder, VOID, run=told[0]["run"])


def lines(folder: Path) -> list[dict[str, Any]]:
    """Lines that can be read, oldest first."""
    return [line for _, line in _numbered(folder) if line is not None]


def digests(folder: Path) -> dict[str, str]:
    """Relative name -> sha256 of every file of a folder, in the order of names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}


def digest(path: Path, most: int | None = None) -> str:
    """sha256 of a file, or of its first `most` bytes."""
    with path.open("rb") as file:
        if most is None:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(file.read(most)).hexdigest()


def verify(folder: Path) -> list[Breach]:
    """Everything that is not as it was written down: the chain, every published run, every book that only grows."""
    found: list[Breach] = []
    runs: dict[str, dict[str, str]] = {}
    before = START
    for number, line in _numbered(folder):
        where = f"{NAME}, line {number}"
        if line is None:
            found.append(Breach("audit_unreadable", where))
            continue
        told = {name: value for name, value in line.items() if name not in ("before", "hash")}
        if line.get("before") != before or line.get("hash") != _hash(before, told):
            found.append(Breach("audit_chain", where))
        before = str(line.get("hash"))
        if line.get("event") == VOID:
            runs.pop(str(line.get("run")), None)
        elif "run" in line:
            runs[str(line["run"])] = line.get("outputs", {})
        elif "book" in line:
            found += _book(folder, line)
    for name, outputs in runs.items():
        found += _run(folder / name, outputs)
    seen = {path.parent.name for path in folder.glob("[!.]*/run.json") if not path.parent.is_symlink()}
    return found + [Breach("audit_unlogged", name) for name in sorted(seen - set(runs))]


def _run(run: Path, outputs: dict[str, str]) -> Iterator[Breach]:
    if not run.is_dir():
        yield Breach("audit_gone", run.name)
        return
    now = {name: content for name, content in digests(run).items() if name not in LATER}
    for name in sorted(now.keys() | outputs.keys()):
        where = f"{run.name}/{name}"
        if name not in now:
            yield Breach("audit_gone", where)
        elif name not in outputs:
            yield Breach("audit_added", where)
        elif now[name] != outputs[name]:
            yield Breach("audit_changed", where)


def _book(folder: Path, line: dict[str, Any]) -> Iterator[Breach]:
    """A book may have grown since; what it held then stands first in it."""
    path = folder / line["book"]
    if not path.exists():
        yield Breach("audit_gone", line["book"])
    elif digest(path, int(line["bytes"])) != line["sha256"]:
        yield Breach("audit_changed", line["book"])


def _numbered(folder: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """(line, what it says or null); a last line without an end was cut off and is passed over."""
    path = folder / NAME
    content = path.read_bytes() if path.exists() else b""
    for number, raw in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            line = json.loads(raw)
        except ValueError:
            line = None
        yield number, line if isinstance(line, dict) else None


@contextmanager
def _held(folder: Path) -> Iterator[FileIO]:
    """The log, for one writer at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _whole(file: FileIO) -> int:
    """Bytes up to the end of the last whole line."""
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _hash_of_last(file: FileIO, whole: int) -> str:
    file.seek(0)
    last = file.read(whole).rstrip(b"\n").rsplit(b"\n", 1)[-1]
    try:
        return str(json.loads(last)["hash"]) if last else START
    except (ValueError, KeyError, TypeError):
        return START  # the breach is older than this line, and `verify` tells of it


def _text(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _hash(before: str, line: dict[str, Any]) -> str:
    return hashlib.sha256(before.encode() + _text(line)).hexdigest()


def who() -> str:
    """The user this process works for."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
