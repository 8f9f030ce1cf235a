"""Text cells of a ledger -> numbers, years, days, shares, yes or no, points; what cannot be right is refused."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecast import parse, personal
from forecast.estates.coordinates import to_wgs84
from forecast.tables import Rejects, check, conform, empty

OLDEST = 1840
FAR = 5.0
"""Degrees from the middle of all estates beyond which a point cannot lie in the same city."""

NOTHING = ("", "-", "--", "/", "nan", "null", "none", "n/a", "na", "不详", "未知", "不清楚", "待查", "unknown")
COUNTED = {"无": "0", "没有": "0", "否": "0", "no": "0", "有": "1", "是": "1", "yes": "1"}
"""Ledgers say 有 / 无 where the number of lifts is asked."""
DENIED = r"^(?:未|不|非|无|没|否|×|✗|x$)"
AFFIRMED = r"^(?:已|是|有|√|✓|完成|低洼|易积水|末端|地下室|抗震加固|节能|外墙保温|保温)"
UNITS = r"(?:人次|件|起|次|宗|户|栋|幢|座|层|台|部|个|家|处|套|元)(?:/.*)?$"
WAN = r"万元?$"
BESIDE = r"\([^()]*\)$"
"""What stands in brackets at the end of a header: its unit, or how to fill it in."""

Box = tuple[float, float, float, float]
"""West, south, east, north in WGS-84 degrees."""


class Refusals:
    """Lines of the Rejects table, gathered field by field."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.parts: list[pd.DataFrame] = []

    def add(self, bad: pd.Series, values: pd.Series, column: str, reason: str) -> None:
        """One line for each row that is `bad`."""
        if bad.any():
            rows = values.index[bad]
            shown = personal.shown(values[bad])
            part = {"source": self.source, "row": rows, "column": column, "reason": reason, "value": shown.to_numpy()}
            self.parts.append(pd.DataFrame(part))

    def refuse(self, figures: pd.Series, bad: pd.Series, values: pd.Series, column: str, reason: str) -> pd.Series:
        """`figures` without the `bad` ones, and a line for each."""
        self.add(bad, values, column, reason)
        return figures.mask(bad)

    def table(self) -> pd.DataFrame:
        """Rejects, by row."""
        if not self.parts:
            return empty(Rejects)
        rows = pd.concat(self.parts).sort_values(["row", "column"], kind="stable", ignore_index=True)
        return check(Rejects, conform(Rejects, rows), self.source)


def plain(header: object) -> str:
    """A header with width, case and blanks evened out."""
    return "".join(unicodedata.normalize("NFKC", str(header)).split()).casefold()


def headers(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Headers of the ledger that `names` ask for, in the order of `names`; one written exactly so goes first."""
    there: dict[str, Any] = {}
    for header in frame.columns:
        there.setdefault(plain(header), header)
    for header in frame.columns:
        there.setdefault(re.sub(BESIDE, "", plain(header)), header)
    found = [there[plain(name)] for name in names if plain(name) in there]
    return list(dict.fromkeys(found))


def text(frame: pd.DataFrame, header: str | None) -> pd.Series:
    """Cells with width and spaces evened out; what says "nothing here" is null."""
    if header is None:
        return pd.Series(index=frame.index, dtype="str")
    number, values = pd.factorize(frame[header].astype("str"))
    even = [" ".join(unicodedata.normalize("NFKC", value).split()) for value in values.tolist()]
    cells = np.array([*(None if value.lower() in NOTHING else value for value in even), None], dtype=object)
    return pd.Series(cells[number], index=frame.index, dtype="str")


def code(cells: pd.Series) -> pd.Series:
    """12.0 is the damage a spreadsheet does to 12."""
    return cells.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)


def figures(cells: pd.Series, field: str, refused: Refusals, whole: bool = False, signed: bool = False) -> pd.Series:
    """Numbers, not below 0 unless `signed`."""
    found = _numbers(cells)
    refused.add(cells.notna() & found.isna(), cells, field, "not a number")
    if not signed:
        found = refused.refuse(found, found < 0, cells, field, "below 0")
    if whole:
        found = refused.refuse(found, found.notna() & (found % 1 != 0), cells, field, "not whole")
    return found


def money(cells: pd.Series, field: str, refused: Refusals, in_wan: bool, signed: bool) -> pd.Series:
    """Yuan; a cell that names its unit (66万元, 660000元) holds against the unit of the column."""
    wan, yuan = (cells.str.contains(form, regex=True).fillna(False).astype(bool) for form in (WAN, r"(?<!万)元$"))
    found = figures(cells.str.replace(WAN, "", regex=True), field, refused, signed=signed)
    return found * np.where(wan | (in_wan & ~yuan), 10_000, 1)


def years(cells: pd.Series, field: str, latest: int, refused: Refusals) -> pd.Series:
    """1987, 1987.0, 1987年, 1987-05-01, 19870501, and the day count of a spreadsheet."""
    found = cells.str.extract(r"^(\d{1,4})(?:\.0+)?(?:年.*|[-/.]\d.*)?$", expand=False).astype(float)
    rest = cells[found.isna() & cells.notna()]
    if len(rest):
        found[rest.index] = parse.times(rest).dt.year.astype(float)
    refused.add(cells.notna() & found.isna(), cells, field, "not a year")
    return refused.refuse(found, (found < OLDEST) | (found > latest), cells, field, f"outside {OLDEST}..{latest}")


def days(cells: pd.Series, field: str, refused: Refusals, ends: bool) -> pd.Series:
    """Days; of a month or a year alone the last day where the field `ends` something, else the first."""
    found = parse.times(cells).dt.normalize()
    step = pd.offsets.MonthEnd() if ends else pd.Timedelta(0)
    month = parse.months(cells.where(found.isna())) + step
    year = cells.where(found.isna() & month.isna()).str.extract(r"^(\d{4})(?:\.0+)?年?$", expand=False)
    year = pd.to_datetime(year + ("-12-31" if ends else "-01-01"), format="%Y-%m-%d", errors="coerce")
    found = found.fillna(month).fillna(year).astype("datetime64[us]")
    refused.add(cells.notna() & found.isna(), cells, field, "not a day")
    odd = ~found.dt.year.between(1900, 2100) & found.notna()
    return refused.refuse(found, odd, cells, field, "outside 1900..2100")


def shares(cells: pd.Series, field: str, refused: Refusals) -> tuple[pd.Series, int]:
    """Shares 0..1, and how many cells are written otherwise than their column.

    0.62, 62 % and 62 are one: without a sign, a column is in percent where most of it is above 1. In such a column
    0.62 is still 62 %; in a column of shares 62 is 62 %, but 5.4 may be 5.4 % or a slip and is refused.
    """
    signed = cells.str.endswith("%").fillna(False).astype(bool)
    numbers = _numbers(cells.str.rstrip("% "))
    refused.add(cells.notna() & numbers.isna(), cells, field, "not a number")
    in_percent = bool(numbers[~signed].median() > 1)
    odd = ~signed & (((numbers > 0) & (numbers < 1)) if in_percent else (numbers >= 10))
    percent = signed | (odd != in_percent)
    found = numbers.where(~percent, numbers / 100)
    found = refused.refuse(found, (found < 0) | (found > 1), cells, field, "outside 0..100 %")
    return found, int((odd & found.notna()).sum())


def yes_no(cells: pd.Series, field: str, refused: Refusals) -> pd.Series:
    """是 / 否, 已做 / 未做, √ / ×, 1 / 0 and their like as boolean."""
    found = parse.yes_no(cells)
    for form, answer in ((DENIED, False), (AFFIRMED, True)):
        says = found.isna() & cells.str.contains(form, regex=True, case=False).fillna(False).astype(bool)
        found[says] = answer
    refused.add(cells.notna() & found.isna(), cells, field, "neither yes nor no")
    return found


def points(
    lon: pd.Series, lat: pd.Series, crs: pd.Series, box: Box | None, refused: Refusals
) -> tuple[pd.Series, pd.Series]:
    """WGS-84 degrees; a point that cannot be right is missing, never moved."""
    x, y, shown = _numbers(lon), _numbers(lat), lon.fillna("") + ", " + lat.fillna("")
    given = lon.notna() | lat.notna()
    swapped = (y.abs() > 90) & (x.abs() <= 90) & (y.abs() <= 180)
    possible = (x.abs() <= 180) & (y.abs() <= 90) & ((x != 0) | (y != 0))
    a, b = to_wgs84(x.where(possible).to_numpy(), y.where(possible).to_numpy(), crs.to_numpy(dtype=object))
    wgs_x, wgs_y = pd.Series(a, index=lon.index), pd.Series(b, index=lat.index)
    box = box or _box(wgs_x, wgs_y)
    inside = _inside(wgs_x, wgs_y, box)
    swapped |= possible & ~inside & _inside(y, x, box)
    for bad, reason in (
        (swapped, "lon and lat look swapped"),
        (given & ~swapped & ~possible, "not a point on earth"),
        (given & ~swapped & possible & ~inside, "outside the city"),
    ):
        refused.add(bad, shown, "lon, lat", reason)
    return wgs_x.where(inside), wgs_y.where(inside)


def _numbers(cells: pd.Series) -> pd.Series:
    """1,234 and 1234户 are numbers; 3-4 and inf are not."""
    if not cells.notna().any():
        return pd.Series(np.nan, index=cells.index)
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    rest = cells[numbers.isna() & cells.notna()]
    if len(rest):
        bare = rest.str.replace(r"[,\s]", "", regex=True).str.replace(UNITS, "", regex=True)
        numbers[rest.index] = pd.to_numeric(bare, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def _inside(x: pd.Series, y: pd.Series, box: Box) -> pd.Series:
    west, south, east, north = box
    return x.between(west, east) & y.between(south, north)


def _box(x: pd.Series, y: pd.Series) -> Box:
    """Around the middle of all points when no box is given; a single odd point does not move a median."""
    middle_x, middle_y = (0.0, 0.0) if x.isna().all() else (float(x.median()), float(y.median()))
    reach_x, reach_y = (180.0, 90.0) if x.isna().all() else (FAR, FAR)
    return middle_x - reach_x, middle_y - reach_y, middle_x + reach_x, middle_y + reach_y
