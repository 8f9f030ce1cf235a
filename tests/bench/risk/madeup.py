"""Made-up cities with a known truth -> are effects found inside their intervals, and the worst estates told apart."""

import numpy as np
import pandas as pd

from forecast.risk import eb_glm, judge
from forecast.risk.eb_glm import EbGlm
from forecast.simulate import estates as homes
from forecast.simulate import places, truth
from forecast.simulate.published import CODES, City
from forecast.tables import EstateHistory, Estates, conform

SEEDS, FEWER = range(20), range(4)
"""For effects, and for AUC, which differs little from seed to seed."""

COMMUNITIES = 150
YEARS = 2
WORST = 0.10

TOLD: dict[str, tuple[tuple[str, str, float], ...]] = {
    "age_decades": (("building_age", "10 years", 1.0),),
    "roof_decades": (("roof_age", "10 years", 1.0),),
    "pipe_decades": (("pipe_age", "10 years", 1.0),),
    "heat_pipe_decades": (("heat_pipe_age", "10 years", 1.0),),
    "fee_gap": (("fees_unpaid", "10 points", 0.1),),
    "low_fund": (("fund_low", "below 30 %", 1.0),),
    "no_owners_body": (("owners_body", "业委会", -1.0), ("owners_body", "物管会", -1.0)),
    "poor_management": (("mgmt_type", "失管", 1.0), ("mgmt_type", "街道代管", 1.0)),
    "own_boiler": (("heat_type", "自采暖", 1.0),),
}
"""Factor of the simulation -> (term, level, what one unit of the factor is in units of the level)."""


def wanted() -> pd.DataFrame:
    """DataFrame[category, term, level, true]: effects of the simulation that the model has a level for."""
    rows = [
        (category, term, level, effect * unit)
        for category, factors in homes.EFFECTS.items()
        for factor, effect in factors.items()
        for term, level, unit in TOLD.get(factor, ())
    ]
    return pd.DataFrame(rows, columns=pd.Index(["category", "term", "level", "true"]))


def city(seed: int, gaps: bool) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """(estates, history, areas, truth, as_of); truth: DataFrame[estate, category, rate], incidents a year."""
    made = City(seed=seed, communities=COMMUNITIES, years=2, first_year=2020)
    sites, areas, corners = places.build(made)
    whole = homes.build(made, sites, corners)
    real = truth.build(made, sites, whole)
    known = homes.with_gaps(made, whole) if gaps else whole.drop(columns=["site", "silent", "reporting_rate"])
    known = known.rename(columns={"estate_name": "name"})
    table = conform(Estates, known[[column for column in known if column in Estates.to_schema().columns]])
    asked = sorted({*wanted()["category"]})
    site = whole["site"].to_numpy()
    rng = np.random.default_rng(seed)
    true, past = [], []
    for category in asked:
        k = CODES.tolist().index(category)
        rate = real.share[:, k] * real.orders[site, k, -12:].sum(axis=1)
        ids = {"estate": whole["estate"].to_numpy(), "category": category}
        true.append(pd.DataFrame({**ids, "rate": rate}))
        for back in range(YEARS):
            month = pd.Timestamp(f"{made.first_year - back}-01-01")
            past.append(pd.DataFrame({**ids, "month": month, "months": 12, "incidents": rng.poisson(rate)}))
    as_of = pd.Timestamp(f"{made.first_year}-12-01").as_unit("us")
    return table, conform(EstateHistory, pd.concat(past)), areas, pd.concat(true, ignore_index=True), as_of


def found(seed: int, gaps: bool) -> pd.DataFrame:
    """DataFrame[category, term, level, true, effect, low, high, seed] of every effect found."""
    table, past, areas, _, as_of = city(seed, gaps)
    said = eb_glm.effects(EbGlm(), table, past, areas, as_of)
    return wanted().merge(said, on=["category", "term", "level"]).assign(seed=seed)


def apart(seed: int, gaps: bool) -> dict[str, float]:
    """Mean AUC over categories: which estates are the worst tenth by the truth."""
    table, past, areas, true, as_of = city(seed, gaps)
    scored = eb_glm.assess(EbGlm(draws=1), table, past, areas, as_of)[0]
    alone = eb_glm.expectation(EbGlm(), table, past, areas, as_of)
    both = true.merge(scored, on=["estate", "category"]).merge(alone, on=["estate", "category"])
    ways = {"with its own record": "expected", "without its own record": "by_place", "by attributes": "by_attributes"}
    return {name: _mean_auc(both, column) for name, column in ways.items()}


def _mean_auc(rows: pd.DataFrame, column: str) -> float:
    areas = []
    for _, one in rows.groupby("category"):
        worst = one["rate"] > one["rate"].quantile(1 - WORST)
        areas.append(judge.auc(one[column].to_numpy(), worst.to_numpy()))
    return float(np.mean(areas))
