"""Rows of an area file, or only the area texts of the orders -> Areas: one complete tree; what adds up to what."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast.errors import DataError, Fault
from forecast.gazetteer import Gazetteer, as_code, even, gazetteer, plain
from forecast.spec import Names, Spec
from forecast.tables import LEVELS, Areas, check, conform

__all__ = [
    "AreaColumns", "AreaSource", "Gazetteer",
    "codes_of", "from_texts", "gazetteer", "streets", "summing", "to_areas",
]  # fmt: skip

LEVEL_WORDS = {
    "community": ("community", "社区", "村", "社区/村", "居委会", "村委会", "neighborhood", "board"),
    "street": ("street", "街道", "街乡镇", "街道/乡镇", "乡镇", "镇", "乡", "borough"),
    "district": ("district", "区", "县", "区县", "区/县"),
    "city": ("city", "市", "全市"),
}
UNKNOWN = (
    "", "-", "--", "/", "无", "不详", "未知", "其他", "n/a", "na", "nan", "null", "none", "unknown", "unspecified",
)  # fmt: skip
"""Area texts that say that the area is not known."""

ALIAS_MARKS = r"[|;；、]"
DATE_FORMATS = ("ISO8601", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日")


class AreaColumns(Spec):
    """Header names of each field, tried in order. Parents come by `parent` or by the columns of upper levels."""

    area: Names = ("area", "area_code", "code", "区划代码", "统计用区划代码", "社区代码", "代码", "area_id")
    name: Names = ("name", "area_name", "名称", "社区名称", "社区", "社区/村")
    level: Names = ("level", "级别", "层级")
    parent: Names = ("parent", "parent_code", "上级代码", "上级")
    street: Names = ("street", "街道", "街道乡镇", "街道/乡镇", "街乡镇", "所属街道")
    district: Names = ("district", "区", "区县", "区/县", "所属区")
    aliases: Names = ("aliases", "alias", "别名", "曾用名")
    zone: Names = ("zone", "区域", "功能区")
    households: Names = ("households", "户数", "总户数")
    lon: Names = ("lon", "lng", "longitude", "经度")
    lat: Names = ("lat", "latitude", "纬度")
    valid_from: Names = ("valid_from", "启用日期", "设立日期")
    valid_to: Names = ("valid_to", "停用日期", "撤销日期")
    predecessors: Names = ("predecessors", "predecessor", "前身", "原社区", "原社区代码")


class AreaSource(Spec):
    """Where the areas stand.

    `path`: CSV, Excel, GeoJSON, Shapefile or GeoPackage. `shapes`: a second file with polygons, joined by its
    column `shape_key`, written as `key_format` (a Python format of the key as text, e.g. "{:0>3}"). `crs` of
    the polygons (e.g. EPSG:4490), when their file does not say it or says it wrongly. Several aliases of an
    area stand in one cell, parted by | or ; or 、; so do `predecessors`, the areas (code or name) it was cut out
    of or made from on its `valid_from`.
    """

    path: str
    shapes: str = ""
    shape_key: str = ""
    key_format: str = "{}"
    crs: str = ""
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    columns: AreaColumns = AreaColumns()


def to_areas(
    frame: pd.DataFrame, source: AreaSource, city: str, shapes: pd.DataFrame | None = None, where: str = "areas"
) -> pd.DataFrame:
    """Rows of an area file as a complete tree.

    Args:
        frame: columns as in the file, all text or null; `geometry` (WKB, EPSG:4326) when the file has shapes;
            the index is the line in the file.
        source: header names and how shapes are joined.
        city: name of the whole.
        shapes: polygons, likewise.
        where: file name for messages.

    Returns:
        Areas: missing levels are added, so each community has community -> street -> [district] -> city. Without
        parents and levels, 12-digit codes give both (6 digits district, 9 street, 12 community); else an area
        without children is a community. lon/lat stand in `geometry` as a point where there is no polygon.

    Raises:
        DataError: every fault of the file at once.
    """
    rows, found = _read(frame, source, where)
    if not len(rows):
        raise DataError(found or [Fault("holds no area", where, "add one row an area, or leave `areas` out")])
    found += _find_parents(rows, where)
    found += _find_predecessors(rows, where)
    if not found:
        rows = _complete(_levelled(rows, city), city)
        found += _tree_faults(rows, where) + _alias_faults(rows, where) + _heir_faults(rows, where)
        found += [] if shapes is None else _join_shapes(rows, shapes, source)
    if found:
        raise DataError(found)
    rows["aliases"] = rows["aliases"].str.join("|")
    rows["geometry"] = rows["geometry"].astype(object).where(rows["geometry"].notna(), None)
    rank = rows["level"].map(LEVELS[::-1].index)
    rows = rows.assign(rank=rank).sort_values(["rank", "area"], ignore_index=True)
    return check(Areas, conform(Areas, rows), where)


def codes_of(texts: Sequence[pd.Series], index: pd.Index) -> pd.Series:
    """The code `from_texts` gives each row: its first area text that does not say "unknown", else null."""
    found = pd.Series(index=index, dtype="str")
    for text in texts:
        number, values = pd.factorize(text)
        codes = np.array([*(_code_of(str(value)) for value in values), None], dtype=object)[number]
        found = found.fillna(pd.Series(codes, index=index, dtype="str"))
    return found


def from_texts(texts: Iterable[str], city: str) -> pd.DataFrame:
    """Areas made from the area texts of the orders themselves, for a city without an area file.

    Each text is one community, all in one street that is the whole city (one workbook results). Texts with
    levels, "district->street->community", keep them. Texts that only say "unknown" are no areas.

    Returns:
        Areas: the code of a community is its text, with width and spaces evened out.
    """
    codes = sorted({code for code in map(_code_of, texts) if code is not None})
    rows = [[code, *_last_three(code)] for code in codes]
    frame = pd.DataFrame(rows, columns=pd.Index(["area", "district", "street", "name"]), dtype="str")
    if frame.empty:
        return check(Areas, conform(Areas, pd.DataFrame([_added("city", "city", None, city)])), "areas")
    return to_areas(frame.assign(level="community"), AreaSource(path=""), city, where="area texts")


def summing(areas: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[area, ancestor]: each community with itself and with every area above it."""
    parent = areas.set_index("area")["parent"]
    area = areas.loc[areas["level"] == "community", "area"].reset_index(drop=True)
    steps, ancestor = [], area
    while ancestor.notna().any():
        steps.append(pd.DataFrame({"area": area, "ancestor": ancestor}).dropna())
        ancestor = ancestor.map(parent)
    pairs = pd.concat(steps) if steps else pd.DataFrame({"area": area, "ancestor": area})
    return pairs.sort_values(["area", "ancestor"], ignore_index=True)


def streets(areas: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[area, area_name, street, street_name]: each community and the street it lies in."""
    name = areas.set_index("area")["name"]
    own = areas[areas["level"] == "community"].rename(columns={"name": "area_name", "parent": "street"})
    own = own.assign(street_name=own["street"].map(name))
    return own[["area", "area_name", "street", "street_name"]].sort_values("area", ignore_index=True)


def _code_of(text: str) -> str | None:
    code = as_code(even(text))
    return code if plain(code.split("->")[-1]) not in UNKNOWN else None


def _last_three(code: str) -> list[str | None]:
    parts = [part for part in code.split("->") if part][-3:]
    return [None] * (3 - len(parts)) + parts


def _read(frame: pd.DataFrame, source: AreaSource, where: str) -> tuple[pd.DataFrame, list[Fault]]:
    """The fields of the file in clean types, and what is wrong with single cells."""
    at = {field: _header(frame, getattr(source.columns, field)) for field in AreaColumns.model_fields}
    if at["area"] is None and at["name"] is None:
        has = ", ".join(map(str, frame.columns))
        fix = "name the column in areas.columns.area or areas.columns.name"
        return pd.DataFrame(), [Fault(f"has neither a code nor a name column; it has: {has}", where, fix)]
    text = {field: _text(frame, header) for field, header in at.items()}
    rows = pd.DataFrame({field: text[field] for field in ("name", "level", "parent", "street", "district", "zone")})
    rows["area"] = text["area"].map(as_code, na_action="ignore") if at["area"] else _path_code(rows)
    rows["parent"] = rows["parent"].map(as_code, na_action="ignore")
    rows["name"] = rows["name"].fillna(rows["area"])
    blank = rows["area"].isna() & rows["name"].isna()
    rows, found = rows[~blank], []
    found += _cell_faults(rows["area"].isna(), rows["name"], "has no code", where, "give the area a code")
    twice = rows["area"].duplicated(keep=False) & rows["area"].notna()
    found += _cell_faults(twice, rows["area"], "code stands twice", where, "keep one row a code")
    words = {word: level for level, words in LEVEL_WORDS.items() for word in words}
    level = rows["level"].str.lower().map(words)
    bad = rows["level"].notna() & level.isna()
    found += _cell_faults(bad, rows["level"], "unknown level", where, f"use {', '.join(LEVELS)}")
    rows["level"] = level.astype("str")
    aliases = text["aliases"].reindex(rows.index).fillna("")
    rows["aliases"] = [_aliases(cell, name) for cell, name in zip(aliases, rows["name"], strict=True)]
    rows["predecessors"] = text["predecessors"].reindex(rows.index)
    for field in ("valid_from", "valid_to"):
        cells = text[field].reindex(rows.index)
        rows[field] = _dates(cells)
        found += _cell_faults(cells.notna() & rows[field].isna(), cells, "no date", where, "write 2024-01-31")
    early = rows["valid_from"] > rows["valid_to"]
    found += _cell_faults(early, rows["area"], "ends before it begins", where, "swap valid_from and valid_to")
    figures = {}
    for field, limit in {"households": np.inf, "lon": 180.0, "lat": 90.0}.items():
        cells = text[field].reindex(rows.index)
        figures[field] = pd.to_numeric(cells, errors="coerce").astype(float)
        bad = cells.notna() & ~(figures[field].abs() <= limit)
        bad |= (figures[field] < 0) & (field == "households")
        found += _cell_faults(bad, cells, f"impossible {field}", where, "mend the number or leave the cell empty")
    rows["households"] = figures["households"]
    rows["geometry"] = _geometry(frame, figures["lon"], figures["lat"])
    return rows, found


def _header(frame: pd.DataFrame, aliases: Iterable[str]) -> str | None:
    headers = {even(str(header)).casefold(): header for header in frame.columns}
    return next((headers[even(alias).casefold()] for alias in aliases if even(alias).casefold() in headers), None)


def _text(frame: pd.DataFrame, header: str | None) -> pd.Series:
    if header is None:
        return pd.Series(index=frame.index, dtype="str")
    cells = frame[header].astype("str").str.strip()
    return cells.mask(cells == "")


def _path_code(rows: pd.DataFrame) -> pd.Series:
    """Without a code, an area is called by its name; by its path where others bear the name too."""
    path = [
        "-".join(part for part in parts if isinstance(part, str))
        for parts in zip(rows["district"], rows["street"], rows["name"], strict=True)
    ]
    return rows["name"].where(~rows["name"].duplicated(keep=False), pd.Series(path, index=rows.index, dtype="str"))


def _cell_faults(bad: pd.Series, values: pd.Series, what: str, where: str, fix: str) -> list[Fault]:
    if not bad.any():
        return []
    lines = ", ".join(str(line) for line in values.index[bad][:3])
    shown = ", ".join(str(value) for value in values[bad].unique()[:3])
    return [Fault(f"{int(bad.sum())} row(s): {what}: {shown} (first at line {lines})", where, fix)]


def _aliases(cell: str, name: str) -> list[str]:
    aliases = (alias.strip() for alias in re.split(ALIAS_MARKS, cell))
    return [alias for alias in dict.fromkeys(aliases) if alias and alias != name]


def _dates(cells: pd.Series) -> pd.Series:
    dates = pd.Series(pd.NaT, index=cells.index, dtype="datetime64[us]")
    for form in DATE_FORMATS if cells.notna().any() else ():
        dates = dates.fillna(pd.to_datetime(cells, format=form, errors="coerce").astype("datetime64[us]"))
    return dates


def _geometry(frame: pd.DataFrame, lon: pd.Series, lat: pd.Series) -> list[bytes | None]:
    shapes = frame["geometry"] if "geometry" in frame else pd.Series(None, index=frame.index, dtype=object)
    known = lon.notna() & lat.notna()
    if not known.any():
        return [shape if isinstance(shape, bytes) else None for shape in shapes.reindex(lon.index)]
    import shapely

    points = shapely.to_wkb(shapely.points(lon, lat))
    return [
        shape if isinstance(shape, bytes) else point if here else None
        for shape, point, here in zip(shapes.reindex(lon.index), points, known, strict=True)
    ]


def _find_parents(rows: pd.DataFrame, where: str) -> list[Fault]:
    """Replace `parent` by a code. Faults: parents that no row has, areas above themselves."""
    parent = rows["parent"].map(_codes_by_word(rows)).astype("str")
    lost = rows["parent"].notna() & parent.isna()
    found = _cell_faults(lost, rows["parent"], "unknown parent", where, "add a row for the parent, by its code")
    rows["parent"] = parent
    above = _above(rows)
    for area in rows["area"].dropna():
        line, upper = [area], above.get(area)
        while upper is not None and upper not in line:
            line, upper = [*line, upper], above.get(upper)
        if upper == area == min(line):
            found.append(Fault(f"goes round in a circle: {' -> '.join([*line, area])}", where, "mend the parents"))
    return found


def _find_predecessors(rows: pd.DataFrame, where: str) -> list[Fault]:
    """Replace `predecessors` by codes, joined by "|". Faults: areas that no row has, a change without a date."""
    codes = _codes_by_word(rows)
    lines = [_words(cell) for cell in rows["predecessors"]]
    lost = pd.Series([any(word not in codes for word in line) for line in lines], index=rows.index, dtype=bool)
    fix = "add a row for the old area, with its valid_to"
    found = _cell_faults(lost, rows["predecessors"], "unknown predecessor", where, fix)
    undated = rows["predecessors"].notna() & rows["valid_from"].isna()
    found += _cell_faults(undated, rows["area"], "has predecessors but no valid_from", where, "say when it began")
    joined = ["|".join(dict.fromkeys(codes.get(word, word) for word in line)) or None for line in lines]
    rows["predecessors"] = pd.Series(joined, index=rows.index, dtype="str")
    return found


def _words(cell: Any) -> list[str]:
    return [as_code(word) for word in re.split(ALIAS_MARKS, cell) if word.strip()] if isinstance(cell, str) else []


def _codes_by_word(rows: pd.DataFrame) -> dict[str, str]:
    """Code, or name that one area alone bears -> code."""
    by_name = rows["name"][~rows["name"].duplicated(keep=False)]
    named = dict(zip(by_name, rows["area"].reindex(by_name.index), strict=True))
    return {**named, **{area: area for area in rows["area"]}}


def _levelled(rows: pd.DataFrame, city: str) -> pd.DataFrame:
    """Give every row a level and a parent, from 12-digit codes, upper columns or the shape of the tree."""
    bare = rows[["parent", "level", "street", "district"]].isna().all(axis=None)
    if bare and rows["area"].str.fullmatch(r"\d{12}").all():
        return _by_digits(rows)
    rows = _with_upper(rows)
    height = dict.fromkeys(rows["area"], 0)
    above = _above(rows)
    for area in rows["area"]:
        steps, upper = 1, above.get(area)
        while upper is not None:
            height[upper] = max(height[upper], steps)
            steps, upper = steps + 1, above.get(upper)
    inferred = rows["area"].map(height).clip(upper=len(LEVELS) - 1).map(dict(enumerate(LEVELS)))
    root = rows["parent"].isna() & (inferred != "community") & (rows["name"] == city)
    return rows.assign(level=rows["level"].fillna(inferred.mask(root, "city")))


def _by_digits(rows: pd.DataFrame) -> pd.DataFrame:
    """Levels and parents of statistical codes: 4 digits city, 6 district, 9 street, 12 community."""
    code = rows["area"]
    level = pd.Series("community", index=rows.index, dtype="str")
    parent = code.str[:9] + "000"
    for name, digits, upper in (("street", 9, 6), ("district", 6, 4), ("city", 4, 0)):
        here = code.str[digits:] == "0" * (12 - digits)
        level = level.mask(here, name)
        parent = parent.mask(here, code.str[:upper] + "0" * (12 - upper) if name == "street" else None)
    rows = rows.assign(level=level, parent=parent)[level != "city"]
    known = set(rows["area"])
    rows["parent"] = rows["parent"].where(rows["parent"].isin(known) | (rows["level"] == "community"))
    district = {street: street[:6] + "000000" for street in sorted(set(rows["parent"].dropna()) - known)}
    return _appended(rows, [_added(s, "street", d if d in known else None) for s, d in district.items()])


def _with_upper(rows: pd.DataFrame) -> pd.DataFrame:
    """Parents from the columns of streets and districts, with rows for those that have none of their own."""
    known = _named(rows)
    taken, added, parents = set(rows["area"]), [], []
    for row in rows.itertuples():
        upper = row.parent if isinstance(row.parent, str) else None
        line: list[str] = []
        for level, word in (("district", row.district), ("street", row.street)) if upper is None else ():
            if not isinstance(word, str) or row.level in (level, "district", "city"):
                continue
            line.append(word)
            key = (level, "-".join(line))
            area = known.get(key) or known.get((level, word))
            if area is None:
                area = _free(key[1], taken)
                added.append(_added(area, level, upper, word))
            known[key] = upper = area
        parents.append(upper)
    rows = rows.assign(parent=pd.Series(parents, index=rows.index, dtype="str"))
    return _appended(rows, added)


def _named(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(level, code, or path from the district, or name only one of the level bears) -> area."""
    own = rows[rows["level"].isin(["street", "district"])]
    path = (own["district"] + "-" + own["name"]).where(own["level"] == "street").fillna(own["name"])
    single = own["name"].mask(own.duplicated(["level", "name"], keep=False))
    return {
        (level, word): area
        for words in (single, path, own["area"])
        for level, word, area in zip(own["level"], words, own["area"], strict=True)
        if isinstance(word, str)
    }


def _complete(rows: pd.DataFrame, city: str) -> pd.DataFrame:
    """Add the one city, and a street for communities that lie in none."""
    taken, added = set(rows["area"]), []
    top = next(iter(rows.loc[rows["level"] == "city", "area"]), None)
    if top is None:
        top = _free("city", taken)
        added.append(_added(top, "city", None, city))
    level = {**dict(zip(rows["area"], rows["level"], strict=True)), top: "city"}
    name = {top: city, **dict(zip(rows["area"], rows["name"], strict=True))}
    parent = rows["parent"].mask(rows["parent"].isna() & (rows["area"] != top), top)
    direct = (rows["level"] == "community") & parent.map(level).isin(["district", "city"])
    streets = {upper: _free(f"{upper}-all", taken) for upper in sorted(parent[direct].unique())}
    added += [_added(street, "street", upper, name[upper]) for upper, street in streets.items()]
    return _appended(rows.assign(parent=parent.mask(direct, parent.map(streets))), added)


def _free(code: str, taken: set[str]) -> str:
    while code in taken:
        code += "-"
    taken.add(code)
    return code


def _added(area: str, level: str, parent: str | None, name: str | None = None) -> dict[str, Any]:
    return {"area": area, "level": level, "parent": parent, "name": name or area, "aliases": ""}


def _appended(rows: pd.DataFrame, added: list[dict[str, Any]]) -> pd.DataFrame:
    if not added:
        return rows
    more = pd.DataFrame(added).reindex(columns=rows.columns)
    more["aliases"] = more["area"].map(lambda _: [])
    more = more.astype({name: rows[name].dtype for name in rows.columns})
    return pd.concat([rows, more], ignore_index=True)


def _above(rows: pd.DataFrame) -> dict[str, str]:
    known = rows.dropna(subset=["area", "parent"])
    return dict(zip(known["area"], known["parent"], strict=True))


def _tree_faults(rows: pd.DataFrame, where: str) -> list[Fault]:
    rank = rows["level"].map(LEVELS.index)
    upper = rows["parent"].map(dict(zip(rows["area"], rank, strict=True)))
    bad = upper.notna() & (upper <= rank)
    fix = f"a parent must be of a higher level; from low to high: {', '.join(LEVELS)}"
    found = _cell_faults(bad, rows["area"], "parent is not above it", where, fix)
    top = rows["level"] == "city"
    if top.sum() > 1:
        found += _cell_faults(top, rows["area"], "more than one area of level city", where, "keep one")
    return found


def _heir_faults(rows: pd.DataFrame, where: str) -> list[Fault]:
    """Only communities have counts to hand on, and none follows itself or one that began no earlier."""
    level = dict(zip(rows["area"], rows["level"], strict=True))
    began = dict(zip(rows["area"], rows["valid_from"], strict=True))
    lines = [(area, _words(cell)) for area, cell in zip(rows["area"], rows["predecessors"], strict=True)]
    upper = [bool(line) and any(level[code] != "community" for code in [area, *line]) for area, line in lines]
    early = [any(code == area or began[code] >= began[area] for code in line) for area, line in lines]
    wrong = pd.DataFrame({"upper": upper, "early": early}, index=rows.index, dtype=bool)
    fix = "write the predecessors of its communities instead"
    found = _cell_faults(wrong["upper"], rows["area"], "only communities have predecessors", where, fix)
    what, fix = "is no younger than its predecessor", "mend `predecessors` or the dates"
    return found + _cell_faults(wrong["early"], rows["area"], what, where, fix)


def _alias_faults(rows: pd.DataFrame, where: str) -> list[Fault]:
    """Aliases that two areas of one level have, or that are the code or name of another, at one time."""
    start = rows["valid_from"].fillna(pd.Timestamp.min.as_unit("us"))
    end = rows["valid_to"].fillna(pd.Timestamp.max.as_unit("us"))
    bearers = defaultdict(list)
    words = zip(rows["level"], rows["area"], rows["name"], rows["aliases"], start, end, strict=True)
    for level, area, name, aliases, first, last in words:
        for word in {area, name, *map(even, aliases)}:
            bearers[level, word].append((area, word in map(even, aliases), first, last))
    shared = [
        f"{word} ({one[0]}, {other[0]})"
        for (_, word), group in bearers.items()
        for one, other in itertools.combinations(group, 2)
        if (one[1] or other[1]) and one[2] <= other[3] and other[2] <= one[3]
    ]
    if not shared:
        return []
    what = f"{len(shared)} alias(es) belong to two areas: {', '.join(shared[:3])}"
    return [Fault(what, where, "leave each alias with one area, or part them by valid_from and valid_to")]


def _join_shapes(rows: pd.DataFrame, shapes: pd.DataFrame, source: AreaSource) -> list[Fault]:
    """Fill `geometry` from a second file, by code, else by name."""
    header = _header(shapes, [source.shape_key] if source.shape_key else source.columns.area)
    if header is None:
        has = ", ".join(str(name) for name in shapes.columns if name != "geometry")
        fix = f"set areas.shape_key to one of: {has}"
        return [Fault(f"has no column {source.shape_key or source.columns.area[0]!r}", source.shapes, fix)]
    try:
        keys = [source.key_format.format(as_code(str(key))) for key in shapes[header]]
    except (ValueError, KeyError, IndexError):
        fix = 'write a Python format with one {}, e.g. "{:0>3}"'
        return [Fault(f"{source.key_format!r} is no format", "areas.key_format", fix)]
    import shapely

    parts = pd.Series(shapely.from_wkb(shapes["geometry"].to_numpy()), dtype=object).groupby(pd.Index(keys))
    joined = {key: shapely.to_wkb(shapely.union_all(part.to_numpy())) for key, part in parts}
    found = [joined.get(area, joined.get(name)) for area, name in zip(rows["area"], rows["name"], strict=True)]
    if not any(found):
        what = f"no shape belongs to an area: keys {', '.join(keys[:3])}, areas {', '.join(rows['area'].tail(3))}"
        return [Fault(what, source.shapes, "mend areas.shape_key or areas.key_format")]
    rows["geometry"] = pd.Series(
        [new or old for new, old in zip(found, rows["geometry"], strict=True)], index=rows.index, dtype=object
    )
    return []
