"""One batch of raw rows -> requests (or counts) + rejects + unresolved + tally. Personal data stop here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from forecast import parse, personal
from forecast.errors import DataError
from forecast.sources import FIGURES, Found, Source, locate, missing
from forecast.sources import Columns as Columns
from forecast.tables import UNCLASSIFIED, Counts, Rejects, Requests, Unresolved, check, conform

YEARS = (1990, 2100)
"""A time outside of these years is a mistake."""
MAX_COUNT = 10**9
AREA_CODE = r"\d{5,6}|\d{9}|\d{12}"
"""Postal and area codes; no telephone number is as long. Shown, for a wrong one must be seen to be mended."""

PlaceArea = Callable[[Sequence[pd.Series], pd.Series | None, pd.Series | None, pd.Series], pd.Series]
"""Area texts in the order to try, lon, lat, time -> area code or null."""
Classify = Callable[[pd.Series, pd.Series | None, pd.Series], pd.DataFrame]
"""Category texts, free text, time -> DataFrame[code, by]."""


@dataclass(frozen=True)
class Tally:
    """Where the rows of a source went: rows = kept + rejected + repeated + left_out.

    `unplaced` (no area) and `unclassified` are parts of `kept`; the days are those of kept rows.
    """

    rows: int = 0
    kept: int = 0
    rejected: int = 0
    repeated: int = 0
    left_out: int = 0
    unplaced: int = 0
    unclassified: int = 0
    first_day: pd.Timestamp | None = None
    last_day: pd.Timestamp | None = None

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            rows=self.rows + other.rows,
            kept=self.kept + other.kept,
            rejected=self.rejected + other.rejected,
            repeated=self.repeated + other.repeated,
            left_out=self.left_out + other.left_out,
            unplaced=self.unplaced + other.unplaced,
            unclassified=self.unclassified + other.unclassified,
            first_day=min((day for day in (self.first_day, other.first_day) if day is not None), default=None),
            last_day=max((day for day in (self.last_day, other.last_day) if day is not None), default=None),
        )


@dataclass(frozen=True)
class Cleaned:
    """requests: Requests. rejects: Rejects. unresolved: Unresolved."""

    requests: pd.DataFrame
    rejects: pd.DataFrame
    unresolved: pd.DataFrame
    tally: Tally


@dataclass(frozen=True)
class CleanedCounts:
    """counts: Counts. rejects: Rejects. unresolved: Unresolved."""

    counts: pd.DataFrame
    rejects: pd.DataFrame
    unresolved: pd.DataFrame
    tally: Tally


def clean(
    batch: pd.DataFrame,
    source: Source,
    place_area: PlaceArea,
    classify: Classify,
    caller_key: bytes | None = None,
    token: str = "",
    consultations: Collection[str] = (),
) -> Cleaned:
    """Orders of one batch.

    Args:
        batch: columns as in the file, all text or null; the index is the row in the file.
        source: its options.
        place_area: finds the area.
        classify: finds the category.
        caller_key: key of the hashes; without it callers stay null and places are hashed with the source's name.
        token: names the file in the ids of orders that have none.
        consultations: category codes that are left out.

    Returns:
        Cleaned. A row is refused when its time cannot be read; other cells that cannot be read are null. Of rows
        with the same id in the batch the last one is kept. A place is the address, else the estate, hashed.

    Raises:
        DataError: a required column is missing.
    """
    rows = _open(batch, source)
    cells = rows.text("received_at")
    received = parse.times(cells, source.date_formats, source.day_first)
    faults = {"received_at": _time_faults(cells, received)}
    fate = _fate(rows, source, faults)
    ids = _ids(rows, source, token)
    twice = ids[fate == KEPT].duplicated(keep="last")
    fate[twice.index[twice]] = REPEATED
    found = _resolve(rows, fate, received, place_area, classify, consultations)
    kept = rows.take(found.index)
    effective = parse.yes_no(kept.text("called_back")).fillna(True).astype(bool)
    requests = pd.DataFrame(
        {
            "request_id": ids[found.index],
            "source": source.name,
            "received_at": received[found.index],
            "closed_at": _closed(kept, source),
            "area": found["area"],
            "category": found["category"],
            "estate": _estate(kept),
            "place": _place(kept, source, caller_key),
            "caller": _caller(kept, caller_key),
            "contacted": parse.yes_no(kept.text("contacted")).where(effective),
            "resolved": parse.yes_no(kept.text("resolved")).where(effective),
            "satisfied": parse.satisfaction(kept.text("satisfied")).where(effective),
            "excluded": parse.yes_no(kept.text("excluded")),
        }
    )
    requests = conform(Requests, requests).reset_index(drop=True)
    return Cleaned(
        requests=check(Requests, requests, source.name),
        rejects=_rejects(rows, source, faults, fate),
        unresolved=_unresolved(kept, source, found),
        tally=_tally(fate, found, requests["received_at"].dt.normalize()),
    )


def clean_counts(
    batch: pd.DataFrame,
    source: Source,
    place_area: PlaceArea,
    classify: Classify,
    consultations: Collection[str] = (),
) -> CleanedCounts:
    """Ready-made counts of one batch.

    Args: as for `clean`.

    Returns:
        CleanedCounts. Rows of one area, category and month are summed, because several fine categories (or areas)
        of the source may be one of ours; so a file that repeats a row counts it twice. Without columns of their
        own, incidents and callers are the orders. `tally` counts rows of the file; its days are whole months.

    Raises:
        DataError: a required column is missing.
    """
    rows = _open(batch, source)
    month = parse.months(rows.text("month"), source.date_formats, source.day_first)
    faults = {"month": _time_faults(rows.text("month"), month)}
    figures = {field: parse.numbers(rows.text(field)) for field in FIGURES.values() if field in rows.found}
    faults |= {field: _count_faults(rows.text(field), figure) for field, figure in figures.items()}
    fate = _fate(rows, source, faults)
    found = _resolve(rows, fate, month, place_area, classify, consultations)
    counts = found.assign(month=month[found.index])
    for name, field in FIGURES.items():
        counts[name] = figures.get(field, figures["count"])[found.index].astype("int64")
    summed = counts.groupby(["area", "category", "month"], as_index=False, dropna=False).sum()
    return CleanedCounts(
        counts=check(Counts, conform(Counts, summed), source.name),
        rejects=_rejects(rows, source, faults, fate),
        unresolved=_unresolved(rows.take(found.index), source, found),
        tally=_tally(fate, found, pd.concat([counts["month"], counts["month"] + pd.offsets.MonthEnd()])),
    )


@dataclass(frozen=True)
class _Rows:
    """index: the rows of `frame`, by position. number: their row in the file. found: which headers hold a field."""

    frame: pd.DataFrame
    index: pd.Index
    numbers: np.ndarray
    found: Found

    @property
    def number(self) -> pd.Series:
        return pd.Series(self.numbers[self.index], index=self.index)

    def take(self, index: pd.Index) -> "_Rows":
        return _Rows(self.frame, index, self.numbers, self.found)

    def column(self, header: str) -> pd.Series:
        """Cells of one column; no other is touched."""
        cells = self.frame[header]
        return cells if len(self.index) == len(cells) else cells.take(self.index.to_numpy())

    def ways(self, field: str) -> list[pd.Series]:
        """Each way to read a field, columns joined by "->"."""
        return [_joined([self.column(header) for header in way], field) for way in self.found.get(field, ())]

    def text(self, field: str) -> pd.Series:
        """The first way to read a field; null when the file has none."""
        return next(iter(self.ways(field)), pd.Series(index=self.index, dtype="str"))


def _open(batch: pd.DataFrame, source: Source) -> _Rows:
    headers = [str(header) for header in batch.columns]
    if faults := missing(headers, source, source.name):
        raise DataError(faults)
    found = locate(headers, source)
    used = {header for ways in found.values() for way in ways for header in way}
    frame = pd.DataFrame({header: parse.code(batch[header]) for header in headers if header in used})
    frame = frame.reset_index(drop=True)
    return _Rows(frame, frame.index, batch.index.to_numpy(), found)


def _joined(columns: Sequence[pd.Series], field: str) -> pd.Series:
    """Levels as one path. An area whose finest level is empty is empty, a category may end early."""
    joined = columns[0]
    for level in columns[1:]:
        joined = (joined + "->" + level).fillna(joined).fillna(level)
    return joined.where(columns[-1].notna()) if field == "area" and len(columns) > 1 else joined


# --- What becomes of each row ----------------------------------------------------------------------------------

KEPT, REJECTED, REPEATED, LEFT_OUT = "kept", "rejected", "repeated", "left_out"


def _fate(rows: _Rows, source: Source, faults: Mapping[str, pd.Series]) -> np.ndarray:
    """KEPT, REJECTED, REPEATED or LEFT_OUT for each row. What no rule wants need not be readable."""
    left_out = np.zeros(len(rows.frame), dtype=bool)
    for field, values in source.leave_out.items():
        left_out |= parse.matches(rows.text(field), values)
    repeated = parse.matches(rows.text("status"), source.repeat_status)
    refused = np.logical_or.reduce([reason.notna() for reason in faults.values()])
    return np.select([left_out, repeated, refused], [LEFT_OUT, REPEATED, REJECTED], KEPT)


def _ids(rows: _Rows, source: Source, token: str) -> pd.Series:
    """Ids as written; one that is a person's number or words is hashed."""
    ids = rows.text("request_id")
    bare, none = personal.marked(ids), ids.isna()
    if bare.any():
        ids = ids.mask(bare, parse.digest(ids.where(bare), f"id of {source.name}".encode()))
    return ids.fillna(f"{source.name}:{token}:" + rows.number[none].astype("str")) if none.any() else ids


def _resolve(
    rows: _Rows,
    fate: np.ndarray,
    time: pd.Series,
    place_area: PlaceArea,
    classify: Classify,
    consultations: Collection[str],
) -> pd.DataFrame:
    """DataFrame[area, category] of the rows that are kept; consultations are marked in `fate` as left out."""
    kept = rows.take(pd.Index(np.flatnonzero(fate == KEPT)))
    time = time[kept.index]
    category = classify(kept.text("category").str.replace("→", "->"), _free_text(kept), time)["code"]
    asks = category.isin(list(consultations))
    fate[category.index[asks]] = LEFT_OUT
    kept, time = kept.take(category.index[~asks]), time[~asks]
    lon, lat = (parse.numbers(kept.text(field)) if field in kept.found else None for field in ("lon", "lat"))
    area = place_area(kept.ways("area"), lon, lat, time)
    found = pd.DataFrame({"area": area, "category": category[~asks]}).astype("str")
    found = found.apply(personal.code, names=False)
    return found.fillna({"category": UNCLASSIFIED})


def _free_text(rows: _Rows) -> pd.Series | None:
    parts = [part.fillna("") for part in rows.ways("text")]
    return reduce(lambda text, part: text + " " + part, parts) if parts else None


def _tally(fate: np.ndarray, found: pd.DataFrame, days: pd.Series) -> Tally:
    return Tally(
        rows=len(fate),
        kept=int((fate == KEPT).sum()),
        rejected=int((fate == REJECTED).sum()),
        repeated=int((fate == REPEATED).sum()),
        left_out=int((fate == LEFT_OUT).sum()),
        unplaced=int(found["area"].isna().sum()),
        unclassified=int((found["category"] == UNCLASSIFIED).sum()),
        first_day=days.min() if len(days) else None,
        last_day=days.max() if len(days) else None,
    )


# --- What becomes of each cell ---------------------------------------------------------------------------------


def _time_faults(cells: pd.Series, times: pd.Series) -> pd.Series:
    """Why a time cannot be used; null where it can."""
    reasons = np.full(len(cells), None, dtype=object)
    bad = np.flatnonzero(~times.dt.year.between(*YEARS))
    empty, unread = cells.iloc[bad].isna(), times.iloc[bad].isna()
    reasons[bad] = np.select([empty, unread], ["empty", "not a date"], f"year outside {YEARS[0]}-{YEARS[1]}")
    return pd.Series(reasons, index=cells.index, dtype="str")


def _count_faults(cells: pd.Series, figures: pd.Series) -> pd.Series:
    """Why a count cannot be used; null where it can."""
    sound = figures.between(0, MAX_COUNT) & (figures % 1 == 0)
    reason = np.select(
        [sound, cells.isna(), figures.isna(), figures < 0, figures > MAX_COUNT],
        ["", "empty", "not a number", "negative", "impossibly large"],
        "not a whole number",
    )
    return pd.Series(reason, index=cells.index, dtype="str").mask(sound)


def _closed(rows: _Rows, source: Source) -> pd.Series:
    times = parse.times(rows.text("closed_at"), source.date_formats, source.day_first)
    return times.where(times.dt.year.between(*YEARS))


def _place(rows: _Rows, source: Source, key: bytes | None) -> pd.Series:
    spot = rows.text("address").fillna(rows.text("estate"))
    return parse.digest(parse.squeezed(spot), key or f"place of {source.name}".encode())


def _estate(rows: _Rows) -> pd.Series:
    def names(written: pd.Series) -> pd.Series:
        kept = personal.kept(written, codes=True)
        return kept.mask(kept == personal.HIDDEN)

    return parse.by_value(rows.text("estate"), names)


def _caller(rows: _Rows, key: bytes | None) -> pd.Series:
    caller = parse.squeezed(rows.text("caller"))
    return parse.digest(caller, key) if key else pd.Series(index=caller.index, dtype="str")


def _rejects(rows: _Rows, source: Source, faults: Mapping[str, pd.Series], fate: np.ndarray) -> pd.DataFrame:
    """Rejects, by row: every cell that is wrong in a rejected row."""
    parts = []
    for field, reason in faults.items():
        bad = rows.take(reason.index[reason.notna() & (fate == REJECTED)])
        parts.append(
            pd.DataFrame(
                {
                    "source": source.name,
                    "row": bad.number,
                    "column": bad.found[field][0][0],
                    "reason": reason[bad.index],
                    "value": personal.shown(bad.text(field)),
                }
            )
        )
    return conform(Rejects, pd.concat(parts).sort_values("row", kind="stable", ignore_index=True))


def _unresolved(rows: _Rows, source: Source, found: pd.DataFrame) -> pd.DataFrame:
    """Unresolved, most frequent first; an empty cell has the value ""."""
    unplaced = rows.take(found.index[found["area"].isna()])
    unclassified = rows.take(found.index[found["category"] == UNCLASSIFIED])
    parts = [
        _values(unplaced, "area", unplaced.ways("area")),
        _values(unclassified, "category", [unclassified.text("category")]),
    ]
    values = pd.concat(parts).assign(source=source.name)
    keys = ["source", "field", "column", "value"]
    counted = values.groupby(keys, as_index=False).size().rename(columns={"size": "count"})
    counted = counted.sort_values(["count", "column", "value"], ascending=[False, True, True], ignore_index=True)
    return conform(Unresolved, counted)


def _values(rows: _Rows, field: str, ways: Sequence[pd.Series]) -> pd.DataFrame:
    """DataFrame[field, column, value]: what the first way that is not empty says, and where."""
    headers = rows.found.get(field, ((field,),))
    value = pd.Series(index=rows.index, dtype="str")
    column = pd.Series("->".join(headers[0]), index=rows.index, dtype="str")
    for text, header in zip(ways, headers, strict=False):
        column = column.mask(value.isna() & text.notna(), "->".join(header))
        value = value.fillna(text)
    code = value.str.fullmatch(AREA_CODE).fillna(False) & (field == "area")
    return pd.DataFrame({"field": field, "column": column, "value": personal.shown(value).mask(code, value)})
