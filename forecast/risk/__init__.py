"""Estates + history -> Risk and RiskDrivers. One file a way of scoring; grades and months are shared here."""

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from forecast.spec import Spec
from forecast.tables import Risk, RiskDrivers, check, conform

GRID = 1024
"""Points are multiples of 1/1024, so that contributions add up to the score exactly, in any order."""


class Cuts(Spec):
    """Shares of estates (0..1) in the grades from the top: red, then orange, then yellow; the rest is blue.

    The shares are our assumption, not an official rule.
    """

    red: float = Field(0.02, ge=0, le=1)
    orange: float = Field(0.10, ge=0, le=1)
    yellow: float = Field(0.30, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Cuts":
        if not self.red <= self.orange <= self.yellow:
            raise ValueError("must rise: red <= orange <= yellow")
        return self


def percentile(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Mid-rank of each value `among` others, 0..100: half of the ties count as below."""
    ranked = np.sort(among)
    below, upto = np.searchsorted(ranked, values, "left"), np.searchsorted(ranked, values, "right")
    return 50.0 * (below + upto) / len(ranked)


def grades(scores: np.ndarray, expected: np.ndarray, cuts: Cuts) -> np.ndarray:
    """Grade of each estate by its place by score, then by expected incidents; equals share a grade.

    So many ties mean fewer reds.
    """
    place = np.unique(np.column_stack([scores, expected]), axis=0, return_inverse=True)[1].ravel()
    rank = percentile(place, place)
    steps = [rank >= 100 * (1 - share) for share in (cuts.red, cuts.orange, cuts.yellow)]
    return np.select(steps, ["red", "orange", "yellow"], "blue")


def on_grid(points: np.ndarray) -> np.ndarray:
    """Rounded down to multiples of 1/1024."""
    return np.floor(points * GRID) / GRID


def known_at(history: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Rows whose whole period lies in months up to `as_of`: a year that has not ended is not known."""
    return history[month_numbers(history["month"]) + history["months"] <= month_number(as_of) + 1]


def states_zeros(rows: pd.DataFrame) -> bool:
    """Whether rows of one category say 0 where nothing happened (a ledger of totals).

    Then an estate without a row is unknown; else (a list of events) it had no incident.
    """
    return bool((rows["incidents"] == 0).any())


def exposure(estates: pd.DataFrame) -> pd.Series:
    """Households in units of a typical estate; 1 where they are unknown."""
    households = estates["households"]
    return (households / households.median()).fillna(1.0).astype(float)


def month_number(month: pd.Timestamp) -> int:
    """Months since year 0."""
    return month.year * 12 + month.month - 1


def month_numbers(months: pd.Series) -> pd.Series:
    """Months since year 0."""
    return months.dt.year * 12 + months.dt.month - 1


def tables(risk: pd.DataFrame, drivers: pd.DataFrame, as_of: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Risk, RiskDrivers), sorted and checked; drivers that add nothing are left out."""
    key = ["category", "estate"]
    risk = risk.assign(as_of=as_of).sort_values(key, ignore_index=True)
    drivers = drivers[drivers["contribution"] != 0].assign(as_of=as_of)
    drivers = drivers.sort_values([*key, "driver"], ignore_index=True)
    return (
        check(Risk, conform(Risk, risk), "risk"),
        check(RiskDrivers, conform(RiskDrivers, drivers), "risk"),
    )
