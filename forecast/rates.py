"""CallBacks -> the three rates (三率), busy-season targets, the four-class appraisal, and what needs work first.

The three rates and their weights are published practice; targets, classes and priority are our assumptions, and all
their figures are options.
"""

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from forecast.months import Stretch
from forecast.shares import wilson
from forecast.spec import Names, Spec
from forecast.tables import (
    ALL,
    LEVELS,
    SCOPES,
    Appraisal,
    Rates,
    Targets,
    check,
    conform,
    empty,
)

Array = np.ndarray

MEASURES = {
    "response": ("contacted", "contact_asked"),
    "resolution": ("resolved", "solution_asked"),
    "satisfaction": ("satisfied", "opinion_asked"),
}
FIGURES = ["callbacks", *(name for pair in MEASURES.values() for name in pair)]


class Weights(Spec):
    """Weight of each rate in the score; they add up to 1."""

    response: float = Field(0.1, ge=0, le=1)
    resolution: float = Field(0.5, ge=0, le=1)
    satisfaction: float = Field(0.4, ge=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> "Weights":
        if abs(self.response + self.resolution + self.satisfaction - 1) > 1e-9:
            raise ValueError("the weights of the three rates must add up to 1")
        return self


class Busy(Spec):
    """A busy season: whole months that touch `days`, of some categories (none = all together)."""

    name: str = Field(min_length=1)
    days: Stretch
    categories: Names = ()


class RateOptions(Spec):
    """How the rates are reckoned.

    `exclude`: categories left out of scope `counted`, beside orders the export marks. `blank_is_no`: a call-back
    without an answer to a question counts as no; else it is left out of that rate. `least`: fewer call-backs give no
    figure. `months`: span of the rates. `levels`: areas told. `confidence` of the intervals.
    Targets: `standard` of each rate, `step`: part of the way to it from last year's (0..1).
    Appraisal: scores from `high` on are high, below `low` low; null = the upper and lower third of the areas of a
    level. `margin`: points a score must move to have risen or fallen.
    Priority: a resolution surely below the standard raises a task up to `most_raise` times, in full at `full_gap`.
    """

    weights: Weights = Weights()
    exclude: Names = ()
    blank_is_no: bool = False
    least: int = Field(10, ge=1)
    months: int = Field(12, ge=1, le=60)
    levels: tuple[str, ...] = ("street", "district", "city")
    confidence: float = Field(0.95, gt=0, lt=1)
    busy: tuple[Busy, ...] = (
        Busy(name="heating", days=Stretch(start="11-15", end="03-15"), categories=("H1", "H2", "H3")),
        Busy(name="flood", days=Stretch(start="06-01", end="09-15")),
    )
    standard: dict[str, float] = {"response": 0.99, "resolution": 0.9, "satisfaction": 0.9}
    step: float = Field(0.25, ge=0, le=1)
    high: float | None = Field(None, ge=0, le=100)
    low: float | None = Field(None, ge=0, le=100)
    margin: float = Field(1.0, ge=0)
    most_raise: float = Field(1.5, ge=1)
    full_gap: float = Field(0.3, gt=0, le=1)

    @model_validator(mode="after")
    def _sound(self) -> "RateOptions":
        if unknown := [level for level in self.levels if level not in LEVELS]:
            raise ValueError(f"unknown level {unknown[0]!r}: use {', '.join(LEVELS)}")
        if set(self.standard) != set(MEASURES) or not all(0 <= share <= 1 for share in self.standard.values()):
            raise ValueError(f"standard needs a share 0..1 for each of {', '.join(MEASURES)}")
        if self.high is not None and self.low is not None and self.low > self.high:
            raise ValueError("`low` is above `high`")
        return self


def rates(
    counts: pd.DataFrame, summing: pd.DataFrame, areas: pd.DataFrame, last: pd.Timestamp, spec: RateOptions
) -> pd.DataFrame:
    """The three rates of the `spec.months` months that end with `last`.

    Args:
        counts: CallBacks; rows without area stand in no area.
        summing: DataFrame[area, ancestor] from `areas.summing`.
        areas: Areas.
        last: first day of the last month; later ones are not looked at.
        spec: weights, exclusions, least number.

    Returns:
        Rates by area, category (and ALL) and scope.

    Source: 100 x (0.1 response + 0.5 resolution + 0.4 satisfaction), a district's published rule, is the default;
    intervals: `shares.wilson`.
    """
    return _span(counts, summing, areas, last - pd.DateOffset(months=spec.months - 1), last, spec)


def targets(
    counts: pd.DataFrame, summing: pd.DataFrame, areas: pd.DataFrame, as_of: pd.Timestamp, spec: RateOptions
) -> pd.DataFrame:
    """What each area should reach in the busy season that runs or comes next after `as_of`.

    target = last year's rate + step x (standard - last year's rate) where that is below the standard, else last
    year's; without last year's figure the standard. The formula is our assumption.

    Returns:
        Targets. `last_year` is of scope counted in the same months a year before; null = too few call-backs.
    """
    tables = [_of_season(counts, summing, areas, as_of, season, spec) for season in spec.busy]
    table = pd.concat([one for one in tables if len(one)] or [empty(Targets)], ignore_index=True)
    return check(Targets, conform(Targets, table), "rates")


def appraisal(now: pd.DataFrame, before: pd.DataFrame, spec: RateOptions) -> pd.DataFrame:
    """The four classes: how high the score is, and how it moved against a year before.

    high and not falling: advanced (先进); high and falling: rectify (整改); between: progress (进步) if rising, else
    rectify; low: progress if rising, else govern (治理). Names are published, the rule is our assumption.

    Args:
        now, before: Rates of two spans.

    Returns:
        Appraisal of every row of `now`.
    """
    keys = ["area", "category", "scope"]
    table = now.merge(before[[*keys, "score"]].rename(columns={"score": "before"}), on=keys, how="left")
    groups = table.groupby(["level", "category", "scope"])["score"]
    high = groups.transform(lambda score: score.quantile(2 / 3)) if spec.high is None else spec.high
    low = groups.transform(lambda score: score.quantile(1 / 3)) if spec.low is None else spec.low
    table = table.assign(change=table["score"] - table["before"], high_from=high, low_below=low)
    falls, rises = table["change"] < -spec.margin, table["change"] > spec.margin
    is_high = table["score"] >= table["high_from"]
    is_low = ~is_high & (table["score"] < table["low_below"])
    grade = np.select(
        [is_high & ~falls, is_high, rises, is_low], ["advanced", "rectify", "progress", "govern"], "rectify"
    )
    table["grade"] = pd.Series(grade, index=table.index, dtype="str").where(table["change"].notna())
    return check(Appraisal, conform(Appraisal, table), "rates")


def priority(table: pd.DataFrame, spec: RateOptions) -> pd.DataFrame:
    """How much a low resolution rate raises the tasks of an area and category.

    factor = 1 + (most_raise - 1) x min(1, (standard - resolution) / full_gap) where even the upper end of the
    interval is below the standard, else 1. Multiply the key a plan ranks by with `factor` in a column of its own;
    a cell without a row has factor 1. The formula is our assumption.

    Args:
        table: Rates; scope counted is used.

    Returns:
        DataFrame[area, category, factor (1..most_raise), low_resolution (bool)], one row an area and category.
    """
    rows = table[table["scope"] == "counted"]
    gap = spec.standard["resolution"] - rows["resolution"]
    surely = rows["resolution_high"] < spec.standard["resolution"]
    factor = 1 + (spec.most_raise - 1) * (gap / spec.full_gap).clip(0, 1)
    found = rows[["area", "category"]].assign(factor=factor.where(surely, 1.0), low_resolution=surely)
    return found.reset_index(drop=True)


def _span(
    counts: pd.DataFrame,
    summing: pd.DataFrame,
    areas: pd.DataFrame,
    first: pd.Timestamp,
    last: pd.Timestamp,
    spec: RateOptions,
) -> pd.DataFrame:
    """Rates of the months from `first` to `last`."""
    rows = counts[(counts["month"] >= first) & (counts["month"] <= last)].merge(summing, on="area")
    level = dict(zip(areas["area"], areas["level"], strict=True))
    rows = rows.assign(area=rows["ancestor"], level=rows["ancestor"].map(level))
    rows = rows[rows["level"].isin(spec.levels)]
    left_out = rows["excluded"] | rows["category"].isin(spec.exclude)
    both = pd.concat([rows.assign(scope=SCOPES[0]), rows[~left_out].assign(scope=SCOPES[1])])
    both = pd.concat([both, both.assign(category=ALL)])
    if both.empty:
        return empty(Rates)
    sums = both.groupby(["area", "level", "category", "scope"], as_index=False)[FIGURES].sum()
    table = sums.assign(first=first, last=last, **_shares(sums, spec))
    return check(Rates, conform(Rates, table), "rates")


def _shares(sums: pd.DataFrame, spec: RateOptions) -> dict[str, Array]:
    """The columns of the three rates and the score."""
    found: dict[str, Array] = {}
    score = np.zeros(len(sums))
    for measure, (yes, asked) in MEASURES.items():
        of = sums["callbacks" if spec.blank_is_no else asked].to_numpy(dtype=float)
        of = np.where((sums[asked] > 0) & (of >= spec.least), of, np.nan)
        share = sums[yes].to_numpy(dtype=float) / of
        low, high = wilson(sums[yes].to_numpy(dtype=float), of, spec.confidence)
        share = np.clip(share, 0, 1)
        found |= {measure: share, f"{measure}_low": low, f"{measure}_high": high}
        if weight := getattr(spec.weights, measure):
            score = score + 100 * weight * share
    return {**found, "score": score}


def _of_season(
    counts: pd.DataFrame,
    summing: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
    season: Busy,
    spec: RateOptions,
) -> pd.DataFrame:
    first, last = _next_season(season.days, as_of)
    year = pd.DateOffset(years=1)
    past = counts[counts["month"] <= as_of]
    table = _span(past, summing, areas, first - year, last - year, spec)
    wanted = season.categories or (ALL,)
    table = table[(table["scope"] == "counted") & table["category"].isin(wanted)]
    parts = []
    for measure in MEASURES:
        standard, before = spec.standard[measure], table[measure]
        target = (before + spec.step * (standard - before).clip(lower=0)).fillna(standard)
        rows = table[["area", "level", "category"]].assign(
            season=season.name, first=first, last=last, measure=measure, last_year=before, standard=standard
        )
        parts.append(rows.assign(target=target))
    return pd.concat(parts, ignore_index=True)


def _next_season(days: Stretch, as_of: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last month of the season that is not over at the end of `as_of`."""
    start, end = int(days.start[:2]), int(days.end[:2])
    length = (end - start) % 12
    for year in (as_of.year - 1, as_of.year, as_of.year + 1):
        first = pd.Timestamp(year=year, month=start, day=1).as_unit("us")
        last = first + pd.DateOffset(months=length)
        if last > as_of:
            return first, last
    raise AssertionError("one of three years lies ahead")
