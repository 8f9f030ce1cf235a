"""Tables: whether the work helped."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import Table


class Treated(Table):
    """Cells in which something was done. A cell counts as treated from `month` on.

    `group`: what was done. `unit`: the task or line of the file behind the row; its cost (yuan) and defects stand on
    each of its rows and count once. `first` to `last`: the months in which the work can show; none when `first` is
    later than `last`.
    """

    unit: Series[str]
    group: Series[str]
    area: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    first: Series[pd.Timestamp]
    last: Series[pd.Timestamp]
    cost: Series[float] = pa.Field(nullable=True, ge=0)
    defects_found: Series[float] = pa.Field(nullable=True, ge=0)
    defects_fixed: Series[float] = pa.Field(nullable=True, ge=0)

    class Config:
        unique = ["unit", "area", "category"]


ESTIMATORS = ("did", "synthetic", "holdback")
"""Difference-in-differences, synthetic control of one street, randomised hold-back."""

REFUSALS = (
    "", "no_after", "few_before", "few_controls", "few_clusters", "few_requests", "no_pre_trend", "pre_trend",
    "no_power",
)  # fmt: skip
"""Why an effect is not concluded; "" when it is."""

READINGS = ("refused", "fewer", "more", "found", "unclear")
"""found: more requests, and defects the work turned up, so that reports rose with it."""


class Effects(Table):
    """Did what was done change the requests? What must be known before the number stands before it.

    `estimate`, `low`, `high`: relative change (-0.3 = 30 % fewer) with its interval. `pre_trend_p`: p value of the
    test that treated cells ran like the others before. `minimum_detectable`: relative reduction found 8 times in 10;
    `power`: chance to find the reduction held plausible. `estimate` and all after `requests` are null unless
    `concluded`. `requests`: what came in treated cells in `months` months; `averted`: requests that did not come;
    `cost` is null where a unit has none. Bounds of `cost_per_averted` are null where the interval holds no saving.
    """

    estimator: Series[str] = pa.Field(isin=ESTIMATORS)
    group: Series[str]
    category: Series[str]
    area: Series[str]
    pre_trend_p: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    minimum_detectable: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    power: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    treated: Series[int] = pa.Field(ge=0)
    controls: Series[int] = pa.Field(ge=0)
    clusters: Series[int] = pa.Field(ge=0)
    months: Series[int] = pa.Field(ge=0)
    concluded: Series[bool]
    refusal: Series[str] = pa.Field(isin=REFUSALS)
    reading: Series[str] = pa.Field(isin=READINGS)
    low: Series[float] = pa.Field(nullable=True, ge=-1)
    high: Series[float] = pa.Field(nullable=True, ge=-1)
    estimate: Series[float] = pa.Field(nullable=True, ge=-1)
    requests: Series[float] = pa.Field(nullable=True, ge=0)
    averted: Series[float] = pa.Field(nullable=True)
    averted_low: Series[float] = pa.Field(nullable=True)
    averted_high: Series[float] = pa.Field(nullable=True)
    cost: Series[float] = pa.Field(nullable=True, ge=0)
    cost_per_averted: Series[float] = pa.Field(nullable=True, ge=0)
    cost_per_averted_low: Series[float] = pa.Field(nullable=True, ge=0)
    cost_per_averted_high: Series[float] = pa.Field(nullable=True, ge=0)
    defects_found: Series[float] = pa.Field(nullable=True, ge=0)
    defects_fixed: Series[float] = pa.Field(nullable=True, ge=0)

    class Config:
        unique = ["estimator", "group", "category", "area"]


class EventStudy(Table):
    """Relative change by month since the work (0 = its month), with bands that hold for all months together."""

    estimator: Series[str] = pa.Field(isin=ESTIMATORS)
    group: Series[str]
    category: Series[str]
    area: Series[str]
    event_month: Series[int]
    estimate: Series[float] = pa.Field(ge=-1)
    low: Series[float] = pa.Field(ge=-1)
    high: Series[float] = pa.Field(ge=-1)

    class Config:
        unique = ["estimator", "group", "category", "area", "event_month"]
