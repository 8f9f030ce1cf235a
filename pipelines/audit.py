"""What was done, by whom, from what to what: a log that only grows, each line bound to the one before it by its hash.

An edit of a line breaks the chain; an edit of what a line tells of breaks the hash it holds; a run without a line has
lost one; lines lost at the end are missed by HEAD. Whoever can write the whole folder can write a new chain: copy the
last hash to a place of its own to know.
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

from forecast.errors import WeisuError
from pipelines import store

NAME = "audit.jsonl"
HEAD = "audit.head"
"""How many lines there are, and the hash of the last."""

START = "0" * 64
"""What the first line stands on."""


VOID = "void"
"""Event of a line that takes back an earlier one: its job was stopped before its run was seen, or its book grew."""

BEGUN = "begun"
"""Event of a line that says what is about to be added to a book."""

OWN = ("at", "who", "event", "before", "hash")
"""What every line says beside the facts it is given."""


KINDS = ("audit_chain", "audit_unreadable", "audit_gone", "audit_added", "audit_changed", "audit_unlogged")


@dataclass(frozen=True)
class Breach:
    """`kind` is one of KINDS; `where`: line of the log, run, or file."""

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
        try:
            store.put(folder / HEAD, f"{_count(file)} {_hash(before, line)}\n".encode())
        except WeisuError:
            file.truncate(whole)  # who is told that it failed must not find it done
            raise


def settle(folder: Path) -> None:
    """Take back the last line of a run that was never seen, while its draft still stands.

    Call it under the lock of the folder, before drafts are cleared: a run that is gone without its draft was removed.
    """
    told = next((line for line in reversed(lines(folder)) if "run" in line), {"event": VOID})
    if told["event"] == VOID or (folder / str(told["run"])).exists():
        return
    if any(digests(draft) == told.get("outputs") for draft in folder.glob(".draft-*")):
        record(folder, VOID, run=told["run"])


def names(folder: Path) -> set[str]:
    """Every run that was logged, also those no longer there."""
    return {str(line["run"]) for line in lines(folder) if "run" in line}


def last_hash(folder: Path) -> str:
    """Hash of the last line; START before the first."""
    told = lines(folder)
    return str(told[-1].get("hash")) if told else START


def lines(folder: Path) -> list[dict[str, Any]]:
    """Lines that can be read, oldest first."""
    return [line for _, _, line in _numbered(folder) if line is not None]


def digests(folder: Path) -> dict[str, str]:
    """Relative name -> sha256 of every file of a folder, in the order of names; of a link what it points to."""
    files = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    told = {path: f"-> {path.readlink()}" if path.is_symlink() else digest(path) for path in files}
    return {path.relative_to(folder).as_posix(): what for path, what in told.items()}


def digest(path: Path, most: int | None = None) -> str:
    """sha256 of a file, or of its first `most` bytes."""
    with path.open("rb") as file:
        if most is None:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(file.read(most)).hexdigest()


def verify(folder: Path) -> list[Breach]:
    """Everything that is not as it was written down: the chain, every published run, every book that only grows."""
    found: list[Breach] = []
    told: list[tuple[str, dict[str, Any]]] = []
    before = START
    for number, raw, line in _numbered(folder):
        where = f"{NAME}, line {number}"
        if line is None:
            found.append(Breach("audit_unreadable", where))
            continue
        said = {name: value for name, value in line.items() if name not in ("before", "hash")}
        sound = line.get("before") == before and line.get("hash") == _hash(before, said)
        if not sound or raw + b"\n" != _text(line):  # a key twice, or blanks, would read the same
            found.append(Breach("audit_chain", where))
        before = str(line.get("hash"))
        told.append((where, line))
    runs = _runs(told, found)
    found += _head(folder)
    found += [breach for name, outputs in runs.items() for breach in _run(folder / name, outputs)]
    found += _books(folder, told)
    seen = {path.parent.name for path in folder.glob("[!.]*/run.json") if not path.parent.is_symlink()}
    found += [Breach("audit_unlogged", name) for name in sorted(seen - set(runs))]
    latest = folder / "latest"
    if latest.is_symlink() and str(latest.readlink()) not in runs:
        found.append(Breach("audit_changed", latest.name))
    return found


def _runs(told: list[tuple[str, dict[str, Any]]], found: list[Breach]) -> dict[str, dict[str, str]]:
    """Run -> its files. A name stands once; only the last run can be taken back."""
    runs: dict[str, dict[str, str]] = {}
    for where, line in told:
        name, outputs = line.get("run"), line.get("outputs", {})
        if name is None:
            continue
        if not isinstance(name, str) or Path(name).name != name or not isinstance(outputs, dict):
            found.append(Breach("audit_unreadable", where))
        elif line.get("event") != VOID and name not in runs:
            runs[name] = outputs
        elif line.get("event") == VOID and [*runs][-1:] == [name]:
            del runs[name]
        else:
            found.append(Breach("audit_chain", where))
    return runs


def _head(folder: Path) -> Iterator[Breach]:
    """A job stopped between the two leaves HEAD one line behind; a log shorter than HEAD has lost its end."""
    kept = list(_numbered(folder))
    try:
        words = (folder / HEAD).read_text(encoding="ascii").split()
        count, end = int(words[0]), words[1]
    except OSError:
        if len(kept) > 1:
            yield Breach("audit_gone", HEAD)
        return
    except (ValueError, IndexError):
        yield Breach("audit_unreadable", HEAD)
        return
    if count > len(kept):
        yield Breach("audit_gone", f"{NAME}, line {len(kept) + 1}")
    elif count < max(len(kept) - 1, 1) or (kept[count - 1][2] or {}).get("hash") != end:
        yield Breach("audit_changed", HEAD)


def _run(run: Path, outputs: dict[str, str]) -> Iterator[Breach]:
    if not run.is_dir() or run.is_symlink():
        yield Breach("audit_gone", run.name)
        return
    now = digests(run)
    for name in sorted(now.keys() | outputs.keys()):
        where = f"{run.name}/{name}"
        if name not in now:
            yield Breach("audit_gone", where)
        elif name not in outputs:
            yield Breach("audit_added", where)
        elif now[name] != outputs[name]:
            yield Breach("audit_changed", where)


def _books(folder: Path, told: list[tuple[str, dict[str, Any]]]) -> Iterator[Breach]:
    """Of each book: what it held then stands first in it, and it grew by nothing but what was logged.

    What the last line says was begun may stand there or not: its job was stopped, or is at it.
    """
    length: dict[str, int] = {}
    most: dict[str, int] = {}
    for where, line in told:
        if "book" not in line:
            continue
        if line.get("event") == VOID:
            most.pop(str(line["book"]), None)
            continue
        try:
            name, start, size, wanted = str(line["book"]), int(line["start"]), int(line["bytes"]), str(line["sha256"])
        except (KeyError, TypeError, ValueError):
            yield Breach("audit_unreadable", where)
            continue
        if start != length.setdefault(name, 0):
            yield Breach("audit_unlogged", f"{name}, bytes {length[name]} to {start}")
        if line.get("event") == BEGUN:
            most[name], length[name] = size, start
            continue
        if not (folder / name).is_file():
            yield Breach("audit_gone", name)
        elif digest(folder / name, size) != wanted:
            yield Breach("audit_changed", name)
        length[name] = size
        most.pop(name, None)
    for name, size in length.items():
        if (folder / name).is_file() and (folder / name).stat().st_size > most.get(name, size):
            yield Breach("audit_unlogged", f"{name}, from byte {size} on")


def _numbered(folder: Path) -> Iterator[tuple[int, bytes, dict[str, Any] | None]]:
    """(line, its bytes, what it says or null); a last line without an end was cut off and is passed over."""
    path = folder / NAME
    content = path.read_bytes() if path.exists() else b""
    for number, raw in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            line = None
        yield number, raw, line if isinstance(line, dict) else None


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


def _count(file: FileIO) -> int:
    file.seek(0)
    return file.read().count(b"\n")


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
