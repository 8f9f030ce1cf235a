"""Source texts + time received (+ free text) -> category codes. Holds the category tree and its dated crosswalk."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from forecast import changes, personal
from forecast.changes import Succession
from forecast.errors import ConfigError, Fault
from forecast.spec import Names, Spec
from forecast.tables import ALL, UNCLASSIFIED

Text = Annotated[str, Field(min_length=1)]


class ValueMap(Spec):
    """A value of the source that means a category, from `valid_from` to `valid_to`, both days included.

    `value` is exact or holds `*` for any text; case, width and extra spaces do not matter; levels are joined by
    `->`, and `A->*` also holds for `A` alone. In YAML a plain text is a value that holds at all times.
    """

    value: Text
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"value": value} if isinstance(value, str) else value


class Category(Spec):
    """One kind of request. `consultation`: questions and opinions, which no work can prevent.

    `values` are source values; the code and the name of the category are always among them.
    `keywords` find it in free text when the source gave no usable value.
    """

    code: Text
    name: Text
    name_en: str = ""
    parent: str | None = None
    values: tuple[ValueMap, ...] = ()
    keywords: Names = ()
    season: Literal["heating", "flood", "fee"] | None = None
    consultation: bool = False


class Taxonomy(Spec):
    """All categories of a city. Without any, the texts of the source are the categories.

    `changes`: codes that became other codes on a day; their history is carried over. A value that only got a new
    text needs none: both texts are `values` of its category.
    """

    categories: tuple[Category, ...] = ()
    changes: tuple[Succession, ...] = ()


def faults(taxonomy: Taxonomy) -> list[Fault]:
    """Everything wrong with a taxonomy: codes, parents, dates, values that mean two categories at one time."""
    return [
        *_code_faults(taxonomy),
        *_parent_faults(taxonomy),
        *_value_faults(taxonomy),
        *changes.faults(taxonomy.changes, [category.code for category in taxonomy.categories]),
    ]


def validate(taxonomy: Taxonomy) -> None:
    """Raises ConfigError with every fault of the taxonomy."""
    if found := faults(taxonomy):
        raise ConfigError(found)


def names(taxonomy: Taxonomy, seen: Iterable[str] = ()) -> pd.DataFrame:
    """Names of the categories, of `UNCLASSIFIED`, and of codes in `seen` that the taxonomy does not list.

    Returns:
        DataFrame[category, name, name_en]: one row a category; a missing English name is the name.
    """
    rows = [(c.code, c.name, c.name_en or c.name) for c in taxonomy.categories]
    rows.append((UNCLASSIFIED, "未分类", "Unclassified"))
    listed = {code for code, _, _ in rows}
    rows += [(code, code, code) for code in sorted(set(seen) - listed)]
    return pd.DataFrame(rows, columns=pd.Index(["category", "name", "name_en"]), dtype="str")


def classify(
    texts: pd.Series, free_text: pd.Series | None, received_at: pd.Series, taxonomy: Taxonomy
) -> pd.DataFrame:
    """Category of each row: by its value, else by a keyword in its free text, else UNCLASSIFIED.

    Args:
        texts: value of the source, levels joined by `->`; null when there is none.
        free_text: title or content; read for keywords only.
        received_at: when the request came in; decides which entry of the crosswalk holds.
        taxonomy: without faults (see `validate`).

    Returns:
        DataFrame[code, by] on the index of `texts`; `by` is value, keyword or none. An exact value goes before
        one with `*`, and of several with `*` the one with most fixed letters wins. The longest keyword wins, of
        equally long ones the first listed.
    """
    by_value = _by_value(texts, received_at, _crosswalk(taxonomy)) if taxonomy.categories else _as_they_are(texts)
    code, by = by_value, np.where(pd.isna(by_value), "none", "value").astype(object)
    if free_text is not None:
        rows = np.flatnonzero(pd.isna(by_value))
        by_keyword = _by_keyword(free_text.iloc[rows], taxonomy)
        code[rows] = by_keyword
        by[rows[pd.notna(by_keyword)]] = "keyword"
    code = np.where(pd.isna(code), UNCLASSIFIED, code)
    return pd.DataFrame({"code": code, "by": by}, index=texts.index, dtype="str")


@dataclass(frozen=True)
class _Entry:
    """A category and the stretch of time [first, last) in which a value means it, counted in `breaks`."""

    code: str
    first: int
    last: int


@dataclass(frozen=True)
class _Crosswalk:
    """breaks: days on which some entry begins or ends. globs: most specific first."""

    breaks: pd.DatetimeIndex
    exact: dict[str, list[_Entry]]
    globs: list[tuple[re.Pattern[str], _Entry]]

    def find(self, key: str, time: int) -> str | None:
        if not key:
            return None
        for entry in self.exact.get(key, ()):
            if entry.first <= time < entry.last:
                return entry.code
        for pattern, entry in self.globs:
            if entry.first <= time < entry.last and pattern.fullmatch(key):
                return entry.code
        return None


def _crosswalk(taxonomy: Taxonomy) -> _Crosswalk:
    maps = [(category.code, value) for category in taxonomy.categories for value in category.values]
    days = {value.valid_from for _, value in maps if value.valid_from}
    days |= {_after(value.valid_to) for _, value in maps if value.valid_to}
    breaks = pd.DatetimeIndex(sorted(days), dtype="datetime64[us]")
    exact: dict[str, list[_Entry]] = defaultdict(list)
    globs = []
    for code, value in maps:
        first = _time(breaks, value.valid_from) if value.valid_from else 0
        last = _time(breaks, _after(value.valid_to)) if value.valid_to else len(breaks) + 1
        key, entry = _plain(value.value), _Entry(code, first, last)
        if "*" in key:
            globs.append((len(key.replace("*", "")), _pattern(key), entry))
        else:
            exact[key].append(entry)
    for key, code in _own_words(taxonomy):
        exact[key].append(_Entry(code, 0, len(breaks) + 1))
    globs.sort(key=lambda glob: -glob[0])
    return _Crosswalk(breaks, dict(exact), [(pattern, entry) for _, pattern, entry in globs])


def _own_words(taxonomy: Taxonomy) -> list[tuple[str, str]]:
    """Codes, then the names only one category bears."""
    bearers = defaultdict(list)
    for category in taxonomy.categories:
        for word in {_plain(category.name), _plain(category.name_en)} - {""}:
            bearers[word].append(category.code)
    own = [(_plain(category.code), category.code) for category in taxonomy.categories]
    return own + [(word, codes[0]) for word, codes in bearers.items() if len(codes) == 1]


def _by_value(texts: pd.Series, received_at: pd.Series, crosswalk: _Crosswalk) -> np.ndarray:
    number, values = pd.factorize(texts)
    times = len(crosswalk.breaks) + 1
    time = crosswalk.breaks.searchsorted(pd.DatetimeIndex(received_at), side="right")
    pair, pairs = pd.factorize(np.where(number >= 0, number * times + time, -1))
    keys = [_plain(str(value)) for value in values]
    codes = [crosswalk.find(keys[p // times], p % times) if p >= 0 else None for p in pairs.tolist()]
    return np.array([*codes, None], dtype=object)[pair]


def _by_keyword(free_text: pd.Series, taxonomy: Taxonomy) -> np.ndarray:
    words = [(_plain(word), category.code) for category in taxonomy.categories for word in category.keywords]
    by_letter: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for rank, (word, code) in enumerate(sorted(words, key=lambda pair: -len(pair[0]))):
        by_letter[word[0]].append((rank, word, code))

    def find(raw: str) -> str | None:
        text = _plain(raw)
        found = [
            (rank, code)
            for at, letter in enumerate(text)
            for rank, word, code in by_letter.get(letter, ())
            if text.startswith(word, at)
        ]
        return min(found)[1] if found else None

    number, values = pd.factorize(free_text)
    return np.array([*(find(str(value)) for value in values.tolist()), None], dtype=object)[number]


def _as_they_are(texts: pd.Series) -> np.ndarray:
    number, values = pd.factorize(texts)
    texts = personal.code(pd.Series([" ".join(str(value).split()) for value in values], dtype="str"), names=True)
    plain = texts.fillna("").tolist()
    return np.array([*(None if text in ("", ALL) else text for text in plain), None], dtype=object)[number]


def _plain(text: str) -> str:
    """Case, width and spaces evened out; empty levels at the end dropped."""
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if "->" not in text:
        return text
    return re.sub(r"(->)+$", "", re.sub(r"\s*->\s*", "->", text))


def _pattern(key: str) -> re.Pattern[str]:
    if key.endswith("->*"):
        return re.compile(_regex(key[: -len("->*")]) + "(->.*)?", re.DOTALL)
    return re.compile(_regex(key), re.DOTALL)


def _regex(key: str) -> str:
    return ".*".join(re.escape(part) for part in key.split("*"))


def _time(breaks: pd.DatetimeIndex, day: date) -> int:
    return int(breaks.searchsorted(pd.Timestamp(day), side="right"))


def _after(day: date) -> date:
    return day + timedelta(days=1) if day < date.max else day


def _code_faults(taxonomy: Taxonomy) -> list[Fault]:
    codes = [category.code for category in taxonomy.categories]
    found = [
        Fault(f"code stands {codes.count(code)} times", f"category {code}", "give each category its own code")
        for code in sorted({code for code in codes if codes.count(code) > 1})
    ]
    found += [
        Fault("code is reserved", f"category {code}", "choose another code")
        for code in (ALL, UNCLASSIFIED)
        if code in codes
    ]
    return found


def _parent_faults(taxonomy: Taxonomy) -> list[Fault]:
    parent = {category.code: category.parent for category in taxonomy.categories}
    found = [
        Fault(f"unknown parent {above!r}", f"category {code}", "list the parent as a category too")
        for code, above in parent.items()
        if above is not None and above not in parent
    ]
    for code in parent:
        above, steps = parent[code], 0
        while above is not None and above != code and steps < len(parent):
            above, steps = parent.get(above), steps + 1
        if above == code:
            found.append(Fault("is above itself", f"category {code}", "mend `parent` along its line"))
    return found


def _value_faults(taxonomy: Taxonomy) -> list[Fault]:
    found = []
    bearers: dict[str, list[tuple[str, ValueMap]]] = defaultdict(list)
    for category in taxonomy.categories:
        where = f"category {category.code}"
        if any(not _plain(word) for word in category.keywords):
            found.append(Fault("has an empty keyword", where, "remove it: it would match every text"))
        for value in category.values:
            if value.valid_from and value.valid_to and value.valid_from > value.valid_to:
                what = f"value {value.value!r} ends ({value.valid_to}) before it begins ({value.valid_from})"
                found.append(Fault(what, where, "swap the dates"))
            bearers[_plain(value.value)].append((category.code, value))
    for uses in bearers.values():
        for n, (code, value) in enumerate(uses):
            rivals = sorted({other for other, map_ in uses[:n] if other != code and _overlap(value, map_)})
            if rivals:
                what = f"value {value.value!r} already means {', '.join(rivals)} at the same time"
                found.append(Fault(what, f"category {code}", "keep one, or part them by valid_from and valid_to"))
    return found


def _overlap(one: ValueMap, other: ValueMap) -> bool:
    starts = max(one.valid_from or date.min, other.valid_from or date.min)
    return starts <= min(one.valid_to or date.max, other.valid_to or date.max)
