"""Source files -> entries of the store. A file already taken in under the same options is not read again."""

import glob
import hashlib
import secrets
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import personal, requests
from forecast.errors import DataError, Fault, RunError
from forecast.requests import Classify, PlaceArea, Tally
from forecast.sources import Source, locate
from forecast.tables import Rejects, conform
from pipelines import engine, readers
from pipelines.config import Config
from pipelines.readers import Batch
from pipelines.runs import code_digest, stamp
from pipelines.store import Entry, Store, Writer, gather

READING_CODE = ("forecast/requests.py", "forecast/sources.py", "forecast/parse.py", "forecast/personal.py",
                "forecast/taxonomy.py",
                "forecast/areas.py", "forecast/gazetteer.py", "forecast/tables/base.py", "forecast/tables/orders.py",
                "forecast/tables/places.py", "pipelines/readers.py", "pipelines/intake.py")  # fmt: skip

HEADER_LETTERS = 80
"""Letters of a header that are kept."""


MANY = 8 * 2**20
"""Bytes of new files from which two processes are worth their start."""

LONG = 64 * 2**20
"""Bytes of a file from which its batches are shared out, and not the file."""

GUESSES = 100_000
"""Rounds of hashing (some 50 ms) that one guess at the key of the caller hash costs who reads its proof."""


@dataclass(frozen=True)
class Door:
    """How a row finds its area and category, and a caller a hash; `digest` names all of that.

    The key of the hash is no part of it: each process asks its own environment, or the file of the key.
    """

    place_area: PlaceArea
    classify: Classify
    consultations: tuple[str, ...]
    caller_key: Callable[[], bytes | None]
    digest: str


@dataclass(frozen=True)
class _Ground:
    """What reading any file needs; `proof` lets a worker tell whether it has the same key, and not which."""

    door: Door
    store: Store
    proof: tuple[bytes, bytes]


def take_in(
    config: Config, store: Store, door: Door, say: Callable[[int, int], None], jobs: int | None = None
) -> list[Entry]:
    """Every file of every source, in the order of the config and of the file names; a copy of a file counts once.

    Args:
        config: its sources, and the engine that reads new files. Queries are asked here: their passwords stay here.
        store: where entries are kept.
        door: how rows are read.
        say: is told of files done.
        jobs: processes at a time; None = two where there are files and room for them. Changes no byte.

    Raises:
        DataError: with the faults of all files that cannot be used.
        RunError: a worker of a cluster cannot read what is read here.
    """
    faults: list[Fault] = []
    todo = _todo(config, faults)
    new: dict[str, _Todo] = {}
    for one in todo:
        if one.path and store.find(key := _key(one, door)) is None:
            new.setdefault(key, one)
    ground = _Ground(door, store, _proof(door.caller_key() if new else None))
    mapper = engine.mapper(config, stamp, jobs or _jobs(list(new.values())))
    known = len(todo) - len(new)
    read: dict[tuple[str, Path | None], Entry | DataError] = {}
    for one in _long(config, list(new.values()), jobs):
        read[one.source.name, one.path] = _read_in(ground, one, engine.default_jobs(2) if jobs is None else jobs)
        say(known + len(read), len(todo))
    short = [one for one in new.values() if (one.source.name, one.path) not in read]
    known += len(read)
    told = mapper(_read_in, ground, short, lambda done, _: say(known + done, len(todo)))
    read |= {(one.source.name, one.path): result for one, result in zip(short, told, strict=True)}
    entries: list[Entry] = []
    for one in todo:
        try:
            result = read.get((one.source.name, one.path))
            entry = _said(result) if result else _one(one, store, door)
            if entry.folder not in {taken.folder for taken in entries}:
                entries.append(entry)
        except DataError as error:
            faults += error.faults
    faults += _too_many_rejects(config, entries)
    if faults:
        raise DataError(_once(faults))
    return entries


@dataclass(frozen=True)
class _Todo:
    """A file and its sha256, or a query."""

    source: Source
    path: Path | None
    content: str


def _todo(config: Config, faults: list[Fault]) -> list[_Todo]:
    todo = []
    for source in config.settings.sources:
        for path in _files(config, source, faults):
            try:
                todo.append(_Todo(source, path, _sha256(path) if path else "query"))
            except DataError as error:
                faults += error.faults
    return todo


def _jobs(new: list[_Todo]) -> int:
    """Processes for these files, unasked."""
    size = sum(one.path.stat().st_size for one in new if one.path)
    return engine.default_jobs(len(new)) if len(new) > 1 and size >= MANY else 1


def _long(config: Config, new: list[_Todo], jobs: int | None) -> list[_Todo]:
    """Files whose batches are shared out among processes of this machine."""
    if config.settings.engine.address is not None or (engine.default_jobs(2) if jobs is None else jobs) < 2:
        return []
    return [one for one in new if one.path and one.path.stat().st_size >= LONG]


def _read_in(ground: _Ground, one: _Todo, jobs: int = 1) -> Entry | DataError:
    """One file, in whatever process this is; its batches in `jobs` more."""
    where, key = f"a worker on {socket.gethostname()}", ground.door.caller_key()
    if ground.proof != _proof(key, ground.proof[0]):
        fix = "set it there as here, or unset it on both sides"
        raise RunError(Fault("does not have the same key of the caller hash", where, fix))
    if one.path and not one.path.exists():
        fix = "put the sources on a folder shared under the same path"
        raise RunError(Fault(f"does not see {one.path}", where, fix))
    try:
        if one.path and _sha256(one.path) != one.content:
            raise DataError(Fault("changed while it was taken in", str(one.path), "run again when it is whole"))
        return _one(one, ground.store, ground.door, jobs)
    except DataError as error:
        return error


def _said(result: Entry | DataError) -> Entry:
    if isinstance(result, DataError):
        raise result
    return result


def _proof(key: bytes | None, salt: bytes | None = None) -> tuple[bytes, bytes]:
    """Salt and what it makes of the key: slow to guess from."""
    salt = secrets.token_bytes(16) if salt is None else salt
    return salt, hashlib.pbkdf2_hmac("sha256", key, salt, GUESSES) if key else b""


def _once(faults: list[Fault]) -> list[Fault]:
    """Faults that differ by their file alone become one."""
    places: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        places.setdefault((fault.what, fault.fix), []).append(fault.where)
    return [
        Fault(what, where[0] + (f" and {len(where) - 1} more files" if len(where) > 1 else ""), fix)
        for (what, fix), where in places.items()
    ]


def headers(entries: list[Entry]) -> dict[str, list[str]]:
    """Source -> headers of all its files, each once, in their order."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        found.setdefault(entry.facts["source"], {}).update(dict.fromkeys(entry.facts["headers"]))
    return {name: list(names) for name, names in found.items()}


def sources(entries: list[Entry]) -> pd.DataFrame:
    """What became of the rows of each file: DataFrame[source, grain, file, sha256, the fields of Tally]."""
    names = ["source", "grain", "file", "sha256", *(name for name in Tally.__dataclass_fields__)]
    frame = pd.DataFrame([entry.facts for entry in entries], columns=pd.Index(names))
    for name in ("first_day", "last_day"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return frame


def _files(config: Config, source: Source, faults: list[Fault]) -> list[Path | None]:
    if source.format == "postgresql":
        return [None]
    found: list[Path | None] = []
    known: set[Path] = set()
    for pattern in source.paths:
        whole = str(config.root / pattern)
        hits = sorted(Path(hit) for hit in glob.glob(whole, recursive=True))  # noqa: PTH207 - patterns may be absolute
        fresh = [hit for hit in hits if not hit.is_dir() and hit.resolve() not in known]
        known |= {hit.resolve() for hit in fresh}
        found += fresh
        if not hits:
            fix = "put the file there, or mend `paths`"
            faults.append(Fault(f"no file matches {pattern}", f"source {source.name}", fix))
        elif all(hit.is_dir() for hit in hits):
            faults.append(
                Fault(f"{pattern} is a folder", f"source {source.name}", "name its files, e.g. folder/*.csv")
            )
    return found


def _key(one: _Todo, door: Door) -> str:
    options = one.source.model_dump_json(exclude={"paths", "max_rejected_share"})
    parts = [one.content, options, door.digest, code_digest(*READING_CODE)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _one(one: _Todo, store: Store, door: Door, jobs: int = 1) -> Entry:
    source, path, content, key = one.source, one.path, one.content, _key(one, door)
    if path and (entry := store.find(key)):
        return Entry(entry.folder, entry.facts | {"file": personal.file_name(path.name)})
    token = content[:12]
    with store.writer(key) as writer:
        tally = Tally()
        names: list[str] = []
        batches = readers.read_file(path, source) if path else readers.read_query(source)
        with closing(_cleaned(batches, _Into(source, door, token, writer), names, jobs)) as tallies:
            for part in tallies:
                if isinstance(part, DataError):
                    raise part
                tally += part
        facts: dict[str, Any] = asdict(tally) | _columns(names, source)
        for name in ("first_day", "last_day"):
            facts[name] = facts[name] and facts[name].date().isoformat()
        facts["headers"] = personal.shown(pd.Series(names, dtype="str"), HEADER_LETTERS).tolist()
        file = personal.file_name(path.name) if path else source.format
        sha256 = content if path else writer.digest()
        writer.key = key if path else f"{key}-{sha256[:16]}"
        writer.finish({"source": source.name, "grain": source.grain, "file": file, "sha256": sha256, **facts})
        name = writer.key
    entry = store.find(name)
    assert entry is not None
    return entry


def _columns(headers: list[str], source: Source) -> dict[str, Any]:
    """Which field stands in which column, and the headers nobody asked for, masked as values are."""
    found = locate(headers, source)
    used = {header for ways in found.values() for way in ways for header in way}
    columns = {field: "->".join(ways[0]) for field, ways in found.items() if ways}
    unused = personal.shown(pd.Series([name for name in headers if name not in used], dtype="str")).tolist()
    return {"fields": sorted(columns), "columns": columns, "unused": unused[:200]}


_Tallies = Generator[Tally | DataError, None, None]


@dataclass(frozen=True)
class _Into:
    """What cleaning a batch of one file needs, in any process."""

    source: Source
    door: Door
    token: str
    writer: Writer


def _cleaned(batches: Iterator[Batch], into: _Into, names: list[str], jobs: int) -> _Tallies:
    """What became of the rows of each batch, in order; `names` gets the headers."""

    def numbered() -> Iterator[tuple[int, Batch]]:
        for part, batch in enumerate(batches):
            names[:] = names or [str(name) for name in batch.rows.columns]
            yield part, batch

    if jobs < 2:
        return (_clean(into, one) for one in numbered())
    return engine.streamed(_clean, into, numbered(), jobs)


def _clean(into: _Into, numbered: tuple[int, Batch]) -> Tally | DataError:
    try:
        return _written(into, *numbered)
    except DataError as error:
        return error


def _written(into: _Into, part: int, batch: Batch) -> Tally:
    source, door, token, writer = into.source, into.door, into.token, replace(into.writer, parts=part)
    ways = (batch.rows, source, door.place_area, door.classify)
    if source.grain == "counts":
        counts = requests.clean_counts(*ways, door.consultations)
        writer.add(counts=counts.counts, rejects=_both(batch, counts.rejects), unresolved=counts.unresolved)
        tally = counts.tally
    else:
        orders = requests.clean(*ways, door.caller_key(), token, door.consultations)
        writer.add(requests=orders.requests, rejects=_both(batch, orders.rejects), unresolved=orders.unresolved)
        tally = orders.tally
    return tally + Tally(rows=len(batch.refused), rejected=len(batch.refused))


def _both(batch: Batch, rejects: pd.DataFrame) -> pd.DataFrame:
    """Rows that could not be read and rows that could not be used."""
    return conform(Rejects, pd.concat([batch.refused, rejects]).sort_values("row", kind="stable", ignore_index=True))


def _too_many_rejects(config: Config, entries: list[Entry]) -> list[Fault]:
    faults = []
    for source in config.settings.sources:
        facts = [entry.facts for entry in entries if entry.facts["source"] == source.name]
        rows, rejected = (sum(fact[name] for fact in facts) for name in ("rows", "rejected"))
        if rejected > source.max_rejected_share * rows:
            what = f"{rejected} of {rows} rows are refused; first: {_first(entries, source.name)}"
            fix = f"mend the file, or raise max_rejected_share (now {source.max_rejected_share:g})"
            faults.append(Fault(what, f"source {source.name}", fix))
    return faults


def _first(entries: list[Entry], source: str) -> str:
    rejects = gather([entry for entry in entries if entry.facts["source"] == source], "rejects", Rejects)
    return "; ".join(f"row {r.row}, {r.column} {r.value!r}: {r.reason}" for r in rejects.head(3).itertuples())


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        fix = "check the file and its permissions"
        raise DataError(Fault(f"cannot be read ({error.strerror})", str(path), fix)) from None
