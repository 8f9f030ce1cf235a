"""A seed -> a made-up Chinese city with a known truth: areas, polygons, estates, work orders, hidden figures."""

from dataclasses import dataclass

import pandas as pd

from forecast.simulate import estates, orders, places, published, truth
from forecast.simulate.published import City

__all__ = ["City", "Simulated", "simulate"]


@dataclass(frozen=True)
class Simulated:
    """The city and its truth.

    areas: Areas without geometry. polygons: DataFrame[area, point, lon, lat], closed rings of today's communities.
    estates: one row an estate, attributes partly missing. orders: one row an order, clean; `incident` groups
    orders about one event and is -1 for consultations. cells: DataFrame[area, category, month, expected_orders
    (as reported), expected_incidents (as they happen, reported or not)]. estate_truth: DataFrame[estate,
    category, silent, reporting_rate, factor, rest, expected_orders, expected_incidents] of the last 12 months.
    effects: DataFrame[category, factor, log_effect]. shocks: DataFrame[month, category, times].
    """

    areas: pd.DataFrame
    polygons: pd.DataFrame
    estates: pd.DataFrame
    orders: pd.DataFrame
    cells: pd.DataFrame
    estate_truth: pd.DataFrame
    effects: pd.DataFrame
    shocks: pd.DataFrame


def simulate(city: City) -> Simulated:
    """Make the city. Each part draws from its own stream of the seed, so that one more part disturbs no other."""
    sites, areas, corners = places.build(city)
    known = estates.build(city, sites, corners)
    real = truth.build(city, sites, known)
    return Simulated(
        areas=estates.count_households(areas, sites, known),
        polygons=places.polygons(sites, corners),
        estates=estates.with_gaps(city, known),
        orders=orders.build(city, sites, known, real, orders.draw(city, sites, real)),
        cells=truth.by_cell(city, sites, real),
        estate_truth=truth.by_estate(known, real),
        effects=estates.effects(),
        shocks=published.shocks(city),
    )
