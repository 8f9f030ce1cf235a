import csv
import io
from dataclasses import replace

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecast.tables import Workplan, dtypes
from reports import plan_csv
from tests.reports.sample import make, renamed


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_columns_are_those_of_the_table_and_excel_sees_the_encoding() -> None:
    material = make()
    data = plan_csv.render(material)
    assert data.startswith(b"\xef\xbb\xbf")
    read = rows(data)
    assert list(read[0]) == list(dtypes(Workplan))
    assert len(read) == len(material.workplan)
    assert read[0]["start_by"] == "2025-09-30"
    assert read[0]["on_time"] == "true"
    assert float(read[0]["expected_requests"]) == round(material.workplan["expected_requests"].iloc[0], 2)


def test_what_is_missing_stays_empty() -> None:
    assert rows(plan_csv.render(make(estates=False)))[0]["estate"] == ""


def test_an_empty_plan_is_a_header() -> None:
    data = plan_csv.render(make(tasks=False))
    assert data.decode("utf-8-sig").strip() == ",".join(dtypes(Workplan))


def test_names_never_become_formulas() -> None:
    read = rows(plan_csv.render(renamed(make(), "=cmd|' /C calc'!A0")))
    assert {row["area_name"] for row in read} == {"'=cmd|' /C calc'!A0"}
    assert {row["action"][0] for row in read} == {"'"}


def test_negative_numbers_stay_numbers() -> None:
    material = make()
    fewer = replace(material, workplan=material.workplan.assign(excess_over_normal=-3.5))
    assert rows(plan_csv.render(fewer))[0]["excess_over_normal"] == "-3.5"


@given(st.text(max_size=20))
def test_a_neutral_text_never_starts_a_formula_and_loses_nothing(text: str) -> None:
    made = plan_csv.neutral(text)
    assert made.removeprefix("'") == text or made == text
    assert not made.lstrip().startswith(plan_csv.FORMULA)
    assert not made.startswith(plan_csv.FORMULA)


def test_same_material_same_bytes() -> None:
    assert plan_csv.render(make()) == plan_csv.render(make())
    assert isinstance(pd.read_csv(io.BytesIO(plan_csv.render(make()))), pd.DataFrame)
