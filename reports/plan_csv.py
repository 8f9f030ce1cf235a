"""Work plan -> CSV that spreadsheets open as it is: UTF-8 with BOM, stable English column names, no formulas."""

import pandas as pd

from reports.material import Material

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""First characters that make a spreadsheet run a cell (the wide ones in East Asian versions)."""


def render(material: Material) -> bytes:
    """Every column of the Workplan table; requests have at most two decimals."""
    return csv(material.workplan, 2)


def csv(table: pd.DataFrame, digits: int) -> bytes:
    """Every column of a table; dates are ISO, figures have at most `digits` decimals."""
    shown = table.copy()
    for name in shown.columns:
        kind = shown[name].dtype
        if isinstance(kind, pd.StringDtype):
            shown[name] = shown[name].map(neutral, na_action="ignore")
        elif pd.api.types.is_datetime64_any_dtype(kind):
            shown[name] = shown[name].dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_bool_dtype(kind):
            shown[name] = shown[name].map({True: "true", False: "false"})
        elif pd.api.types.is_float_dtype(kind):
            shown[name] = shown[name].round(digits)
    return b"\xef\xbb\xbf" + shown.to_csv(index=False, lineterminator="\r\n").encode("utf-8", errors="replace")


def neutral(text: str) -> str:
    """`text` that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
