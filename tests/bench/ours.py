"""The default forecaster at one cutoff of a panel -> the same forecast file as a peer's, and what it cost.

It is told no more than the peers: counts alone, no calendar and no weather. A month without a request is a row
that says 0, so no month counts as not covered.
"""

import argparse
import importlib
import json
import os
import resource
import time
from pathlib import Path

import pandas as pd

from forecast.forecaster import COMBINATION, Forecaster
from forecast.issue import issue
from forecast.look import Basis
from forecast.tables import ALL, Areas, Counts, Seasons, conform, empty

CITY = "city"
SEED = 1
LIBRARIES = ("lightgbm", "scipy.stats", "statsmodels.tsa.exponential_smoothing.ets")
"""Loaded before the clock starts, as those of the peers are."""


def forecast(panel: pd.DataFrame, cutoff: int, horizon: int, forecaster: Forecaster) -> pd.DataFrame:
    """The forecast file of the cells: cutoff, area, category, h, mean, variance and a column q<level> a level.

    Args:
        panel: month, area, category, count, complete; months after the cutoff change nothing.
        cutoff: months known.
        horizon: months ahead.
        forecaster: the bench asks the default one.
    """
    months = sorted(panel["month"].unique())
    known = basis(panel[panel["month"] < months[cutoff]], sorted(panel["area"].unique()), horizon, forecaster)
    table = cells(issue(known, pd.Timestamp(months[cutoff - 1]), review=False).forecasts)
    column = table["output"].where(table["output"] != "quantile", "q" + table["level"].astype(str))
    wide = table.assign(column=column).pivot(
        index=["area", "category", "horizon"], columns="column", values="predicted"
    )
    wide = wide.rename_axis(columns=None).reset_index().rename(columns={"horizon": "h"})
    wide.insert(0, "cutoff", cutoff)
    return wide


def basis(rows: pd.DataFrame, names: list[str], horizon: int, forecaster: Forecaster) -> Basis:
    """A city of the areas `names` that knows `rows` (month, area, category, count) and nothing else."""
    figures = dict.fromkeys(("orders", "incidents", "callers"), rows["count"])
    counts = conform(Counts, rows[["area", "category", "month"]].assign(**figures))
    tree = [(CITY, CITY, None), *((area, "community", CITY) for area in names)]
    areas = pd.DataFrame(tree, columns=["area", "level", "parent"])
    areas = conform(Areas, areas.assign(name=areas["area"], aliases=""))
    ancestors = pd.DataFrame({"area": names, "ancestor": CITY})
    return Basis(counts, areas, ancestors, _no_seasons, horizon, forecaster, SEED)


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """What the combination says of cells."""
    return table[(table["model"] == COMBINATION) & (table["area"] != CITY) & (table["category"] != ALL)]


def _no_seasons(origin: pd.Timestamp) -> pd.DataFrame:
    return empty(Seasons)


def _cpu() -> float:
    """Processor seconds of this process, its threads and its workers."""
    return sum(os.times()[:4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=["ours"])
    parser.add_argument("panel", type=Path)
    parser.add_argument("horizon", type=int, help="months ahead")
    parser.add_argument("back", type=int, help="months the cutoff lies before the newest one possible")
    parser.add_argument("out", type=Path, help="path of the files without ending")
    given = parser.parse_args()
    panel = pd.read_parquet(given.panel)
    cutoff = panel["month"].nunique() - given.horizon - given.back
    for library in LIBRARIES:
        importlib.import_module(library)
    began, cpu = time.perf_counter(), _cpu()
    table = forecast(panel, cutoff, given.horizon, Forecaster())
    cost = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _cpu() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "series": panel.groupby(["area", "category"]).ngroups,
        "threads": int(os.environ.get("THREADS", "2")),
    }
    table.to_parquet(given.out.with_suffix(".parquet"), index=False)
    given.out.with_suffix(".json").write_text(json.dumps(cost))


if __name__ == "__main__":
    main()
