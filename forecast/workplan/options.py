"""What a plan may be told: thresholds, crews, shares kept apart."""

from typing import Annotated, Literal

from pydantic import Field

from forecast.playbook import EMERGING, INSPECTION, ROOT_CAUSE, Playbook, Task
from forecast.spec import Spec

Ranking = Literal["expected_requests", "avoidable_per_crew_day"]


class Limit(Spec):
    """Crew-days a party has for one street in a month.

    `street`: code or name; `party`: the lead party of a task in either language; `month`: 1-12 for every year, or
    YYYY-MM. An empty one stands for every one. Of the limits that hold, the one that names most counts; of equal
    ones the last.
    """

    street: str = ""
    party: str = ""
    month: Annotated[str, Field(pattern=r"^$|^(0?[1-9]|1[0-2])$|^(19|20)\d\d-(0[1-9]|1[0-2])$")] = ""
    crew_days: float = Field(ge=0, le=1e6)


class Plan(Spec):
    """Which tasks enter the plan.

    `min_expected`: requests below which a cell gets no task. `rank_by`: what tasks are ranked by and chosen for:
    requests expected over the task's window, or requests it can avert per crew-day. `slots_per_street`: how many
    tasks a street is asked to begin in a month. `capacity`: crew-days, or the path of a CSV file with the columns
    street, party, month, crew_days; without any, crews do not limit. `normal_years`: years behind "normal".

    `silent_share` (0..1): part of the slots kept for inspecting silent estates, rounded down; what they do not need
    goes to the others, and they never take the slot of a safety task. `inspection`: what is done there.
    `root_cause`: what is done about a cell that complains all year round and has no task of its own; `emerging`:
    the same for one whose complaints have begun to rise.

    `scenario`: weather the plan is made for.
    `early_months`: how many months ahead of its last month a task may begin when crews are short then; its
    `early_days` must allow it. `stability`: part by which a task of the last plan counts for more, so that lists do
    not jump. `hold_back` (0..1): part of the borderline tasks that is held back at random, to learn what the work
    does; never a safety task. `borderline` (0..1): part of a street's chosen tasks, those of least value, the draw
    is made from. The shares are our assumptions.
    """

    min_expected: float = Field(3.0, ge=0)
    rank_by: Ranking = "expected_requests"
    slots_per_street: int = Field(30, ge=0)
    capacity: tuple[Limit, ...] = ()
    normal_years: int = Field(5, ge=1)
    silent_share: float = Field(0.15, ge=0, le=1)
    inspection: Task = INSPECTION
    root_cause: Task | None = ROOT_CAUSE
    emerging: Task | None = EMERGING
    scenario: Literal["normal", "wet", "cold"] = "normal"
    early_months: int = Field(1, ge=0, le=6)
    stability: float = Field(0.1, ge=0, le=1)
    hold_back: float = Field(0.1, ge=0, le=0.5)
    borderline: float = Field(0.3, ge=0, le=1)

    def entries(self, playbook: Playbook) -> tuple[Task, ...]:
        """What a community may be asked for: the playbook, then what stands in where a cell has none."""
        spare = ((self.root_cause, "chronic"), (self.emerging, "emerging"))
        meant = (task.model_copy(update={"patterns": (pattern,)}) for task, pattern in spare if task)
        return (*playbook.tasks, *meant)

    def every_entry(self, playbook: Playbook) -> tuple[Task, ...]:
        """All a plan may hold, inspections of silent estates among it."""
        return (*self.entries(playbook), self.inspection)
