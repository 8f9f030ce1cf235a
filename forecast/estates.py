"""Rows of an estate ledger (text) -> Estates, EstateHistory, rejects, notes. Missing stays missing, never 0."""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from forecast.errors import ConfigError, DataError, Fault
from forecast.spec import Names, Spec
from forecast.tables import EstateHistory, Estates, Rejects, check, conform, empty

YEARS = ("built_year", "reno_year", "roof_waterproof_year", "pipe_year", "heat_pipe_year")
SHARES = ("fee_collection_rate", "elderly_share", "rental_share")
FIGURES = ("buildings", "floors_max", "elevators")
MONEY = ("fund_balance", "fund_initial")
TEXTS = ("zone", "pipe_material", "heat_type", "heat_company", "tenure", "mgmt_type", "owners_body")

OLDEST = 1840
FAR = 5.0
"""Degrees from the middle of all estates beyond which a point cannot lie in the same city."""

NOTHING = ("", "-", "--", "/", "nan", "null", "none", "n/a", "na", "不详", "未知", "不清楚", "unknown")
WORDS = {"无": "0", "没有": "0", "否": "0", "no": "0", "有": "1", "是": "1", "yes": "1"}
"""Ledgers say 有 / 无 where the number of lifts is asked."""

PROTECTED = re.compile(
    r"民族|种族|族群|宗教|信仰|籍贯|户籍|收入|工资|低保|贫困"
    r"|\b(?:ethnic\w*|races?|racial\w*|religi\w*|nationalit\w*|incomes?|salar\w*|wages?|poverty|poor)\b"
)
"""Headers that no attribute may be read from."""

PlaceArea = Callable[[list[pd.Series], pd.Series, pd.Series], pd.Series]
"""(area texts in the order to try, lon, lat) -> code of the community, null when none is found."""


def is_protected(header: str) -> bool:
    """Whether a header names an attribute that must never score a home: ethnicity, faith, origin, income."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", unicodedata.normalize("NFKC", header))
    return PROTECTED.search(parted.casefold()) is not None


class EstateColumns(Spec):
    """Header names of each field; the first that the ledger has holds. `area` headers are tried in order per row."""

    estate: Names = ("estate", "estate_id", "小区编号", "小区编码", "小区代码", "小区ID")
    name: Names = ("name", "estate_name", "小区名称", "小区", "项目名称", "address", "地址")
    area: Names = ("area", "社区代码", "社区编码", "社区", "社区/村", "所属社区", "社区名称", "community")
    households: Names = ("households", "户数", "总户数", "住户数", "居民户数", "units")
    built_year: Names = ("built_year", "建成年份", "建成年代", "建成时间", "竣工年份", "建筑年代", "year_built")
    lon: Names = ("lon", "lng", "longitude", "经度")
    lat: Names = ("lat", "latitude", "纬度")
    zone: Names = ("zone", "功能区", "区域", "片区")
    buildings: Names = ("buildings", "楼栋数", "楼栋总数", "栋数", "楼数")
    floors_max: Names = ("floors_max", "最高层数", "层数", "楼层数")
    elevators: Names = ("elevators", "电梯数", "电梯台数", "电梯", "电梯数量")
    reno_year: Names = ("reno_year", "改造年份", "综合整治年份", "最近改造年份")
    roof_waterproof_year: Names = ("roof_waterproof_year", "屋面防水年份", "屋面防水翻修年份", "防水年份")
    pipe_year: Names = ("pipe_year", "管网年份", "上下水管年份", "管线更新年份", "给排水管年份")
    pipe_material: Names = ("pipe_material", "管材", "管道材质", "管线材质")
    heat_type: Names = ("heat_type", "供暖方式", "供热方式", "采暖方式")
    heat_company: Names = ("heat_company", "供热单位", "供暖单位", "供热公司")
    heat_pipe_year: Names = ("heat_pipe_year", "供热管网年份", "暖气管年份", "供暖管网年份")
    tenure: Names = ("tenure", "产权性质", "房屋性质", "房屋类型")
    mgmt_type: Names = ("mgmt_type", "管理方式", "物业管理方式", "物业类型", "管理类型")
    owners_body: Names = ("owners_body", "业主组织", "业委会", "业委会/物管会", "自治组织")
    fee_collection_rate: Names = ("fee_collection_rate", "物业费收缴率", "收缴率", "收费率")
    fund_balance: Names = ("fund_balance", "维修资金余额", "专项维修资金余额")
    fund_initial: Names = ("fund_initial", "首期维修资金", "维修资金首期交存额", "维修资金总额")
    elderly_share: Names = ("elderly_share", "老年人占比", "60岁以上占比", "老龄人口占比")
    rental_share: Names = ("rental_share", "出租占比", "出租户占比", "租户占比")

    @model_validator(mode="after")
    def _nothing_protected(self) -> "EstateColumns":
        headers = [header for field in EstateColumns.model_fields for header in getattr(self, field)]
        if refused := [header for header in headers if is_protected(header)]:
            raise ValueError(f"protected attributes are never read: {', '.join(refused)}")
        return self


class HistoryColumn(Spec):
    """A ledger column that holds the incidents of a whole calendar year in one category."""

    column: str = Field(min_length=1)
    category: str = Field(min_length=1)
    year: int = Field(ge=1990, le=2100)


class EstateSource(Spec):
    """Where the ledger stands and how it is read: CSV, Excel (its `sheet`) or Parquet; header on line `header_row`.

    `id_from`: headers whose texts together name an estate, for a ledger without ids; else the name and the
    first area text do. `coord_crs`: what lon and lat are measured in. `money_unit` of the funds: yuan, or wan
    (万元). `city_bbox`: west, south, east, north in WGS-84 degrees; points outside are refused.
    """

    path: str
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    sheet: int | str = 0
    header_row: int = Field(1, ge=1)
    columns: EstateColumns = EstateColumns()
    id_from: Names = ()
    history: tuple[HistoryColumn, ...] = ()
    coord_crs: Literal["WGS-84", "GCJ-02", "BD-09"] = "WGS-84"
    money_unit: Literal["yuan", "wan"] = "yuan"
    city_bbox: tuple[float, float, float, float] | None = None

    @field_validator("city_bbox")
    @classmethod
    def _has_an_inside(cls, box: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if box is not None and not (-180 <= box[0] < box[2] <= 180 and -90 <= box[1] < box[3] <= 90):
            raise ValueError("must be west, south, east, north in degrees, west < east and south < north")
        return box


@dataclass(frozen=True)
class Note:
    """One thing worth knowing about the ledger, in both languages."""

    zh: str
    en: str


class Ledger(NamedTuple):
    """Estates, EstateHistory, Rejects and notes of one ledger."""

    estates: pd.DataFrame
    history: pd.DataFrame
    rejects: pd.DataFrame
    notes: tuple[Note, ...]


def clean(
    frame: pd.DataFrame,
    source: EstateSource,
    place_area: PlaceArea,
    as_of: pd.Timestamp,
    codes: Collection[str] = (),
) -> Ledger:
    """Make estates of the rows of a ledger; a cell that cannot be right becomes missing and a line of rejects.

    Args:
        frame: text cells (null where empty), columns as in the file; the index is the line in the file.
        source: headers, units, yearly totals.
        place_area: finds the community of each row.
        as_of: years after its year are refused.
        codes: categories a history column may name; empty = any.

    Returns:
        Ledger. An estate stays when a figure of it is refused; a row is refused when it has neither id nor name,
        or an id that an earlier row has. An empty cell of a history column is unknown, not 0: no history row.

    Raises:
        DataError: the ledger lacks a column it must have. ConfigError: a history column names an unknown category.
    """
    found = {field: _headers(frame, getattr(source.columns, field)) for field in EstateColumns.model_fields}
    _refuse(frame, source, found, codes)
    rejects = _Rejects(source.path)
    text = {field: _text(frame, headers[0] if headers else None) for field, headers in found.items()}
    areas = [_text(frame, header) for header in found["area"]]
    estate = _identity(frame, source, text, areas)
    kept = _kept(estate, text["name"], found, rejects)
    text = {field: cells[kept] for field, cells in text.items()}
    table = pd.DataFrame({"estate": estate[kept], "name": text["name"].fillna(estate[kept])})
    for field in TEXTS:
        table[field] = text[field]
    for field in YEARS:
        table[field] = _years(text[field], field, as_of.year, rejects)
    for field in SHARES:
        table[field] = _shares(text[field], field, rejects)
    for field in FIGURES:
        words = text[field].replace(WORDS) if field == "elevators" else text[field]
        table[field] = _figures(words, field, rejects, whole=True)
    households = _figures(text["households"], "households", rejects, whole=True)
    table["households"] = rejects.refuse(
        households, households == 0, text["households"], "households", "no household"
    )
    unit = 10_000 if source.money_unit == "wan" else 1
    for field in MONEY:
        table[field] = _figures(text[field], field, rejects, signed=field == "fund_balance") * unit
    table["lon"], table["lat"] = _points(text["lon"], text["lat"], source, rejects)
    table["area"] = place_area([cells[kept] for cells in areas], table["lon"], table["lat"]).astype("str")
    named = areas[0][kept] if areas else table["name"]
    rejects.add(table["area"].isna(), named, "area", "community not found; the estate is kept without one")
    history = _history(frame[kept], table["estate"], source, rejects)
    notes = _notes(table, made=not found["estate"])
    estates = check(Estates, conform(Estates, table.sort_values("estate", ignore_index=True)), source.path)
    return Ledger(estates, history, rejects.table(), notes)


def match(named: pd.DataFrame, estates: pd.DataFrame, lineage: pd.DataFrame) -> pd.DataFrame:
    """Incidents that name an estate, under the estate's id.

    The id holds, then the name within its community or one that community followed; of an order without a
    community, a name that one estate alone has in the whole city.

    Args:
        named: EstateHistory with `area`; `estate` as written in the orders.
        estates: Estates.
        lineage: [area, earlier], each area with every area it followed.

    Returns:
        EstateHistory of what was found; a name that more than one estate answers to finds none.
    """
    written = named["estate"].map(_plain)
    book = estates.assign(id=estates["estate"].map(_plain), plain=estates["name"].map(_plain))
    once = book.merge(lineage, on="area").assign(area=lambda rows: rows["earlier"])
    named_in = pd.concat([book, once])[["area", "plain", "estate"]].drop_duplicates()
    spots = named_in.drop_duplicates(["area", "plain"], keep=False).set_index(["area", "plain"])["estate"]
    in_area = spots.reindex(pd.MultiIndex.from_arrays([named["area"], written])).set_axis(named.index)
    found = written.map(book.drop_duplicates("id", keep=False).set_index("id")["estate"]).astype("str")
    in_city = written.map(book.drop_duplicates("plain", keep=False).set_index("plain")["estate"])
    found = found.fillna(in_area).fillna(in_city.where(named["area"].isna()))
    history = named.assign(estate=found).dropna(subset="estate")
    keys = ["estate", "category", "month", "months"]
    return conform(EstateHistory, history.groupby(keys)["incidents"].sum().reset_index())


def to_wgs84(lon: np.ndarray, lat: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of GCJ-02 or BD-09 as WGS-84, better than a metre; outside China nothing is shifted.

    Source: the shift as published in open source (eviltransform, googollee 2013; coordtransform, wandergis
    2015: Krasovsky 1940 ellipsoid, a = 6378245 m, e2 = 0.00669342162296594323), turned back by fixed point.
    """
    if crs == "BD-09":
        lon, lat = _turned_back(_gcj02_to_bd09, lon, lat)
    return _turned_back(wgs84_to_gcj02, lon, lat) if crs in ("BD-09", "GCJ-02") else (lon, lat)


def wgs84_to_gcj02(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shift of Chinese maps, some hundred metres. Source: see `to_wgs84`."""
    axis, e2 = 6378245.0, 0.00669342162296594323
    x, y = lon - 105.0, lat - 35.0
    waves = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + waves * 2 / 3
    north += (20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + waves * 2 / 3
    east += (20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    slope = 1 - e2 * np.sin(np.radians(lat)) ** 2
    east_degrees = np.degrees(east / (axis / np.sqrt(slope) * np.cos(np.radians(lat))))
    north_degrees = np.degrees(north / (axis * (1 - e2) / slope**1.5))
    shifted = (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)
    return np.where(shifted, lon + east_degrees, lon), np.where(shifted, lat + north_degrees, lat)


def _gcj02_to_bd09(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn = np.pi * 3000 / 180
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * turn)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * turn)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


Shift = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _turned_back(shift: Shift, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The point that `shift` moves to lon, lat; each step is at least a hundred times nearer."""
    x, y = lon, lat
    for _ in range(6):
        moved_x, moved_y = shift(x, y)
        x, y = x + lon - moved_x, y + lat - moved_y
    return x, y


class _Rejects:
    """Lines of the Rejects table, gathered field by field."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.parts: list[pd.DataFrame] = []

    def add(self, bad: pd.Series, values: pd.Series, column: str, reason: str) -> None:
        """One line for each row that is `bad`."""
        if bad.any():
            rows = values.index[bad]
            shown = values[bad].fillna("").str.replace(r"\d{7,}", "***", regex=True).str.slice(0, 40)
            part = {"source": self.source, "row": rows, "column": column, "reason": reason, "value": shown.to_numpy()}
            self.parts.append(pd.DataFrame(part))

    def refuse(self, figures: pd.Series, bad: pd.Series, values: pd.Series, column: str, reason: str) -> pd.Series:
        """`figures` without the `bad` ones, and a line for each."""
        self.add(bad, values, column, reason)
        return figures.mask(bad)

    def table(self) -> pd.DataFrame:
        if not self.parts:
            return empty(Rejects)
        rows = pd.concat(self.parts).sort_values(["row", "column"], kind="stable", ignore_index=True)
        return check(Rejects, conform(Rejects, rows), self.source)


def _refuse(frame: pd.DataFrame, source: EstateSource, found: dict[str, list[str]], codes: Collection[str]) -> None:
    """Raise what no row can mend, all at once."""
    data, config = [], []
    if not found["estate"] and not found["name"] and not source.id_from:
        has = ", ".join(map(str, frame.columns))
        fix = "name one in estates.columns.estate or estates.columns.name"
        data.append(Fault(f"has neither an id nor a name column; it has: {has}", source.path, fix))
    wanted = [("id_from", header) for header in source.id_from] + [("history", h.column) for h in source.history]
    for option, header in wanted:
        if not _headers(frame, (header,)):
            data.append(Fault(f"has no column {header!r}", source.path, f"mend estates.{option}"))
        elif is_protected(header):
            config.append(Fault(f"{header!r} is a protected attribute", f"estates.{option}", "remove it"))
    unknown = {h.category for h in source.history} - set(codes) if codes else set()
    fix = "use the code of a configured category"
    config += [Fault(f"unknown category {category!r}", "estates.history", fix) for category in sorted(unknown)]
    if data or config:
        raise (DataError if data else ConfigError)([*data, *config])


def _plain(header: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(header)).split()).casefold()


def _headers(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Headers of the ledger that `names` ask for, in the order of `names`."""
    there: dict[str, Any] = {}
    for header in frame.columns:
        there.setdefault(_plain(header), header)
    return [there[_plain(name)] for name in names if _plain(name) in there]


def _text(frame: pd.DataFrame, header: str | None) -> pd.Series:
    """Cells with width and spaces evened out; what says "nothing here" is null."""
    if header is None:
        return pd.Series(index=frame.index, dtype="str")
    number, values = pd.factorize(frame[header].astype("str"))
    even = [" ".join(unicodedata.normalize("NFKC", value).split()) for value in values.tolist()]
    cells = np.array([*(None if text.lower() in NOTHING else text for text in even), None], dtype=object)
    return pd.Series(cells[number], index=frame.index, dtype="str")


def _code(cells: pd.Series) -> pd.Series:
    """12.0 is the damage a spreadsheet does to 12."""
    return cells.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)


def _identity(
    frame: pd.DataFrame, source: EstateSource, text: dict[str, pd.Series], areas: list[pd.Series]
) -> pd.Series:
    """The id of each row: its own, else what `id_from` says, else name and first area text."""
    if source.id_from:
        parts = [_text(frame, _headers(frame, (header,))[0]) for header in source.id_from]
        known = ~pd.concat([part.isna() for part in parts], axis=1).all(axis=1)
    else:
        area = pd.Series(index=frame.index, dtype="str")
        for cells in areas:
            area = area.fillna(cells)
        parts, known = [text["name"], area], text["name"].notna()
    made = _code(parts[0]).fillna("")
    for part in parts[1:]:
        made = made + "@" + _code(part).fillna("")
    return _code(text["estate"]).fillna(made.where(known)).astype("str")


def _kept(estate: pd.Series, name: pd.Series, found: dict[str, list[str]], rejects: _Rejects) -> pd.Series:
    column = (found["estate"] or found["name"] or ["estate"])[0]
    rejects.add(estate.isna(), name, column, "neither an id nor a name")
    twice = estate.notna() & estate.duplicated()
    rejects.add(twice, estate, column, "an earlier row has this id; the first is kept")
    return estate.notna() & ~twice


def _numbers(cells: pd.Series) -> pd.Series:
    """1,234 and 1234户 are numbers; 3-4 and inf are not."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    rest = cells[numbers.isna() & cells.notna()]
    if len(rest):
        bare = rest.str.replace(r"[,\s]|(?:户|栋|层|台|部|元|万元)$", "", regex=True)
        numbers[rest.index] = pd.to_numeric(bare, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers))


def _figures(cells: pd.Series, field: str, rejects: _Rejects, whole: bool = False, signed: bool = False) -> pd.Series:
    figures = _numbers(cells)
    rejects.add(cells.notna() & figures.isna(), cells, field, "not a number")
    if not signed:
        figures = rejects.refuse(figures, figures < 0, cells, field, "below 0")
    if whole:
        figures = rejects.refuse(figures, figures.notna() & (figures % 1 != 0), cells, field, "not whole")
    return figures


def _years(cells: pd.Series, field: str, latest: int, rejects: _Rejects) -> pd.Series:
    """1987, 1987.0, 1987年, 1987-05-01."""
    years = cells.str.extract(r"^(\d{1,4})(?:\.0+)?(?:年.*|[-/.]\d.*)?$", expand=False).astype(float)
    rejects.add(cells.notna() & years.isna(), cells, field, "not a year")
    return rejects.refuse(years, (years < OLDEST) | (years > latest), cells, field, f"outside {OLDEST}..{latest}")


def _shares(cells: pd.Series, field: str, rejects: _Rejects) -> pd.Series:
    """0.62, 62 % or 62: without a sign, numbers are percent where most of the column is above 1."""
    signed = cells.str.endswith("%").fillna(False).astype(bool)
    numbers = _numbers(cells.str.rstrip("% "))
    rejects.add(cells.notna() & numbers.isna(), cells, field, "not a number")
    percent = signed | bool(numbers[~signed].median() > 1)
    shares = numbers.where(~percent, numbers / 100)
    return rejects.refuse(shares, (shares < 0) | (shares > 1), cells, field, "outside 0..100 %")


def _points(lon: pd.Series, lat: pd.Series, source: EstateSource, rejects: _Rejects) -> tuple[pd.Series, pd.Series]:
    """WGS-84 degrees; a point that cannot be right is missing, never moved."""
    x, y, shown = _numbers(lon), _numbers(lat), lon.fillna("") + ", " + lat.fillna("")
    given = lon.notna() | lat.notna()
    swapped = (y.abs() > 90) & (x.abs() <= 90) & (y.abs() <= 180)
    possible = (x.abs() <= 180) & (y.abs() <= 90) & ((x != 0) | (y != 0))
    a, b = to_wgs84(x.where(possible).to_numpy(), y.where(possible).to_numpy(), source.coord_crs)
    wgs_x, wgs_y = pd.Series(a, index=lon.index), pd.Series(b, index=lat.index)
    box = source.city_bbox or _box(wgs_x, wgs_y)
    inside = _inside(wgs_x, wgs_y, box)
    swapped |= possible & ~inside & _inside(y, x, box)
    for bad, reason in (
        (swapped, "lon and lat look swapped"),
        (given & ~swapped & ~possible, "not a point on earth"),
        (given & ~swapped & possible & ~inside, "outside the city"),
    ):
        rejects.add(bad, shown, "lon, lat", reason)
    return wgs_x.where(inside), wgs_y.where(inside)


def _inside(x: pd.Series, y: pd.Series, box: tuple[float, float, float, float]) -> pd.Series:
    west, south, east, north = box
    return x.between(west, east) & y.between(south, north)


def _box(x: pd.Series, y: pd.Series) -> tuple[float, float, float, float]:
    """Around the middle of all points when no box is given; a single odd point does not move a median."""
    middle_x, middle_y = (0.0, 0.0) if x.isna().all() else (float(x.median()), float(y.median()))
    reach_x, reach_y = (180.0, 90.0) if x.isna().all() else (FAR, FAR)
    return middle_x - reach_x, middle_y - reach_y, middle_x + reach_x, middle_y + reach_y


def _history(frame: pd.DataFrame, estate: pd.Series, source: EstateSource, rejects: _Rejects) -> pd.DataFrame:
    parts = []
    for column in source.history:
        cells = _text(frame, _headers(frame, (column.column,))[0])
        counts = _figures(cells, column.column, rejects, whole=True)
        rows = pd.DataFrame({"estate": estate, "category": column.category, "incidents": counts}).dropna()
        rows["month"], rows["months"] = pd.Timestamp(column.year, 1, 1), 12
        parts.append(rows)
    if not parts:
        return empty(EstateHistory)
    key = ["category", "month", "months", "estate"]
    rows = pd.concat(parts).groupby(key)["incidents"].sum().reset_index()
    return check(EstateHistory, conform(EstateHistory, rows), source.path)


def _notes(table: pd.DataFrame, made: bool) -> tuple[Note, ...]:
    n, notes = len(table), []
    if made:
        notes.append(Note("小区表没有编号: 以名称和社区为编号", "no ids in the ledger: made from name and area"))
    for field, zh, en in (
        ("area", "未落到社区", "without a community"),
        ("households", "户数未知", "with unknown households"),
        ("lon", "无坐标", "without coordinates"),
    ):
        if missing := int(table[field].isna().sum()):
            notes.append(Note(f"{n} 个小区中 {missing} 个{zh}", f"{missing} of {n} estates {en}"))
    shared = int((table.duplicated(["lon", "lat"], keep=False) & table["lon"].notna()).sum())
    if shared:
        notes.append(Note(f"{shared} 个小区与别的小区坐标相同", f"{shared} estates share their point with another"))
    return tuple(notes)
