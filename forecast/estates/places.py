"""Areas -> names of places that people write before or behind an estate's; a name -> the same without them."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from forecast.estates.spelling import even

OFFICIAL = re.compile(
    r"(?<=..)(?:特别行政区|自治区|自治州|自治县|省|市|新区|区|县|旗|街道办事处|街道|地区|镇|乡|居委会|村委会|社区|村)$"
)
"""How the full name of a place ends; without it the name may be another's too."""
COMMON = re.compile(
    r"\d+|小区|花园|家园|嘉园|佳园|公寓|宿舍|新村|住宅|大厦|广场|[a-z东南西北中甲乙丙丁前后新老里区期院号村园楼座栋苑街路]"
)
"""What many estates have in their names: a rest of nothing else does not tell one from another."""
BRACKETS = re.compile(r"[(\[【〔]([^()\[\]【】〔〕]*)[)\]】〕]")


class Place(NamedTuple):
    """An area, its full names (劲松街道) and its short ones (劲松), evened out."""

    area: str
    full: tuple[str, ...]
    short: tuple[str, ...]


class Bare(NamedTuple):
    """A name without places. sure: full names alone went, or what is left says enough. places: codes that went."""

    name: str
    sure: bool
    places: frozenset[str]


def chains(areas: pd.DataFrame) -> dict[str, tuple[Place, ...]]:
    """Area -> the places it lies in and itself, from the widest. areas: Areas."""
    parent = dict(zip(areas["area"], areas["parent"], strict=True))
    columns = zip(areas["area"], areas["name"], areas["aliases"].fillna(""), areas["level"], strict=True)
    places = {area: _place(area, [name, *aliases.split("|")], level) for area, name, aliases, level in columns}
    found = {}
    for area in places:
        line: list[Place] = []
        here = area
        while here in places and len(line) <= len(places):
            line.append(places[here])
            here = parent[here]
        found[area] = tuple(reversed(line))
    return found


def anywhere(areas: pd.DataFrame) -> tuple[Place, ...]:
    """Every place above communities, from the widest, by full names alone: for names whose community is not known."""
    lines = chains(areas)
    above = areas.loc[areas["level"] != "community", "area"]
    return tuple(lines[area][-1]._replace(short=()) for area in sorted(above, key=lambda area: len(lines[area])))


def bare(name: str, chain: Sequence[Place]) -> list[Bare]:
    """`name` without places of `chain` before it, in brackets, or, in Latin letters, behind it; each way to read it.

    A full name may also give way to its short one: 劲松街道一区 is 劲松一区. The name as it is, is not among them.
    """
    text = unicodedata.normalize("NFKC", name)
    said = {code for inside in BRACKETS.findall(text) for code in _named(even(inside), chain)}
    lean = BRACKETS.sub(lambda found: "" if _named(even(found[1]), chain) else found[0], text)
    ways = [Bare(even(lean), True, frozenset(said))]
    shortened = []
    for place in chain:
        for way in list(ways):
            for rest in _rests(way.name, place.full):
                ways.append(Bare(rest, way.sure, way.places | {place.area}))
                shortened += [Bare(short + rest, way.sure, way.places) for short in place.short[:1]]
            rests = _rests(way.name, place.short)
            ways += [Bare(rest, way.sure and _telling(rest), way.places | {place.area}) for rest in rests]
    own = even(name)
    return list({way.name: way for way in reversed([*ways, *shortened]) if way.name not in ("", own)}.values())


def _place(area: str, names: Sequence[str], level: str) -> Place:
    """Of a community only what stands there counts as its name: 劲松一 of 劲松一社区 would be cut from 劲松一区."""
    written = [even(name) for name in names if name.strip()]
    full = [name for name in written if OFFICIAL.search(name)]
    short = [name for name in written if name not in full and len(name) > 1]
    if level != "community":
        short += [OFFICIAL.sub("", name) for name in full]
    return Place(area, tuple(dict.fromkeys(full)), tuple(dict.fromkeys(short)))


def _named(text: str, chain: Sequence[Place]) -> set[str]:
    """Codes of the places that `text` names one after the other, and nothing else; empty if it says more."""
    found: set[str] = set()
    for place in chain:
        for key in (*place.full, *place.short):
            if text.startswith(key):
                text, found = text[len(key) :].strip(), found | {place.area}
                break
    return set() if text else found


def _rests(text: str, keys: Sequence[str]) -> Iterator[str]:
    """What is left of `text` without one of `keys`; of Latin letters whole words alone, also at its end."""
    for key in keys:
        if key.isascii():
            if text.startswith(key + " "):
                yield text[len(key) + 1 :]
            if text.endswith(" " + key):
                yield text[: -len(key) - 1]
        elif text.startswith(key) and len(text) > len(key):
            yield text[len(key) :]


def _telling(rest: str) -> bool:
    """Whether a rest has two letters or more that not every other estate has."""
    return len(COMMON.sub("", rest)) > 1 if not rest.isascii() else len(rest.split()) > 1
