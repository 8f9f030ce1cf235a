"""Cells of text become values, or null."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import parse

READERS: list[Callable[[pd.Series], pd.Series]] = [
    parse.tidy, parse.code, parse.squeezed, parse.times, parse.months, parse.numbers, parse.yes_no,
    parse.satisfaction,
]  # fmt: skip
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2150, 12, 31)).map(lambda moment: moment.replace(microsecond=0))


def cells(*values: str | None) -> pd.Series:
    return pd.Series(list(values), dtype="str")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-01-05", "2023-01-05"),
        ("2023-01-05 08:03", "2023-01-05 08:03"),
        ("2023-01-05T08:03:09.123+08:00", "2023-01-05 08:03:09"),
        ("2023-01-05 08:03:09+08", "2023-01-05 08:03:09"),
        ("2023-01-05T08:03Z", "2023-01-05 08:03"),
        ("2023/1/5 8:03", "2023-01-05 08:03"),
        ("2023.1.5", "2023-01-05"),
        ("2023年1月5日", "2023-01-05"),
        ("2023年1月5日8时3分", "2023-01-05 08:03"),
        ("2023年01月05日 08:03:09", "2023-01-05 08:03:09"),
        ("２０２３－０１－０５", "2023-01-05"),
        ("20230105", "2023-01-05"),
        ("20230105.0", "2023-01-05"),
        ("20230105080309", "2023-01-05 08:03:09"),
        ("44931", "2023-01-05"),
        ("44931.33542", "2023-01-05 08:03:00"),
        ("01/05/2023", "2023-01-05"),
        ("01/05/2023 08:03:09 PM", "2023-01-05 20:03:09"),
        ("1/5/2023 12:03 AM", "2023-01-05 00:03"),
        ("2023/1/5 下午 8:03:09", "2023-01-05 20:03:09"),
        ("2024-02-29", "2024-02-29"),
    ],
)
def test_times_in_the_forms_people_write(text: str, moment: str) -> None:
    assert parse.times(cells(text))[0] == pd.Timestamp(moment)


@pytest.mark.parametrize(
    "text",
    [
        "昨天",
        "",
        "2023",
        "202301",
        "2023-02-29",
        "2023-13-01",
        "31/12/2023",
        "2023-01-05 25:00",
        "now",
        "1/5/23",
        "-1",
    ],
)
def test_nonsense_is_no_time(text: str) -> None:
    assert parse.times(cells(text, None)).isna().all()


def test_one_impossible_day_does_not_harm_the_others() -> None:
    assert parse.times(cells("2023-02-30", "2023-02-28", None)).isna().tolist() == [True, False, True]


def test_day_first_and_own_formats() -> None:
    assert parse.times(cells("01/05/2023"), day_first=True)[0] == pd.Timestamp("2023-05-01")
    assert parse.times(cells("05Jan23", "2023-01-06"), ["%d%b%y"])[0] == pd.Timestamp("2023-01-05")
    assert parse.times(cells("05Jan23", "2023-01-06"), ["%d%b%y"])[1] == pd.Timestamp("2023-01-06")


@given(MOMENTS)
def test_every_form_gives_the_same_moment(moment: datetime) -> None:
    """One column holds all of them."""
    forms = [
        "%Y-%m-%d %H:%M:%S",
        "%Y/%m/%dT%H:%M:%S",
        "%Y年%m月%d日 %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%Y%m%d%H%M%S",
    ]
    written = cells(*(moment.strftime(form) for form in forms), f"{moment:%d/%m/%Y}")
    assert set(parse.times(written[:5])) == {pd.Timestamp(moment)}
    assert parse.times(written, day_first=True)[5] == pd.Timestamp(moment).normalize()


@given(MOMENTS.filter(lambda moment: moment.year >= 1928))
def test_spreadsheet_days_are_exact_to_the_second(moment: datetime) -> None:
    days = (pd.Timestamp(moment) - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
    assert parse.times(cells(f"{days:.6f}"))[0] == pd.Timestamp(moment)


@pytest.mark.parametrize(
    "text", ["2023-01", "2023/1", "202301", "202301.0", "2023.01", "2023年1月", "2023年01月份", "2023-01-31", "44957"]
)
def test_months_in_the_forms_people_write(text: str) -> None:
    assert parse.months(cells(text))[0] == pd.Timestamp("2023-01-01")


@pytest.mark.parametrize("text", ["2023-13", "202313", "2023.1", "一月", "2023"])
def test_nonsense_is_no_month(text: str) -> None:
    assert parse.months(cells(text)).isna().all()


def test_tidy_and_code() -> None:
    assert parse.tidy(cells(" a\t", "\u3000不详\u3000", "a\0b")).tolist() == ["a", "不详", "ab"]
    assert parse.tidy(cells("", "  ", "NULL", "nan", "N/A", "\\N", "\0", None)).isna().all()
    assert parse.code(cells("21.0", "21.50", "'007", '="00123"', "x.0")).tolist() == [
        "21", "21.50", "007", "00123", "x.0",
    ]  # fmt: skip


odd = st.text("0123.='\"aAnN/ul\\ \t\n\0\x1f\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000\u200b、囍Ａé😀", max_size=9)


@given(st.lists(odd | st.none(), max_size=30), st.integers(0, 5))
def test_sound_cells_are_left_alone_as_if_all_were_read(written: list[str | None], cut: int) -> None:
    whole = cells(*written)
    for some in (whole, whole.iloc[cut:]):
        pd.testing.assert_series_equal(parse.code(some), parse._code(some), check_dtype=False)
        pd.testing.assert_series_equal(parse.squeezed(some), parse._squeezed(some), check_dtype=False)


@given(st.lists(st.tuples(st.integers(0, 9999), st.integers(1, 12), st.integers(1, 31), st.integers(0, 23))))
def test_days_that_are_not_there_take_no_other_with_them(days: list[tuple[int, int, int, int]]) -> None:
    def real(year: int, month: int, day: int, hour: int) -> datetime | None:
        try:
            return datetime(year, month, day, hour, 7)
        except ValueError:
            return None

    days = [one for one in days if one[0]]
    found = parse.times(cells(*(f"{year:04}-{month:02}-{day:02} {hour:02}:07" for year, month, day, hour in days)))
    assert [None if pd.isna(one) else one.to_pydatetime() for one in found] == [real(*one) for one in days]


def test_a_mark_around_nothing_is_nothing() -> None:
    assert parse.code(cells('=""', "'", "' ", '="NULL"')).isna().all()


def test_numbers() -> None:
    assert parse.numbers(cells("1", "-1.5", "1,234", "1e3", "１２")).tolist() == [1, -1.5, 1234, 1000, 12]
    assert parse.numbers(cells("inf", "nan", "0x10", "1_000", "1,23", "五", "", "--1", None)).isna().all()


def test_yes_and_no_and_satisfaction() -> None:
    assert parse.yes_no(cells("是", "已解决", "Y", "TRUE", "1", "t")).all()
    assert not parse.yes_no(cells("否", "未解决", "n", "False", "0", "f")).any()
    assert parse.yes_no(cells("也许", "", None)).isna().all()
    said = cells("满意", "基本满意", "不满意", "是", "否", "0.75")
    assert parse.satisfaction(said).tolist() == [1, 0.9, 0, 1, 0, 0.75]
    assert parse.satisfaction(cells("还行", "5", "-1", None)).isna().all()


def test_matches() -> None:
    statuses = cells("Completed - Dup", "Open", None, "重复件", "a.b", "[x]")
    assert parse.matches(statuses, ["* - dup", "重复*", "[x]"]).tolist() == [True, False, False, True, False, True]
    assert not parse.matches(statuses, ["a?b", "pen"]).any()
    assert not parse.matches(statuses, []).any()


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.none()), st.binary(min_size=1, max_size=150))
def test_digests_of_any_key_are_those_of_the_library(written: list[str | None], key: bytes) -> None:
    marks = parse.digest(cells(*written), key)
    told = [None if text is None else hmac.new(key, text.encode(), "sha256").hexdigest()[:16] for text in written]
    assert marks.astype(object).where(marks.notna(), None).tolist() == told


def test_digest_is_hmac_sha256() -> None:
    expected = hmac.new(b"key", "农光里".encode(), hashlib.sha256).hexdigest()[:16]
    marks = parse.digest(cells("农光里", None, "农光里", "x"), b"key")
    assert marks[0] == marks[2] == expected
    assert marks[1:2].isna().all()
    assert marks[3] != expected != parse.digest(cells("农光里"), b"other")[0]


@settings(max_examples=12)
@given(st.lists(st.none() | st.text() | st.from_regex(r"[0-9/年月日: .-]{0,20}", fullmatch=True), max_size=8))
def test_no_text_is_too_odd(values: list[str | None]) -> None:
    """Every reader keeps the rows and their order, and what it makes of one does not hang on the others."""
    column = cells(*values)
    column.index = pd.RangeIndex(7, 7 + len(values))
    half = len(values) // 2
    for read in READERS:
        whole = read(column)
        parts = pd.concat([read(column.iloc[:half]), read(column.iloc[half:])])
        pd.testing.assert_series_equal(parts, whole, check_index_type=False)
    assert len(parse.digest(column, b"k")) == len(parse.matches(column, ["*"])) == len(column)
    assert np.array_equal(parse.matches(column, ["*"]), column.notna())
