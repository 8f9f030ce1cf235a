import re
from importlib.resources import files
from string import Formatter

import pandas as pd
import pytest

from forecast.english import counted
from reports.texts import PARTS, TEXTS, Words, whole


def sources() -> str:
    """Code and templates of the room, without the texts themselves."""
    room = files("reports")
    parts = [*room.iterdir(), *(room / "templates").iterdir()]
    return "\n".join(p.read_text("utf-8") for p in parts if p.is_file())


def users() -> str:
    """Everything that may ask for a text, the words of the tables among it."""
    words = files("reports") / "texts" / "__init__.py"
    tables = [part for part in (files("forecast") / "tables").iterdir() if part.name.endswith(".py")]
    return sources() + "".join(part.read_text("utf-8") for part in (words, *tables))


def test_no_two_files_of_texts_share_a_key() -> None:
    assert sum(map(len, PARTS)) == len(TEXTS)


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_stands_in_both_languages_with_the_same_places(key: str) -> None:
    places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in TEXTS[key]]
    assert all(text.strip() for text in TEXTS[key])
    assert places[0] == places[1]


def test_no_text_is_unused() -> None:
    """A key stands in the room as it is, or as a first part ("col." of f"col.{name}") and a rest."""
    quoted = set(re.findall(r"""["']([A-Za-z0-9_.]+)["']""", users()))
    firsts = set(re.findall(r"""["']([a-z0-9_.]+[._])(?:\{|["'] ~)""", users()))
    rests = {key: {key.removeprefix(first) for first in firsts if key.startswith(first)} for key in TEXTS}
    unused = [key for key in TEXTS if key not in quoted and not rests[key] & quoted]
    assert unused == []


def test_no_text_is_missing() -> None:
    called = set(re.findall(r"""\b(?:words|t|self)\(["']([a-z0-9_.]+)["'][,)]""", sources()))
    assert called - set(TEXTS) == set()


@pytest.mark.parametrize(
    ("first", "last", "zh", "en"),
    [
        ("2025-11-01", "2026-01-31", "2025年11月–2026年1月", "Nov 2025–Jan 2026"),
        ("2025-09-01", "2025-11-01", "2025年9月–11月", "Sep–Nov 2025"),
        ("2025-09-01", "2025-09-30", "2025年9月", "Sep 2025"),
    ],
)
def test_months(first: str, last: str, zh: str, en: str) -> None:
    span = pd.Timestamp(first), pd.Timestamp(last)
    assert (Words("zh").months(*span), Words("en").months(*span)) == (zh, en)


@pytest.mark.parametrize(("value", "shown"), [(0.5, 1), (2.5, 3), (-0.5, 0), (-1.6, -2), (1e6 + 0.4, 1_000_000)])
def test_whole_requests_are_rounded_half_up(value: float, shown: int) -> None:
    assert whole(value) == shown


def test_differences_carry_their_sign() -> None:
    words = Words("zh")
    assert [words.signed(n) for n in (9.2, -3.8, 0.2)] == ["+9 件", "−4 件", "0 件"]
    assert [words.change(n) for n in (9, -4, 0)] == ["比去年同期多 9 件", "比去年同期少 4 件", "与去年同期持平"]


@pytest.mark.parametrize(("share", "shown"), [(0.789, "78.9"), (0.8, "80"), (1.0, "100"), (0.0, "0")])
def test_percent_has_at_most_one_decimal(share: float, shown: str) -> None:
    assert Words("zh").percent(share) == shown


def test_a_score_near_the_ends_does_not_read_as_certain() -> None:
    shown = [Words("zh").score(value) for value in (0, 0.1, 0.6, 62.5, 99.4, 99.5, 99.9, 100)]
    assert shown == ["0", "0.1", "1", "63", "99", "99.5", "99.9", "100"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1 tasks are new", "1 task is new"),
        ("11 tasks are new", "11 tasks are new"),
        ("1,001 requests, 21 rows, 0–1 months", "1,001 requests, 21 rows, 0–1 months"),
        ("1 preventive tasks to begin; 1 communities have none", "1 preventive task to begin; 1 community has none"),
    ],
)
def test_one_is_counted_as_one(said: str, meant: str) -> None:
    assert counted(said) == meant
