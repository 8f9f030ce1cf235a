"""Days of the year as MM-DD, stretches that wrap the year, months that start on another day than the first."""

from datetime import date
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field

from forecast.spec import Spec


def _month_day(text: str) -> str:
    date.fromisoformat(f"2024-{text}")
    return text


MonthDay = Annotated[str, AfterValidator(_month_day), Field(pattern=r"^\d\d-\d\d$")]


class Stretch(Spec):
    """Days of the year, both ends included; an end before the start lies in the next year."""

    start: MonthDay
    end: MonthDay


def month_of(days: pd.DatetimeIndex, starts_on: int = 1) -> pd.DatetimeIndex:
    """First day of the month each day belongs to (from day d on, with d > 1, to the next calendar month)."""
    first = days.normalize() - pd.to_timedelta(days.day - 1, unit="D")
    late = (days.day >= starts_on) & (starts_on > 1)
    return pd.DatetimeIndex(np.where(late, first + pd.offsets.MonthBegin(1), first)).as_unit("us")


def bounds(month: pd.Timestamp, starts_on: int = 1) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First moment of a month and first moment after it.

    With `starts_on` = 19 the month called November runs from 19 October to 18 November.
    """
    shift = pd.DateOffset(months=int(starts_on > 1))
    start = month - shift + pd.Timedelta(days=starts_on - 1)
    return start, month + pd.DateOffset(months=1) - shift + pd.Timedelta(days=starts_on - 1)


def days_of(months: pd.Series, starts_on: int = 1) -> tuple[pd.Series, pd.Series]:
    """First and last day of each month."""
    shift = pd.DateOffset(months=int(starts_on > 1))
    start = months - shift + pd.Timedelta(days=starts_on - 1)
    return start, months + pd.DateOffset(months=1) - shift + pd.Timedelta(days=starts_on - 2)


def number(months: pd.Series) -> pd.Series:
    """Months counted from year 0."""
    return months.dt.year * 12 + months.dt.month
