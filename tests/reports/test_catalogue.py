import subprocess
import sys
import unicodedata
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import catalogue
from tests.reports.sample import make, renamed


def test_every_file_of_every_format_once_and_always_the_same() -> None:
    first = list(catalogue.render_all(make()))
    names = [name for name, _ in first]
    assert names == [
        "workplan.csv", "report.html", "brief.docx", "city.xlsx",
        "streets/松园街道.xlsx", "streets/河沿街道.xlsx", "streets/新苑街道.xlsx",
        "digest.md", "digests/松园街道.md", "digests/河沿街道.md", "digests/新苑街道.md", "areas.geojson",
    ]  # fmt: skip
    assert all(any(fnmatch(name, form.pattern) for form in catalogue.FORMATS) for name in names)
    assert first == list(catalogue.render_all(make()))


@pytest.mark.parametrize(
    "without",
    [
        {"tasks": False},
        {"tasks": False, "history": False},
        {"estates": False},
        {"polygons": False},
        {"scores": False},
        {"communities": 1},
        {"communities": 1, "tasks": False, "estates": False, "polygons": False, "scores": False, "history": False},
        {"language": "en", "tasks": False, "estates": False, "polygons": False, "scores": False, "history": False},
    ],
    ids=lambda parts: "+".join(parts),
)
def test_what_is_missing_never_stops_a_report(without: dict[str, Any]) -> None:
    for name, data in catalogue.render_all(make(**without)):
        assert len(data) > 0, name


def test_nothing_but_areas_is_still_a_report() -> None:
    full = make(tasks=False, estates=False, scores=False, history=False)
    material = replace(
        full,
        forecasts=full.forecasts.head(0),
        categories=full.categories.head(0),
        sources=full.sources.head(0),
        unresolved=full.unresolved.head(0),
        driver_names=full.driver_names.head(0),
        warnings=(),
    )
    pages = dict(catalogue.render_all(material))
    assert "没有可用的预测" in pages["report.html"].decode()


def test_streets_of_one_name_get_a_file_each() -> None:
    names = [name for name, _ in catalogue.render_all(renamed(make(), "a/../b")) if name.startswith("streets/")]
    assert names == ["streets/a_.._b.xlsx", "streets/a_.._b-2.xlsx", "streets/a_.._b-3.xlsx"]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("劲松街道", "劲松街道.xlsx"),
        ("../../etc/passwd", "_.._etc_passwd.xlsx"),
        ("CON", "_CON.xlsx"),
        ("com1.backup", "_com1.backup.xlsx"),
        ("\u202egnp\u200b\x00.", "gnp.xlsx"),
        ("", "_.xlsx"),
        ("...", "_.xlsx"),
        ("~$lock", "__lock.xlsx"),
        ("街" * 80, "街" * 31 + ".xlsx"),
    ],
)
def test_names_become_file_names(name: str, file: str) -> None:
    assert catalogue.safe_name(name, set(), ".xlsx") == file


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_names_become_safe_unique_file_names(names: list[str]) -> None:
    taken: set[str] = set()
    files = [catalogue.safe_name(name, taken, ".xlsx") for name in names]
    assert len({file.casefold() for file in files}) == len(names)
    for file in files:
        assert file.endswith(".xlsx")
        assert len(file.encode()) <= catalogue.LONGEST
        assert not set(file) & set('/\\:*?"<>|')
        assert all(unicodedata.category(sign)[0] != "C" for sign in file)
        assert file[0] not in ". "
        assert file.split(".")[0].casefold() not in catalogue.RESERVED


def test_the_list_of_formats_loads_no_heavy_library() -> None:
    heavy = ("altair", "docx", "vl_convert", "xlsxwriter", "jinja2", "shapely")
    code = f"import sys, reports.catalogue; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
