"""Tables -> the data dictionary: every column with its type, allowed values and meaning."""

import inspect
import io
from collections.abc import Mapping

import pandas as pd
import pandera.pandas as pa

from forecast import tables
from forecast.tables import Table
from forecast.tables.meanings import MEANINGS

FILES: dict[str, type[Table]] = {
    "appraisal": tables.Appraisal,
    "areas": tables.Areas,
    "calibration": tables.Calibration,
    "contributions": tables.Contributions,
    "drift": tables.Drift,
    "estate_facts": tables.EstateFacts,
    "estate_incidents": tables.EstateHistory,
    "estate_incidents_uncapped": tables.EstateHistory,
    "estate_rejects": tables.Rejects,
    "estates": tables.Estates,
    "fairness": tables.Fairness,
    "forecasts": tables.Forecasts,
    "live_scores": tables.LiveScores,
    "moved": tables.PlanChanges,
    "panel": tables.Panel,
    "patterns": tables.Patterns,
    "plan_changes": tables.PlanChanges,
    "rates": tables.Rates,
    "rejects": tables.Rejects,
    "risk": tables.Risk,
    "risk_drivers": tables.RiskDrivers,
    "scenarios": tables.Scenarios,
    "scores": tables.Scores,
    "siblings": tables.Siblings,
    "silent_estates": tables.SilentEstates,
    "targets": tables.Targets,
    "tasks": tables.Tasks,
    "unresolved": tables.Unresolved,
    "workplan": tables.Workplan,
}
"""Files of the folder of a monthly run -> what they hold."""

TYPES = {
    "str": "text",
    "string": "text",
    "object": "bytes",
    "int64": "whole number",
    "float64": "number",
    "bool": "true/false",
}
HEAD = """# Data dictionary 数据字典

Made from the tables themselves by `make dictionary`; a test fails when it is out of date.
由 `make dictionary` 从表定义生成。

A month is its first day. An area is its code; `*` as category stands for all of them. Empty means unknown or not
covered, never zero. 月份写作当月第一天; 社区用编码; 类别 `*` 表示全部; 空值表示未知或未覆盖, 不是零。
"""


def every_table() -> dict[str, type[Table]]:
    """Name -> table, of all there are."""
    named = ((name, getattr(tables, name)) for name in tables.__all__)
    return {
        name: made for name, made in named if inspect.isclass(made) and issubclass(made, Table) and made is not Table
    }


def render(shown: Mapping[str, type[Table]]) -> bytes:
    """Markdown: a section a table, with its key and a row a column. `shown`: heading -> table."""
    lines = [HEAD]
    for name, table in shown.items():
        held = ", ".join(f"`{file}`" for file, kind in FILES.items() if kind is table)
        told = inspect.cleandoc(table.__doc__ or "").split("\n\n")
        lines += [f"## {name}\n", *(f"{_paragraph(part)}\n" for part in told)]
        if key := table.to_schema().unique:
            lines.append(f"Key 主键: {', '.join(f'`{column}`' for column in key)}.")
        if held:
            lines.append(f"In a run folder 运行目录中的文件: {held}.")
        lines += ["", "| column | type | empty | allowed | meaning | 含义 |", "|---|---|---|---|---|---|"]
        rows = columns(name, table).to_dict("records")
        lines += [
            f"| `{row['column']}` | {row['type']} | {'yes' if row['empty'] else 'no'} | {row['allowed']} "
            f"| {_cell(row['meaning'])} | {_cell(row['meaning_zh'])} |"
            for row in rows
        ]
        lines.append("")
    return "\n".join(lines).encode()


def sheet(shown: Mapping[str, type[Table]]) -> bytes:
    """The same as CSV: a row a column of a table."""
    buffer = io.StringIO()
    pd.concat([columns(name, table) for name, table in shown.items()]).to_csv(buffer, index=False)
    return buffer.getvalue().encode("utf-8-sig")


def columns(name: str, table: type[Table]) -> pd.DataFrame:
    """DataFrame[table, column, type, empty, allowed, meaning, meaning_zh]; `empty`: it may be."""
    schema = table.to_schema()
    rows = []
    for column, rules in schema.columns.items():
        meaning, meaning_zh = MEANINGS.get(f"{table.__name__}.{column}") or MEANINGS[column]
        kind = _type(str(rules.dtype))
        rows.append((name, column, kind, bool(rules.nullable), _allowed(rules), meaning, meaning_zh))
    return pd.DataFrame(rows, columns=["table", "column", "type", "empty", "allowed", "meaning", "meaning_zh"])


def _type(dtype: str) -> str:
    if dtype.startswith("datetime"):
        return "date"
    dtype = dtype.split("[")[0]
    return TYPES.get(dtype, "true/false" if dtype.startswith("boolean") else dtype)


def _allowed(rules: pa.Column) -> str:
    """What checks of a column ask, in signs; the last digits that allow for rounding are not told."""
    said = ["unique"] if rules.unique else []
    signs = {"greater_than_or_equal_to": "≥", "less_than_or_equal_to": "≤", "greater_than": ">", "less_than": "<"}
    for check in rules.checks:
        if check.name == "isin":
            said.append(", ".join(map(str, check.statistics["allowed_values"])))
        else:
            bound = next(iter(check.statistics.values()))
            said.append(f"{signs[check.name]} {round(bound, 6):g}")
    return "; ".join(said)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _paragraph(text: str) -> str:
    """A paragraph in one line; one that is a list of terms keeps its lines."""
    lines = text.splitlines()
    return f"```\n{text}\n```" if all("  " in line or line.startswith(" ") for line in lines) else " ".join(lines)
