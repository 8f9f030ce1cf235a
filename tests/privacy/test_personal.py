"""What tells of a person is found in text however it is written; what tells of work and places stays."""

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import personal, taxonomy
from forecast.simulate import City, places
from pipelines import config
from tests.conftest import ROOT

FACTS = {
    "13800138000": "13800138000", "138 0013 8000": "8000",
    "+86-138-0013-8000": "0013", "１３８００１３８０００": "138",
    "010-65123456": "6512", "(0755) 8612 3456": "8612", "212-555-0187": "0187", "(212) 555-0187": "0187",
    "110101199003078515": "1990", "11010119900307851X": "19900307", "zhang.wei@mail.example.cn": "zhang",
    "京A12345": "12345", "沪AD12345": "D12345", "粤B·9K8Z7": "9K8Z7",
    "ABC-1234": "1234", "plate no. KZT 4471": "4471",
    "3号楼2单元501室": "501", "12栋1203": "1203", "7幢2-501": "501",
    "3-2-501": "501", "二单元602": "602", "501室": "501",
    "Apt 5B": "5B", "apartment 12": "12", "Unit 4C": "4C", "# 7D": "7D", "3弄12号402室": "402",
    "业主张伟": "张伟", "联系人: 欧阳娜娜": "欧阳", "王阿姨": "王阿姨", "李先生": "李",
    "张伟签字": "张伟", "张三 13800138000": "张三",
    "13800138000 亓官": "138", "由刘洋": "刘洋", "Mr. Smith": "Smith", "Mrs O'Neil": "O'Neil",
    "Contact: John Doe": "Doe", "Jane Roe 212-555-0187": "Jane", "tenant is Ann Lee": "Ann",
}  # fmt: skip
PLAIN = [
    "12户回访, 3号楼屋面已修", "照片 3 张", "产权单位不同意", "花费12000元",
    "2025-09-30 完成", "2024年11月至2025年3月",
    "3号楼 2017 年加固", "楼顶漏水点 501 处", "早高峰拥堵", "要求安静", "居民高度关注",
    "住户万元以上", "一期12-1号楼", "PM2.5 超标",
    "供暖不热", "劲松一社区", "王府井", "张家园小区", "李村", "HEAT/HOT WATER", "Tenant Harassment Complaint",
    "Resident Parking Permit", "BROOKLYN 05", "Community Board 12", "boiler room repaired",
]  # fmt: skip


def cells(*values: str | None) -> pd.Series:
    return pd.Series(values, dtype="str")


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("form", ["{}", "已到场, {}, 维修完成", "done; {}; valve replaced"])
def test_a_fact_is_hidden_wherever_it_stands(fact: str, form: str) -> None:
    text = form.format(fact)
    said = personal.kept(cells(text))[0]
    assert FACTS[fact] not in said
    assert personal.HIDDEN in said
    assert FACTS[fact] not in personal.shown(cells(text))[0]
    assert text.split(",")[0] in said or form == "{}" or form.startswith("done")


@pytest.mark.parametrize("text", PLAIN)
def test_what_tells_of_no_person_stays(text: str) -> None:
    assert personal.kept(cells(text))[0] == text
    assert personal.code(cells(text), names=True)[0] == text


def test_a_value_that_is_told_as_wrong_hides_all_where_it_reaches_a_person() -> None:
    written = cells(
        "亓官飞 13800138000 朝阳区", "张伟", "劲松社区3号楼501室", "2023-13-45 08:03", "1234567", "1234", None
    )
    told = ["***", "***", "劲松社区3号楼***", "2023-13-45 08:03", "***", "1234", ""]
    assert personal.shown(written).tolist() == told
    assert len(personal.shown(cells("长" * 99))[0]) == 40


@given(st.text())
def test_a_value_that_is_told_never_holds_a_long_number(text: str) -> None:
    said = personal.shown(cells(text))[0]
    assert max(map(len, "".join(c if c.isdigit() else " " for c in said).split()), default=0) < 5
    assert len(said) <= 40


@given(st.text())
def test_what_was_hidden_once_stays_as_it_is(text: str) -> None:
    once = personal.kept(cells(text))
    again = personal.kept(once)
    assert (again == once)[0] or personal.HIDDEN in again[0]


def test_text_that_becomes_a_code() -> None:
    written = cells(
        "110105001001", "110105001001003", "13800138000", "110101199003078515", "东里 13800138000", "东里3号楼501室"
    )
    assert personal.code(written, names=False).fillna("-").tolist() == [*written[:2], "-", "-", "-", "东里3号楼***"]
    assert personal.code(cells("张伟", "李先生反映", "东社区"), names=True).fillna("-").tolist() == [
        "-",
        "-",
        "东社区",
    ]
    assert personal.code(cells("张伟"), names=False)[0] == "张伟"
    places = ["龙华", "安宁", "金华", "马兰", "方庄", "高空抛物", "白云", "康宁", "Park Hill"]
    assert personal.code(cells(*places), names=True).tolist() == places


def test_file_names_keep_their_days() -> None:
    assert personal.file_name("orders_20240801.csv") == "orders_20240801.csv"
    assert personal.file_name("劲松街道-张伟 13800138000.xlsx").endswith("***.xlsx")


def test_ids() -> None:
    marks = personal.marked(cells("W00001", "20240801000123", "13800138000", "a@b.cn", "张伟-1", "Jane Roe", None))
    assert marks.tolist() == [False, False, True, True, True, True, False]


numbers = st.sampled_from(personal.IDS_HIDE).flatmap(lambda form: st.from_regex(re.compile(form), fullmatch=True))
ids = st.one_of(st.text(), numbers, st.text("0123456789-+() .xX@A\n\u3000一１", max_size=20))


@given(st.lists(ids | st.none(), max_size=20))
def test_ids_are_told_from_people_in_bulk_as_one_by_one(written: list[str | None]) -> None:
    def slow(text: str) -> bool:
        forms = any(re.fullmatch(form, text) for form in personal.CONTACTS[:5])
        return forms or re.search(r"[\u4e00-\u9fff\s@]", text) is not None

    assert personal.marked(cells(*written)).tolist() == [text is not None and slow(text) for text in written]


fragments = (
    st.sampled_from([*FACTS, *PLAIN])
    | st.text("张伟王阿姨业主由反映单元门室号楼栋幢弄 #-.aABptunit0123456789年", max_size=8)
    | st.text()
)


@given(st.lists(st.lists(fragments, max_size=3).map("".join) | st.none(), max_size=20), st.booleans())
@settings(max_examples=300)
def test_what_stays_is_told_in_bulk_as_one_by_one(written: list[str | None], codes: bool) -> None:
    def slow(text: str) -> str:
        return text if codes and personal.CODE.fullmatch(text) else personal._kept(text)

    said = personal.kept(cells(*written), codes)
    assert said.astype(object).where(said.notna(), None).tolist() == [text and slow(text) for text in written]


def test_no_name_of_ours_is_taken_for_a_person() -> None:
    """Areas of the made-up city, and every category and its values in the shipped trees."""
    city = City(seed=20, communities=60, years=2)
    names = [*places.build(city)[1]["name"]]
    for tree in ("cn", "nyc", "chicago"):
        for category in taxonomy.Taxonomy(**config.read_yaml(ROOT / f"configs/categories/{tree}.yaml")).categories:
            names += [
                category.name,
                category.name_en,
                *category.keywords,
                *(value.value for value in category.values),
            ]
    written = cells(*dict.fromkeys(name for name in names if name))
    assert len(written) > 300
    for changed in (personal.kept(written), personal.code(written, names=True)):
        assert [a for a, b in zip(written, changed, strict=True) if a != b] == []
