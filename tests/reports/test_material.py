from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.tables import ALL
from tests.reports.sample import AS_OF, make


def test_history_adds_up_over_areas_and_categories() -> None:
    material = make()
    gap = (material.panel["area"] == "110105000001") & (material.panel["month"] == pd.Timestamp("2025-03-01"))
    material = replace(material, panel=material.panel[~gap])
    past, panel = material.history, material.panel
    of = past.set_index(["category", "month"])["orders"]
    assert of[ALL].to_dict() == panel.groupby("month")["orders"].sum().to_dict()
    assert (
        of[of.index.get_level_values("category") != ALL].to_dict()
        == panel.groupby(["category", "month"])["orders"].sum().to_dict()
    )
    communities = panel.groupby("month")["area"].nunique()
    assert (past["communities"] == past["month"].map(communities)).all()
    assert communities.nunique() == 2


def test_what_is_left_out_of_the_steady_past_is_known_to_fewer_communities_than_now() -> None:
    material = make()
    early = (material.panel["area"] == "110105000001") & (material.panel["month"] < pd.Timestamp("2023-01-01"))
    steady = replace(material, panel=material.panel[~early]).steady
    known = material.past.months >= pd.Timestamp("2023-01-01")
    assert np.isnan(steady[:, ~known]).all()
    assert (steady[-1, known] == material.panel.groupby("month")["orders"].sum().to_numpy()[known]).all()


def test_coming_sums_the_next_three_months() -> None:
    material = make()
    coming = material.coming_of("S1", "H1")
    rows = material.forecasts
    rows = rows[(rows["area"] == "S1") & (rows["category"] == "H1") & rows["horizon"].le(3)]
    assert coming is not None
    assert (coming.first, coming.last) == (pd.Timestamp("2025-09-01"), pd.Timestamp("2025-11-01"))
    assert coming.expected == pytest.approx(rows.loc[rows["output"] == "mean", "predicted"].sum())
    assert coming.low == rows.loc[rows["level"] == 0.1, "predicted"].sum()
    assert coming.high == rows.loc[rows["level"] == 0.9, "predicted"].sum()


def test_last_year_is_the_same_months_of_the_panel() -> None:
    material = make()
    months = pd.date_range("2024-09-01", "2024-11-01", freq="MS")
    panel = material.panel
    rows = panel[panel["month"].isin(months) & (panel["category"] == "H1")]
    coming = material.coming_of("city", "H1")
    assert coming is not None
    assert coming.last_year == rows["orders"].sum()


def test_a_community_not_covered_last_year_is_left_out_on_both_sides() -> None:
    material = make()
    panel = material.panel
    first = panel["area"].iloc[0]
    gone = (panel["area"] == first) & (panel["month"] == pd.Timestamp("2024-10-01"))
    material = replace(material, panel=panel[~gone])
    city, street, other = (material.coming_of(area, "H1") for area in ("city", "S1", "S2"))
    lost = material.coming_of(first, "H1")
    assert city is not None and street is not None and other is not None and lost is not None  # noqa: PT018
    assert (city.communities, street.communities, other.communities) == (11, 3, 4)
    assert (city.complete, street.complete, other.complete) == (False, False, True)
    assert city.same == pytest.approx(city.expected - lost.expected)
    months = panel["month"].isin(pd.date_range("2024-09-01", "2024-11-01", freq="MS"))
    rest = panel[months & (panel["category"] == "H1") & (panel["area"] != first)]
    assert city.last_year == rest["orders"].sum()
    assert np.isnan(lost.last_year)


def test_no_comparison_when_most_was_not_covered() -> None:
    material = make()
    panel = material.panel
    gone = ~panel["area"].isin(panel["area"].unique()[:3]) & (panel["month"] == pd.Timestamp("2024-10-01"))
    coming = replace(material, panel=panel[~gone]).coming_of("city")
    assert coming is not None
    assert np.isnan(coming.last_year)


def test_months_up_to_the_plan_are_not_ahead() -> None:
    """Data that end before the plan's month: the forecast of that month is no longer ahead."""
    material = replace(make(), as_of=AS_OF + pd.DateOffset(months=1))
    assert material.ahead[0] == pd.Timestamp("2025-10-01")
    assert material.outlook["month"].min() == pd.Timestamp("2025-10-01")


def test_without_quantiles_a_band_is_unknown_not_zero() -> None:
    material = make()
    material = replace(material, forecasts=material.forecasts[material.forecasts["output"] != "quantile"])
    coming = material.coming_of("city")
    assert coming is not None
    assert coming.expected > 0
    assert np.isnan([coming.low, coming.high]).all()
