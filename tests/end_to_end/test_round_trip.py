"""From plan to work and back: plan again under fewer crews, hand the workbook back filled in, plan the next month."""

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from typer.testing import Result

from pipelines import store

Cli = Callable[..., Result]
TIGHT = "plan:\n  slots_per_street: 6\n  hold_back: 0\n  capacity:\n    - {crew_days: 4}\n"


def latest(job: Path) -> Path:
    return (job.parent / "runs/latest").resolve()


def fill(job: Path, *said: tuple[str, dict[str, str | int]]) -> list[str]:
    """Write what is said into the rows of the first street's workbook; the task ids it was said of."""
    path = next((latest(job) / "streets").glob("*.xlsx"))
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    head = {str(cell.value): place for place, cell in enumerate(sheet[4], start=1)}
    tasks = []
    for row, (status, more) in enumerate(said, start=5):
        for name, value in {"状态": status, **more}.items():
            sheet.cell(row, head[name]).value = value
        tasks.append(str(sheet.cell(row, head["任务编号"]).value))
    book.save(job.parent / "returned.xlsx")
    return tasks


def test_a_plan_is_made_again_within_its_crews_and_says_what_moved(cli: Cli, counts_job: Path) -> None:
    assert cli("monthly", counts_job, "--as-of", "2022-06", "-q").exit_code == 0
    first = latest(counts_job)
    other = counts_job.with_name("tight.yaml")
    other.write_text(counts_job.read_text() + TIGHT, encoding="utf-8")
    result = cli("plan", counts_job.parent / "runs/latest", "--config", other, "-q")
    assert result.exit_code == 0, result.output
    assert "保留" in result.stdout
    again = latest(counts_job)
    assert again != first
    plan = store.read(again / "workplan.parquet")
    assert plan.loc[plan["chosen"], "crew_days"].sum() <= 4
    assert (plan["fate"] == "no_capacity").any()
    before = store.read(first / "workplan.parquet")
    assert set(plan["task_id"]) == set(before["task_id"])
    for name in ("forecasts", "panel", "contributions"):
        assert (again / f"{name}.parquet").read_bytes() == (first / f"{name}.parquet").read_bytes()
    unchanged = cli("plan", first, "-q", "--json")
    assert json.loads(unchanged.stdout)["counts"]["plan"]["no_capacity"] == 0
    same = store.read(latest(counts_job) / "workplan.parquet")
    pd.testing.assert_frame_equal(same, before)


def test_a_change_that_needs_a_new_run_is_named(cli: Cli, counts_job: Path) -> None:
    cli("monthly", counts_job, "--as-of", "2022-06", "-q")
    other = counts_job.with_name("other.yaml")
    other.write_text(counts_job.read_text().replace("horizon: 4", "horizon: 3"), encoding="utf-8")
    assert "horizon" in cli("plan", latest(counts_job), "--config", other, "-q").stdout


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("plan:\n  capacity:\n    - {street: 无此街道, crew_days: 3}\n", "no street is called '无此街道'"),
        ("plan:\n  capacity:\n    - {party: 无此单位, crew_days: 3}\n", "no party is called '无此单位'"),
        ("plan:\n  capacity:\n    - {crew_days: -1}\n", "greater than or equal to 0"),
        ("plan:\n  capacity:\n    - {month: '13', crew_days: 1}\n", "month"),
    ],
)
def test_a_capacity_nobody_can_meet_is_refused(cli: Cli, counts_job: Path, option: str, told: str) -> None:
    cli("monthly", counts_job, "--as-of", "2022-06", "-q")
    other = counts_job.with_name("other.yaml")
    other.write_text(counts_job.read_text() + option, encoding="utf-8")
    result = cli("plan", latest(counts_job), "--config", other, "-q")
    assert result.exit_code == 2
    assert told in result.stderr


def test_only_a_plan_can_be_planned_again(cli: Cli, counts_job: Path, tmp_path: Path) -> None:
    assert "is no run folder" in cli("plan", tmp_path / "nowhere", "-q").stderr


def test_capacity_may_stand_in_a_table(cli: Cli, counts_job: Path) -> None:
    cli("monthly", counts_job, "--as-of", "2022-06", "-q")
    other = counts_job.with_name("other.yaml")
    other.write_text(counts_job.read_text() + "plan: {capacity: crews.csv, hold_back: 0}\n", encoding="utf-8")
    table = counts_job.with_name("crews.csv")
    table.write_text("street,party,month,crew_days\n示例,,2022-07,2.5\n,街道,7,9\n", encoding="utf-8")
    assert cli("plan", latest(counts_job), "--config", other, "-q").exit_code == 0
    plan = store.read(latest(counts_job) / "workplan.parquet")
    assert 2 <= plan.loc[plan["chosen"], "crew_days"].sum() <= 2.5
    table.write_text("street,party,crew_days\n示例,,viel\n", encoding="utf-8")
    result = cli("plan", latest(counts_job), "--config", other, "-q")
    assert result.exit_code == 2
    assert "crew_days" in result.stderr


def test_what_streets_say_enters_the_book_and_the_next_plan(cli: Cli, counts_job: Path) -> None:
    cli("monthly", counts_job, "--as-of", "2022-05", "-q")
    done, going, declined, vague = fill(
        counts_job,
        ("已完成", {"完成日期": "2022-06-20", "证据": "照片 3 张", "花费 (元)": 800, "查出问题数": 3}),
        ("进行中", {}),
        ("不采纳", {"不采纳或更正的原因": "产权单位不同意"}),
        ("差不多了", {}),
    )
    result = cli("feedback", counts_job, counts_job.parent / "returned.xlsx")
    assert result.exit_code == 0, result.output
    assert "收下 3 项" in result.stdout
    assert "状态不认识" in result.stdout
    ledger = counts_job.parent / "data/ledger"
    kept = (ledger / "returns.jsonl").read_bytes()
    tasks = store.read(ledger / "tasks.parquet").set_index("task_id")
    assert tasks.loc[[done, going, declined, vague], "status"].tolist() == [
        "done", "in_progress", "declined", "not_started",
    ]  # fmt: skip
    assert tasks.loc[done, "defects_found"] == 3
    assert cli("feedback", counts_job, counts_job.parent / "returned.xlsx").exit_code == 0
    assert (ledger / "returns.jsonl").read_bytes() == kept
    cli("monthly", counts_job, "--as-of", "2022-06", "-q")
    plan = store.read(latest(counts_job) / "workplan.parquet").set_index("task_id")
    assert done not in plan.index
    assert declined not in plan.index
    assert (plan["since"][going], plan["fate"][going]) == ("carried_over", "chosen")
    assert cli("plan", latest(counts_job), "-q").exit_code == 0
    again = store.read(latest(counts_job) / "workplan.parquet").set_index("task_id")
    pd.testing.assert_frame_equal(again, plan)
    changes = store.read(latest(counts_job) / "plan_changes.parquet").set_index("task_id")
    assert changes.loc[[done, going, declined], "why"].tolist() == ["done", "in_progress", "declined"]


def test_the_book_only_grows_and_survives_a_line_cut_off(cli: Cli, counts_job: Path) -> None:
    cli("monthly", counts_job, "--as-of", "2022-05", "-q")
    first, second = fill(counts_job, ("进行中", {}), ("未开始", {}))
    cli("feedback", counts_job, counts_job.parent / "returned.xlsx")
    path = counts_job.parent / "data/ledger/returns.jsonl"
    path.write_bytes(path.read_bytes() + b'{"task_id": "cut o')
    before = path.read_bytes()
    fill(counts_job, ("进行中", {}), ("进行中", {}))
    assert "收下 1 项" in cli("feedback", counts_job, counts_job.parent / "returned.xlsx").stdout
    assert path.read_bytes().startswith(before)
    tasks = store.read(path.with_name("tasks.parquet")).set_index("task_id")
    assert tasks.loc[[first, second], "status"].tolist() == ["in_progress", "in_progress"]


def test_feedback_needs_a_plan_and_files_that_can_be_read(cli: Cli, counts_job: Path) -> None:
    result = cli("feedback", counts_job)
    assert result.exit_code == 3
    assert "no plan was issued yet" in result.stderr
    cli("monthly", counts_job, "--as-of", "2022-05", "-q")
    broken = counts_job.with_name("broken.xlsx")
    broken.write_bytes(b"not a workbook")
    result = cli("feedback", counts_job, broken, counts_job.with_name("missing.xlsx"))
    assert result.exit_code == 3
    assert len(result.stderr.strip().splitlines()) == 3
    assert "共" in cli("feedback", counts_job).stdout
