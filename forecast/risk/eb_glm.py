"""Estates + history -> Risk: NB2 regression on attributes, neighbourhood, then each estate's own record (EB)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.risk import Cuts, gbm, grades, known_at, month_numbers, on_grid, tables
from forecast.risk._chance import (
    AS_SAID,
    Calibration,
    calibrated,
    chance,
    exceeds_median,
    interval,
    median_ahead,
    stability,
    streets,
)
from forecast.risk._prior import Places, Prior, build, locate
from forecast.risk._record import Around, alone, around, plain, posterior
from forecast.risk._terms import WORDS, Term, log_likelihood, numbers_of, terms_of
from forecast.risk._years import Years, gather
from forecast.spec import Spec

Array = np.ndarray

SHOCKS = (0.1, 0.3, 0.5, 0.65, 0.8, 1.0, 1.25)
MOST = 10_000
"""Estates that shock is learned from; more change little and cost time."""

ENOUGH = 100
"""Incidents the last known year must have before shock is learned from it."""

LABELS = (
    ("city", "全市平均水平", "the city's usual rate"),
    ("households", "户数规模", "number of households"),
    ("building_age", "楼龄", "building age"),
    ("renovation_age", "距上次综合整治", "time since last renovation"),
    ("roof_age", "屋面防水年限", "age of roof waterproofing"),
    ("pipe_age", "给排水管年限", "age of water and waste pipes"),
    ("heat_pipe_age", "供热管网年限", "age of heating pipes"),
    ("fees_unpaid", "物业费未缴比例", "fees not paid"),
    ("lift", "有无电梯", "lifts"),
    ("fund_low", "维修资金余额", "what is left in the fund"),
    ("tenure", "产权性质", "tenure"),
    ("mgmt_type", "管理方式", "management"),
    ("owners_body", "业主组织", "owners' body"),
    ("heat_type", "供暖方式", "kind of heating"),
    ("pipe_material", "管材", "pipe material"),
    ("zone", "所在功能区", "its zone"),
    ("district", "所在区", "its district"),
    ("street", "所在街道", "its street"),
    ("community", "所在社区", "its community"),
    ("near", "周边小区", "estates nearby"),
    ("own_history", "本小区历史诉求", "its own past incidents"),
)

Month = Annotated[int, Field(ge=1, le=12)]


class EbGlm(Spec):
    """Negative binomial regression and Gamma-Poisson rates per estate and category.

    `attributes`: let age, pipes, tenure, management, heating and money move the prior, where they bring a sound
    gain. `boost`: let boosted trees take the place of the regression in a category where they foretell the last
    known year better; that takes three known years and attributes. `groups`: levels whose rates serve as prior,
    from the widest; each is drawn towards the one before. `near`: so do the nearest estates by lon and lat.
    `memory` (0..1]: weight that evidence keeps per further year of age. `shock`: coefficient of variation of an
    estate's rate from year to year (bad winters, bursts of calls); as evidence a loud year so counts for less, and
    the time ahead is less sure. With `learn` it is taken from how the years before foretold the last one, where two
    years are known; the default is an assumption, near what New York heat complaints show from 2020 to 2021, and
    lowered where counts differ too little for it.
    `seasons`: category -> calendar months that are foretold instead of 12, where monthly history exists.
    `score_by`: rank estates by expected incidents, or by expected incidents per household.
    `interval`: probability that low..high holds at least. `top`, `draws`, `seed`: rank
    stability is the share of `draws` in which an estate is among the `top` of its category.
    """

    kind: Literal["eb_glm"] = "eb_glm"
    attributes: bool = True
    boost: bool = True
    groups: tuple[Literal["zone", "district", "street", "community"], ...] = (
        "zone",
        "district",
        "street",
        "community",
    )
    near: bool = True
    memory: float = Field(0.8, gt=0, le=1)
    shock: float = Field(0.65, ge=0, le=3)
    learn: bool = True
    seasons: dict[str, tuple[Month, ...]] = {}
    score_by: Literal["count", "rate"] = "count"
    interval: float = Field(0.8, gt=0, lt=1)
    top: int = Field(20, ge=1)
    draws: int = Field(200, ge=1)
    seed: int = Field(20, ge=0)
    cuts: Cuts = Cuts()


@dataclass(frozen=True)
class Learned:
    """shock, and foretold: (n,) incidents of the latest year by the years before; None where there are none."""

    shock: float | None
    foretold: Array | None
    calibration: Calibration


@dataclass(frozen=True)
class Path:
    """steps: (driver, (n,) rate after it, shape of the gamma around it), from the city's rate to the estate's own."""

    steps: list[tuple[str, Array, Array]]
    shock: float
    calibration: Calibration
    model: str


@dataclass(frozen=True)
class Ground:
    """All that is the same for every category. street: (n,) codes. attributes: empty where none may be used."""

    spec: EbGlm
    places: Places
    street: Array
    terms: tuple[Term, ...]
    attributes: gbm.Attributes


def assess(
    spec: EbGlm,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Expected incidents of the time ahead for every estate and every category with known history.

    The rate of an estate is Gamma(a, a / m) with m the rate of its surroundings: city x attributes x area levels
    x estates nearby. With discounted incidents Y and exposure E the posterior mean is (a + Y) / (a / m + E). Where
    counts speak for it a mixture of such gammas takes the place of the one: then the loudest are drawn in less.
    Y counts for less where it is loud, by what a year changes of itself.
    Exposure is households in units of a typical estate, 1 where unknown. Earlier years count relative to the
    city's level in their year; the time ahead is taken to have the level of the latest.

    The score is 100 x the probability that the estate's count exceeds the median estate of its street, calibrated
    on the last known year where the years before could have foretold it.

    A list that holds only places which complained in a known year has no zeros: its counts are then judged as
    counts above 0, and places not on the list are not scored. Worse, a place listed for a year after `as_of` shows
    by being listed that it will complain; nothing in the counts tells that. Ranks among listed places stand.

    Args:
        estates: Estates, checked.
        history: EstateHistory. A period that ends after `as_of` is not read. Where zeros are written down (per
            category and length of period) an absent estate is unknown, else it had none. Of overlapping
            periods, e.g. months and a yearly total, the longest holds.
        areas: Areas.

    Returns:
        (Risk, RiskDrivers): `low`..`high` is the predictive interval. Drivers are the steps from the city's
        rate to the estate's own, as the points each moves the score; they add up to it exactly.

    Source: shape by maximum marginal likelihood: Carlin & Louis 2000, Bayes and Empirical Bayes Methods, ch. 3;
    weighted evidence: Ibrahim & Chen 2000, Power prior distributions; spread between groups: Paule & Mandel 1982.
    """
    return tables(*rows(spec, estates, history, areas, as_of), as_of)


def rows(
    spec: EbGlm, estates: pd.DataFrame, history: pd.DataFrame, areas: pd.DataFrame, as_of: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `assess` returns, not yet sorted and checked."""
    ground = _ground(spec, estates, areas, as_of)
    names = ("estate", "category", "score", "grade", "model", "driver", "contribution")
    nothing: dict[str, list[str]] = {name: [] for name in names}
    risks, drivers = [pd.DataFrame(nothing)], [pd.DataFrame(nothing)]
    for category, years in _histories(spec, estates, history, as_of):
        risk, steps = _score(ground, years)
        ids = {"estate": estates["estate"].to_numpy(), "category": category}
        risks.append(pd.DataFrame({**ids, **risk}))
        for name, move in steps.items():
            drivers.append(pd.DataFrame({**ids, "driver": name, "contribution": move})[move != 0])
    found = len(risks) > 1 and len(estates) > 0
    return (pd.concat(risks[1:]), pd.concat(drivers[1:])) if found else (risks[0], drivers[0])


def expectation(
    spec: EbGlm, estates: pd.DataFrame, history: pd.DataFrame, areas: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """What estates like this one have, before its own record is looked at.

    Returns:
        DataFrame[estate, category, by_attributes, dispersion_by_attributes, by_place, dispersion_by_place, seen,
        exposed]: expected incidents of the time ahead by household and attributes alone, and by the place too;
        the dispersion is the squared coefficient of variation of true rates around them. `seen`: incidents of the
        latest known year; `exposed`: what `by_attributes` expected of that year, 0 = not known.
    """
    ground = _ground(spec, estates, areas, as_of)
    parts = []
    for category, years in _histories(spec, estates, history, as_of):
        prior = build(years, spec.memory, ground.places, ground.terms)
        told = prior.steps[prior.told]
        parts.append(
            pd.DataFrame(
                {
                    "estate": estates["estate"].to_numpy(),
                    "category": category,
                    "by_attributes": told * years.own,
                    "dispersion_by_attributes": 1 / prior.shape_told,
                    "by_place": prior.rate * years.own,
                    "dispersion_by_place": 1 / prior.shape,
                    "seen": years.counts[:, 0],
                    "exposed": told * years.size[:, 0],
                }
            )
        )
    columns = ("by_attributes", "dispersion_by_attributes", "by_place", "dispersion_by_place", "seen", "exposed")
    if not parts:
        return pd.DataFrame({"estate": [], "category": []} | {name: [] for name in columns})
    return pd.concat(parts, ignore_index=True)


def effects(
    spec: EbGlm, estates: pd.DataFrame, history: pd.DataFrame, areas: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """DataFrame[category, term, level, effect, low, high]: log effects of attributes with 95 % intervals.

    Against the most frequent level, or per unit named in `level`. `households` is how far the exponent of
    households is from 1, stated even where it is then held at 1.
    """
    ground = _ground(spec, estates, areas, as_of)
    parts = []
    for category, years in _histories(spec, estates, history, as_of):
        fitted = build(years, spec.memory, ground.places, ground.terms).fit
        if fitted:
            parts.append(fitted.effects.assign(category=category))
    columns = ["category", "term", "level", "effect", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=pd.Index(columns))


def labels() -> pd.DataFrame:
    """DataFrame[driver, zh, en]: every driver in words."""
    return pd.DataFrame(LABELS, columns=pd.Index(["driver", "zh", "en"]), dtype="str")


def _ground(spec: EbGlm, estates: pd.DataFrame, areas: pd.DataFrame, as_of: pd.Timestamp) -> Ground:
    places = locate(spec.groups, spec.near, estates, areas)
    if not spec.attributes:
        return Ground(spec, places, streets(estates, areas), (), gbm.Attributes({}, {}))
    numbers = {name: values.to_numpy(dtype=float) for name, values in numbers_of(estates, as_of.year).items()}
    codes = {name: pd.factorize(estates[name], sort=True)[0].astype(float) for name in WORDS}
    attributes = gbm.Attributes(numbers, {name: np.where(code < 0, np.nan, code) for name, code in codes.items()})
    return Ground(spec, places, streets(estates, areas), terms_of(estates, as_of.year), attributes)


def _histories(
    spec: EbGlm, estates: pd.DataFrame, history: pd.DataFrame, as_of: pd.Timestamp
) -> Iterator[tuple[str, Years]]:
    """Each category with known history, by name."""
    known = known_at(history, as_of)
    known = known[known["estate"].isin(estates["estate"])]
    start = month_numbers(known["month"])
    known = known.assign(start=start, stop=start + known["months"])
    listened = known.loc[known["months"] == 1, "stop"].max()
    for name, rows in known.groupby("category", sort=True):
        yield str(name), gather(rows, listened, estates, as_of, spec.seasons.get(str(name), ()))


def _score(ground: Ground, years: Years) -> tuple[dict[str, Array], dict[str, Array]]:
    """Columns of Risk, and the points each step moves the score."""
    spec, path = ground.spec, _path(ground, years)
    _, rate, shape = path.steps[-1]
    mean = rate * years.own
    variance = _variance(mean, shape, path.shock)
    low, high = interval(mean, variance, spec.interval)
    score, moves = _points(ground, years, path)
    size = years.own if spec.score_by == "count" else np.ones_like(mean)
    columns = {
        "score": score,
        "grade": grades(score, rate * size, spec.cuts),
        "expected": mean,
        "low": low,
        "high": high,
        "months": np.full(len(mean), years.months),
        "in_top": stability(rate * size, shape, spec.top, spec.draws, spec.seed),
        "model": np.full(len(mean), path.model),
    }
    return columns, moves


def _path(ground: Ground, years: Years) -> Path:
    """From the regression, or from trees where they foretold the latest year better."""
    spec, learned = ground.spec, _learned(ground, years)
    if spec.boost and learned.foretold is not None and ground.terms:
        trees = gbm.challenge(years, ground.attributes, ground.places, learned.foretold, spec.seed)
        if trees:
            shape = np.full(len(years.own), trees.shape)
            steps = [(name, rate, shape) for name, rate in trees.steps.items()]
            known = years.size[:, 0] > 0
            calibration = _calibration(years, trees.judged, shape, 0.0, ground.street, known)
            return Path(steps, 0.0, calibration, "gbm")
    prior = build(years, spec.memory, ground.places, ground.terms)
    shape = np.full(len(years.own), prior.shape)
    one = _alone(prior, years)
    shock = min(spec.shock, _most(one)) if learned.shock is None else learned.shock
    steps = [(name, step, shape) for name, step in prior.steps.items()]
    steps.append(("own_history", *_own(spec, prior, years, one, shock)))
    return Path(steps, shock, learned.calibration, spec.kind)


def _points(ground: Ground, years: Years, path: Path) -> tuple[Array, dict[str, Array]]:
    """Score, and the points by which each step moves it."""
    size = years.own if ground.spec.score_by == "count" else np.ones_like(years.own)
    _, rate, shape = path.steps[-1]
    middle = median_ahead(rate * size, _variance(rate * size, shape, path.shock), ground.street)

    def points(mean: Array, shape: Array) -> Array:
        said = chance(mean, _variance(mean, shape, path.shock), middle)
        return on_grid(100 * np.clip(path.calibration.apply(said), 0, 1))

    name, city, first = path.steps[0]
    before = points(city, first)
    moves = {name: before}
    rest = [("households", city * size, first), *((name, rate * size, shape) for name, rate, shape in path.steps[1:])]
    for name, mean, spread in rest:
        reached = points(mean, spread)
        moves[name], before = moves.get(name, 0.0) + reached - before, reached
    return before, moves


def _variance(mean: Array, shape: Array | float, shock: float) -> Array:
    """Of the count: chance, what is not known of the rate, times what the rate will change."""
    return mean + mean**2 * _spread(shape, shock)


def _spread(shape: Array | float, shock: float) -> Array | float:
    """Squared coefficient of variation of the coming rate."""
    return 1 / shape + shock**2 * (1 + 1 / shape)


def _own(spec: EbGlm, prior: Prior, years: Years, one: Around, shock: float) -> tuple[Array, Array]:
    """(rate, shape) of each estate: the prior from whole counts, evidence as old as it will be for the time ahead."""
    even, weight = np.ones(len(years.age)), spec.memory ** (years.age - 1)
    whole, exposed = years.discounted(even)
    known = exposed > 0
    shock = min(shock, _most(one))
    steady = around(one, whole[known], (prior.rate * exposed)[known], shock**2 * years.shaken(even)[known])
    seen, size = years.discounted(weight)
    faded = np.divide(size, exposed, out=np.ones(len(size)), where=known)
    return posterior(steady, prior.rate, seen, size, shock**2 * years.shaken(weight), faded)


def _alone(prior: Prior, years: Years) -> Around:
    """Rates of a year around those of the surroundings."""
    seen, size = years.discounted(np.ones(len(years.age)))
    known = size > 0
    return alone(seen[known], (prior.rate * size)[known]) if seen.any() else plain(prior.shape)


def _most(one: Around) -> float:
    """The shock that leaves half of what a year's rates differ (logs) to what lasts."""
    return float(np.sqrt(np.sqrt(1 + 1 / one.shape) - 1))


def _learned(ground: Ground, years: Years) -> Learned:
    """Shock under which the earlier years foretell the latest best (predictive NegBin likelihood).

    Only estates with an earlier incident teach: the others may be on the list because of the latest year.
    """
    spec, latest, size = ground.spec, years.counts[:, 0], years.size[:, 0]
    if years.counts.shape[1] < 2 or latest.sum() < ENOUGH or not years.counts[:, 1:].sum():
        return Learned(None, None, AS_SAID)
    before = np.asarray(years.earlier.counts.any(axis=1))
    listed = replace(years.earlier, size=np.where(before[:, None], years.earlier.size, 0.0))
    earlier = listed if years.counts.sum(axis=1).all() else years.earlier
    prior, known = build(earlier, spec.memory, ground.places, ground.terms), (size > 0) & before
    shock = _best_shock(spec, prior, listed, latest, np.where(known, size, 0.0)) if spec.learn else spec.shock
    rate, shape = _own(spec, prior, earlier, _alone(prior, earlier), shock)
    known = known if earlier is listed else size > 0
    return Learned(shock, rate * size, _calibration(years, rate * size, shape, shock, ground.street, known))


def _best_shock(spec: EbGlm, prior: Prior, earlier: Years, latest: Array, size: Array) -> float:
    """size: (n,) exposure of the latest year, 0 = does not teach."""
    one, rows = _alone(prior, earlier), np.flatnonzero(size)
    if len(rows) > MOST:
        rows = np.random.default_rng(spec.seed).choice(rows, MOST, replace=False)
    prior, earlier, latest, size = prior.only(rows), earlier.only(rows), latest[rows], size[rows]
    best, found = -np.inf, spec.shock
    for shock in SHOCKS if latest.sum() else ():
        rate, shape = _own(spec, prior, earlier, one, shock)
        mean = rate * size * latest.sum() / (rate @ size)
        fits = float(log_likelihood(latest, mean, 1 / _spread(shape, shock)).sum())
        if fits > best:
            best, found = fits, shock
    return found


def _calibration(
    years: Years, foretold: Array, shape: Array, shock: float, street: Array, known: Array
) -> Calibration:
    """What the chances said of the latest year turned out to be."""
    mean, street = foretold[known], street[known]
    variance = _variance(mean, shape[known], shock)
    said = chance(mean, variance, median_ahead(mean, variance, street))
    return calibrated(said, exceeds_median(years.counts[known, 0], street))
