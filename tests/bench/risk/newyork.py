"""The New York heat list -> Estates, history, areas and what came in the year judged."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.tables import Areas, EstateHistory, Estates, check, conform

CATEGORY = "H1"
HALVES = 7
"""Seed that splits the addresses into the half that was looked at while building and the other."""


@dataclass(frozen=True)
class City:
    """estates, history (the year before alone), areas, as_of, before and came: (estates,) counts of the two years."""

    estates: pd.DataFrame
    history: pd.DataFrame
    areas: pd.DataFrame
    as_of: pd.Timestamp
    before: np.ndarray
    came: np.ndarray

    def only(self, keep: np.ndarray) -> "City":
        """The same with some of the estates; the others are as if never heard of."""
        estates = self.estates[keep].reset_index(drop=True)
        history = self.history[self.history["estate"].isin(estates["estate"])].reset_index(drop=True)
        return City(estates, history, self.areas, self.as_of, self.before[keep], self.came[keep])


def read(path: Path, year: int = 2021) -> City:
    """The list with the years before `year` as history and `year` as what came."""
    raw = pd.read_csv(path, dtype={"zip": "str", "boro_cd": "str"})
    raw = raw.drop_duplicates(["borough", "zip", "incident_address"]).reset_index(drop=True)
    board = raw["boro_cd"].str.removesuffix(".0")
    boards = sorted(set(board.dropna()))
    rows = [("city", "city", None)] + [(f"s{k}", "street", "city") for k in sorted({b[0] for b in boards})]
    rows += [(b, "community", f"s{b[0]}") for b in boards]
    areas = pd.DataFrame(rows, columns=["area", "level", "parent"]).assign(name="x", aliases="")
    ids = pd.Series([f"e{k:05}" for k in range(len(raw))])
    table = pd.DataFrame({"estate": ids, "name": raw["incident_address"].fillna(ids), "area": board})
    estates = check(Estates, conform(Estates, table.assign(lon=raw["lon"], lat=raw["lat"])))
    years = [int(c.removeprefix("heat_")) for c in raw.columns if c.startswith("heat_")]
    parts = [
        pd.DataFrame({"estate": ids, "category": CATEGORY, "month": pd.Timestamp(f"{past}-01-01"), "months": 12,
                      "incidents": raw[f"heat_{past}"].fillna(0)})
        for past in sorted(years) if past < year
    ]  # fmt: skip
    history = conform(EstateHistory, pd.concat(parts, ignore_index=True))
    as_of = pd.Timestamp(f"{year - 1}-12-01").as_unit("us")
    before, came = (raw[f"heat_{wanted}"].fillna(0).to_numpy(dtype=float) for wanted in (year - 1, year))
    return City(estates, history, conform(Areas, areas), as_of, before, came)


def halves(city: City) -> np.ndarray:
    """(estates,) whether an address is in the half that was looked at while building; by its number on the list."""
    number = city.estates["estate"].str[1:].astype(int).to_numpy()
    return np.random.default_rng(HALVES).random(number.max(initial=0) + 1)[number] < 0.5
