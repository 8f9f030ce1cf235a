"""A source file or a PostgreSQL query -> batches of rows as text, numbered, and what could not be read."""

import codecs
import csv
import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecast import parse, personal
from forecast.errors import ConfigError, DataError, Fault, WeisuError
from forecast.sources import Source, locate, missing
from forecast.tables import Rejects, conform
from pipelines import excel

ROWS = 100_000
"""Rows of a batch of Excel or Parquet."""
BLOCK = 16 << 20
"""Bytes of a batch of text; no row may be longer."""
HEADER_WITHIN = 20
"""Rows searched for the header."""
SAMPLE = 1 << 20
"""Letters of a text file looked at for header and delimiter."""
NOTHING = " \t\r\n,;|"
"""Letters of a text file that holds nothing."""
CONNECT_SECONDS = 10

Stream = io.BufferedReader | gzip.GzipFile

AS_CSV = "save it as CSV UTF-8 (in Excel: Save as > CSV UTF-8) and put that file in its place"
AGAIN = "export it again or copy it again; the copy may be incomplete"


@dataclass(frozen=True)
class Batch:
    """rows: the columns of the file under its own names, all text, empty is null; the index "row" counts from 1.

    In a text file "row" is the line on which the row begins, in Excel the row of the sheet, in Parquet and
    PostgreSQL the place among the rows. refused: Rejects, the rows that have too many or too few fields.
    """

    rows: pd.DataFrame
    refused: pd.DataFrame


def read_file(path: Path, source: Source) -> Iterator[Batch]:
    """Rows of one file; memory does not grow with its length, except with Excel, which is held whole.

    Raises:
        DataError: missing, not permitted, damaged, empty, no rows, of an unknown encoding, or without the
            columns the source needs.
    """
    with _readable(path), excel.unbroken(path):
        kind = _kind(path, source)
        if kind == "excel":
            batches = _excel(path, source)
        elif kind == "parquet":
            batches = _parquet(path, source)
        else:
            batches = _text(path, source)
        yield from _with_rows(batches, str(path))


def read_query(source: Source) -> Iterator[Batch]:
    """Rows of the query of a PostgreSQL source, streamed by COPY in a read-only transaction.

    Raises:
        ConfigError: no query, or no usable connection string in the environment variable `source.dsn_env`.
        DataError: the server refuses, the query fails, gives no rows, or lacks columns the source needs.
    """
    import psycopg

    where = f"source {source.name}, database of ${source.dsn_env}"
    dsn = _dsn(source)
    query = source.query.strip().rstrip(";").encode()
    if not query:
        raise ConfigError(Fault("has no query", f"source {source.name}", "write the SELECT as `query`"))
    try:
        with psycopg.connect(**{"connect_timeout": CONNECT_SECONDS, **dsn, "client_encoding": "utf8"}) as connection:
            connection.read_only = True
            with connection.cursor() as cursor:
                cursor.execute(b"SELECT * FROM (\n" + query + b"\n) AS source LIMIT 0")
                headers = _headers([column.name for column in cursor.description or ()], source, where)
                with cursor.copy(b"COPY (\n" + query + b"\n) TO STDOUT (FORMAT csv)") as copy:
                    stream: Stream = io.BufferedReader(_Blocks(copy), SAMPLE)
                    layout = _Layout(headers, skip=0, delimiter=",", encoding="utf-8", by_line=False)
                    yield from _with_rows(_lines(stream, layout, source, where), where)
    except psycopg.Error as error:
        said = (error.diag.message_primary or str(error)).strip().splitlines()[:1]
        said = ["".join(said).replace(str(dsn.get("password") or "\0"), "***")]
        what = f"PostgreSQL says: {personal.kept(pd.Series(said, dtype='str'))[0][:300]}"
        raise DataError(Fault(what, where, "mend the query, the connection string or the server")) from None


# --- Any file --------------------------------------------------------------------------------------------------


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the disk and the libraries say of an unreadable file into one clear line."""
    import pyarrow as pa
    import python_calamine

    where = str(path)
    try:
        yield
    except WeisuError:
        raise
    except FileNotFoundError:
        raise DataError(Fault("there is no such file", where, "put the file there or mend the path")) from None
    except IsADirectoryError:
        raise DataError(Fault("is a folder", where, "name the files in it, for example with /*.csv")) from None
    except PermissionError:
        raise DataError(Fault("may not be read", where, "give this user the right to read it")) from None
    except python_calamine.PasswordError:
        raise DataError(Fault("is locked with a password", where, "save it without the password")) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(Fault(f"is a damaged gzip file ({error})", where, AGAIN)) from None
    except (python_calamine.CalamineError, pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(Fault(f"is damaged or is not what its name says ({error})", where, AGAIN)) from None
    except OSError as error:
        raise DataError(Fault(f"cannot be read ({error.strerror or error})", where, AGAIN)) from None


def _kind(path: Path, source: Source) -> str:
    """csv, excel or parquet: by the first bytes of the file, whatever its name."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise DataError(Fault("is empty", str(path), "export it again or take it away"))
    if source.format != "auto":
        return source.format
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "excel"
    if head.startswith(b"PAR1"):
        return "parquet"
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".parquet") or (suffix == ".gz" and not head.startswith(b"\x1f\x8b")):
        raise DataError(Fault(f"is damaged: the content is not {suffix}", str(path), AGAIN))
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        raise DataError(Fault("is a web page, not a table", str(path), "open it in Excel and save it as .xlsx"))
    return "csv"


def _with_rows(batches: Iterator[Batch], where: str) -> Iterator[Batch]:
    empty = True
    for batch in batches:
        if len(batch.rows) or len(batch.refused):
            empty = False
            yield batch
    if empty:
        raise DataError(
            Fault("has no rows, only the names of its columns", where, "export it again, or take it away")
        )


def _headers(row: Sequence[str], source: Source, where: str) -> list[str]:
    """Header names of a frame, once they are known to hold what the source needs.

    Raises:
        DataError: required columns are missing; a first row that is data is not shown.
    """
    excel.refuse_wide(len(row), where)
    cells = parse.tidy(pd.Series(list(row), dtype="str"))
    if not locate(row, source) and (parse.numbers(cells).notna() | parse.times(cells).notna()).any():
        raise DataError(Fault("has no header row", where, "write the column names above the data"))
    headers = _unique(row)
    if faults := missing(headers, source, where):
        raise DataError(faults)
    return headers


def _unique(row: Iterable[str]) -> list[str]:
    """None empty, none twice."""
    names: list[str] = []
    for number, cell in enumerate(row, start=1):
        name = cell.strip() or f"column {number}"
        while name in names:
            name = f"{name} ({number})"
        names.append(name)
    return names


def _find_header(rows: Sequence[Sequence[str]], source: Source) -> tuple[int, int]:
    """Position of the header among the first rows, and how many fields it names.

    The first row that names two fields; else, of those that name most, the first that is filled more than half as
    far as the fullest: titles above a header fill few cells.
    """
    named = [len(locate(row, source)) for row in rows]
    for position, count in enumerate(named):
        if count >= 2:
            return position, count
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    best = max(range(len(rows)), key=lambda n: (named[n], filled[n] > max(filled) / 2))
    return best, named[best]


def _frame(rows: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
    """Rows with their numbers; wholly empty ones are none."""
    rows.index = pd.Index(numbers, name="row", dtype="int64")
    return rows[rows.notna().any(axis=1)]


def _refused(source: Source, lines: Sequence[tuple[int, str]]) -> pd.DataFrame:
    """Rejects of whole rows; nothing of what they hold is shown."""
    frame = pd.DataFrame(lines, columns=pd.Index(["row", "reason"]))
    return conform(Rejects, frame.assign(source=source.name, column="", value=""))


# --- Text files ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """headers: names of the columns. skip: lines before the first row of data. by_line: rows count as lines."""

    headers: list[str]
    skip: int
    delimiter: str
    encoding: str
    by_line: bool = True


def _text(path: Path, source: Source) -> Iterator[Batch]:
    where = str(path)
    encoding = _encoding(path, source)
    with io.TextIOWrapper(_open(path), encoding, newline="") as text:
        sample = text.read(SAMPLE).removeprefix("\ufeff")
    if not sample.strip(NOTHING):
        raise DataError(Fault("is empty", where, "export it again or take it away"))
    layout = _layout(sample, source, encoding, where)
    behind = io.StringIO(sample, newline="").readlines()[layout.skip :]
    if len(sample) < SAMPLE and not "".join(behind).strip(NOTHING):
        return
    with _open(path) as file:
        yield from _lines(file, layout, source, where)


def _open(path: Path) -> Stream:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.GzipFile(path) if zipped else path.open("rb")


def _encoding(path: Path, source: Source) -> str:
    """The first of UTF-8 and GB18030 in which the whole file can be read."""
    tries = ("utf-8", "gb18030") if source.encoding == "auto" else (source.encoding,)
    failures = []
    for encoding in tries:
        with _open(path) as file:
            failure = _undecodable(file, encoding)
        if failure is None:
            return encoding
        failures.append(failure)
    offset, line, byte = max(failures)
    neither = " nor ".join(name.upper() for name in tries)
    what = f"byte {offset} (0x{byte:02X}, line {line}) is not {neither}"
    other = "" if source.encoding == "auto" else "set `encoding: auto`, or "
    raise DataError(Fault(what, str(path), other + AS_CSV))


def _undecodable(file: Stream, encoding: str) -> tuple[int, int, int] | None:
    """Offset, line and value of the first byte that does not fit; letters may be cut by the blocks read."""
    offset, line, carried = 0, 1, b""
    while True:
        read = file.read(SAMPLE)
        block = carried + read
        end = _last_letter(block) if encoding == "utf-8" and read else 0
        if end and _is_utf8(block[:end]):
            carried = block[end:]
        else:
            decoder = codecs.getincrementaldecoder(encoding)("strict")
            try:
                decoder.decode(block, final=not read)
            except UnicodeDecodeError as error:
                return offset + error.start, line + block.count(b"\n", 0, error.start), block[error.start]
            carried = decoder.getstate()[0]
        if not read:
            return None
        offset, line = offset + len(block) - len(carried), line + block.count(b"\n", 0, len(block) - len(carried))


def _last_letter(block: bytes) -> int:
    """Where the last letter of UTF-8 begins."""
    return next((at for at in range(len(block) - 1, max(len(block) - 5, -1), -1) if block[at] & 0xC0 != 0x80), 0)


def _is_utf8(block: bytes) -> bool:
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(block)], dtype="int64"))
    try:
        pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(block)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _layout(sample: str, source: Source, encoding: str, where: str) -> _Layout:
    """Where the header is and what parts the columns: the delimiter that makes most sense of the header."""
    tries = (",", ";", "\t", "|") if source.delimiter == "auto" else (source.delimiter,)
    found = []
    for delimiter in tries:
        rows, ends = _first_rows(sample, delimiter, source.header_row)
        if any(cell.strip() for row in rows for cell in row):
            position, named = _find_header(rows, source)
            found.append((named, len(rows[position]), delimiter, rows[position], ends[position]))
    if not found:
        raise DataError(Fault(f"has nothing on line {source.header_row}", where, "mend `header_row`"))
    _, _, delimiter, header, end = max(found, key=lambda layout: layout[:2])
    return _Layout(_headers(header, source, where), end, delimiter, encoding)


def _first_rows(sample: str, delimiter: str, header_row: int | str) -> tuple[list[list[str]], list[int]]:
    """The first rows (or only the one that begins on line `header_row`) and the lines on which they end."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    rows, ends, line = [], [], 0
    try:
        for row in reader:
            if header_row in ("auto", line + 1):
                rows.append(row)
                ends.append(reader.line_num)
            line = reader.line_num
            if len(rows) == (HEADER_WITHIN if header_row == "auto" else 1):
                break
    except csv.Error:
        pass
    return rows, ends


class _Odd(NamedTuple):
    """A record with a wrong number of fields. `number` counts the records, and the lines before them, from 1."""

    number: int
    fields: int
    newlines: int


def _lines(stream: Stream, layout: _Layout, source: Source, where: str) -> Iterator[Batch]:
    """Batches of a delimited text; rows with a wrong number of fields are refused."""
    import pyarrow as pa

    if not stream.peek(1):
        return
    odd: list[_Odd] = []
    record = line = layout.skip + 1
    nothing = pa.table({name: pa.nulls(0, pa.large_string()) for name in layout.headers})
    try:
        with closing(_arrow_reader(stream, layout, odd)) as reader:
            for part in chain((part for part in reader if part.num_rows), [nothing]):
                here = _before(odd, record + part.num_rows) if part.num_rows else odd[:]
                newlines = _newlines(part) if layout.by_line else np.zeros(part.num_rows, dtype="int64")
                begins = _begins(newlines, here, record, line)
                refused = _odd_lines(here, begins[part.num_rows :], len(layout.headers))
                yield Batch(_frame(part.to_pandas(), begins[: part.num_rows]), _refused(source, refused))
                del odd[: len(here)]
                record += len(begins)
                line += len(begins) + int(newlines.sum()) + sum(row.newlines for row in here)
    except pa.ArrowInvalid:
        what = f"cannot be read after line {line - 1}: perhaps a quote is opened there and never closed"
        raise DataError(Fault(what, where, "mend that line or export the file again")) from None


def _before(odd: Sequence[_Odd], record: int) -> list[_Odd]:
    """The odd records that lie among the good ones, were `record` the next one had there been none odd."""
    return [row for position, row in enumerate(odd) if row.number < record + position]


def _begins(newlines: np.ndarray, odd: Sequence[_Odd], record: int, line: int) -> np.ndarray:
    """Line on which each record begins, the good ones first, if `record` is the first and begins on `line`.

    newlines: line breaks within each good record. odd: those that lie among and before the good ones.
    """
    places = np.array([row.number - record for row in odd], dtype=int)
    is_odd = np.zeros(len(newlines) + len(odd), dtype=bool)
    is_odd[places] = True
    heights = np.ones(len(is_odd), dtype="int64")
    heights[~is_odd] += newlines
    heights[is_odd] += np.array([row.newlines for row in odd], dtype="int64")
    begins = line + np.cumsum(heights) - heights
    return np.append(begins[~is_odd], begins[is_odd])


def _arrow_reader(stream: Stream, layout: _Layout, odd: list[_Odd]) -> Any:
    """A reader of blocks that puts the records it refuses into `odd`."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    def refuse(row: Any) -> str:
        odd.append(_Odd(row.number, row.actual_columns, row.text.count("\n")))
        return "skip"

    read = arrow.ReadOptions(
        use_threads=False,
        block_size=BLOCK,
        column_names=layout.headers,
        skip_rows=layout.skip,
        encoding=layout.encoding,
    )
    form = arrow.ParseOptions(
        delimiter=layout.delimiter,
        newlines_in_values=True,
        ignore_empty_lines=False,
        invalid_row_handler=refuse,
    )
    types = dict.fromkeys(layout.headers, pa.large_string())
    convert = arrow.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    return arrow.open_csv(stream, read, form, convert)


def _newlines(part: Any) -> np.ndarray:
    """How many line breaks the cells of each row hold."""
    import pyarrow.compute as pc

    total = np.zeros(part.num_rows, dtype="int64")
    for column in part.columns if part.num_rows else ():
        letters = column.buffers()[2]
        if letters is not None and b"\n" in letters.to_pybytes():
            total += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy(zero_copy_only=False)
    return total


def _odd_lines(odd: Sequence[_Odd], begins: np.ndarray, width: int) -> list[tuple[int, str]]:
    """Line and reason; a row over many lines most likely comes of a stray quote, so each of its lines is named."""
    found = []
    for row, begin in zip(odd, begins.tolist(), strict=True):
        found.append((begin, f"{row.fields} fields where the header has {width}"))
        behind = f"behind a quote opened on line {begin}"
        found += [(line, behind) for line in range(begin + 1, begin + row.newlines + 1)]
    return found


# --- Excel and Parquet -----------------------------------------------------------------------------------------


def _excel(path: Path, source: Source) -> Iterator[Batch]:
    import python_calamine

    excel.prove(path)
    with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
        try:
            sheet = (
                book.get_sheet_by_name(source.sheet)
                if isinstance(source.sheet, str)
                else book.get_sheet_by_index(source.sheet)
            )
        except python_calamine.WorksheetNotFound:
            what = f"has no sheet {source.sheet}; its sheets are: {', '.join(book.sheet_names)}"
            raise DataError(Fault(what, str(path), f"mend `sheet` of source {source.name}")) from None
        cells = sheet.iter_rows()
        skip = 0 if source.header_row == "auto" else source.header_row - 1
        first = list(islice(cells, skip, skip + (HEADER_WITHIN if source.header_row == "auto" else 1)))
        texts = [[_cell(cell, path) or "" for cell in row] for row in first]
        if not any(cell for row in texts for cell in row):
            raise DataError(
                Fault(f"sheet {source.sheet} has no header row", str(path), "name the sheet with the data")
            )
        position, _ = _find_header(texts, source)
        headers = _headers(texts[position], source, str(path))
        number = skip + position + 2
        rest = chain(first[position + 1 :], cells)
        while rows := list(islice(rest, ROWS)):
            columns = [
                pd.Series([_cell(cell, path) for cell in column], dtype="str") for column in zip(*rows, strict=True)
            ]
            frame = pd.DataFrame(dict(zip(headers, columns, strict=True)))
            yield Batch(_frame(frame, np.arange(number, number + len(rows))), _refused(source, []))
            number += len(rows)


def _cell(value: Any, path: Path) -> str | None:
    """What a person sees in the cell; whole numbers without .0, times in ISO form."""
    if isinstance(value, str):
        excel.refuse_long(value, path)
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return str(value)


def _parquet(path: Path, source: Source) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        headers = _headers(file.schema_arrow.names, source, str(path))
        number = 1
        for part in file.iter_batches(batch_size=ROWS):
            part.validate(full=True)
            columns = [_as_text(column) for column in part.columns]
            frame = pd.DataFrame(dict(zip(headers, columns, strict=True)))
            yield Batch(_frame(frame, np.arange(number, number + len(frame))), _refused(source, []))
            number += len(frame)


def _as_text(column: Any) -> pd.Series:
    """A column of Arrow as text; what has no text form (lists, records) is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = pc.local_timestamp(column)
    try:
        text = column.cast(pa.large_string())
    except pa.ArrowNotImplementedError:
        text = pa.nulls(len(column), pa.large_string())
    if pa.types.is_floating(column.type):
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**62))
        digits = pc.if_else(whole, column, None).cast(pa.int64()).cast(pa.large_string())
        text = pc.if_else(pc.is_finite(column), pc.coalesce(digits, text), None)
    return text.to_pandas()


# --- PostgreSQL ------------------------------------------------------------------------------------------------


def _dsn(source: Source) -> dict[str, Any]:
    """The connection string as options. What it says never enters a message: it may hold a password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    where = f"source {source.name}"
    text = os.environ.get(source.dsn_env, "")
    if not text.strip():
        fix = f"set it to a connection string: export {source.dsn_env}='host=... dbname=... user=... password=...'"
        raise ConfigError(Fault(f"environment variable {source.dsn_env} is not set", where, fix))
    try:
        return dict(conninfo_to_dict(text))
    except psycopg.ProgrammingError:
        fix = "write it as host=... dbname=... user=... password=... or postgresql://..."
        raise ConfigError(Fault(f"${source.dsn_env} is not a connection string", where, fix)) from None


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a file."""

    def __init__(self, blocks: Iterable[bytes | bytearray | memoryview]):
        self._blocks = iter(blocks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(into), len(self._rest))
        into[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
