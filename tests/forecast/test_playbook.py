"""Which tasks are due: start-by dates, wrapping windows, lateness."""

import pandas as pd
import pytest

from forecast.errors import ConfigError
from forecast.playbook import GENERAL, Playbook, Task, Window, due, upcoming, validate


def task(entry: str = "t", **options: object) -> Task:
    base: dict[str, object] = {
        "entry": entry,
        "categories": ("H1",),
        "windows": (Window(start="11-07", end="01-31"),),
        "lead_days": 45,
        "action": "检查",
        "lead_party": "供热单位",
    }
    return Task.model_validate(base | options)


def at(month: str) -> pd.Timestamp:
    return pd.Timestamp(f"{month}-01")


def test_the_august_plan_carries_november_heating() -> None:
    found = due(Playbook(tasks=(task(start_by="10-01"),)), at("2022-08"))
    assert found[["start_by", "window_start", "window_end"]].iloc[0].tolist() == [
        pd.Timestamp("2022-10-01"),
        pd.Timestamp("2022-11-07"),
        pd.Timestamp("2023-01-31"),
    ]
    assert found["on_time"].tolist() == [True]


@pytest.mark.parametrize("year", [2022, 2023, 2024])
@pytest.mark.parametrize("start_by", [None, "10-01", "09-01", "02-29", "12-31"])
def test_every_window_is_due_on_time_exactly_once(year: int, start_by: str | None) -> None:
    playbook = Playbook(tasks=(task(start_by=start_by),))
    months = pd.date_range(f"{year - 1}-01-01", f"{year + 1}-12-01", freq="MS")
    found = pd.concat([due(playbook, month) for month in months])
    assert (found[found["on_time"]]["window_start"] == pd.Timestamp(year, 11, 7)).sum() == 1


def test_a_missed_start_is_late_until_the_window_opens() -> None:
    playbook = Playbook(tasks=(task(start_by="10-01"),))
    lateness = {
        month: due(playbook, at(month))["on_time"].tolist() for month in ("2022-08", "2022-09", "2022-10", "2022-11")
    }
    assert lateness == {"2022-08": [True], "2022-09": [False], "2022-10": [False], "2022-11": []}


def test_of_two_late_tasks_the_shorter_lead_stays() -> None:
    playbook = Playbook(tasks=(task("visit", lead_days=210), task("inspect", start_by="10-01")))
    found = due(playbook, at("2022-10"))
    assert found["position"].tolist() == [1]


def test_a_late_task_gives_way_to_one_on_time() -> None:
    playbook = Playbook(tasks=(task("slow"), task("quick", lead_days=5)))
    assert due(playbook, at("2022-10"))["position"].tolist() == [1]


def test_work_that_goes_on_all_year_is_never_late() -> None:
    quarters = [Window(start=f"{m:02d}-01", end=f"{m + 2:02d}-28") for m in (1, 4, 7, 10)]
    playbook = Playbook(tasks=(task(windows=tuple(quarters), lead_days=90),))
    found = pd.concat([due(playbook, month) for month in pd.date_range("2021-12-01", periods=12, freq="MS")])
    assert found["on_time"].all()
    assert len(found) == 4


def test_the_general_task_is_due_once_every_month() -> None:
    months = pd.date_range("2021-12-01", periods=36, freq="MS")
    assert [len(due(Playbook(tasks=(GENERAL,)), month)) for month in months] == [1] * 36


def test_an_empty_month_names_the_nearest_window() -> None:
    playbook = Playbook(tasks=(task(start_by="10-01"),))
    assert due(playbook, at("2022-03")).empty
    assert upcoming(playbook, at("2022-03"))["window_start"].tolist() == [pd.Timestamp("2022-11-07")]
    assert upcoming(Playbook(tasks=()), at("2022-03")).empty


def test_all_faults_of_a_playbook_are_told_at_once() -> None:
    playbook = Playbook(tasks=(task("a"), task("a", categories=("nope",))))
    with pytest.raises(ConfigError) as caught:
        validate(playbook, ["H1"])
    assert len(caught.value.faults) == 2
    assert "nope" in str(caught.value)
