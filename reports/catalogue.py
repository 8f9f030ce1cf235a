"""Every report format: its files and the function that makes them. A new format is a module and a line in FORMATS."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from reports.material import Material

Files = Iterator[tuple[str, bytes]]

Share = Callable[[Callable[[Any, Any], bytes], Any, Iterable[Any], int], Iterator[bytes]]
"""`function(shared, task)` of so many tasks, in their order: begun at once, anywhere. All can be pickled."""

LONGEST = 100
"""Bytes a file name has at most."""

RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    "conin$",
    "conout$",
    *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"),
}
"""Names Windows keeps for devices, with any extension."""

FORBIDDEN = set("/\\:*?\"<>|~$%'`")


@dataclass(frozen=True)
class Format:
    """`pattern`: relative names of the files; a * stands for the name of a street."""

    name: str
    pattern: str
    render: Callable[[Material, Share], Files]


def in_turn(function: Callable[[Any, Any], bytes], shared: Any, tasks: Iterable[Any], _: int) -> Iterator[bytes]:
    """The `Share` that stays in this process."""
    return (function(shared, task) for task in tasks)


def render_all(material: Material, share: Share = in_turn) -> Files:
    """Every file of every format: name relative to the folder of reports, and its bytes.

    share: where files that are strangers to each other are drawn; changes no byte.
    """
    for files in [form.render(material, share) for form in FORMATS]:
        yield from files


def safe_name(name: str, taken: set[str], extension: str = "") -> str:
    """A file name any system takes, not yet in `taken` (lower case); it is added there.

    No separators, control, format or private signs, no reserved names, no dot or space at the ends, at most
    LONGEST bytes in UTF-8.
    """
    clean = unicodedata.normalize("NFC", name)
    clean = "".join("_" if c in FORBIDDEN else c for c in clean if unicodedata.category(c)[0] != "C")
    clean = " ".join(clean.split()).strip(". -")
    if not clean or clean.split(".")[0].strip().casefold() in RESERVED:
        clean = f"_{clean}"
    number = 1
    while True:
        tail = f"{'' if number == 1 else f'-{number}'}{extension}"
        cut = clean.encode()[: LONGEST - len(tail.encode())].decode(errors="ignore").rstrip(". ")
        if (cut + tail).casefold() not in taken:
            taken.add((cut + tail).casefold())
            return cut + tail
        number += 1


def _plan(material: Material, _: Share) -> Files:
    from reports import plan_csv

    yield "workplan.csv", plan_csv.render(material)


def _page(material: Material, _: Share) -> Files:
    from reports import page

    yield "report.html", page.render(material)


def _city(material: Material, _: Share) -> Files:
    from reports import workbook

    yield "city.xlsx", workbook.city(material)


def _streets(material: Material, share: Share) -> Files:
    from reports import workbook
    from reports.leaf import by_street, leaf

    taken: set[str] = set()
    streets = sorted(material.streets.items())
    names = [f"streets/{safe_name(name, taken, '.xlsx')}" for _, name in streets]
    city = by_street(material)
    leaves = (leaf(city, code) for code, _ in streets)
    return zip(names, share(workbook.draw, workbook.about(material), leaves, len(streets)), strict=True)


def _digests(material: Material, _: Share) -> Files:
    from reports import digest

    yield "digest.md", digest.city(material, "report.html")
    books: set[str] = set()
    taken: set[str] = set()
    for code, name in sorted(material.streets.items()):
        book = safe_name(name, books, ".xlsx")
        yield f"digests/{safe_name(name, taken, '.md')}", digest.street(material, code, book)


def _areas(material: Material, _: Share) -> Files:
    from reports import layers

    yield "areas.geojson", layers.render(material)


def _brief(material: Material, _: Share) -> Files:
    from reports import brief

    yield "brief.docx", brief.render(material)


FORMATS = (
    Format("plan", "workplan.csv", _plan),
    Format("page", "report.html", _page),
    Format("brief", "brief.docx", _brief),
    Format("city", "city.xlsx", _city),
    Format("streets", "streets/*.xlsx", _streets),
    Format("digests", "digest*.md", _digests),
    Format("areas", "areas.geojson", _areas),
)
