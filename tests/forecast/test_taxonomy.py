from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from forecast.changes import Succession
from forecast.errors import ConfigError
from forecast.playbook import Playbook, due
from forecast.playbook import faults as playbook_faults
from forecast.tables import ALL, UNCLASSIFIED
from forecast.taxonomy import Category, Taxonomy, ValueMap, classify, faults, names, validate

ROOT = Path(__file__).parents[2]

HEATING = Category(
    code="H1",
    name="供暖不热",
    name_en="Cold homes",
    values=("供暖->不热", ValueMap(value="热力->*", valid_to=date(2021, 12, 31))),
    keywords=("不热", "暖气"),
)
LEAKS = Category(
    code="H2",
    name="暖气漏水",
    values=(ValueMap(value="热力->*", valid_from=date(2022, 1, 1)), "热力->漏*", "热力->漏水"),
    keywords=("暖气漏水", "漏水"),
)
CITY = Taxonomy(categories=(HEATING, LEAKS))


@given(
    st.lists(st.text("电梯停运故", max_size=12), max_size=8), st.lists(st.text("电梯停运故", min_size=1, max_size=4))
)
def test_the_longest_keyword_is_found_as_by_trying_each(free: list[str], words: list[str]) -> None:
    tree = Taxonomy(categories=tuple(Category(code=f"{n}", name=f"{n}", keywords=(w,)) for n, w in enumerate(words)))

    def slow(text: str) -> str:
        held = [(-len(word), n) for n, word in enumerate(words) if word in text]
        return f"{min(held)[1]}" if held else UNCLASSIFIED

    at = pd.Series(pd.Timestamp("2024-05-01"), index=range(len(free)))
    nothing = pd.Series(index=at.index, dtype="str")
    assert classify(nothing, pd.Series(free, dtype="str"), at, tree)["code"].tolist() == [slow(text) for text in free]


def codes(texts: list[str | None], taxonomy: Taxonomy = CITY, at: str = "2024-05-01") -> list[str]:
    series = pd.Series(texts, dtype="str")
    return classify(series, None, pd.Series(pd.Timestamp(at), index=series.index), taxonomy)["code"].tolist()


def by_keyword(free: list[str | None], texts: list[str | None] | None = None) -> pd.DataFrame:
    text = pd.Series(texts or [None] * len(free), dtype="str")
    at = pd.Series(pd.Timestamp("2024-05-01"), index=text.index)
    return classify(text, pd.Series(free, dtype="str"), at, CITY)


@pytest.mark.parametrize("text", ["供暖->不热", " 供暖 ->  不热", "供暖－＞不热", "供暖->不热->"])
def test_a_value_is_found_however_it_is_spaced(text: str) -> None:
    assert codes([text]) == ["H1"]


def test_case_and_width_do_not_matter() -> None:
    taxonomy = Taxonomy(categories=(Category(code="n", name="Noise", values=("Quality of Life->Noise (AC)",)),))
    assert codes(["QUALITY OF LIFE->noise （ac）"], taxonomy) == ["n"]


def test_code_and_name_are_values_of_their_category() -> None:
    assert codes(["H1", "h2", "供暖不热", "cold homes", "暖气漏水"]) == ["H1", "H2", "H1", "H1", "H2"]


def test_a_name_that_two_categories_bear_means_neither() -> None:
    taxonomy = Taxonomy(categories=(Category(code="a", name="其他"), Category(code="b", name="其他")))
    assert codes(["其他", "a"], taxonomy) == [UNCLASSIFIED, "a"]


def test_an_explicit_value_goes_before_a_name() -> None:
    taxonomy = Taxonomy(categories=(Category(code="a", name="噪声"), Category(code="b", name="乙", values=("噪声",))))
    assert codes(["噪声"], taxonomy) == ["b"]


def test_nothing_is_unclassified_even_with_a_glob_for_everything() -> None:
    taxonomy = Taxonomy(categories=(Category(code="rest", name="其他", values=("*",)),))
    assert codes([None, "", "  ", "->", "x"], taxonomy) == [UNCLASSIFIED] * 4 + ["rest"]


def test_exact_goes_before_glob_and_long_glob_before_short() -> None:
    general, special = (
        Category(code="g", name="g", values=("A->*",)),
        Category(code="s", name="s", values=("A->B*", "*->BC")),
    )
    exact = Category(code="e", name="e", values=("A->BCD",))
    for order in ((general, special, exact), (exact, special, general)):
        assert codes(["A->BCD", "A->BX", "A->X", "A"], Taxonomy(categories=order)) == ["e", "s", "g", "g"]


def test_a_glob_below_a_level_needs_that_very_level() -> None:
    taxonomy = Taxonomy(categories=(Category(code="t", name="t", values=("Transport->*",)),))
    assert codes(["Transport", "transport->x->y", "Transportation->x", "x->Transport->y"], taxonomy) == [
        "t", "t", UNCLASSIFIED, UNCLASSIFIED,
    ]  # fmt: skip


def test_question_marks_and_brackets_are_plain_text() -> None:
    taxonomy = Taxonomy(categories=(Category(code="q", name="q", values=("What? [a]*",)),))
    assert codes(["what? [a] b", "what! [a]", "whatx a"], taxonomy) == ["q", UNCLASSIFIED, UNCLASSIFIED]


def test_the_crosswalk_holds_to_the_last_minute_of_its_last_day() -> None:
    text = pd.Series(["热力->阀门"] * 3)
    at = pd.Series(pd.to_datetime(["2021-12-31 23:59", "2022-01-01 00:00", "NaT"]))
    assert classify(text, None, at, CITY)["code"].tolist() == ["H1", "H2", "H2"]


def test_outside_its_dates_a_value_means_nothing() -> None:
    value = ValueMap(value="旧词", valid_from=date(2020, 1, 1), valid_to=date(2020, 12, 31))
    taxonomy = Taxonomy(categories=(Category(code="a", name="甲", values=(value,)),))
    texts = pd.Series(["旧词"] * 3)
    at = pd.Series(pd.to_datetime(["2019-12-31", "2020-06-01", "2021-01-01"]))
    assert classify(texts, None, at, taxonomy)["code"].tolist() == [UNCLASSIFIED, "a", UNCLASSIFIED]


def test_longest_keyword_wins_and_equal_ones_go_by_order() -> None:
    found = by_keyword(["家里暖气漏水了", "楼上漏水, 暖气也坏", "阀门不热又漏水", "无关", None])
    assert found["code"].tolist() == ["H2", "H1", "H1", UNCLASSIFIED, UNCLASSIFIED]
    assert found["by"].tolist() == ["keyword", "keyword", "keyword", "none", "none"]


def test_keywords_are_only_asked_where_the_value_says_nothing() -> None:
    found = by_keyword(["漏水", "漏水", "漏水"], ["供暖->不热", "没见过", None])
    assert found["code"].tolist() == ["H1", "H2", "H2"]
    assert found["by"].tolist() == ["value", "keyword", "keyword"]


def test_without_a_taxonomy_texts_are_categories() -> None:
    assert codes(["  Noise  at night ", "Noise", None, "", ALL], Taxonomy()) == [
        "Noise at night", "Noise", UNCLASSIFIED, UNCLASSIFIED, UNCLASSIFIED,
    ]  # fmt: skip


def test_the_index_of_the_texts_is_kept_even_when_labels_repeat() -> None:
    texts = pd.Series(["H1", None, "H2"], index=[7, 7, 3], dtype="str")
    at = pd.Series(pd.Timestamp("2024-01-01"), index=texts.index)
    found = classify(texts, pd.Series(["漏水"] * 3, index=texts.index), at, CITY)
    assert found.index.tolist() == [7, 7, 3]
    assert found["code"].tolist() == ["H1", "H2", "H2"]


def test_no_rows_give_no_rows() -> None:
    nothing = pd.Series([], dtype="str")
    found = classify(nothing, nothing, pd.Series([], dtype="datetime64[us]"), CITY)
    assert found.shape == (0, 2)


def test_every_fault_is_told_at_once() -> None:
    early = ValueMap(value="v", valid_from=date(2020, 1, 1), valid_to=date(2019, 1, 1))
    bad = Taxonomy(
        categories=(
            Category(code="a", name="a", parent="b", values=("X->Y", early), keywords=(" ",)),
            Category(code="b", name="b", parent="a", values=(" x -> y",)),
            Category(code="b", name="b", parent="nowhere"),
            Category(code=ALL, name="all"),
        )
    )
    with pytest.raises(ConfigError) as raised:
        validate(bad)
    told = "\n".join(map(str, raised.value.faults))
    for part in ("stands 2 times", "reserved", "unknown parent 'nowhere'", "before it begins", "empty keyword"):
        assert part in told
    assert "category b: value ' x -> y' already means a" in told


def test_a_circle_of_parents_is_a_fault() -> None:
    ring = [Category(code=c, name=c, parent=p) for c, p in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"))]
    found = [fault.where for fault in faults(Taxonomy(categories=tuple(ring)))]
    assert found == ["category a", "category b", "category c"]


@pytest.mark.parametrize(
    ("first_ends", "second_begins", "clash"),
    [("2020-06-30", "2020-07-01", False), ("2020-07-01", "2020-07-01", True), (None, "2030-01-01", True)],
)
def test_one_value_may_move_but_not_mean_two_things(first_ends: Any, second_begins: Any, clash: bool) -> None:
    a = Category(code="a", name="a", values=(ValueMap(value="w->*", valid_to=first_ends),))
    b = Category(code="b", name="b", values=(ValueMap(value="W->*", valid_from=second_begins),))
    assert bool(faults(Taxonomy(categories=(a, b)))) is clash


def test_names_fall_back_and_hold_what_was_seen() -> None:
    assert names(CITY, seen=["H1", "zz"]).to_numpy().tolist() == [
        ["H1", "供暖不热", "Cold homes"],
        ["H2", "暖气漏水", "暖气漏水"],
        [UNCLASSIFIED, "未分类", "Unclassified"],
        ["zz", "zz", "zz"],
    ]


WORDS = st.sampled_from(["a", "b", "a->b", "a->b->c", "b->a", "c", "ab", "a->bc"])
GLOBS = st.sampled_from(["a", "a->b", "a*", "*b", "a->*", "*", "*->*", "b->a", "a->b*"])


@given(
    texts=st.lists(st.one_of(st.none(), WORDS), max_size=12),
    maps=st.lists(st.tuples(st.sampled_from("xyz"), GLOBS, st.booleans()), max_size=8),
    days=st.data(),
)
def test_agrees_with_a_slow_twin(
    texts: list[str | None], maps: list[tuple[str, str, bool]], days: st.DataObject
) -> None:
    turn = pd.Timestamp("2022-01-01")
    categories = [
        Category(
            code=code,
            name=f"name of {code}",
            values=tuple(
                ValueMap(value=glob, valid_from=turn.date()) if late else ValueMap(value=glob)
                for owner, glob, late in maps
                if owner == code
            ),
        )
        for code in "xyz"
    ]
    at = [days.draw(st.sampled_from([turn, turn - pd.Timedelta(seconds=1)])) for _ in texts]
    taxonomy = Taxonomy(categories=tuple(categories))
    index = pd.RangeIndex(len(texts))
    found = classify(
        pd.Series(texts, index=index, dtype="str"), None, pd.Series(at, index=index, dtype="datetime64[us]"), taxonomy
    )
    assert found["code"].tolist() == [_twin(t, when >= turn, categories) for t, when in zip(texts, at, strict=True)]


def _twin(text: str | None, late: bool, categories: list[Category]) -> str:
    if text is None:
        return UNCLASSIFIED
    fits = []
    for category in categories:
        for value in category.values:
            glob = value.value
            hit = fnmatchcase(text, glob) or (glob.endswith("->*") and fnmatchcase(text, glob[:-3]))
            if hit and (late or value.valid_from is None):
                fits.append(("*" not in glob, len(glob.replace("*", "")), category.code))
    best = max((fit[:2] for fit in fits), default=None)
    return next((code for exact, length, code in fits if (exact, length) == best), UNCLASSIFIED)


@pytest.mark.parametrize("city", ["nyc", "chicago"])
def test_shipped_categories_are_sound(city: str) -> None:
    text = (ROOT / "configs" / "categories" / f"{city}.yaml").read_text(encoding="utf-8")
    taxonomy = Taxonomy.model_validate(yaml.safe_load(text))
    assert faults(taxonomy) == []
    assert all(category.name_en for category in taxonomy.categories)


def test_new_york_types_are_known_and_junk_is_not() -> None:
    rows = pd.read_csv(ROOT / "data" / "fixtures" / "nyc" / "council.csv.gz", dtype="str", nrows=40_000)
    text = (ROOT / "configs" / "categories" / "nyc.yaml").read_text(encoding="utf-8")
    taxonomy = Taxonomy.model_validate(yaml.safe_load(text))
    texts = (rows["complaint_type"] + "->" + rows["descriptor"]).fillna(rows["complaint_type"])
    found = classify(texts, None, pd.to_datetime(rows["opendate"]), taxonomy)
    assert (found["by"] == "none").mean() < 0.04
    junk = rows["complaint_type"].str.startswith(("@getxlate", "Please choose"), na=True)
    assert set(found.loc[junk, "code"]) == {UNCLASSIFIED}
    heat = found.loc[texts == "Housing and Buildings->Heat/Hot Water", "code"]
    assert set(heat) == {"heat"}


def test_new_york_has_work_to_begin_in_every_month() -> None:
    configs = ROOT / "configs"
    taxonomy = Taxonomy.model_validate(
        yaml.safe_load((configs / "categories" / "nyc.yaml").read_text(encoding="utf-8"))
    )
    playbook = Playbook.model_validate(
        yaml.safe_load((configs / "playbook" / "nyc.yaml").read_text(encoding="utf-8"))
    )
    assert playbook_faults(playbook, [category.code for category in taxonomy.categories]) == []
    for as_of in pd.date_range("2021-12-01", "2022-11-01", freq="MS"):
        tasks = due(playbook, as_of)
        assert tasks.loc[tasks["on_time"], "category"].nunique() >= 5
    for task in playbook.tasks:
        texts = [task.action_en, task.lead_party_en, task.support, task.support_en, task.evidence, task.evidence_en]
        assert all(texts), task.entry


def test_changes_name_categories_there_are() -> None:
    split = Succession(before="H1", after=("H1", "H9"), since=date(2021, 7, 1))
    assert "unknown category H9" in str(*faults(Taxonomy(categories=CITY.categories, changes=(split,))))
    assert faults(Taxonomy(changes=(split,))) == []
