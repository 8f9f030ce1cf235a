"""Panel + Seasons -> Scenarios: by how much a wet or a cold month changes the requests of a category.

Of each category, months with more rain (or cold) than their calendar month has on average are held against what its
level and season said. A forecast is issued for normal weather; a scenario multiplies it.
"""

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.spec import Spec
from forecast.tables import ALL, Scenarios, check, conform, empty

DRIVERS = {"wet": "rain_mm", "cold": "heating_degree_days"}
"""What makes a month wet, or cold (drivers of Seasons)."""

STEPS = 25


class ScenarioOptions(Spec):
    """`quantile`: a wet month is one with more rain than this share of the same calendar months.

    `prior_sd`: how far a month one standard deviation off may change requests, before the data speak (log).
    `least_years`: fewer years of requests beside weather say nothing.
    """

    quantile: float = Field(0.9, gt=0.5, lt=1)
    prior_sd: float = Field(0.1, gt=0)
    least_years: int = Field(3, ge=2)


def scenarios(
    panel: pd.DataFrame, seasons: pd.DataFrame, origin: pd.Timestamp, horizon: int, spec: ScenarioOptions
) -> pd.DataFrame:
    """Factors of a wet and of a cold month for the `horizon` months after `origin`.

    Args:
        panel: Panel; `orders` up to `origin` are used.
        seasons: Seasons as known at `origin`; a weather driver it lacks has no scenario.
        origin: last known month.
        horizon: months ahead.
        spec: what counts as wet or cold, and how much is believed.

    Returns:
        Scenarios; empty without weather, or with fewer than `least_years` years of both.

    Source: quasi-Poisson regression on the anomaly, level and season as offset, ridge penalty as normal prior
    (McCullagh & Nelder 1989, ch. 9; Hoerl & Kennard 1970).
    """
    past = panel[panel["month"] <= origin]
    totals = past.pivot_table(index="month", columns="category", values="orders", aggfunc="sum").sort_index()
    weather = seasons[seasons["category"] == ALL].pivot(index="month", columns="driver", values="value")
    ahead = pd.date_range(origin, periods=horizon + 1, freq="MS", unit="us")[1:]
    rows = []
    for scenario, driver in DRIVERS.items():
        if driver not in weather or len(totals) < 12 * spec.least_years:
            continue
        anomaly, high = _anomaly(weather[driver], totals.index, spec.quantile)
        for category in totals.columns:
            effect = _effect(totals[category].to_numpy(dtype=float), totals.index, anomaly, spec.prior_sd)
            rows += [(category, month, scenario, float(np.exp(effect * high[month.month]))) for month in ahead]
    if not rows:
        return empty(Scenarios)
    frame = pd.DataFrame(rows, columns=["category", "month", "scenario", "factor"])
    return check(Scenarios, conform(Scenarios, frame), "scenarios")


def _anomaly(driver: pd.Series, months: pd.Index, quantile: float) -> tuple[np.ndarray, dict[int, float]]:
    """(standardised departure of each month from its calendar month, that of a wet or cold one by calendar month)."""
    known = driver.reindex(months)
    calendar = pd.DatetimeIndex(months).month
    groups = known.groupby(calendar)
    spread = groups.transform("std").fillna(0.0)
    off = (known - groups.transform("mean")).div(spread.where(spread > 0)).fillna(0.0)
    by_month = off.groupby(calendar).quantile(quantile)
    return off.to_numpy(), {month: max(float(by_month.get(month, 0.0)), 0.0) for month in range(1, 13)}


def _effect(y: np.ndarray, months: pd.Index, anomaly: np.ndarray, prior_sd: float) -> float:
    """Change of log requests per standard deviation."""
    known = np.isfinite(y)
    expected = _expected(y, pd.DatetimeIndex(months).month.to_numpy())
    y, z, expected = y[known], anomaly[known], expected[known]
    beta = 0.0
    for _ in range(STEPS):
        mean = expected * np.exp(beta * z)
        scatter = max(1.0, float(np.sum((y - mean) ** 2 / np.maximum(mean, 1e-9)) / max(len(y) - 13, 1)))
        step = (np.sum(z * (y - mean)) / scatter - beta / prior_sd**2) / (
            np.sum(z**2 * mean) / scatter + 1 / prior_sd**2
        )
        beta += float(np.clip(step, -0.5, 0.5))
    return beta


def _expected(y: np.ndarray, calendar: np.ndarray) -> np.ndarray:
    """Level (centred twelve months, shorter at the ends) times the mean ratio of the calendar month."""
    level = pd.Series(y).rolling(13, center=True, min_periods=6).mean().to_numpy()
    ratio = pd.Series(np.divide(y, level, out=np.full(len(y), np.nan), where=level > 0))
    season = ratio.groupby(calendar).transform("mean").fillna(1.0).to_numpy()
    return np.asarray(np.nan_to_num(level * season))
