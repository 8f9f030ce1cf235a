"""Estates + history -> SilentEstates: where much is to be expected and little is reported, and how surely so."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.risk import exposure, on_grid
from forecast.risk._silent_words import GROUNDS, WHY_NOT, reasons
from forecast.risk._terms import WORDS, numbers_of
from forecast.risk.eb_glm import EbGlm, expectation
from forecast.spec import Spec
from forecast.tables import ALL, SilentEstates, check, conform

Array = np.ndarray

FACTORS = np.linspace(np.log(1 / 50), np.log(10), 96)
"""Logs of the factor by which an estate may differ from its like, over which the posterior is summed."""

SPREADS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Standard deviations of the log factor among estates that report as usual."""

BELIEF = 50.0
"""Estates that the share told beforehand is worth when the share is learned."""

MOST = 0.25
"""Share of silent estates above which they would be the usual ones."""

ROUNDS = 30


class Silent(Spec):
    """When an estate is called silent.

    `against`: what an estate is held against: estates of its attributes and place, or of its attributes alone
    (this also finds whole areas that report little, and mistakes quiet areas for them). `reports` (0..1): part of
    the usual reports that a silent estate makes. `share` (0..1): part of estates taken to be silent before any
    data; with `learn` the data move it. `least_expected`: incidents of the last year below which nothing can be
    told. `least_months`: months of the last year that must be on record. `settled_years`: younger estates are
    never called silent. `sure` (0..1): probability from which an estate is listed.
    """

    against: Literal["place", "attributes"] = "place"
    reports: float = Field(0.33, gt=0, lt=1)
    share: float = Field(0.05, gt=0, lt=MOST)
    learn: bool = True
    least_expected: float = Field(5.0, gt=0)
    least_months: int = Field(6, ge=1, le=12)
    settled_years: int = Field(2, ge=0)
    sure: float = Field(0.5, gt=0, lt=1)


@dataclass(frozen=True)
class Evidence:
    """seen, expected: (n, C) incidents of the last year; NaN where not known or without ground. shape: (C,) of the
    gamma of true rates around what is expected."""

    seen: Array
    expected: Array
    shape: Array


@dataclass(frozen=True)
class Groups:
    """share: of silent estates. spread: standard deviation of the log factor within either group."""

    share: float
    spread: float


def silent(
    spec: Silent,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
    rates: EbGlm | None = None,
    names: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Probability that an estate reports only a part of what happens there.

    Reports of an estate in a category are NegBin around factor x what is expected of its like. Most estates have a
    factor around 1 (log-normal, so truly better or worse homes); silent ones have `reports` times that. The share
    of silent estates and the width of the factor are those under which the reports of all estates are likeliest.
    All categories speak together (category ALL); each also for itself.

    Low need and low reporting look alike in counts: that an estate is silent means only that nothing known of it
    explains its few reports. An inspection must tell.

    Args:
        estates: Estates. history: EstateHistory; a period that ends after `as_of` is not read. areas: Areas.
        rates: how incidents are expected; None = the defaults.
        names: DataFrame[category, name, name_en] for the reasons; None = codes.

    Returns:
        SilentEstates: every estate in every category with history and ALL. `probability` is null where nothing
        can be claimed; `ground` then says why.

    Source: reports as thinned incidents, rates differing up to three times: Liu, Bhandaram & Garg 2024, Quantifying
    spatial under-reporting disparities in resident crowdsourcing, Nature Computational Science 4, §2 (they tell
    the reporting rate by repeated reports on one incident, which estate totals do not hold; here it is told
    against estates alike); posterior: Efron 2008, Microarrays, empirical Bayes and the two-groups model, §2.
    """
    found = expectation(rates or EbGlm(), estates, history, areas, as_of)
    if estates.empty or found.empty:
        return conform(SilentEstates, pd.DataFrame({"estate": [], "category": []}))
    evidence, ground = _evidence(spec, estates, found, as_of)
    groups = learned(spec, evidence)
    categories = found["category"].drop_duplicates().tolist()
    parts = []
    for position, category in [(slice(None), ALL), *((slice(k, k + 1), c) for k, c in enumerate(categories))]:
        seen, expected = evidence.seen[:, position], evidence.expected[:, position]
        one = Evidence(seen, expected, evidence.shape[position])
        parts.append(
            _rows(spec, one, groups, ground[:, position]).assign(category=category, estate=estates["estate"])
        )
    table = pd.concat(parts, ignore_index=True).assign(as_of=as_of)
    table = reasons(table, names)
    table = table.sort_values(["category", "estate"], ignore_index=True)
    return check(SilentEstates, conform(SilentEstates, table), "silent estates")


def probability(evidence: Evidence, groups: Groups, reports: float) -> Array:
    """(n,) posterior probability of the silent group."""
    usual, quiet = _mixed(_by_factor(evidence), groups, reports)
    odds = np.log(groups.share) + quiet - np.log1p(-groups.share) - usual
    return 1 / (1 + np.exp(-np.clip(odds, -700, 700)))


def learned(spec: Silent, evidence: Evidence) -> Groups:
    """Share and spread of greatest posterior density, by EM for each spread. Source: Dempster et al. 1977."""
    able = np.nansum(evidence.expected, axis=1) >= spec.least_expected
    some = Evidence(evidence.seen[able], evidence.expected[able], evidence.shape)
    at = _by_factor(some)
    best, found = -np.inf, Groups(spec.share, SPREADS[3])
    for spread in SPREADS if spec.learn and able.any() else ():
        share = spec.share
        for _ in range(ROUNDS):
            usual, quiet = _mixed(at, Groups(share, spread), spec.reports)
            both = np.logaddexp(np.log1p(-share) + usual, np.log(share) + quiet)
            weight = np.exp(np.log(share) + quiet - both)
            told = BELIEF * (spec.share * np.log(share) + (1 - spec.share) * np.log1p(-share))
            value = float(both.sum() + told)
            if value > best:
                best, found = value, Groups(share, spread)
            share = min((weight.sum() + BELIEF * spec.share) / (len(weight) + BELIEF), MOST)
    return found


def _by_factor(evidence: Evidence) -> Array:
    """(n, factors) likelihood of an estate's reports at each factor, against that at the likeliest one."""
    total = np.zeros((len(evidence.seen), len(FACTORS)))
    for seen, expected, shape in zip(evidence.seen.T, evidence.expected.T, evidence.shape, strict=True):
        known = ~np.isnan(seen) & (expected > 0)
        y, mean = seen[known, None], expected[known, None]
        total[known] += y * FACTORS - (shape + y) * np.log(shape + mean * np.exp(FACTORS))
        total[known] += (shape + y) * np.log(shape + mean)
    return np.exp(total - total.max(axis=1, keepdims=True))


def _mixed(at: Array, groups: Groups, reports: float) -> tuple[Array, Array]:
    """(n,) log likelihood if the estate reports as usual, and if it is silent.

    What silent estates do not report lies in the mean of all, so the usual ones stand above it.
    """
    level = -np.log1p(-groups.share * (1 - reports)) - groups.spread**2 / 2
    usual, quiet = (at @ _density(middle, groups.spread) for middle in (level, level + np.log(reports)))
    return np.log(usual + 1e-300), np.log(quiet + 1e-300)


def _density(middle: float, spread: float) -> Array:
    """(factors,) weights of a normal law of the log factor."""
    weight = np.exp(-(((FACTORS - middle) / spread) ** 2) / 2)
    return weight / weight.sum()


def _evidence(
    spec: Silent, estates: pd.DataFrame, found: pd.DataFrame, as_of: pd.Timestamp
) -> tuple[Evidence, Array]:
    """What may speak, and (n, C) on what ground."""
    n = len(estates)
    sheet = {name: found[name].to_numpy(dtype=float).reshape(-1, n).T for name in found.columns[2:]}
    own = exposure(estates).to_numpy()[:, None]
    heard = np.divide(sheet["exposed"], sheet["by_attributes"])
    expected = heard * sheet[f"by_{spec.against}"]
    ground = _ground(spec, estates, sheet["by_attributes"] / own, sheet["by_place"] / sheet["by_attributes"])
    ground[estates["households"].isna().to_numpy()] = "unsized"
    ground[12 * heard < spec.least_months] = "unheard"
    ground[_age(estates, as_of) < spec.settled_years] = "new"
    ground[(estates["valid_to"] <= as_of + pd.offsets.MonthEnd()).to_numpy()] = "gone"
    mute = np.isin(ground, list(WHY_NOT))
    seen = np.where(mute, np.nan, sheet["seen"])
    shape = 1 / sheet[f"dispersion_by_{spec.against}"][0]
    return Evidence(seen, np.where(mute, np.nan, expected), shape), ground


def _ground(spec: Silent, estates: pd.DataFrame, by_attributes: Array, by_place: Array) -> Array:
    """(n, C) both, attributes, place or none: what tells this estate from any other, rates per exposure."""
    numbers = numbers_of(estates, 0)
    facts = [values.notna() for name, values in numbers.items() if name != "households"]
    known = np.any([*facts, *(estates[name].notna() for name in WORDS)], axis=0)
    point = estates[["lon", "lat"]].notna().all(axis=1)
    somewhere = (estates["area"].notna() | estates["zone"].notna() | point).to_numpy()
    told = known[:, None] & _tells(by_attributes)
    placed = somewhere[:, None] & _tells(by_place) & (spec.against == "place")
    return np.select([told & placed, told, placed], ["both", "attributes", "place"], "none").astype(object)


def _tells(rates: Array) -> Array:
    """(C,) whether the rates of a category differ between estates at all."""
    return np.ptp(rates, axis=0) > 1e-9 * np.abs(rates).max(axis=0)


def _age(estates: pd.DataFrame, as_of: pd.Timestamp) -> Array:
    """(n,) whole years an estate has surely been there; infinite where nothing is said."""
    end = as_of + pd.offsets.MonthBegin(1)
    since = (end - estates["valid_from"]).dt.days / 365.25
    built = as_of.year - estates["built_year"]
    return np.fmin(since.fillna(np.inf), built.fillna(np.inf)).to_numpy(dtype=float)


def _rows(spec: Silent, evidence: Evidence, groups: Groups, ground: Array) -> pd.DataFrame:
    """Columns of one category, or of all together."""
    known = ~np.isnan(evidence.seen)
    some = known.any(axis=1)
    expected = np.where(some, np.nansum(evidence.expected, axis=1), np.nan)
    reported = np.where(some, np.nansum(evidence.seen, axis=1), np.nan)
    within = np.nansum(evidence.expected**2 / evidence.shape, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(within / expected**2 + np.expm1(groups.spread**2))
    able = some & (expected >= spec.least_expected)
    said = np.where(able, probability(evidence, groups, spec.reports), np.nan)
    return pd.DataFrame(
        {
            "expected": expected,
            "reported": reported,
            "spread": np.where(able, spread, np.nan),
            "probability": said,
            "score": on_grid(100 * said),
            "listed": said >= spec.sure,
            "ground": np.where(some & ~able, "few", _together(ground)),
        }
    )


def _together(ground: Array) -> Array:
    """(n,) the widest ground of an estate's categories; where there is none, the first reason for that."""
    has = {name: (ground == name).any(axis=1) for name in (*GROUNDS, *WHY_NOT)}
    has["both"] |= has["attributes"] & has["place"]
    return np.select(list(has.values()), list(has), "none").astype(object)
