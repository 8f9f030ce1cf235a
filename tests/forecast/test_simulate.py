"""The made-up city keeps the published figures and holds together."""

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.areas import AreaSource, to_areas
from forecast.simulate import City, Simulated, simulate
from forecast.simulate.places import build as build_places
from forecast.simulate.published import CLASS_OF, CODES, PROPERTY, ZONES, expected_by_zone
from forecast.tables import Areas, check, conform

SEEDS = (20, 3)
CORE, CENTRAL, NEW, GREEN = range(4)
REPAIRS, ORDER = 1, 2
ODDS = {
    (0, CENTRAL): 1.2, (0, NEW): 0.83, (0, GREEN): 0.73,
    (1, CENTRAL): 0.7, (1, NEW): 1.0, (1, GREEN): 2.7,
    (3, CENTRAL): 2.3, (3, NEW): 3.6, (3, GREEN): 1.7,
    (5, CENTRAL): 2.3, (5, NEW): 3.4, (5, GREEN): 1.7,
}  # fmt: skip
"""Published odds against the core by (class, zone)."""


class Figures(NamedTuple):
    """What the published study looked at: property-management orders, 2014 to the first quarter of 2019."""

    shares: np.ndarray
    zones: np.ndarray
    odds: np.ndarray
    by_year: np.ndarray
    by_month: np.ndarray
    quarters: np.ndarray
    fees: np.ndarray

    @classmethod
    def of(cls, cube: np.ndarray) -> "Figures":
        """cube: (zones, 6 years, classes, 12) orders."""
        cube = cube[:, :, :PROPERTY]
        published = cube[:, :5].sum(axis=(1, 3)) + cube[:, 5, :, :3].sum(axis=2)
        odds = published / (published.sum(axis=1, keepdims=True) - published)
        months = cube.sum(axis=0)
        cold = months[:, 4][:, [0, 10, 11]].sum(axis=1) / months[:, 4].sum(axis=1)
        return cls(
            shares=published.sum(axis=0) / published.sum(),
            zones=published.sum(axis=1) / published.sum(),
            odds=odds / odds[CORE],
            by_year=months.sum(axis=2),
            by_month=months[:5].sum(axis=0),
            quarters=months.sum(axis=1).reshape(6, 4, 3).sum(axis=2),
            fees=cold,
        )

    def year_odds(self, position: int) -> float:
        """Odds of a class in 2018 against 2014."""
        odds = self.by_year / (self.by_year.sum(axis=1, keepdims=True) - self.by_year)
        return float(odds[4, position] / odds[0, position])

    def change(self, position: int) -> float:
        """Change of a class's share from 2014 to 2018, in points."""
        shares = self.by_year / self.by_year.sum(axis=1, keepdims=True)
        return float(100 * (shares[4, position] - shares[0, position]))


def truth_cube(city: City) -> np.ndarray:
    expected = expected_by_zone(city)
    return np.stack([expected[:, :, position == CLASS_OF].sum(axis=2) for position in range(9)], axis=2)


def drawn_cube(made: Simulated) -> np.ndarray:
    orders = made.orders[made.orders["kind"] == "诉求"]
    zone = orders["area"].map(made.areas.set_index("area")["zone"]).map(ZONES.index)
    year = orders["received_at"].dt.year - orders["received_at"].dt.year.min()
    parent = orders["category"].map(dict(zip(CODES, CLASS_OF, strict=True)))
    cube = np.zeros((4, 6, 9, 12))
    np.add.at(cube, (zone, year, parent, orders["received_at"].dt.month - 1), 1)
    return cube


@functools.cache
def city_of(seed: int) -> Simulated:
    return simulate(City(seed=seed))


@pytest.fixture(scope="session")
def made() -> Simulated:
    return city_of(SEEDS[0])


@pytest.fixture(scope="session")
def small() -> Simulated:
    return simulate(City(seed=5, communities=16, years=2, scale=0.3))


# --- Published figures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 20, 77])
def test_truth_keeps_the_published_figures(seed: int) -> None:
    figures = Figures.of(truth_cube(City(seed=seed)))
    published = np.array([31.19, 28.74, 24.31]) / 99.9
    assert figures.shares[:3] == pytest.approx(published, abs=1e-6)
    assert figures.shares[3:].sum() == pytest.approx(15.66 / 99.9, abs=1e-6)
    assert figures.zones[CENTRAL] == pytest.approx(0.4653, abs=1e-6)
    for (position, zone), odds in ODDS.items():
        assert figures.odds[zone, position] == pytest.approx(odds, rel=1e-6)
    assert figures.by_year[4].sum() / figures.by_year[0].sum() == pytest.approx(3.6, rel=1e-6)
    assert figures.year_odds(REPAIRS) == pytest.approx(0.56, rel=1e-6)
    assert figures.year_odds(ORDER) == pytest.approx(1.6, rel=1e-6)
    assert figures.change(0) == pytest.approx(-6.46, abs=0.01)
    assert figures.fees == pytest.approx(np.full(6, 1 / 3), rel=1e-6)
    assert_seasons(figures)


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_orders_keep_the_published_figures(seed: int) -> None:
    figures = Figures.of(drawn_cube(city_of(seed)))
    assert 100 * figures.shares[:3] == pytest.approx([31.19, 28.74, 24.31], abs=1)
    assert 100 * figures.shares[3:].sum() == pytest.approx(15.66, abs=1)
    assert 100 * figures.zones[CENTRAL] == pytest.approx(46.53, abs=1)
    for (position, zone), odds in ODDS.items():
        assert figures.odds[zone, position] == pytest.approx(odds, rel=0.1)
    assert figures.by_year[4].sum() / figures.by_year[0].sum() == pytest.approx(3.6, rel=0.1)
    assert figures.year_odds(REPAIRS) == pytest.approx(0.56, rel=0.1)
    assert figures.year_odds(ORDER) == pytest.approx(1.6, rel=0.1)
    assert figures.change(0) == pytest.approx(-6.46, abs=1)
    assert figures.fees.mean() == pytest.approx(1 / 3, abs=0.03)
    assert_seasons(figures)


def assert_seasons(figures: Figures) -> None:
    assert set(figures.quarters.argmax(axis=1)) == {2}
    assert set(figures.quarters.argmin(axis=1)) == {0}
    for position in (0, 1, 5):
        assert set(np.argsort(figures.by_month[position])[-2:]) == {6, 7}


def test_the_published_fall_of_repairs_cannot_hold_beside_its_odds() -> None:
    """28.74 % on average and odds of 0.56 leave no room for a fall of only 7.84 points."""
    figures = Figures.of(truth_cube(City(seed=20)))
    assert -13 < figures.change(REPAIRS) < -11
    first = np.linspace(0.2, 0.5, 301)
    last = 0.56 * first / (1 - first) / (1 + 0.56 * first / (1 - first))
    fits = np.abs(100 * (last - first) + 7.84) < 0.1
    assert first[fits].max() < 0.22, "a share that falls by 7.84 points at these odds never reaches 28.74 %"


def test_heating_and_water_have_their_seasons(made: Simulated) -> None:
    months = made.cells.groupby(["category", made.cells["month"].dt.month])["expected_orders"].sum().unstack()
    peak = months.div(months.mean(axis=1), axis=0)
    assert (peak.loc["H1", [11, 12, 1]] > 2.2).all()
    assert peak.loc["H1"].max() > 2.5
    assert (peak.loc["H1", [5, 6, 7, 8, 9]] < 0.2).all()
    assert peak.loc["H2"].idxmax() == 11
    assert set(peak.columns[np.argsort(peak.loc["H3"])[-2:]]) == {10, 11}
    assert set(peak.columns[np.argsort(peak.loc["W1"])[-4:]]) == {6, 7, 8, 9}
    assert peak.loc["W2", [12, 1, 7]].min() > 1.1
    assert 1.8 < peak.loc["2A", [7, 8]].mean() < 3.2


def test_leaking_radiators_come_with_the_filling_of_the_system(made: Simulated) -> None:
    first = made.orders[(made.orders["category"] == "H2") & (made.orders["received_at"].dt.month == 11)]
    first = first[(first["repeat"] == 0) & (first["incident"] >= 0)]
    assert first["received_at"].dt.day.between(5, 20).all()


def test_storms_are_in_the_truth(made: Simulated) -> None:
    assert set(made.shocks["month"].dt.month) == {7, 8}
    years = made.shocks["month"].dt.year.unique()
    assert len(years) == 2
    roofs = made.cells[made.cells["category"] == "2A"]
    year, month = roofs["month"].dt.year, roofs["month"].dt.month
    july, usual = (
        roofs[month.isin(months)].groupby(year)["expected_orders"].sum() for months in ([7, 8], [5, 6, 9, 10])
    )
    ratio = july / usual
    assert ratio[years].min() > 1.3 * ratio.drop(years).max()


@given(
    communities=st.integers(4, 60),
    years=st.integers(2, 9),
    first_year=st.integers(2010, 2024),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=25, deadline=None)
def test_any_city_has_the_shares_and_positive_orders(
    communities: int, years: int, first_year: int, seed: int
) -> None:
    city = City(seed=seed, communities=communities, years=years, first_year=first_year)
    cube = expected_by_zone(city)
    assert (cube > 0).all()
    by_month = np.moveaxis(cube, 3, 2).reshape(4, 12 * years, len(CODES))[:, :63].sum(axis=(0, 1))
    shares = np.bincount(CLASS_OF, by_month)[:PROPERTY]
    assert shares / shares.sum() == pytest.approx([0.31221, 0.28769, 0.24334, 0.07007, 0.05205, 0.03463], abs=1e-4)
    _, areas, _ = build_places(city)
    assert (areas["level"] == "community").sum() in (communities, communities + 1)
    assert areas["area"].is_unique
    assert areas["name"].is_unique


# --- The city holds together -----------------------------------------------------------------------------------


def test_same_seed_same_city_and_parts_do_not_disturb_each_other(small: Simulated) -> None:
    again = simulate(City(seed=5, communities=16, years=2, scale=0.3))
    pd.testing.assert_frame_equal(small.orders, again.orders)
    pd.testing.assert_frame_equal(small.estates, again.estates)
    asking = simulate(City(seed=5, communities=16, years=2, scale=0.3, consultation_share=0.4))
    pd.testing.assert_frame_equal(small.cells, asking.cells)
    pd.testing.assert_frame_equal(small.estates, asking.estates)
    other = simulate(City(seed=6, communities=16, years=2, scale=0.3))
    assert not small.orders["caller"].equals(other.orders["caller"])


def test_areas_are_a_dated_tree(made: Simulated) -> None:
    areas = made.areas.set_index("area")
    assert areas.index.str.fullmatch(r"9901\d{8}").all()
    streets = areas[areas["level"] == "street"]
    town = streets.index.str.slice(6, 9).astype(int)
    kind = streets["name"].str.extract("(街道|镇|乡)$", expand=False)
    low, high = kind.map({"街道": 1, "镇": 100, "乡": 200}), kind.map({"街道": 99, "镇": 199, "乡": 399})
    assert ((town >= low) & (town <= high)).all()
    assert set(kind) == {"街道", "镇", "乡"}
    communities = areas[areas["level"] == "community"]
    assert (communities.index.str.slice(0, 9) + "000" == communities["parent"]).all()
    assert set(communities["zone"]) == set(ZONES)
    rows = made.areas.astype({"households": str}).astype("str").replace({"NaT": None, "nan": None})
    complete = to_areas(rows, AreaSource(path="areas.csv"), "模拟市")
    check(Areas, conform(Areas, complete))
    assert len(complete) == len(made.areas)
    names = communities["name"].tolist() + [alias for text in communities["aliases"] for alias in text.split("|")]
    assert len(names) == len(set(names))


def test_one_community_splits_in_the_middle(made: Simulated) -> None:
    areas = made.areas.set_index("area")
    (old,) = areas.index[areas["valid_to"].notna()]
    new = areas.index[areas["valid_from"].notna()].tolist()
    assert len(new) == 2
    assert old not in new
    split_on = areas.loc[new[0], "valid_from"]
    assert areas.loc[old, "valid_to"] + pd.Timedelta(days=1) == split_on == pd.Timestamp("2017-07-01")
    when = made.orders.groupby("area")["received_at"].agg(["min", "max"])
    assert when.loc[old, "max"] < split_on
    assert (when.loc[new, "min"] >= split_on).all()
    assert areas.loc[new, "households"].sum() == areas.loc[old, "households"]
    assert not set(made.estates["area"]) & {old}
    assert set(new) <= set(made.estates["area"])


def test_households_add_up(made: Simulated) -> None:
    areas = made.areas[made.areas["valid_to"].isna()].set_index("area")
    below = areas.groupby("parent")["households"].sum()
    assert below.to_dict() == areas.loc[below.index, "households"].to_dict()
    assert areas.loc[areas["level"] == "city", "households"].item() == made.estates["households"].sum()


def test_polygons_touch_and_never_overlap(made: Simulated) -> None:
    shapes = made.polygons.groupby("area")[["lon", "lat"]].apply(lambda ring: shapely.Polygon(ring.to_numpy()))
    assert shapely.is_valid(shapes.to_numpy()).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes.to_numpy())).all()
    whole = shapely.unary_union(shapes.to_numpy())
    assert whole.geom_type == "Polygon"
    assert whole.area == pytest.approx(shapely.area(shapes.to_numpy()).sum(), rel=1e-9)
    today = made.areas[(made.areas["level"] == "community") & made.areas["valid_to"].isna()]
    assert set(shapes.index) == set(today["area"])
    spots = shapely.points(made.estates[["lon", "lat"]].to_numpy())
    assert shapely.contains(shapes[made.estates["area"]].to_numpy(), spots).all()


def test_estates_have_gaps_but_no_contradictions(made: Simulated) -> None:
    estates = made.estates
    assert estates["estate"].is_unique
    assert estates["estate_name"].is_unique
    needed = ["estate", "estate_name", "area", "households", "zone", "lon", "lat"]
    assert estates[needed].notna().all().all()
    gaps = estates[["roof_waterproof_year", "pipe_material", "fund_balance", "rental_share"]].isna().mean()
    assert gaps.between(0.2, 0.6).all()
    assert estates["built_year"].isna().mean() < 0.06
    pipes = estates["pipe_year"] - estates["built_year"]
    assert (pipes.dropna() >= 0).all()
    assert (estates["fund_balance"] <= estates["fund_initial"]).dropna().all()
    assert (estates.loc[estates["owners_body"] == "无", "term_end"].isna()).all()


def test_truth_of_estates_is_the_truth_of_areas(made: Simulated) -> None:
    last = made.cells[made.cells["month"] >= "2019-01-01"].groupby(["area", "category"])[
        ["expected_orders", "expected_incidents"]
    ]
    area = made.estate_truth["estate"].map(made.estates.set_index("estate")["area"])
    own = made.estate_truth.groupby([area, "category"])[["expected_orders", "expected_incidents"]].sum()
    pd.testing.assert_frame_equal(own, last.sum(), check_names=False, rtol=1e-9)


def test_silent_estates_report_a_third(made: Simulated) -> None:
    truth = made.estate_truth.drop_duplicates("estate").set_index("estate")
    area = made.estates.set_index("estate")["area"]
    silent = truth["silent"]
    assert 0.02 < silent.mean() < 0.12
    loud = truth.loc[~silent, "reporting_rate"].groupby(area).first()
    pairs = truth.loc[silent, "reporting_rate"] / area[silent[silent].index].map(loud)
    assert pairs.dropna().to_numpy() == pytest.approx(1 / 3, abs=1e-3)
    assert loud.between(0.4, 1.0).all()
    assert loud.max() / loud.min() > 2


def test_known_effects_are_in_the_estates(made: Simulated) -> None:
    """The stated log effect is found again in the expected incidents per household."""
    effects = made.effects.set_index(["category", "factor"])["log_effect"]
    heat = made.estate_truth[made.estate_truth["category"] == "H1"].set_index("estate")
    estates = made.estates.set_index("estate")
    own = (estates["heat_type"] == "自采暖").to_numpy()
    assert effects["H1", "own_boiler"] == -2
    assert np.log(heat["factor"][own]).mean() < np.log(heat["factor"][~own]).mean() - 1.5
    rate = heat["expected_incidents"] / estates["households"]
    assert np.corrcoef(np.log(rate), np.log(heat["factor"]))[0, 1] > 0.6


def test_orders_scatter_like_a_negative_binomial_around_the_truth(made: Simulated) -> None:
    orders = made.orders[made.orders["kind"] == "诉求"]
    month = orders["received_at"].dt.to_period("M").dt.to_timestamp().rename("month")
    seen = orders.groupby([orders["area"], orders["category"], month]).size().rename("orders")
    cells = made.cells.set_index(["area", "category", "month"]).join(seen).fillna({"orders": 0})
    mu, y = cells["expected_orders"], cells["orders"]
    assert y.sum() == pytest.approx(mu.sum(), rel=1e-3)
    bins = pd.qcut(mu, 8)
    assert (y.groupby(bins).mean() / mu.groupby(bins).mean()).between(0.93, 1.07).all()
    spread = ((y - mu) ** 2).groupby(bins).mean() / mu.groupby(bins).mean()
    assert (spread > 1.1).all()
    assert spread.iloc[-1] > 1.8
    assert (y <= 5).mean() > 0.8


def test_repeats_are_the_same_spot_within_days(made: Simulated) -> None:
    orders = made.orders[made.orders["incident"] >= 0]
    assert (orders["kind"] == "诉求").all()
    groups = orders.groupby("incident")
    assert (groups[["estate", "category", "building", "unit"]].nunique() == 1).all().all()
    span = groups["received_at"].max() - groups["received_at"].min()
    assert span.max() < pd.Timedelta(days=11)
    assert (span > pd.Timedelta(0)).sum() > 20_000
    assert (groups["caller"].nunique()[span > pd.Timedelta(0)] == 1).mean() > 0.7
    parent = orders["category"].str[0]
    per_incident = orders.groupby(parent).size() / orders.groupby(parent)["incident"].nunique()
    assert per_incident["H"] == pytest.approx(1.40, abs=0.01)
    assert per_incident["2"] == pytest.approx(1.22, abs=0.01)


def test_call_backs_answer_only_where_someone_called(made: Simulated) -> None:
    orders = made.orders
    asked = orders["called_back"] == "是"
    assert 0.85 < asked.mean() < 0.92
    for name in ("contacted", "resolved", "satisfied"):
        assert (orders.loc[~asked, name] == "").all()
    assert set(orders.loc[asked, "satisfied"]) == {"满意", "基本满意", "不满意"}
    happy = orders[asked].groupby("resolved")["satisfied"].apply(lambda mood: (mood == "满意").mean())
    assert happy["是"] > 0.6 > 0.2 > happy["否"]
    assert (orders["closed_at"].dropna() > orders.loc[orders["closed_at"].notna(), "received_at"]).all()
