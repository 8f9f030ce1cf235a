"""Tables: what every table is, and its checks."""

from typing import Any

import pandas as pd
import pandera.pandas as pa

from forecast.errors import DataError, Fault

ALL = "*"
"""Stands for "all categories" in a category column, and for "every category" in seasons."""

UNCLASSIFIED = "unclassified"
"""Category of a request whose text gave no category."""

LEVELS = ("community", "street", "district", "city")
"""Area levels from the smallest to the largest."""

PARTS = ("usual", "level", "season", "calendar", "weather", "neighbours", "trend")
"""What a mean is made of, in the order it is told."""


class Table(pa.DataFrameModel):
    class Config:
        strict = True
        ordered = True


def check(table: type[Table], frame: pd.DataFrame, where: str = "") -> pd.DataFrame:
    """Return `frame` if it is a valid `table`.

    Raises:
        DataError: with one fault per broken column rule (column, rule, how many rows, first values).
    """
    try:
        return table.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise DataError(_faults(table.__name__, error.failure_cases, where)) from None


def empty(table: type[Table]) -> pd.DataFrame:
    """A valid `table` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes(table).items()})


def conform(table: type[Table], frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the columns of `table`, in order and type; absent nullable columns are filled with nulls."""
    return pd.DataFrame(
        {
            name: frame[name].astype(dtype) if name in frame else pd.Series(index=frame.index, dtype=dtype)
            for name, dtype in dtypes(table).items()
        }
    )


def dtypes(table: type[Table]) -> dict[str, Any]:
    """Column name -> pandas dtype of a table, in order. Times have microseconds everywhere."""
    columns = table.to_schema().columns
    types = {name: column.dtype.type if column.dtype else object for name, column in columns.items()}
    return {name: "datetime64[us]" if str(dtype) == "datetime64[ns]" else dtype for name, dtype in types.items()}


def _faults(table: str, cases: pd.DataFrame, where: str) -> list[Fault]:
    faults = []
    for (column, rule), group in cases.groupby(["column", "check"], dropna=False, sort=False):
        values = ", ".join(str(v) for v in group["failure_case"].head(3))
        faults.append(
            Fault(
                what=f"{len(group)} value(s) break rule {rule}, first: {values}",
                where=f"{where or 'table'} {table}.{column}",
            )
        )
    return faults
