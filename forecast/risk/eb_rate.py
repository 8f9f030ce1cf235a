"""Estates + history -> Risk from incident rates, drawn towards the neighbourhood and the city (empirical Bayes)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast import negbin
from forecast.risk import (
    Cuts,
    exposure,
    grades,
    known_at,
    month_number,
    month_numbers,
    on_grid,
    percentile,
    states_zeros,
    tables,
)
from forecast.spec import Spec

Array = np.ndarray

TRUSTS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.85, 1.0)
SHOCKS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
ENOUGH = 100
"""Incidents the last known year must have before trust and shock are learned from it."""

BUSY, ENOUGH_BUSY = 5.0, 30
"""Expected incidents from which an estate shows how its rate changes, and how many such estates it takes."""

LEAST_GROUPS = 3
"""Groups from which a spread between them can be told."""

SHAPES = (-6.0, 8.0)
"""Bounds of the log shape of the prior."""

SOUND = 6.63
"""Twice the gain in log-likelihood that attributes must bring: the 1 % point of chi-squared with 1 degree."""

LABELS = (
    ("city", "全市平均水平", "the city's usual rate"),
    ("households", "户数规模", "number of households"),
    ("zone", "所在功能区", "its zone"),
    ("district", "所在区", "its district"),
    ("street", "所在街道", "its street"),
    ("community", "所在社区", "its community"),
    ("attributes", "楼龄、管网、管理等属性", "age, pipes, management and other attributes"),
    ("own_history", "本小区历史诉求", "its own past incidents"),
)


class EbRate(Spec):
    """Gamma-Poisson rates per estate and category.

    `groups`: levels whose rates serve as prior, from the widest; each is drawn towards the one before.
    `trust` (0..1]: weight of an incident as evidence; below 1 because incidents come in bursts (one cold spell,
    many calls) and tell less than as many apart. `memory` (0..1]: weight that evidence keeps per further year of
    age. `shock`: coefficient of variation of an estate's rate from year to year. With `learn`, trust and shock
    are taken from how the years before foretold the last one, where two years are known; the defaults are
    assumptions, near what New York heat complaints show from 2020 to 2021.
    `score_by`: rank estates by expected incidents, or by expected incidents per household.
    `interval`: probability that low..high holds.
    """

    kind: Literal["eb_rate"] = "eb_rate"
    groups: tuple[Literal["zone", "district", "street", "community"], ...] = (
        "zone",
        "district",
        "street",
        "community",
    )
    trust: float = Field(0.5, gt=0, le=1)
    memory: float = Field(0.8, gt=0, le=1)
    shock: float = Field(0.75, ge=0, le=3)
    learn: bool = True
    score_by: Literal["count", "rate"] = "count"
    interval: float = Field(0.8, gt=0, lt=1)
    cuts: Cuts = Cuts()


@dataclass(frozen=True)
class Years:
    """Known years of one category, the latest first.

    counts: (n, T) incidents. size: (n, T) exposure at the latest year's city level, 0 = unknown. age: (T,) years
    from each year to the one ahead, 1 = the year just past. own: (n,) exposure of the coming 12 months.
    """

    counts: Array
    size: Array
    age: Array
    own: Array


@dataclass(frozen=True)
class Prior:
    """steps: name -> (n,) yearly incidents per exposure after each step towards the estate. shape: of the gamma."""

    steps: dict[str, Array]
    shape: float

    @property
    def rate(self) -> Array:
        return list(self.steps.values())[-1]


def assess(
    spec: EbRate,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
    attributes: Mapping[str, Array] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Expected incidents of the coming 12 months for every estate and every category with known history.

    The rate of an estate is Gamma(a, a / m) with m the rate of its surroundings; with discounted incidents
    Y and exposure E the posterior mean is (a + Y) / (a / m + E). Exposure is households in units of a typical
    estate, 1 where unknown. Earlier years count relative to the city's level in their year; the coming year is
    taken to have the level of the latest. The score is the mid-rank among all estates of the posterior mean
    (times exposure when `score_by` is count): 98 = higher than 98 in 100. The level of the city is not in it.

    A list that holds only places which complained at least once has no quiet estates: the prior is then too
    high and too narrow in its lower part, and places not on the list are not scored. Worse, a place listed for
    a year after `as_of` shows by being listed that it will complain. Ranks among listed places stand.

    Args:
        estates: Estates, checked.
        history: EstateHistory. A period that ends after `as_of` is not read. Where zeros are written down (per
            category and length of period) an absent estate is unknown, else it had none. Of overlapping
            periods, e.g. months and a yearly total, the longest holds.
        areas: Areas.
        attributes: category -> (estates,) figure that rises with risk; enters the prior of a category only
            where it raises the likelihood soundly, and then only upwards.

    Returns:
        (Risk, RiskDrivers): `low`..`high` is the predictive interval. Drivers are the steps from the city's
        rate to the estate's own, as the points each moves the score; they add up to it exactly.

    Source: Gamma-Poisson posterior: Gelman et al. 2013, Bayesian Data Analysis §2.6; shape by maximum marginal
    likelihood: Carlin & Louis 2000, Bayes and Empirical Bayes Methods, ch. 3; weighted evidence: Ibrahim & Chen
    2000, Power prior distributions; spread between groups: Paule & Mandel 1982.
    """
    known = known_at(history, as_of)
    known = known[known["estate"].isin(estates["estate"])]
    start = month_numbers(known["month"])
    known = known.assign(start=start, stop=start + known["months"])
    listened = known.loc[known["months"] == 1, "stop"].max()
    groups = _groups(spec, estates, areas)
    risks, drivers = [], []
    for category, rows in known.groupby("category", sort=True):
        years = _years(rows, listened, estates, as_of)
        figure = None if attributes is None else attributes.get(str(category))
        risk, steps = _score(spec, years, groups, figure)
        ids = {"estate": estates["estate"].to_numpy(), "category": category}
        risks.append(pd.DataFrame({**ids, **risk}))
        drivers += [pd.DataFrame({**ids, "driver": name, "contribution": move}) for name, move in steps.items()]
    if not risks:
        nothing: dict[str, list[str]] = {
            "estate": [],
            "category": [],
            "score": [],
            "grade": [],
            "driver": [],
            "contribution": [],
        }
        return tables(pd.DataFrame(nothing), pd.DataFrame(nothing), as_of)
    return tables(pd.concat(risks), pd.concat(drivers), as_of)


def labels() -> pd.DataFrame:
    """DataFrame[driver, zh, en]: every driver in words."""
    return pd.DataFrame(LABELS, columns=pd.Index(["driver", "zh", "en"]), dtype="str")


def _score(
    spec: EbRate, years: Years, groups: dict[str, Array], figure: Array | None
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Columns of Risk, and the points each step moves the score."""
    trust, shock = _learned(spec, years, groups) if spec.learn else (spec.trust, spec.shock)
    prior = _prior(years, spec.memory, groups, figure)
    rate, shape = _posterior(prior, years, trust, spec.memory)
    mean = rate * years.own
    variance = mean + mean**2 * _spread(shape, shock)
    tails = np.array([(1 - spec.interval) / 2, (1 + spec.interval) / 2])
    ends = negbin.quantile(mean, variance, tails).astype(float)
    size = years.own if spec.score_by == "count" else np.ones_like(mean)
    final = rate * size
    score = on_grid(percentile(final, final))
    columns = {
        "score": score,
        "grade": grades(score, spec.cuts),
        "expected": mean,
        "low": ends[:, 0],
        "high": ends[:, 1],
    }
    path = {"city": prior.steps["city"], "households": prior.steps["city"] * size}
    path |= {name: step * size for name, step in prior.steps.items() if name != "city"}
    moves, before = {}, np.zeros_like(mean)
    for name, step in path.items():
        reached = on_grid(percentile(step, final))
        moves[name], before = reached - before, reached
    moves["own_history"] = score - before
    return columns, moves


def _spread(shape: Array, shock: float) -> Array:
    """Squared coefficient of variation of the coming rate: what is not known of it, times what it will change."""
    return 1 / shape + shock**2 * (1 + 1 / shape)


def _posterior(prior: Prior, years: Years, trust: float, memory: float) -> tuple[Array, Array]:
    """(rate, shape) of each estate from evidence as old as it will be for the coming year."""
    weight = trust * memory ** (years.age - 1)
    seen, size = years.counts @ weight, years.size @ weight
    shape = prior.shape + seen
    return shape / (prior.shape / prior.rate + size), shape


def _prior(years: Years, memory: float, groups: dict[str, Array], figure: Array | None) -> Prior:
    """City, then each group, then attributes. The latest year has full weight here, or counts would look too even."""
    weight = memory ** (years.age - years.age[0])
    seen, size = years.counts @ weight, years.size @ weight
    known = size > 0
    city = max(seen.sum(), 0.5) / size.sum()
    rate = np.full(len(seen), city)
    steps = {"city": rate}
    if not seen.sum():
        return Prior(steps, 1.0)
    for name, codes in groups.items():
        shape = _shape(seen[known], (rate * size)[known])
        ratio = _ratios(seen, rate * size, shape, codes)
        rate = rate * ratio
        rate = rate * seen.sum() / (rate * size).sum()
        steps[name] = rate
    shape = _shape(seen[known], (rate * size)[known])
    if figure is not None:
        rate, shape = _with_attributes(seen, size, rate, shape, figure)
        steps["attributes"] = rate
    return Prior(steps, shape)


def _log_likelihood(counts: Array, mean: Array, size: Array | float) -> Array:
    """NegBin, without the term that no parameter moves. Discounted counts need not be whole."""
    from scipy.special import gammaln, xlogy

    odds = np.log(size / (size + mean))
    return gammaln(size + counts) - gammaln(size) + size * odds + xlogy(counts, mean / (size + mean))


def _shape(counts: Array, mean: Array) -> float:
    """Shape of the gamma prior by maximum marginal likelihood."""
    from scipy.optimize import minimize_scalar

    def loss(log_shape: float) -> float:
        return -float(_log_likelihood(counts, mean, float(np.exp(log_shape))).sum())

    return float(np.exp(minimize_scalar(loss, bounds=SHAPES, method="bounded").x))


def _ratios(seen: Array, expected: Array, shape: float, codes: Array) -> Array:
    """(n,) rate of the group of each estate ÷ what was expected of it, drawn towards 1; 1 without a group."""
    grouped = codes >= 0
    number = int(codes.max(initial=-1)) + 1
    total = np.bincount(codes[grouped], expected[grouped], number)
    usable = total > 0
    if usable.sum() < LEAST_GROUPS:
        return np.ones(len(seen))
    total = np.where(usable, total, 1.0)
    ratio = np.bincount(codes[grouped], seen[grouped], number) / total
    noise = 1 / total + np.bincount(codes[grouped], expected[grouped] ** 2, number) / (shape * total**2)
    between = _between(ratio[usable], noise[usable])
    drawn = np.where(usable, 1 + between / (between + noise) * (ratio - 1), 1.0)
    return np.where(grouped, drawn[codes], 1.0)


def _between(ratio: Array, noise: Array) -> float:
    """Variance between groups beyond noise. Source: Paule & Mandel 1982, by bisection."""

    def excess(variance: float) -> float:
        weight = 1 / (variance + noise)
        middle = (weight * ratio).sum() / weight.sum()
        return float((weight * (ratio - middle) ** 2).sum() - (len(ratio) - 1))

    low, high = 0.0, float(ratio.var() * len(ratio)) + 1.0
    if excess(0.0) <= 0:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low


def _with_attributes(seen: Array, size: Array, rate: Array, shape: float, figure: Array) -> tuple[Array, float]:
    """Rate times exp(slope x figure) with slope >= 0, where the likelihood says so; else as it was."""
    from scipy.optimize import minimize

    known = size > 0
    spread = figure[known].std()
    if not spread:
        return rate, shape
    z = (figure - figure[known].mean()) / spread

    def tilted(slope: float) -> Array:
        lifted = rate * np.exp(slope * z)
        return lifted * seen.sum() / (lifted * size).sum()

    def loss(x: Array) -> float:
        mean = (tilted(x[1]) * size)[known]
        return -float(_log_likelihood(seen[known], mean, float(np.exp(x[0]))).sum())

    start = np.array([np.log(shape), 0.0])
    found = minimize(loss, start, bounds=[SHAPES, (0.0, 3.0)], method="L-BFGS-B")
    if 2 * (loss(start) - found.fun) < SOUND:
        return rate, shape
    return tilted(found.x[1]), float(np.exp(found.x[0]))


def _learned(spec: EbRate, years: Years, groups: dict[str, Array]) -> tuple[float, float]:
    """Trust and shock under which the earlier years foretell the latest best (predictive NegBin likelihood).

    Shock is then taken from busy estates alone: among quiet ones chance hides it.
    """
    latest, size = years.counts[:, 0], years.size[:, 0]
    if years.counts.shape[1] < 2 or latest.sum() < ENOUGH or not years.counts[:, 1:].sum():
        return spec.trust, spec.shock
    earlier = Years(years.counts[:, 1:], years.size[:, 1:], years.age[1:] - years.age[0], years.own)
    known = size > 0
    prior = _prior(earlier, spec.memory, groups, None)
    best = (-np.inf, spec.trust, spec.shock)
    for trust in TRUSTS:
        rate, shape = _posterior(prior, earlier, trust, spec.memory)
        mean = (rate * size)[known]
        mean *= latest[known].sum() / mean.sum()
        fits = np.array([_log_likelihood(latest[known], mean, 1 / _spread(shape[known], s)) for s in SHOCKS])
        busy = mean >= BUSY
        own = fits[:, busy].sum(axis=1) if busy.sum() >= ENOUGH_BUSY else fits.sum(axis=1)
        best = max(best, (float(fits.sum(axis=1).max()), trust, SHOCKS[int(own.argmax())]))
    return best[1], best[2]


def _years(rows: pd.DataFrame, listened: float, estates: pd.DataFrame, as_of: pd.Timestamp) -> Years:
    """Known periods [start, stop) of a category gathered into years counted back from the last known month.

    An incomplete oldest year is dropped, lest a winter count more than a summer; history shorter than a year is
    scaled up to one, season or not.
    """
    spans = _spans(rows, listened)
    last = int(spans["stop"].max())
    spans["year"] = (last - spans["stop"]) // 12
    months = np.bincount(spans["year"], spans["months"])
    whole = len(months) - int(len(months) > 1 and months[-1] < 12)
    spans = spans[spans["year"] < whole]
    rows = rows.merge(spans, on=["start", "stop", "months"])
    rows["code"] = pd.Index(estates["estate"]).get_indexer(rows["estate"])
    own = exposure(estates).to_numpy()
    counts, heard = np.zeros((2, len(own), whole))
    np.add.at(counts, (rows["code"], rows["year"]), rows["incidents"])
    listed = spans[~spans["stated"]]
    heard += np.bincount(listed["year"], listed["months"], whole)
    once = rows[rows["stated"]].drop_duplicates(["code", "start"])
    np.add.at(heard, (once["code"], once["year"]), once["months"])
    size = own[:, None] * heard / 12
    lag = (month_number(as_of) + 1 - last) / 12
    return Years(counts, size * _level(counts, size), 1 + lag + np.arange(whole), own)


def _spans(rows: pd.DataFrame, listened: float) -> pd.DataFrame:
    """DataFrame[start, stop, months, stated]: the periods of a category, none of which overlap.

    `stated`: zeros are written down, so an estate without a row is unknown. Monthly lists of events were kept up
    to the month `listened`, months without any event included. Where periods overlap the longest holds.
    """
    spans = rows[["start", "stop", "months"]].drop_duplicates()
    lengths = rows.groupby("months")
    stated = {length: states_zeros(part) for length, part in lengths}
    if stated.get(1) is False:
        starts = np.arange(spans.loc[spans["months"] == 1, "start"].min(), int(listened))
        every = pd.DataFrame({"start": starts, "stop": starts + 1, "months": 1})
        spans = pd.concat([spans[spans["months"] > 1], every])
    spans = spans.sort_values(["months", "stop"], ascending=False, ignore_index=True)
    taken: set[int] = set()
    free = []
    for start, stop in zip(spans["start"], spans["stop"], strict=True):
        free.append(taken.isdisjoint(range(start, stop)))
        taken.update(range(start, stop) if free[-1] else ())
    return spans[free].assign(stated=spans["months"].map(stated))


def _level(counts: Array, size: Array) -> Array:
    """(T,) city rate of each year ÷ the latest; a year without any incident tells nothing of ranks and counts 0."""
    total, exposed = counts.sum(axis=0), size.sum(axis=0)
    rate = np.divide(total, exposed, out=np.zeros(len(total)), where=exposed > 0)
    if not total.sum():
        return np.ones(len(total))
    return rate / (rate[0] if rate[0] > 0 else total.sum() / exposed.sum())


def _groups(spec: EbRate, estates: pd.DataFrame, areas: pd.DataFrame) -> dict[str, Array]:
    """Level -> (n,) group of each estate, -1 = none. Groups that tell no estates apart are left out."""
    index = areas.set_index("area")
    found: dict[str, Array] = {}
    for name in spec.groups:
        if name == "zone":
            group = estates["zone"].fillna(estates["area"].map(index["zone"]).astype("str"))
        else:
            group = _above(estates["area"], index, name)
        codes, values = pd.factorize(group)
        if len(values) >= LEAST_GROUPS and not any(np.array_equal(codes, other) for other in found.values()):
            found[name] = codes
    return found


def _above(area: pd.Series, index: pd.DataFrame, level: str) -> pd.Series:
    """The area of `level` that each one is or lies in."""
    here, found = area, pd.Series(index=area.index, dtype="str")
    while here.notna().any():
        found = found.fillna(here.where(here.map(index["level"]) == level))
        here = here.map(index["parent"]).astype("str")
    return found
