"""A workbook -> whether it can be opened, found out in a process of its own that may die of it.

The library that reads Excel asks for the memory a file says it needs, and the whole process ends when there is not so
much: a file of 5 KB can say 500 GB. So the first look at a file is had where nothing can be lost.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast.errors import DataError, Fault

MEMORY = 4 << 30
"""Bytes a workbook may take when it is opened; a full sheet of a million rows and 40 columns takes about 2 GiB."""
SECONDS = 900
LONGEST = 32_767
"""Letters of a cell; Excel holds no more."""
COLUMNS = 16_384
"""Columns of a table; Excel holds no more, and a file that says so lacks its line ends."""

_OPENED, _REFUSED = 0, 3
_LOOK = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import python_calamine
try:
    with python_calamine.CalamineWorkbook.from_path(sys.argv[1]) as book:
        for name in book.sheet_names:
            book.get_sheet_by_name(name)
except (python_calamine.CalamineError, OSError, ValueError):
    sys.exit({_REFUSED})
"""
_AS_CSV = "save the sheet with the data as CSV UTF-8, and put that file in its place"


def prove(path: Path) -> None:
    """Open a workbook aside.

    Raises:
        DataError: it takes too much memory or time, or breaks the library. What the library itself refuses in
            words is left to whoever opens the file next.
    """
    command = [sys.executable, "-I", "-c", _LOOK, str(path)]
    nothing = subprocess.DEVNULL
    try:
        code = subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, timeout=SECONDS).returncode
    except subprocess.TimeoutExpired:
        raise DataError(Fault(f"cannot be opened within {SECONDS} s", str(path), _AS_CSV)) from None
    if code not in (_OPENED, _REFUSED):
        what = f"cannot be opened within {MEMORY >> 30} GiB of memory, or is damaged"
        raise DataError(Fault(what, str(path), _AS_CSV))


@contextmanager
def unbroken(path: Path) -> Iterator[None]:
    """Turn a fault within the library, which is no Exception, into one clear line."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DataError(Fault("is damaged: the library that reads Excel breaks on it", str(path), _AS_CSV)) from None


def refuse_long(text: str, path: Path) -> None:
    """Raise DataError when a cell holds more than any Excel does."""
    if len(text) > LONGEST:
        what = f"has a cell of {len(text)} letters, more than the {LONGEST} Excel holds"
        raise DataError(Fault(what, str(path), "the file is not as a spreadsheet saves it: export it again"))


def refuse_wide(columns: int, path: str) -> None:
    """Raise DataError when a table has more columns than any Excel does."""
    if columns > COLUMNS:
        what = f"has {columns} columns, more than the {COLUMNS} a table may have"
        raise DataError(Fault(what, path, "see whether the lines of the file end as they should"))
