"""Every way of scoring by its kind; estates + history -> Risk and RiskDrivers."""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import pandas as pd
from pydantic import Field

from forecast.risk import eb_glm, scorecard, siblings, tables
from forecast.risk import silent as silence
from forecast.risk.eb_glm import EbGlm
from forecast.risk.scorecard import Scorecard
from forecast.risk.siblings import Spread
from forecast.risk.silent import Silent
from forecast.spec import Spec
from forecast.tables import ALL, Areas, EstateHistory, Estates, Siblings, SilentEstates, check, empty


class Auto(Spec):
    """Rates where there is history, points where there is none.

    A category with known history is scored by `eb_glm`; any other category, and ALL, by `scorecard`, if any
    attribute is known at all. `silent` and `spread`: which estates report too little, and how a confirmed type of
    incident raises its siblings.
    """

    kind: Literal["auto"] = "auto"
    scorecard: Scorecard = Scorecard()
    eb_glm: EbGlm = EbGlm()
    silent: Silent = Silent()
    spread: Spread = Spread()


Risk = Annotated[Auto | Scorecard | EbGlm, Field(discriminator="kind")]
KINDS = tuple(spec.model_fields["kind"].default for spec in get_args(get_args(Risk)[0]))


def assess(
    spec: Auto | Scorecard | EbGlm,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
    categories: Iterable[str] = (ALL,),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Risk of every estate as known at the end of month `as_of`.

    Args:
        spec: how to score. estates: Estates. history: EstateHistory. areas: Areas.
        as_of: first day of the last month known; a period that ends later never enters.
        categories: those the scorecard scores; `eb_glm` scores the ones with history.

    Returns:
        (Risk, RiskDrivers), sorted by category and estate; empty where nothing can be said.

    Raises:
        DataError: a table is not as it must be, e.g. has a column that is no attribute of estates.
    """
    estates = check(Estates, estates, "estates")
    history = check(EstateHistory, history, "estate history")
    areas = check(Areas, areas, "areas")
    if isinstance(spec, EbGlm):
        return eb_glm.assess(spec, estates, history, areas, as_of)
    if isinstance(spec, Scorecard):
        return scorecard.assess(spec, estates, history, categories, as_of)
    return _auto(spec, estates, history, areas, as_of, categories)


def silent(
    spec: Auto | Scorecard | EbGlm,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
    names: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """SilentEstates; empty with a scorecard alone, which expects no numbers. Args as `assess` and `silent.silent`."""
    if isinstance(spec, Scorecard):
        return empty(SilentEstates)
    options, rates = (spec.silent, spec.eb_glm) if isinstance(spec, Auto) else (Silent(), spec)
    return silence.silent(options, estates, history, areas, as_of, rates, names)


def spread(
    spec: Auto | Scorecard | EbGlm,
    scored: tuple[pd.DataFrame, pd.DataFrame],
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(Risk, RiskDrivers, Siblings): what `assess` gave, raised where a sibling has had more incidents of late."""
    if isinstance(spec, Scorecard):
        return *scored, empty(Siblings)
    options, cuts = (spec.spread, spec.eb_glm.cuts) if isinstance(spec, Auto) else (Spread(), spec.cuts)
    kin = siblings.siblings(options, estates, history, areas, as_of)
    return *siblings.raised(*scored, kin, cuts, as_of, options.months), kin


def labels(spec: Auto | Scorecard | EbGlm) -> pd.DataFrame:
    """DataFrame[driver, zh, en]: every driver `assess` and `spread` can name, in words."""
    if isinstance(spec, Scorecard):
        return scorecard.labels(spec)
    rates = pd.concat([eb_glm.labels(), siblings.labels()], ignore_index=True)
    return (
        rates if isinstance(spec, EbGlm) else pd.concat([scorecard.labels(spec.scorecard), rates], ignore_index=True)
    )


def _auto(
    spec: Auto,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    as_of: pd.Timestamp,
    categories: Iterable[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    told = scorecard.any_attribute(spec.scorecard, estates, as_of)
    rates, steps = eb_glm.rows(spec.eb_glm, estates, history, areas, as_of)
    rest = [category for category in categories if told and category not in set(rates["category"])]
    if not rest:
        return tables(rates, steps, as_of)
    points, reasons = scorecard.rows(spec.scorecard, estates, history, rest, as_of)
    if rates.empty:
        return tables(points, reasons, as_of)
    return tables(pd.concat([rates, points]), pd.concat([steps, reasons]), as_of)
