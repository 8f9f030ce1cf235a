"""Cells of text -> times, months, numbers, yes or no. What cannot be read is null."""

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

NULLS = ("", "#n/a", "null", "nan", "nat", "none", "na", "n/a", "<na>", "\\n")
"""What programs write for "nothing here"; case does not matter."""

LONGEST_NULL = max(map(len, NULLS))
_BLANK_HEADS = np.array([0xC2, 0xE1, 0xE2, 0xE3], dtype="uint8")
"""First byte, in UTF-8, of every blank that is not ASCII: of two bytes behind the first of these, else of three."""

YES = (
    "是", "已", "有", "对", "已联系", "联系", "已响应", "响应", "已解决", "解决", "有效",
    "y", "yes", "t", "true", "1", "1.0",
)  # fmt: skip
NO = (
    "否", "未", "无", "不", "未联系", "未响应", "未解决", "不解决", "没有解决", "无效",
    "n", "no", "f", "false", "0", "0.0",
)  # fmt: skip
SATISFIED = {
    "满意": 1.0, "非常满意": 1.0, "很满意": 1.0, "基本满意": 0.9, "不满意": 0.0, "很不满意": 0.0, "非常不满意": 0.0,
}  # fmt: skip

_HOURS = "(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?)?$"
_ISO = rf"^[0-9]{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]){_HOURS}"
_SURE = (
    r"^(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-"
    r"(?:02-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    rf"|(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])){_HOURS}"
)
"""Of what is written like _ISO, the days that every year has."""
_CLOCK = (
    r"(?P<half>上午|下午)?\s*(?P<H>\d{1,2})[:时点](?P<M>\d{1,2})?(?:[:分](?P<S>\d{1,2})?(?:[.,]\d+)?)?秒?"
    r"\s*(?P<ampm>[AaPp][Mm])?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)?"
)
_YMD = rf"^(?P<y>\d{{4}})[-/.年](?P<m>\d{{1,2}})[-/.月](?P<d>\d{{1,2}})(?:[日号]?|(?:[日号]|[T\s])\s*{_CLOCK})$"
_COMPACT = (
    r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\.0)?"
    r"(?:[T\s]?(?P<H>\d{2}):?(?P<M>\d{2})(?::?(?P<S>\d{2})(?:\.\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_MDY = rf"^(?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}})[-/.](?P<y>\d{{4}})(?:[T\s]\s*{_CLOCK})?$"
_DMY = _MDY.replace("<m>", "<_>").replace("<d>", "<m>").replace("<_>", "<d>")
_MONTHS = (r"^(?P<y>\d{4})\s?[-/年]\s?(?P<m>\d{1,2})月?份?$", r"^(?P<y>\d{4})\.?(?P<m>\d{2})(?:\.0)?$")
_SERIAL = r"^\d{5}(?:\.\d+)?$"
_NUMBER = r"^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d{1,2})?$"
_SPREADSHEET_MARKS = r"""^(?:="(.*)"|'(.*)|(\d+)\.0+)$"""


def tidy(cells: pd.Series) -> pd.Series:
    """Text without blanks at its ends and without NUL bytes; what stands for "nothing" becomes null."""
    text = pc.utf8_trim_whitespace(pc.replace_substring(_arrow(cells), "\0", ""))
    nothing = pc.is_in(pc.utf8_lower(text), value_set=pa.array(NULLS, pa.large_string()))
    return _series(pc.if_else(nothing, None, text), cells)


def code(cells: pd.Series) -> pd.Series:
    """Tidied codes without the marks of spreadsheets: 12.0 is 12, ="007" and '007 are 007."""
    array = _arrow(cells)
    doubtful = _untidy(array)
    if not doubtful.any():
        return _series(array, cells)
    mended = _code(cells.iloc[np.flatnonzero(doubtful)])
    return _series(pc.replace_with_mask(array, pa.array(doubtful), _arrow(mended)), cells)


def _untidy(array: pa.LargeStringArray) -> np.ndarray:
    """Cells that `_code` may change, by their length and the letters at their ends."""
    _, offsets, letters = array.buffers()
    if letters is None or not len(array):
        return np.ones(len(array), dtype=bool)
    ends = np.frombuffer(offsets, dtype="int64")[array.offset : array.offset + len(array) + 1]
    byte = np.frombuffer(letters, dtype="uint8")
    if len(byte) < LONGEST_NULL or not (byte[ends[0] : ends[-1]] > 0).all():
        return np.ones(len(array), dtype=bool)
    short = np.diff(ends) <= LONGEST_NULL
    first, last = np.where(short, 0, ends[:-1]), np.where(short, LONGEST_NULL, ends[1:]) - 1
    head, tail, before = byte[first], byte[last], byte[last - 2]
    blank = (head <= ord(" ")) | (tail <= ord(" ")) | np.isin(head, _BLANK_HEADS)
    blank |= np.isin(before, _BLANK_HEADS) | np.isin(byte[last - 1], _BLANK_HEADS[:1])
    marked = (head == ord("=")) | (head == ord("'")) | ((head >= ord("0")) & (head <= ord("9")) & (tail == ord("0")))
    filled = pc.is_valid(array).to_numpy(zero_copy_only=False)
    return filled & (short | blank | marked)


def _code(cells: pd.Series) -> pd.Series:
    plain = tidy(cells)
    text = _arrow(plain)
    if not pc.any(pc.match_substring_regex(text, _SPREADSHEET_MARKS)).as_py():
        return plain
    return tidy(_series(pc.replace_substring_regex(text, _SPREADSHEET_MARKS, r"\1\2\3"), cells))


def squeezed(cells: pd.Series) -> pd.Series:
    """Case, width and blanks evened out: for texts that are only compared."""
    array = _arrow(cells)
    if _ascii(array) and not pc.any(pc.match_substring_regex(array, r"[A-Z\s]")).as_py():
        return cells
    return by_value(cells, _squeezed)


def by_value(cells: pd.Series, change: Callable[[pd.Series], pd.Series]) -> pd.Series:
    """What `change` makes of each cell, asked once a value; null stays null."""
    number, values = pd.factorize(cells)
    changed = change(pd.Series(values, dtype="str"))
    return pd.Series(changed.array.take(number, allow_fill=True), index=cells.index, dtype=changed.dtype)


def _squeezed(cells: pd.Series) -> pd.Series:
    text = pc.utf8_lower(_even(cells))
    return _series(pc.replace_substring_regex(text, r"\s+", ""), cells)


def times(cells: pd.Series, formats: Sequence[str] = (), day_first: bool = False) -> pd.Series:
    """Wall-clock times; a time zone is read past, parts of a second are dropped.

    Args:
        cells: text.
        formats: strptime forms that go before the built-in ones.
        day_first: whether 05/01/2023 is in January.

    Returns:
        datetime64[us]. Read are, side by side in one column: ISO, 2023/1/5 8:03, 2023年1月5日8时3分, 20230105,
        20230105080300, 01/05/2023 08:03 PM, and the day count of a spreadsheet (44931.335).
    """
    own = [_by_format(form) for form in formats]
    usual = [_by_regex(form) for form in (_YMD, _COMPACT, _DMY if day_first else _MDY)]
    return _first_that_reads(cells, [*own, _iso, *usual, _serial])


def months(cells: pd.Series, formats: Sequence[str] = (), day_first: bool = False) -> pd.Series:
    """First days of months: 2023-01, 202301, 2023年1月, or any day `times` can read."""
    found = _first_that_reads(cells, [_by_regex(form) for form in _MONTHS])
    rest = np.flatnonzero(found.isna())
    values = found.to_numpy().copy()
    values[rest] = times(cells.iloc[rest], formats, day_first).to_numpy().astype("datetime64[M]")
    return pd.Series(values, index=cells.index)


def numbers(cells: pd.Series) -> pd.Series:
    """Numbers as float; 1,234 is a number, 0x10 and inf are not."""
    text = _even(cells)
    text = pc.if_else(pc.match_substring_regex(text, _NUMBER), pc.replace_substring(text, ",", ""), None)
    return _series(pc.cast(text, pa.float64()), cells).astype(float)


def yes_no(cells: pd.Series) -> pd.Series:
    """是 / 否, yes / no, 1 / 0 and their like as boolean."""
    return by_value(cells, _yes_no)


def _yes_no(cells: pd.Series) -> pd.Series:
    word = _series(pc.utf8_lower(_even(cells)), cells)
    answer = pd.Series(pd.NA, index=cells.index, dtype="boolean")
    answer[word.isin(YES)] = True
    answer[word.isin(NO)] = False
    return answer


def satisfaction(cells: pd.Series) -> pd.Series:
    """Satisfaction from 0 to 1: 满意 1, 基本满意 0.9, 不满意 0; yes and no; or the number itself."""
    return by_value(cells, _satisfaction)


def _satisfaction(cells: pd.Series) -> pd.Series:
    share = cells.map(SATISFIED).astype(float)
    share = share.fillna(yes_no(cells).astype("Float64").astype(float))
    figure = numbers(cells)
    return share.fillna(figure.where(figure.between(0, 1)))


def matches(cells: pd.Series, patterns: Sequence[str]) -> np.ndarray:
    """Which cells equal one of `patterns`; * stands for any text, case does not matter."""
    forms = [".*".join(map(re.escape, pattern.strip().casefold().split("*"))) for pattern in patterns]
    like = re.compile("|".join(forms) or "(?!)", re.DOTALL)
    number, values = pd.factorize(cells)
    hit = [like.fullmatch(str(value).casefold()) is not None for value in values.tolist()]
    return np.array([*hit, False], dtype=bool)[number]


def digest(cells: pd.Series, key: bytes) -> pd.Series:
    """HMAC-SHA256 of each cell, the first 16 hex digits; null stays null.

    The key is hashed once for all cells.

    Source: RFC 2104, section 4.
    """
    number, values = pd.factorize(cells)
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in _block(key))) for pad in (0x36, 0x5C))

    def mark(value: bytes) -> bytes:
        within, without = inner.copy(), outer.copy()
        within.update(value)
        without.update(within.digest())
        return without.digest()

    texts = pa.array(values, pa.large_string(), from_pandas=True).cast(pa.large_binary()).to_pylist()
    marks = b"".join(map(mark, texts)).hex().encode()
    letters = np.frombuffer(marks, dtype="uint8").reshape(-1, 64)[:, :16].tobytes()
    starts = pa.py_buffer(np.arange(0, 16 * len(texts) + 1, 16, dtype="int64"))
    told = pa.LargeStringArray.from_buffers(len(texts), starts, pa.py_buffer(letters))
    found = told.take(pa.array(number, mask=number < 0))
    return _series(found, cells)


def _even(cells: pd.Series) -> pa.LargeStringArray:
    """Width evened out; ASCII is even."""
    array = _arrow(cells)
    return array if _ascii(array) else pc.utf8_normalize(array, "NFKC")


def _ascii(array: pa.LargeStringArray) -> bool:
    letters = array.buffers()[2]
    return letters is None or not (np.frombuffer(letters, dtype="int8") < 0).any()


def _block(key: bytes) -> bytes:
    """The key as one block of SHA-256."""
    return (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")


def _arrow(cells: pd.Series) -> pa.LargeStringArray:
    array = pa.array(cells, type=pa.large_string(), from_pandas=True)
    if isinstance(array, pa.ChunkedArray):  # of a joined column, whose parts may be of two kinds of text
        return pa.concat_arrays(
            [chunk.cast(pa.large_string()) for chunk in array.chunks] or [pa.array([], pa.large_string())]
        )
    return array


def _series(array: pa.Array, like: pd.Series) -> pd.Series:
    series = array.to_pandas()
    series.index = like.index
    return series


Reader = Callable[[pd.Series], np.ndarray]


def _first_that_reads(cells: pd.Series, readers: Sequence[Reader]) -> pd.Series:
    """Each reader only sees the cells that those before it could not read."""
    text = _series(_even(cells), cells)
    found = np.full(len(text), np.datetime64("NaT"), dtype="datetime64[us]")
    for read in readers:
        rest = np.flatnonzero(np.isnat(found) & text.notna().to_numpy())
        if not len(rest):
            break
        found[rest] = read(text.iloc[rest])
    return pd.Series(found, index=cells.index)


def _by_format(form: str) -> Reader:
    return lambda text: pd.to_datetime(text, format=form, errors="coerce").to_numpy().astype("datetime64[us]")


def _iso(text: pd.Series) -> np.ndarray:
    """The usual form, quickly. Days that not every year has are read if all are real, else left to the slow way."""
    plain = _arrow(text)
    sure = pc.match_substring_regex(plain, _SURE)
    read = pc.cast(pc.if_else(sure, plain, None), pa.timestamp("us")).to_numpy(zero_copy_only=False)
    rest = np.flatnonzero(~sure.to_numpy(zero_copy_only=False))
    if len(rest):
        others = plain.take(pa.array(rest))
        like = pc.if_else(pc.match_substring_regex(others, _ISO), others, None)
        read = read.copy()
        with suppress(pa.ArrowInvalid):
            read[rest] = pc.cast(like, pa.timestamp("us")).to_numpy(zero_copy_only=False)
    return read


def _by_regex(form: str) -> Reader:
    """A reader of year, month, day and clock by the named groups of `form`."""

    def read(text: pd.Series) -> np.ndarray:
        parts = pc.extract_regex(_arrow(text), form)
        names = {field.name for field in parts.type}

        def part(name: str, missing: int) -> np.ndarray:
            if name not in names:
                return np.full(len(text), missing)
            digits = pc.struct_field(parts, name)
            digits = pc.if_else(pc.equal(digits, ""), None, digits)
            return pc.fill_null(pc.cast(digits, pa.int64()), missing).to_numpy(zero_copy_only=False)

        def says(name: str, word: str) -> np.ndarray:
            if name not in names:
                return np.zeros(len(text), dtype=bool)
            same = pc.equal(pc.utf8_lower(pc.struct_field(parts, name)), word)
            return pc.fill_null(same, False).to_numpy(zero_copy_only=False)

        hour = part("H", 0)
        hour = hour + 12 * ((says("half", "下午") | says("ampm", "pm")) & (hour < 12))
        hour = hour - 12 * ((says("half", "上午") | says("ampm", "am")) & (hour == 12))
        return _moment(part("y", 0), part("m", 0), part("d", 1), hour, part("M", 0), part("S", 0))

    return read


def _moment(
    year: np.ndarray, month: np.ndarray, day: np.ndarray, hour: np.ndarray, minute: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Times, NaT where there is no such day or hour."""
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    date = first.astype("datetime64[D]") + (day - 1)
    real = (year > 0) & (month >= 1) & (month <= 12) & (date.astype("datetime64[M]") == first)
    real &= (hour < 24) & (minute < 60) & (second < 60)
    moment = date.astype("datetime64[s]") + (hour * 3600 + minute * 60 + second)
    return np.where(real, moment.astype("datetime64[us]"), np.datetime64("NaT"))


def _serial(text: pd.Series) -> np.ndarray:
    """Days since 1899-12-30, as spreadsheets count them."""
    plain = _arrow(text)
    days = pc.cast(pc.if_else(pc.match_substring_regex(plain, _SERIAL), plain, None), pa.float64())
    days = days.to_numpy(zero_copy_only=False)
    seconds = np.where(np.isnan(days), 0, np.round(np.nan_to_num(days) * 86400)).astype("int64")
    moment = np.datetime64("1899-12-30", "us") + seconds.astype("timedelta64[s]")
    return np.where(np.isnan(days), np.datetime64("NaT"), moment)
