from dataclasses import replace

import pandas as pd
import pytest

from forecast.tables import Drift, LiveScores, conform
from reports import live, page, workbook
from reports.material import Language, Material
from reports.texts import Words
from tests.reports.sample import AS_OF, make

ISSUED = AS_OF - pd.DateOffset(months=1)


def scored(material: Material, observed: float = 90.0) -> pd.DataFrame:
    segments = {"all": observed, **{f"category={code}": 20.0 for code in material.categories["category"]}}
    segments["category=H1"] = 31.0
    rows = [
        {"issued": ISSUED, "month": AS_OF, "horizon": 1, "segment": segment, "cells": 72, "expected": 100.0}
        | {"low80": 15.0 if segment != "all" else 80.0, "high80": 30.0 if segment != "all" else 120.0, "sd": 9.0}
        | {"observed": came, "wape": 0.3, "bias": 0.1, "coverage_80": 0.8, "z": (came - 20) / 9}
        for segment, came in segments.items()
    ]
    return conform(LiveScores, pd.DataFrame(rows))


def charted(**changes: object) -> pd.DataFrame:
    calm = {"months": 2, "z": 0.3, "z_limit": 2.6, "ewma": 0.1, "limit": 1.1}
    calm |= {"far": False, "lasting": False, "alarm": False}
    rows = [
        calm | {"segment": segment, "month": month} | (changes if (segment, month) == ("category=H1", AS_OF) else {})
        for segment in ("all", "category=H1")
        for month in (ISSUED, AS_OF)
    ]
    return conform(Drift, pd.DataFrame(rows))


def looked_back(language: Language = "zh", **changes: object) -> Material:
    material = make(language)
    return replace(material, live_scores=scored(material), drift=charted(**changes))


@pytest.mark.parametrize(("language", "none"), [("zh", "下月起可复盘"), ("en", "from next month on")])
def test_without_earlier_runs_it_is_said_when_there_will_be_one(language: Language, none: str) -> None:
    lines = live.sentences(make(language), Words(language))
    assert len(lines) == 1
    assert none in lines[0]
    assert none in page.render(make(language)).decode()


def test_last_month_in_words() -> None:
    lines = live.sentences(looked_back(), Words("zh"))
    assert lines[0].startswith("没有警报：2 个项目")
    assert "预计 100 件，约八成把握 80–120 件；实际 90 件，落在区间内" in lines[1]
    assert "6 个类别中有 1 个落在" in lines[2]
    assert "供暖不热 31 件（区间 15–30 件）" in lines[2]
    assert "72 格" in lines[3]
    assert "2025年7月末发出" in lines[4]


@pytest.mark.parametrize(
    ("z", "lasting", "said"),
    [
        (5.0, False, "远高于预测"),
        (-5.0, False, "远低于预测"),
        (1.9, True, "持续高于预测"),
        (-1.9, True, "持续低于预测"),
    ],
)
def test_alarms_come_first(z: float, lasting: bool, said: str) -> None:
    material = looked_back(z=z, ewma=z, far=not lasting, lasting=lasting, alarm=True, since=ISSUED)
    first, *rest = live.sentences(material, Words("zh"))
    assert first.startswith("警报：供暖不热")
    assert said in first
    assert ("2025年7月" in first) == lasting
    assert not any("警报" in line for line in rest)


def test_an_alarm_of_an_earlier_month_is_not_told_again() -> None:
    material = looked_back()
    old = material.drift.assign(alarm=material.drift["month"] == ISSUED, far=material.drift["month"] == ISSUED)
    assert live.alarms(replace(material, drift=old), Words("zh"))[0].startswith("没有警报")


def test_the_chart_needs_two_months_and_knows_the_categories() -> None:
    material = looked_back()
    rows = live.chart_rows(material, ["*", "H1", "2A"])
    assert [(row["c"], row["m"][:7]) for row in rows] == [
        (0, "2025-07"),
        (0, "2025-08"),
        (1, "2025-07"),
        (1, "2025-08"),
    ]
    assert all(row["d"] == -row["u"] for row in rows)
    one = replace(material, drift=material.drift[material.drift["month"] == AS_OF])
    assert live.chart_rows(one, ["*"]) == []
    assert 'id="chart-live"' in page.render(material).decode()
    assert 'id="chart-live"' not in page.render(one).decode()


def test_without_an_interval_the_figures_are_told_bare() -> None:
    material = looked_back()
    bare = material.live_scores.assign(low80=float("nan"), high80=float("nan"), coverage_80=float("nan"))
    lines = live.sentences(replace(material, live_scores=bare), Words("en"))
    assert "100 expected, 90 came (no interval" in lines[1]
    assert not any("nan" in line for line in lines)


def test_the_city_workbook_says_the_same() -> None:
    assert workbook.city(looked_back()) != workbook.city(make())
