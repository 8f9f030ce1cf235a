"""A made city of any size as a Material, built by arrays: squares in streets, streets in districts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import shapely

from forecast.tables import ALL, Areas, conform
from reports.material import Material
from tests.reports.sample import AS_OF, DRIVERS
from tests.reports.sample import make as small

PER_STREET = 20
STREETS_PER_DISTRICT = 20
HISTORY = 36
AHEAD = 12
OFFSETS = {0.025: -2.0, 0.1: -1.3, 0.25: -0.7, 0.75: 0.7, 0.9: 1.3, 0.975: 2.0}


def make(communities: int, categories: int, polygons: bool = True, tasks: int = 1200) -> Material:
    """Communities in streets of 20, streets in districts of 20; counts of any month drawn anew."""
    rng = np.random.default_rng(3)
    areas = _areas(communities, polygons)
    names = pd.DataFrame({"category": [f"K{c:02d}" for c in range(categories)]})
    names = names.assign(name=[f"第 {c} 类诉求" for c in range(categories)], name_en=names["category"])
    level = rng.gamma(0.8, 4.0, (communities, categories))
    panel = _panel(areas, names["category"], level, rng)
    made = replace(
        small(), areas=areas, panel=panel, categories=names, driver_names=DRIVERS, risk=small().risk.head(0),
        forecasts=_forecasts(areas, names["category"], level),
    )  # fmt: skip
    return replace(made, workplan=_workplan(made, level, tasks))


def _areas(communities: int, polygons: bool) -> pd.DataFrame:
    streets = -(-communities // PER_STREET)
    districts = -(-streets // STREETS_PER_DISTRICT)
    side = int(np.ceil(np.sqrt(communities)))
    n = np.arange(communities)
    x, y = 116 + 0.01 * (n % side), 39.5 + 0.01 * (n // side)
    boxes = shapely.to_wkb(shapely.segmentize(shapely.box(x, y, x + 0.01, y + 0.01), 0.0004)) if polygons else None
    rows = pd.concat(
        [
            pd.DataFrame({"area": ["city"], "level": "city", "parent": None, "name": "大城市"}),
            pd.DataFrame({"area": [f"D{d}" for d in range(districts)], "level": "district", "parent": "city"}),
            pd.DataFrame(
                {
                    "area": [f"S{s}" for s in range(streets)],
                    "level": "street",
                    "parent": [f"D{s // STREETS_PER_DISTRICT}" for s in range(streets)],
                }
            ),
            pd.DataFrame(
                {
                    "area": [f"A{k:05d}" for k in n],
                    "level": "community",
                    "parent": [f"S{k // PER_STREET}" for k in n],
                    "geometry": boxes,
                }
            ),
        ],
        ignore_index=True,
    )
    rows["name"] = rows["name"].fillna("第" + rows["area"] + "号")
    rows["geometry"] = rows["geometry"].where(rows["geometry"].notna(), None)
    return conform(Areas, rows.assign(aliases=""))


def _panel(areas: pd.DataFrame, categories: pd.Series, level: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    months = pd.date_range(end=AS_OF, periods=HISTORY, freq="MS", unit="us")
    codes = areas.loc[areas["level"] == "community", "area"].to_numpy()
    counts = rng.poisson(level[:, :, None], (*level.shape, HISTORY)).astype(np.int64)
    frame = pd.DataFrame(_grid(codes, categories.to_numpy(), months))
    return frame.assign(orders=counts.ravel(), incidents=counts.ravel(), callers=counts.ravel())


def _forecasts(areas: pd.DataFrame, categories: pd.Series, level: np.ndarray) -> pd.DataFrame:
    """The same in every month: mean = variance, summed up to the city and over categories."""
    months = pd.date_range(AS_OF, periods=AHEAD + 1, freq="MS", unit="us")[1:]
    steps = [np.c_[level.sum(axis=1), level]]
    for size in (PER_STREET, STREETS_PER_DISTRICT):
        steps.append(np.add.reduceat(steps[-1], np.arange(0, len(steps[-1]), size)))
    steps.append(steps[-1].sum(axis=0, keepdims=True))
    means = np.concatenate(steps)
    codes = np.concatenate(
        [areas.loc[areas["level"] == name, "area"] for name in ("community", "street", "district", "city")]
    )
    grid = _grid(codes, np.r_[[ALL], categories.to_numpy()], months)
    flat = np.repeat(means.ravel(), AHEAD)
    parts = [pd.DataFrame(grid | {"output": "mean", "level": np.nan, "predicted": flat})]
    parts += [
        pd.DataFrame(
            grid | {"output": "quantile", "level": q, "predicted": np.maximum(0, np.round(flat + z * np.sqrt(flat)))}
        )
        for q, z in OFFSETS.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(model="combination", origin=AS_OF, horizon=1)


def _grid(areas: np.ndarray, categories: np.ndarray, months: pd.DatetimeIndex) -> dict[str, pd.Series]:
    """Columns area, category, month of every combination."""
    shape = len(areas), len(categories), len(months)
    at = np.indices(shape, dtype=np.int32).reshape(3, -1)
    named = {"area": areas, "category": categories}
    found = {
        name: pd.Series(values, dtype="str").take(at[n]).reset_index(drop=True)
        for n, (name, values) in enumerate(named.items())
    }
    return found | {"month": pd.Series(months.to_numpy()[at[2]])}


def _workplan(material: Material, level: np.ndarray, tasks: int) -> pd.DataFrame:
    """The rows of the small plan again and again, each in the cell of the next largest level."""
    plan = small().workplan
    order = np.argsort(-level.ravel())[:tasks]
    rows = pd.concat([plan] * -(-tasks // len(plan)), ignore_index=True).head(len(order))
    community, category = order // level.shape[1], order % level.shape[1]
    codes = material.areas.loc[material.areas["level"] == "community", "area"].to_numpy()[community]
    streets = pd.Series(codes).map(material.street_of)
    names = material.area_names
    kinds = material.categories.iloc[category].reset_index(drop=True)
    found = {
        "task_id": [f"t{n}" for n in range(len(rows))],
        "rank": range(1, len(rows) + 1),
        "area": codes,
        "area_name": [names[code] for code in codes],
        "street": streets,
        "street_name": [names[code] for code in streets],
        "category": kinds["category"],
        "category_name": kinds["name"],
    }
    return rows.assign(**found)
