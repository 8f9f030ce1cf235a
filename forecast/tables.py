"""Every table that passes between rooms: columns, types, keys, checks. `check` reports all faults at once."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.errors import DataError, Fault

ALL = "*"
"""Stands for "all categories" in a category column, and for "every category" in seasons."""

UNCLASSIFIED = "unclassified"
"""Category of a request whose text gave no category."""

LEVELS = ("community", "street", "district", "city")
"""Area levels from the smallest to the largest."""

PARTS = ("usual", "level", "season", "calendar", "weather", "neighbours", "trend")
"""What a mean is made of, in the order it is told."""

Month = pd.Timestamp


class Table(pa.DataFrameModel):
    class Config:
        strict = True
        ordered = True


class Requests(Table):
    """One row a work order (工单). `area` is null when the order could not be placed.

    `excluded`: left out of the appraisal (剔除).
    `place` tells two spots within an area apart (estate or salted address hash) and never names one;
    `caller` is an HMAC. No name, phone or free text has a column here.
    """

    request_id: Series[str]
    source: Series[str]
    received_at: Series[pd.Timestamp]
    closed_at: Series[pd.Timestamp] = pa.Field(nullable=True)
    area: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    estate: Series[str] = pa.Field(nullable=True)
    place: Series[str] = pa.Field(nullable=True)
    caller: Series[str] = pa.Field(nullable=True)
    contacted: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    resolved: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    satisfied: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    excluded: Series[pd.BooleanDtype] = pa.Field(nullable=True)


class Counts(Table):
    """Ready-made monthly counts, one row per area, category and month."""

    area: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    month: Series[pd.Timestamp]
    orders: Series[int] = pa.Field(ge=0)
    incidents: Series[int] = pa.Field(ge=0)
    callers: Series[int] = pa.Field(ge=0)


class Rejects(Table):
    """Cells that made a row unusable. `row` is the line in the file as a person counts it; `value` is masked."""

    source: Series[str]
    row: Series[int] = pa.Field(ge=0)
    column: Series[str]
    reason: Series[str]
    value: Series[str]


class Unresolved(Table):
    """Values that found no area or no category (`field`), with how often each came; "" = an empty cell."""

    source: Series[str]
    field: Series[str] = pa.Field(isin=["area", "category"])
    column: Series[str]
    value: Series[str]
    count: Series[int] = pa.Field(ge=1)


class Areas(Table):
    """The tree of areas. `aliases` and `predecessors` (codes) are joined by "|"; `geometry` is WKB in EPSG:4326."""

    area: Series[str] = pa.Field(unique=True)
    level: Series[str] = pa.Field(isin=LEVELS)
    parent: Series[str] = pa.Field(nullable=True)
    name: Series[str]
    aliases: Series[str]
    zone: Series[str] = pa.Field(nullable=True)
    households: Series[float] = pa.Field(nullable=True, ge=0)
    valid_from: Series[pd.Timestamp] = pa.Field(nullable=True)
    valid_to: Series[pd.Timestamp] = pa.Field(nullable=True)
    predecessors: Series[str] = pa.Field(nullable=True)
    geometry: Series[object] = pa.Field(nullable=True)


class Estates(Table):
    """Residential estates (小区). Missing stays missing; only what is known is filled.

    Shares and rates are 0..1, money is yuan, years are calendar years, lon/lat are WGS-84 degrees. `aliases` are
    joined by "|". `tenure_*`: shares of the homes by title (商品房, 房改房, 央产, 军产, 直管公房, 回迁, 公租);
    `tenure` is the kind in words. `leak_points`, `cold_points`: homes that leaked, or stayed cold, last season.
    Of when and from whom a figure is stands in EstateFacts.
    """

    estate: Series[str] = pa.Field(unique=True)
    name: Series[str]
    aliases: Series[str] = pa.Field(nullable=True)
    area: Series[str] = pa.Field(nullable=True)
    households: Series[float] = pa.Field(nullable=True, gt=0)
    built_year: Series[float] = pa.Field(nullable=True, ge=1840, le=2100)
    lon: Series[float] = pa.Field(nullable=True, ge=-180, le=180)
    lat: Series[float] = pa.Field(nullable=True, ge=-90, le=90)
    zone: Series[str] = pa.Field(nullable=True)
    valid_from: Series[pd.Timestamp] = pa.Field(nullable=True)
    valid_to: Series[pd.Timestamp] = pa.Field(nullable=True)
    buildings: Series[float] = pa.Field(nullable=True, ge=0)
    floors_max: Series[float] = pa.Field(nullable=True, ge=0)
    structure: Series[str] = pa.Field(nullable=True)
    seismic_done: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    insulation_done: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    elevators: Series[float] = pa.Field(nullable=True, ge=0)
    lacks_elevator: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    basement: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    low_lying: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    reno_year: Series[float] = pa.Field(nullable=True)
    reno_scope: Series[str] = pa.Field(nullable=True)
    roof_waterproof_year: Series[float] = pa.Field(nullable=True)
    pipe_year: Series[float] = pa.Field(nullable=True)
    pipe_material: Series[str] = pa.Field(nullable=True)
    heat_type: Series[str] = pa.Field(nullable=True)
    heat_company: Series[str] = pa.Field(nullable=True)
    heat_pipe_year: Series[float] = pa.Field(nullable=True)
    end_of_line: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    tenure: Series[str] = pa.Field(nullable=True)
    tenure_commodity: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_reform: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_central: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_military: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_public: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_resettled: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    tenure_rented: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    owning_units_n: Series[float] = pa.Field(nullable=True, ge=0)
    mgmt_type: Series[str] = pa.Field(nullable=True)
    contract_end: Series[pd.Timestamp] = pa.Field(nullable=True)
    fee_yuan_m2_month: Series[float] = pa.Field(nullable=True, ge=0)
    fee_collection_rate: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    owners_body: Series[str] = pa.Field(nullable=True)
    term_end: Series[pd.Timestamp] = pa.Field(nullable=True)
    fund_balance: Series[float] = pa.Field(nullable=True)
    fund_initial: Series[float] = pa.Field(nullable=True, ge=0)
    elderly_share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    rental_share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    repeat_share: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    leak_points: Series[float] = pa.Field(nullable=True, ge=0)
    cold_points: Series[float] = pa.Field(nullable=True, ge=0)
    unresolved_rate: Series[float] = pa.Field(nullable=True, ge=0, le=1)


class EstateFacts(Table):
    """Where each known figure of Estates comes from: the line of the file, who says so, of when (null = not said)."""

    estate: Series[str]
    field: Series[str]
    file: Series[str]
    row: Series[int] = pa.Field(ge=0)
    source: Series[str]
    as_of: Series[pd.Timestamp] = pa.Field(nullable=True)

    class Config:
        unique = ["estate", "field"]


class EstateReview(Table):
    """Pairs of a name as written and an estate it may mean, for a person to answer; until then they are two.

    `where`: the file, or "orders". `area` is that of the written name. `alike`: 0..1. `rows`: incidents or
    lines that hang on the answer. `answer`: same, different, or null.
    """

    where: Series[str]
    written: Series[str]
    area: Series[str] = pa.Field(nullable=True)
    estate: Series[str]
    name: Series[str]
    reason: Series[str]
    alike: Series[float] = pa.Field(ge=0, le=1)
    rows: Series[int] = pa.Field(ge=0)
    answer: Series[str] = pa.Field(nullable=True, isin=["same", "different"])

    class Config:
        unique = ["where", "written", "area", "estate"]


class EstateHistory(Table):
    """Incidents of an estate by category, for a month or (with `months` = 12) for a year that starts then."""

    estate: Series[str]
    category: Series[str]
    month: Series[pd.Timestamp]
    months: Series[int] = pa.Field(ge=1)
    incidents: Series[int] = pa.Field(ge=0)


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


class CallBacks(Table):
    """Call-backs by area (null where unplaced), category and month the order came in; `excluded` ones apart.

    `callbacks`: effective ones, with an answer to at least one question. Of each question how many answered it
    (`*_asked`) and how many said yes; `satisfied` is the sum of 0..1.
    """

    area: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    month: Series[pd.Timestamp]
    excluded: Series[bool]
    callbacks: Series[int] = pa.Field(ge=0)
    contact_asked: Series[int] = pa.Field(ge=0)
    contacted: Series[int] = pa.Field(ge=0)
    solution_asked: Series[int] = pa.Field(ge=0)
    resolved: Series[int] = pa.Field(ge=0)
    opinion_asked: Series[int] = pa.Field(ge=0)
    satisfied: Series[float] = pa.Field(ge=0)


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


class Scenarios(Table):
    """By what a forecast for normal weather is multiplied when a month ahead turns out wet, or cold."""

    category: Series[str]
    month: Series[pd.Timestamp]
    scenario: Series[str] = pa.Field(isin=["wet", "cold"])
    factor: Series[float] = pa.Field(gt=0)

    class Config:
        unique = ["category", "month", "scenario"]


FATES = ("chosen", "later", "held_back", "no_capacity", "late")
"""What a plan does with a task: begin it this month, in a later one, hold it back at random to learn from it, leave
it for want of crews, call it too late."""


class Workplan(Table):
    """Tasks to begin in `plan_month`, ranked by expected requests over the months the task acts on.

    `party` is the lead party as the playbook calls it first, whatever the language. `begin`: the month the task is
    planned to begin in, null for one that is not. `avoidable_per_crew_day`: preventable requests by crew-days (at
    least a tenth of a day). `priority`: what tasks are ranked by, raised where such requests are settled too seldom.
    `expected_wet`, `expected_cold`: in wet or cold weather (Scenarios); null without weather.
    `pattern`: what the cell is (Patterns). `borderline`: of those the held back were drawn from. `chosen`: fate =
    chosen. `since`: new, or carried over from the last plan.
    """

    plan_month: Series[pd.Timestamp]
    rank: Series[int] = pa.Field(ge=1)
    task_id: Series[str] = pa.Field(unique=True)
    area: Series[str]
    area_name: Series[str]
    street: Series[str]
    street_name: Series[str]
    estate: Series[str] = pa.Field(nullable=True)
    estate_name: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    category_name: Series[str]
    entry: Series[str]
    action: Series[str]
    lead_party: Series[str]
    party: Series[str]
    support: Series[str]
    evidence: Series[str]
    start_by: Series[pd.Timestamp]
    window_start: Series[pd.Timestamp]
    window_end: Series[pd.Timestamp]
    peak_month: Series[pd.Timestamp]
    expected_requests: Series[float] = pa.Field(ge=0)
    low: Series[float] = pa.Field(ge=0)
    high: Series[float] = pa.Field(ge=0)
    normal: Series[float] = pa.Field(nullable=True, ge=0)
    excess_over_normal: Series[float] = pa.Field(nullable=True)
    last_year: Series[float] = pa.Field(nullable=True, ge=0)
    expected_wet: Series[float] = pa.Field(nullable=True, ge=0)
    expected_cold: Series[float] = pa.Field(nullable=True, ge=0)
    preventable: Series[float] = pa.Field(ge=0)
    preventable_share: Series[float] = pa.Field(ge=0, le=1)
    risk_score: Series[float] = pa.Field(nullable=True, ge=0, le=100)
    risk_grade: Series[str] = pa.Field(nullable=True)
    crew_days: Series[float] = pa.Field(ge=0)
    avoidable_per_crew_day: Series[float] = pa.Field(ge=0)
    priority: Series[float] = pa.Field(ge=0)
    pattern: Series[str] = pa.Field(nullable=True)
    safety: Series[bool]
    on_time: Series[bool]
    begin: Series[pd.Timestamp] = pa.Field(nullable=True)
    fate: Series[str] = pa.Field(isin=FATES)
    borderline: Series[bool]
    chosen: Series[bool]
    since: Series[str] = pa.Field(isin=["new", "carried_over"])
    reason: Series[str]


class PlanChanges(Table):
    """What a plan holds that the one before did not, what it kept, and what it dropped, with why.

    due             its time has come
    early           begun early, as crews are short later
    ahead           planned for a later month
    in_progress     work goes on
    still_due       it was there and may still begin
    done, declined  the street has said so
    passed          its time to begin has passed
    few             too few requests are expected now
    not_asked       the playbook or the list of silent estates no longer names it
    """

    task_id: Series[str] = pa.Field(unique=True)
    change: Series[str] = pa.Field(isin=["new", "carried_over", "dropped"])
    why: Series[str] = pa.Field(
        isin=["due", "early", "ahead", "in_progress", "still_due", "done", "declined", "passed", "few", "not_asked"]
    )
    area: Series[str]
    area_name: Series[str]
    street: Series[str]
    street_name: Series[str]
    category_name: Series[str]
    action: Series[str]
    rank_before: Series[float] = pa.Field(nullable=True, ge=1)
    rank: Series[float] = pa.Field(nullable=True, ge=1)
    expected_before: Series[float] = pa.Field(nullable=True, ge=0)
    expected_requests: Series[float] = pa.Field(nullable=True, ge=0)
    fate_before: Series[str] = pa.Field(nullable=True)
    fate: Series[str] = pa.Field(nullable=True)


STATUSES = ("not_started", "in_progress", "done", "declined")
"""未开始, 进行中, 已完成, 不采纳."""


REFUSED = (
    "unknown_task", "unknown_status", "no_status", "not_begun", "no_date", "no_reason", "bad_date", "future",
    "too_old", "backwards", "conflict", "bad_figure", "no_columns",
)  # fmt: skip
"""Why a row, or a cell, of a returned list is not taken."""


class Tasks(Table):
    """What became of each task a plan ever issued, as last heard of.

    `fate` is that of the last plan that held it; `borderline`: the draw of what is held back was made among these.
    `cost`: yuan. `defects_found`, `defects_fixed`: problems the work
    turned up, and those mended. A declined task has an `override_reason`, a done one the day `done_on`.
    """

    task_id: Series[str] = pa.Field(unique=True)
    plan_month: Series[pd.Timestamp]
    area: Series[str]
    street: Series[str]
    estate: Series[str] = pa.Field(nullable=True)
    category: Series[str]
    entry: Series[str]
    start_by: Series[pd.Timestamp]
    window_start: Series[pd.Timestamp]
    window_end: Series[pd.Timestamp]
    expected_requests: Series[float] = pa.Field(ge=0)
    preventable_share: Series[float] = pa.Field(ge=0, le=1)
    crew_days: Series[float] = pa.Field(ge=0)
    safety: Series[bool]
    borderline: Series[bool]
    fate: Series[str] = pa.Field(isin=FATES)
    status: Series[str] = pa.Field(isin=STATUSES)
    accepted_on: Series[pd.Timestamp] = pa.Field(nullable=True)
    done_on: Series[pd.Timestamp] = pa.Field(nullable=True)
    evidence: Series[str] = pa.Field(nullable=True)
    cost: Series[float] = pa.Field(nullable=True, ge=0)
    defects_found: Series[float] = pa.Field(nullable=True, ge=0)
    defects_fixed: Series[float] = pa.Field(nullable=True, ge=0)
    override_reason: Series[str] = pa.Field(nullable=True)


class Returns(Table):
    """What streets said of their tasks, one row each time, in the order it was heard; nothing is ever overwritten.

    `said_on`: the day it was taken in. `file`, `row`: where it stood. `override_reason`: why a task is declined, or
    why what was said before is taken back.
    """

    task_id: Series[str]
    status: Series[str] = pa.Field(isin=STATUSES)
    done_on: Series[pd.Timestamp] = pa.Field(nullable=True)
    evidence: Series[str] = pa.Field(nullable=True)
    cost: Series[float] = pa.Field(nullable=True, ge=0)
    defects_found: Series[float] = pa.Field(nullable=True, ge=0)
    defects_fixed: Series[float] = pa.Field(nullable=True, ge=0)
    override_reason: Series[str] = pa.Field(nullable=True)
    said_on: Series[pd.Timestamp]
    file: Series[str]
    row: Series[int] = pa.Field(ge=1)


class Refusals(Table):
    """Rows and cells of returned lists that were not taken, with why."""

    file: Series[str]
    row: Series[int] = pa.Field(ge=0)
    task_id: Series[str] = pa.Field(nullable=True)
    column: Series[str]
    value: Series[str]
    reason: Series[str] = pa.Field(isin=REFUSED)


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


def check(table: type[Table], frame: pd.DataFrame, where: str = "") -> pd.DataFrame:
    """Return `frame` if it is a valid `table`.

    Raises:
        DataError: with one fault per broken column rule (column, rule, how many rows, first values).
    """
    try:
        return table.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise DataError(_faults(table.__name__, error.failure_cases, where)) from None


def empty(table: type[Table]) -> pd.DataFrame:
    """A valid `table` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes(table).items()})


def conform(table: type[Table], frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the columns of `table`, in order and type; absent nullable columns are filled with nulls."""
    return pd.DataFrame(
        {
            name: frame[name].astype(dtype) if name in frame else pd.Series(index=frame.index, dtype=dtype)
            for name, dtype in dtypes(table).items()
        }
    )


def dtypes(table: type[Table]) -> dict[str, Any]:
    """Column name -> pandas dtype of a table, in order. Times have microseconds everywhere."""
    columns = table.to_schema().columns
    types = {name: column.dtype.type if column.dtype else object for name, column in columns.items()}
    return {name: "datetime64[us]" if str(dtype) == "datetime64[ns]" else dtype for name, dtype in types.items()}


def _faults(table: str, cases: pd.DataFrame, where: str) -> list[Fault]:
    faults = []
    for (column, rule), group in cases.groupby(["column", "check"], dropna=False, sort=False):
        values = ", ".join(str(v) for v in group["failure_case"].head(3))
        faults.append(
            Fault(
                what=f"{len(group)} value(s) break rule {rule}, first: {values}",
                where=f"{where or 'table'} {table}.{column}",
            )
        )
    return faults
