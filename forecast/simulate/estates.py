"""Communities -> their estates with every attribute, what the attributes do to incidents, and the file with gaps."""

from typing import Any

import numpy as np
import pandas as pd

from forecast.simulate.places import NUMBERS, Sites, rings
from forecast.simulate.published import ZONES, City, stream

Array = np.ndarray

EFFECTS: dict[str, dict[str, float]] = {
    "1A": {"has_elevator": 2.0, "elevator_decades": 0.35},
    "1B": {"pipe_decades": 0.25},
    "1C": {"rental": 0.8},
    "1D": {"poor_management": 0.4},
    "2A": {"roof_decades": 0.35, "poor_management": 0.3},
    "2B": {"age_decades": 0.3},
    "2C": {"pipe_decades": 0.35},
    "2D": {"pipe_decades": 0.2},
    "3A": {"rental": 1.5},
    "3B": {"age_decades": 0.15, "rental": 0.8},
    "3D": {"poor_management": 0.5},
    "4A": {"poor_management": 0.5, "fee_gap": 1.2},
    "5A": {"fee_gap": 2.0},
    "5B": {"low_fund": 0.6},
    "6A": {"no_owners_body": 0.6},
    "H1": {"heat_pipe_decades": 0.35, "end_of_line": 0.5, "insulated": -0.45, "own_boiler": -2.0},
    "H2": {"heat_pipe_decades": 0.3, "own_boiler": -1.5},
    "H3": {"own_boiler": -2.0},
    "W1": {"low_lying": 1.0, "basement": 0.3},
    "W2": {"pipe_decades": 0.25},
}
"""True log effects of estate attributes on incidents per household."""

YARDS = ("南里", "北里", "家园", "东里", "西里", "花园", "苑", "嘉园", "新村", "小区")
TENURES = ("商品房", "房改房", "央产", "军产", "直管公房", "回迁", "公租")
MANAGEMENT = ("专业物业", "信托制", "自管", "街道代管", "失管")
MISSING = {
    "seismic_done": 0.3, "insulation_done": 0.15, "reno_year": 0.1, "roof_waterproof_year": 0.35, "pipe_year": 0.3,
    "pipe_material": 0.4, "elevators": 0.05, "basement": 0.25, "low_lying": 0.3, "contract_end": 0.3,
    "fee_yuan_m2_month": 0.2, "fee_collection_rate": 0.25, "fund_balance": 0.3, "fund_initial": 0.2,
    "heat_pipe_year": 0.3, "end_of_line": 0.2, "heat_company": 0.05, "elderly_share": 0.15, "rental_share": 0.3,
    "built_year": 0.02, "floors_max": 0.05, "structure": 0.1, "owning_units_n": 0.4, "term_end": 0.2,
}  # fmt: skip
"""How often an attribute is unknown; half as often again for estates that nobody manages well."""
WHOLE = ("built_year", "reno_year", "roof_waterproof_year", "pipe_year", "heat_pipe_year", "floors_max", "elevators",
         "owning_units_n", "fund_balance", "fund_initial")  # fmt: skip


def build(city: City, sites: Sites, corners: Array) -> pd.DataFrame:
    """Every attribute of every estate, none missing, with `site` and `reporting_rate`."""
    rng = stream(city.seed, "estates")
    site = np.repeat(np.arange(len(sites.zone)), rng.integers(2, 6, len(sites.zone)))
    number = np.arange(len(site)) - np.searchsorted(site, site)
    n, zone = len(site), sites.zone[site]
    u, v = rng.uniform(0.15, 0.85, (2, n, 1))
    a, b, c, d = rings(sites, corners)[site].transpose(1, 0, 2)
    spot = ((1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d).round(6)
    stem = [name.removesuffix("社区").removesuffix("村") for name in sites.name[site]]
    table = pd.DataFrame(
        {
            "estate": [f"{code}{k + 1:02d}" for code, k in zip(sites.code[site], number, strict=True)],
            "estate_name": [name + YARDS[k % len(YARDS)] for name, k in zip(stem, number, strict=True)],
            "area": sites.code[site],
            "households": np.clip(rng.lognormal(6.5, 0.55, n), 80, 4000).astype(int),
            "zone": np.array(ZONES)[zone],
            "lon": spot[:, 0],
            "lat": spot[:, 1],
            "coord_crs": "WGS-84",
            "site": site,
        }
    )
    low, high = np.array([(1955, 2003), (1968, 2012), (1985, 2013), (1975, 2012)])[zone].T
    table["built_year"] = np.minimum(low + ((high - low) * rng.beta(1.6, 1.5, n)), city.first_year - 1).astype(int)
    _building(city, rng, table)
    _people(city, rng, table)
    area_rate = stream(city.seed, "reporting").uniform(0.4, 1.0, len(sites.zone))
    table["silent"] = stream(city.seed, "silent").random(n) < city.silent_share
    table["reporting_rate"] = (area_rate[site] * np.where(table["silent"], 1 / 3, 1)).round(4)
    return table


def _building(city: City, rng: np.random.Generator, table: pd.DataFrame) -> None:
    """Adds what stands there: structure, lifts, roofs, pipes, heating."""
    n, built = len(table), table["built_year"].to_numpy()
    tall = rng.random(n) < np.clip((built - 1985) / 25, 0.03, 0.9)
    table["floors_max"] = np.where(tall, rng.integers(9, 29, n), rng.integers(4, 7, n))
    per_building = np.where(tall, 110, 55)
    table["buildings"] = np.maximum(1, np.ceil(table["households"] / per_building)).astype(int)
    table["structure"] = np.where(tall, "剪力墙", np.where(built < 1990, "砖混", "框架"))
    table["elevators"] = np.where(tall, table["buildings"] * rng.integers(1, 3, n), 0)
    table["lacks_elevator"] = (table["floors_max"] >= 4) & (table["elevators"] == 0)
    renovated = (rng.random(n) < 0.4) & (built < 2001)
    reno = np.where(renovated, rng.integers(2005, city.first_year + 1, n), np.nan)
    table["reno_year"] = reno
    scope = rng.choice(["节能保温", "上下水更新", "屋面防水", "综合整治"], n)
    table["reno_scope"] = pd.Series(scope).where(renovated)
    whole = np.isin(scope, ["综合整治"]) & renovated
    table["seismic_done"] = (built > 1990) | whole
    table["insulation_done"] = (built > 2002) | (np.isin(scope, ["节能保温"]) & renovated) | whole
    own_roof = np.where(rng.random(n) < 0.4, built + rng.integers(8, 22, n), built)
    table["roof_waterproof_year"] = _renewed(city, own_roof, (np.isin(scope, ["屋面防水"]) & renovated) | whole, reno)
    table["pipe_year"] = _renewed(city, built, (np.isin(scope, ["上下水更新"]) & renovated) | whole, reno)
    table["pipe_material"] = np.select(
        [table["pipe_year"] < 1988, table["pipe_year"] < 2000], ["铸铁", "镀锌钢管"], "PPR/PVC"
    )
    table["basement"] = tall | (rng.random(n) < 0.15)
    table["low_lying"] = rng.random(n) < 0.15
    own_boiler = rng.random(n) < np.where(built > 2000, 0.15, 0.04)
    table["heat_type"] = np.where(own_boiler, "自采暖", rng.choice(["集中供热", "区域锅炉房"], n, p=[0.7, 0.3]))
    company = np.array([f"模拟热力{number}公司" for number in NUMBERS[:5]])[rng.integers(0, 5, n)]
    table["heat_company"] = pd.Series(company).mask(own_boiler)
    table["heat_pipe_year"] = _renewed(city, built, rng.random(n) < 0.3, np.where(built < 2000, 2008, built))
    table["end_of_line"] = rng.random(n) < 0.2


def _renewed(city: City, first: Array, done: Array, when: Array) -> Array:
    return np.minimum(np.where(done, np.fmax(first, when), first), city.first_year).astype(int)


def _people(city: City, rng: np.random.Generator, table: pd.DataFrame) -> None:
    """Adds who owns, runs and pays."""
    n, built = len(table), table["built_year"].to_numpy()
    old = built <= 2000
    pick = [
        rng.choice(7, n, p=p)
        for p in ((0.1, 0.5, 0.15, 0.03, 0.15, 0.05, 0.02), (0.72, 0.03, 0.03, 0.01, 0, 0.16, 0.05))
    ]
    table["tenure"] = np.array(TENURES)[np.where(old, *pick)]
    table["owning_units_n"] = np.where(old, 1 + rng.poisson(1.5, n), 1)
    run = [rng.choice(5, n, p=p) for p in ((0.38, 0.04, 0.25, 0.18, 0.15), (0.88, 0.03, 0.04, 0.03, 0.02))]
    table["mgmt_type"] = np.array(MANAGEMENT)[np.where(old, *run)]
    poor = table["mgmt_type"].isin(["失管", "街道代管"]).to_numpy()
    year = city.first_year + rng.integers(0, city.years + 2, (2, n))
    table["contract_end"] = pd.Series([f"{y}-12-31" for y in year[0]]).mask(poor)
    table["fee_yuan_m2_month"] = np.where(old, rng.uniform(0.3, 0.9, n), rng.uniform(1.2, 3.6, n)).round(2)
    rate = np.where(poor, rng.beta(4, 5, n), np.where(old, rng.beta(6, 4, n), rng.beta(12, 3, n)))
    table["fee_collection_rate"] = rate.round(3)
    table["owners_body"] = rng.choice(["业委会", "物管会", "无"], n, p=[0.3, 0.25, 0.45])
    table["term_end"] = pd.Series([f"{y}-06-30" for y in year[1]]).mask(table["owners_body"] == "无")
    deposit = np.where(old, 0.35, 1.0) * table["households"] * rng.uniform(6e3, 1.2e4, n)
    table["fund_initial"] = deposit.round(-3)
    left = np.clip(rng.beta(3, 2, n) - np.where(old, 0.25, 0), 0.02, 1)
    table["fund_balance"] = (table["fund_initial"] * left).round(-3)
    table["elderly_share"] = np.where(old, rng.beta(7, 14, n), rng.beta(4, 20, n)).round(3)
    table["rental_share"] = rng.beta(3, 9, n).round(3)
    table["as_of"] = f"{city.first_year}-01-01"
    table["source"] = "模拟数据"


def effects() -> pd.DataFrame:
    """DataFrame[category, factor, log_effect] of EFFECTS."""
    rows = [(code, factor, effect) for code, pairs in EFFECTS.items() for factor, effect in pairs.items()]
    return pd.DataFrame(rows, columns=pd.Index(["category", "factor", "log_effect"]))


def factors(city: City, estates: pd.DataFrame) -> dict[str, Array]:
    """What drives incidents; decades are centred at 25 years, shares at their usual level."""
    year = city.first_year

    def decades(column: str) -> Array:
        return np.clip((year - estates[column].to_numpy() - 25) / 10, -2.5, 4)

    factors: dict[str, Any] = {
        "age_decades": decades("built_year"),
        "roof_decades": decades("roof_waterproof_year"),
        "pipe_decades": decades("pipe_year"),
        "heat_pipe_decades": decades("heat_pipe_year"),
        "has_elevator": estates["elevators"] > 0,
        "elevator_decades": decades("built_year") * (estates["elevators"] > 0),
        "rental": estates["rental_share"] - 0.25,
        "poor_management": estates["mgmt_type"].isin(["失管", "街道代管"]),
        "fee_gap": 0.7 - estates["fee_collection_rate"],
        "low_fund": estates["fund_balance"] < 0.3 * estates["fund_initial"],
        "no_owners_body": estates["owners_body"] == "无",
        "end_of_line": estates["end_of_line"],
        "insulated": estates["insulation_done"],
        "own_boiler": estates["heat_type"] == "自采暖",
        "low_lying": estates["low_lying"],
        "basement": estates["basement"],
    }
    return {name: np.asarray(values, dtype=float) for name, values in factors.items()}


def with_gaps(city: City, estates: pd.DataFrame) -> pd.DataFrame:
    """The estate file as a district has it: some cells unknown, the truth left out."""
    rng = stream(city.seed, "gaps")
    table = estates.drop(columns=["site", "silent", "reporting_rate"])
    worse = np.where(table["mgmt_type"].isin(["失管", "街道代管", "自管"]), 1.5, 1.0)
    for column, share in MISSING.items():
        table[column] = table[column].mask(rng.random(len(table)) < share * worse)
    return table.astype(dict.fromkeys(WHOLE, "Int64"))


def count_households(areas: pd.DataFrame, sites: Sites, estates: pd.DataFrame) -> pd.DataFrame:
    """Households of the estates, summed up the tree; a community of the past has those of its successors."""
    own = pd.Series(estates["households"].to_numpy(), index=sites.code[estates["site"]]).groupby(level=0).sum()
    before = pd.Series(sites.before, index=sites.code)
    gone = own[before[before != before.index].index].groupby(before).sum()
    parent = areas.set_index("area")["parent"]
    sums, level = own, own
    while level.index[0] in parent.index and isinstance(parent[level.index[0]], str):
        level = level.groupby(parent.reindex(level.index).to_numpy()).sum()
        sums = pd.concat([sums, level])
    return areas.assign(households=areas["area"].map(pd.concat([sums, gone])).astype(float))
