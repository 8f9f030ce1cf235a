"""The only reader and writer of tables: Parquet files, written whole or not at all, queried with DuckDB."""

import errno
import glob
import hashlib
import io
import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecast.errors import Fault, RunError
from forecast.tables import CallBacks, Counts, EstateHistory, Table, conform


@dataclass(frozen=True)
class Entry:
    """One source file as it was taken in: its folder in the store and what was counted on the way."""

    folder: Path
    facts: dict[str, Any]

    def part(self, name: str) -> list[str]:
        """Parquet files of one table of the entry, in order."""
        return sorted(str(path) for path in self.folder.glob(f"{name}-*.parquet"))


class Store:
    """A folder of entries, each named by the hash of the file and of every option that shaped it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, key: str) -> Entry | None:
        """The entry of a key, if it was taken in before and all of it is there."""
        folder = self.folder / key
        try:
            written = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
            whole = all((folder / name).stat().st_size == size for name, size in written["parts"].items())
        except (OSError, ValueError, KeyError):
            return None
        return Entry(folder, written["facts"]) if whole else None

    @contextmanager
    def writer(self, key: str) -> Iterator["Writer"]:
        """A folder that becomes the entry only when it is finished; a whole entry of that key is never replaced."""
        draft = self.folder / f".{key}.{socket.gethostname()}-{os.getpid()}"
        with writing(self.folder):
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        try:
            writer = Writer(draft, key)
            yield writer
            with writing(self.folder):
                sync(draft)
                self._show(draft, writer.key)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _show(self, draft: Path, key: str) -> None:
        """The draft as the entry, unless another process was first; a broken one makes way."""
        try:
            draft.rename(self.folder / key)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if self.find(key) is not None:
                return
            broken = draft.with_name(f"{draft.name}.broken")
            (self.folder / key).rename(broken)
            shutil.rmtree(broken, ignore_errors=True)
            draft.rename(self.folder / key)
        sync(self.folder, deep=False)

    def sweep(self) -> None:
        """Remove what killed jobs left. Call it under the lock, which queries do without: theirs stay."""
        for draft in self.folder.glob(".*.*"):
            if not (draft.name.startswith(SPILL) and _lives(draft.name.removeprefix(SPILL))):
                shutil.rmtree(draft, ignore_errors=True)


def _lives(process: str) -> bool:
    """Whether a process, as host-number, may still run: of another machine nobody knows."""
    host, _, number = process.rpartition("-")
    return host != socket.gethostname() or Path(f"/proc/{number}").exists()


@dataclass
class Writer:
    """Collects the tables of one entry, part by part. `key` may still be changed before it is finished."""

    folder: Path
    key: str
    parts: int = 0

    def add(self, **tables: pd.DataFrame) -> None:
        """Write one part of each table; empty ones leave no file."""
        for name, frame in tables.items():
            if len(frame):
                write(frame, self.folder / f"{name}-{self.parts:05d}.parquet")
        self.parts += 1

    def digest(self) -> str:
        """sha256 of everything added so far."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob("*.parquet")):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def finish(self, facts: dict[str, Any]) -> None:
        """Write what was counted; without it the entry does not exist."""
        with writing(self.folder):
            parts = {path.name: path.stat().st_size for path in sorted(self.folder.glob("*.parquet"))}
            text = json.dumps({"facts": facts, "parts": parts}, ensure_ascii=False, indent=1, sort_keys=True)
            (self.folder / "entry.json").write_text(text, encoding="utf-8")


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turn what the disk refuses into one clear line."""
    try:
        yield
    except OSError as error:
        fix = "free space or give write permission there, then run again; nothing was published"
        raise RunError(Fault(f"cannot write ({error.strerror or error})", str(where), fix)) from None


def sync(folder: Path, deep: bool = True) -> None:
    """Force a folder, and with `deep` all that is in it, onto the disk."""
    for path in [*(folder.rglob("*") if deep else ()), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write(frame: pd.DataFrame, path: Path) -> None:
    """One table to one Parquet file; the same table gives the same bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with writing(path):
        pq.write_table(table, path, compression="zstd", version="2.6")


def draw(path: Path, content: bytes) -> None:
    """A file of a draft, which is shown, whole, when its folder is."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def put(path: Path, content: bytes) -> None:
    """One file in place of what stood there, in one step: it is the old one or the new one, never a part."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_drafts(path)
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync(path.parent, deep=False)


def append(file: io.FileIO, content: bytes) -> None:
    """Add to the end of an unbuffered file, on the disk when this ends; all of it, or nothing where the disk refuses.

    A buffer would write the whole content once more behind the half that was refused.
    """
    end = os.fstat(file.fileno()).st_size
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise


def _clear_drafts(path: Path) -> None:
    """Remove drafts of a file whose processes are gone."""
    for left in path.parent.glob(f".{glob.escape(path.name)}-*"):
        process = left.name.rpartition("-")[2]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            left.unlink(missing_ok=True)


def replace(frame: pd.DataFrame, path: Path) -> None:
    """One table in place of the one that stood there, in one step."""
    put(path, parquet(frame))


def parquet(frame: pd.DataFrame) -> bytes:
    """One table as the content of its file."""
    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, sink, compression="zstd", version="2.6")
    return sink.getvalue()


def digest(frame: pd.DataFrame) -> str:
    """sha256 of one table."""
    return hashlib.sha256(parquet(frame)).hexdigest()


def read(
    path: Path, table: type[Table] | None = None, where: list[tuple[str, str, Any]] | None = None
) -> pd.DataFrame:
    """One table back from its file; `where`: only rows that meet every (column, sign, value)."""
    frame = pq.read_table(path, filters=where).to_pandas()
    return conform(table, frame) if table else frame


def gather(entries: Iterable[Entry], name: str, table: type[Table]) -> pd.DataFrame:
    """A small table of all entries, one after the other."""
    frames = [read(Path(path), table) for entry in entries for path in entry.part(name)]
    return pd.concat(frames, ignore_index=True) if frames else conform(table, pd.DataFrame())


ALONE: dict[str, str | bool | int | float | list[str]] = {
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "lock_configuration": True,
}
"""A query brings nothing in from outside."""
MEMORY = "2GB"
"""Of the queries over all orders; what needs more goes to a folder of the store whose name begins with SPILL."""
SPILL = ".spill."

_RAW = """
CREATE TEMP VIEW raw AS
SELECT *, file_index AS file, file_row_number AS row
FROM read_parquet(getvariable('files'), union_by_name = true) WHERE received_at < getvariable('until')
"""

_OLDER = """
CREATE TEMP TABLE older AS
WITH twice AS (SELECT hash(source, request_id) AS id FROM raw GROUP BY id HAVING count(*) > 1)
SELECT file, row FROM (
    SELECT file, row, row_number() OVER (PARTITION BY source, request_id ORDER BY file DESC, row DESC) AS copy
    FROM raw WHERE hash(source, request_id) IN (SELECT id FROM twice)
) WHERE copy > 1
"""
"""Rows that a later one replaces. Only ids whose hash comes twice are held against one another by their letters."""

_LAST = """
CREATE TEMP VIEW orders AS
SELECT * REPLACE (CASE WHEN caller IS NOT NULL THEN hash(caller) END AS caller, hash(place) AS place),
    hash(coalesce(place, caller, request_id)) AS spot,
    CAST(date_trunc('month', received_at - to_days(getvariable('d') - 1))
        + to_months(CASE WHEN getvariable('d') > 1 THEN 1 ELSE 0 END) AS TIMESTAMP) AS month
FROM raw ANTI JOIN older USING (file, row)
"""
"""Places and callers, hashes of 64 bits already, are held against one another by a hash of as many."""

_AREAS = "CREATE TYPE area_name AS ENUM (SELECT DISTINCT area FROM raw WHERE area IS NOT NULL ORDER BY area)"
_CATEGORIES = "CREATE TYPE category_name AS ENUM (SELECT DISTINCT category FROM raw ORDER BY category)"
_NAMED = "CREATE TYPE estate_name AS ENUM (SELECT DISTINCT estate FROM raw WHERE estate IS NOT NULL ORDER BY estate)"

_MARKED = """
CREATE TEMP TABLE marked AS
SELECT area, category, estate, caller, month,
    before IS NULL OR received_at > before + to_days(getvariable('incident_days')) AS opens
FROM (
    SELECT area, category, estate, caller, month, received_at,
        lag(received_at) OVER (PARTITION BY area, category, spot ORDER BY received_at, request_id) AS before
    FROM (SELECT * REPLACE (area::area_name AS area, category::category_name AS category,
        estate::estate_name AS estate) FROM orders)
)
"""

_STEPS = (_RAW, _OLDER, _LAST, _AREAS, _CATEGORIES, _NAMED, _MARKED)

_COUNTS = """
SELECT area::VARCHAR AS area, category::VARCHAR AS category, month,
    count(*)::BIGINT AS orders, count(*) FILTER (opens)::BIGINT AS incidents,
    (count(DISTINCT caller) + count(*) FILTER (caller IS NULL))::BIGINT AS callers
FROM marked GROUP BY ALL ORDER BY area NULLS LAST, category, month
"""

_ESTATES = """
SELECT area::VARCHAR AS area, estate::VARCHAR AS estate, category::VARCHAR AS category, month, 1::BIGINT AS months,
    sum(n)::BIGINT AS incidents,
    sum(CASE WHEN caller IS NULL THEN n ELSE greatest(least(n, ? - others), 0) END)::BIGINT AS capped
FROM (
    SELECT *, sum(n) OVER (PARTITION BY area, estate, category, caller, year(month) ORDER BY month) - n AS others
    FROM (
        SELECT area, estate, category, caller, month, count(*) AS n
        FROM marked WHERE opens AND estate IS NOT NULL GROUP BY ALL
    )
)
GROUP BY ALL ORDER BY area, estate, category, month
"""
"""A list of events: a month with later orders of an old incident alone is left out, as a 0 would say that the list
holds every estate, and those without a row would be unknown instead of quiet. `others`: incidents of the caller
earlier in the year."""

_CALL_BACKS = """
SELECT area, category, month, coalesce(excluded, false) AS excluded, count(*)::BIGINT AS callbacks,
    count(contacted)::BIGINT AS contact_asked, (count(*) FILTER (contacted))::BIGINT AS contacted,
    count(resolved)::BIGINT AS solution_asked, (count(*) FILTER (resolved))::BIGINT AS resolved,
    count(satisfied)::BIGINT AS opinion_asked,
    coalesce(sum(CAST(satisfied AS DECIMAL(18, 6))), 0)::DOUBLE AS satisfied
FROM orders WHERE contacted IS NOT NULL OR resolved IS NOT NULL OR satisfied IS NOT NULL
GROUP BY ALL ORDER BY area NULLS LAST, category, month, excluded
"""
"""Decimals add up to the same sum in any order."""

_COPIES = """
SELECT count(*)::BIGINT AS copies FROM older
"""

_LIKE_ANOTHER = """
SELECT month, sum(n)::BIGINT AS orders, sum(n - 1)::BIGINT AS copies
FROM (
    SELECT month, count(*) AS n FROM orders
    GROUP BY month, hash(source, received_at, area, category, estate, place, caller)
)
GROUP BY month ORDER BY month
"""

_DAYS = """
SELECT CAST(date_trunc('day', received_at) AS TIMESTAMP) AS day, count(*)::BIGINT AS orders
FROM read_parquet(?, union_by_name = true) GROUP BY day ORDER BY day
"""


@dataclass(frozen=True)
class Orders:
    """All orders received before `until`, each counted once: of an order in several files the last file holds.

    Orders about one spot (place, else caller, else the order alone) and category form one incident while no
    gap between them is longer than `incident_days`.
    """

    entries: Sequence[Entry]
    until: pd.Timestamp
    month_starts_on: int
    incident_days: int

    def counts(self) -> pd.DataFrame:
        """Counts by area (null where unplaced), category and month."""
        return conform(Counts, self._query(_COUNTS))

    def estates(self, cap: int) -> pd.DataFrame:
        """EstateHistory with `area` and `capped` beside it; estates go by the text of the order.

        `capped`: incidents without those beyond the first `cap` that one caller opened about the estate and
        category in a calendar year. Where callers are not told apart nothing is capped.
        """
        frame = self._query(_ESTATES, cap)
        area, capped = frame["area"].astype("str"), frame["capped"].astype("int64")
        return conform(EstateHistory, frame).assign(area=area, capped=capped)

    def call_backs(self) -> pd.DataFrame:
        """CallBacks, by the month the order came in."""
        return conform(CallBacks, self._query(_CALL_BACKS))

    def repeated(self) -> int:
        """Orders that came in more than one file, each extra copy counted."""
        frame = self._query(_COPIES)
        return int(frame["copies"].iloc[0]) if len(frame) else 0

    def copies(self) -> pd.DataFrame:
        """DataFrame[month, orders, copies]: of the orders of a month those like another in all but the id."""
        frame = self._query(_LIKE_ANOTHER)
        return frame.reindex(columns=["month", "orders", "copies"])

    def days(self) -> pd.DataFrame:
        """DataFrame[day, orders] of all days with orders, later ones than `until` included."""
        files = self._files()
        if not files:
            return pd.DataFrame({"day": pd.Series(dtype="datetime64[us]"), "orders": pd.Series(dtype="int64")})
        with duckdb.connect(config=ALONE) as connection:
            return connection.execute(_DAYS, [files]).df().astype({"day": "datetime64[us]"})

    def _files(self) -> list[str]:
        """In the order in which a later one replaces an earlier one."""
        return [path for entry in self.entries for path in entry.part("requests")]

    @cached_property
    def _known(self) -> duckdb.DuckDBPyConnection:
        """`raw`, `older`, `orders` and `marked`, made once; what memory does not hold is spilled."""
        spill = self.entries[0].folder.parent / f"{SPILL}{socket.gethostname()}-{os.getpid()}"
        connection = duckdb.connect(config={**ALONE, "memory_limit": MEMORY, "temp_directory": str(spill)})
        connection.execute("SET VARIABLE files = ?", [self._files()])
        connection.execute("SET VARIABLE until = ?", [self.until.to_pydatetime()])
        connection.execute("SET VARIABLE d = ?", [self.month_starts_on])
        connection.execute("SET VARIABLE incident_days = ?", [self.incident_days])
        for step in _STEPS:
            connection.execute(step)
        return connection

    def _query(self, select: str, *more: int) -> pd.DataFrame:
        if not self._files():
            return pd.DataFrame(columns=pd.Index(["area", "estate", "category", "month", "capped"]))
        try:
            return self._known.execute(select, list(more)).df()
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            where, fix = str(self.entries[0].folder.parent), "free space there; nothing was published"
            raise RunError(Fault(f"orders cannot be counted ({error})", where, fix)) from None
