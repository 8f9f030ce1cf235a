"""Options of a city + published figures -> expected orders by zone, year, category and month.

The property-management orders keep published figures of Beijing 2014-2019 Q1 (Tsinghua data-governance study):
class shares, growth, seasons, zone mix. Class totals per year and zone are solved for exactly and the orders
are drawn given those totals, so the figures hold in every seed; all else (who, where, when) is random.
Odds are raw odds of the published months: class against all other classes, zone against the core, or fifth
year against the first. Not all figures can hold at once: a class with 28.74 % of the orders whose odds fall
to 0.56 loses about 12 points, not the published 7.84; the odds are kept, and so is the fall of class 1 by
6.46 points. The published shares add up to 99.90 % and are scaled to 100 %.
"""

import zlib
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.spec import Spec

Array = np.ndarray

CLASSES = ("1", "2", "3", "4", "5", "6", "H", "W", "Z")
"""1 shared facilities, 2 repairs, 3 public order, 4 company, 5 money, 6 owners' body; H heating, W water, Z other."""
PROPERTY = 6
"""The first six classes are the property-management ones the published figures speak of."""
SHARES = np.array([31.19, 28.74, 24.31, 7.0, 5.2, 3.46]) / 99.9
"""Published in percent (they add up to 99.90); the last three are published only together, as 15.66."""
BESIDE = (0.20, 0.06, 0.05)
"""Orders of H, W and Z per property-management order (assumed)."""
ZONES = ("核心", "中心城区", "平原新城", "生态涵养")
ZONE_SHARES = np.array([0.145, 0.4653, 0.305, 0.0847])
ZONE_ODDS = {
    0: (1.0, 1.2, 0.83, 0.73), 1: (1.0, 0.7, 1.0, 2.7), 3: (1.0, 2.3, 3.6, 1.7), 5: (1.0, 2.3, 3.4, 1.7),
}  # fmt: skip
"""Odds of a class against the core, by zone; classes 3 and 5 (position 2 and 4) share what is left."""
YEAR_ODDS = {1: 0.56, 2: 1.6}
"""Odds of a class in the fifth year against the first."""
FALL_OF_FACILITIES = 0.0646
GROWTH = 3.6
"""Orders of the fifth year against the first; 8 % a year afterwards."""
PUBLISHED_MONTHS = 63
FEE_SHARE = 1 / 3
"""Part of a year's class 5 orders in January, November and December together."""
REPEATS = dict(zip(CLASSES, (0.18, 0.22, 0.15, 0.15, 0.12, 0.12, 0.40, 0.25, 0.05), strict=True))
"""Repeated orders per incident."""


class Kind(NamedTuple):
    """A category: its class, its part of the class, NegBin size of a community month, months' shape."""

    code: str
    parent: str
    share: float
    size: float
    shape: tuple[float, ...]


FLAT = (0.95, 0.92, 1, 1, 1.02, 1.03, 1.05, 1.05, 1.02, 1.01, 0.98, 0.97)
KINDS = (
    Kind("1A", "1", 0.22, 5, (0.88, 0.78, 0.92, 0.98, 1.02, 1.1, 1.22, 1.22, 1.05, 1.0, 0.92, 0.91)),
    Kind("1B", "1", 0.24, 6, (0.92, 0.90, 0.84, 0.88, 0.98, 1.12, 1.34, 1.34, 1.0, 0.92, 0.88, 0.88)),
    Kind("1C", "1", 0.28, 8, FLAT),
    Kind("1D", "1", 0.16, 6, (0.95, 0.88, 0.92, 0.92, 0.95, 0.97, 1.0, 1.02, 1.09, 1.1, 1.1, 1.1)),
    Kind("1E", "1", 0.10, 4, (0.5, 0.5, 0.8, 1.1, 1.25, 1.4, 1.6, 1.55, 1.15, 0.85, 0.7, 0.6)),
    Kind("2A", "2", 0.40, 4, (0.45, 0.4, 0.55, 0.65, 0.85, 1.3, 2.2, 2.1, 1.3, 0.9, 0.7, 0.6)),
    Kind("2B", "2", 0.15, 4, (0.85, 0.8, 0.95, 0.98, 1.0, 1.1, 1.3, 1.3, 1.05, 0.95, 0.88, 0.84)),
    Kind("2C", "2", 0.25, 5, (0.92, 0.85, 0.95, 0.97, 1.0, 1.08, 1.2, 1.2, 1.03, 0.95, 0.92, 0.93)),
    Kind("2D", "2", 0.20, 6, (0.8, 0.78, 0.9, 0.95, 1.0, 1.15, 1.3, 1.3, 1.12, 0.98, 0.87, 0.85)),
    Kind("3A", "3", 0.20, 6, (0.9, 0.85, 0.95, 1.0, 1.02, 1.08, 1.1, 1.1, 1.08, 1.0, 0.96, 0.96)),
    Kind("3B", "3", 0.18, 6, (0.95, 0.85, 0.92, 0.95, 1.0, 1.1, 1.12, 1.12, 1.0, 0.95, 0.94, 1.1)),
    Kind("3C", "3", 0.27, 6, (0.78, 0.75, 0.85, 0.95, 1.15, 1.2, 1.22, 1.22, 1.18, 1.0, 0.88, 0.82)),
    Kind("3D", "3", 0.20, 6, (0.8, 0.78, 0.9, 0.95, 1.02, 1.15, 1.3, 1.3, 1.1, 0.97, 0.88, 0.85)),
    Kind("3E", "3", 0.15, 8, FLAT),
    Kind("4A", "4", 0.75, 6, (1.15, 0.85, 0.93, 0.95, 0.98, 1.05, 1.2, 1.08, 1.0, 0.95, 0.93, 0.93)),
    Kind("4B", "4", 0.25, 3, FLAT),
    Kind("5A", "5", 0.65, 6, (1.05, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.05, 1.1)),
    Kind("5B", "5", 0.25, 6, (1, 0.9, 0.9, 0.95, 1, 1, 1, 1, 1.15, 1.15, 1.05, 1)),
    Kind("5C", "5", 0.10, 6, (1.1, 0.9, 0.95, 1, 1, 1, 1, 1, 1, 1, 0.95, 1.2)),
    Kind("6A", "6", 1.00, 6, (0.75, 0.7, 0.85, 0.95, 1.0, 1.1, 1.5, 1.45, 1.0, 0.92, 0.88, 0.85)),
    Kind("H1", "H", 0.72, 4, (2.7, 1.8, 1.0, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.6, 2.9, 2.6)),
    Kind("H2", "H", 0.16, 4, (1.3, 0.8, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 1.0, 6.0, 1.6)),
    Kind("H3", "H", 0.12, 6, (1.0, 0.5, 0.3, 0.2, 0.2, 0.2, 0.2, 0.3, 1.0, 3.0, 3.6, 1.5)),
    Kind("W1", "W", 0.45, 3, (0.3, 0.3, 0.4, 0.5, 0.8, 1.7, 3.0, 2.8, 1.3, 0.5, 0.3, 0.3)),
    Kind("W2", "W", 0.55, 4, (2.0, 0.9, 0.7, 0.65, 0.75, 0.95, 1.4, 1.05, 0.75, 0.7, 0.75, 1.6)),
    Kind("Z", "Z", 1.00, 8, FLAT),
)  # fmt: skip
CODES = np.array([kind.code for kind in KINDS])
CLASS_OF = np.array([CLASSES.index(kind.parent) for kind in KINDS])

STORM = {"2A": 2.5, "W1": 3.5, "1E": 1.8, "1B": 1.4, "2D": 1.3, "2B": 1.2}
"""Times the usual month when storms come."""
EARLY_FESTIVALS = (2001, 2004, 2006, 2009, 2012, 2014, 2017, 2020, 2023, 2025, 2028)
"""Years with Spring Festival in January, elsewhere February. Its month has 12 % fewer orders, 20 % more of 1B."""


class City(Spec):
    """What city to make. The defaults give 2014-2019 with about 54 orders a community in a month of the last year.

    `scale` multiplies the orders. Shares are 0..1: `consultation_share` of all rows asks instead of complaining,
    `silent_share` of estates reports a third as often as its neighbours.
    """

    seed: int = Field(ge=0)
    communities: int = Field(120, ge=4, le=2000)
    years: int = Field(6, ge=2, le=15)
    first_year: int = Field(2014, ge=2010, le=2030)
    scale: float = Field(1.0, gt=0)
    orders_per_month: float = Field(54.0, gt=0)
    consultation_share: float = Field(0.15, ge=0, lt=1)
    silent_share: float = Field(0.06, ge=0, lt=1)

    @property
    def months(self) -> pd.DatetimeIndex:
        """First days of all months."""
        return pd.date_range(f"{self.first_year}-01-01", periods=12 * self.years, freq="MS", unit="us")

    @property
    def split_on(self) -> pd.Timestamp:
        """Day on which one community becomes two."""
        return pd.Timestamp(year=self.first_year + self.years // 2, month=7, day=1)

    def storm_months(self) -> list[tuple[int, int, float]]:
        """(year, month, power) of storms: two years, never the first or fifth, which the published odds compare."""
        rng = stream(self.seed, "storms")
        able = [year for year in range(self.years) if year not in (0, 4)]
        years = sorted(rng.choice(able, size=min(2, len(able)), replace=False).tolist())
        worse = rng.choice([7, 8], size=len(years)).tolist()
        return [
            (year, month, 1.0 if month == bad else 0.4)
            for year, bad in zip(years, worse, strict=True)
            for month in (7, 8)
        ]


def stream(seed: int, part: str) -> np.random.Generator:
    """Random numbers of one part of the city."""
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def expected_by_zone(city: City) -> Array:
    """Expected orders, (zones, years, categories, 12).

    Within a class the zone mix is the same in all months, so zone and year margins hold together without
    iteration: E = orders of the class in the month x share of the zone in the class.
    """
    volume = GROWTH ** (np.minimum(np.arange(city.years), 4) / 4) * 1.08 ** np.maximum(np.arange(city.years) - 4, 0)
    last = city.orders_per_month * city.communities * 12 * city.scale / (1 + sum(BESIDE))
    volume *= last / volume[-1]
    totals = _class_totals(city, volume)
    orders = totals[:, CLASS_OF, None] * _seasons(city, totals)
    return _zone_mix()[:, None, CLASS_OF, None] * orders[None]


def _class_totals(city: City, volume: Array) -> Array:
    """Orders by year and class in years without storms, (years, classes), storms coming on top.

    The shares asked for are adjusted until the shares of the published months, storms included, are SHARES.
    """
    asked = SHARES
    window = min(PUBLISHED_MONTHS, 12 * city.years)
    for _ in range(20):
        totals = volume[:, None] * _year_shares(asked, _window_volume(volume, window))
        everything = np.hstack([totals, volume[:, None] * np.array(BESIDE)])
        months = everything[:, CLASS_OF, None] * _seasons(city, everything)
        flat = months.transpose(0, 2, 1).reshape(-1, len(KINDS))[:window].sum(axis=0)
        got = np.bincount(CLASS_OF, flat)[:PROPERTY]
        asked = asked * SHARES / (got / got.sum())
        asked = asked / asked.sum()
    return everything


def _window_volume(volume: Array, window: int) -> Array:
    """Volume of the published months of each year, roughly (a first quarter has about a fifth)."""
    whole = np.clip(window - 12 * np.arange(len(volume)), 0, 12) / 12
    return volume * np.where(whole == 1, 1, 0.8 * whole)


def _year_shares(asked: Array, weights: Array) -> Array:
    """Class shares by year (years, 6): odds of classes 2 and 3 drift, class 1 falls, the others take the rest."""
    ramp = np.minimum(np.arange(len(weights)), 4) / 4
    weights = weights / weights.sum()
    shares = np.empty((len(weights), PROPERTY))
    shares[:, 0] = asked[0] + FALL_OF_FACILITIES * (weights @ ramp - ramp)
    for position, odds in YEAR_ODDS.items():
        shares[:, position] = _shares_of_odds(odds**ramp, weights, asked[position])
    rest = asked[3:] / asked[3:].sum()
    shares[:, 3:] = (1 - shares[:, :3].sum(axis=1))[:, None] * rest
    return shares


def _zone_mix() -> Array:
    """Share of each zone in each class, (zones, classes), such that shares, ZONE_SHARES and ZONE_ODDS hold."""
    within = np.zeros((len(ZONES), PROPERTY))
    for position, odds in ZONE_ODDS.items():
        within[:, position] = _shares_of_odds(np.array(odds), ZONE_SHARES, SHARES[position])
    free = [2, 4]
    within[:, free] = (1 - within.sum(axis=1))[:, None] * SHARES[free] / SHARES[free].sum()
    mix = within * ZONE_SHARES[:, None] / SHARES
    return np.hstack([mix, np.tile(ZONE_SHARES[:, None], len(BESIDE))])


def _shares_of_odds(odds: Array, weights: Array, mean: float) -> Array:
    """Shares whose odds are proportional to `odds` and whose weighted mean is `mean` (bisection)."""
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        shares = odds * np.exp(middle) / (1 + odds * np.exp(middle))
        low, high = (middle, high) if weights @ shares < mean else (low, middle)
    return shares


def _seasons(city: City, totals: Array) -> Array:
    """Part of a class's year in each category and month, (years, categories, 12); a storm adds to 1."""
    base = np.array([kind.shape for kind in KINDS], dtype=float)
    growth = np.gradient(np.log(totals), axis=0)[:, CLASS_OF]
    seasons = base * np.exp(growth[:, :, None] * (np.arange(12) - 5.5) / 12)
    for year in range(city.years):
        festival = 0 if city.first_year + year in EARLY_FESTIVALS else 1
        seasons[year, :, festival] *= np.where(CODES == "1B", 1.2, np.where(CLASS_OF == 6, 1.0, 0.88))
    seasons /= seasons.sum(axis=2, keepdims=True)
    seasons *= np.array([kind.share for kind in KINDS])[:, None]
    seasons[:, CLASS_OF == 4] = _with_winter(seasons[:, CLASS_OF == 4])
    for year, month, power in city.storm_months():
        for code, times in STORM.items():
            seasons[year, code == CODES, month - 1] *= times**power
    return seasons


def _with_winter(fees: Array) -> Array:
    """Seasons of class 5, (years, categories, 12), lifted such that January, November, December have FEE_SHARE."""
    cold = np.isin(np.arange(12), [0, 10, 11])
    winter = fees[:, :, cold].sum(axis=(1, 2))
    lift = FEE_SHARE / (1 - FEE_SHARE) * (1 - winter) / winter
    lifted = fees * np.where(cold, lift[:, None], 1.0)[:, None]
    return lifted / lifted.sum(axis=(1, 2), keepdims=True)


def shocks(city: City) -> pd.DataFrame:
    """DataFrame[month, category, times]: how many times the usual month the storms bring."""
    rows = [
        (pd.Timestamp(year=city.first_year + year, month=month, day=1), code, times**power)
        for year, month, power in city.storm_months()
        for code, times in STORM.items()
    ]
    return pd.DataFrame(rows, columns=pd.Index(["month", "category", "times"]))
