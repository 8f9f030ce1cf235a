"""Known years + attributes -> rates by boosted trees, handed on only where they foretell the last year better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.risk._prior import Places
from forecast.risk._terms import shape_of
from forecast.risk._years import Years

Array = np.ndarray

LEAST_YEARS = 3
"""One to learn from, one to learn, one to judge by."""

ENOUGH, ENOUGH_ESTATES = 300, 200
"""Incidents of a year, and estates, below which trees are not tried."""

MOST = 20_000
"""Estates that trees are grown on; more change little and cost time."""

SURE = 1.645
"""Standard errors by which the deviance must fall: 5 % on one side."""

TREES = 80
OPTIONS = {
    "objective": "poisson",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
RISING = frozenset(
    ("building_age", "renovation_age", "roof_age", "pipe_age", "heat_pipe_age", "fees_unpaid", "fund_low", "near",
     "own_history")
)  # fmt: skip
"""More of these never means fewer incidents."""

PLAIN = 1.0
"""Expected incidents at which a record of its own, or of the neighbours, counts half."""


@dataclass(frozen=True)
class Attributes:
    """numbers, words: name -> (n,) values, NaN = unknown; words are codes."""

    numbers: Mapping[str, Array]
    words: Mapping[str, Array]


@dataclass(frozen=True)
class Boosted:
    """steps: driver -> (n,) rate after it, from the city's. shape: of the gamma around the coming count.

    judged: (n,) incidents foretold for the last known year.
    """

    steps: dict[str, Array]
    shape: float
    judged: Array


def challenge(years: Years, attributes: Attributes, places: Places, rival: Array, seed: int) -> Boosted | None:
    """Trees that learned one year ahead, where they foretell the latest year better than `rival`; else None.

    Trees that learned the year before last from those earlier are judged on the latest; then new ones learn the
    latest for the time ahead. No year is judged that was learned.

    Args:
        rival: (n,) incidents of the latest year as foretold from the years before it.

    Source: monotone trees: Ke et al. 2017, LightGBM, with the constraints of its manual; contributions: Lundberg
    et al. 2020, From local explanations to global understanding with explainable AI for trees.
    """
    latest = years.counts[:, 0]
    known = (
        (years.size[:, :2] > 0).all(axis=1) if years.counts.shape[1] >= LEAST_YEARS else np.zeros(len(latest), bool)
    )
    if known.sum() < ENOUGH_ESTATES or years.counts[known, :2].sum(axis=0).min() < ENOUGH:
        return None
    first = _grown(years.earlier.earlier, years.counts[:, 1], years.size[:, 1], attributes, places, seed)
    judged = first.rate(_facts(years.earlier, attributes, places)) * years.size[:, 0]
    judged *= latest[known].sum() / judged[known].sum()
    rival = rival * latest[known].sum() / rival[known].sum()
    better = (_deviances(latest, rival) - _deviances(latest, judged))[known]
    if better.mean() <= SURE * better.std() / np.sqrt(len(better)):
        return None
    trees = _grown(years.earlier, latest, years.size[:, 0], attributes, places, seed)
    steps = trees.steps(_facts(years, attributes, places))
    rate = list(steps.values())[-1]
    level = latest[known].sum() / (rate * years.size[:, 0])[known].sum()
    steps = {name: step * level for name, step in steps.items()}
    return Boosted(steps, shape_of(latest[known], judged[known]), judged)


@dataclass(frozen=True)
class _Trees:
    """city: incidents per exposure that the booster corrects."""

    booster: Any
    city: float

    def rate(self, facts: dict[str, Array]) -> Array:
        return self.city * np.exp(self.booster.predict(np.column_stack(list(facts.values())), raw_score=True))

    def steps(self, facts: dict[str, Array]) -> dict[str, Array]:
        parts = self.booster.predict(np.column_stack(list(facts.values())), pred_contrib=True)
        log = np.log(self.city) + parts[:, -1]
        found = {"city": np.exp(log)}
        for name, part in zip(facts, parts.T, strict=False):
            log = log + part
            found[name] = np.exp(log)
        return found


def _grown(before: Years, counts: Array, size: Array, attributes: Attributes, places: Places, seed: int) -> _Trees:
    """Trees that foretell `counts` from what was known `before`."""
    import lightgbm

    facts = _facts(before, attributes, places)
    rows = np.flatnonzero(size > 0)
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST, replace=False))
    city = counts[rows].sum() / size[rows].sum()
    names = list(facts)
    options = OPTIONS | {"seed": seed, "monotone_constraints": [int(name in RISING) for name in names]}
    shown = lightgbm.Dataset(
        np.column_stack(list(facts.values()))[rows],
        counts[rows],
        init_score=np.log(size[rows] * city),
        categorical_feature=[names.index(name) for name in attributes.words],
        params={"verbose": -1},
    )
    return _Trees(lightgbm.train(options, shown, TREES), float(city))


def _facts(years: Years, attributes: Attributes, places: Places) -> dict[str, Array]:
    """Driver -> (n,) figure known before the year that is foretold; the own record is the last."""
    weight = 0.8 ** (years.age - years.age[0])
    seen, size = years.discounted(weight)
    usual = size * seen.sum() / size.sum()
    kernel = np.exp(-places.distance)
    found = {**attributes.numbers, **attributes.words}
    for name, codes in places.groups.items():
        codes = np.where(codes < 0, codes.max(initial=-1) + 1, codes)  # those without a group are one
        found[name] = _ratio(*(np.bincount(codes, figure)[codes] - figure for figure in (seen, usual)))
    found["near"] = _ratio(*((kernel * figure[places.near]).sum(axis=1) for figure in (seen, usual)))
    found["own_history"] = _ratio(seen, usual)
    return found


def _ratio(seen: Array, usual: Array) -> Array:
    return np.log((seen + PLAIN) / (np.maximum(usual, 0.0) + PLAIN))


def _deviances(came: Array, mean: Array) -> Array:
    """(n,) Poisson deviance. Source: McCullagh & Nelder 1989 §2.3."""
    from scipy.special import xlogy

    mean = np.maximum(mean, 1e-9)
    return 2 * (xlogy(came, came / mean) - (came - mean))
