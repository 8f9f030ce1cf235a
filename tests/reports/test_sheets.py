import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from reports import sheets

TEXTS = st.text(st.one_of(st.sampled_from("a1 \n\t楼，。 Ａ\u3000\u2028\u0301"), st.characters()), max_size=60)
WIDTHS = st.one_of(st.sampled_from([1.9, 3.8, 5.0, 7.5, 9.5, 19.0, 26.0]), st.floats(0.5, 70))


def slow_plain(text: str) -> str:
    clean = text.encode("utf-8", errors="replace").decode()
    return "".join(sign for sign in clean if sign == "\n" or (sign >= " " and sign not in "\ufffe\uffff"))


def slow_units(sign: str) -> float:
    return 1.9 if unicodedata.east_asian_width(sign) in "WF" else 1.05


def slow_wrapped(text: str, width: float) -> list[str]:
    lines, line, used, spot = [], "", 0.0, 0
    for sign in text:
        while used + slow_units(sign) > width and line:
            cut = spot or len(line)
            lines.append(line[:cut].rstrip())
            line = line[cut:].lstrip()
            used, spot = sum(map(slow_units, line)), 0
        line, used = line + sign, used + slow_units(sign)
        if sign == " " or slow_units(sign) > 1.5:
            spot = len(line)
    return [*lines, line]


@given(TEXTS, WIDTHS)
@example("楼楼楼", 5.7)
@example("a  b", 2.1)
@example("", 5.0)
def test_lines_are_cut_as_sign_by_sign(text: str, width: float) -> None:
    assert sheets.wrapped(text, width) == slow_wrapped(text, width)
    parts = text[: int(sheets.MOST_LINES * width)].split("\n")
    assert sheets._lines(text, width) == min(26, sum(len(slow_wrapped(part, width)) for part in parts))


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_a_cell_holds_what_sign_by_sign_is_left(text: str) -> None:
    assert sheets.plain(text) == slow_plain(text)
