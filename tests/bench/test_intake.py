"""The intake bench in small: its raw files, and that DuckDB and intake count the same orders in them."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.bench import intake, intake_ours, intake_twin, measure

ROWS = 20_000


@pytest.fixture(scope="module")
def city() -> intake.Base:
    return intake.base(ROWS)


def test_duckdb_and_intake_count_the_same_orders(
    city: intake.Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEISU_CALLER_KEY", intake.KEY)
    intake.write_city(tmp_path, city)
    csv, out = tmp_path / "orders/all.csv", tmp_path / "said.json"
    rows = intake.write_csv(csv, intake.parts(city, ROWS))
    assert abs(rows - ROWS) < ROWS / 50
    assert 100 < csv.stat().st_size / rows < 160
    intake_twin.twin(csv, out)
    orders = json.loads(out.read_text())["orders"]
    intake_ours.ours(tmp_path, out)
    first = json.loads(out.read_text())
    assert (first["rows"], first["orders"]) == (rows, orders)
    assert 0.98 * rows < orders < rows - first["rejected"]
    assert first["rejected"] > 0
    more = intake.write_csv(tmp_path / "orders/new.csv", intake.new_month(city))
    intake_ours.ours(tmp_path, out)
    second = json.loads(out.read_text())
    assert second["rows"] == rows + more
    assert second["orders"] > orders + 0.9 * more


def test_rows_of_all_parts_have_ids_of_their_own_and_months_in_order(city: intake.Base) -> None:
    frames = [part.to_pandas().drop_duplicates("工单编号") for part in intake.parts(city, ROWS)]
    rows = pd.concat(frames)
    assert not rows["工单编号"].duplicated().any()
    months = rows.loc[rows["创建时间"] != "2018-02-30 10:00", "创建时间"].str.slice(0, 7)
    assert months.is_monotonic_increasing
    assert rows["主要内容"].nunique() > len(rows) / 5


def test_partitions_grow_step_by_step(city: intake.Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []

    def ran(module: str, place: Path, scratch: Path) -> intake.Ran:
        rows = sum(pq.read_metadata(path).num_rows for path in place.glob("orders/*.parquet"))
        said.append((module, rows))
        return intake.Ran(measure.Cost(2.0, 1.0, 2**30), {"rows": rows, "reading": [1.0, 0.5]})

    monkeypatch.setattr(intake, "base", lambda rows: city)
    monkeypatch.setattr(intake, "ran", ran)
    text = intake.partitions(tmp_path, (1, 3 * len(city.rows)), ROWS)
    assert [module for module, _ in said] == ["intake_ours"] * 2
    assert said[1][1] >= 3 * len(city.rows) > said[0][1] > 0
    assert text.count("\n") == 4


def test_ratios_are_told_beside_duckdb() -> None:
    def cost(seconds: float) -> measure.Cost:
        return measure.Cost(seconds, 2 * seconds, 3 << 30)

    whole = intake.Ran(cost(30), {"reading": [20.0, 40.0]})
    more = intake.Ran(cost(12), {"reading": [1.0, 1.0]})
    text = intake.told(intake.Ran(cost(10), {}), whole, more)
    assert "| first run, to the panel | 30.0 | 60.0 | 3.00 | 3.00 | 3.00 |" in text
    assert "3.3% of the clock, 1.7% of the processor; ÷ its reading alone: 5.0% and 2.5%" in text
