"""Seasons: published and unpublished years, festival, windows, units of the weather, and no look into the future."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from forecast import seasons
from forecast.errors import ConfigError, DataError
from forecast.months import month_of
from forecast.seasons import Calendar, Season, Theme, Weather, build, unpublished
from forecast.tables import ALL, Seasons, check

WEATHER_DRIVERS = ["heating_degree_days", "rain_days_heavy", "rain_mm", "snow_mm", "tmean_c"]


def months(first: str, last: str) -> pd.DatetimeIndex:
    return pd.date_range(first, last, freq="MS", unit="us")


def stamp(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).as_unit("us")


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    table = frame.pivot(index="month", columns="driver", values="value")
    return table.set_axis(pd.DatetimeIndex(table.index).strftime("%Y-%m"))


def of(calendar: Calendar, first: str, last: str) -> pd.DataFrame:
    return wide(build(calendar, months(first, last), stamp("2026-10-01")))


def daily(first: str, last: str, **columns: object) -> pd.DataFrame:
    days = pd.date_range(first, last)
    return pd.DataFrame({"date": days.strftime("%Y-%m-%d"), **columns}, index=range(2, len(days) + 2))


def test_published_years_count_moved_working_days() -> None:
    table = of(Calendar(), "2026-01", "2026-12")
    assert table["workdays"].sum() == 248
    assert table.loc["2026-02", "workdays"] == 16  # works on Saturdays 14 and 28, off from the 15th to the 23rd
    assert table.loc["2026-10", "workdays"] == 18  # works on Saturday 10, off from the 1st to the 7th
    assert table["holiday_days"].sum() == 13
    assert unpublished(Calendar(), months("2026-01", "2026-12")) == ()


def test_a_november_job_reaches_into_an_unpublished_year() -> None:
    ahead = months("2026-12", "2027-11")
    assert unpublished(Calendar(), ahead) == (2027,)
    table = of(Calendar(), "2026-12", "2027-11")
    assert len(table) == 12
    # Friday 5 to Wednesday 10 off by law, no Saturday worked instead
    assert table.loc["2027-02", "workdays"] == 20 - 4
    assert table.loc["2027-10", "workdays"] == 21 - 3
    assert unpublished(Calendar(), months("2026-11", "2028-10")) == (2027, 2028)
    assert unpublished(Calendar(country="us"), ahead) == ()
    assert unpublished(Calendar(month_starts_on=19), months("2027-01", "2027-01")) == (2027,)
    assert unpublished(Calendar(), ahead[:0]) == ()


def test_own_table_goes_before_every_other_source() -> None:
    own = Calendar(overrides=((date(2027, 2, 20), True), (date(2027, 2, 25), False), (date(2026, 10, 10), False)))
    change = of(own, "2026-10", "2027-02") - of(Calendar(), "2026-10", "2027-02")
    assert change["workdays"].tolist() == [-1, 0, 0, 0, 0]
    assert change["holiday_days"].tolist() == [0, 0, 0, 0, 1]
    assert unpublished(own, months("2027-01", "2027-12")) == ()
    with pytest.raises(ValidationError, match="given twice: 2027-02-20"):
        Calendar(overrides=((date(2027, 2, 20), True), (date(2027, 2, 20), False)))


@pytest.mark.parametrize(
    ("month", "share"),
    [("2023-01", 1.0), ("2023-02", 0.0), ("2024-02", 1.0), ("2025-01", 0.5), ("2025-02", 0.5), ("2022-01", 1 / 8)],
)
def test_spring_festival_moves(month: str, share: float) -> None:
    assert of(Calendar(), month, month).loc[month, "spring_festival_share"] == share


@given(st.integers(2004, 2045), st.integers(1, 28))
def test_each_year_has_one_whole_festival(year: int, starts_on: int) -> None:
    table = of(Calendar(month_starts_on=starts_on), f"{year}-01", f"{year}-04")
    assert table["spring_festival_share"].sum() == pytest.approx(1)


@pytest.mark.parametrize("language", ["zh_CN", "en_US", "th"])
def test_names_of_holidays_do_not_follow_the_locale(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    usual = build(Calendar(), months("2025-01", "2027-12"), stamp("2026-10-01"))
    for name in ("LANGUAGE", "LC_ALL", "LANG"):
        monkeypatch.setenv(name, language)
    seasons._year.cache_clear()
    pd.testing.assert_frame_equal(build(Calendar(), months("2025-01", "2027-12"), stamp("2026-10-01")), usual)


def test_seasons_are_shares_of_days() -> None:
    table = of(Calendar(), "2025-01", "2025-12")
    assert table["heating_share"].round(4).tolist() == [1, 1, round(15 / 31, 4), *[0] * 7, round(16 / 30, 4), 1]
    assert table["ignition_share"].round(4).tolist() == [*[0] * 10, round(8 / 30, 4), 0]
    assert table["flood_share"].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0.5, 0, 0, 0]
    assert table["fee_share"].tolist() == [1, *[0] * 9, 1, 1]
    assert "ignition_share" not in of(Calendar(ignition=None), "2025-01", "2025-12")
    leap = of(Calendar(flood=Season(start="02-29", end="02-29")), "2024-02", "2024-02")
    assert leap.loc["2024-02", "flood_share"] == pytest.approx(1 / 29)


def test_a_month_that_starts_on_the_19th() -> None:
    table = of(Calendar(month_starts_on=19), "2025-12", "2026-03")
    assert table["days"].tolist() == [30, 31, 31, 28]  # 2025-12 runs from 19 November to 18 December
    assert table.loc["2025-12", "heating_share"] == 1
    assert table.loc["2026-02", "spring_festival_share"] == 3 / 8  # 16, 17 and 18 February
    assert table.loc["2026-03", "spring_festival_share"] == 5 / 8
    days = pd.DatetimeIndex(["2025-11-18", "2025-11-19", "2025-12-18", "2025-12-19"])
    assert month_of(days, 19).strftime("%Y-%m").tolist() == ["2025-11", "2025-12", "2025-12", "2026-01"]


@given(st.integers(1, 28), st.integers(2010, 2028), st.integers(1, 12))
def test_drivers_match_a_slow_count(starts_on: int, year: int, month: int) -> None:
    calendar = Calendar(month_starts_on=starts_on, country="none", heating=Season(start="11-20", end="02-10"))
    table = of(calendar, f"{year}-{month:02}", f"{year}-{month:02}").iloc[0]
    day, days = date(year, month, 1) - timedelta(days=40), []
    while day < date(year, month, 1) + timedelta(days=40):
        own = date(day.year, day.month, 1)
        if starts_on > 1 and day.day >= starts_on:
            own = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        if own == date(year, month, 1):
            days.append(day)
        day += timedelta(days=1)
    cold = [d for d in days if (d.month, d.day) >= (11, 20) or (d.month, d.day) <= (2, 10)]
    assert table["days"] == len(days)
    assert table["workdays"] == sum(d.weekday() < 5 for d in days)
    assert table["heating_share"] == pytest.approx(len(cold) / len(days))


def test_other_countries() -> None:
    state = of(Calendar(country="US", subdivision="NY"), "2026-07", "2026-07").loc["2026-07"]
    assert state["workdays"] == 22  # Independence Day is a Saturday, observed on Friday 3
    assert state["holiday_days"] == 1
    assert state["spring_festival_share"] == 0
    with pytest.raises(ValidationError, match="no holidays are known for 'xx'"):
        Calendar(country="xx")
    with pytest.raises(ConfigError, match=r"calendar\.subdivision"):
        of(Calendar(country="us", subdivision="ZZ"), "2026-07", "2026-07")
    with pytest.raises(ValidationError):
        Calendar(heating=Season(start="11-31", end="03-15"))


def test_units_are_converted() -> None:
    rain = [0.0] * 30
    rain[3], rain[7] = 1.0, 0.5
    table = daily("2020-06-01", "2020-06-30", TMAX=60.0, TMIN=40.0, PRCP=rain, SNOW=["T", *["0.1"] * 29])
    reading = Weather(temperature_unit="F", rain_unit="inch", snow_unit="inch")
    found = wide(build(Calendar(), months("2020-06", "2020-06"), stamp("2020-06-01"), table, reading)).iloc[0]
    assert found["tmean_c"] == pytest.approx(10)
    assert found["heating_degree_days"] == pytest.approx(8 * 30)
    assert found["rain_mm"] == pytest.approx(38.1)
    assert found["rain_days_heavy"] == pytest.approx(1)
    assert found["snow_mm"] == pytest.approx(2.54 * 29)


def test_real_weather(root: Path) -> None:
    table = pd.read_csv(root / "data/fixtures/nyc/weather.csv.gz", dtype="str")
    reading = Weather(temperature_unit="F", rain_unit="inch", snow_unit="inch", heating_base_c=(65 - 32) / 1.8)
    calendar = Calendar(country="us", subdivision="NY")
    found = build(calendar, months("2018-01", "2022-12"), stamp("2022-12-01"), table, reading)
    check(Seasons, found)
    assert set(found["category"]) == {ALL}
    here = table[table["DATE"].str.startswith("2019-01")].astype({"TMAX": float, "TMIN": float, "PRCP": float})
    by_hand = (65 - (here["TMAX"] + here["TMIN"]) / 2).clip(lower=0).sum() / 1.8
    assert wide(found).loc["2019-01", "heating_degree_days"] == pytest.approx(by_hand)
    assert wide(found).loc["2019-01", "rain_mm"] == pytest.approx(here["PRCP"].sum() * 25.4)
    july = wide(found).loc["2019-07"]
    assert july["tmean_c"] > 20
    assert july["heating_degree_days"] < 5


weather_values = st.lists(st.floats(-20, 35), min_size=36, max_size=36)


@settings(max_examples=8)
@given(weather_values, st.integers(0, 35), st.sampled_from([1, 19]), st.sampled_from(["swap", "drop", "junk"]))
def test_weather_after_the_origin_changes_nothing(values: list[float], turn: int, starts_on: int, how: str) -> None:
    span = months("2020-01", "2022-12")
    table = daily("2019-12-01", "2022-12-31")
    table["tmean"] = np.resize(values, len(table))
    table["rain"] = np.abs(table["tmean"])
    calendar = Calendar(country="none", month_starts_on=starts_on)
    late = month_of(pd.DatetimeIndex(table["date"]), starts_on) > span[turn]
    other = table.copy()
    if how == "swap":
        other.loc[late, ["tmean", "rain"]] = 30.0, 99.0
    elif how == "junk":
        other["tmean"] = other["tmean"].astype(object)
        other.loc[late, "tmean"] = "9000000"
        other.loc[late, "rain"] = -50.0
    else:
        other = other[~late]
    one, two = (build(calendar, span, span[turn], frame, Weather()) for frame in (table, other))
    assert one.to_csv().encode() == two.to_csv().encode()


def test_future_months_have_the_normal_or_nothing() -> None:
    table = daily("2019-01-01", "2021-12-31", tmean=0.0)
    year = pd.to_datetime(table["date"]).dt.year
    table["tmean"] = year.map({2019: 2.0, 2020: 6.0, 2021: 100.0})
    found = wide(build(Calendar(), months("2019-01", "2021-12"), stamp("2020-06-01"), table))
    assert found.loc["2020-03", "tmean_c"] == 6
    assert found.loc["2021-03", "tmean_c"] == 4  # the mean of 2019 and 2020
    assert found.loc["2020-09", "tmean_c"] == 2  # only 2019 is known
    short = wide(build(Calendar(), months("2019-01", "2019-12"), stamp("2019-06-01"), table))
    assert short.loc["2019-06", "tmean_c"] == 2
    assert short.loc[["2019-09"], "tmean_c"].isna().all()  # no September is known yet


def test_a_month_with_few_days_has_the_normal() -> None:
    table = daily("2019-06-01", "2021-06-30", rain=1.0)
    day = pd.to_datetime(table["date"])
    table.loc[day.dt.year == 2020, "rain"] = 3.0
    table.loc[day >= stamp("2021-06-26"), "rain"] = np.nan  # 25 of 30 days: enough, scaled up
    found = wide(build(Calendar(), months("2019-06", "2021-06"), stamp("2021-06-01"), table))
    assert found.loc["2021-06", "rain_mm"] == pytest.approx(30)
    table.loc[day >= stamp("2021-06-20"), "rain"] = 9999  # 19 of 30: the mean of 2019 and 2020
    found = wide(build(Calendar(), months("2019-06", "2021-06"), stamp("2021-06-01"), table))
    assert found.loc["2021-06", "rain_mm"] == pytest.approx((30 + 90) / 2)


def test_only_the_drivers_there_are() -> None:
    table = daily("2020-01-01", "2020-12-31", rain=0.0, PRCP=1.0)
    found = wide(build(Calendar(), months("2020-01", "2020-12"), stamp("2020-12-01"), table))
    assert [name for name in WEATHER_DRIVERS if name in found] == ["rain_days_heavy", "rain_mm"]
    assert found["rain_mm"].sum() == 0
    assert not set(WEATHER_DRIVERS) & set(of(Calendar(), "2020-01", "2020-12"))


def test_every_fault_of_the_weather_at_once() -> None:
    table = daily("2020-01-01", "2020-03-31", TMAX=90.0, TMIN=70.0)
    table.loc[7, "date"] = "2020-01-99"
    with pytest.raises(DataError) as caught:
        build(Calendar(), months("2020-01", "2020-03"), stamp("2020-03-01"), table)
    text = str(caught.value)
    assert "1 unreadable dates, first at rows 7" in text
    assert "temperature_unit" in text
    with pytest.raises(DataError) as caught:
        build(Calendar(), months("2020-01", "2020-03"), stamp("2020-03-01"), pd.DataFrame({"day": ["2020-01-01"]}))
    assert len(caught.value.faults) == 2


def test_no_weather_rows_and_no_months() -> None:
    table = daily("2020-01-01", "2020-01-31", rain=1.0).iloc[:0]
    found = build(Calendar(), months("2020-01", "2020-02"), stamp("2020-02-01"), table)
    assert "rain_mm" not in set(found["driver"])
    assert build(Calendar(), months("2020-01", "2020-02")[:0], stamp("2020-02-01")).empty


def test_moved_days_count_from_their_announcement() -> None:
    """The epidemic's longer holiday of 2020 was known to nobody in 2019."""
    months = pd.date_range("2019-01-01", "2020-12-01", freq="MS", unit="us")

    def workdays(origin: str) -> pd.Series:
        rows = build(Calendar(), pd.DatetimeIndex(months), pd.Timestamp(origin))
        return rows[rows["driver"] == "workdays"].set_index("month")["value"]

    before, after = workdays("2019-12-01"), workdays("2020-01-01")
    assert (before["2020-01-01"], after["2020-01-01"]) == (19, 17)  # off by law: 1, 27, 28, 29
    assert before["2020-02-01"] == 20
    assert before.loc["2019"].equals(after.loc["2019"])


THEMES = Calendar(
    themes=(
        Theme(categories="lifts", month="2024-03", announced=date(2023, 12, 10), fades_over=3),
        Theme(categories=("lifts", "heat"), month="2024-08", announced=date(2024, 8, 1)),
    )
)


def themes(calendar: Calendar, origin: str) -> pd.DataFrame:
    frame = build(calendar, months("2023-10", "2024-12"), stamp(origin))
    return frame[frame["driver"] == "theme"].pivot(index="month", columns="category", values="value")


def test_a_theme_is_one_in_its_month_and_fades() -> None:
    table = themes(THEMES, "2024-09-01")
    assert table["lifts"].tolist() == [0] * 5 + [1, 0.75, 0.5, 0.25, 0, 1, 0, 0, 0, 0]
    assert table["heat"].tolist() == [0] * 10 + [1, 0, 0, 0, 0]
    assert (table[ALL] == 0).all()


def test_a_theme_is_known_from_its_announcement_on() -> None:
    assert themes(THEMES, "2023-11-01").empty
    assert list(themes(THEMES, "2023-12-01")) == [ALL, "lifts"]
    late = Calendar(themes=THEMES.themes, month_starts_on=19)
    assert list(themes(late, "2024-07-01")) == [ALL, "lifts"]
    assert list(themes(late, "2024-08-01")) == [ALL, "heat", "lifts"]


@given(st.integers(0, 14), st.lists(st.integers(1, 60), max_size=3))
def test_a_theme_announced_after_the_origin_changes_nothing(turn: int, days_later: list[int]) -> None:
    span = months("2023-10", "2024-12")
    end = (span[turn] + pd.offsets.MonthEnd()).date()
    told = [
        Theme(categories=("lifts", "new"), month="2024-06", announced=end + timedelta(days=n)) for n in days_later
    ]
    more = Calendar(themes=(*THEMES.themes, *told))
    pd.testing.assert_frame_equal(build(THEMES, span, span[turn]), build(more, span, span[turn]))


def test_a_theme_names_a_month_and_a_category() -> None:
    for wrong in ({"month": "2024-13"}, {"month": "2024"}, {"categories": ()}):
        with pytest.raises(ValidationError):
            Theme.model_validate({"categories": "a", "month": "2024-01", "announced": "2024-01-01"} | wrong)
