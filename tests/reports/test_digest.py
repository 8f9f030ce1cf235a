import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports import digest
from reports.material import Material
from tests.reports.sample import make, renamed


def lines(text: bytes) -> list[str]:
    return text.decode().splitlines()


def numbered(text: bytes) -> list[str]:
    return [line for line in lines(text) if re.match(r"\d+\. ", line)]


def many(material: Material, times: int) -> Material:
    plan = pd.concat([material.workplan] * times, ignore_index=True)
    names = [f"{name} {n}" for n, name in enumerate(plan["area_name"])]
    rank = range(1, len(plan) + 1)
    return replace(material, workplan=plan.assign(area_name=names, rank=rank, task_id=[str(n) for n in rank]))


def test_a_street_reads_what_where_by_when_how_many_and_how_sure() -> None:
    material = make()
    said = lines(digest.street(material, "S1", "松园街道.xlsx"))
    mine = material.asked[material.asked["street"] == "S1"]
    assert said[0] == "# 松园街道 · 2025年9月预防任务"
    assert said[1] == f"本月应启动 {len(mine)} 项。"
    assert said[2].startswith("**供暖不热**：9 月 30 日前完成平衡调试")
    assert "（2025年9月30日前启动，管2025年11月–2026年3月，牵头 供热单位）" in said[2]
    first = mine.sort_values("rank").iloc[0]
    assert said[3].startswith(
        f"1. {first['area_name']} {first['estate_name']}：预计 {first['expected_requests']:.0f} 件"
    )
    assert "约八成把握" in said[3]
    assert said[-1] == "> 填写后交回工作簿 松园街道.xlsx"
    assert len(numbered(digest.street(material, "S1", "x"))) == len(mine)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_long_list_is_cut_at_a_whole_line_and_says_how_many_are_missing(language: str) -> None:
    material = many(make(language), 30)
    text = digest.street(material, "S1", "x.xlsx")
    asked = int((material.asked["street"] == "S1").sum())
    shown = numbered(text)
    (missing,) = re.findall(r"> (?:另有 )?(\d+)", lines(text)[-1])
    assert digest.LIMIT - 300 < len(text) <= digest.LIMIT
    assert len(shown) + int(missing) == asked
    assert lines(text)[-2] == shown[-1]
    assert [int(line.split(".")[0]) for line in shown] == list(range(1, len(shown) + 1))


def test_a_street_without_tasks_reads_what_comes_next() -> None:
    said = lines(digest.street(replace(make(tasks=False), next_tasks="3 月的防汛"), "S2", "x"))
    assert said[0].startswith("# 河沿街道")
    assert "3 月的防汛" in said[1]
    assert len(said) == 2


def test_the_city_reads_the_headlines_and_each_street_once() -> None:
    material = make()
    said = lines(digest.city(material, "report.html"))
    assert said[0] == "# 示例市 · 2025年9月预防任务"
    counts = [int(line.split("：")[1].split()[0]) for line in numbered("\n".join(said).encode())]
    assert sum(counts) == len(material.asked)
    assert counts == sorted(counts, reverse=True)


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=400))
def test_no_name_breaks_a_line_a_limit_or_becomes_markup(name: str) -> None:
    harmless(digest.street(renamed(make(), name), "S1", "x"))


def test_no_name_spoils_the_message_to_the_city() -> None:
    harmless(digest.city(renamed(make(), "# *a*\n`b` <@all>" * 50), "x"))


def harmless(text: bytes) -> None:
    assert len(text) <= digest.LIMIT
    body = "".join(line.lstrip("#> ").replace("**", "") for line in lines(text))
    assert not set(body) & set("<>*`@#")


def test_a_call_to_everyone_in_a_name_reaches_nobody() -> None:
    assert b"<@all>" not in digest.street(renamed(make(), "<@all> [x](http://y)"), "S1", "x")
