"""Made-up cities from 2,000 to 210,000 cells -> what a forecast of each costs, and peers on the same series.

Each forecast is a process of its own that does what the monthly job does: `issue` with the default forecaster,
scores of the past origins, reasons, then the tables written. Peers get a sample of the largest city's series, for they
take each series alone: their time is a straight line through it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from forecast import areas as tree
from forecast import seasons
from forecast.explain import Wanted
from forecast.forecaster import Forecaster
from forecast.issue import issue
from forecast.look import Basis, in_turn
from forecast.tables import Areas, Counts, conform
from pipelines import engine, store
from tests.bench import measure
from tests.bench.measure import ROOT, Cost

HERE = ROOT / "tests/bench"
PEERS_PYTHON = HERE / "peers/.venv/bin/python"
PAGE = ROOT / "docs/performance.md"
PLOT = ROOT / "docs/images/scale.svg"

CELLS = (2_000, 6_000, 20_000, 60_000, 210_000)
CATEGORIES = 30
STREET = 7_000 / 343
"""Communities of a street."""
DISTRICTS = 16
MONTHS, HORIZON = 72, 12
FIRST = "2019-01"
SEED = 1
PEERS = {"ets": 600, "prophet": 200, "lightgbm": 20_000}
"""Peer -> series it is asked for."""
CALLED = {"ets": "statsforecast AutoETS", "prophet": "Prophet", "lightgbm": "mlforecast, LightGBM"}


@dataclass(frozen=True)
class Point:
    """What one forecast of so many cells cost; `inside`: clock seconds of `issue` alone."""

    cells: int
    cost: Cost
    inside: float


def city(cells: int, months: int = MONTHS, seed: int = SEED) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows month, area, category, count of the months with requests, and Areas.

    Counts are negative binomial (dispersion 0.3) around level x season x a shock the category shares; levels of most
    cells lie between 0.05 and 2 a month, of the largest near 50. Every cell has a request at some time.
    """
    rng = np.random.default_rng(seed)
    communities = -(-cells // CATEGORIES)
    loud = rng.lognormal(0, 0.6, communities)[:, None] * np.geomspace(4, 0.06, CATEGORIES)
    level = np.clip(loud * rng.lognormal(0, 0.5, loud.shape), 0.03, 60.0).ravel()[:cells]
    kind = np.arange(cells) % CATEGORIES
    time_of_year = 2 * np.pi * (np.arange(months) / 12 - rng.random(CATEGORIES)[:, None])
    moves = np.cumsum(rng.normal(0, 0.05, (CATEGORIES, months)), axis=1) + rng.normal(0, 0.08, (CATEGORIES, months))
    pace = np.exp(rng.uniform(0, 0.6, CATEGORIES)[:, None] * np.cos(time_of_year) + moves)
    once = rng.integers(months, size=cells)
    names = np.array([f"c{number:06d}" for number in range(communities)])
    kinds = np.array([f"kind_{number:02d}" for number in range(CATEGORIES)])
    parts = []
    dates = pd.date_range(FIRST, periods=months, freq="MS", unit="us")
    for start in range(0, cells, 30_000):
        some = np.arange(start, min(start + 30_000, cells))
        mean = level[some, None] * pace[kind[some]]
        count = rng.poisson(mean * rng.gamma(1 / 0.3, 0.3, mean.shape))
        silent = ~count.any(axis=1)
        count[silent, once[some[silent]]] = 1
        cell, month = np.nonzero(count)
        at = some[cell]
        parts.append(
            pd.DataFrame(
                {
                    "month": dates[month],
                    "area": pd.Categorical.from_codes(at // CATEGORIES, names),
                    "category": pd.Categorical.from_codes(kind[at], kinds),
                    "count": count[cell, month],
                }
            )
        )
    return pd.concat(parts, ignore_index=True), _areas(names)


def _areas(communities: np.ndarray) -> pd.DataFrame:
    """Communities in streets in districts in the city."""
    street = (np.arange(len(communities)) / STREET).astype(int)
    streets, districts = range(street[-1] + 1), range(min(DISTRICTS, street[-1] + 1))
    rows = [("city", "city", None), *((f"d{number:02d}", "district", "city") for number in districts)]
    rows += [(f"s{number:03d}", "street", f"d{number % DISTRICTS:02d}") for number in streets]
    rows += [(name, "community", f"s{at:03d}") for name, at in zip(communities, street, strict=True)]
    table = pd.DataFrame(rows, columns=["area", "level", "parent"])
    return conform(Areas, table.assign(name=table["area"], aliases=""))


def basis(rows: pd.DataFrame, areas: pd.DataFrame) -> Basis:
    """What the monthly job would know, with the calendar of the default config."""
    figures = dict.fromkeys(("orders", "incidents", "callers"), rows["count"])
    counts = conform(Counts, rows[["area", "category", "month"]].assign(**figures))
    first = counts["month"].min()

    def seasons_at(origin: pd.Timestamp) -> pd.DataFrame:
        months = pd.date_range(first, origin + pd.DateOffset(months=HORIZON), freq="MS", unit="us")
        return seasons.build(seasons.Calendar(), months, origin)

    return Basis(counts, areas, tree.summing(areas), seasons_at, HORIZON, Forecaster(), SEED)


def forecast(folder: Path, jobs: int = 1) -> None:
    """The tables of one forecast into the folder of its city, and the seconds `issue` took."""
    known = basis(pd.read_parquet(folder / "panel.parquet"), pd.read_parquet(folder / "areas.parquet"))
    origin = known.counts["month"].max()
    began = time.monotonic()
    issued = issue(known, origin, wanted=Wanted(), mapper=in_turn if jobs == 1 else engine.processes(jobs))
    inside = time.monotonic() - began
    for name in ("forecasts", "calibration", "scores", "contributions"):
        store.write(getattr(issued, name), folder / f"{name}.parquet")
    (folder / "inside.json").write_text(json.dumps(inside))
