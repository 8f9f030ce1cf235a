"""The made city with all a page can tell: a plan before, silent estates, a forecast issued a year ago."""

from dataclasses import replace
from functools import lru_cache

import pandas as pd

from forecast.tables import ALL, PlanChanges, SilentEstates, check, conform
from reports.material import Language, Material
from tests.reports.sample import make


@lru_cache
def full(language: Language = "zh", *, polygons: bool = True) -> Material:
    """`make` with changes, silent estates and year_before."""
    material = make(language, polygons=polygons)
    plan = material.workplan.copy()
    plan["since"] = ["new" if n < 6 else "carried_over" for n in range(len(plan))]
    return replace(
        material, workplan=plan, changes=changes(plan), silent=silent(material), year_before=year_before(material)
    )


def changes(plan: pd.DataFrame) -> pd.DataFrame:
    """Six tasks of `plan` new, the others kept, and three dropped."""
    rows = plan.assign(
        change=plan["since"],
        why=["due" if since == "new" else "still_due" for since in plan["since"]],
        rank_before=plan["rank"].where(plan["since"] != "new"),
        expected_before=plan["expected_requests"].where(plan["since"] != "new"),
        fate_before=plan["fate"].where(plan["since"] != "new"),
    )
    gone = rows.tail(3).assign(task_id=["gone1", "gone2", "gone3"], change="dropped", why=["done", "done", "few"])
    gone = gone.assign(rank=None, expected_requests=None, fate=None)
    return check(PlanChanges, conform(PlanChanges, pd.concat([rows, gone], ignore_index=True)))


def silent(material: Material) -> pd.DataFrame:
    """Two estates that report too little, and one of which it cannot be said."""
    estates = list(material.estates["estate"][:3])
    rows = [
        (estates[0], 12.0, 1.0, 0.93, True, "both", "预计 12 件，只反映 1 件", "12 expected, 1 reported"),
        (estates[1], 8.0, 1.0, 0.71, True, "place", "周边都有反映", "Its neighbours report"),
        (estates[2], 1.0, 0.0, None, False, "few", "预计太少", "Too few expected"),
    ]
    names = ["estate", "expected", "reported", "probability", "listed", "ground", "reason", "reason_en"]
    frame = pd.DataFrame(rows, columns=names).assign(category=ALL, as_of=material.as_of, spread=0.3)
    return check(SilentEstates, conform(SilentEstates, frame.assign(score=100 * frame["probability"])))


def year_before(material: Material) -> pd.DataFrame:
    """Means as if issued a year ago: those of today, half as high again."""
    rows = material.forecasts[material.forecasts["output"] == "mean"]
    rows = rows.assign(month=rows["month"] - pd.DateOffset(years=1), predicted=1.5 * rows["predicted"])
    return rows[["area", "category", "month", "predicted"]].reset_index(drop=True)
