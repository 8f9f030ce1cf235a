"""Rows of one estate ledger (text) -> Estates, EstateHistory, EstateFacts, rejects, notes. Missing stays missing."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from forecast import personal
from forecast.errors import ConfigError, DataError, Fault
from forecast.estates import cells
from forecast.estates.cells import Box, Refusals
from forecast.estates.options import EstateColumns, EstateSource
from forecast.near import kin
from forecast.protected import is_protected
from forecast.tables import EstateFacts, EstateHistory, Estates, Rejects, check, conform, empty

YEARS = ("built_year", "reno_year", "roof_waterproof_year", "pipe_year", "heat_pipe_year")
STARTS, ENDS = ("valid_from",), ("valid_to", "contract_end", "term_end")
TENURES = {
    "tenure_commodity": "商品房", "tenure_reform": "房改房", "tenure_central": "央产", "tenure_military": "军产",
    "tenure_public": "直管公房", "tenure_resettled": "回迁", "tenure_rented": "公租",
}  # fmt: skip
SHARES = ("fee_collection_rate", "elderly_share", "rental_share", "repeat_share", "unresolved_rate", *TENURES)
COUNTS = ("buildings", "floors_max", "elevators", "owning_units_n", "leak_points", "cold_points")
MONEY = ("fund_balance", "fund_initial")
ANSWERS = ("seismic_done", "insulation_done", "lacks_elevator", "basement", "low_lying", "end_of_line")
TEXTS = ("zone", "structure", "reno_scope", "pipe_material", "heat_type", "heat_company", "tenure", "mgmt_type",
         "owners_body")  # fmt: skip

NO_NAME = "neither an id nor a name"
EXPLAINS = "explains the columns"
EXPLAINING = (
    r"^[(\[【]?(?:必填|选填|非必填|可不填|填写说明|填表说明|说明|示例|样例|required|optional|example)"
    r"(?:项|[:)\]】].*)?$"
)
SAME_ID = "an earlier row has this id; the first is kept"
ENDED, NOT_YET = "ended before the month planned", "begins after the month planned"
NO_AREA = "community not found; the estate is kept without one"
DROPS = (NO_NAME, EXPLAINS, SAME_ID, ENDED, NOT_YET)
"""Reasons for which a row is left out; NO_AREA only tells, any other reason blanks a cell."""

NEAR = 0.001
"""Degrees a point may lie outside its community, about 100 m: outlines and points are drawn by hand."""
SHOWN = 5
"""Rows named in a note."""
ODD = 100
"""Times the next highest count from which one is asked about: a slip of the hand, no bad year."""

PlaceArea = Callable[[list[pd.Series], pd.Series, pd.Series], pd.Series]
"""(area texts in the order to try, lon, lat) -> code of the community, null when none is found."""


@dataclass(frozen=True)
class Note:
    """One thing worth knowing about the ledger, in both languages."""

    zh: str
    en: str


class Ledger(NamedTuple):
    """Estates, EstateHistory, Rejects, notes and EstateFacts of a ledger, and how many `rows` its file has."""

    estates: pd.DataFrame
    history: pd.DataFrame
    rejects: pd.DataFrame
    notes: tuple[Note, ...]
    facts: pd.DataFrame
    rows: int

    def dropped(self) -> int:
        """Rows left out."""
        rows = self.rejects[self.rejects["reason"].isin(DROPS)]
        return len(rows.drop_duplicates(["source", "row"]))

    def blanked(self) -> int:
        """Cells that could not be right and are missing now."""
        return int((~self.rejects["reason"].isin([*DROPS, NO_AREA])).sum())


def nothing() -> Ledger:
    """The Ledger of no file."""
    return Ledger(empty(Estates), empty(EstateHistory), empty(Rejects), (), empty(EstateFacts), 0)


def clean(
    frame: pd.DataFrame,
    source: EstateSource,
    place_area: PlaceArea,
    as_of: pd.Timestamp,
    codes: Collection[str] = (),
    outlined: Collection[str] = (),
    bounds: Box | None = None,
) -> Ledger:
    """Make estates of the rows of a ledger; a cell that cannot be right becomes missing and a line of rejects.

    Args:
        frame: text cells (null where empty), columns as in the file; the index is the line in the file.
        source: headers, units, yearly totals.
        place_area: finds the community of each row.
        as_of: years after its year are refused, estates that ended before it or begin after its month left out.
        codes: categories a history column may name; empty = any.
        outlined: communities that have a polygon; of their estates a point outside is noted.
        bounds: of the city, where the source has no `city_bbox`.

    Returns:
        Ledger. An estate stays when a figure of it is refused; a row is refused when it has neither id nor name,
        or an id that an earlier row has. An empty cell of a history column is unknown, not 0: no history row.

    Raises:
        DataError: the ledger lacks a column it must have. ConfigError: a history column names an unknown category.
    """
    found = {field: cells.headers(frame, getattr(source.columns, field)) for field in EstateColumns.model_fields}
    _refuse(frame, source, found, codes)
    refused = Refusals(source.path)
    text = {field: cells.text(frame, names[0] if names else None) for field, names in found.items()}
    text |= {field: personal.kept(text[field], codes=True) for field in (*TEXTS, "name", "aliases", "source")}
    areas = [cells.text(frame, header) for header in found["area"]]
    estate = _identity(frame, source, text, areas)
    span = {
        field: cells.days(text[field], field, refused, ends=field == "valid_to") for field in (*STARTS, "valid_to")
    }
    kept = _kept(estate, text["name"], found, refused) & _there(span, as_of, text, refused)
    text = {field: column[kept] for field, column in text.items()}
    areas = [column[kept] for column in areas]
    table = pd.DataFrame({"estate": estate[kept], "name": text["name"].fillna(estate[kept])})
    for field, when in span.items():
        table[field] = when[kept]
    mixed = _figures(table, text, found, source, as_of, refused)
    box = source.city_bbox or bounds
    crs = text["coord_crs"].str.upper().replace({"GCJ02": "GCJ-02", "BD09": "BD-09", "WGS84": "WGS-84"})
    refused.add(crs.notna() & ~crs.isin(["WGS-84", "GCJ-02", "BD-09"]), crs, "coord_crs", "not a known system")
    crs = crs.where(crs.isin(["WGS-84", "GCJ-02", "BD-09"])).fillna(source.coord_crs)
    table["lon"], table["lat"] = cells.points(text["lon"], text["lat"], crs, box, refused)
    table["area"] = place_area(areas, table["lon"], table["lat"]).astype("str")
    refused.add(table["area"].isna(), areas[0] if areas else table["name"], "area", NO_AREA)
    history = _history(frame[kept], table["estate"], source, refused)
    facts = _facts(table, text, source, refused)
    notes = [
        *_notes(table, frame, found, source.path, mixed),
        *_astray(table, place_area, outlined, source.path),
        *_doubled(frame[kept], found, source.path),
        *_spans(frame[kept], source, as_of),
        *_too_new(facts, source.path, as_of),
    ]
    estates = check(Estates, conform(Estates, table.sort_values("estate", ignore_index=True)), source.path)
    return Ledger(estates, history, refused.table(), tuple(notes), facts, len(frame))


def unread(frame: pd.DataFrame, source: EstateSource) -> dict[str, str]:
    """Headers of a ledger that no field reads -> what to write under `columns` to have them read, "" where no field
    seems meant. Protected attributes are not among them: they are never read.
    """
    fields = EstateColumns.model_fields
    found = {field: cells.headers(frame, getattr(source.columns, field)) for field in fields}
    wanted = (*source.id_from, *(column.column for column in source.history))
    read = {*cells.headers(frame, wanted), *(header for headers in found.values() for header in headers)}
    free = {field: getattr(source.columns, field) for field in fields if not found[field]}
    lines = {}
    for header in map(str, frame.columns):
        if header not in read and not is_protected(header) and not header.startswith("Unnamed: "):
            near = kin(re.sub(cells.BESIDE, "", cells.plain(header)), free)
            lines[header] = f"{near[0]}: {header}" if near else ""
    return lines


def _figures(
    table: pd.DataFrame,
    text: dict[str, pd.Series],
    found: dict[str, list[str]],
    source: EstateSource,
    as_of: pd.Timestamp,
    refused: Refusals,
) -> int:
    """Adds every attribute to `table`; returns how many shares are written otherwise than their column."""
    mixed = 0
    table["aliases"] = text["aliases"].str.replace(r"\s*[|;,、/]\s*", "|", regex=True)
    for field in TEXTS:
        table[field] = text[field]
    for field in YEARS:
        table[field] = cells.years(text[field], field, as_of.year, refused)
    for field in SHARES:
        table[field], odd = cells.shares(text[field], field, refused)
        mixed += odd
    for field in COUNTS:
        words = text[field].replace(cells.COUNTED) if field == "elevators" else text[field]
        table[field] = cells.figures(words, field, refused, whole=True)
    households = cells.figures(text["households"], "households", refused, whole=True)
    table["households"] = refused.refuse(
        households, households == 0, text["households"], "households", "no household"
    )
    for field in MONEY:
        in_wan = any("万" in header for header in found[field][:1]) or source.money_unit == "wan"
        table[field] = cells.money(text[field], field, refused, in_wan, signed=field == "fund_balance")
    table["fee_yuan_m2_month"] = cells.figures(text["fee_yuan_m2_month"], "fee_yuan_m2_month", refused)
    for field in ("contract_end", "term_end"):
        table[field] = cells.days(text[field], field, refused, ends=True)
    for field in ANSWERS:
        table[field] = cells.yes_no(text[field], field, refused)
    titles = table[list(TENURES)]
    main = titles.fillna(0.0).idxmax(axis=1).map(TENURES).where(titles.max(axis=1) >= 0.5)
    table["tenure"] = table["tenure"].fillna(main.astype("str"))
    return mixed


def _refuse(frame: pd.DataFrame, source: EstateSource, found: dict[str, list[str]], codes: Collection[str]) -> None:
    """Raise what no row can mend, all at once."""
    data, config = [], []
    if not found["estate"] and not found["name"] and not source.id_from:
        has = ", ".join(map(str, frame.columns))
        fix = "name one in estates.columns.estate or estates.columns.name"
        data.append(Fault(f"has neither an id nor a name column; it has: {has}", source.path, fix))
    wanted = [("id_from", header) for header in source.id_from] + [("history", h.column) for h in source.history]
    for option, header in wanted:
        if not cells.headers(frame, (header,)):
            data.append(Fault(f"has no column {header!r}", source.path, f"mend estates.{option}"))
        elif is_protected(header):
            config.append(Fault(f"{header!r} is a protected attribute", f"estates.{option}", "remove it"))
    unknown = {h.category for h in source.history} - set(codes) if codes else set()
    fix = "use the code of a configured category"
    config += [Fault(f"unknown category {category!r}", "estates.history", fix) for category in sorted(unknown)]
    if data or config:
        raise (DataError if data else ConfigError)([*data, *config])


def _identity(
    frame: pd.DataFrame, source: EstateSource, text: dict[str, pd.Series], areas: list[pd.Series]
) -> pd.Series:
    """The id of each row: its own, else what `id_from` says, else name and first area text."""
    if source.id_from:
        parts = [cells.text(frame, cells.headers(frame, (header,))[0]) for header in source.id_from]
        known = ~pd.concat([part.isna() for part in parts], axis=1).all(axis=1)
    else:
        area = pd.Series(index=frame.index, dtype="str")
        for column in areas:
            area = area.fillna(column)
        parts, known = [text["name"], area], text["name"].notna()
    made = cells.code(parts[0]).fillna("")
    for part in parts[1:]:
        made = made + "@" + cells.code(part).fillna("")
    return cells.code(text["estate"]).fillna(made.where(known)).astype("str")


def _kept(estate: pd.Series, name: pd.Series, found: dict[str, list[str]], refused: Refusals) -> pd.Series:
    column = (found["estate"] or found["name"] or ["estate"])[0]
    refused.add(estate.isna(), name, column, NO_NAME)
    explains = name.fillna(estate).str.contains(EXPLAINING, case=False).fillna(False).astype(bool)
    refused.add(explains, name.fillna(estate), column, EXPLAINS)
    twice = estate.notna() & estate.duplicated() & ~explains
    refused.add(twice, estate, column, SAME_ID)
    return estate.notna() & ~twice & ~explains


def _there(
    span: dict[str, pd.Series], as_of: pd.Timestamp, text: dict[str, pd.Series], refused: Refusals
) -> pd.Series:
    """Whether the estate exists in the month `as_of`."""
    ended, later = span["valid_to"] < as_of, span["valid_from"] >= as_of + pd.DateOffset(months=1)
    refused.add(ended, text["valid_to"], "valid_to", ENDED)
    refused.add(later, text["valid_from"], "valid_from", NOT_YET)
    return ~ended & ~later


def _history(frame: pd.DataFrame, estate: pd.Series, source: EstateSource, refused: Refusals) -> pd.DataFrame:
    parts = []
    for column in source.history:
        written = cells.text(frame, cells.headers(frame, (column.column,))[0])
        counts = cells.figures(written, column.column, refused, whole=True)
        rows = pd.DataFrame({"estate": estate, "category": column.category, "incidents": counts}).dropna()
        rows["month"], rows["months"] = pd.Timestamp(column.year, 1, 1), 12
        parts.append(rows)
    if not parts:
        return empty(EstateHistory)
    key = ["category", "month", "months", "estate"]
    rows = pd.concat(parts).groupby(key)["incidents"].sum().reset_index()
    return check(EstateHistory, conform(EstateHistory, rows), source.path)


def _facts(table: pd.DataFrame, text: dict[str, pd.Series], source: EstateSource, refused: Refusals) -> pd.DataFrame:
    """EstateFacts of every figure that is known."""
    when = cells.days(text["as_of"], "as_of", refused, ends=False)
    when = when.fillna(pd.Timestamp(source.as_of)) if source.as_of else when
    says = text["source"].fillna(source.said_by or source.path)
    fields = [field for field in Estates.to_schema().columns if field in table and field != "estate"]
    parts = []
    for field in fields:
        known = table[field].notna()
        part = pd.DataFrame({"estate": table["estate"][known], "field": field, "row": table.index[known]})
        parts.append(part.assign(source=says[known], as_of=when[known]))
    facts = pd.concat(parts, ignore_index=True).assign(file=source.path)
    return conform(EstateFacts, facts.sort_values(["estate", "field"], ignore_index=True))


def _notes(
    table: pd.DataFrame, frame: pd.DataFrame, found: dict[str, list[str]], path: str, mixed: int
) -> list[Note]:
    notes, n = [], len(table)
    if protected := [str(header) for header in frame.columns if is_protected(str(header))]:
        named = "、".join(protected)
        notes.append(
            Note(
                f"{path}: 受保护的属性从不读取: {named} → 建议从表中删去",
                f"{path}: protected attributes are never read: {named} -> better take them out of the file",
            )
        )
    if not found["estate"]:
        notes.append(Note(f"{path}: 没有编号, 以名称和社区为编号", f"{path}: no ids; made from name and area"))
    if mixed:
        notes.append(
            Note(
                f"{path}: {mixed} 个比率的写法与同列不同 (0.85 与 85), 都按 85 % 理解 → 请统一写法",
                f"{path}: {mixed} rates are written otherwise than their column (0.85, 85); both read as 85 % -> "
                "write them one way",
            )
        )
    for field, zh, en in (
        ("area", "未落到社区; 保留, 但不进入任何社区的计划 → 补社区或坐标",
         "without a community; kept, but in no community's plan -> add the community or a point"),
        ("households", "户数未知 (空或 0); 保留, 按一般规模计 → 补户数",
         "with unknown households (empty or 0); kept, taken as of usual size -> add them"),
        ("lon", "无坐标; 保留, 不上图 → 补经纬度", "without coordinates; kept, not on the map -> add lon and lat"),
    ):  # fmt: skip
        gap = table.index[table[field].isna()]
        if len(gap):
            notes.append(_note(path, gap, f"{n} 个小区中 {len(gap)} 个{zh}", f"{len(gap)} of {n} estates {en}"))
    return [*notes, *_twins(table, path)]


def _twins(table: pd.DataFrame, path: str) -> list[Note]:
    """Two estates at one point, or of one name in one community."""
    notes = []
    for key, zh, en in (
        (["lon", "lat"], "个小区与别的小区坐标相同; 都保留 → 核对坐标",
         "estates share their point with another; all kept -> check the points"),
        (["area", "name"], "个小区与同社区的小区同名; 都保留 → 核对是否重复登记",
         "estates have the name of another in their community; all kept -> check whether one is listed twice"),
    ):  # fmt: skip
        rows = table.index[table.duplicated(key, keep=False) & table[key].notna().all(axis=1)]
        if len(rows):
            notes.append(_note(path, rows, f"{len(rows)} {zh}", f"{len(rows)} {en}"))
    return notes


def _astray(table: pd.DataFrame, place_area: PlaceArea, outlined: Collection[str], path: str) -> list[Note]:
    """Estates whose point lies outside the outline of the community the ledger says, by more than NEAR."""
    told = table[table["lon"].notna() & table["area"].isin(list(outlined))]
    if told.empty:
        return []
    outside = told
    for east, north in ((0.0, 0.0), (NEAR, 0.0), (-NEAR, 0.0), (0.0, NEAR), (0.0, -NEAR)):
        found = place_area([], outside["lon"] + east, outside["lat"] + north)
        outside = outside[~(found == outside["area"])]
    rows = outside.index
    if not len(rows):
        return []
    zh = f"{len(rows)} 个小区的坐标不在所写社区内; 以所写社区为准 → 核对坐标或社区"
    en = f"{len(rows)} estates have a point outside their community; the community holds -> check point or community"
    return [_note(path, rows, zh, en)]


def _doubled(frame: pd.DataFrame, found: dict[str, list[str]], path: str) -> list[Note]:
    """Fields that several columns give, where these differ; `area` and `name` have a second column by right."""
    notes = []
    for field, headers in found.items():
        if not headers or field in ("area", "name"):
            continue
        again = re.compile(re.escape(str(headers[0])) + r"\.\d+")
        every = [headers[0], *(name for name in frame.columns if again.fullmatch(str(name))), *headers[1:]]
        first, *others = (cells.text(frame, header).fillna("") for header in every)
        differ = sum((((other != "") & (other != first)) for other in others), pd.Series(False, index=frame.index))
        if n := int(differ.astype(bool).sum()):
            named = (mark.join(map(str, every)) for mark in ("、", ", "))
            zh, en = (
                form.format(next(named), field, n)
                for form in ("{} 同为 {}, 只读第一列; {} 行不一致 → 只留一列",
                             "{} all give {}; the first is read, {} rows differ -> keep one column")
            )  # fmt: skip
            notes.append(Note(f"{path}: {zh}", f"{path}: {en}"))
    return notes


def _spans(frame: pd.DataFrame, source: EstateSource, as_of: pd.Timestamp) -> list[Note]:
    """History columns of one year and category, of years not over, and with a count out of all proportion."""
    notes, path = [], source.path
    same: dict[tuple[str, int], list[str]] = {}
    for column in source.history:
        same.setdefault((column.category, column.year), []).append(column.column)
        if pd.Timestamp(column.year, 12, 1) > as_of:
            zh = f"{column.column}: {column.year} 年到 {as_of:%Y-%m} 还没有结束, 不计入历史"
            en = f"{column.column}: {column.year} is not over by {as_of:%Y-%m} and does not count as history"
            notes.append(Note(f"{path}: {zh} → 核对 year", f"{path}: {en} -> check its year"))
        counts = pd.to_numeric(cells.text(frame, cells.headers(frame, (column.column,))[0]), errors="coerce")
        most, next_most = [*counts.nlargest(2), 0.0, 0.0][:2]
        if most > ODD * max(next_most, ODD / 10):
            zh, en = (
                f"{column.column} {most:.0f} 比其余各行的 {ODD} 倍还多",
                f"{column.column} {most:.0f} is over {ODD} times all",
            )
            rows = counts.index[counts == most]
            notes.append(_note(path, rows, f"{zh}; 保留 → 核对", f"{en} others; kept -> check it"))
    for (category, year), columns in same.items():
        if len(columns) > 1:
            zh = f"{'、'.join(columns)} 同为 {category} {year} 年, 两列相加 → 若不是分项, 改 year"
            en = f"{', '.join(columns)} all give {category} of {year} and are added up -> unless parts, mend `year`"
            notes.append(Note(f"{path}: {zh}", f"{path}: {en}"))
    return notes


def _too_new(facts: pd.DataFrame, path: str, as_of: pd.Timestamp) -> list[Note]:
    """Figures said to be of more than a year after the month planned."""
    rows = pd.Index(facts.loc[facts["as_of"] > as_of + pd.DateOffset(years=1), "row"].unique())
    if not len(rows):
        return []
    zh = f"{len(rows)} 个小区的数据日期晚于 {as_of:%Y-%m} 一年以上; 保留, 并盖过别的表 → 核对日期"
    en = f"{len(rows)} estates have figures of over a year after {as_of:%Y-%m}; kept, and hold over other files"
    return [_note(path, rows, zh, f"{en} -> check the day")]


def _note(path: str, rows: pd.Index, zh: str, en: str) -> Note:
    named = ", ".join(map(str, sorted(rows)[:SHOWN])) + (" ..." if len(rows) > SHOWN else "")
    return Note(f"{path} 第 {named} 行: {zh}", f"{path}, row {named}: {en}")
