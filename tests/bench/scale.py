"""Made-up cities from 2,000 to 210,000 cells -> what a forecast of each costs, and peers on the same series.

Each forecast is a process of its own that does what the monthly job does: `issue` with the default forecaster,
scores of the past origins, reasons, then the tables written. Peers get a sample of the largest city's series.
"""

import argparse
import json
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
from forecast.look import Basis
from forecast.tables import Areas, Counts, conform
from pipelines import store
from tests.bench import measure
from tests.bench.measure import Cost
from tests.conftest import ROOT

HERE = ROOT / "tests/bench"
PEERS_PYTHON = HERE / "peers/.venv/bin/python"
RESULTS = HERE / "peers/results/scale"
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
PEERS = {"ets": 200, "prophet": 60, "lightgbm": 2_000}
"""Peer -> series it is asked for."""
CALLED = {"ets": "statsforecast AutoETS", "prophet": "Prophet", "lightgbm": "mlforecast, LightGBM"}


@dataclass(frozen=True)
class Point:
    """What one forecast of so many cells cost; `inside`: clock seconds of `issue` alone."""

    cells: int
    cost: Cost
    inside: float


@dataclass(frozen=True)
class Rival:
    """What a peer's forecast of so many series cost, in seconds."""

    name: str
    series: int
    clock: float
    processor: float


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
                    "area": pd.Categorical.from_codes(at // CATEGORIES, pd.Index(names)),
                    "category": pd.Categorical.from_codes(kind[at], pd.Index(kinds)),
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


def forecast(folder: Path) -> None:
    """The tables of one forecast into the folder of its city, and the seconds `issue` took."""
    known = basis(pd.read_parquet(folder / "panel.parquet"), pd.read_parquet(folder / "areas.parquet"))
    origin = known.counts["month"].max()
    began = time.monotonic()
    issued = issue(known, origin, wanted=Wanted())
    inside = time.monotonic() - began
    for name in ("forecasts", "calibration", "scores", "contributions"):
        store.write(getattr(issued, name), folder / f"{name}.parquet")
    (folder / "inside.json").write_text(json.dumps(inside))


def ours(cells: int, folder: Path) -> Point:
    """One forecast in a process of its own."""
    rows, areas = city(cells)
    rows.to_parquet(folder / "panel.parquet", index=False)
    areas.to_parquet(folder / "areas.parquet", index=False)
    del rows, areas
    spent = measure.cost([sys.executable, "-m", "tests.bench.scale", "--of", folder])
    return Point(cells, spent, json.loads((folder / "inside.json").read_text()))


def peer(name: str, rows: pd.DataFrame, folder: Path) -> Rival:
    """A peer on series of the city, in its own environment; its own clock, which starts when all is loaded."""
    complete(rows).to_parquet(folder / "panel.parquet", index=False)
    words: list[str | Path] = [name, folder / "panel.parquet", str(HORIZON), "0", folder / name]
    command = [PEERS_PYTHON, HERE / "peers/run.py", *words]
    measure.cost(command, THREADS="2", OMP_NUM_THREADS="2", OMP_WAIT_POLICY="PASSIVE")
    spent = json.loads((folder / f"{name}.json").read_text())
    return Rival(name, spent["series"], spent["seconds"], spent["cpu_seconds"])


def sample(rows: pd.DataFrame, series: int) -> pd.DataFrame:
    """The rows of so many series, evenly spread over the city."""
    keys = rows[["area", "category"]].drop_duplicates().sort_values(["area", "category"], ignore_index=True)
    chosen = keys.iloc[np.linspace(0, len(keys) - 1, min(series, len(keys))).astype(int)]
    return rows.merge(chosen.astype(str), on=["area", "category"])


def complete(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a month and series, 0 where nothing came; then `HORIZON` months that the peers cut off unseen."""
    months = pd.date_range(FIRST, periods=MONTHS + HORIZON, freq="MS", unit="us")
    names = rows.astype({"area": "str", "category": "str"})
    wide = names.pivot(index=["area", "category"], columns="month", values="count").reindex(columns=months)
    wide = wide.fillna(0).astype("int64").rename_axis(columns="month")
    return wide.reset_index().melt(["area", "category"], value_name="count")


def page(points: Sequence[Point], rivals: Sequence[Rival]) -> str:
    """The part of docs/performance.md that is measured."""
    fixed, each = line(points)
    rows = "".join(
        f"| {one.cells:,} | {one.cost.clock:,.0f} | {one.cost.processor:,.0f} | {one.cost.gigabytes:.1f} |"
        f" {one.cells / one.cost.processor:,.0f} |\n"
        for one in points
    )
    largest = max(points, key=lambda one: one.cells)
    speed = largest.cells / largest.cost.processor
    peers = "".join(
        f"| {CALLED[one.name]} | {one.series:,} | {one.clock:,.0f} | {one.processor:,.0f} |"
        f" {one.series / one.processor:,.1f} | {speed / (one.series / one.processor):,.1f} |\n"
        for one in rivals
    )
    return (
        f"Measured on {measure.machine()}, by `python -m tests.bench.scale`.\n\n"
        "| cells | clock, s | processor, s | peak memory, GB | cells a processor second |\n|---|---|---|---|---|\n"
        f"{rows}\n![Processor time and memory by cells](images/scale.svg)\n\n"
        f"The line through these points is {fixed:.0f} s + {1000 * each:.2f} ms a cell; none lies more than"
        f" {100 * farthest(points):.0f} % off it. At {largest.cells:,} cells the processor's"
        f" time was {100 * largest.cost.processor / largest.cost.clock:.0f} % of the clock's.\n\n"
        "| forecaster | series | clock, s | processor, s | series a processor second | weisu is faster, times |\n"
        f"|---|---|---|---|---|---|\n| weisu, {largest.cells:,} cells | {largest.cells:,} |"
        f" {largest.cost.clock:,.0f} | {largest.cost.processor:,.0f} | {speed:,.1f} | |\n{peers}\n"
        "Peers take a sample of the same series, evenly spread. For AutoETS and Prophet a series is a fit of its\n"
        "own, so time is a straight line; mlforecast trains global models, and more series share part of the cost.\n"
        "Their clock starts when their libraries are loaded; that of weisu counts loading, reading and writing too.\n"
    )


def line(points: Sequence[Point]) -> tuple[float, float]:
    """Seconds of any forecast, and seconds a cell: least squares of the relative miss."""
    cells = np.array([one.cells for one in points], dtype=float)
    spent = np.array([one.cost.processor for one in points])
    if len(points) < 2:
        return 0.0, float(spent[0] / cells[0])
    design = np.stack([1 / spent, cells / spent], axis=1)
    fixed, each = np.linalg.lstsq(design, np.ones(len(points)))[0]
    return float(fixed), float(each)


def farthest(points: Sequence[Point]) -> float:
    """Largest relative distance of a point from the line."""
    fixed, each = line(points)
    return max(abs((fixed + each * one.cells) / one.cost.processor - 1) for one in points)


def plot(points: Sequence[Point], path: Path) -> None:
    """Processor time and peak memory by cells, both axes logarithmic."""
    import altair as alt
    import vl_convert

    grey, ink = "#8a8a8a", "#3b82c4"
    table = pd.DataFrame(
        {
            "cells": [one.cells for one in points],
            "processor seconds": [one.cost.processor for one in points],
            "peak memory, GB": [one.cost.gigabytes for one in points],
        }
    )
    axis = alt.Axis(format="~s", title="cells", values=table["cells"].tolist())
    x = alt.X("cells:Q", scale=alt.Scale(type="log"), axis=axis)
    panels = [
        alt.Chart(table, width=250, height=180)
        .mark_line(point={"color": ink, "size": 45}, color=ink)
        .encode(x, alt.Y(f"{name}:Q", scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=5, format="~g")))
        for name in table.columns[1:]
    ]
    chart = (
        alt.hconcat(*panels, background="transparent")
        .configure_axis(labelColor=grey, titleColor=grey, tickColor=grey, domainColor=grey, gridColor="#8a8a8a40")
        .configure_view(stroke=None)
    )
    path.write_text(vl_convert.vegalite_to_svg(chart.to_dict()), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=CELLS)
    parser.add_argument("--peers", nargs="*", choices=sorted(PEERS), default=list(PEERS))
    parser.add_argument("--results", type=Path, default=RESULTS, help="what is found there is not measured again")
    parser.add_argument("--of", type=Path, help="only forecast the city in this folder")
    given = parser.parse_args()
    if given.of:
        forecast(given.of)
        return
    points, rivals = measured(given.cells, given.peers, given.results)
    plot(points, PLOT)
    measure.write(PAGE, "forecast", page(points, rivals))


def measured(cells: Sequence[int], peers: Sequence[str], results: Path) -> tuple[list[Point], list[Rival]]:
    """All points and peers, one after the other; each is kept in `results` as it ends."""
    results.mkdir(parents=True, exist_ok=True)
    points, rivals = [], []
    for number in cells:
        kept = results / f"{number}.json"
        if not kept.exists():
            with TemporaryDirectory() as folder:
                kept.write_text(json.dumps(asdict(ours(number, Path(folder)))))
        found = json.loads(kept.read_text())
        points.append(Point(found["cells"], Cost(**found["cost"]), found["inside"]))
    for name in peers:
        kept = results / f"{name}.json"
        if not kept.exists():
            with TemporaryDirectory() as folder:
                rows = sample(city(max([2_000, *cells]))[0], PEERS[name])
                kept.write_text(json.dumps(asdict(peer(name, rows, Path(folder)))))
        rivals.append(Rival(**json.loads(kept.read_text())))
    return points, rivals


if __name__ == "__main__":
    main()
