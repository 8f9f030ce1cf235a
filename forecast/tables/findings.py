"""Tables: patterns, rates and the study of past requests."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import LEVELS, Table

PATTERNS = ("emerging", "seasonal", "chronic", "sporadic")
"""What kind of trouble a cell is, in the order they go before one another."""


class Patterns(Table):
    """What kind of trouble each community x category is, as known at the end of `as_of`, and what says so.

    `active_lately`: share of the covered months of late with a request. `seasonal_strength`: 0..1. `peak_month`
    (1-12), `peak_times` (against the mean) and `season_months` (joined by "|", in order) are null where no season is
    sure. `recent_mean`, `before_mean`: requests a month in the last year and in those before; `recent_times`: their
    ratio, season and pace of the city taken off; `trend_per_year`: the same, a year. `*_p` is null where too little
    is known to test, `*_q` is the share of false discoveries. `rising`, `seasonal`, `lasting`: what holds;
    `pattern` is emerging, seasonal, chronic or sporadic after the first of them.
    """

    area: Series[str]
    category: Series[str]
    as_of: Series[pd.Timestamp]
    pattern: Series[str] = pa.Field(isin=PATTERNS)
    months_covered: Series[int] = pa.Field(ge=1)
    months_active: Series[int] = pa.Field(ge=0)
    active_lately: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    requests: Series[float] = pa.Field(ge=0)
    mean_per_month: Series[float] = pa.Field(ge=0)
    seasonal_strength: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    peak_month: Series[float] = pa.Field(nullable=True, ge=1, le=12)
    peak_times: Series[float] = pa.Field(nullable=True, ge=1)
    season_months: Series[str] = pa.Field(nullable=True)
    season_p: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    season_q: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    recent_mean: Series[float] = pa.Field(nullable=True, ge=0)
    before_mean: Series[float] = pa.Field(nullable=True, ge=0)
    recent_times: Series[float] = pa.Field(nullable=True, ge=0)
    trend_per_year: Series[float] = pa.Field(nullable=True, ge=0)
    trend_p: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    trend_q: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    rising: Series[bool]
    seasonal: Series[bool]
    lasting: Series[bool]

    class Config:
        unique = ["area", "category"]


SCOPES = ("all", "counted")
"""With every call-back, and without excluded ones."""

GRADES = ("advanced", "progress", "rectify", "govern")
"""先进, 进步, 整改, 治理."""


class Rates(Table):
    """The three rates (三率) of an area and category (ALL: all) over the months `first`..`last`, with intervals.

    Shares 0..1, score 0..100; null where there are too few call-backs to say, or a question was never asked.
    """

    area: Series[str]
    level: Series[str] = pa.Field(isin=LEVELS)
    category: Series[str]
    scope: Series[str] = pa.Field(isin=SCOPES)
    first: Series[pd.Timestamp]
    last: Series[pd.Timestamp]
    callbacks: Series[int] = pa.Field(ge=0)
    response: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    response_low: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    response_high: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    resolution: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    resolution_low: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    resolution_high: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    satisfaction: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    satisfaction_low: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    satisfaction_high: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    score: Series[float] = pa.Field(nullable=True, ge=0, le=100 + 1e-9)

    class Config:
        unique = ["area", "category", "scope", "first", "last"]


class Targets(Table):
    """What a rate should reach in a busy season: last year's, plus a step towards the standard; all shares 0..1."""

    season: Series[str]
    area: Series[str]
    level: Series[str] = pa.Field(isin=LEVELS)
    category: Series[str]
    first: Series[pd.Timestamp]
    last: Series[pd.Timestamp]
    measure: Series[str] = pa.Field(isin=["response", "resolution", "satisfaction"])
    last_year: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    standard: Series[float] = pa.Field(ge=0, le=1)
    target: Series[float] = pa.Field(ge=0, le=1)

    class Config:
        unique = ["season", "area", "category", "first", "measure"]


class Appraisal(Table):
    """The class of an area: 先进 advanced, 进步 progress, 整改 rectify, 治理 govern; null without two scores."""

    area: Series[str]
    level: Series[str] = pa.Field(isin=LEVELS)
    category: Series[str]
    scope: Series[str] = pa.Field(isin=SCOPES)
    score: Series[float] = pa.Field(nullable=True)
    before: Series[float] = pa.Field(nullable=True)
    change: Series[float] = pa.Field(nullable=True)
    high_from: Series[float] = pa.Field(nullable=True)
    low_below: Series[float] = pa.Field(nullable=True)
    grade: Series[str] = pa.Field(nullable=True, isin=GRADES)

    class Config:
        unique = ["area", "category", "scope"]


class StudyShares(Table):
    """Share of each class of requests (the tops of the category tree), over all months (year 0) and by year.

    `months`: how many were counted.
    """

    category: Series[str]
    year: Series[int] = pa.Field(ge=0)
    months: Series[int] = pa.Field(ge=1)
    orders: Series[int] = pa.Field(ge=0)
    share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    low: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    high: Series[float] = pa.Field(nullable=True, ge=0, le=1)

    class Config:
        unique = ["category", "year"]


class StudyQuarters(Table):
    """Orders of each class (ALL: of all) by quarter; `share_of_year` is null where the year is not whole."""

    category: Series[str]
    year: Series[int]
    quarter: Series[int] = pa.Field(ge=1, le=4)
    months: Series[int] = pa.Field(ge=1, le=3)
    orders: Series[int] = pa.Field(ge=0)
    share_of_year: Series[float] = pa.Field(nullable=True, ge=0, le=1)

    class Config:
        unique = ["category", "year", "quarter"]


class StudyZones(Table):
    """Orders by zone and class (ALL: all of them), as a share of the zone, of the class, and of everything."""

    zone: Series[str]
    category: Series[str]
    orders: Series[int] = pa.Field(ge=0)
    share_of_zone: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    share_of_class: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    share: Series[float] = pa.Field(nullable=True, ge=0, le=1)

    class Config:
        unique = ["zone", "category"]


class StudyOdds(Table):
    """Is an order of the class or of another: a zone or a year (`factor`, `level`) against its base, in one model.

    `odds_ratio` with its interval; `effect`: the average marginal effect, a difference of shares, with its interval.
    `coefficient` and `error` are on the scale of the link, `p` tests the coefficient, `scatter` is that of the cells
    around the model (1 = as independent orders). Null for the base, and where a level has no order of the class.
    """

    category: Series[str]
    model: Series[str] = pa.Field(isin=["logit", "probit"])
    factor: Series[str] = pa.Field(isin=["zone", "year"])
    level: Series[str]
    base: Series[str]
    orders: Series[int] = pa.Field(ge=0)
    odds_ratio: Series[float] = pa.Field(nullable=True, ge=0)
    low: Series[float] = pa.Field(nullable=True, ge=0)
    high: Series[float] = pa.Field(nullable=True, ge=0)
    effect: Series[float] = pa.Field(nullable=True, ge=-1, le=1)
    effect_low: Series[float] = pa.Field(nullable=True)
    effect_high: Series[float] = pa.Field(nullable=True)
    coefficient: Series[float] = pa.Field(nullable=True)
    error: Series[float] = pa.Field(nullable=True, ge=0)
    p: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    scatter: Series[float] = pa.Field(nullable=True, ge=1)

    class Config:
        unique = ["category", "model", "factor", "level"]
