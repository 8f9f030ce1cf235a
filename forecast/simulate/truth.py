"""Communities and estates -> expected orders and incidents of each: what a forecast tries to find."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.simulate.estates import EFFECTS, factors
from forecast.simulate.places import Sites
from forecast.simulate.published import CODES, KINDS, REPEATS, STORM, ZONES, City, expected_by_zone, stream

Array = np.ndarray


@dataclass(frozen=True)
class Truth:
    """orders: (sites, categories, months) expected orders as reported. share: (estates, categories) part of the
    site's orders. unseen: (sites, categories) incidents that happen per incident reported. Per estate and
    category: factor (known attributes), rest (what no attribute tells)."""

    orders: Array
    share: Array
    unseen: Array
    factor: Array
    rest: Array


def build(city: City, sites: Sites, estates: pd.DataFrame) -> Truth:
    site, n = estates["site"].to_numpy(), len(sites.zone)
    drivers = factors(city, estates)
    logs = np.zeros((len(estates), len(KINDS)))
    for code, pairs in EFFECTS.items():
        for name, effect in pairs.items():
            logs[:, CODES.tolist().index(code)] += effect * drivers[name]
    rest = stream(city.seed, "rest").gamma(8, 1 / 8, logs.shape)
    place = stream(city.seed, "places").gamma(5, 1 / 5, (n, len(KINDS)))
    happens = estates["households"].to_numpy()[:, None] * np.exp(logs) * rest * place[site]
    reported = happens * estates["reporting_rate"].to_numpy()[:, None]
    starts = np.searchsorted(site, np.arange(n))
    seen, real = (np.add.reduceat(values, starts) for values in (reported, happens))
    levels = seen[:, :, None] * _drift(city, n)
    within = levels / _zone_sums(levels, sites.zone)[sites.zone]
    by_zone = expected_by_zone(city).transpose(0, 2, 1, 3).reshape(len(ZONES), len(KINDS), -1)
    return Truth(within * by_zone[sites.zone], reported / seen[site], real / seen, np.exp(logs), rest)


def _drift(city: City, n: int) -> Array:
    """Slow change of each cell, (sites, categories, months): AR(1), a few sudden rises, storms hitting unevenly."""
    rng = stream(city.seed, "drift")
    months, keep = 12 * city.years, 0.95
    log = np.empty((n, len(KINDS), months))
    log[:, :, 0] = rng.normal(0, 0.2, log.shape[:2])
    steps = rng.normal(0, 0.2 * np.sqrt(1 - keep**2), log.shape)
    for t in range(1, months):
        log[:, :, t] = keep * log[:, :, t - 1] + steps[:, :, t]
    rises = rng.random(log.shape[:2]) < 0.02
    begin = rng.integers(12, months, log.shape[:2])
    log += np.log(3) * (rises[:, :, None] & (np.arange(months) >= begin[:, :, None]))
    hit = [code in STORM for code in CODES]
    for year, month, _ in city.storm_months():
        log[:, hit, 12 * year + month - 1] += rng.normal(0, 0.5, (n, 1))
    return np.exp(log)


def _zone_sums(values: Array, zone: Array) -> Array:
    return np.stack([values[zone == z].sum(axis=0) for z in range(len(ZONES))])


def by_cell(city: City, sites: Sites, truth: Truth) -> pd.DataFrame:
    """Truth by area, category and month; before the split the two sites are one area."""
    repeats = 1 + np.array([REPEATS[kind.parent] for kind in KINDS])
    incidents = truth.orders * truth.unseen[:, :, None] / repeats[:, None]
    months = city.months
    area = np.where(months < city.split_on, sites.before[:, None], sites.code[:, None])
    shape = truth.orders.shape
    table = pd.DataFrame(
        {
            "area": np.broadcast_to(area[:, None], shape).ravel(),
            "category": np.broadcast_to(CODES[:, None], shape).ravel(),
            "month": np.broadcast_to(months.to_numpy(), shape).ravel(),
            "expected_orders": truth.orders.ravel(),
            "expected_incidents": incidents.ravel(),
        }
    )
    return table.groupby(["area", "category", "month"], as_index=False).sum()


def by_estate(estates: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    site, shape = estates["site"].to_numpy(), truth.share.shape
    orders = truth.share * truth.orders[:, :, -12:].sum(axis=2)[site]
    repeats = 1 + np.array([REPEATS[kind.parent] for kind in KINDS])
    rate = estates["reporting_rate"].to_numpy()
    return pd.DataFrame(
        {
            "estate": np.repeat(estates["estate"].to_numpy(), shape[1]),
            "category": np.tile(CODES, shape[0]),
            "silent": np.repeat(estates["silent"].to_numpy(), shape[1]),
            "reporting_rate": np.repeat(rate, shape[1]),
            "factor": truth.factor.ravel(),
            "rest": truth.rest.ravel(),
            "expected_orders": orders.ravel(),
            "expected_incidents": (orders / repeats / rate[:, None]).ravel(),
        }
    )
