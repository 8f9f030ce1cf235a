"""What an estimator found -> one row of Effects: power, whether a number may be told, averted requests, cost."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.spec import Spec
from forecast.tables import Effects, EventStudy, Treated, check, conform, empty


class Rules(Spec):
    """When a number may be told.

    `level`: of intervals. `power`: chance of detection behind `minimum_detectable`. `largest`: relative reduction
    beyond which none is plausible; where not even that would be detected, nothing is concluded. `plausible`:
    reduction whose chance of detection is shown. `pre_trend`: p value below which cells did not run alike before.
    `min_clusters`: treated areas (or streets) needed. `min_requests`: to be expected in the treated cells after.
    All are our assumptions.
    """

    level: float = Field(0.95, gt=0.5, lt=1)
    power: float = Field(0.8, gt=0.5, lt=1)
    largest: float = Field(0.5, gt=0, lt=1)
    plausible: float = Field(0.3, gt=0, lt=1)
    pre_trend: float = Field(0.05, ge=0, lt=1)
    min_clusters: int = Field(6, ge=2)
    min_requests: float = Field(20.0, ge=1)


@dataclass(frozen=True)
class Finding:
    """What an estimator found for a group.

    ratio, low, high: requests that came ÷ requests to be expected without the work; NaN when not estimable.
    detectable: smallest relative reduction found with the power asked for. power: chance to find the plausible one.
    refusal: set by the estimator when it could not go on, else judged here. event: DataFrame[event_month, ratio,
    low, high]. units: rows of Treated (or Tasks as such) whose cost and defects belong to it.
    """

    estimator: str
    group: str
    category: str
    area: str
    ratio: float = np.nan
    low: float = np.nan
    high: float = np.nan
    pre_trend_p: float = np.nan
    detectable: float = np.nan
    power: float = np.nan
    treated: int = 0
    controls: int = 0
    clusters: int = 0
    months: int = 0
    requests: float = np.nan
    refusal: str = ""
    event: pd.DataFrame = field(default_factory=pd.DataFrame)
    units: pd.DataFrame = field(default_factory=lambda: empty(Treated))


@dataclass(frozen=True)
class Normal:
    """An estimate of the log ratio with standard error and degrees of freedom of its t distribution."""

    log: float
    se: float
    df: float

    def interval(self, rules: Rules) -> tuple[float, float]:
        """(low, high) ratio."""
        from scipy import stats

        wide = stats.t.ppf((1 + rules.level) / 2, self.df) * self.se
        return float(np.exp(self.log - wide)), float(np.exp(self.log + wide))

    def detectable(self, rules: Rules) -> float:
        """Smallest relative reduction found with power `rules.power`.

        Source: Bloom (1995), Minimum detectable effects, Evaluation Review 19(5): (t_a/2 + t_power) x standard error.
        """
        from scipy import stats

        least = stats.t.ppf((1 + rules.level) / 2, self.df) + stats.t.ppf(rules.power, self.df)
        return float(1 - np.exp(-least * self.se))

    def power(self, rules: Rules) -> float:
        """Chance that the interval of a reduction by `rules.plausible` lies below 1."""
        from scipy import stats

        wide = stats.t.ppf((1 + rules.level) / 2, self.df)
        return float(stats.t.cdf(-np.log(1 - rules.plausible) / self.se - wide, self.df))


def effective(weights: np.ndarray) -> float:
    """Number of equal weights of the same concentration, at least 1.5."""
    return max(float(weights.sum() ** 2 / (weights**2).sum()), 1.5) if weights.any() else 1.5


def judged(finding: Finding, rules: Rules) -> str:
    """The first reason not to conclude, or ""."""
    if finding.refusal:
        return finding.refusal
    if finding.clusters < rules.min_clusters and finding.estimator != "synthetic":
        return "few_clusters"
    if not finding.ratio > 0:
        return "few_requests"
    if np.isnan(finding.pre_trend_p):
        return "no_pre_trend"
    if finding.pre_trend_p < rules.pre_trend:
        return "pre_trend"
    return "" if finding.detectable <= rules.largest else "no_power"


def tables(findings: list[Finding], rules: Rules) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Effects, EventStudy) of what was found."""
    rows = [_row(finding, rules) for finding in findings]
    if not rows:
        return empty(Effects), empty(EventStudy)
    effects = conform(Effects, pd.DataFrame(rows))
    events = [_events(finding) for finding in findings if len(finding.event)]
    study = conform(EventStudy, pd.concat(events, ignore_index=True)) if events else empty(EventStudy)
    return check(Effects, effects, "effects"), check(EventStudy, study, "event study")


def _row(finding: Finding, rules: Rules) -> dict[str, object]:
    refusal = judged(finding, rules)
    told = not refusal
    units = finding.units.drop_duplicates("unit")
    cost, found, fixed = (_total(units[name]) for name in ("cost", "defects_found", "defects_fixed"))
    row: dict[str, object] = {
        "estimator": finding.estimator, "group": finding.group, "category": finding.category, "area": finding.area,
        "pre_trend_p": finding.pre_trend_p, "minimum_detectable": finding.detectable, "power": finding.power,
        "treated": finding.treated, "controls": finding.controls, "clusters": finding.clusters,
        "months": finding.months, "concluded": told, "refusal": refusal,
        "reading": _reading(finding, found) if told else "refused",
        "low": finding.low - 1, "high": finding.high - 1, "estimate": finding.ratio - 1 if told else np.nan,
        "requests": finding.requests, "cost": cost, "defects_found": found, "defects_fixed": fixed,
    }  # fmt: skip
    return row | (_saved(finding, cost) if told else {})


def _reading(finding: Finding, found: float) -> str:
    if finding.high < 1:
        return "fewer"
    if finding.low <= 1:
        return "unclear"
    return "found" if found > 0 else "more"


def _saved(finding: Finding, cost: float) -> dict[str, float]:
    """Averted requests and what one cost.

    Without the work ratio times fewer would have come: averted = came x (1 / ratio - 1), which falls in the ratio, so
    the ends of its interval give the ends of this one. A little too wide where the work helped much.
    """
    averted, high, low = (finding.requests * (1 / r - 1) for r in (finding.ratio, finding.low, finding.high))
    each = {name: cost / n if n > 0 else np.nan for name, n in (("", averted), ("_low", high), ("_high", low))}
    return {
        "averted": averted, "averted_low": low, "averted_high": high,
        **{f"cost_per_averted{name}": value for name, value in each.items()},
    }  # fmt: skip


def _total(values: pd.Series) -> float:
    """Sum; NaN when a value is unknown, or there is none."""
    return float(values.sum()) if len(values) and values.notna().all() else float("nan")


def _events(finding: Finding) -> pd.DataFrame:
    event = finding.event
    keys = {name: getattr(finding, name) for name in ("estimator", "group", "category", "area")}
    return event.assign(**keys, estimate=event["ratio"] - 1, low=event["low"] - 1, high=event["high"] - 1)


def one_or_all(values: pd.Series, every: str) -> str:
    """The value when there is but one, else `every`."""
    return str(values.iloc[0]) if values.nunique() == 1 else every


def cells(treated: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[group, area, category, month, first, last], one row a cell of a group.

    It is treated from the first unit on, and the work can show from the first to the last month of any.
    """
    by = treated.groupby(["group", "area", "category"], as_index=False)
    return by.agg(month=("month", "min"), first=("first", "min"), last=("last", "max"))
