from dataclasses import replace

import pytest

from reports import changes
from reports.texts import Words
from tests.reports.full import full
from tests.reports.sample import make


def test_new_kept_and_dropped_tasks_are_counted_with_their_reasons() -> None:
    said = changes.sentences(full(), Words("zh"))
    kept = len(full().workplan) - 6
    assert said == [
        f"新列入 6 项，延续 {kept} 项，去掉 3 项。",
        "新列入的原因：到了该启动的时候 6 项。",
        f"延续的：仍可启动 {kept} 项。",
        "去掉的原因：街道已完成 2 项、现在预计的件数太少 1 项。",
    ]


def test_a_changed_fate_is_told() -> None:
    material = full()
    rows = material.changes.copy()
    rows.loc[rows["change"] == "carried_over", "fate_before"] = "later"
    kept = int((rows["change"] == "carried_over").sum())
    assert changes.sentences(replace(material, changes=rows), Words("en"))[-1].startswith(f"{kept} of those")


def test_the_first_plan_says_so() -> None:
    material = make()
    first = f"这是第一份计划，或上一份计划里没有任务：{len(material.workplan)} 项都是新列入的。"
    assert changes.sentences(material, Words("zh")) == [first]
    new = full().changes
    new = new[new["change"] == "new"]
    assert changes.sentences(replace(material, changes=new), Words("zh"))[0].endswith("6 项都是新列入的。")
    assert "都没有任务" in changes.sentences(make(tasks=False), Words("zh"))[0]


def test_dropped_tasks_are_named_and_a_long_list_says_where_the_rest_is(monkeypatch: pytest.MonkeyPatch) -> None:
    words = Words("zh")
    rows = changes.dropped(full(), words)
    assert sorted(row["why"] for row in rows) == ["现在预计的件数太少", "街道已完成", "街道已完成"]
    assert changes.cut(full(), words) == ""
    monkeypatch.setattr(changes, "LISTED", 1)
    assert len(changes.dropped(full(), words)) == 1
    assert "其余 2 项" in changes.cut(full(), words)
