"""Wet and cold months: what they change is found, nothing where there is nothing, nothing from the future."""

import numpy as np
import pandas as pd
import pytest

from forecast.scenarios import ScenarioOptions, scenarios
from forecast.tables import ALL, Panel, Seasons, conform

ORIGIN = pd.Timestamp("2023-12-01")
SPEC = ScenarioOptions()


def city(effect: float, years: int = 8, seed: int = 1, level: float = 300.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Panel of one category that follows the rain, Seasons with rain)."""
    rng = np.random.default_rng(seed)
    months = pd.date_range(end="2024-12-01", periods=12 * years + 12, freq="MS", unit="us")
    rain = 60 + 50 * np.sin(2 * np.pi * (months.month.to_numpy() - 4) / 12) + rng.normal(0, 15, len(months))
    off = pd.Series(rain).groupby(months.month.to_numpy()).transform(lambda x: (x - x.mean()) / x.std()).to_numpy()
    mean = level * (1 + 0.3 * np.sin(2 * np.pi * months.month.to_numpy() / 12)) * np.exp(effect * off)
    orders = rng.poisson(mean)
    panel = pd.DataFrame({"area": "a", "category": "leaks", "month": months, "orders": orders})
    seasons = pd.DataFrame({"category": ALL, "month": months, "driver": "rain_mm", "value": rain})
    return conform(Panel, panel.assign(incidents=orders, callers=orders)), conform(Seasons, seasons)


@pytest.mark.parametrize("effect", [0.25, 0.0, -0.15])
def test_what_rain_does_is_found(effect: float) -> None:
    panel, seasons = city(effect)
    found = scenarios(panel, seasons, ORIGIN, 6, SPEC)
    assert set(found["scenario"]) == {"wet"}
    assert found["month"].tolist() == list(pd.date_range("2024-01-01", periods=6, freq="MS", unit="us"))
    wet = np.log(found["factor"].mean())
    assert wet == pytest.approx(effect, abs=0.06)


def test_few_requests_say_little() -> None:
    panel, seasons = city(0.5, level=0.05)
    assert scenarios(panel, seasons, ORIGIN, 6, SPEC)["factor"].between(0.85, 1.2).all()


def test_without_weather_or_years_there_is_no_scenario() -> None:
    panel, seasons = city(0.2)
    assert scenarios(panel, seasons.head(0), ORIGIN, 6, SPEC).empty
    short = panel[panel["month"] > pd.Timestamp("2022-06-01")]
    assert scenarios(short, seasons, ORIGIN, 6, SPEC).empty


def test_nothing_after_the_origin_is_looked_at() -> None:
    panel, seasons = city(0.2)
    later = panel.assign(orders=panel["orders"].where(panel["month"] <= ORIGIN, 9999))
    wetter = seasons.assign(value=seasons["value"].where(seasons["month"] <= ORIGIN, 9999.0))
    pd.testing.assert_frame_equal(
        scenarios(panel, seasons, ORIGIN, 6, SPEC), scenarios(later, wetter, ORIGIN, 6, SPEC)
    )
