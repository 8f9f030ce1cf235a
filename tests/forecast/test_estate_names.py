"""Names of estates: the same in other letters meets, what may differ is asked, what differs for sure never meets."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.estates import Matching, history
from forecast.estates.names import ELSEWHERE, LIKE, TWO, link
from forecast.estates.spelling import even, spell
from forecast.tables import Areas, EstateHistory, EstateReview, Estates, check, conform, empty

NONE = empty(EstateReview)
ALONE = pd.DataFrame({"area": [], "earlier": []}, dtype="str")


def book(*rows: tuple[str, str, str | None] | tuple[str, str, str | None, str]) -> pd.DataFrame:
    names = ["estate", "name", "area", "aliases"]
    frame = pd.DataFrame([dict(zip(names, row, strict=False)) for row in rows], columns=names)
    return check(Estates, conform(Estates, frame))


def found(written: str, area: str | None, estates: pd.DataFrame, answers: pd.DataFrame = NONE) -> Any:
    """(estate or None, [(estate, reason)] asked)."""
    names = pd.DataFrame({"written": [written], "area": pd.Series([area], dtype="str"), "rows": [1]})
    links = link(names, estates, ALONE, answers, Matching(), "orders")
    estate = links.found.iloc[0]
    return (
        None if pd.isna(estate) else estate,
        list(links.doubtful[["estate", "reason"]].itertuples(index=False, name=None)),
    )


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("劲松南里", "劲松南里"),
        ("劲松南里小区", "劲松南里"),
        ("劲松南里", "劲松南里社区"),
        ("劲松 南里", "劲松南里"),
        ("劲松·南里(小区)", "劲松南里"),
        ("東華園", "东华园"),
        ("阳光花园", "阳光"),
        ("阳光", "阳光家园"),
        ("阳光花园1期", "阳光花园一期"),
        ("阳光花园（Ⅰ期）", "阳光花园一期"),
        ("阳光花园II期", "阳光花园第二期"),
        ("１２号院", "十二号院"),
        ("21号院", "二十一号院"),
        ("劲松南里小区3号楼2单元501", "劲松南里"),
        ("12-1 号院", "12—1号院"),
        ("5 Main  St.", "5 MAIN ST"),
        ("老名字", "新名字"),
    ],
)
def test_one_estate_in_other_letters(written: str, name: str) -> None:
    estates = book(("a", name, "c", "老名字|又一个"), ("b", "别处", "c"))
    assert found(written, "c", estates) == ("a", [])


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("阳光花园一期", "阳光花园二期"),
        ("12号院", "21号院"),
        ("12号院", "12-1号院"),
        ("121号院", "12-1号院"),
        ("劲松东里", "劲松西里"),
        ("甲12号院", "乙12号院"),
        ("阳光花园A区", "阳光花园B区"),
        ("1 MAIN STREET", "11 MAIN STREET"),
        ("阳光花园三期3号楼", "阳光花园一期"),
    ],
)
def test_other_numbers_and_sides_never_meet_nor_are_asked(written: str, name: str) -> None:
    assert found(written, "c", book(("a", name, "c"))) == (None, [])
    assert found(name, "c", book(("a", written, "c"))) == (None, [])
    assert found(written, None, book(("a", name, "c"))) == (None, [])


@pytest.mark.parametrize(
    ("written", "name"),
    [("阳光花园", "阳光家园"), ("东风花圆", "东风花园"), ("阳光花园", "阳光花园一期"), ("和平里北街", "和平里街")],
)
def test_what_is_only_alike_is_asked(written: str, name: str) -> None:
    assert found(written, "c", book(("a", name, "c"))) == (None, [("a", LIKE)])


def test_more_than_one_or_elsewhere_is_asked() -> None:
    estates = book(
        ("a", "阳光花园", "c"), ("b", "阳光家园", "c"), ("d", "幸福里", "x"), ("e", "团结", "x"), ("f", "团结", "y")
    )
    assert found("阳光", "c", estates) == (None, [("a", TWO), ("b", TWO)])
    assert found("幸福里小区", "c", estates) == (None, [("d", ELSEWHERE)])
    assert found("团结", "c", estates) == (None, [])  # a name of many places says nothing
    assert found("幸福里小区", None, estates) == ("d", [])
    assert found("团结", None, estates) == (None, [("e", TWO), ("f", TWO)])
    assert found("阳光花园", "c", estates) == ("a", [])


def answer(written: str, area: str | None, estate: str, said: str) -> pd.DataFrame:
    row = {
        "where": "orders",
        "written": written,
        "area": area,
        "estate": estate,
        "name": "",
        "reason": "",
        "alike": 1,
    }
    return conform(EstateReview, pd.DataFrame([row | {"rows": 1, "answer": said}]))


def test_an_answer_holds_over_every_rule() -> None:
    estates = book(("a", "阳光花园", "c"), ("b", "阳光家园", "c"))
    assert found("阳光", "c", estates, answer("阳光", "c", "b", "same")) == ("b", [])
    assert found("阳光", "c", estates, answer("阳光", "c", "b", "different")) == ("a", [])
    assert found("阳光", "c", estates, answer("阳光", "x", "b", "same"))[0] is None
    assert found("阳光花园", "c", estates, answer("阳光花园", "c", "a", "different")) == (None, [("b", LIKE)])
    both = pd.concat([answer("阳光", "c", "a", "same"), answer("阳光", "c", "b", "same")], ignore_index=True)
    assert found("阳光", "c", estates, both)[0] is None
    assert found("阳光", "c", estates, answer("阳光", "c", "gone", "same"))[0] is None


def test_incidents_of_the_doubtful_count_for_nobody() -> None:
    estates = book(("a", "东风花园", "c"), ("b", "南里", "c"))
    rows = [("东风花园小区", "c", 2), ("东风花圆", "c", 5), ("南里", None, 1), ("无此地", "c", 9)]
    named = pd.DataFrame(rows, columns=["estate", "area", "incidents"]).assign(
        category="x", month=pd.Timestamp("2024-01-01"), months=1
    )
    counted, asked = history(named, estates, ALONE, NONE, Matching())
    check(EstateHistory, counted)
    assert counted.set_index("estate")["incidents"].to_dict() == {"a": 2, "b": 1}
    assert asked[["written", "estate", "rows"]].values.tolist() == [["东风花圆", "a", 5]]
    answered = answer("东风花圆", "c", "a", "same")
    assert history(named, estates, ALONE, answered, Matching())[0].set_index("estate")["incidents"]["a"] == 7


letters = st.text(st.sampled_from("阳光东西花园里小区一二十12-(号院楼)A期 "), min_size=1, max_size=9)


@settings(max_examples=20)
@given(letters, letters)
def test_names_that_meet_have_the_same_numbers(written: str, name: str) -> None:
    estate, asked = found(written, "c", book(("e0", name, "c")))
    one, other = spell(written), spell(name)
    if estate and even(written) != even(name):
        assert one.base == other.full or {one.full, one.short} & {other.full, other.short}
    if estate or asked:
        assert not (one.numbers and other.numbers and one.numbers != other.numbers) or one.full == other.full


@settings(max_examples=60)
@given(letters)
def test_evening_out_twice_changes_nothing(name: str) -> None:
    assert even(even(name)) == even(name)


TREE = check(
    Areas,
    conform(
        Areas,
        pd.DataFrame(
            [("bj", "city", None, "北京市", ""), ("cy", "district", "bj", "朝阳区", ""),
             ("js", "street", "cy", "劲松街道", ""),
             ("sj", "street", "cy", "双井街道", "双井地区"), ("c", "community", "js", "劲松一社区", ""),
             ("d", "community", "sj", "双井社区", "")],
            columns=pd.Index(["area", "level", "parent", "name", "aliases"]),
        ),
    ),
)  # fmt: skip


def placed(written: str, area: str | None, estates: pd.DataFrame, answers: pd.DataFrame = NONE) -> Any:
    """As `found`, with the names of the places known."""
    names = pd.DataFrame({"written": [written], "area": pd.Series([area], dtype="str"), "rows": [1]})
    links = link(names, estates, ALONE, answers, Matching(), "orders", TREE)
    estate = links.found.iloc[0]
    return (None if pd.isna(estate) else estate, links.doubtful["estate"].tolist())


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("北京市朝阳区劲松一区", "劲松一区"),
        ("劲松一区", "北京市朝阳区劲松一区"),
        ("劲松街道劲松一区", "劲松一区"),
        ("朝阳区劲松街道一区", "劲松一区"),
        ("朝阳区磨房北里小区", "磨房北里"),
        ("朝阳区·劲松街道 磨房北里3号楼2单元", "磨房北里"),
        ("劲松磨房北里", "磨房北里"),
        ("磨房北里（劲松）", "磨房北里"),
        ("磨房北里", "磨房北里【朝阳区劲松街道】"),
        ("北京磨房北里", "朝阳区磨房北里"),
        ("劲松一社区磨房北里", "磨房北里"),
        ("劲松街道东里", "东里"),
    ],
)
def test_places_an_estate_lies_in_say_nothing_new(written: str, name: str) -> None:
    estates = book(("a", name, "c"), ("b", "别处花园", "c"), ("e", "劲松二区", "c"))
    assert placed(written, "c", estates) == ("a", [])


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("双井街道磨房北里", "磨房北里"),
        ("劲松二区", "劲松一区"),
        ("劲松街道劲松二区", "劲松一区"),
        ("朝阳区", "朝阳园"),
    ],
)
def test_other_places_and_other_numbers_stay_apart(written: str, name: str) -> None:
    assert placed(written, "c", book(("a", name, "c")))[0] is None


@pytest.mark.parametrize("written", ["劲松东里", "朝阳花园"])
def test_a_short_place_before_a_rest_that_many_have_is_asked(written: str) -> None:
    rest = written[2:]
    assert placed(written, "c", book(("a", rest, "c"))) == (None, ["a"])


def test_places_of_two_estates_are_asked_and_answers_hold() -> None:
    twice = book(("a", "磨房北里", "c"), ("b", "劲松磨房北里", "c"))
    assert placed("朝阳区磨房北里", "c", twice) == (None, ["a", "b"])
    said = pd.DataFrame({"where": ["orders"], "written": ["朝阳区磨房北里"], "area": ["c"], "estate": ["b"],
                         "name": ["劲松磨房北里"], "reason": [TWO], "alike": [1.0], "rows": [1],
                         "answer": ["different"]})  # fmt: skip
    assert placed("朝阳区磨房北里", "c", twice, check(EstateReview, conform(EstateReview, said))) == ("a", [])


def test_a_name_without_a_community_is_found_where_its_places_are() -> None:
    estates = book(("a", "光明里", "c"), ("b", "光明里", "d"))
    assert placed("光明里", None, estates) == (None, ["a", "b"])
    assert placed("朝阳区劲松街道光明里", None, estates)[0] == "a"
    assert placed("北京市双井地区光明里2号楼", None, estates)[0] == "b"
    assert placed("海淀区光明里", None, estates)[0] is None


@given(st.text(alphabet="北京市朝阳区劲松街道一二里园(（)）【】 3a", max_size=12), st.sampled_from(["c", "d", None]))
@settings(max_examples=15)
def test_any_name_is_found_asked_or_left(written: str, area: str | None) -> None:
    estates = book(("a", "劲松一里", "c"), ("b", "朝阳园", "d"), ("e", "二里", "d"))
    estate, asked = placed(written, area, estates)
    assert estate is None or not asked
