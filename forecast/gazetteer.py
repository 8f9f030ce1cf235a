"""Areas + area texts, lon/lat and dates -> the community of each row. Also how area texts and codes are read."""

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Gazetteer:
    """Finds communities by text and by point.

    codes: (n,) communities. first, last: (n,) stretch of time [first, last) in which each exists, counted in
    `breaks`, the days on which some community begins or ends. books: for each way of reading a text, in the
    order they are tried, text -> positions in `codes`. shapes: (n,) WKB polygon or None.
    """

    codes: np.ndarray
    first: np.ndarray
    last: np.ndarray
    breaks: pd.DatetimeIndex
    books: tuple[tuple[Callable[[str], str], dict[str, list[int]]], ...]
    shapes: np.ndarray

    def resolve(
        self, texts: Sequence[pd.Series], lon: pd.Series | None, lat: pd.Series | None, on: pd.Series
    ) -> pd.Series:
        """Community of each row, null when none or more than one fits.

        Args:
            texts: area texts, tried in order; each as exact code, exact name, alias, then with width, case,
                spaces and endings such as 社区居委会 evened out, then as a path ("street/community").
            lon, lat: WGS-84 degrees, tried where no text fits. On a border the smallest code wins.
            on: when the request came in; only communities that exist then are found.
        """
        time = self.breaks.searchsorted(pd.DatetimeIndex(on), side="right")
        found = np.full(len(on), -1)
        for text in texts:
            rows = np.flatnonzero(found < 0)
            found[rows] = self._by_text(text.iloc[rows], time[rows])
        if lon is not None and lat is not None:
            rows = np.flatnonzero(found < 0)
            x = lon.iloc[rows].to_numpy(dtype=float, na_value=np.nan)
            y = lat.iloc[rows].to_numpy(dtype=float, na_value=np.nan)
            found[rows] = self._by_point(x, y, time[rows])
        return pd.Series(np.array([*self.codes, None], dtype=object)[found], index=on.index, dtype="str")

    def _by_text(self, texts: pd.Series, time: np.ndarray) -> np.ndarray:
        number, values = pd.factorize(texts)
        times = len(self.breaks) + 1
        pair, pairs = pd.factorize(np.where(number >= 0, number * times + time, -1))
        fits = [self._find(str(values[p // times]), p % times) if p >= 0 else -1 for p in pairs.tolist()]
        return np.array([*fits, -1], dtype=int)[pair]

    def _find(self, text: str, time: int) -> int:
        for read, book in self.books:
            fits = [n for n in book.get(read(text), ()) if self.first[n] <= time < self.last[n]]
            if len(fits) == 1:
                return fits[0]
        return -1

    def _by_point(self, x: np.ndarray, y: np.ndarray, time: np.ndarray) -> np.ndarray:
        found = np.full(len(x), -1)
        polygons = np.flatnonzero([shape is not None for shape in self.shapes])
        inside = np.flatnonzero((np.abs(x) <= 180) & (np.abs(y) <= 90))
        if not len(polygons) or not len(inside):
            return found
        import geopandas

        spots, spot = np.unique(np.column_stack([x, y, time])[inside], axis=0, return_inverse=True)
        index = geopandas.GeoSeries.from_wkb(self.shapes[polygons]).sindex
        point, polygon = index.query(geopandas.points_from_xy(spots[:, 0], spots[:, 1]), predicate="intersects")
        hits = pd.DataFrame({"spot": point, "area": polygons[polygon]})
        exists = (self.first[hits["area"]] <= spots[point, 2]) & (spots[point, 2] < self.last[hits["area"]])
        best = hits[exists].groupby("spot")["area"].min()
        found[inside] = best.reindex(spot.ravel(), fill_value=-1).to_numpy()
        return found


def gazetteer(areas: pd.DataFrame) -> Gazetteer:
    """Areas -> Gazetteer of its communities. A code or name shared by two that exist at one time finds neither."""
    own = areas[areas["level"] == "community"].sort_values("area", ignore_index=True)
    after = own["valid_to"].dt.normalize() + pd.Timedelta(days=1)
    breaks = pd.DatetimeIndex(np.unique(pd.concat([own["valid_from"], after]).dropna()), dtype="datetime64[us]")
    first = np.where(own["valid_from"].isna(), 0, breaks.searchsorted(own["valid_from"], side="right"))
    last = np.where(after.isna(), len(breaks) + 1, breaks.searchsorted(after, side="right"))
    forms = [_forms(row) for row in zip(own["area"], own["name"], own["aliases"], strict=True)]
    books = (
        (as_code, _book([area] for area in own["area"])),
        (even, _book([even(name)] for name in own["name"])),
        (even, _book(map(even, aliases.split("|")) for aliases in own["aliases"])),
        (as_code, _book(map(as_code, aliases.split("|")) for aliases in own["aliases"])),
        (plain, _book(map(plain, words) for words in forms)),
        (_path, _book(_paths(areas, own, forms))),
    )
    polygons = [shape if _is_polygon(shape) else None for shape in own["geometry"]]
    shapes = np.array([*polygons, None], dtype=object)[:-1]
    return Gazetteer(own["area"].to_numpy(dtype=object), first, last, breaks, books, shapes)


def _book(words: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    book: dict[str, list[int]] = defaultdict(list)
    for n, forms in enumerate(words):
        for form in set(forms) - {""}:
            book[form].append(n)
    return dict(book)


def _forms(row: tuple[str, str, str]) -> list[str]:
    area, name, aliases = row
    return [area, name, *aliases.split("|")]


def _paths(areas: pd.DataFrame, own: pd.DataFrame, forms: list[list[str]]) -> list[list[str]]:
    """Every way to write a community behind one or more of the areas above it."""
    known = {
        area: _forms((area, name, aliases))[1:]
        for area, name, aliases in zip(areas["area"], areas["name"], areas["aliases"], strict=True)
    }
    parent = dict(areas[["area", "parent"]].dropna().itertuples(index=False, name=None))

    def above(area: str) -> list[list[str]]:
        return [*above(parent[area]), ["", *known[parent[area]]]] if area in parent else []

    heads: dict[str, list[str]] = {}
    for street in own["parent"].unique():
        lines = itertools.product(*above(street), ["", *known[street]])
        heads[street] = sorted({"".join(map(_path, line)) for line in lines} - {""})
    tails = [sorted({_path(word) for word in words} - {""}) for words in forms]
    return [
        [head + tail for head in heads[street] for tail in own_tails]
        for street, own_tails in zip(own["parent"], tails, strict=True)
    ]


def _is_polygon(shape: Any) -> bool:
    if not isinstance(shape, bytes):
        return False
    kind = int.from_bytes(shape[1:5], "little" if shape[0] else "big") % 1000
    return kind in (3, 6)


def even(text: str) -> str:
    """Width and spaces evened out."""
    return re.sub(r"\s*->\s*", "->", " ".join(unicodedata.normalize("NFKC", text).split()))


def as_code(text: str) -> str:
    """A code as text, with the damage mended that a spreadsheet does to it: 12.0, 1.10105001001E+11."""
    text = text.strip()
    if re.fullmatch(r"\d+\.0*", text):
        return text.split(".")[0]
    whole = re.fullmatch(r"\d\.\d+[eE]\+?1\d", text) and float(text).is_integer()
    return str(int(float(text))) if whole else text


def plain(text: str) -> str:
    """Case, width, spaces and the words for a residents' committee evened out."""
    text = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    text = re.sub(r"村?(村民委员会|村委会)$", "村", text)
    return re.sub(r"(?<=.)(社区)?(居民委员会|居委会)$|(?<=.)社区$", "", text)


def _path(text: str) -> str:
    return re.sub(r"->|[/>→\\|,，、·-]", "", plain(text))
