"""Tasks done, or rows of a file of interventions -> Treated: which cells, from when, when it can show."""

from collections.abc import Callable, Sequence

import pandas as pd

from forecast import personal
from forecast.errors import DataError, Fault
from forecast.gazetteer import as_code, even, gazetteer
from forecast.months import month_of
from forecast.tables import Treated, check, conform, empty

COLUMNS = {
    "name": ("name", "名称", "措施", "项目"),
    "area": ("area", "社区", "街道", "区域", "社区/街道"),
    "category": ("category", "类别", "问题分类"),
    "start": ("start", "开始", "开始月份", "开始日期"),
    "end": ("end", "结束", "结束月份", "结束日期"),
    "cost": ("cost", "费用", "费用（元）", "成本"),
}
"""Headers of a file of interventions. `name`, `area` and `start` must be there."""
MUST = ("name", "area", "start")

Names = Callable[[pd.Series], pd.Series]


def from_tasks(tasks: pd.DataFrame, starts_on: int) -> pd.DataFrame:
    """Treated cells of the tasks that were done.

    Args:
        tasks: Tasks. A declined, unfinished or held-back one treats nothing.
        starts_on: day on which months start.

    Returns:
        Treated: from the month of `done_on`; the work can show from then on within the task's window.
    """
    done = tasks[(tasks["status"] == "done") & tasks["done_on"].notna()]
    if done.empty:
        return empty(Treated)
    month, first, last = (
        pd.Series(month_of(pd.DatetimeIndex(done[name]), starts_on), index=done.index)
        for name in ("done_on", "window_start", "window_end")
    )
    table = done.rename(columns={"task_id": "unit", "entry": "group"})
    table = table.assign(month=month, first=first.where(first > month, month), last=last)
    return check(Treated, conform(Treated, table.reset_index(drop=True)))


def from_rows(
    frame: pd.DataFrame,
    areas: pd.DataFrame,
    places: Names,
    kinds: Sequence[str],
    months: tuple[pd.Timestamp, pd.Timestamp],
    starts_on: int,
    after_months: int,
    where: str,
) -> pd.DataFrame:
    """Treated cells of a file of interventions.

    Args:
        frame: text cells, null where empty; the index is the line in the file. Headers as in COLUMNS.
        areas: Areas. places: texts -> code of a community or street, null where unknown.
        kinds: categories of the panel. An empty category stands for all of them.
        months: first and last month of the panel.
        starts_on: day on which months start.
        after_months: months in which work without an end can show.
        where: file, for messages.

    Returns:
        Treated: one row a community and category; a street stands for its communities.

    Raises:
        DataError: every fault of the file at once, one line each.
    """
    rows, faults = _read(frame, where)
    if faults:
        raise DataError(faults)
    rows = rows.assign(code=places(rows["area"]))
    rows = rows.assign(
        month=_months(rows["start"], starts_on), until=_months(rows["end"], starts_on), yuan=_money(rows["cost"])
    )
    if faults := _faults(rows, set(kinds), months, where):
        raise DataError(faults)
    wide = _spread(rows, areas, kinds)
    last = wide["month"] + pd.DateOffset(months=after_months - 1)
    wide["last"] = wide["until"].where(wide["until"].notna(), last)
    if faults := _overlaps(wide, where):
        raise DataError(faults)
    table = wide.rename(columns={"name": "group", "yuan": "cost_yuan"}).assign(first=wide["month"], cost=wide["yuan"])
    table["unit"] = [f"{where}:{line}" for line in table["line"]]
    return check(Treated, conform(Treated, table.reset_index(drop=True)), where)


def _read(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[Fault]]:
    """Columns under their own names, missing optional ones null; what cannot be there."""
    there = {str(header).strip().casefold(): header for header in frame.columns}
    found = {field: next((there[n] for n in names if n in there), None) for field, names in COLUMNS.items()}
    faults = [
        Fault(f"lacks the column {field}", where, f"name it one of {', '.join(COLUMNS[field])}")
        for field in MUST
        if found[field] is None
    ]
    blank = pd.Series(index=frame.index, dtype="str")
    rows = pd.DataFrame({f: blank if h is None else frame[h].astype("str") for f, h in found.items()})
    for field in MUST:
        if found[field] is not None and rows[field].isna().any():
            lines = ", ".join(map(str, rows.index[rows[field].isna()][:5]))
            faults.append(Fault(f"row {lines}: {field} is empty", where, "fill it, or remove the row"))
    return rows.assign(line=rows.index), faults


def _months(cells: pd.Series, starts_on: int) -> pd.Series:
    """Month of each date (2024-03-15), or the month itself (2024-03, 2024年3月); null where neither."""
    text = cells.str.replace(r"[年月./]", "-", regex=True).str.strip("- 日")
    whole = text.str.fullmatch(r"\d{4}-\d{1,2}").eq(True)
    day = pd.to_datetime(text.where(~whole, text + "-01"), format="%Y-%m-%d", errors="coerce").astype(
        "datetime64[us]"
    )
    month = pd.Series(month_of(pd.DatetimeIndex(day), starts_on), index=cells.index)
    return day.where(whole, month)


def _money(cells: pd.Series) -> pd.Series:
    return pd.to_numeric(cells.str.replace(r"[,，元]", "", regex=True), errors="coerce")


def _faults(
    rows: pd.DataFrame, kinds: set[str], months: tuple[pd.Timestamp, pd.Timestamp], where: str
) -> list[Fault]:
    """One fault a row and kind of fault."""
    first, last = months
    known = f"{first:%Y-%m} to {last:%Y-%m}"
    checks = (
        ("area", rows["code"].isna(), "is no community or street of the areas file", "use its code or full name"),
        ("category", rows["category"].notna() & ~rows["category"].isin(kinds), "is no category of the data",
         "use a code of `categories`, or leave it empty for all"),
        ("start", rows["month"].isna(), "is no month or date", "write it as 2024-03 or 2024-03-15"),
        ("start", rows["month"] <= first, f"is not after the first month of the data ({known})",
         "an effect needs months before it; remove the row"),
        ("end", rows["end"].notna() & rows["until"].isna(), "is no month or date", "write it as 2024-03, or empty"),
        ("end", rows["until"] < rows["month"], "is before the start", "mend one of the two"),
        ("cost", rows["cost"].notna() & ~rows["yuan"].ge(0), "is no amount of yuan", "write digits, or nothing"),
    )  # fmt: skip
    return [
        Fault(f"row {line}: {column} {value!r} {what}", where, fix)
        for column, bad, what, fix in checks
        for line, value in zip(rows.loc[bad, "line"], personal.shown(rows.loc[bad, column]), strict=True)
    ]


def _spread(rows: pd.DataFrame, areas: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """One row a community and category."""
    communities = areas[areas["level"] == "community"]
    within = pd.concat(
        [
            pd.DataFrame({"code": communities["area"], "community": communities["area"]}),
            pd.DataFrame({"code": communities["parent"], "community": communities["area"]}),
        ]
    ).drop_duplicates()
    wide = rows.drop(columns="area").merge(within, on="code").rename(columns={"community": "area"})
    every = pd.DataFrame({"category": list(kinds)})
    named, free = wide[wide["category"].notna()], wide[wide["category"].isna()].drop(columns="category")
    return pd.concat([named, free.merge(every, how="cross")], ignore_index=True)


def _overlaps(wide: pd.DataFrame, where: str) -> list[Fault]:
    """Two rows of one name that treat a cell in the same months: one of them would be counted twice."""
    keys = ["name", "area", "category"]
    ordered = wide.sort_values([*keys, "month", "line"])
    before = ordered.groupby(keys)[["last", "line"]].shift()
    ordered = ordered.assign(other=before["line"])
    both = ordered[ordered["month"] <= before["last"]]
    pairs = both.drop_duplicates(["line", "other"])
    return [
        Fault(f"rows {int(other)} and {line}: {name!r} overlaps itself in area {area}, category {category}", where,
              "end the first before the second begins, or remove one")
        for line, other, name, area, category in zip(
            pairs["line"], pairs["other"], pairs["name"], pairs["area"], pairs["category"], strict=True)
    ]  # fmt: skip


def place_by(areas: pd.DataFrame) -> Names:
    """Texts -> code of the community or street meant; null where none, or more than one, fits."""
    book = gazetteer(areas)
    upper = areas[areas["level"] == "street"]
    written = [upper["area"].map(as_code), upper["name"].map(even), upper["aliases"].str.split("|")]
    words = pd.concat([upper[["area"]].assign(word=word) for word in written]).explode("word")
    words = words[words["word"].fillna("") != ""].drop_duplicates().drop_duplicates("word", keep=False)
    streets = dict(zip(words["word"], words["area"], strict=True))

    def place(texts: pd.Series) -> pd.Series:
        now = pd.Series(pd.Timestamp("2100-01-01").as_unit("us"), index=texts.index)
        street = texts.map(lambda text: streets.get(as_code(text), streets.get(even(text))), na_action="ignore")
        return book.resolve([texts], None, None, now).fillna(street.astype("str"))

    return place
