"""Playbook entries -> the tasks whose time to begin has come in a given month."""

from datetime import date, timedelta
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field

from forecast.errors import ConfigError, Fault
from forecast.months import MonthDay, Stretch
from forecast.spec import Names, Spec
from forecast.tables import ALL

Text = Annotated[str, Field(min_length=1)]
Pattern = Literal["chronic", "seasonal", "emerging", "sporadic"]


class Window(Stretch):
    """Days of the year a task acts on."""


class Task(Spec):
    """One preventive task. Texts come in Chinese and English; an empty English text falls back to Chinese.

    `lead_days`: days the work needs before the window starts. `start_by` overrides the date that follows
    from it. `early_days`: days before that date on which the work may already begin. `patterns`: what a cell must
    be for the task to be proposed; none named stands for all. `crew_days`: person-days for one
    community. `preventable_share` (0..1) is the part of the expected requests the task can avert. `safety`: first
    in line for crews, and never held back.
    """

    entry: Text
    categories: Annotated[Names, Field(min_length=1)]
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]
    lead_days: Annotated[int, Field(ge=0, le=330)]
    start_by: MonthDay | None = None
    early_days: Annotated[int, Field(ge=0, le=330)] = 31
    patterns: tuple[Pattern, ...] = ()
    action: Text
    action_en: str = ""
    lead_party: Text
    lead_party_en: str = ""
    support: str = ""
    support_en: str = ""
    evidence: str = ""
    evidence_en: str = ""
    crew_days: Annotated[float, Field(ge=0)] = 1.0
    preventable_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    preventable_source: str = "assumed"
    safety: bool = False


def every_month() -> tuple[Window, ...]:
    """Twelve windows of three months, one starting each month."""
    starts = [date(2023, month, 1) for month in range(1, 13)]
    ends = [date(2023 + (month + 2) // 12, (month + 2) % 12 + 1, 1) - timedelta(days=1) for month in range(1, 13)]
    return tuple(Window(start=f"{s:%m-%d}", end=f"{e:%m-%d}") for s, e in zip(starts, ends, strict=True))


QUARTERS = (("01-01", "03-31"), ("04-01", "06-30"), ("07-01", "09-30"), ("10-01", "12-31"))

GENERAL = Task(
    entry="general",
    categories=(ALL,),
    windows=every_month(),
    lead_days=20,
    early_days=0,
    action="调出去年同期工单, 列出重复报修的点位, 逐点上门核查并在窗口开始前修复或答复",
    action_en="list last year's requests of these months, visit each repeated spot, mend or answer before they begin",
    lead_party="街道",
    lead_party_en="street office",
    evidence="点位清单与逐点处理结果",
    evidence_en="list of spots with the outcome of each",
)
"""What is proposed where no playbook is given."""

INSPECTION = Task(
    entry="silent-estate",
    categories=(ALL,),
    windows=every_month(),
    lead_days=0,
    early_days=0,
    action="入户走访并查看公共部位, 对照少报类别逐项登记未报问题, 公示报修渠道",
    action_en="visit homes and common parts, note unreported problems of the categories named, show how to report",
    lead_party="社区居委会",
    lead_party_en="residents' committee",
    support="街道, 物业企业",
    support_en="street office, property company",
    evidence="走访户数, 查实未报问题清单与处理结果",
    evidence_en="homes visited, list of unreported problems with their outcome",
    crew_days=2.0,
    preventable_share=0.0,
)
"""What is done at an estate that reports less than it should; it finds problems, so it may raise reports."""

ROOT_CAUSE = Task(
    entry="root-cause",
    categories=(ALL,),
    windows=tuple(Window(start=f"{start}", end=f"{end}") for start, end in QUARTERS),
    lead_days=20,
    early_days=0,
    patterns=("chronic",),
    action="按楼栋和单元统计近一年重复诉求, 找出反复发生的根源并立项一次解决, 每月公示进度",
    action_en="count the past year's repeated requests by building and unit, name the cause, settle it as one "
    "project, post progress every month",
    lead_party="街道",
    lead_party_en="street office",
    support="居委会, 责任单位",
    support_en="residents' committee, responsible unit",
    evidence="重复点位统计表, 根源说明, 立项与完工材料",
    evidence_en="list of repeated spots, statement of the cause, project papers",
    crew_days=6.0,
    preventable_share=0.3,
)
"""What is proposed for a cell that complains all year round and has no task of its own."""

EMERGING = Task(
    entry="emerging",
    categories=(ALL,),
    windows=every_month(),
    lead_days=20,
    early_days=0,
    patterns=("emerging",),
    action="到近三个月新增诉求的点位逐一现场检查, 查明突增原因 (施工、停供、换物业、新入住等), "
    "一周内处理或答复, 并连续两月回看",
    action_en="inspect every spot with new requests in the past three months, name what changed (building work, cut "
    "supply, new manager, new residents), settle or answer within a week, look again for two months",
    lead_party="街道",
    lead_party_en="street office",
    support="居委会, 责任单位",
    support_en="residents' committee, responsible unit",
    evidence="现场检查记录, 突增原因说明, 两次回看结果",
    evidence_en="record of the inspection, statement of what changed, outcome of both later looks",
    crew_days=2.0,
    preventable_share=0.2,
)
"""What is proposed for a cell whose complaints have begun to rise and that has no task of its own."""

ALL_YEAR = 4
"""Windows a year from which on work goes on all year."""


class Playbook(Spec):
    """All tasks a city can propose."""

    tasks: tuple[Task, ...] = (GENERAL,)


def due(playbook: Playbook, as_of: pd.Timestamp, early_months: int = 0) -> pd.DataFrame:
    """Tasks to begin in the month after `as_of`, one row per task, category and window.

    A task is due when its start-by date lies after the first day of the plan month and not after the first
    day of the next (a start by 1 October is September's work). One whose last month comes up to `early_months` later
    is there too when its `early_days` let it begin in the plan month. A task whose start-by date has passed while
    its window opens later in the plan month or in the next one is late; it is kept when its category has no
    task on time, and of several late ones only the one with the shortest lead. Work with `ALL_YEAR` windows or
    more is never late: it begins in its next window.

    Returns:
        DataFrame[position (in playbook.tasks), category, start_by, window_start, window_end, on_time, latest
        (months after the plan month in which it must have begun: 0 = now)].
    """
    first = as_of + pd.offsets.MonthBegin(1)
    rows = []
    for position, task in enumerate(playbook.tasks):
        for start, end in _occurrences(task, first.year):
            start_by = _start_by(task, start)
            latest = _latest(start_by, first.date())
            begins = start_by - timedelta(days=task.early_days)
            on_time = latest == 0 or (0 < latest <= early_months and begins < _later(first, 1))
            late = latest < 0 and first.date() < start < _later(first, 2) and len(task.windows) < ALL_YEAR
            if on_time or late:
                rows += [(position, category, start_by, start, end, on_time, latest) for category in task.categories]
    names = ["position", "category", "start_by", "window_start", "window_end", "on_time", "latest"]
    frame = pd.DataFrame(rows, columns=pd.Index(names))
    for name in ("start_by", "window_start", "window_end"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    frame = frame.astype({"on_time": bool, "position": int, "latest": int})
    punctual = frame.loc[frame["on_time"], "category"]
    missed = frame[~frame["on_time"] & ~frame["category"].isin(punctual)].assign(latest=0)
    missed = missed.sort_values("start_by", kind="stable").drop_duplicates(["category", "window_start"], keep="last")
    return pd.concat([frame[frame["on_time"]], missed], ignore_index=True)


def upcoming(playbook: Playbook, as_of: pd.Timestamp) -> pd.DataFrame:
    """The calls of the nearest later month that has any: as `due`, earliest window first; empty when none has."""
    for month in pd.date_range(as_of, periods=13, freq="MS")[1:]:
        later = due(playbook, month)
        if len(later):
            return later.sort_values(["window_start", "category"], ignore_index=True)
    return due(Playbook(tasks=()), as_of)


def faults(playbook: Playbook, categories: list[str]) -> list[Fault]:
    """Entries used twice and categories the taxonomy does not know."""
    entries = [task.entry for task in playbook.tasks]
    found = [
        Fault(f"entry {entry!r} stands {entries.count(entry)} times", "playbook", "give each task its own entry")
        for entry in sorted({entry for entry in entries if entries.count(entry) > 1})
    ]
    known = {*categories, ALL}
    for task in playbook.tasks if categories else ():
        unknown = [category for category in task.categories if category not in known]
        if unknown:
            what = f"unknown categories {', '.join(unknown)}"
            found.append(Fault(what, f"playbook entry {task.entry}", "use codes of the configured categories"))
    return found


def validate(playbook: Playbook, categories: list[str]) -> None:
    """Raises ConfigError with every fault of the playbook."""
    if found := faults(playbook, categories):
        raise ConfigError(found)


def _occurrences(task: Task, year: int) -> list[tuple[date, date]]:
    spans = []
    for window in task.windows:
        for y in (year - 1, year, year + 1, year + 2):
            start = _on(y, window.start)
            end = _on(y, window.end)
            spans.append((start, end if end >= start else _on(y + 1, window.end)))
    return spans


def _start_by(task: Task, start: date) -> date:
    if task.start_by is None:
        return start - timedelta(days=task.lead_days)
    fixed = _on(start.year, task.start_by)
    return fixed if fixed <= start else _on(start.year - 1, task.start_by)


def _latest(start_by: date, first: date) -> int:
    """Months from the one that begins on `first` to the one in which a task with this date must begin."""
    eve = start_by - timedelta(days=1)
    return (eve.year - first.year) * 12 + eve.month - first.month


def _later(first: pd.Timestamp, months: int) -> date:
    return (first + pd.DateOffset(months=months)).date()


def _on(year: int, month_day: str) -> date:
    if month_day == "02-29":
        return date(year, 3, 1) - timedelta(days=1)
    return date.fromisoformat(f"{year}-{month_day}")
