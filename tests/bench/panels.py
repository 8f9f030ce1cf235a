"""Raw city files -> the panels of the peers bench: month, area, category, count as Parquet.

A panel is complete: every month of every series is a row, and a month without a request is a 0. Only series with
at least `LEAST` requests over all its months are kept.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import pandas as pd

LEAST = 24
NO_TYPE = ("Please choose an issue...", "Select One")


def new_york(raw: pd.DataFrame) -> pd.DataFrame:
    """Board x complaint type, 2015-01..2023-11.

    Keys that come again and rows without a board ("05 Brooklyn") or without a type (form texts) are left out.
    """
    rows = raw.drop_duplicates("unique_key")
    board = rows["community_board"].str.fullmatch(r"\d\d (Manhattan|Bronx|Brooklyn|Queens|Staten Island)")
    kind = rows["complaint_type"]
    typed = kind.notna() & ~kind.str.startswith("@", na=False) & ~kind.isin(NO_TYPE)
    rows = rows[board.fillna(False).astype(bool) & typed]
    return panel(rows["opendate"], rows["community_board"], rows["complaint_type"], "2015-01", "2023-11")


def chicago(raw: pd.DataFrame) -> pd.DataFrame:
    """Community area x nature of violation, 2011-01..2014-12.

    Statuses "... - Dup", numbers that come again, and rows without a community area or a nature are left out.
    """
    rows = raw[~raw["Status"].str.endswith(" - Dup")].drop_duplicates("Service Request Number")
    area = pd.to_numeric(rows["Community Area"])
    rows, area = rows[area > 0], area[area > 0].astype(int).astype(str)
    return panel(rows["Creation Date"], area, rows["Nature of Code Violation"], "2011-01", "2014-12")


def panel(day: pd.Series, area: pd.Series, category: pd.Series, first: str, last: str) -> pd.DataFrame:
    """Rows of requests -> the complete panel of the months `first` to `last`; rows with a gap are left out."""
    months = pd.date_range(first, last, freq="MS", unit="us")
    month = pd.to_datetime(day, format="%Y-%m-%d").dt.to_period("M").dt.to_timestamp()
    rows = pd.DataFrame({"month": month, "area": area, "category": category}).dropna()
    wide = rows.groupby(["area", "category", "month"]).size().unstack("month").reindex(columns=months).fillna(0)
    wide = wide[wide.sum(axis=1) >= LEAST].astype("int64").rename_axis(columns="month")
    long = wide.reset_index().melt(["area", "category"], value_name="count")
    return long[["month", "area", "category", "count"]]


PANELS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "nyc": ("nyc_council/requests.csv.gz", new_york),
    "chicago": ("chicago_sanitation/requests.csv.gz", chicago),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the raw files")
    parser.add_argument("out", type=Path, help="folder of the panels")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name, (file, make) in PANELS.items():
        make(pd.read_csv(given.data / file, dtype=str)).to_parquet(given.out / f"{name}.parquet", index=False)


if __name__ == "__main__":
    main()
