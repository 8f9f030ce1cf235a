"""The catalogue: one door, two ways of scoring, the same tables."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.errors import DataError
from forecast.risk.catalogue import Auto, assess, labels, silent, spread
from forecast.risk.eb_glm import EbGlm
from forecast.risk.scorecard import Scorecard
from forecast.tables import (
    ALL,
    Areas,
    EstateHistory,
    Estates,
    RiskDrivers,
    Siblings,
    SilentEstates,
    check,
    conform,
    empty,
)
from forecast.tables import Risk as RiskTable

AS_OF = pd.Timestamp("2023-12-01").as_unit("us")
NO_HISTORY, NO_AREAS = empty(EstateHistory), empty(Areas)


def estates(n: int = 6, **columns: Any) -> pd.DataFrame:
    names = [f"e{k}" for k in range(n)]
    return conform(Estates, pd.DataFrame({"estate": names, "name": names, **columns}))


def heat(n: int = 6) -> pd.DataFrame:
    frame = pd.DataFrame({"estate": [f"e{k}" for k in range(n)], "category": "heat", "months": 12})
    return conform(EstateHistory, frame.assign(month=pd.Timestamp("2023-01-01"), incidents=range(n)))


@pytest.mark.parametrize("spec", [Auto(), Scorecard(), EbGlm()], ids=lambda spec: spec.kind)
def test_every_kind_gives_the_same_tables(spec: Any) -> None:
    risk, drivers = assess(spec, estates(built_year=1980.0), heat(), NO_AREAS, AS_OF)
    check(RiskTable, risk)
    check(RiskDrivers, drivers)
    assert len(risk)
    assert set(risk["as_of"]) == {AS_OF}
    assert set(drivers["driver"]) <= set(labels(spec)["driver"])
    assert not labels(spec).duplicated("driver").any()
    assert risk.equals(risk.sort_values(["category", "estate"], ignore_index=True))
    again = assess(spec, estates(built_year=1980.0), heat().iloc[::-1], NO_AREAS, AS_OF)
    assert risk.to_csv() == again[0].to_csv()


def test_auto_takes_rates_where_there_is_history_and_points_elsewhere() -> None:
    known = estates(built_year=[1950.0, *[np.nan] * 5])
    risk, _ = assess(Auto(), known, heat(), NO_AREAS, AS_OF, (ALL, "heat", "2A"))
    has_expected = risk.groupby("category")["expected"].apply(lambda x: x.notna().all())
    assert has_expected.to_dict() == {ALL: False, "2A": False, "heat": True}
    risk, _ = assess(Auto(), known, heat(), NO_AREAS, pd.Timestamp("2023-11-01").as_unit("us"), (ALL, "heat"))
    assert risk["expected"].isna().all()  # the year has not ended: points for heat too
    assert set(risk["category"]) == {ALL, "heat"}


def test_auto_without_attributes_says_nothing_by_points() -> None:
    assert set(assess(Auto(), estates(), heat(), NO_AREAS, AS_OF)[0]["category"]) == {"heat"}
    risk, drivers = assess(Auto(), estates(), NO_HISTORY, NO_AREAS, AS_OF)
    assert risk.empty
    assert drivers.empty
    assert assess(Auto(), empty(Estates), NO_HISTORY, NO_AREAS, AS_OF)[0].empty


@pytest.mark.parametrize("column", ["ethnicity", "income"])
def test_a_column_that_is_no_attribute_of_estates_is_refused_by_name(column: str) -> None:
    with pytest.raises(DataError, match=column):
        assess(Auto(), estates().assign(**{column: 1.0}), NO_HISTORY, NO_AREAS, AS_OF)


def test_many_estates_are_quick() -> None:
    rng = np.random.default_rng(0)
    n = 5000
    table = estates(
        n, built_year=rng.integers(1950, 2020, n).astype(float), households=rng.integers(50, 900, n) * 1.0
    )
    parts = [heat(n).assign(category=name, incidents=rng.poisson(rng.gamma(1, 2, n))) for name in "abcdef"]
    risk, _ = assess(Auto(), table, pd.concat(parts, ignore_index=True), NO_AREAS, AS_OF)
    assert len(risk) == 7 * n


@pytest.mark.parametrize("spec", [Auto(), Scorecard(), EbGlm()], ids=lambda spec: spec.kind)
def test_silent_and_siblings_come_with_rates_alone(spec: Any) -> None:
    known, past = estates(built_year=1980.0), heat()
    before = assess(spec, known, past, NO_AREAS, AS_OF)
    risk, drivers, kin = spread(spec, before, known, past, NO_AREAS, AS_OF)
    assert (risk.to_csv(), drivers.to_csv()) == (before[0].to_csv(), before[1].to_csv())  # yearly: nothing confirmed
    check(Siblings, kin)
    assert ("sibling" in set(labels(spec)["driver"])) == (spec.kind != "scorecard")
    quiet = check(SilentEstates, silent(spec, known, past, NO_AREAS, AS_OF))
    assert quiet.empty == (spec.kind == "scorecard")
    assert not quiet["listed"].any()
