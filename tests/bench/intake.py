"""`python -m tests.bench.intake`: raw orders with free text -> what intake costs beside DuckDB (docs/performance.md).

One CSV of a made-up city, many times over under other ids, callers and houses; then one file of a new month.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow
import pyarrow.parquet as pq

from forecast.simulate import City, simulate
from forecast.simulate.words import VAGUE, WORDS
from forecast.taxonomy import Taxonomy
from pipelines import config
from tests.bench import measure
from tests.bench.page import table
from tests.conftest import ROOT

PAGE = ROOT / "docs/performance.md"
ROWS = 20_000_000
PARQUET = (10_000_000, 30_000_000, 100_000_000)
"""A partition holds each order of the city once: some 800,000 rows."""
TREE = "configs/categories/cn.yaml"
KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Of the caller hash: without one, fewer cells would be hashed."""
CONFIG = """\
city: 模拟市
sources:
  - {{use: cn_12345, paths: ["orders/*"]}}
areas: {{path: areas.csv}}
categories: {tree}
"""
DIRTY, EMPTY, UNKNOWN, AGAIN = 0.0004, 0.05, 0.02, 0.01
"""Parts of the rows: a time that does not exist, no category, no community, written a second time."""
ASKS = ("希望尽快处理", "要求给出答复", "多次反映未果", "孩子老人在家", "已报物业无人管")


# --- Raw files -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """areas: Areas. rows: the orders of the city, by time, under the headers of an export; `caller` is a number."""

    areas: pd.DataFrame
    rows: pd.DataFrame


def base(rows: int, seed: int = 20) -> Base:
    """A city of about a twentieth of `rows`, between 4 communities in 2 years and 343 in 6."""
    city = City(seed=seed, communities=int(np.clip(rows // 58_000, 4, 343)), years=6 if rows >= 10**6 else 2)
    made = simulate(city)
    tree = Taxonomy(**config.read_yaml(ROOT / TREE)).categories
    names = {category.code: category.name for category in tree if not category.consultation}
    complaints = (made.orders["kind"] != "咨询") & made.orders["category"].isin(names)
    orders = made.orders[complaints].sort_values("received_at", ignore_index=True)
    rng, n = np.random.default_rng(seed), len(orders)
    code, codes = pd.factorize(orders["category"])
    phrase = np.array([[said for _, said in WORDS[str(name)].details] for name in codes])[code, rng.integers(0, 3, n)]
    estate = orders["estate"].map(made.estates.set_index("estate")["estate_name"])
    community = orders["area"].map(made.areas.set_index("area")["name"])
    rows_ = pd.DataFrame({
        "at": orders["received_at"],
        "问题分类": np.where(rng.random(n) < EMPTY, "", orders["category"].map(names)),
        "社区/村": np.where(rng.random(n) < UNKNOWN, "不详", community),
        "小区点位": estate,
        "caller": orders["caller"],
        "phrase": np.where(rng.random(n) < EMPTY / 10, VAGUE, phrase),
    })  # fmt: skip
    return Base(made.areas, rows_)


def parts(city: Base, rows: int, seed: int = 1) -> Iterator[pa.Table]:
    """About `rows` raw rows, month after month: each month of the city as often as it takes, a part a time."""
    times = max(1, math.ceil(rows / (1 + AGAIN) / len(city.rows)))
    share = rows / (1 + AGAIN) / len(city.rows) / times
    month = city.rows["at"].dt.to_period("M")
    number = 0
    for _, group in city.rows.groupby(month):
        for time_over in range(times):
            rng = np.random.default_rng([seed, time_over, number])
            some = group.iloc[np.flatnonzero(rng.random(len(group)) < share)]
            yield raw(some, number, time_over, rng)
            number += len(some)


def raw(rows: pd.DataFrame, first: int, time_over: int, rng: np.random.Generator) -> pa.Table:
    """Rows of the city under new ids, callers, houses and words, with some dirt."""
    n = len(rows)
    at = (rows["at"] + pd.to_timedelta(rng.integers(0, 60, n), unit="min")).where(
        lambda moved: moved.dt.month == rows["at"].dt.month, rows["at"]
    )
    clock = pa.array(at.dt.strftime("%Y-%m-%d %H:%M").to_numpy(dtype=object), pa.string())
    clock = pc.if_else(pa.array(rng.random(n) < DIRTY), "2018-02-30 10:00", clock)
    phone = pa.array(19_900_000_000 + (rows["caller"].to_numpy() + 777_777 * time_over) % 100_000_000)
    house = pa.array(rng.integers(1, 30, n)).cast(pa.string())
    unit = pa.array(rng.integers(1, 9, n)).cast(pa.string())
    asks = pa.array(np.array(ASKS, dtype=object)[rng.integers(0, len(ASKS), n)], pa.string())
    text = pc.binary_join_element_wise(house, "号楼", unit, "单元", _text(rows["phrase"]), "，", asks, "")
    made = pa.table({
        "工单编号": pa.array(10_000_000_000 + first + np.arange(n)).cast(pa.string()),
        "创建时间": clock,
        "问题分类": _text(rows["问题分类"]),
        "社区/村": _text(rows["社区/村"]),
        "小区点位": _text(rows["小区点位"]),
        "来电号码": phone.cast(pa.string()),
        "主要内容": text,
    })  # fmt: skip
    return pa.concat_tables([made, made.slice(0, int(AGAIN * n))])


def _text(cells: pd.Series) -> pa.Array:
    return pa.array(cells.to_numpy(dtype=object), pa.string())


def write_city(folder: Path, city: Base) -> None:
    """The folder of a job: config, areas, no orders yet."""
    (folder / "orders").mkdir(parents=True)
    city.areas.to_csv(folder / "areas.csv", index=False)
    (folder / "weisu.yaml").write_text(CONFIG.format(tree=ROOT / TREE), encoding="utf-8")


def write_csv(path: Path, made: Iterator[pa.Table]) -> int:
    """Rows written."""
    first = next(made)
    count = 0
    with arrow.CSVWriter(path, first.schema, write_options=arrow.WriteOptions(quoting_style="none")) as file:
        for part in chain([first], made):
            file.write(part)
            count += part.num_rows
    return count


def new_month(city: Base) -> Iterator[pa.Table]:
    """The month after the last one: the orders of a year before."""
    at = city.rows["at"]
    start = at.iloc[-1].to_period("M").to_timestamp() + pd.DateOffset(months=1)
    then = city.rows[(at >= start - pd.DateOffset(years=1)) & (at.dt.month == start.month)]
    later = then.assign(at=then["at"] + (start - (start - pd.DateOffset(years=1))))
    later = later[later["at"].dt.to_period("M") == start.to_period("M")]
    for part in parts(Base(city.areas, later), 20 * len(later), seed=2):
        ids = pc.binary_join_element_wise("n", part["工单编号"], "")
        yield part.set_column(0, "工单编号", ids)


# --- The two commands ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """What a command cost, and what it said."""

    cost: measure.Cost
    said: dict[str, Any]


def ran(module: str, place: Path, scratch: Path) -> Ran:
    """DuckDB or intake in a process of its own."""
    out = scratch / "said.json"
    cost = measure.cost([sys.executable, "-m", f"tests.bench.{module}", place, out], WEISU_CALLER_KEY=KEY)
    return Ran(cost, json.loads(out.read_text()))


# --- The page --------------------------------------------------------------------------------------------------


def bench(rows: int, scratch: Path) -> str:
    """The text of the part `intake`.

    Raises:
        ValueError: DuckDB and intake count other orders.
    """
    folder = scratch / "city"
    city = base(rows)
    write_city(folder, city)
    first = folder / "orders/all.csv"
    count = write_csv(first, parts(city, rows))
    size = first.stat().st_size
    alone, whole = ran("intake_twin", first, scratch), ran("intake_ours", folder, scratch)
    write_csv(folder / "orders/new.csv", new_month(city))
    more = ran("intake_ours", folder, scratch)
    if alone.said["orders"] != whole.said["orders"]:
        raise ValueError(f"DuckDB counts {alone.said['orders']} orders, intake {whole.said['orders']}")
    head = f"{count:,} rows of {size / count:.0f} bytes ({size / 1e9:.2f} GB) in one CSV, then a month more "
    head += f"({more.said['rows'] - whole.said['rows']:,} rows): `python -m tests.bench.intake --rows {rows}`"
    return f"{head} on {measure.machine()}.\n\n{told(alone, whole, more)}\n"


def told(alone: Ran, whole: Ran, more: Ran) -> str:
    """Markdown: seconds, and times DuckDB's."""
    cost = alone.cost
    lines = [("DuckDB alone: read, de-duplicate, group", cost.clock, cost.processor, cost.gigabytes)]
    for name, run in (("first run", whole), ("second run, one new month", more)):
        lines.append((f"{name}, to the panel", run.cost.clock, run.cost.processor, run.cost.gigabytes))
        lines.append((f"{name}: reading alone", *run.said["reading"], None))
        rows = [
        [name, f"{clock:.1f}", f"{spent:.1f}", f"{clock / cost.clock:.2f}", f"{spent / cost.processor:.2f}",
         "" if peak is None else f"{peak:.2f}"]
        for name, clock, spent, peak in lines
    ]  # fmt: skip
    text = table(["", "s", "processor s", "× DuckDB", "× its processor", "peak GB"], rows)
    clock, spent = more.said["reading"]
    all_of = f"{clock / whole.cost.clock:.1%} of the clock, {spent / whole.cost.processor:.1%} of the processor"
    read = f"{clock / whole.said['reading'][0]:.1%} and {spent / whole.said['reading'][1]:.1%}"
    return f"{text}\nReading of the second run ÷ the whole first run: {all_of}; ÷ its reading alone: {read}.\n"


def partitions(scratch: Path, steps: tuple[int, ...], rows: int) -> str:
    """Peak memory as Parquet partitions of the city of `rows` come in, each time there are as many as a step says."""
    folder, city, lines, there = scratch / "parquet", base(rows), [], 0
    write_city(folder, city)
    for step in steps:
        while there < step:
            part = raw(city.rows, there, there // len(city.rows), np.random.default_rng(there))
            pq.write_table(part, folder / f"orders/{there:012d}.parquet")
            there += part.num_rows
        run = ran("intake_ours", folder, scratch)
        lines.append([f"{run.said['rows']:,}", f"{run.cost.clock:.0f}", f"{run.cost.processor:.0f}",
                      f"{run.said['reading'][0]:.0f}", f"{run.cost.gigabytes:.2f}"])  # fmt: skip
    return table(["rows in all", "s", "processor s", "of the s, reading what is new", "peak GB"], lines)


def main() -> None:
    given = _options()
    with TemporaryDirectory(dir=given.scratch) as scratch:
        text = "" if given.parquet else bench(given.rows, Path(scratch))
        text += partitions(Path(scratch), PARQUET, ROWS) if given.parquet else ""
    measure.write(PAGE, "intake parquet" if given.parquet else "intake", text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the CSV")
    parser.add_argument("--parquet", action="store_true", help="Parquet partitions instead, up to 100 million rows")
    parser.add_argument("--scratch", type=Path, help="folder for some 10 GB (30 with --parquet) that do not stay")
    return parser.parse_args()


if __name__ == "__main__":
    main()
