"""Work plan -> CSV that spreadsheets open as it is: UTF-8 with BOM, stable English column names, no formulas."""

import pandas as pd

from reports.material import Material

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""First characters that make a spreadsheet run a cell (the wide ones in East Asian versions)."""


def render(material: Material) -> bytes:
    """Every column of the Workplan table; dates are ISO, requests have at most two decimals."""
    plan = material.workplan.copy()
    for name in plan.columns:
        kind = plan[name].dtype
        if isinstance(kind, pd.StringDtype):
            plan[name] = plan[name].map(neutral, na_action="ignore")
        elif pd.api.types.is_datetime64_any_dtype(kind):
            plan[name] = plan[name].dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_bool_dtype(kind):
            plan[name] = plan[name].map({True: "true", False: "false"})
        elif pd.api.types.is_float_dtype(kind):
            plan[name] = plan[name].round(2)
    return b"\xef\xbb\xbf" + plan.to_csv(index=False, lineterminator="\r\n").encode("utf-8", errors="replace")


def neutral(text: str) -> str:
    """`text` that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
