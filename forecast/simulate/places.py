"""Options of a city -> its areas and the polygons of its communities."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecast.simulate.published import ZONE_SHARES, ZONES, City, stream

Array = np.ndarray
Row = dict[str, Any]

STEMS = (
    "安永和兴泰康宁福德仁义文明光华建新清玉金翠松柏桃杏梅兰竹桂石泉柳杨桥塔林湖溪云霞晨春",
    "乐平顺庆祥瑞丰盛昌荣达通远景秀丽芳馨园苑庭居台阁坊井巷门营庄店坡湾岭谷原川泽池岸堤洲汀渡",
)
DISTRICTS = ["明德", "启明", "文渊", "广源", "平川", "新泽", "云岭", "青溪", "南屏", "玉河", "长林", "东原"]
NUMBERS = "一二三四五六七八九"
PROVINCE_CITY = "9901"
"""No real province has the code 99."""
TOWNS = (("街道", 1, "办事处"), ("镇", 100, "人民政府"), ("乡", 200, "人民政府"))
CENTRE, CELL = (116.40, 39.90), (0.012, 0.0095)


class Sites(NamedTuple):
    """Today's communities: zone (position in ZONES), code, code before the split, cell of the grid."""

    zone: Array
    code: Array
    before: Array
    name: Array
    cell: Array

    def area_at(self, site: Array, on: pd.DatetimeIndex, split_on: pd.Timestamp) -> Array:
        """Codes of sites on days."""
        return np.where(on < split_on, self.before[site], self.code[site])


def build(city: City) -> tuple[Sites, pd.DataFrame, Array]:
    """Sites, Areas without households, and the corners of the grid (side + 1, side + 1, 2) as lon, lat."""
    rng = stream(city.seed, "areas")
    zone = np.repeat(np.arange(len(ZONES)), _apportion(city.communities, ZONE_SHARES))
    cell, corners = _grid(rng, zone)
    stems = rng.permutation([a + b for a in STEMS[0] for b in STEMS[1]]).tolist()
    rows = [_area(PROVINCE_CITY + "0" * 8, "city", None, "模拟市", "", None)]
    district = 0
    for z in range(len(ZONES)):
        streets = np.array_split(np.flatnonzero(zone == z), max(1, round((zone == z).sum() / 6)))
        for group in np.array_split(np.arange(len(streets)), max(1, round(len(streets) / 4))):
            county = _district(district, z)
            district += 1
            rows.append(county)
            for position, street in enumerate(group):
                rows += _street(str(county["area"]), z, position, streets[street], stems)
    rows = _split(rows, stems.pop(), city.split_on)
    table = pd.DataFrame(rows)
    today = table[table["site"] >= 0].sort_values("site")
    code = today["area"].to_numpy(object)
    before = today["before"].fillna(today["area"]).to_numpy(object)
    sites = Sites(zone, code, before, today["name"].to_numpy(object), cell)
    return sites, table.drop(columns="site").rename(columns={"before": "predecessors"}), corners


def _area(code: str, level: str, parent: object, name: str, aliases: str, zone: str | None, site: int = -1) -> Row:
    return {"area": code, "level": level, "parent": parent, "name": name, "aliases": aliases, "zone": zone,
            "valid_from": pd.NaT, "valid_to": pd.NaT, "site": site, "before": None}  # fmt: skip


def _district(number: int, zone: int) -> Row:
    again = NUMBERS[number // len(DISTRICTS) - 1] if number >= len(DISTRICTS) else ""
    code, name = f"{PROVINCE_CITY}{number + 1:02d}000000", f"{DISTRICTS[number % len(DISTRICTS)]}{again}区"
    return _area(code, "district", PROVINCE_CITY + "0" * 8, name, "", ZONES[zone])


def _street(district: str, zone: int, position: int, members: Array, stems: list[str]) -> list[Row]:
    """A street, town or township and its communities; every second one of the new towns is no 街道."""
    kind = ((0, 0), (0, 0), (0, 1), (1, 2))[zone][position % 2]
    word, first, office = TOWNS[kind]
    stem, town = stems.pop(), f"{district[:6]}{first + position:03d}"
    rows = [_area(town + "000", "street", district, stem + word, stem + word + office, ZONES[zone])]
    for number, site in enumerate(members.tolist()):
        village = kind > 0 and number >= 2
        code = f"{town}{(201 if village else 1) + number:03d}"
        if village:
            own = stems.pop()
            name, aliases = f"{own}村", f"{own}村委会|{own}行政村"
        elif number < 3:
            name = f"{stem}{NUMBERS[number]}社区"
            aliases = f"{stem}第{NUMBERS[number]}社区|{stem}{number + 1}社区|{name}居委会"
        else:
            own = stems.pop()
            name, aliases = f"{own}社区", f"{own}居委会|{own}社区居委会"
        rows.append(_area(code, "community", town + "000", name, aliases, ZONES[zone], site))
    return rows


def _split(rows: list[Row], stem: str, split_on: pd.Timestamp) -> list[Row]:
    """The last two communities of the first large street outside the core were one until `split_on`."""
    sizes = Counter(row["parent"] for row in rows if row["level"] == "community" and row["zone"] != ZONES[0])
    largest = max(sizes.values())
    if largest < 2:
        return rows
    street = next(street for street, size in sizes.items() if size >= min(4, largest))
    old, other = [row for row in rows if row["parent"] == street][-2:]
    former = old | {"name": f"{stem}社区", "aliases": f"{stem}居委会|{stem}社区居委会", "site": -1,
                    "valid_to": split_on - pd.Timedelta(days=1)}  # fmt: skip
    old["before"] = other["before"] = former["area"]
    old["area"] = f"{str(other['area'])[:9]}{int(str(other['area'])[9:]) + 1:03d}"
    for row, side in ((old, "东"), (other, "西")):
        aliases = f"{stem}{side}居委会|{stem}{side}区社区"
        row |= {"name": f"{stem}{side}社区", "aliases": aliases, "valid_from": split_on}
    rows.insert(rows.index(old), former)
    return rows


def _apportion(total: int, shares: Array) -> Array:
    """Whole numbers that add up to `total`, in proportion to `shares`, each at least 1."""
    counts = np.maximum(1, np.floor(shares * total)).astype(int)
    while counts.sum() != total:
        gap = shares * total - counts
        if counts.sum() < total:
            counts[np.argmax(gap)] += 1
        else:
            counts[np.argmin(np.where(counts > 1, gap, np.inf))] -= 1
    return counts


def _grid(rng: np.random.Generator, zone: Array) -> tuple[Array, Array]:
    """Cell (column, row) of each site on a jittered grid, zones as rings, streets as sectors; and its corners."""
    side = int(np.ceil(np.sqrt(len(zone)))) + 2
    column, row = (axis.ravel() - (side - 1) / 2 for axis in np.meshgrid(np.arange(side), np.arange(side)))
    nearest = np.argsort(np.hypot(column, row), kind="stable")[: len(zone)]
    angle = np.arctan2(row[nearest], column[nearest])
    order = nearest[np.lexsort((angle, zone))]
    cell = np.column_stack([order % side, order // side])
    x, y = np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0), indexing="ij")
    spot = np.stack([x, y], axis=-1) - side / 2 + rng.uniform(-0.2, 0.2, (side + 1, side + 1, 2))
    spot *= 1 + 0.6 * np.hypot(spot[..., 0], spot[..., 1])[..., None] / side
    return cell, np.array(CENTRE) + spot * np.array(CELL)


def rings(sites: Sites, corners: Array) -> Array:
    """Corners of each site's cell, (sites, 4, 2), counter-clockwise."""
    steps = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    at = sites.cell[:, None] + steps
    return corners[at[..., 0], at[..., 1]].round(6)


def polygons(sites: Sites, corners: Array) -> pd.DataFrame:
    """DataFrame[area, point, lon, lat]: the closed ring of each community of today."""
    closed = rings(sites, corners)[:, [0, 1, 2, 3, 0]]
    n = len(closed)
    return pd.DataFrame(
        {"area": np.repeat(sites.code, 5), "point": np.tile(np.arange(5), n)}
        | {"lon": closed[..., 0].ravel(), "lat": closed[..., 1].ravel()}
    )
