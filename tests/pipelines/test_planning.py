"""A run's tables -> what a plan and its reports are made from, in this process or in two."""

import pandas as pd
import pytest

from forecast.forecaster import COMBINATION
from pipelines import planning
from reports import workbook
from reports.catalogue import in_turn
from reports.leaf import by_street, leaf
from tests.reports.sample import AS_OF, make


def test_workbooks_drawn_in_two_processes_are_those_drawn_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def two(tasks: int, memory: int) -> int:
        asked.append(tasks)
        return 2

    monkeypatch.setattr(planning, "MANY", 3)
    monkeypatch.setattr("pipelines.engine.default_jobs", two)
    material = make()
    about, city = workbook.about(material), by_street(material)
    leaves = [leaf(city, code) for code in material.streets]
    with planning._sharing() as share:
        drawn = list(share(workbook.draw, about, iter(leaves), 3))
    assert asked == [3]
    assert drawn == list(in_turn(workbook.draw, about, leaves, 3))
    assert drawn == [workbook.street(material, code) for code in material.streets]


def test_of_all_forecasts_a_plan_takes_what_the_combination_said_and_reads() -> None:
    said = make().forecasts.assign(model=COMBINATION)
    other = said.assign(model="theta", predicted=-1.0)
    found = planning.Found(AS_OF, AS_OF, {"forecasts": pd.concat([other, said], ignore_index=True)})
    rows = planning._issued(found, "mean", "quantile")
    kept = said[said["output"] != "variance"]
    for name in ("area", "category", "month", "output", "level", "predicted"):
        assert rows[name].astype(kept[name].dtype).reset_index(drop=True).equals(kept[name].reset_index(drop=True))
