"""A panel -> how well areas are forecast that were born 1, 2, 3 and 6 months before the cutoff, and the others.

A fifth of the areas is held out until its birth. A month without a request is no row, as in the files of a city; what
is forecast for a cell in which nothing came counts as wrong.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.forecaster import Forecaster
from forecast.issue import issue
from forecast.models.climatology import Climatology
from forecast.panel import Coverage
from tests.bench import ours
from tests.bench.run import say

HORIZON = 6
AGES = (1, 2, 3, 6)
SHARE = 0.2


def held_out(panel: pd.DataFrame, cutoff: int, age: int, seed: int) -> tuple[pd.DataFrame, set[str], pd.DataFrame]:
    """Rows known after `cutoff` months, the areas born `age` months before, and what came: cells x HORIZON."""
    months, areas = sorted(panel["month"].unique()), sorted(panel["area"].unique())
    drawn = np.random.default_rng([seed, cutoff]).choice(areas, round(SHARE * len(areas)), replace=False)
    rows = panel[panel["count"] > 0]
    alive = ~rows["area"].isin(drawn) | (rows["month"] >= months[cutoff - age])
    ahead = panel[panel["month"].isin(months[cutoff : cutoff + HORIZON])]
    came = ahead.pivot_table(index=["area", "category"], columns="month", values="count", aggfunc="sum")
    return rows[alive & (rows["month"] < months[cutoff])], {str(name) for name in drawn}, came


def sums(table: pd.DataFrame, came: pd.DataFrame, born: set[str]) -> Iterator[dict[str, float | bool]]:
    """Errors, quantile losses and volume of the areas born and of the others."""
    key = ["area", "category"]
    mean = table[table["output"] == "mean"].pivot(index=key, columns="horizon", values="predicted")
    quantiles = table[table["output"] == "quantile"]
    cells = came.index.union(mean.index)
    y = came.reindex(cells).fillna(0).to_numpy(dtype=float)
    means = mean.reindex(cells).fillna(0).to_numpy()
    loss, levels = np.zeros_like(y), sorted(quantiles["level"].unique())
    for level in levels:
        one = quantiles[quantiles["level"] == level].pivot(index=key, columns="horizon", values="predicted")
        over = y - one.reindex(cells).fillna(0).to_numpy()
        loss += 2 * np.maximum(level * over, (level - 1) * over) / len(levels)
    new = cells.get_level_values("area").isin(born)
    for chosen in (True, False):
        rows = new == chosen
        error = np.abs(means - y)[rows].sum()
        parts = {"error": error, "loss": loss[rows].sum(), "said": means[rows].sum(), "came": y[rows].sum()}
        yield {"new": chosen, "cells": float(mean.index.isin(cells[rows]).sum())} | parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("panel", type=Path, help="Parquet file of tests/bench/panels.py")
    parser.add_argument("cutoffs", type=int, nargs="+", help="months known")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--default", action="store_true", help="the default forecaster; else level x season alone")
    parser.add_argument("--seen-only", action="store_true", help="no cell for what a new area has not reported yet")
    given = parser.parse_args()
    coverage = Coverage(common_in=0) if given.seen_only else Coverage()
    forecaster = Forecaster(coverage=coverage)
    if not given.default:
        forecaster = Forecaster(models=(Climatology(),), coverage=coverage)
    panel = pd.read_parquet(given.panel)
    months, rows = sorted(panel["month"].unique()), []
    for cutoff in given.cutoffs:
        for seed in range(given.seeds):
            for age in AGES:
                known, born, came = held_out(panel, cutoff, age, seed)
                basis = ours.basis(known, sorted(known["area"].unique()), HORIZON, forecaster)
                table = ours.cells(issue(basis, pd.Timestamp(months[cutoff - 1]), review=False).forecasts)
                rows += [{"age": age} | one for one in sums(table, came, born)]
    total = pd.DataFrame(rows).groupby(["new", "age"]).sum()
    shown = total[["error", "loss", "said"]].div(total["came"], axis=0).set_axis(["WAPE", "WQL", "said/came"], axis=1)
    say(shown.assign(cells=total["cells"]).round(4).to_string())


if __name__ == "__main__":
    main()
