"""Estates (+ history) -> the measures that may score a home: each a number or a text, missing where not known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.risk import exposure, month_number, month_numbers, states_zeros
from forecast.tables import ALL

PRIOR_INCIDENTS = 3.0
"""Expected incidents added to both sides of a ratio, so that a small estate is not judged by one incident."""

TALL = 7
"""Floors from which a residential building must have a lift (GB 50096)."""


@dataclass(frozen=True)
class Facts:
    """What measures read: Estates, EstateHistory as known, the category, the month."""

    estates: pd.DataFrame
    history: pd.DataFrame
    category: str
    as_of: pd.Timestamp

    @property
    def year(self) -> int:
        return self.as_of.year

    @property
    def month(self) -> int:
        return month_number(self.as_of)


def _since(column: str) -> Callable[[Facts], pd.Series]:
    return lambda facts: (facts.year - facts.estates[column]).clip(lower=0)


def _value(column: str) -> Callable[[Facts], pd.Series]:
    return lambda facts: facts.estates[column]


def _floors_without_lift(facts: Facts) -> pd.Series:
    """Floors of an estate without any lift; 0 where it has one, or lacks none."""
    lifts = facts.estates["elevators"]
    lifts = lifts.fillna(1.0 - facts.estates["lacks_elevator"].astype("Float64").astype(float))
    return facts.estates["floors_max"].where(lifts == 0, lifts.where(lifts.isna(), 0.0))


def _fund_left(facts: Facts) -> pd.Series:
    """Balance of the maintenance fund ÷ its first deposit."""
    first = facts.estates["fund_initial"]
    return facts.estates["fund_balance"] / first.where(first > 0)


def _incident_ratio(facts: Facts) -> pd.Series:
    """Incidents of three years ÷ what the city's rate per household (or estate) gives, drawn towards 1."""
    rows = facts.history[month_numbers(facts.history["month"]) + facts.history["months"] > facts.month - 35]
    if facts.category != ALL:
        rows = rows[rows["category"] == facts.category]
    if not rows["incidents"].sum():
        return pd.Series(np.nan, index=facts.estates.index)
    seen = facts.estates["estate"].map(rows.groupby("estate")["incidents"].sum())
    if not states_zeros(rows):
        seen = seen.fillna(0.0)
    size = exposure(facts.estates)
    expected = size * seen.sum() / size[seen.notna()].sum()
    return (seen + PRIOR_INCIDENTS) / (expected + PRIOR_INCIDENTS)


def _months_to(column: str) -> Callable[[Facts], pd.Series]:
    """Whole months from the end of the month to the day; below 0 once it is past."""

    def measure(facts: Facts) -> pd.Series:
        until = facts.estates[column]
        past = until < facts.as_of + pd.DateOffset(months=1)
        return (month_numbers(until) - facts.month).astype(float).mask(past, -1.0)

    return measure


def _answer(column: str) -> Callable[[Facts], pd.Series]:
    """1 yes, 0 no."""
    return lambda facts: facts.estates[column].astype("Float64").astype(float)


def _per_household(column: str) -> Callable[[Facts], pd.Series]:
    return lambda facts: facts.estates[column] / facts.estates["households"]


NUMBERS: dict[str, Callable[[Facts], pd.Series]] = {
    "building_age": _since("built_year"),
    "renovation_age": _since("reno_year"),
    "roof_age": _since("roof_waterproof_year"),
    "pipe_age": _since("pipe_year"),
    "heat_pipe_age": _since("heat_pipe_year"),
    "floors_without_lift": _floors_without_lift,
    "seismic_done": _answer("seismic_done"),
    "insulation_done": _answer("insulation_done"),
    "basement": _answer("basement"),
    "low_lying": _answer("low_lying"),
    "end_of_line": _answer("end_of_line"),
    "contract_months_left": _months_to("contract_end"),
    "term_months_left": _months_to("term_end"),
    "owning_units": _value("owning_units_n"),
    "fee_collection_rate": _value("fee_collection_rate"),
    "fund_left": _fund_left,
    "elderly_share": _value("elderly_share"),
    "incident_ratio": _incident_ratio,
    "repeat_share": _value("repeat_share"),
    "unresolved_rate": _value("unresolved_rate"),
    "leaks_per_household": _per_household("leak_points"),
    "cold_per_household": _per_household("cold_points"),
}
WORDS = ("pipe_material", "heat_type", "tenure", "mgmt_type", "owners_body")
RAISE_ONLY = ("elderly_share",)
"""Measures of people: they may add points on top, never take any away."""

HISTORY = ("incident_ratio", "repeat_share", "unresolved_rate", "leaks_per_household", "cold_per_household")
"""Measures of what happened there, not of what stands there."""
