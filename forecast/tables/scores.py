"""Tables: how near and how honest forecasts, plans and risks were."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import Table


class Scores(Table):
    """One figure: horizon 0 = all horizons together."""

    model: Series[str]
    origin: Series[pd.Timestamp]
    horizon: Series[int] = pa.Field(ge=0)
    segment: Series[str]
    metric: Series[str]
    value: Series[float] = pa.Field(nullable=True)


class LiveScores(Table):
    """Forecasts as issued at the end of month `issued` against what is known of `month` now.

    `segment`: "all", "category=<code>", "street=<code>", "level=<level>". `cells`: those forecast then and covered
    now (of a level: its areas by category). `expected`, `low80`, `high80`, `sd`: of the sum of the segment, as far as
    it is covered; `observed`: what came there; `z` = (observed - expected) / sd. `wape`, `bias`, `coverage_*` are
    over cells.
    Null: no sum (levels), less than half of it covered, no request, or quantiles that were not issued.
    """

    issued: Series[pd.Timestamp]
    month: Series[pd.Timestamp]
    horizon: Series[int] = pa.Field(ge=1)
    segment: Series[str]
    cells: Series[int] = pa.Field(ge=1)
    expected: Series[float] = pa.Field(ge=0)
    low80: Series[float] = pa.Field(nullable=True, ge=0)
    high80: Series[float] = pa.Field(nullable=True, ge=0)
    observed: Series[float] = pa.Field(ge=0)
    sd: Series[float] = pa.Field(nullable=True, ge=0)
    wape: Series[float] = pa.Field(nullable=True, ge=0)
    bias: Series[float] = pa.Field(nullable=True)
    coverage_50: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    coverage_80: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    coverage_95: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    z: Series[float] = pa.Field(nullable=True)

    class Config:
        unique = ["issued", "month", "segment"]


class Drift(Table):
    """Control chart of the sums of LiveScores, one month ahead.

    `months`: scored so far. `z`: normal score of the count that came; `ewma`: its moving mean. `far`: |z| above
    `z_limit`, one month far out; `lasting`: |ewma| above `limit`, a level that is off; `alarm`: either. `since`:
    the month an alarm seems to have begun, null without one.
    """

    segment: Series[str]
    month: Series[pd.Timestamp]
    months: Series[int] = pa.Field(ge=1)
    z: Series[float]
    z_limit: Series[float] = pa.Field(gt=0)
    ewma: Series[float]
    limit: Series[float] = pa.Field(gt=0)
    far: Series[bool]
    lasting: Series[bool]
    alarm: Series[bool]
    since: Series[pd.Timestamp] = pa.Field(nullable=True)

    class Config:
        unique = ["segment", "month"]


class Reliability(Table):
    """Share of the forecasts whose count came at or below the quantile of a level, over all origins and horizons.

    A count that spans a level counts with the part of its probability that lies below; a calibrated model has
    share = level. Besides the quantile levels there are 0.05, 0.10 ... 1: their differences are the PIT histogram.
    `n`: forecasts counted.
    """

    model: Series[str]
    segment: Series[str]
    level: Series[float] = pa.Field(gt=0, le=1)
    share: Series[float] = pa.Field(ge=0, le=1 + 1e-9)
    n: Series[int] = pa.Field(ge=1)

    class Config:
        unique = ["model", "segment", "level"]


class Losses(Table):
    """What the cells of an area add to a metric at one origin: metric = sum of loss / sum of base over areas."""

    model: Series[str]
    origin: Series[pd.Timestamp]
    area: Series[str]
    metric: Series[str]
    loss: Series[float] = pa.Field(nullable=True, ge=0)
    base: Series[float] = pa.Field(ge=0)

    class Config:
        unique = ["model", "origin", "area", "metric"]


class Comparisons(Table):
    """Is `model` better than `rival`: ratio and difference of a metric (smaller is better) with 95 % intervals.

    `better_in`: share of the bootstrap draws in which the model is better; a tie counts half.
    """

    model: Series[str]
    rival: Series[str]
    metric: Series[str]
    ratio: Series[float] = pa.Field(nullable=True, ge=0)
    low: Series[float] = pa.Field(nullable=True, ge=0)
    high: Series[float] = pa.Field(nullable=True, ge=0)
    difference: Series[float] = pa.Field(nullable=True)
    difference_low: Series[float] = pa.Field(nullable=True)
    difference_high: Series[float] = pa.Field(nullable=True)
    better_in: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    draws: Series[int] = pa.Field(ge=1)
    seed: Series[int] = pa.Field(ge=0)

    class Config:
        unique = ["model", "rival", "metric"]


LISTS = ("plan", "last_year", "flat_mean", "oracle")
"""Lists of cells or tasks: by the forecast, last year's same months, the trailing 12-month mean, and what came."""

PLAN_METRICS = ("listed", "captured", "share", "of_oracle", "surge", "surge_of_oracle", "kept", "jaccard")


class PlanScores(Table):
    """What a list drawn up at an origin held of the requests that came.

    `months`: months ahead that are summed; 0 = each task's own window. `size`: share of the cells ("10%"), "slots"
    (as many cells as the streets have slots), or "tasks" (the tasks the plan chose).

    listed                 cells or tasks on the list
    captured, share        requests in them; as a share of those of all cells or tasks there were to choose from
    of_oracle              captured / captured by the best possible list of that size
    surge, surge_of_oracle share of the excess over the trailing mean held by the list of the largest expected
                           excess; / that of the best possible list
    kept, jaccard          share of the list that is also on the next origin's; overlap / union of the two
    """

    origin: Series[pd.Timestamp]
    months: Series[int] = pa.Field(ge=0)
    size: Series[str]
    list: Series[str] = pa.Field(isin=LISTS)
    metric: Series[str] = pa.Field(isin=PLAN_METRICS)
    value: Series[float] = pa.Field(nullable=True, ge=0)

    class Config:
        unique = ["origin", "months", "size", "list", "metric"]


class PlanGains(Table):
    """How far the plan's list is ahead of another: mean difference over the origins with a 95 % interval.

    `ahead_in`: share of the origins in which it is ahead; a tie counts half. `blocks`: stretches of time the interval
    is taken from; null with fewer than two.
    """

    months: Series[int] = pa.Field(ge=0)
    size: Series[str]
    metric: Series[str] = pa.Field(isin=PLAN_METRICS)
    rival: Series[str] = pa.Field(isin=LISTS)
    difference: Series[float]
    low: Series[float] = pa.Field(nullable=True)
    high: Series[float] = pa.Field(nullable=True)
    ahead_in: Series[float] = pa.Field(ge=0, le=1)
    origins: Series[int] = pa.Field(ge=1)
    blocks: Series[int] = pa.Field(ge=1)

    class Config:
        unique = ["months", "size", "metric", "rival"]


class RiskScores(Table):
    """How risk as scored at the end of `origin` did on the 12 months after it.

    `among`: all estates, or those known before. `model`: what scored, raw_counts (all known years) or last_year.
    `top_*`: share of what came in the first 1, 5, 10 % of estates; `of_best_*`: ÷ the best possible list.
    `held`: share of counts inside low..high. `stays`: share of the first 20 that are among the first 20 of what
    came; `sure`: what the draws said of it.
    """

    origin: Series[pd.Timestamp]
    category: Series[str]
    among: Series[str] = pa.Field(isin=["all", "known"])
    model: Series[str]
    estates: Series[int] = pa.Field(ge=1)
    came: Series[float] = pa.Field(ge=0)
    top_1: Series[float] = pa.Field(nullable=True)
    top_5: Series[float] = pa.Field(nullable=True)
    top_10: Series[float] = pa.Field(nullable=True)
    of_best_1: Series[float] = pa.Field(nullable=True)
    of_best_5: Series[float] = pa.Field(nullable=True)
    of_best_10: Series[float] = pa.Field(nullable=True)
    deviance: Series[float] = pa.Field(nullable=True)
    held: Series[float] = pa.Field(nullable=True)
    stays: Series[float] = pa.Field(nullable=True)
    sure: Series[float] = pa.Field(nullable=True)

    class Config:
        unique = ["origin", "category", "among", "model"]


class RiskCalibration(Table):
    """Estates in ten equal groups by the chance said of exceeding the street's median, and how often it happened."""

    origin: Series[pd.Timestamp]
    category: Series[str]
    among: Series[str] = pa.Field(isin=["all", "known"])
    group: Series[int] = pa.Field(ge=1)
    said: Series[float]
    happened: Series[float]
    estates: Series[int] = pa.Field(ge=1)
