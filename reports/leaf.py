"""Material -> Leaf: what the workbook of one street says of its tasks, small enough to be drawn by any process."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports import findings
from reports.lookup import Indexed, indexed
from reports.material import ASKED, Language, Material
from reports.past import of_cells, seasonal
from reports.texts import Words

MONTHS_SHOWN = 24
"""Past months behind a line of the sheet of reasons."""

CELL = ["area", "category"]


@dataclass(frozen=True, eq=False)
class Leaf:
    """What one street is told.

    Args:
        title, notes: of the list to fill in.
        plan: its tasks (Workplan) by rank. months: its cells' months ahead; see `ahead`.
        past: (cells, past_months) requests of each cell of `plan`, in its order; NaN = not covered.
        risk: its estates; see findings.risk_table.
    """

    language: Language
    as_of: pd.Timestamp
    plan_month: pd.Timestamp
    place: str
    title: str
    notes: list[str]
    plan: pd.DataFrame
    months: pd.DataFrame
    past: np.ndarray
    past_months: pd.DatetimeIndex
    risk: pd.DataFrame


@dataclass(frozen=True, eq=False)
class ByStreet:
    """Tables of the whole city, each asked for one street after another: tasks, months ahead of cells, estates."""

    material: Material
    plan: Indexed
    months: Indexed
    risk: Indexed


def by_street(material: Material) -> ByStreet:
    """What all leaves are taken from."""
    plan, words = material.workplan.sort_values("rank"), Words(material.language)
    risk = findings.risk_table(material, words, of_each_street=True)
    return ByStreet(
        material, indexed(plan, "street"), indexed(ahead(material, plan), "street"), indexed(risk, "street")
    )


def leaf(city: ByStreet, street: str) -> Leaf:
    """What the workbook of a street is drawn from."""
    material, plan = city.material, city.plan.of([street])
    words, place = Words(material.language), material.streets[street]
    title, notes = heading(material, words, place, plan[plan["fate"].isin(ASKED)])
    months = pd.date_range(end=material.origin, periods=MONTHS_SHOWN, freq="MS")
    cells = once(plan)
    known, at = of_cells(material.past, cells["area"], cells["category"]), material.past.months.get_indexer(months)
    past = np.where(at >= 0, known[:, at], np.nan) if known.size else np.full((len(cells), len(months)), np.nan)
    return Leaf(
        material.language, material.as_of, material.plan_month, place, title, notes, plan,
        city.months.of([street]), past, months, city.risk.of([street]),
    )  # fmt: skip


def heading(material: Material, words: Words, place: str, tasks: pd.DataFrame) -> tuple[str, list[str]]:
    """Title and notes of a list of tasks."""
    title = words("book.tasks", place=place, month=words.month(material.plan_month))
    if tasks.empty:
        return title, [findings.no_plan(material, words)]
    return title, [words("book.tasks.sum", n=len(tasks), late=findings.late(tasks, words))]


def once(plan: pd.DataFrame) -> pd.DataFrame:
    """A task of each cell of the plan, in its order."""
    return plan.drop_duplicates(CELL)


def ahead(material: Material, plan: pd.DataFrame) -> pd.DataFrame:
    """Outlook of the plan's cells with the same month of past years and whether a task's window holds the month."""
    cells = plan.groupby(CELL, as_index=False).agg(
        street=("street", "first"), area_name=("area_name", "first"), category_name=("category_name", "first"),
        rank=("rank", "min"),
    )  # fmt: skip
    rows = cells.merge(material.outlook_by_area.of(cells["area"]), on=CELL)
    windows = rows[[*CELL, "month"]].merge(plan[[*CELL, "window_start", "window_end"]], on=CELL)
    ends = windows["month"] + pd.offsets.MonthEnd()
    windows = windows[(windows["month"] <= windows["window_end"]) & (ends >= windows["window_start"])]
    inside = windows.drop_duplicates([*CELL, "month"])[[*CELL, "month"]].assign(in_window=True)
    rows = rows.merge(inside, on=[*CELL, "month"], how="left")
    rows["in_window"] = rows["in_window"].notna()
    counts = of_cells(material.past, rows["area"], rows["category"])
    return with_past(rows, counts, material.past.months).sort_values(["rank", "month"], ignore_index=True)


def with_past(rows: pd.DataFrame, counts: np.ndarray, months: pd.DatetimeIndex) -> pd.DataFrame:
    """`rows` with `last_year` and `normal` of their `month`; `counts`: (rows, months) requests of each row's cell."""
    last, normal = seasonal(counts, months, pd.DatetimeIndex(rows["month"]))
    return rows.assign(last_year=last, normal=normal)
