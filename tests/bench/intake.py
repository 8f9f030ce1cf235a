"""`python -m tests.bench.intake`: raw orders with free text -> what intake costs beside DuckDB, in docs/performance.md.

One CSV of a made-up city, many times over under other ids, callers and houses; then one file of a new month.
"""

import argparse
import io
import json
import math
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow
import pyarrow.parquet as pq

from forecast.simulate import City, simulate
from forecast.simulate.words import VAGUE, WORDS
from forecast.taxonomy import Taxonomy
from pipelines import config, inputs
from pipelines.runs import Run, Watch
from tests.bench import measure
from tests.bench.page import table
from tests.conftest import ROOT

PAGE = ROOT / "docs/performance.md"
ROWS = 20_000_000
PARQUET = (10_000_000, 30_000_000, 100_000_000)
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

TWIN = """
CREATE TABLE said AS
SELECT "社区/村" AS area, "问题分类" AS category, date_trunc('month', moment) AS month, count(*) AS orders
FROM (
    SELECT *, try_cast("创建时间" AS TIMESTAMP) AS moment FROM read_csv(?, all_varchar = true, header = true)
    QUALIFY row_number() OVER (PARTITION BY "工单编号" ORDER BY moment DESC) = 1
)
WHERE moment IS NOT NULL GROUP BY ALL
"""
"""What DuckDB alone would do with the file: read, one row an order (its latest), group."""


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
    orders = made.orders[made.orders["kind"] != "咨询"].sort_values("received_at", ignore_index=True)
    rng, n = np.random.default_rng(seed), len(made.orders[made.orders["kind"] != "咨询"])
    code, codes = pd.factorize(orders["category"])
    tree = Taxonomy(**config.read_yaml(ROOT / TREE)).categories
    names = {category.code: category.name for category in tree}
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


def twin(csv: Path, out: Path) -> None:
    """DuckDB alone, two threads."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(TWIN, [str(csv)])
        orders = connection.execute("SELECT sum(orders)::BIGINT FROM said").fetchone()
    out.write_text(json.dumps({"orders": orders and orders[0]}))


def ours(folder: Path, out: Path) -> None:
    """Intake as the jobs do it, up to the panel."""
    chosen = config.load(folder / "weisu.yaml")
    with io.StringIO() as log:
        job = Run(chosen.root, Watch(), log)
        history = inputs.read(chosen, None, job)
    panel = inputs.panel_of(chosen, history)
    said = {"orders": int(history.counts["orders"].sum()), "panel": len(panel), **history.totals()}
    out.write_text(json.dumps(said))
