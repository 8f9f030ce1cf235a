"""Made-up cities where known estates report a third -> are they found within the slots of a plan, and how surely."""

import numpy as np
import pandas as pd

from forecast.risk._prior import above
from forecast.risk.silent import Silent, silent
from forecast.simulate import estates as homes
from forecast.simulate import places, truth
from forecast.simulate.published import CODES, City
from forecast.tables import ALL, EstateHistory, Estates, conform
from forecast.workplan import Plan
from tests.bench.risk.madeup import COMMUNITIES

SEEDS = range(6)
EVERY = tuple(code for code in CODES.tolist() if code != "Z")
FEWER: tuple[tuple[str, tuple[str, ...], float, float], ...] = (
    ("25 categories", EVERY, 1.0, 0.0),
    ("25 categories, estates better or worse in all of them", EVERY, 1.0, 0.3),
    ("25 categories, a quarter of the requests", EVERY, 0.25, 0.0),
    ("6 categories", ("1B", "2A", "2C", "5A", "H1", "H2"), 1.0, 0.0),
    ("6 categories, estates better or worse in all of them", ("1B", "2A", "2C", "5A", "H1", "H2"), 1.0, 0.3),
    ("2 categories", ("2A", "H1"), 1.0, 0.0),
    ("1 category", ("H1",), 1.0, 0.0),
)
"""How much is known: categories with history, requests against those of the made-up city, and how much estates differ
as a whole (standard deviation of the log) in ways that no attribute tells."""


def city(
    seed: int, categories: tuple[str, ...], scale: float, apart: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.Series, pd.Timestamp]:
    """(estates with gaps, history of one year, areas, estate -> planted silent, as_of)."""
    made = City(seed=seed, communities=COMMUNITIES, years=2, first_year=2020)
    sites, areas, corners = places.build(made)
    whole = homes.build(made, sites, corners)
    real = truth.build(made, sites, whole)
    known = homes.with_gaps(made, whole).rename(columns={"estate_name": "name"})
    table = conform(Estates, known[[column for column in known if column in Estates.to_schema().columns]])
    site, rng = whole["site"].to_numpy(), np.random.default_rng(seed)
    level = scale * np.exp(apart * rng.standard_normal(len(site)))
    past = []
    for category in categories:
        k = CODES.tolist().index(category)
        count = rng.poisson(level * real.share[:, k] * real.orders[site, k, -12:].sum(axis=1))
        past.append(pd.DataFrame({"estate": whole["estate"], "category": category, "incidents": count}))
    month = pd.Timestamp(f"{made.first_year}-01-01")
    history = conform(EstateHistory, pd.concat(past, ignore_index=True).assign(month=month, months=12))
    as_of = pd.Timestamp(f"{made.first_year}-12-01").as_unit("us")
    return table, history, areas, whole.set_index("estate")["silent"], as_of


def found(seed: int, categories: tuple[str, ...], scale: float, apart: float) -> pd.DataFrame:
    """DataFrame[planted, probability, listed, in_plan] of all estates; in_plan: the default share has a slot."""
    table, history, areas, planted, as_of = city(seed, categories, scale, apart)
    said = silent(Silent(), table, history, areas, as_of)
    said = said[said["category"] == ALL].set_index("estate")[["probability", "listed"]]
    street = above(table["area"], areas.set_index("area"), "street")
    slots = int(Plan().silent_share * Plan().slots_per_street + 1e-9)
    said = said.assign(planted=planted, street=pd.Series(street.to_numpy(), index=table["estate"]))
    listed = said[said["listed"]].sort_values("probability", ascending=False)
    return said.assign(in_plan=said.index.isin(listed.groupby("street").head(slots).index))


def figures(categories: tuple[str, ...], scale: float, apart: float) -> dict[str, float]:
    """Of all seeds together; NaN where nothing is chosen."""
    said = pd.concat([found(seed, categories, scale, apart) for seed in SEEDS])
    chosen = said[said["in_plan"]]
    return {
        "estates": len(said),
        "planted": int(said["planted"].sum()),
        "chosen": len(chosen),
        "precision": float(chosen["planted"].mean()) if len(chosen) else np.nan,
        "said": float(chosen["probability"].mean()) if len(chosen) else np.nan,
        "held": float(chosen["planted"].sum() / said["planted"].sum()),
    }
