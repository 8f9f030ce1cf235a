"""Candidates + crews + the plan before -> the work plan of the month after `as_of`, ranked and chosen."""

import numpy as np
import pandas as pd

from forecast.playbook import Playbook
from forecast.tables import Workplan, check, conform, empty
from forecast.workplan.candidates import Ground, candidates
from forecast.workplan.choice import choose
from forecast.workplan.moves import moves
from forecast.workplan.options import Plan


def build(
    ground: Ground, playbook: Playbook, plan: Plan, as_of: pd.Timestamp, language: str = "zh", seed: int = 0
) -> pd.DataFrame:
    """Rank the tasks that may begin in the month after `as_of`, and choose those that shall.

    Args:
        ground: forecasts of one model for months after `as_of`, and what explains them.
        playbook: the tasks a city can propose.
        plan: thresholds, crews, shares.
        as_of: first day of the last month before the plan.
        language: zh or en, of actions, parties and reasons.
        seed: of the draw of tasks that are held back.

    Returns:
        Workplan: one row a task and area, ranked by `plan.rank_by` over the months of its window that the forecast
        reaches; `low`..`high` holds about eight times in ten.

    Source: the interval is that of the NegBin with the mean and variance of the sum over the window's months
    (moment matching; `negbin.variance_of_sum`); the choice is that of forecast.workplan.choice.
    """
    tasks = candidates(ground, playbook, plan, as_of, language)
    if tasks.empty:
        return empty(Workplan)
    month = as_of + pd.offsets.MonthBegin(1)
    keys = [plan.rank_by, "area", "category", "start_by", "task_id"]
    tasks = tasks.sort_values(keys, ascending=[False, True, True, True, True], ignore_index=True)
    streets = dict(zip(ground.areas["area"], ground.areas["name"], strict=True))
    tasks = tasks.join(choose(tasks, plan, month, streets, seed))
    carried = tasks["task_id"].isin(ground.previous["task_id"])
    tasks = tasks.assign(
        plan_month=month,
        rank=np.arange(1, len(tasks) + 1),
        chosen=tasks["fate"] == "chosen",
        since=np.where(carried | tasks["going"], "carried_over", "new"),
    )
    return check(Workplan, conform(Workplan, tasks), "work plan")


def changes(built: pd.DataFrame, ground: Ground, playbook: Playbook, plan: Plan, as_of: pd.Timestamp) -> pd.DataFrame:
    """PlanChanges from the last plan issued to `built`."""
    asked = {task.entry for task in plan.every_entry(playbook)}
    return moves(built, ground.previous, ground.tasks, asked, as_of + pd.offsets.MonthBegin(1))
