from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.tables import UNCLASSIFIED, Scores, conform
from reports import accuracy, findings
from reports.material import Language, Material
from reports.texts import Words
from tests.reports.sample import make


def test_headlines_say_how_much_what_rises_and_what_must_start() -> None:
    material = make()
    total, rise, plan = findings.headlines(material, Words("zh"))
    coming = material.coming_of("city")
    assert coming is not None
    more = round(coming.expected) - round(coming.last_year)
    assert total == (
        f"2025年9月–11月示例市预计 {coming.expected:,.0f} 件诉求，10 次里至少约 8 次落在 "
        f"{coming.low:,.0f}–{coming.high:,.0f} 件，比去年同期多 {more} 件（去年同期 {coming.last_year:.0f} 件）。"
    )
    assert rise.startswith("增加最多的是供暖不热：")
    assert "22 项预防任务" in plan
    assert "河沿二社区 · 供暖不热" in plan


def test_what_has_no_category_is_no_headline() -> None:
    material = make()
    relabel = {"category": material.panel["category"].replace("H1", UNCLASSIFIED)}
    forecasts = material.forecasts.assign(category=material.forecasts["category"].replace("H1", UNCLASSIFIED))
    nameless = replace(material, panel=material.panel.assign(**relabel), forecasts=forecasts)
    assert "未分类" not in "".join(findings.headlines(nameless, Words("zh"))[:2])


def test_a_partial_comparison_says_where() -> None:
    material = make()
    panel = material.panel
    gone = (panel["area"] == panel["area"].iloc[0]) & (panel["month"] == pd.Timestamp("2024-10-01"))
    line = findings.headlines(replace(material, panel=panel[~gone]), Words("zh"))[0]
    assert "；两年都有数据的 11 个社区比去年同期多" in line


def test_without_intervals_the_headline_says_so() -> None:
    material = make()
    material = replace(material, forecasts=material.forecasts[material.forecasts["output"] == "mean"])
    assert "没有区间可报" in findings.headlines(material, Words("zh"))[0]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_forecast_no_figures(language: Language) -> None:
    material = make(language, tasks=False)
    lines = findings.headlines(replace(material, forecasts=material.forecasts.head(0)), Words(language))
    assert len(lines) == 2
    assert not any("nan" in line.lower() for line in lines)


def test_empty_plan_names_the_next_window_when_it_is_known() -> None:
    material = make(tasks=False)
    assert findings.plan_headline(material, Words("zh")).endswith("预计诉求最多的月份是 2026年1月（641 件）。")
    known = replace(material, next_tasks="3 月的防汛")
    assert findings.plan_headline(known, Words("zh")) == "2025年9月无需启动的任务：最近的窗口是 3 月的防汛。"


def test_late_tasks_are_counted() -> None:
    material = make()
    plan = material.workplan.assign(on_time=False)
    assert "其中 22 项已来不及" in findings.plan_headline(replace(material, workplan=plan), Words("zh"))


def test_risk_reasons_are_the_largest_points_without_the_base() -> None:
    table = findings.risk_table(make(), Words("zh"))
    first = table.iloc[0]
    assert table["score"].is_monotonic_decreasing
    assert [reason.split("（")[0] for reason in first["reasons"]] == ["本小区历史诉求", "楼龄", "供热管网年份"]
    assert first["reasons"][0] == f"本小区历史诉求（{0.3 * first['score']:.0f} 分）"


def test_risk_table_of_each_street_holds_its_first_estates() -> None:
    every = findings.risk_table(make(), Words("zh"), limit=10**6)
    table = findings.risk_table(make(), Words("zh"), limit=3, of_each_street=True)
    assert set(table["street"]) == set(every["street"].dropna())
    for street, rows in table.groupby("street"):
        first = every[every["street"] == street].head(3)
        assert rows["estate"].tolist() == first["estate"].tolist()
        assert rows["reasons"].tolist() == first["reasons"].tolist()


def test_data_sentences_carry_every_count() -> None:
    text = "".join(findings.data_sentences(make(), Words("zh")))
    for count in ("30,443", "17,347", "43", "371", "12,682", "167", "164"):
        assert f" {count} 行" in text or f"{count} 行" in text
    assert "“不详”（88 次）" in text


def test_rows_after_the_last_month_are_said_not_to_count() -> None:
    material = make()
    assert "没有用" not in "".join(findings.data_sentences(material, Words("zh")))
    later = material.sources.assign(last_day=pd.Timestamp("2025-10-04"))
    assert "晚于2025年8月的记录" in "".join(findings.data_sentences(replace(material, sources=later), Words("zh")))


def test_stale_data_are_called_stale() -> None:
    material = make()
    old = replace(material, origin=material.as_of - pd.DateOffset(months=1))
    assert "数据只到2025年7月" in "".join(findings.data_sentences(old, Words("zh")))


def scored(material: Material, figures: dict[str, float]) -> Material:
    rows = [("m", pd.Timestamp("2025-01-01"), 0, "all", name, value) for name, value in figures.items()]
    columns = list(Scores.to_schema().columns)
    return replace(material, scores=conform(Scores, pd.DataFrame(rows, columns=columns)))


def test_accuracy_in_words() -> None:
    lines = accuracy.sentences(make(), Words("zh"))
    assert lines[0] == "预测区间可信吗：80 % 区间应当 10 次里约 8 次落在区间内，实测 78.9 %。"
    assert any("名单所含件数的 87 %" in line for line in lines)
    assert any("1.08 倍" in line for line in lines)
    assert "5 个以往的月末（2025年1月至2025年5月）" in lines[-1]
    assert accuracy.by_horizon(make(), Words("zh")) == [("1", "78.9 %", "32 %"), ("3", "78.9 %", "34 %")]


def test_an_interval_too_wide_says_why() -> None:
    assert "因此偏高" in accuracy.sentences(scored(make(), {"coverage_80": 0.93}), Words("zh"))[0]


@pytest.mark.parametrize(("bias", "said"), [(0.021, "平均偏高 2.1 %"), (-0.05, "平均偏低 5 %"), (0.0001, "")])
def test_bias_has_a_direction(bias: float, said: str) -> None:
    lines = accuracy.sentences(scored(make(), {"bias": bias, "wape": 0.3}), Words("zh"))
    assert (said in "".join(lines)) if said else not any("偏高" in line or "偏低" in line for line in lines)


def test_unknown_or_missing_scores_are_no_accuracy() -> None:
    none = [Words("zh")("accuracy.none")]
    assert accuracy.sentences(make(scores=False), Words("zh")) == none
    assert accuracy.sentences(scored(make(), {"coverage_80": np.nan}), Words("zh")) == none
