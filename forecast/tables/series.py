"""Tables: counts, seasons, forecasts and what they are made of."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import PARTS, Table


class Panel(Table):
    """Month x area x category. A month that is not covered is absent; a covered month without requests is 0."""

    area: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    orders: Series[int] = pa.Field(ge=0)
    incidents: Series[int] = pa.Field(ge=0)
    callers: Series[int] = pa.Field(ge=0)

    class Config:
        unique = ["area", "category", "month"]


class Seasons(Table):
    """What the calendar (and the normal weather) says of a month. `category` is ALL when it holds for every one."""

    category: Series[str]
    month: Series[pd.Timestamp]
    driver: Series[str]
    value: Series[float]

    class Config:
        unique = ["category", "month", "driver"]


class Forecasts(Table):
    """Forecasts as issued at the end of month `origin`. `output` is mean, variance or quantile.

    `level` is the quantile level, NaN otherwise. Mean and variance fix the NegBin the quantiles come from.
    Upper areas and the category ALL stand in the same table.
    """

    model: Series[str]
    origin: Series[pd.Timestamp]
    area: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    horizon: Series[int] = pa.Field(ge=1)
    output: Series[str] = pa.Field(isin=["mean", "variance", "quantile"])
    level: Series[float] = pa.Field(nullable=True, gt=0, lt=1)
    predicted: Series[float] = pa.Field(ge=0)


class Contributions(Table):
    """What the mean issued for a cell and month is made of: the product of its parts is the mean.

    usual       requests in a month like any other, from the slow level of the cell
    level       how the cell runs now against that
    season      the month of the year
    calendar    working days, holidays, themes
    weather     weather against the normal of the month
    neighbours  how its category and its area move as a whole
    trend       where its own last months lead

    `factor` is in requests for `usual`; a part that is absent is 1.
    """

    origin: Series[pd.Timestamp]
    area: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    part: Series[str] = pa.Field(isin=PARTS)
    factor: Series[float] = pa.Field(ge=0)

    class Config:
        unique = ["origin", "area", "category", "month", "part"]


class Calibration(Table):
    """What the count distribution learned from past origins: one figure a parameter, horizon and size bin."""

    model: Series[str]
    origin: Series[pd.Timestamp]
    parameter: Series[str]
    horizon: Series[int] = pa.Field(ge=0)
    bin: Series[int] = pa.Field(ge=0)
    value: Series[float]


class Scenarios(Table):
    """By what a forecast for normal weather is multiplied when a month ahead turns out wet, or cold."""

    category: Series[str]
    month: Series[pd.Timestamp]
    scenario: Series[str] = pa.Field(isin=["wet", "cold"])
    factor: Series[float] = pa.Field(gt=0)

    class Config:
        unique = ["category", "month", "scenario"]


class PublicCounts(Table):
    """Requests by month, of all areas and categories with their sums, as they may be published.

    `count` is null where it is `suppressed`: from 1 to 4, or one from which such a count could be worked out.
    """

    area: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    count: Series[float] = pa.Field(nullable=True, ge=0)
    suppressed: Series[bool]

    class Config:
        unique = ["area", "category", "month"]
