"""Every way of scoring by its kind; estates + history -> Risk and RiskDrivers."""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import pandas as pd
from pydantic import Field

from forecast.risk import eb_glm, scorecard, tables
from forecast.risk.eb_glm import EbGlm
from forecast.risk.scorecard import Scorecard
from forecast.spec import Spec
from forecast.tables import ALL, Areas, EstateHistory, Estates, check


class Auto(Spec):
    """Rates where there is history, points where there is none.

    A category with known history is scored by `eb_glm`; any other category, and ALL, by `scorecard`, if any
    attribute is known at all.
    """

    kind: Literal["auto"] = "auto"
    scorecard: Scorecard = Scorecard()
    eb_glm: EbGlm = EbGlm()


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


def labels(spec: Auto | Scorecard | EbGlm) -> pd.DataFrame:
    """DataFrame[driver, zh, en]: every driver `assess` can name, in words."""
    if isinstance(spec, EbGlm):
        return eb_glm.labels()
    if isinstance(spec, Scorecard):
        return scorecard.labels(spec)
    return pd.concat([scorecard.labels(spec.scorecard), eb_glm.labels()], ignore_index=True)


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
