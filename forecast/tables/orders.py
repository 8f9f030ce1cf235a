"""Tables: requests as they came in, and what could not be used."""

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from forecast.tables.base import Table


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
