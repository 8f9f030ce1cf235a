"""Months that start on another day: labels and bounds agree."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.months import Stretch, bounds, month_of


@pytest.mark.parametrize(
    ("starts_on", "start", "stop"), [(1, "2022-11-01", "2022-12-01"), (19, "2022-10-19", "2022-11-19")]
)
def test_bounds_of_a_month(starts_on: int, start: str, stop: str) -> None:
    assert bounds(pd.Timestamp("2022-11-01"), starts_on) == (pd.Timestamp(start), pd.Timestamp(stop))


@given(
    st.dates(min_value=pd.Timestamp("1990-01-01").date(), max_value=pd.Timestamp("2099-12-31").date()),
    st.integers(1, 28),
)
def test_every_day_lies_in_its_month(day: object, starts_on: int) -> None:
    stamp = pd.Timestamp(str(day))
    (month,) = month_of(pd.DatetimeIndex([stamp]), starts_on)
    start, stop = bounds(month, starts_on)
    assert start <= stamp < stop


@pytest.mark.parametrize("wrong", ["13-01", "02-30", "1-1", ""])
def test_a_day_that_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="start"):
        Stretch(start=wrong, end="01-31")
