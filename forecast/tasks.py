"""Plans as issued + Returns -> Tasks: what became of each task, as last heard of."""

from collections.abc import Sequence

import pandas as pd

from forecast.tables import Tasks, check, conform, empty

SAID = ("status", "done_on", "evidence", "cost", "defects_found", "defects_fixed", "override_reason")


def tasks(plans: Sequence[pd.DataFrame], returns: pd.DataFrame) -> pd.DataFrame:
    """Every task that was ever issued.

    Args:
        plans: Workplan of each plan issued, oldest first; what a later one says of a task holds.
        returns: Returns, in the order they were heard; the last one holds. A task may be taken up (`accepted_on`)
            on the day it is first said to be under way or done.

    Returns:
        Tasks, one row a task, in the order they were first issued.
    """
    rows = [plan.drop(columns="since") for plan in plans if len(plan)]
    if not rows:
        return empty(Tasks)
    issued = pd.concat(rows, ignore_index=True)
    order = issued["task_id"].drop_duplicates()
    issued = issued.drop_duplicates("task_id", keep="last").set_index("task_id").loc[order].reset_index()
    last = returns.drop_duplicates("task_id", keep="last").set_index("task_id")
    for name in SAID:
        issued[name] = last[name].reindex(issued["task_id"]).array
    taken_up = returns[returns["status"].isin(["in_progress", "done"])].drop_duplicates("task_id")
    issued["accepted_on"] = taken_up.set_index("task_id")["said_on"].reindex(issued["task_id"]).array
    issued["status"] = issued["status"].fillna("not_started")
    return check(Tasks, conform(Tasks, issued), "tasks")
