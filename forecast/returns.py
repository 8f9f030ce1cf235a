"""The cells of a returned task list + what was issued -> Returns that can be believed, and Refusals for the rest.

A list comes back with its rows in another order, titles edited, columns added, ids mangled by a spreadsheet. A row is
taken when its task is certain and what it says holds together; all else is refused by name, and nothing is guessed.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast import parse, personal
from forecast.tables import STATUSES, Refusals, Returns, check, conform, empty

HEADS: dict[str, tuple[str, ...]] = {
    "task_id": ("任务编号", "任务号", "编号", "taskid", "id"),
    "status": ("状态", "任务状态", "完成情况", "进展", "办理状态", "status", "progress"),
    "done_on": ("完成日期", "完成时间", "办结日期", "办结时间", "doneon", "donedate", "completedon"),
    "evidence": ("证据", "佐证", "证明材料", "完成证据", "evidence"),
    "override_reason": (
        "不采纳或更正的原因", "不采纳原因", "不采纳或更正原因", "未采纳原因", "原因",
        "whynot,orwhychanged", "whynotdone", "reasonwhynot", "whynot",
    ),
    "cost": ("花费", "花费(元)", "费用", "费用(元)", "支出", "cost", "cost(yuan)"),
    "defects_found": ("查出问题数", "发现问题数", "查出问题", "defectsfound"),
    "defects_fixed": ("已修问题数", "修复问题数", "已修问题", "defectsmended", "defectsfixed"),
    "area_name": ("社区", "社区/村", "community"),
    "category_name": ("类别", "类别名称", "category"),
    "action": ("做什么", "任务", "措施", "action", "whattodo"),
}  # fmt: skip
"""How the columns of a list may be titled, evened out."""

WORDS: dict[str, tuple[str, ...]] = {
    "not_started": ("未开始", "未启动", "没开始", "待办", "notbegun", "notstarted", "not_started", "open"),
    "in_progress": ("进行中", "正在进行", "在办", "办理中", "已启动", "goingon", "inprogress", "in_progress"),
    "done": ("已完成", "完成", "办结", "已办结", "done", "completed", "finished"),
    "declined": ("不采纳", "不予采纳", "未采纳", "拒绝", "notadopted", "declined", "refused"),
}
"""How a status may be written."""

FIGURES = ("cost", "defects_found", "defects_fixed")
HEADER_WITHIN = 20
"""Rows searched for the titles."""
MOST_LETTERS = 500
"""Letters of evidence or reason that are kept."""

OLDEST_DAYS = 400
"""Days before the plan month on which a task cannot have been done yet."""

_WORD_OF = {word: status for status, words in WORDS.items() for word in words}
_HEAD_OF = {name: field for field, names in HEADS.items() for name in names}


@dataclass(frozen=True)
class Sheet:
    """One sheet as it came back: `cells` are texts (null where empty), the index counts rows from 1."""

    file: str
    cells: pd.DataFrame


@dataclass(frozen=True)
class Heard:
    """returns: Returns to be kept. refusals: Refusals. unchanged: rows that say nothing new."""

    returns: pd.DataFrame
    refusals: pd.DataFrame
    unchanged: int


def hear(sheets: Sequence[Sheet], issued: pd.DataFrame, known: pd.DataFrame, today: pd.Timestamp) -> Heard:
    """What the sheets say that can be believed.

    Args:
        sheets: of all files handed in at once.
        issued: Workplan rows of every task ever issued, one a task.
        known: Returns heard before.
        today: the day they are taken in; nothing was done later.

    Returns:
        Heard. Equal rows about a task count once; rows that differ are all refused. A row that only repeats what is
        known is unchanged, and so is one that says nothing.
    """
    parts = [_rows(sheet, issued) for sheet in sheets]
    refusals = [refused for _, refused in parts]
    rows = pd.concat([rows for rows, _ in parts] or [_NO_ROWS], ignore_index=True)
    rows = rows[rows[list(SAID)].notna().any(axis=1)].reset_index(drop=True)
    filled = len(rows)
    silent = rows["status"].eq("not_started") & rows[list(SAID[1:])].isna().all(axis=1)
    before = known.drop_duplicates("task_id", keep="last").set_index("task_id")
    silent &= ~rows["task_id"].isin(before.index[before["status"] != "not_started"])
    day = pd.Series(parse.times(rows["done_on"]).dt.normalize(), index=rows.index)
    rows = rows.assign(written=rows["done_on"], done_on=day)[~silent]
    taken = pd.Series(True, index=rows.index)
    for reason, column, wrong in _faults(rows, issued, before, today):
        refusals.append(_refusals(rows[wrong], column, reason))
        taken &= ~wrong
    rows = rows[taken]
    for name in FIGURES:
        figures = parse.numbers(rows[name])
        bad = rows[name].notna() & ~figures.ge(0)
        refusals.append(_refusals(rows[bad], name, "bad_figure"))
        rows = rows.assign(**{name: figures.where(~bad)})
    rows, clashing = _agreed(rows)
    refusals.append(_refusals(clashing, "status", "conflict"))
    rows = rows[~_known(rows, before)]
    kept = conform(Returns, rows.assign(said_on=today))
    told = pd.concat(refusals, ignore_index=True).sort_values(["file", "row"], kind="stable", ignore_index=True)
    told = conform(Refusals, told)
    unchanged = (
        filled - len(kept) - told.loc[told["reason"] != "bad_figure", ["file", "row"]].drop_duplicates().shape[0]
    )
    return Heard(check(Returns, kept, "returns"), check(Refusals, told, "refusals"), max(unchanged, 0))


SAID = ("status", "done_on", "evidence", "override_reason", *FIGURES)
_ROW = ["file", "row", "task_id", *SAID]
_NO_REFUSALS = empty(Refusals)
_NO_ROWS = pd.DataFrame({name: pd.Series(dtype="int64" if name == "row" else "str") for name in _ROW})


def _rows(sheet: Sheet, issued: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(filled rows as text with status and task resolved where they can be, Refusals of those without a task)."""
    header = _header(sheet.cells)
    cells = sheet.cells.loc[sheet.cells.index > header] if header else sheet.cells
    columns = _columns(sheet.cells, header, cells, issued)
    if "status" not in columns or not {"task_id", "area_name"} & set(columns):
        named = "task_id" in columns
        return _NO_ROWS, _refusal(sheet.file, header, "status", "no_columns") if named else _NO_REFUSALS
    frame = pd.DataFrame({field: cells[place] for field, place in columns.items()})
    frame = frame.reindex(columns=[*HEADS]).apply(parse.tidy)
    frame = frame[frame.notna().any(axis=1)].assign(file=sheet.file)
    frame["row"] = frame.index
    written = frame["task_id"]
    frame["task_id"] = _resolved(frame, issued)
    said = parse.squeezed(frame["status"])
    words = said.map(_WORD_OF)
    speaks = frame[list(SAID[1:])].notna().any(axis=1) | (said.notna() & (words != "not_started"))
    strange = frame["task_id"].isna() & speaks
    unclear = said.notna() & words.isna() & ~strange
    nameless = frame.assign(task_id=None, wrong=written)[strange]
    lost = _refusals(nameless, "task_id", "unknown_task", "wrong")
    lost = pd.concat([lost, _refusals(frame[unclear], "status", "unknown_status")], ignore_index=True)
    good = frame.assign(status=words)[frame["task_id"].notna() & ~unclear]
    for name in ("evidence", "override_reason"):
        good[name] = personal.kept(good[name].astype("str").str.slice(0, MOST_LETTERS))
    return good[_ROW], lost


def _header(cells: pd.DataFrame) -> int:
    """The row of the titles: the one of the first that holds most of them; 0 when none holds two."""
    first = cells.head(HEADER_WITHIN)
    named = [sum(_even(cell) in _HEAD_OF for cell in line if isinstance(cell, str)) for line in first.to_numpy()]
    return int(str(first.index[int(np.argmax(named))])) if named and max(named) >= 2 else 0


def _columns(sheet: pd.DataFrame, header: int, cells: pd.DataFrame, issued: pd.DataFrame) -> dict[str, int]:
    """Field -> column. The task and the status go by what a column holds, the others by their title."""
    found: dict[str, int] = {}
    for place, title in sheet.loc[header].dropna().items() if header else ():
        even = _even(title)
        field = _HEAD_OF.get(even) or _inside(even)
        if field and field not in found:
            found[field] = int(str(place))
    ids = set(issued["task_id"])
    texts = {int(str(place)): [_even(cell) for cell in cells[place].dropna()] for place in cells.columns}
    of_task = {place: sum(text in ids for text in column) for place, column in texts.items()}
    if any(of_task.values()):
        found["task_id"] = max(of_task, key=lambda place: of_task[place])
    of_status = {p: sum(text in _WORD_OF for text in column) / max(len(column), 1) for p, column in texts.items()}
    if "status" not in found and max(of_status.values(), default=0) > 0.5:
        found["status"] = max(of_status, key=lambda place: of_status[place])
    return found


def _inside(title: str) -> str | None:
    """The field whose name stands within an edited title; of several the longest name."""
    names = [name for name in _HEAD_OF if len(name) >= 2 and name in title and not name.isascii()]
    return _HEAD_OF[max(names, key=len)] if names else None


def _even(cell: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(cell)).split()).casefold()


def _resolved(frame: pd.DataFrame, issued: pd.DataFrame) -> pd.Series:
    """The task of each row: by its id, by an id a spreadsheet took for a number, or by place, category and action."""
    written = parse.squeezed(parse.code(frame["task_id"]))
    found = written.where(written.isin(issued["task_id"]))
    numeric = {task: float(task) for task in issued["task_id"] if re.fullmatch(r"\d+(e\d{1,3})?", task)}
    numbers = written.map(lambda text: _as_number(str(text), numeric), na_action="ignore")
    found = found.where(found.notna(), numbers)
    texts = ["area_name", "category_name", "action"]
    lone = issued.drop_duplicates(texts, keep=False)
    named = pd.Series(lone["task_id"].to_numpy(), index=pd.MultiIndex.from_frame(lone[texts].apply(parse.squeezed)))
    told = named.reindex(pd.MultiIndex.from_frame(frame[texts].apply(parse.squeezed)))
    return found.where(found.notna() | written.notna(), told.to_numpy())


def _as_number(text: str, numeric: dict[str, float]) -> str | None:
    """The one task whose id, read as a number, is what a spreadsheet left of it."""
    if not re.fullmatch(r"\d+(\.\d+)?(e\+?\d+)?", text):
        return None
    digits = len(re.sub(r"e.*|\.", "", text))
    near = [
        task for task, value in numeric.items() if np.isclose(float(text), value, rtol=10.0 ** (1 - digits), atol=0)
    ]
    return near[0] if len(near) == 1 and digits >= 5 else None


def _faults(
    rows: pd.DataFrame, issued: pd.DataFrame, before: pd.DataFrame, today: pd.Timestamp
) -> list[tuple[str, str, pd.Series]]:
    """(reason, column, rows it holds for) of what a row says against itself, its task, or what was said before."""
    status = rows["status"]
    done, written = rows["done_on"], rows["written"].notna()
    month = issued.set_index("task_id")["plan_month"].reindex(rows["task_id"]).set_axis(rows.index)
    said = rows["task_id"].map(before["status"])
    back = _rank(said) > _rank(status)
    other = said.isin(["done", "declined"]) & status.notna() & (said != status)
    checks = [
        ("no_status", "status", status.isna()),
        ("not_begun", "status", status.eq("not_started") & written),
        ("no_date", "done_on", status.eq("done") & ~written),
        ("bad_date", "done_on", written & done.isna()),
        ("future", "done_on", done > today),
        ("too_old", "done_on", done < month - pd.Timedelta(days=OLDEST_DAYS)),
        ("no_reason", "override_reason", status.eq("declined") & rows["override_reason"].isna()),
        ("backwards", "override_reason", (back.fillna(False) | other) & rows["override_reason"].isna()),
    ]
    seen = pd.Series(False, index=rows.index)
    found = []
    for reason, column, wrong in checks:
        wrong = wrong.astype(bool) & ~seen
        seen |= wrong
        found.append((reason, column, wrong))
    return found


def _rank(status: pd.Series) -> pd.Series:
    """Place of each status in their order; NaN where there is none."""
    places = [float(STATUSES.index(name)) if name in STATUSES else float("nan") for name in status]
    return pd.Series(places, index=status.index, dtype="float64")


def _agreed(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(rows, equal ones once; rows that contradict one another about a task)."""
    once = rows.drop_duplicates(["task_id", *SAID])
    clash = rows["task_id"].isin(once.loc[once["task_id"].duplicated(), "task_id"])
    return once[~clash.reindex(once.index)], rows[clash]


def _known(rows: pd.DataFrame, before: pd.DataFrame) -> pd.Series:
    """Rows that say what was said last."""
    last = before.reindex(rows["task_id"])
    same = pd.Series(rows["task_id"].isin(before.index).to_numpy(), index=rows.index)
    for name in SAID:
        now, then = rows[name].to_numpy(), last[name].to_numpy()
        same &= (now == then) | (pd.isna(now) & pd.isna(then))
    return same


def _refusals(rows: pd.DataFrame, column: str, reason: str, shown: str = "") -> pd.DataFrame:
    if rows.empty:
        return _NO_REFUSALS
    value = personal.shown(rows[shown or column].astype("str").fillna(""))
    return conform(Refusals, rows[["file", "row", "task_id"]].assign(column=column, value=value, reason=reason))


def _refusal(file: str, row: int, column: str, reason: str) -> pd.DataFrame:
    return conform(
        Refusals, pd.DataFrame([{"file": file, "row": row, "column": column, "value": "", "reason": reason}])
    )
