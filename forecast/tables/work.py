"""Tables: the plan, its changes, and what became of its tasks."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import Table

FATES = ("chosen", "later", "held_back", "no_capacity", "late")
"""What a plan does with a task: begin it this month, in a later one, hold it back at random to learn from it, leave
it for want of crews, call it too late."""


class Workplan(Table):
    """Tasks to begin in `plan_month`, ranked by expected requests over the months the task acts on.

    `party` is the lead party as the playbook calls it first, whatever the language. `begin`: the month the task is
    planned to begin in, null for one that is not. `avoidable_per_crew_day`: preventable requests by crew-days (at
    least a tenth of a day). `priority`: what tasks are ranked by, raised where such requests are settled too seldom.
    `expected_wet`, `expected_cold`: in wet or cold weather (Scenarios); null without weather.
    `pattern`: what the cell is (Patterns). `borderline`: of those the held back were drawn from. `chosen`: fate =
    chosen. `since`: new, or carried over from the last plan.
    """

    plan_month: Series[pd.Timestamp]
    rank: Series[int] = pa.Field(ge=1)
    task_id: Series[str] = pa.Field(unique=True)
    area: Series[str]
    area_name: Series[str]
    street: Series[str]
    street_name: Series[str]
    estate: Series[str] = pa.Field(nullable=True)
    estate_name: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    category_name: Series[str]
    entry: Series[str]
    action: Series[str]
    lead_party: Series[str]
    party: Series[str]
    support: Series[str]
    evidence: Series[str]
    start_by: Series[pd.Timestamp]
    window_start: Series[pd.Timestamp]
    window_end: Series[pd.Timestamp]
    peak_month: Series[pd.Timestamp]
    expected_requests: Series[float] = pa.Field(ge=0)
    low: Series[float] = pa.Field(ge=0)
    high: Series[float] = pa.Field(ge=0)
    normal: Series[float] = pa.Field(nullable=True, ge=0)
    excess_over_normal: Series[float] = pa.Field(nullable=True)
    last_year: Series[float] = pa.Field(nullable=True, ge=0)
    expected_wet: Series[float] = pa.Field(nullable=True, ge=0)
    expected_cold: Series[float] = pa.Field(nullable=True, ge=0)
    preventable: Series[float] = pa.Field(ge=0)
    preventable_share: Series[float] = pa.Field(ge=0, le=1)
    risk_score: Series[float] = pa.Field(nullable=True, ge=0, le=100)
    risk_grade: Series[str] = pa.Field(nullable=True)
    crew_days: Series[float] = pa.Field(ge=0)
    avoidable_per_crew_day: Series[float] = pa.Field(ge=0)
    priority: Series[float] = pa.Field(ge=0)
    pattern: Series[str] = pa.Field(nullable=True)
    safety: Series[bool]
    on_time: Series[bool]
    begin: Series[pd.Timestamp] = pa.Field(nullable=True)
    fate: Series[str] = pa.Field(isin=FATES)
    borderline: Series[bool]
    chosen: Series[bool]
    since: Series[str] = pa.Field(isin=["new", "carried_over"])
    reason: Series[str]


class PlanChanges(Table):
    """What a plan holds that the one before did not, what it kept, and what it dropped, with why.

    due             its time has come
    early           begun early, as crews are short later
    ahead           planned for a later month
    in_progress     work goes on
    still_due       it was there and may still begin
    done, declined  the street has said so
    passed          its time to begin has passed
    few             too few requests are expected now
    not_asked       the playbook or the list of silent estates no longer names it
    """

    task_id: Series[str] = pa.Field(unique=True)
    change: Series[str] = pa.Field(isin=["new", "carried_over", "dropped"])
    why: Series[str] = pa.Field(
        isin=["due", "early", "ahead", "in_progress", "still_due", "done", "declined", "passed", "few", "not_asked"]
    )
    area: Series[str]
    area_name: Series[str]
    street: Series[str]
    street_name: Series[str]
    category_name: Series[str]
    action: Series[str]
    rank_before: Series[float] = pa.Field(nullable=True, ge=1)
    rank: Series[float] = pa.Field(nullable=True, ge=1)
    expected_before: Series[float] = pa.Field(nullable=True, ge=0)
    expected_requests: Series[float] = pa.Field(nullable=True, ge=0)
    fate_before: Series[str] = pa.Field(nullable=True)
    fate: Series[str] = pa.Field(nullable=True)


STATUSES = ("not_started", "in_progress", "done", "declined")
"""未开始, 进行中, 已完成, 不采纳."""

REFUSED = (
    "unknown_task", "unknown_status", "no_status", "not_begun", "no_date", "no_reason", "bad_date", "future",
    "too_old", "backwards", "conflict", "bad_figure", "no_columns",
)  # fmt: skip
"""Why a row, or a cell, of a returned list is not taken."""


class Tasks(Table):
    """What became of each task a plan ever issued, as last heard of.

    `fate` is that of the last plan that held it; `borderline`: the draw of what is held back was made among these.
    `cost`: yuan. `defects_found`, `defects_fixed`: problems the work
    turned up, and those mended. A declined task has an `override_reason`, a done one the day `done_on`.
    """

    task_id: Series[str] = pa.Field(unique=True)
    plan_month: Series[pd.Timestamp]
    area: Series[str]
    street: Series[str]
    estate: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    entry: Series[str]
    start_by: Series[pd.Timestamp]
    window_start: Series[pd.Timestamp]
    window_end: Series[pd.Timestamp]
    expected_requests: Series[float] = pa.Field(ge=0)
    preventable_share: Series[float] = pa.Field(ge=0, le=1)
    crew_days: Series[float] = pa.Field(ge=0)
    safety: Series[bool]
    borderline: Series[bool]
    fate: Series[str] = pa.Field(isin=FATES)
    status: Series[str] = pa.Field(isin=STATUSES)
    accepted_on: Series[pd.Timestamp] = pa.Field(nullable=True)
    done_on: Series[pd.Timestamp] = pa.Field(nullable=True)
    evidence: Series[str] = pa.Field(nullable=True)
    cost: Series[float] = pa.Field(nullable=True, ge=0)
    defects_found: Series[float] = pa.Field(nullable=True, ge=0)
    defects_fixed: Series[float] = pa.Field(nullable=True, ge=0)
    override_reason: Series[str] = pa.Field(nullable=True)


class Returns(Table):
    """What streets said of their tasks, one row each time, in the order it was heard; nothing is ever overwritten.

    `said_on`: the day it was taken in. `file`, `row`: where it stood. `override_reason`: why a task is declined, or
    why what was said before is taken back.
    """

    task_id: Series[str]
    status: Series[str] = pa.Field(isin=STATUSES)
    done_on: Series[pd.Timestamp] = pa.Field(nullable=True)
    evidence: Series[str] = pa.Field(nullable=True)
    cost: Series[float] = pa.Field(nullable=True, ge=0)
    defects_found: Series[float] = pa.Field(nullable=True, ge=0)
    defects_fixed: Series[float] = pa.Field(nullable=True, ge=0)
    override_reason: Series[str] = pa.Field(nullable=True)
    said_on: Series[pd.Timestamp]
    file: Series[str]
    row: Series[int] = pa.Field(ge=1)


class Refusals(Table):
    """Rows and cells of returned lists that were not taken, with why."""

    file: Series[str]
    row: Series[int] = pa.Field(ge=0)
    task_id: Series[str] = pa.Field(nullable=True)
    column: Series[str]
    value: Series[str]
    reason: Series[str] = pa.Field(isin=REFUSED)
