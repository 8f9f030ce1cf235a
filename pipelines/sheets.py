"""A small table file (CSV, CSV in gzip, Excel, Parquet) -> all of it as text; the index is the line in the file."""

import csv
import gzip
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pandas as pd

from forecast.errors import DataError, Fault
from pipelines import excel

MOST = 256 << 20
"""Bytes of a small table, out of its gzip."""
CELLS = 20_000_000
"""Cells of a small table, those its longest row adds to the others with them."""
EXCEL = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")


HEADER_WITHIN = 20
"""Lines searched for the header."""


def read(
    path: Path,
    encoding: str = "auto",
    sheet: int | str = 0,
    header_row: int | Literal["auto"] = 1,
    names: Collection[str] = (),
) -> pd.DataFrame:
    """Text cells, null where empty; the header stands on line `header_row` (1-based), or, with "auto", on the line
    that holds most of `names`.

    Raises:
        DataError: missing, not permitted, damaged, empty, or neither UTF-8 nor GB18030.
    """
    with _told(path), excel.unbroken(path):
        _prove(path)
        line = _header_line(path, encoding, sheet, names) if header_row == "auto" else header_row
        frame = _read(path, encoding, sheet, line).apply(lambda column: column.str.strip())
    if frame.empty:
        raise DataError(Fault("has no rows", str(path), "fill it, or remove it from the config"))
    return frame.mask(frame == "").set_axis(range(line + 1, len(frame) + line + 1), axis=0)


def every(path: Path) -> list[pd.DataFrame]:
    """All cells of each sheet as text, null where empty; rows and columns count from 1, no header is looked for.

    Raises:
        DataError: missing, not permitted, damaged, or neither UTF-8 nor GB18030.
    """
    with _told(path), excel.unbroken(path):
        _prove(path)
        if path.suffix.lower() in EXCEL:
            book = pd.read_excel(path, sheet_name=None, header=None, dtype="str", engine="calamine")
            grids = list(book.values())
        else:
            text = _text(path, "auto")
            mark = max(",\t;", key=text.count)
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))
            width = max(map(len, rows), default=0)
            excel.refuse_wide(width, str(path))
            _refuse_large(width * len(rows), path)
            grids = [pd.DataFrame([row + [""] * (width - len(row)) for row in rows], dtype="str")]
    return [_numbered(grid) for grid in grids]


def _numbered(grid: pd.DataFrame) -> pd.DataFrame:
    tidy = grid.set_axis(range(1, grid.shape[1] + 1), axis=1).set_axis(range(1, len(grid) + 1), axis=0)
    tidy = tidy.apply(lambda column: column.str.strip())
    return tidy.mask(tidy == "")


def _prove(path: Path) -> None:
    if path.suffix.lower() in EXCEL and path.exists():
        excel.prove(path)


def _refuse_large(cells: int, path: Path) -> None:
    if cells > CELLS:
        fix = "take out the empty rows and columns, and what is in no cell of a table"
        raise DataError(Fault(f"has {cells} cells, more than the {CELLS} read at once", str(path), fix))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what keeps a file from being read into one clear line."""
    try:
        yield
    except OSError as error:
        fix = "check the path and its permissions"
        raise DataError(Fault(f"cannot be read ({error.strerror or error})", str(path), fix)) from None
    except DataError:
        raise
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        raise DataError(Fault(f"cannot be read ({first})", str(path), "save the file again, then retry")) from None


def _header_line(path: Path, encoding: str, sheet: int | str, names: Collection[str]) -> int:
    """The line that holds most of `names` among the first; of equals the first."""
    if path.suffix.lower() in EXCEL:
        rows = pd.read_excel(path, sheet_name=sheet, header=None, nrows=HEADER_WITHIN, dtype="str", engine="calamine")
        lines = rows.fillna("").to_numpy().tolist()
    elif path.suffix.lower() == ".parquet":
        return 1
    else:
        lines = [re.split(r'[,\t;"]+', line) for line in _text(path, encoding).splitlines()[:HEADER_WITHIN]]
    wanted = {_even(name) for name in names}
    named = [sum(_even(cell) in wanted for cell in line) for line in lines]
    return 1 + named.index(max(named)) if named else 1


def _even(cell: object) -> str:
    text = "".join(unicodedata.normalize("NFKC", str(cell)).split()).casefold()
    return re.sub(r"\([^()]*\)$", "", text)


def _read(path: Path, encoding: str, sheet: int | str, header_row: int) -> pd.DataFrame:
    skip = header_row - 1
    if path.suffix.lower() in EXCEL:
        return pd.read_excel(path, sheet_name=sheet, skiprows=skip, dtype="str", engine="calamine")
    if path.suffix.lower() == ".parquet":
        return pd.read_parquet(path).astype("str")
    text = _text(path, encoding)
    if not text.strip():
        raise DataError(Fault("is empty", str(path), "fill it, or remove it from the config"))
    marks = Counter(text.splitlines()[min(skip, text.count("\n"))])
    mark = max(",\t;", key=lambda mark: marks[mark])
    excel.refuse_wide(marks[mark] + 1, str(path))
    return pd.read_csv(io.StringIO(text), sep=mark, skiprows=skip, dtype="str", keep_default_na=False)


def _text(path: Path, encoding: str) -> str:
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        fix = "this file is read whole: keep only the rows and columns that are needed"
        raise DataError(Fault(f"is larger than {MOST >> 20} MiB", str(path), fix))
    return _decoded(data, path, encoding)


def _decoded(data: bytes, path: Path, encoding: str) -> str:
    names = ("utf-8-sig", "gb18030") if encoding == "auto" else (encoding.replace("utf-8", "utf-8-sig"),)
    for name in names:
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    raise DataError(Fault(f"is no {' or '.join(names)} text", str(path), "save it as CSV UTF-8"))
