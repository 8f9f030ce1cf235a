"""A large made-up city -> estates with gaps, three years of history and areas, to take the time."""

import numpy as np
import pandas as pd

from forecast.tables import Areas, EstateHistory, Estates, conform

ESTATES = 50_000
CATEGORIES = "ABCDEF"
AGES = ("built_year", "reno_year", "roof_waterproof_year", "pipe_year", "heat_pipe_year")
WORDS = {"tenure": 7, "mgmt_type": 5, "owners_body": 3, "heat_type": 3, "pipe_material": 3}


def city(n: int = ESTATES) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """(estates, history, areas, as_of); three attributes in ten are unknown."""
    rng = np.random.default_rng(0)
    community = np.arange(n) // 8
    codes = [f"c{k:05}" for k in range(community[-1] + 1)]
    rows = [("city", "city", None)] + [(f"s{k}", "street", "city") for k in range(len(codes) // 20 + 1)]
    rows += [(code, "community", f"s{k // 20}") for k, code in enumerate(codes)]
    areas = pd.DataFrame(rows, columns=["area", "level", "parent"]).assign(name="x", aliases="")
    columns = {name: rng.integers(1950, 2015, n).astype(float) for name in AGES}
    columns |= {
        "households": rng.integers(50, 900, n).astype(float),
        "elevators": rng.integers(0, 3, n).astype(float),
    }
    columns |= {"fee_collection_rate": rng.random(n), "fund_balance": rng.random(n)}
    table = pd.DataFrame(columns)
    for name, levels in WORDS.items():
        table[name] = rng.choice([f"{name} {k}" for k in range(levels)], n)
    table = table.mask(rng.random(table.shape) < 0.3)
    table["estate"] = [f"e{k:05}" for k in range(n)]
    table["area"] = [codes[k] for k in community]
    table = table.assign(name="x", fund_initial=1.0, lon=rng.uniform(116, 117, n), lat=rng.uniform(39, 40, n))
    parts = []
    for category in CATEGORIES:
        rate = 2 * rng.gamma(1, 1, n) * np.exp(0.2 * (1985 - table["built_year"].fillna(1985)) / 10)
        parts += [
            pd.DataFrame({"estate": table["estate"], "category": category, "month": pd.Timestamp(f"{year}-01-01"),
                          "months": 12, "incidents": rng.poisson(rate)})
            for year in (2021, 2022, 2023)
        ]  # fmt: skip
    history = conform(EstateHistory, pd.concat(parts, ignore_index=True))
    return conform(Estates, table), history, conform(Areas, areas), pd.Timestamp("2023-12-01").as_unit("us")
