from io import BytesIO
from pathlib import Path

import pandas as pd

from forecast import tables
from forecast.tables.meanings import MEANINGS
from reports import dictionary


def test_the_page_in_the_docs_is_up_to_date(root: Path) -> None:
    made = dictionary.render(dictionary.every_table()).decode()
    assert (root / "docs/data.md").read_text(encoding="utf-8") == made, "run `make dictionary`"


def test_every_meaning_is_of_a_column_and_in_both_languages() -> None:
    known = {
        name
        for table, kind in dictionary.every_table().items()
        for column in kind.to_schema().columns
        for name in (column, f"{table}.{column}")
    }
    assert set(MEANINGS) <= known
    assert all(en and zh for en, zh in MEANINGS.values())


def test_rules_are_told_in_signs() -> None:
    rows = dictionary.columns("forecasts", tables.Forecasts).set_index("column")
    assert list(rows.loc["level", ["type", "empty", "allowed"]]) == ["number", True, "> 0; < 1"]
    assert rows.loc["output", "allowed"] == "mean, variance, quantile"
    assert rows.loc["month", "type"] == "date"
    assert list(rows.loc["horizon", ["type", "allowed"]]) == ["whole number", "≥ 1"]
    assert dictionary.columns("areas", tables.Areas).set_index("column").loc["area", "allowed"] == "unique"
    types = pd.concat([dictionary.columns(name, kind) for name, kind in dictionary.every_table().items()])["type"]
    assert set(types) <= {"text", "number", "whole number", "date", "true/false", "bytes"}


def test_the_sheet_has_a_row_a_column() -> None:
    read = pd.read_csv(BytesIO(dictionary.sheet({"panel": tables.Panel, "areas": tables.Areas})))
    assert read.groupby("table").size().to_dict() == {"areas": 11, "panel": 6}
    assert read["meaning"].notna().all()
