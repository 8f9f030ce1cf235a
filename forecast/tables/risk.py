"""Tables: estates at risk, silent ones, siblings, fairness."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import Table


class Risk(Table):
    """Risk of an estate; score 0..100.

    `expected`, `low`, `high` are incidents in the `months` ahead: 12, or those of a season. `in_top`: share of
    draws in which the estate is among the first of its category, so how sure its rank is; siblings, which may raise
    the other figures, are left out of it. `model`: what scored.
    """

    estate: Series[str]
    category: Series[str]
    as_of: Series[pd.Timestamp]
    score: Series[float] = pa.Field(ge=0, le=100)
    grade: Series[str] = pa.Field(isin=["red", "orange", "yellow", "blue"])
    expected: Series[float] = pa.Field(nullable=True, ge=0)
    low: Series[float] = pa.Field(nullable=True, ge=0)
    high: Series[float] = pa.Field(nullable=True, ge=0)
    months: Series[float] = pa.Field(nullable=True, ge=1, le=12)
    in_top: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    model: Series[str] = pa.Field(nullable=True)

    class Config:
        unique = ["estate", "category"]


class RiskDrivers(Table):
    """Points each factor adds to a risk score; they sum to the score."""

    estate: Series[str]
    category: Series[str]
    as_of: Series[pd.Timestamp]
    driver: Series[str]
    contribution: Series[float]


class SilentEstates(Table):
    """How likely an estate reports less than happens there, by category and over all (ALL).

    `expected`, `reported`: incidents of the latest known year; null where not on record. `spread`: coefficient of
    variation of the true number around `expected`. `probability` is null where nothing can be claimed; `ground`
    says on what it rests, or why there is none: none (neither attributes nor place), unsized (households
    unknown), new, gone, unheard (too few months on record), few (too few incidents expected).
    `score` = 100 x probability. `listed`: sure enough to inspect.
    """

    estate: Series[str]
    category: Series[str]
    as_of: Series[pd.Timestamp]
    expected: Series[float] = pa.Field(nullable=True, ge=0)
    reported: Series[float] = pa.Field(nullable=True, ge=0)
    spread: Series[float] = pa.Field(nullable=True, ge=0)
    probability: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    score: Series[float] = pa.Field(nullable=True, ge=0, le=100)
    listed: Series[bool]
    ground: Series[str] = pa.Field(
        isin=["both", "attributes", "place", "none", "unsized", "new", "gone", "unheard", "few"]
    )
    reason: Series[str]
    reason_en: Series[str]

    class Config:
        unique = ["estate", "category"]


class Siblings(Table):
    """Estates of one batch with one that had more incidents than usual in the months up to `as_of`.

    `kin`: what they share. `factor`: by how much the incidents ahead are raised; `learned` from what followed such
    months before, else `assumed`. `siblings`: names of those that had more, joined by "|".
    """

    estate: Series[str]
    category: Series[str]
    kin: Series[str]
    as_of: Series[pd.Timestamp]
    factor: Series[float] = pa.Field(ge=1)
    basis: Series[str] = pa.Field(isin=["learned", "assumed"])
    siblings: Series[str]
    kin_zh: Series[str]
    kin_en: Series[str]

    class Config:
        unique = ["estate", "category", "kin"]


class Fairness(Table):
    """Share of slots of a group of estates against its share of the expected need.

    `by`: what groups them; `group`: a text, a band, or unknown. `basis`: need is incidents expected, or households.
    `ratio`: slots_share ÷ need_share, with its interval; `uncapped_*`: with repeat callers counted in full.
    """

    by: Series[str]
    group: Series[str]
    as_of: Series[pd.Timestamp]
    basis: Series[str] = pa.Field(isin=["incidents", "households"])
    estates: Series[int] = pa.Field(ge=1)
    slots: Series[int] = pa.Field(ge=0)
    slots_share: Series[float] = pa.Field(nullable=True, ge=0, le=1 + 1e-9)
    need: Series[float] = pa.Field(ge=0)
    need_share: Series[float] = pa.Field(nullable=True, ge=0, le=1 + 1e-9)
    ratio: Series[float] = pa.Field(nullable=True, ge=0)
    low: Series[float] = pa.Field(nullable=True, ge=0)
    high: Series[float] = pa.Field(nullable=True, ge=0)
    uncapped_share: Series[float] = pa.Field(nullable=True, ge=0, le=1 + 1e-9)
    uncapped_ratio: Series[float] = pa.Field(nullable=True, ge=0)

    class Config:
        unique = ["by", "group"]
