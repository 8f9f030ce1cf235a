"""`python -m tests.bench.city [folder]`: files of a made-up city -> `weisu monthly` -> docs/performance.md.

The city has 7,000 communities in 343 streets, 30 categories, 72 months and 10,000 estates.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas
import numpy as np
import pandas as pd
import shapely
import yaml

from tests.bench import measure
from tests.bench.page import table
from tests.conftest import ROOT

PAGE = ROOT / "docs/performance.md"
COMMUNITIES, STREETS, DISTRICTS, ESTATES, MONTHS, CATEGORIES = 7000, 343, 16, 10_000, 72, 30
LAST = pd.Timestamp("2024-09-01")
WINTER, SUMMER = ("H1", "H2", "H3"), ("1B", "2A", "2B", "W1")
CONFIG = """\
city: 大城
language: zh
horizon: 12
sources:
  - {name: counts, grain: counts, paths: [counts-*.parquet]}
areas: {path: areas.csv, shapes: communities.geojson, shape_key: area}
estates: {path: estates.csv}
categories: categories.yaml
playbook: cn
forecaster:
  models: [{kind: climatology}]
  calibrate: {past_origins: 2}
"""
"""A quick model: the forecast has a bench of its own."""


def make(folder: Path, communities: int = COMMUNITIES, streets: int = STREETS, estates: int = ESTATES) -> Path:
    """Write the city; returns its config."""
    rng = np.random.default_rng(7)
    places = _areas(communities, streets)
    places.drop(columns="geometry").to_csv(folder / "areas.csv", index=False)
    drawn = geopandas.GeoDataFrame(places.loc[places["level"] == "community", ["area", "geometry"]], crs=4326)
    drawn.to_file(folder / "communities.geojson", driver="GeoJSON")
    codes = _categories(folder)
    _estates(rng, drawn, estates).to_csv(folder / "estates.csv", index=False)
    _counts(rng, drawn["area"].to_numpy(), codes, folder)
    config = folder / "weisu.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def _areas(communities: int, streets: int) -> pd.DataFrame:
    """Squares side by side, the communities of a street one after the other."""
    n, side = np.arange(communities), int(np.ceil(np.sqrt(communities)))
    x, y = 116 + 0.01 * (n % side), 39.5 + 0.01 * (n // side)
    street, district = n * streets // communities, np.arange(streets) * DISTRICTS // streets
    parts = [
        pd.DataFrame({"area": ["city"], "level": "city", "parent": ""}),
        pd.DataFrame({"area": [f"D{k:02d}" for k in range(DISTRICTS)], "level": "district", "parent": "city"}),
        pd.DataFrame({"area": [f"S{k:03d}" for k in range(streets)], "level": "street",
                      "parent": [f"D{k:02d}" for k in district]}),
        pd.DataFrame({"area": [f"A{k:05d}" for k in n], "level": "community",
                      "parent": [f"S{k:03d}" for k in street], "geometry": shapely.box(x, y, x + 0.01, y + 0.01)}),
    ]  # fmt: skip
    every = pd.concat(parts, ignore_index=True)
    return every.assign(name="第" + every["area"] + "号")


def _categories(folder: Path) -> list[str]:
    """The shipped categories and as many more as make 30."""
    shipped = yaml.safe_load((ROOT / "configs/categories/cn.yaml").read_text(encoding="utf-8"))["categories"]
    parents = {one["parent"] for one in shipped if "parent" in one}
    codes = [one["code"] for one in shipped if one["code"] not in parents and not one.get("consultation")]
    more = [{"code": f"E{k}", "name": f"环境 {k}", "parent": "E"} for k in range(1, CATEGORIES - len(codes) + 1)]
    every = [*shipped, {"code": "E", "name": "环境"}, *more]
    for one in every:
        one["values"] = [one["code"]]
    (folder / "categories.yaml").write_text(yaml.safe_dump({"categories": every}, allow_unicode=True), "utf-8")
    return [*codes, *(str(one["code"]) for one in more)]


def _estates(rng: np.random.Generator, drawn: geopandas.GeoDataFrame, estates: int) -> pd.DataFrame:
    at = rng.integers(0, len(drawn), estates)
    corner = drawn["geometry"].bounds.iloc[at]
    return pd.DataFrame({
        "estate": [f"E{k:05d}" for k in range(estates)], "name": [f"小区{k}号院" for k in range(estates)],
        "area": drawn["area"].to_numpy()[at], "households": rng.integers(50, 3000, estates),
        "built_year": rng.integers(1960, 2020, estates),
        "lon": corner["minx"].to_numpy() + rng.uniform(0.001, 0.009, estates),
        "lat": corner["miny"].to_numpy() + rng.uniform(0.001, 0.009, estates),
    })  # fmt: skip


def _counts(rng: np.random.Generator, areas: np.ndarray, codes: list[str], folder: Path) -> None:
    """Gamma means (3 a month, half of the cells below 1), seasons, a storm in places, NegBin counts; zeros are not
    written. A file a year."""
    mean = rng.gamma(0.4, 7.5, (len(areas), len(codes)))
    months = pd.date_range(end=LAST, periods=MONTHS, freq="MS")
    winter = np.isin(codes, WINTER), np.cos(2 * np.pi * (months.month.to_numpy() - 1) / 12)
    summer = np.isin(codes, SUMMER), np.cos(2 * np.pi * (months.month.to_numpy() - 7) / 12)
    for year, own in pd.Series(months).groupby(months.year):
        parts = []
        for at in own.index:
            season = np.exp(1.2 * winter[0] * winter[1][at] + 0.6 * summer[0] * summer[1][at])
            counts = rng.poisson(mean * season * rng.gamma(6.0, 1 / 6.0, mean.shape))
            place, code = np.nonzero(counts)
            parts.append(pd.DataFrame({"month": f"{own[at]:%Y-%m}", "area": areas[place],
                                       "category": np.array(codes)[code], "count": counts[place, code]}))  # fmt: skip
        pd.concat(parts).to_parquet(folder / f"counts-{year}.parquet", index=False)


def line(folder: Path) -> tuple[measure.Cost, dict[str, float]]:
    """(what the job of the city in `folder` cost, seconds of its stages)."""
    job = ["-m", "pipelines", "monthly", str(folder / "weisu.yaml"), "--as-of", f"{LAST:%Y-%m}"]
    spent = measure.cost([sys.executable, *job])
    run = json.loads((folder / "runs/latest/run.json").read_text(encoding="utf-8"))
    seconds: dict[str, float] = run["seconds"]
    return spent, seconds


def main(folder: Path) -> None:
    make(folder)
    spent, seconds = line(folder)
    rows = [[name, f"{second:.0f}", ""] for name, second in seconds.items()]
    rows.append(["**all**", f"{spent.clock:.0f} ({spent.processor:.0f} of the processor)", f"{spent.gigabytes:.1f}"])
    measure.write(PAGE, "streets", f"{measure.machine()}.\n\n{table(['stage', 's', 'peak GB'], rows)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as empty:
            main(Path(empty))
