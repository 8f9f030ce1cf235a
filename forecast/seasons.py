"""Calendar options + months (+ daily weather) -> seasons: what the calendar and the weather say of each month.

Drivers, for category ALL:

workdays              days worked, moved working days (调休) included where they are published
days                  days of the month
holiday_days          statutory holidays, and working days an override turned into days off
spring_festival_share share of the eight festival days, New Year's Eve to the seventh day (除夕至初七), in the month
heating_share, ignition_share, flood_share, fee_share   share of the month's days inside the season
heating_degree_days, rain_mm, rain_days_heavy, snow_mm, tmean_c   only with weather

and, with themes, `theme` for each category that ever is one: 1 in its month, less in those it fades over, else 0.

A month after the origin has the normal weather of its calendar month, never its own.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from forecast.errors import ConfigError, DataError, Fault
from forecast.months import Stretch, bounds, month_of
from forecast.spec import Names, Spec
from forecast.tables import ALL, Seasons, check, conform

FESTIVAL_DAYS = 8
"""New Year's Eve and the seven days after it: the days off of the national schedule since 2025."""

COLDEST, HOTTEST = -60.0, 60.0
"""Daily means outside this range (°C) mean a wrong unit."""

NO_READING = 998.0
"""Stations write 999, 9999, 32766 ... for a missing reading."""


class Season(Stretch):
    """Days of the year a season lasts."""


class Theme(Spec):
    """Categories a city gives a month to (每月一题), which draws both complaints and work.

    `month`: 2025-07, with `month_starts_on` as everywhere. `announced`: the day it became known; a forecast made
    before knows nothing of it. `fades_over`: months after it in which it still tells, falling evenly to none.
    """

    categories: Annotated[Names, Field(min_length=1)]
    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    announced: date
    fades_over: int = Field(0, ge=0, le=12)


class Calendar(Spec):
    """Which days are worked, and when the seasons are.

    `country`: cn (moved working days where published), none (Monday to Friday), or an ISO code such as us, with
    `subdivision` (e.g. NY) for the holidays of a state. `overrides`: (date, is_workday) pairs of the city's own,
    which go before every other source. A season set to null is left out. `themes`: months given to categories.
    `month_starts_on`: with d > 1 the month M runs from day d of the month before to day d - 1 of M.

    Source: heating 11-15 to 03-15 with filling and tests from 11-07, flood season 06-01 to 09-15, fees
    collected November to January (Beijing, published).
    """

    country: str = "cn"
    subdivision: str = ""
    overrides: tuple[tuple[date, bool], ...] = ()
    month_starts_on: int = Field(1, ge=1, le=28)
    heating: Season | None = Season(start="11-15", end="03-15")
    ignition: Season | None = Season(start="11-07", end="11-14")
    flood: Season | None = Season(start="06-01", end="09-15")
    fee: Season | None = Season(start="11-01", end="01-31")
    themes: tuple[Theme, ...] = ()

    @field_validator("country")
    @classmethod
    def _known_country(cls, country: str) -> str:
        country = country.lower()
        if country in ("cn", "none"):
            return country
        from holidays.registry import COUNTRIES  # its codes; the list of all supported countries loads each of them

        if not any(country.upper() in names[1:] for names in COUNTRIES.values()):
            raise ValueError(f"no holidays are known for {country!r}; use cn, none or an ISO code such as us")
        return country

    @field_validator("overrides")
    @classmethod
    def _one_word_a_day(cls, overrides: tuple[tuple[date, bool], ...]) -> tuple[tuple[date, bool], ...]:
        days = [day for day, _ in overrides]
        if twice := sorted({f"{day}" for day in days if days.count(day) > 1}):
            raise ValueError(f"days given twice: {', '.join(twice)}")
        return overrides


class Weather(Spec):
    """A table of daily weather: its columns (first header found holds) and their units.

    Without a `mean` column the mean of `highest` and `lowest` is taken. `heating_base_c`: degree days are counted
    below it (°C). `heavy_rain_mm`: rain of a day that counts as heavy (大雨). `days_needed`: share of a
    month's days that must be known; with fewer the month has the normal.

    Source: heavy rain from 25 mm in 24 hours, GB/T 28592-2012; degree days base 18 °C, JGJ 26.
    """

    path: str = ""
    date: Names = ("date", "DATE", "日期")
    mean: Names = ("tmean", "TAVG", "平均气温")
    highest: Names = ("tmax", "TMAX", "最高气温")
    lowest: Names = ("tmin", "TMIN", "最低气温")
    rain: Names = ("rain", "PRCP", "降水量")
    snow: Names = ("snow", "SNOW", "降雪量")
    temperature_unit: Literal["C", "F"] = "C"
    rain_unit: Literal["mm", "inch"] = "mm"
    snow_unit: Literal["mm", "cm", "inch"] = "mm"
    heating_base_c: float = 18.0
    heavy_rain_mm: float = Field(25.0, gt=0)
    days_needed: float = Field(0.8, gt=0, le=1)


def build(
    calendar: Calendar,
    months: pd.DatetimeIndex,
    origin: pd.Timestamp,
    weather: pd.DataFrame | None = None,
    reading: Weather | None = None,
) -> pd.DataFrame:
    """What is known of `months` at the end of month `origin`.

    Args:
        calendar: country, overrides, seasons, themes.
        months: first days of the months wanted, past and future.
        origin: last month whose weather is known. Weather of later days is dropped before anything else; moved
            working days and themes count from the month in which they were announced.
        weather: daily table as `reading` describes it; None = no weather drivers.
        reading: columns and units of `weather`.

    Returns:
        Seasons: calendar drivers for every month; weather drivers for months up to `origin` that are known well
        enough, else the mean over the same calendar months up to `origin`; without even one such year, absent.

    Raises:
        DataError: the weather table lacks its columns, has unreadable dates or impossible temperatures.
        ConfigError: the subdivision has no calendar.
    """
    months = pd.DatetimeIndex(months).unique().sort_values()
    wide = _calendar_drivers(_days(calendar, months, origin), calendar).reindex(months)
    if weather is not None:
        known = _monthly(_daily(weather, calendar, origin, reading or Weather()), calendar, reading or Weather())
        wide = wide.join(_or_normal(known, months))
    rows = wide.rename_axis(index="month").reset_index().melt("month", var_name="driver").dropna(subset="value")
    rows = pd.concat([rows.assign(category=ALL), _themes(calendar, months, origin)])
    rows = rows.sort_values(["driver", "category", "month"], ignore_index=True)
    return check(Seasons, conform(Seasons, rows), "seasons")


def unpublished(calendar: Calendar, months: pd.DatetimeIndex) -> tuple[int, ...]:
    """Years of `months` whose moved working days are not published: their workdays follow statutory holidays.

    A year with an override of the city's own counts as published. Empty for any country but cn.
    """
    if calendar.country != "cn" or not len(months):
        return ()
    own = {day.year for day, _ in calendar.overrides}
    years = {int(year) for year in _span(calendar, pd.DatetimeIndex(months)).year}
    return tuple(sorted(year for year in years if year not in own and not _year("cn", "", year).moved))


def _span(calendar: Calendar, months: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Every day of the months, none left out between them."""
    starts = calendar.month_starts_on
    before, after = (1, 0) if starts > 1 else (0, 1)
    first = months.min() - pd.DateOffset(months=before) + pd.Timedelta(days=starts - 1)
    stop = months.max() + pd.DateOffset(months=after) + pd.Timedelta(days=starts - 1)
    return pd.date_range(first, stop, freq="D", unit="us", inclusive="left")


ANNOUNCED = {2019: pd.Timestamp("2019-03-01"), 2020: pd.Timestamp("2020-01-01")}
"""Years whose moved working days were changed late (May Day 2019, the epidemic of 2020): month of the last change."""


EPIDEMIC = (date(2020, 1, 31), date(2020, 2, 1), date(2020, 2, 2))
"""Holidays that no law foresaw: the Spring Festival of 2020 was made longer on 26 January."""


def _as_known(year: int, origin: pd.Timestamp, found: "_Year") -> "_Year":
    """A Chinese year as known at the end of month `origin`: its moved days are announced in November before."""
    if not found.moved or origin >= ANNOUNCED.get(year, pd.Timestamp(year - 1, 11, 1)):
        return found
    statutory = tuple(day for day in found.statutory if day not in EPIDEMIC)
    return replace(found, off=_by_law(statutory), worked=(), statutory=statutory, moved=False)


def _by_law(statutory: tuple[date, ...]) -> tuple[date, ...]:
    """Days off by law alone: for a holiday on a weekend the next working day is free."""
    off = set(statutory)
    for day in (day for day in statutory if day.weekday() >= 5):
        while day.weekday() >= 5 or day in off:
            day += timedelta(days=1)
        off.add(day)
    return tuple(sorted(off))


def _days(calendar: Calendar, months: pd.DatetimeIndex, origin: pd.Timestamp) -> pd.DataFrame:
    """One row a day: its month, and whether it is worked, a holiday, part of the festival."""
    if not len(months):
        return pd.DataFrame(columns=pd.Index(["month", "workday", "holiday", "festival", "month_day"]))
    days = _span(calendar, months)
    years = [_year(calendar.country, calendar.subdivision, year) for year in range(days[0].year, days[-1].year + 1)]
    if calendar.country == "cn":
        years = [_as_known(year, origin, found) for year, found in enumerate(years, days[0].year)]
    weekday = np.asarray(days.day_of_week < 5)
    worked = (weekday | days.isin(_all(years, "worked"))) & ~days.isin(_all(years, "off"))
    holiday = days.isin(_all(years, "statutory"))
    own = pd.DatetimeIndex([day for day, _ in calendar.overrides], dtype="datetime64[us]")
    own_says = np.array([is_workday for _, is_workday in calendar.overrides], dtype=bool)
    worked = (worked | days.isin(own[own_says])) & ~days.isin(own[~own_says])
    return pd.DataFrame(
        {
            "month": month_of(days, calendar.month_starts_on),
            "workday": worked,
            "holiday": holiday | (weekday & days.isin(own[~own_says])),
            "festival": days.isin(_all(years, "festival")),
            "month_day": days.month * 100 + days.day,
        },
        index=days,
    )


@dataclass(frozen=True)
class _Year:
    """Days of a year that are: no work in spite of the weekday, worked in spite of the weekend, holidays by law,
    days of the Spring Festival (which may begin in the year before). `moved`: the moves of working days are known.
    """

    off: tuple[date, ...] = ()
    worked: tuple[date, ...] = ()
    statutory: tuple[date, ...] = ()
    festival: tuple[date, ...] = ()
    moved: bool = True


def _all(years: list[_Year], kind: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([day for year in years for day in getattr(year, kind)], dtype="datetime64[us]")


@cache
def _year(country: str, subdivision: str, year: int) -> _Year:
    if country == "none":
        return _Year()
    if country == "cn":
        return _chinese_year(year)
    from holidays import country_holidays

    try:
        observed = country_holidays(country.upper(), subdiv=subdivision or None, years=year)
        statutory = country_holidays(country.upper(), subdiv=subdivision or None, years=year, observed=False)
    except NotImplementedError:
        what = f"no holidays are known for {subdivision!r}"
        raise ConfigError(Fault(what, "calendar.subdivision", "use a code of the holidays library")) from None
    return _Year(off=tuple(sorted(observed)), statutory=tuple(sorted(statutory)))


def _chinese_year(year: int) -> _Year:
    """chinese_calendar where it has the year, else holidays: its moved days if it has them, else the law alone.

    Names are asked for in Chinese, or they would follow the locale of the machine.
    """
    from chinese_calendar import is_workday
    from holidays import country_holidays

    law = country_holidays("CN", years=year, observed=False, language="zh_CN")
    moved = {day for day, name in law.items() if name.startswith("休息日")}
    observed = country_holidays("CN", years=year, language="zh_CN")
    off, worked = set(observed), {day for day in observed.weekend_workdays if day.year == year}
    published = _in_chinese_calendar(year)
    if published:
        days = pd.date_range(f"{year}-01-01", f"{year}-12-31").date
        off = {day for day in days if day.weekday() < 5 and not is_workday(day)}
        worked = {day for day in days if day.weekday() >= 5 and is_workday(day)}
    festival: list[date] = []
    if firsts := [day for day, name in law.items() if name == "春节"]:
        festival = [min(firsts) + timedelta(days=n - 1) for n in range(FESTIVAL_DAYS)]
    return _Year(
        off=tuple(sorted(off)),
        worked=tuple(sorted(worked)),
        statutory=tuple(sorted(set(law) - moved)),
        festival=tuple(festival),
        moved=published or bool(moved),
    )


def _in_chinese_calendar(year: int) -> bool:
    """The library raises for a year it has no schedule of."""
    from chinese_calendar import is_workday

    try:
        is_workday(date(year, 7, 1))
    except NotImplementedError:
        return False
    return True


def _calendar_drivers(days: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """(months x drivers)."""
    month = days["month"]
    drivers = {
        "workdays": days["workday"].groupby(month).sum(),
        "days": month.groupby(month).size(),
        "holiday_days": days["holiday"].groupby(month).sum(),
        "spring_festival_share": days["festival"].groupby(month).sum() / FESTIVAL_DAYS,
    }
    for name in ("heating", "ignition", "flood", "fee"):
        season: Season | None = getattr(calendar, name)
        if season is not None:
            drivers[f"{name}_share"] = _inside(days["month_day"], season).groupby(month).mean()
    return pd.DataFrame(drivers).astype(float)


def _inside(month_day: pd.Series, season: Season) -> pd.Series:
    start, end = (int(text.replace("-", "")) for text in (season.start, season.end))
    if start <= end:
        return month_day.between(start, end)
    return (month_day >= start) | (month_day <= end)


def _themes(calendar: Calendar, months: pd.DatetimeIndex, origin: pd.Timestamp) -> pd.DataFrame:
    """Rows of the driver `theme`; none for a category without a theme announced by the end of month `origin`."""
    end = bounds(origin, calendar.month_starts_on)[1]
    known = [theme for theme in calendar.themes if pd.Timestamp(theme.announced) < end]
    codes = sorted({code for theme in known for code in theme.categories})
    if not codes:
        return pd.DataFrame(columns=pd.Index(["category", "month", "driver", "value"]))
    told = pd.DataFrame(0.0, index=months, columns=list(dict.fromkeys([*codes, ALL])))
    for theme in known:
        start = pd.Timestamp(theme.month)
        passed = (months.year - start.year) * 12 + months.month - start.month
        value = np.where(passed >= 0, np.maximum(1 - passed / (theme.fades_over + 1), 0), 0)
        for code in theme.categories:
            told[code] = np.maximum(told[code], value)
    rows = told.rename_axis(index="month").reset_index().melt("month", var_name="category")
    return rows.assign(driver="theme")


def _daily(weather: pd.DataFrame, calendar: Calendar, origin: pd.Timestamp, reading: Weather) -> pd.DataFrame:
    """One row a day up to the end of month `origin`, in °C and mm; several stations are averaged.

    Raises:
        DataError: with every fault of the table.
    """
    found = {
        name: next((header for header in getattr(reading, name) if header in weather), None)
        for name in ("date", "mean", "highest", "lowest", "rain", "snow")
    }
    stamps = _dates(weather[found["date"]]) if found["date"] else pd.Series(dtype="datetime64[us]")
    if found["date"]:
        past = month_of(pd.DatetimeIndex(stamps), calendar.month_starts_on) <= origin
        weather, stamps = weather[past | stamps.isna()], stamps[past | stamps.isna()]
    figures = pd.DataFrame(index=weather.index)
    for name in ("mean", "highest", "lowest"):
        if found[name]:
            figures[name] = _celsius(_number(weather[found[name]]), reading.temperature_unit)
    millimetres = {"mm": 1.0, "cm": 10.0, "inch": 25.4}
    for name, unit in (("rain", reading.rain_unit), ("snow", reading.snow_unit)):
        if found[name]:
            depth = _number(weather[found[name]])
            figures[name] = depth.where(depth >= 0) * millimetres[unit]
    if "mean" not in figures and {"highest", "lowest"} <= set(figures):
        figures["mean"] = (figures["highest"] + figures["lowest"]) / 2
    _refuse(found["date"], stamps, figures, reading)
    kept = figures.reindex(columns=["mean", "rain", "snow"]).dropna(axis="columns", how="all")
    daily = kept.groupby(stamps.dt.normalize()).mean()
    if "mean" in daily:
        daily["degree_days"] = (reading.heating_base_c - daily["mean"]).clip(lower=0)
    if "rain" in daily:
        daily["heavy"] = (daily["rain"] >= reading.heavy_rain_mm).where(daily["rain"].notna()).astype(float)
    return daily


def _refuse(header: str | None, stamps: pd.Series, figures: pd.DataFrame, reading: Weather) -> None:
    faults = []
    if header is None:
        fix = f"name the column in weather.date (looked for {', '.join(reading.date)})"
        faults.append(Fault("no column of dates", "weather", fix))
    elif stamps.isna().any():
        lines = ", ".join(str(row) for row in stamps.index[stamps.isna()][:3])
        faults.append(Fault(f"{stamps.isna().sum()} unreadable dates, first at rows {lines}", f"weather.{header}"))
    if not {"mean", "rain", "snow"} & set(figures):
        fix = "name them in weather.mean, weather.highest and weather.lowest, weather.rain, weather.snow"
        faults.append(Fault("no column of temperatures, rain or snow", "weather", fix))
    for name in [name for name in ("mean", "highest", "lowest") if name in figures]:
        if figures[name].max() > HOTTEST or figures[name].min() < COLDEST:
            what = f"temperatures from {figures[name].min():.0f} to {figures[name].max():.0f} °C"
            faults.append(Fault(what, f"weather.{name}", "is temperature_unit right (C or F)?"))
    if faults:
        raise DataError(faults)


def _dates(cells: pd.Series) -> pd.Series:
    text = cells.astype("str").str.strip()
    stamps = pd.to_datetime(text, format="ISO8601", errors="coerce")
    short = text.str.fullmatch(r"\d{8}").fillna(False)
    stamps[short] = pd.to_datetime(text[short], format="%Y%m%d", errors="coerce")
    return stamps.astype("datetime64[us]")


def _number(cells: pd.Series) -> pd.Series:
    """Readings as numbers; a trace (T, 微量) is 0, a code for "missing" is missing."""
    text = cells.astype("str").str.strip()
    number = pd.to_numeric(text.mask(text.isin(["T", "微量"]), "0"), errors="coerce").astype(float)
    return number.where(number.abs() < NO_READING)


def _celsius(degrees: pd.Series, unit: str) -> pd.Series:
    return (degrees - 32) * 5 / 9 if unit == "F" else degrees


def _monthly(daily: pd.DataFrame, calendar: Calendar, reading: Weather) -> pd.DataFrame:
    """(months x drivers); NaN where too few days are known. A sum over known days is scaled up to all days."""
    sums = {
        "degree_days": "heating_degree_days",
        "rain": "rain_mm",
        "heavy": "rain_days_heavy",
        "snow": "snow_mm",
        "mean": "tmean_c",
    }
    by_month = daily.groupby(month_of(pd.DatetimeIndex(daily.index), calendar.month_starts_on))
    means, counts = by_month.mean(), by_month.count()
    months = pd.DatetimeIndex(means.index)
    length = np.asarray((months - pd.DateOffset(months=int(calendar.month_starts_on > 1))).days_in_month)
    known = means.where(counts.div(length, axis=0) >= reading.days_needed)
    totals = known.mul(length, axis=0)
    if "mean" in totals:
        totals["mean"] = known["mean"]
    return totals.rename(columns=sums)


def _or_normal(known: pd.DataFrame, months: pd.DatetimeIndex) -> pd.DataFrame:
    """`known`, and where it is silent the mean over the same calendar months."""
    index: Any = pd.DatetimeIndex(known.index)
    normals = known.groupby(index.month).mean().reindex(months.month).set_axis(months)
    return known.reindex(months).fillna(normals)
