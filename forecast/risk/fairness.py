"""Risk + Estates + EstateHistory -> Fairness: who gets the slots, against where the need is expected."""

from itertools import pairwise
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from scipy import sparse

from forecast.protected import is_protected
from forecast.risk import exposure, known_at
from forecast.spec import Spec
from forecast.tables import ALL, check, conform
from forecast.tables import Fairness as Table

Array = np.ndarray

ENOUGH = 5
"""Slots that a group has, or would have by its need, for an interval: resamples of none are all none."""

UNKNOWN = "unknown"
TEXTS = ("zone", "tenure", "mgmt_type", "owners_body", "heat_type")
BANDS = ("building_age", "elderly_share")


def _allowed(name: str) -> str:
    if is_protected(name):
        raise ValueError(f"{name!r} may not group homes: protected attributes are never read")
    if name not in (*TEXTS, *BANDS):
        raise ValueError(f"{name!r} groups no homes; allowed are {', '.join([*TEXTS, *BANDS])}")
    return name


class Fairness(Spec):
    """Slots against expected need, by group of estates.

    `by`: zone, building_age, tenure, elderly_share, mgmt_type, owners_body or heat_type. `ages`: years, and
    `elderly`: shares (0..1), at which a band ends (our assumption). `top`: the slots are the first `top` estates by
    score; 0 = those in red and orange. `interval`: probability that low..high holds, from `draws` resamples.
    """

    by: tuple[Annotated[str, AfterValidator(_allowed)], ...] = ("zone", "building_age", "tenure", "elderly_share")
    ages: tuple[int, ...] = (20, 30, 40)
    elderly: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.36)
    top: int = Field(0, ge=0)
    interval: float = Field(0.95, gt=0, lt=1)
    draws: int = Field(400, ge=1)
    seed: int = Field(20, ge=0)


def fairness(
    spec: Fairness,
    risk: pd.DataFrame,
    estates: pd.DataFrame,
    capped: pd.DataFrame,
    uncapped: pd.DataFrame,
    as_of: pd.Timestamp,
    slots: pd.Series | None = None,
) -> pd.DataFrame:
    """Share of slots of each group of estates ÷ its share of the expected need.

    Need is expected incidents: of ALL where it is foretold, else of all categories added up; where no category
    has expected incidents, households stand for it. Scores rest on `capped` history; `uncapped_*` says what the
    need would be if the incidents of repeat callers counted in full: need x all incidents ÷ capped ones.

    Args:
        risk: Risk. estates: Estates. capped, uncapped: EstateHistory; periods that end after `as_of` are not read.
        slots: estate ids, one a slot, e.g. of the tasks of a plan; None = what `spec.top` says.

    Returns:
        Fairness, by group. `ratio` 1 = slots as need, above 1 = more slots than need; null where no slot was given
        or no need is expected. `low`..`high`: percentile interval over resampled estates; null where the group has
        fewer than 5 slots and would by its need.

    Source: percentile bootstrap: Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13.
    """
    rows, basis = _judged(risk)
    ids = pd.Index(estates["estate"])
    given = _given(spec, rows) if slots is None else slots
    taken = given.value_counts().reindex(ids, fill_value=0).to_numpy(dtype=float)
    if basis == "incidents":
        need = rows.groupby("estate")["expected"].sum().reindex(ids, fill_value=0.0).to_numpy(dtype=float)
        loud = need * _louder(rows, ids, capped, uncapped, as_of)
    else:
        need = loud = exposure(estates).where(ids.isin(rows["estate"]), 0.0).to_numpy(dtype=float)
    parts = [
        _grouped(spec, name, _groups(spec, name, estates, as_of), np.column_stack([taken, need, loud]))
        for name in spec.by
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return check(Table, conform(Table, table.assign(basis=basis, as_of=as_of)), "fairness")


def _judged(risk: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """(rows of Risk that count, what need is told by)."""
    general = risk[risk["category"] == ALL]
    if general["expected"].notna().any():
        return general, "incidents"
    foretold = risk[risk["expected"].notna()]
    if len(foretold):
        return foretold, "incidents"
    return (general if len(general) else risk), "households"


def _given(spec: Fairness, rows: pd.DataFrame) -> pd.Series:
    """Estate of each slot."""
    if not spec.top:
        return rows.loc[rows["grade"].isin(["red", "orange"]), "estate"]
    order = ["score", "expected", "estate", "category"]
    first = rows.sort_values(order, ascending=[False, False, True, True]).drop_duplicates("estate")
    return first["estate"].head(spec.top)


def _louder(
    rows: pd.DataFrame, ids: pd.Index, capped: pd.DataFrame, uncapped: pd.DataFrame, as_of: pd.Timestamp
) -> Array:
    """(n,) all known incidents ÷ capped ones; 1 where none was capped."""
    sums = []
    for history in (uncapped, capped):
        known = known_at(history, as_of)
        known = known if (rows["category"] == ALL).any() else known[known["category"].isin(rows["category"])]
        sums.append(known.groupby("estate")["incidents"].sum().reindex(ids, fill_value=0).to_numpy(dtype=float))
    every, fewer = sums
    return np.divide(every, fewer, out=np.ones(len(ids)), where=fewer > 0)


def _groups(spec: Fairness, name: str, estates: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    """Group of each estate as an ordered category; the last is UNKNOWN."""
    if name in TEXTS:
        words = estates[name].str.strip().replace("", None)
        order = sorted(words.dropna().unique())
        return pd.Series(pd.Categorical(words.fillna(UNKNOWN), [*(w for w in order if w != UNKNOWN), UNKNOWN]))
    age = name == "building_age"
    values = (as_of.year - estates["built_year"]) if age else estates["elderly_share"]
    ends = sorted(set(spec.ages if age else spec.elderly))
    sign, scale = ("", 1) if age else ("%", 100)
    told = [f"{scale * end:g}" for end in ends]
    between = [f"{low}–{high}{sign}" for low, high in pairwise(told)]
    names = [f"<{told[0]}{sign}", *between, f"≥{told[-1]}{sign}"] if ends else ["≥0"]
    place = np.searchsorted(ends, values.to_numpy(dtype=float), side="right")
    names, place = [*names, UNKNOWN], np.where(values.isna(), len(names), np.minimum(place, len(names) - 1))
    return pd.Series(pd.Categorical([names[k] for k in place], names))


def _grouped(spec: Fairness, name: str, groups: pd.Series, figures: Array) -> pd.DataFrame:
    """Rows of Fairness of one grouping. figures: (n, 3) slots, need, need with repeat callers in full."""
    codes, names = groups.cat.codes.to_numpy(), groups.cat.categories
    size = np.bincount(codes, minlength=len(names))
    sums = _sums(codes, figures, len(names))
    ratio, loud = _ratio(sums, 1), _ratio(sums, 2)
    low, high = _ends(_resampled(spec, codes, figures[:, :2], len(names)), spec.interval)
    share = _shares(sums)
    few = ~(np.fmax(sums[:, 0], sums[:, 0].sum() * share[:, 1]) >= ENOUGH)
    low[few] = high[few] = np.nan
    table = pd.DataFrame(
        {
            "by": name, "group": names.astype(str), "estates": size, "slots": sums[:, 0].astype(int),
            "slots_share": share[:, 0], "need": sums[:, 1], "need_share": share[:, 1],
            "ratio": ratio, "low": low, "high": high, "uncapped_share": share[:, 2], "uncapped_ratio": loud,
        }
    )  # fmt: skip
    return table[table["estates"] > 0]


def _resampled(spec: Fairness, codes: Array, figures: Array, groups: int) -> Array:
    """(draws, groups) ratios of estates drawn with replacement. figures: (n, 2) slots, need."""
    rng, n = np.random.default_rng(spec.seed), len(codes)
    place = np.arange(n)
    slots, need = (sparse.csr_array((column, (codes, place)), shape=(groups, n)) for column in figures.T)
    draws = np.full((spec.draws, groups), np.nan)
    for draw in range(spec.draws if n else 0):
        times = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        draws[draw] = _ratio(np.column_stack([slots @ times, need @ times]), 1)
    return draws


def _sums(codes: Array, figures: Array, groups: int) -> Array:
    return np.column_stack([np.bincount(codes, column, groups) for column in figures.T])


def _shares(sums: Array) -> Array:
    """Each column ÷ its total; null where the total is 0."""
    total = sums.sum(axis=0)
    return np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)


def _ratio(sums: Array, need: int) -> Array:
    """Share of slots ÷ share of the need in column `need`."""
    share = _shares(sums)
    return np.divide(share[:, 0], share[:, need], out=np.full(len(sums), np.nan), where=share[:, need] > 0)


def _ends(draws: Array, interval: float) -> tuple[Array, Array]:
    """Percentiles over the draws in which there is a ratio; null where there is in none."""
    tails = [(1 - interval) / 2, (1 + interval) / 2]
    found = np.full((2, draws.shape[1]), np.nan)
    here = ~np.isnan(draws).all(axis=0)
    if here.any():
        found[:, here] = np.nanquantile(draws[:, here], tails, axis=0)
    return found[0], found[1]
