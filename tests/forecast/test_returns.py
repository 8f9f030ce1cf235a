"""Returned lists: what is certain is kept, the rest refused by name; nothing lost, nothing invented."""

import numpy as np
import pandas as pd
import pytest

from forecast.returns import WORDS, Heard, Sheet, hear
from forecast.tables import Returns, Workplan, conform, empty
from forecast.tasks import tasks

TODAY = pd.Timestamp("2025-10-20")
MONTH = pd.Timestamp("2025-09-01")
IDS = ["a1b2c3d4e5f6", "001234567890", "12345e678901", "ffffffffffff"]
HEAD = ["序", "社区", "类别", "做什么", "状态", "完成日期", "证据", "不采纳或更正的原因", "花费 (元)", "任务编号"]


def plan(ids: list[str] = IDS) -> pd.DataFrame:
    rows = pd.DataFrame({"task_id": ids, "rank": range(1, len(ids) + 1)})
    texts = {"area_name": [f"{k}社区" for k in range(len(ids))], "category_name": "供暖不热", "action": "平衡调试"}
    for name, dtype in empty(Workplan).dtypes.items():
        if name not in rows and name not in texts:
            rows[str(name)] = pd.Series(["x"] * len(rows) if dtype == "str" else 1, index=rows.index).astype(
                dtype if str(dtype) != "datetime64[us]" else "int64"
            )
    dates = {str(name): MONTH for name, dtype in empty(Workplan).dtypes.items() if "datetime" in str(dtype)}
    return conform(Workplan, rows.assign(**texts, **dates, fate="chosen", since="new", risk_grade=None))


def sheet(*rows: list[object], head: list[str] = HEAD, before: int = 3, file: str = "甲街道.xlsx") -> Sheet:
    cells = [["甲街道 · 应启动的预防任务"] + [None] * (len(head) - 1)] * before + [head, *rows]
    frame = pd.DataFrame(cells, dtype="str").set_axis(range(1, len(head) + 1), axis=1)
    return Sheet(file, frame.set_axis(range(1, len(frame) + 1), axis=0))


def row(task: object, status: object, done: object = None, why: object = None, **more: object) -> list[object]:
    return [
        "1", more.get("area", "0社区"), "供暖不热", "平衡调试", status, done, more.get("evidence"), why,
        more.get("cost"), task,
    ]  # fmt: skip


def heard(*rows: list[object], known: pd.DataFrame | None = None, **options: object) -> Heard:
    known = empty(Returns) if known is None else known
    return hear([sheet(*rows, **options)], plan(), known, TODAY)  # type: ignore[arg-type]


def said(found: Heard) -> dict[str, str]:
    return dict(zip(found.returns["task_id"], found.returns["status"], strict=True))


def refused(found: Heard) -> list[tuple[int, str]]:
    return list(zip(found.refusals["row"], found.refusals["reason"], strict=True))


def test_a_filled_list_is_heard_and_an_empty_row_says_nothing() -> None:
    found = heard(
        row(IDS[0], "已完成", "2025-10-03 00:00:00", evidence="照片 3 张", cost="1200"),
        row(IDS[1], "进行中"),
        row(IDS[2], "不采纳", why="产权单位不同意"),
        row(IDS[3], "未开始"),
    )
    assert said(found) == {IDS[0]: "done", IDS[1]: "in_progress", IDS[2]: "declined"}
    assert refused(found) == []
    done = found.returns.iloc[0]
    assert (done["done_on"], done["evidence"], done["cost"], done["row"]) == (
        pd.Timestamp("2025-10-03"), "照片 3 张", 1200.0, 5,
    )  # fmt: skip
    assert found.unchanged == 1


@pytest.mark.parametrize("written", [word for words in WORDS.values() for word in words] + [" 已完成 ", "Going On"])
def test_every_way_to_write_a_status_is_known(written: str) -> None:
    found = heard(row(IDS[0], written, "2025-10-03" if "完成" in written or "办结" in written else None, why="因故"))
    assert not any(reason == "unknown_status" for _, reason in refused(found))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (row(IDS[0], "已完成"), "no_date"),
        (row(IDS[0], "已完成", "上周"), "bad_date"),
        (row(IDS[0], "已完成", "2025-11-01"), "future"),
        (row(IDS[0], "已完成", "2023-01-01"), "too_old"),
        (row(IDS[0], "未开始", "2025-10-01"), "not_begun"),
        (row(IDS[0], None, evidence="照片"), "no_status"),
        (row(IDS[0], "不采纳"), "no_reason"),
        (row(IDS[0], "差不多了"), "unknown_status"),
        (row("deadbeef0000", "进行中"), "unknown_task"),
        (row(None, "进行中", area="九社区"), "unknown_task"),
    ],
)
def test_what_does_not_hold_together_is_refused_by_name(cells: list[object], reason: str) -> None:
    found = heard(cells, row(IDS[1], "进行中"))
    assert refused(found) == [(5, reason)]
    assert said(found) == {IDS[1]: "in_progress"}


def test_a_bad_figure_costs_the_figure_alone() -> None:
    found = heard(row(IDS[0], "进行中", cost="很多"))
    assert said(found) == {IDS[0]: "in_progress"}
    assert refused(found) == [(5, "bad_figure")]
    assert np.isnan(found.returns["cost"].iloc[0])


def test_an_id_a_spreadsheet_took_for_a_number_is_known_again() -> None:
    found = heard(row("1234567890", "进行中"), row("A1B2C3D4E5F6 ", "进行中"))
    assert set(said(found)) == {IDS[1], IDS[0]}


def test_a_lost_id_is_found_by_what_the_row_says() -> None:
    assert said(heard(row(None, "进行中", area="3社区"))) == {IDS[3]: "in_progress"}


def test_other_titles_other_order_more_columns_and_no_head() -> None:
    edited = ["编号 (勿改)", "备注", "状态(请填)", "完成时间", "说明材料", "证 据"]
    cells: list[object] = [IDS[0], "好", "完成", "2025/10/3", "x", "照片"]
    assert said(heard(cells, head=edited)) == {IDS[0]: "done"}
    assert heard(cells, head=edited).returns["evidence"].iloc[0] == "照片"
    bare = pd.DataFrame([[IDS[0], "进行中"], [IDS[3], "进行中"]], dtype="str", columns=[1, 2], index=[1, 2])
    assert set(said(hear([Sheet("x.csv", bare)], plan(), empty(Returns), TODAY))) == {IDS[0], IDS[3]}


def test_a_sheet_of_something_else_is_passed_over() -> None:
    other = pd.DataFrame([["填写说明", None], ["请退回", None]], dtype="str", columns=[1, 2], index=[1, 2])
    found = hear([Sheet("x.xlsx", other)], plan(), empty(Returns), TODAY)
    assert found.returns.empty
    assert found.refusals.empty
    lost = heard([IDS[0], "x"], head=["任务编号", "备注"])
    assert [reason for _, reason in refused(lost)] == ["no_columns"]


def test_equal_rows_count_once_and_contradictions_are_refused_on_both_sides() -> None:
    twice = [sheet(row(IDS[0], "进行中"), file="a.xlsx"), sheet(row(IDS[0], "进行中"), file="b.xlsx")]
    assert said(hear(twice, plan(), empty(Returns), TODAY)) == {IDS[0]: "in_progress"}
    clash = [twice[0], sheet(row(IDS[0], "已完成", "2025-10-01"), row(IDS[1], "进行中"), file="b.xlsx")]
    found = hear(clash, plan(), empty(Returns), TODAY)
    assert said(found) == {IDS[1]: "in_progress"}
    assert set(zip(found.refusals["file"], found.refusals["reason"], strict=True)) == {
        ("a.xlsx", "conflict"), ("b.xlsx", "conflict"),
    }  # fmt: skip


def test_what_was_said_is_taken_back_only_with_a_reason() -> None:
    known = heard(row(IDS[0], "已完成", "2025-10-03"), row(IDS[1], "进行中")).returns
    again = heard(row(IDS[0], "已完成", "2025-10-03"), row(IDS[1], "进行中"), known=known)
    assert again.returns.empty
    assert again.unchanged == 2
    back = heard(row(IDS[0], "进行中"), row(IDS[1], "未开始"), known=known)
    assert refused(back) == [(5, "backwards"), (6, "backwards")]
    with_reason = heard(row(IDS[0], "进行中", why="误报完成"), known=known)
    assert said(with_reason) == {IDS[0]: "in_progress"}
    onward = heard(row(IDS[1], "已完成", "2025-10-05"), known=known)
    assert said(onward) == {IDS[1]: "done"}


def test_no_phone_number_is_kept() -> None:
    found = heard(row(IDS[0], "进行中", evidence="张某 13800138000", why="联系 010-12345678"))
    kept = found.returns.iloc[0]
    assert "138001" not in kept["evidence"]
    assert "1234567" not in kept["override_reason"]
    strange = heard(row("13800138000", "进行中"))
    assert "13800138000" not in strange.refusals["value"].iloc[0]


def test_tasks_are_what_was_issued_and_last_heard() -> None:
    first, second = plan(IDS[:2]), plan(IDS[1:3]).assign(fate="no_capacity")
    told = heard(row(IDS[1], "进行中")).returns
    later = heard(row(IDS[1], "已完成", "2025-10-03"), known=told).returns.assign(said_on=pd.Timestamp("2025-11-01"))
    known = tasks([first, second], pd.concat([told, later], ignore_index=True)).set_index("task_id")
    assert list(known.index) == IDS[:3]
    assert known["fate"].to_dict() == {IDS[0]: "chosen", IDS[1]: "no_capacity", IDS[2]: "no_capacity"}
    assert known["status"].to_dict() == {IDS[0]: "not_started", IDS[1]: "done", IDS[2]: "not_started"}
    assert known.loc[IDS[1], "accepted_on"] == TODAY
    assert tasks([], told).empty
    assert set(tasks([first], empty(Returns))["status"]) == {"not_started"}
