"""A made-up city -> the files a district would have: 12345 exports with their dirt, areas, polygons, estates, truth.

Every name, phone number and text is invented; phone numbers start with 19900, names hold 测试.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from forecast.errors import Fault, RunError
from forecast.simulate import City, Simulated, simulate
from forecast.simulate.published import stream
from forecast.simulate.words import REVISED_ON, VAGUE, WORDS
from pipelines import store

Array = np.ndarray


class Layout(NamedTuple):
    """How the export of a year is written. An empty `times` is the day count of a spreadsheet."""

    suffix: str
    encoding: str
    note: bool
    levels: bool
    times: str
    rename: dict[str, str]


LAYOUTS = (
    Layout(".xlsx", "", True, False, "", {}),
    Layout(".csv", "gb18030", True, True, "%Y/%m/%d %H:%M", {"来电时间": "创建时间", "社区/村": "社区"}),
    Layout(".csv", "utf-8-sig", False, False, "%Y-%m-%d %H:%M:%S", {"来电时间": "创建时间"}),
    Layout(".csv", "utf-8", False, True, "%Y年%m月%d日 %H:%M", {"是否联系": "是否响应"}),
    Layout(".csv", "utf-8-sig", False, False, "%Y-%m-%d %H:%M:%S", {"被反映街乡镇": "街乡镇", "被反映区": "所属区"}),
    Layout(".csv", "utf-8", False, True, "%Y-%m-%d %H:%M:%S", {}),
)
"""One a year; later years go on with the last four."""
NOTE = "说明: 本表由程序模拟生成, 人名、电话和诉求均为虚构; 统计口径为全量工单, 含咨询"
LEVELS = ("一级分类", "二级分类", "三级分类")
TIMES = ("来电时间", "办结时间")

NO_CATEGORY, VAGUE_TEXT, UNKNOWN_COMMUNITY, ALIAS, AGAIN, NONSENSE = 0.05, 0.04, 0.02, 0.05, 0.01, 0.0004
"""Parts of the rows: without category, of these without keyword; community 不详; written by alias; also in the next
file; with a time that does not exist."""
NONSENSE_TIMES = ("0000-00-00 00:00", "2016-13-45", "待补", "2018-02-30 10:00", "1900-01-00")
SURNAMES = "赵钱孙李周吴郑王冯陈"


def write_city(folder: Path, spec: City) -> list[Path]:
    """Write the city `spec` into `folder`.

    Returns:
        Paths written: areas.csv, communities.geojson, estates.csv, orders/<year>.xlsx or .csv, and truth/ with
        what a real city never shows (city.json, cells, estates, orders as Parquet, effects and shocks as CSV).

    Raises:
        RunError: `folder/orders` holds other files, which would be read with these; or the disk refuses.
    """
    exports = [folder / "orders" / name for name in _names(spec)]
    _refuse_strangers(folder / "orders", exports)
    city = simulate(spec)
    with store.writing(folder):
        for name in ("orders", "truth"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        paths = [*_write_places(folder, city), *exports, *_write_truth(folder / "truth", spec, city)]
        for path, table, layout in zip(exports, _exports(spec, city), _layouts(spec), strict=True):
            (_write_excel if layout.suffix == ".xlsx" else _write_csv)(path, table, layout)
    return paths


def _layouts(spec: City) -> list[Layout]:
    return [LAYOUTS[year if year < len(LAYOUTS) else 2 + (year - 2) % 4] for year in range(spec.years)]


def _names(spec: City) -> list[str]:
    return [f"{spec.first_year + year}{layout.suffix}" for year, layout in enumerate(_layouts(spec))]


def _refuse_strangers(orders: Path, exports: list[Path]) -> None:
    strangers = sorted({path.name for path in orders.glob("[!.]*")} - {path.name for path in exports})
    if strangers:
        what = f"holds files of another city: {', '.join(strangers[:3])}"
        raise RunError(Fault(what, str(orders), "choose an empty folder, or remove them first"))


# --- Orders as an export shows them ----------------------------------------------------------------------------


def _exports(spec: City, city: Simulated) -> Iterator[pd.DataFrame]:
    """One table a year, all text; the first rows of a year repeat the last ones of the year before."""
    year = city.orders["received_at"].dt.year
    before = None
    for number, layout in enumerate(_layouts(spec)):
        rng = stream(spec.seed, f"export {number}")
        own = _columns(rng, city, city.orders[year == spec.first_year + number].reset_index(drop=True))
        yield _in_layout(rng, pd.concat([before, own], ignore_index=True), layout)
        before = own.tail(round(AGAIN * len(own)))


def _columns(rng: np.random.Generator, city: Simulated, orders: pd.DataFrame) -> pd.DataFrame:
    """Orders with every column, times still as times, category still as three levels."""
    n = len(orders)
    blank = rng.random(n) < NO_CATEGORY
    vague = blank & (rng.random(n) < VAGUE_TEXT)
    detail = np.where(orders["incident"] < 0, rng.integers(0, 3, n), orders["incident"] % 3)
    levels, phrase = _category_texts(orders, detail)
    phrase = np.where(vague, VAGUE, phrase)
    place = _place_texts(rng, city, orders)
    person = orders["caller"].astype(str)
    surname = np.array(list(SURNAMES), dtype=object)[orders["caller"].to_numpy() % len(SURNAMES)]
    phone = "19900" + (orders["caller"] % 1_000_000).astype(str).str.zfill(6)
    spot = place["estate"] + orders["building"].astype(str) + "号楼" + orders["unit"].astype(str) + "单元"
    asks = np.where(
        orders["kind"] == "咨询", "咨询如何办理", np.array(["希望尽快处理", "要求给出答复", "多次反映未果"])[detail]
    )
    back = np.where(rng.random(n) < 0.03, ", 请回电" + phone, "")
    result = orders["resolved"].map({"是": "已解决", "否": "已答复, 未解决"}).fillna("已办结")
    return pd.DataFrame(
        {
            "工单编号": orders["request_id"],
            "工单类型": orders["kind"],
            **{name: np.where(blank, "", levels[:, k]) for k, name in enumerate(LEVELS)},
            "标题": np.where(orders["kind"] == "咨询", "咨询", "反映") + place["estate"] + phrase,
            "主要内容": "来电人反映" + spot + phrase + ", " + asks + back,
            "来电人": surname + "测试" + person.str.slice(-4).str.zfill(4),
            "来电号码": phone,
            "被反映区": place["district"],
            "被反映街乡镇": place["street"],
            "社区/村": place["community"],
            "小区点位": place["estate"],
            "详细地址": spot,
            "主办单位": place["street"],
            "来电时间": orders["received_at"],
            "办结时间": orders["closed_at"],
            "办理结果": np.where(orders["closed_at"].isna(), "办理中", result),
            "是否有效回访": orders["called_back"],
            "是否联系": orders["contacted"],
            "是否解决": orders["resolved"],
            "是否满意": orders["satisfied"],
        }
    )  # fmt: skip


def _category_texts(orders: pd.DataFrame, detail: Array) -> tuple[Array, Array]:
    """Three levels (orders, 3) and the phrase of each order."""
    code, codes = pd.factorize(orders["category"])
    words = [WORDS[str(name)] for name in codes]
    revised = (orders["received_at"] >= REVISED_ON).to_numpy()
    group = np.where(revised, np.array([w.revised for w in words])[code], np.array([w.group for w in words])[code])
    details = np.array([w.details for w in words])[code, detail]
    return np.column_stack([np.array([w.upper for w in words])[code], group, details[:, 0]]), details[:, 1]


def _place_texts(rng: np.random.Generator, city: Simulated, orders: pd.DataFrame) -> pd.DataFrame:
    """Names of district, street, community (some unknown, some by alias) and estate of each order."""
    areas = city.areas.set_index("area")
    area = orders["area"]
    street = area.map(areas["parent"])
    aliases = areas["aliases"].str.split("|")
    pick = rng.integers(0, 6, len(area))
    lists = area.map(aliases)
    alias = [names[k % len(names)] for names, k in zip(lists, pick, strict=True)]
    luck = rng.random(len(area))
    community = np.select(
        [luck < UNKNOWN_COMMUNITY, luck < UNKNOWN_COMMUNITY + ALIAS], ["不详", alias], area.map(areas["name"])
    )
    return pd.DataFrame(
        {
            "district": street.map(areas["parent"]).map(areas["name"]),
            "street": street.map(areas["name"]),
            "community": community,
            "estate": orders["estate"].map(city.estates.set_index("estate")["estate_name"]),
        }
    )


def _in_layout(rng: np.random.Generator, table: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """The table of one year as that year wrote it."""
    texts = table.copy()
    for name in TIMES:
        texts[name] = _time_texts(table[name], layout)
    wrong = np.flatnonzero(rng.random(len(table)) < NONSENSE)
    texts["来电时间"] = texts["来电时间"].astype(object)
    texts.loc[wrong, "来电时间"] = rng.choice(NONSENSE_TIMES, len(wrong))
    if not layout.levels:
        path = texts[LEVELS[0]] + "->" + texts[LEVELS[1]] + "->" + texts[LEVELS[2]]
        texts.insert(2, "问题分类", path.mask(texts[LEVELS[0]] == "", ""))
        texts = texts.drop(columns=list(LEVELS))
    return texts.rename(columns=layout.rename)


def _time_texts(times: pd.Series, layout: Layout) -> pd.Series:
    if layout.times:
        return times.dt.strftime(layout.times).fillna("")
    days = (times - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
    return days.round(6).astype(object).where(times.notna(), "")


# --- Writing ---------------------------------------------------------------------------------------------------


def _write_csv(path: Path, table: pd.DataFrame, layout: Layout) -> None:
    with path.open("w", encoding=layout.encoding, newline="") as file:
        if layout.note:
            file.write(NOTE + "\n")
        table.to_csv(file, index=False, lineterminator="\n")


def _write_excel(path: Path, table: pd.DataFrame, layout: Layout) -> None:
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_urls": False}) as book:
        book.set_properties({"created": pd.Timestamp("2020-01-01").to_pydatetime()})
        sheet = book.add_worksheet("工单")
        if layout.note:
            sheet.write_string(0, 0, NOTE)
        sheet.write_row(int(layout.note), 0, table.columns.tolist())
        for line, row in enumerate(table.itertuples(index=False, name=None), int(layout.note) + 1):
            for column, value in enumerate(row):
                if isinstance(value, float):
                    sheet.write_number(line, column, value)
                elif value:
                    sheet.write_string(line, column, value)
    path.write_bytes(file.getvalue())


def _write_places(folder: Path, city: Simulated) -> list[Path]:
    areas, shapes, estates = folder / "areas.csv", folder / "communities.geojson", folder / "estates.csv"
    city.areas.assign(households=city.areas["households"].astype("Int64")).to_csv(areas, index=False)
    names = city.areas.set_index("area")["name"]
    features = [
        {"type": "Feature", "properties": {"area": area, "name": names[area]},
         "geometry": {"type": "Polygon", "coordinates": [ring[["lon", "lat"]].to_numpy().tolist()]}}
        for area, ring in city.polygons.groupby("area")
    ]  # fmt: skip
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    shapes.write_text(text, encoding="utf-8")
    city.estates.to_csv(estates, index=False)
    return [areas, shapes, estates]


def _write_truth(folder: Path, spec: City, city: Simulated) -> list[Path]:
    (folder / "city.json").write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    orders = city.orders[["request_id", "area", "estate", "category", "incident", "repeat"]]
    for name, table in (("cells", city.cells), ("estates", city.estate_truth), ("orders", orders)):
        store.write(table, folder / f"{name}.parquet")
    for name, table in (("effects", city.effects), ("shocks", city.shocks)):
        table.to_csv(folder / f"{name}.csv", index=False)
    names = ("city.json", "cells.parquet", "estates.parquet", "orders.parquet", "effects.csv", "shocks.csv")
    return [folder / name for name in names]
