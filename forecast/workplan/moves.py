"""A plan, the one before, and what streets said of their tasks -> what is new, carried over and dropped, and why."""

import numpy as np
import pandas as pd

from forecast.tables import PlanChanges, check, conform

NAMES = ["area", "area_name", "street", "street_name", "category_name", "action"]


def moves(
    plan: pd.DataFrame, before: pd.DataFrame, tasks: pd.DataFrame, asked: set[str], plan_month: pd.Timestamp
) -> pd.DataFrame:
    """What changed from the plan before.

    Args:
        plan, before: Workplan of `plan_month`, and the last one issued before it (may be of the same month).
        tasks: Tasks, what streets have said.
        asked: entries of the playbook in use.
        plan_month: first day of the month of `plan`.

    Returns:
        PlanChanges: the tasks of either plan; new ones first, then those carried over, then those dropped.
    """
    columns = {"rank": "rank_before", "expected_requests": "expected_before", "fate": "fate_before"}
    past = before[["task_id", *columns, *NAMES, "entry", "start_by"]].rename(columns=columns)
    following = plan_month + pd.DateOffset(months=1)
    now = plan[["task_id", "rank", "expected_requests", "fate", "begin", "start_by", *NAMES]]
    both = now.merge(past, on="task_id", how="outer", suffixes=("", "_past"))
    for name in NAMES:
        both[name] = both[name].where(both["rank"].notna(), both[f"{name}_past"])
    here, there = both["rank"].notna(), both["rank_before"].notna()
    both["change"] = np.select([here & there, here], ["carried_over", "new"], "dropped")
    status = both["task_id"].map(tasks.set_index("task_id")["status"])
    both["why"] = np.select(
        [
            here & (status == "in_progress").to_numpy(bool),
            here & there,
            here & both["begin"].gt(plan_month),
            here & both["begin"].eq(plan_month) & both["start_by"].gt(following),
            here,
            (status == "done").to_numpy(bool),
            (status == "declined").to_numpy(bool),
            ~both["entry"].isin(asked),
            both["start_by_past"] <= plan_month,
        ],
        ["in_progress", "still_due", "ahead", "early", "due", "done", "declined", "not_asked", "passed"],
        "few",
    )
    place = both["change"].map({"new": 0, "carried_over": 1, "dropped": 2})
    both = both.assign(place=place, order=both["rank"].fillna(both["rank_before"]))
    both = both.sort_values(["place", "order", "task_id"], ignore_index=True)
    return check(PlanChanges, conform(PlanChanges, both), "changes of the plan")
