from dataclasses import replace

import pandas as pd
import pytest

from forecast.tables import ALL
from reports import series
from reports.material import Material, records
from tests.reports.full import full
from tests.reports.sample import AS_OF, make

WIDTH = len(series.FIGURES)


def line(material: Material, area: str, category: str) -> series.Line:
    (found,) = series.lines(material, [(area, category)])
    return found


def came(material: Material, area: str, category: str) -> list[int]:
    """Requests of every month, row by row."""
    above = dict(zip(material.areas["area"], material.areas["parent"], strict=True))
    months: dict[pd.Timestamp, int] = {}
    for row in records(material.panel):
        at = row["area"]
        while isinstance(at, str) and at != area:
            at = above.get(at)
        if at == area and category in (ALL, row["category"]):
            months[row["month"]] = months.get(row["month"], 0) + row["orders"]
    return [months[month] for month in sorted(months)]


@pytest.mark.parametrize(("area", "category"), [("city", ALL), ("S1", "H1"), ("110105000003", "2A"), ("S2", ALL)])
def test_a_line_holds_what_came_and_what_is_expected(area: str, category: str) -> None:
    material = make()
    found = line(material, area, category)
    assert found.past == came(material, area, category)[-series.HISTORY_MONTHS :]
    ahead = material.outlook
    ahead = ahead[(ahead["area"] == area) & (ahead["category"] == category)].sort_values("month")
    assert len(found.ahead) == 12 * WIDTH
    for n, row in enumerate(ahead.to_dict("records")):
        figures = [float(value) for value in found.ahead[n * WIDTH : (n + 1) * WIDTH] if value is not None]
        step = dict(zip(series.FIGURES, figures, strict=True))
        assert step["mean"] == pytest.approx(row["mean"], abs=0.5)
        assert (
            0 <= step["low95"] <= step["low80"] <= step["low50"] <= step["high50"] <= step["high80"] <= step["high95"]
        )
        assert [step[name] for name in series.FIGURES[1:]] == [row[name] for name in series.FIGURES[1:]]


def test_a_month_nobody_covered_is_unknown_and_not_zero() -> None:
    material = make()
    gap = material.panel["month"] == pd.Timestamp("2025-03-01")
    assert line(replace(material, panel=material.panel[~gap]), "city", ALL).past[-6] is None
    here = gap & (material.panel["area"] == "110105000001")
    material = replace(material, panel=material.panel[~here])
    assert line(material, "110105000001", ALL).past[-6] is None
    assert line(material, "S1", ALL).past[-6] is not None


def test_a_forecast_of_a_year_ago_stands_in_its_months() -> None:
    material = full()
    found = line(material, "S1", "H1")
    rows = material.year_before
    rows = rows[(rows["area"] == "S1") & (rows["category"] == "H1")].sort_values("month")
    assert rows["month"].max() == AS_OF
    assert found.before == pytest.approx(rows["predicted"].tolist(), abs=0.5)
    assert line(make(), "S1", "H1").before == []


def test_wide_places_come_first_then_tasks_then_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    material = make()
    categories = series.choices(material)
    everything = series.wanted(material, categories)
    assert len(everything) == len(set(everything)) == (1 + 3 + 12) * 7
    assert {area for area, _ in everything[:28]} == {"city", "S1", "S2", "S3"}
    tasks = list(material.workplan[["area", "category"]].itertuples(index=False, name=None))
    assert everything[28 : 28 + len(tasks)] == tasks
    monkeypatch.setattr(series, "LINES", 40)
    assert series.wanted(material, categories) == everything[:40]
