"""Counts + areas + dated successions -> counts and areas in the names of a month: history follows splits and mergers.

A code that ended is carried over to its heirs. One heir takes all of it; several share it as they ran since, as far
as known at that month. Whole numbers stay whole, sums stay what they were, later months change nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.errors import Fault
from forecast.months import bounds, month_of
from forecast.spec import Names, Spec
from forecast.tables import Counts, conform

FIGURES = ["orders", "incidents", "callers"]

LONG_AGO = pd.Timestamp("1700-01-01").as_unit("us")
LATE = pd.Timestamp("2200-01-01").as_unit("us")

TIE = 1e-9
"""Halves are rounded up, however the last digits of a share fell."""

WORTH = 10.0
"""Requests that a share known before weighs against those counted: city against area, households against city."""


class Succession(Spec):
    """From the day `since` on, the codes `before` are the codes `after`.

    One to several is a split, several to one a merger, one to one a new code. A code that stands on both sides
    goes on and keeps its share.
    """

    before: Annotated[Names, Field(min_length=1)]
    after: Annotated[Names, Field(min_length=1)]
    since: date


class Changes(Spec):
    """Which categories followed which (areas say it in their table), in months that start on a day."""

    categories: tuple[Succession, ...] = ()
    month_starts_on: int = Field(1, ge=1, le=28)


NONE = Changes()


@dataclass(frozen=True)
class _Step:
    """One change. `month`: the one the change falls in; `prior`: (heirs,) share of each before anything is seen."""

    key: Literal["area", "category"]
    before: tuple[str, ...]
    heirs: tuple[str, ...]
    month: pd.Timestamp
    prior: np.ndarray


def faults(successions: Iterable[Succession], codes: Iterable[str]) -> list[Fault]:
    """What is wrong with the successions of categories.

    Args:
        successions: of one taxonomy.
        codes: all its codes; none = any text may be a category.
    """
    codes, seen, found = set(codes), set(), []
    for step in successions:
        where = f"categories.changes since {step.since}"
        unknown = sorted({*step.before, *step.after} - codes) if codes else []
        again = sorted({code for code in step.before if (code, step.since) in seen})
        twice = sorted({code for side in (step.before, step.after) for code in side if side.count(code) > 1})
        seen |= {(code, step.since) for code in step.before}
        if unknown:
            fix = "list it as a category, the old ones too"
            found.append(Fault(f"unknown category {', '.join(unknown)}", where, fix))
        if again:
            fix = "write all its heirs in one change"
            found.append(Fault(f"{', '.join(again)} has another change on that day", where, fix))
        if twice:
            found.append(Fault(f"names {', '.join(twice)} twice", where, "name each code once"))
        if step.before == step.after:
            found.append(Fault("changes nothing", where, "name other codes in `before` or `after`"))
    return found


def carry(
    counts: pd.DataFrame, areas: pd.DataFrame, changes: Changes, at: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts and areas in the names that hold when month `at` is over.

    A change counts when it holds on the first day after `at`; later ones are not known yet. History goes to the
    heirs by the shares `_shares` finds in the months from the change to `at`, whole number by whole number (see
    `whole`). Rows with an ended code that come after the change are carried too. Coverage is not judged here.

    Args:
        counts: Counts; rows without area are dropped, months after `at` only renamed.
        areas: Areas; `predecessors` and `valid_from` of an area say what it followed and when. A predecessor that
            is still valid goes on and keeps its share.
        changes: successions of categories, and the day a month starts on.
        at: first day of the last month known.

    Returns:
        Counts: the sum of every month is that of `counts`. Areas: heirs are as old as what they followed;
        `valid_from` and `valid_to` are first days of the months that contain them.
    """
    begin = bounds(at, changes.month_starts_on)[1]
    counts = counts[counts["area"].notna()]
    steps = _category_steps(changes, begin) + _area_steps(areas, changes.month_starts_on, begin)
    for key in ("category", "area"):
        counts = _all_handed_on(counts, [step for step in steps if step.key == key], at)
    if steps:
        counts = counts.groupby(["area", "category", "month"], as_index=False)[FIGURES].sum()
    return conform(Counts, counts), _as_old_as_their_past(areas, steps, changes.month_starts_on)


def comparable(
    cells: pd.DataFrame, months: pd.DatetimeIndex, areas: pd.DataFrame, changes: Changes, at: pd.Timestamp
) -> np.ndarray:
    """(cells, months) whether a cell still is what it was at the end of month `at`.

    It is until a change not yet known then touches its area or its category, on either side.

    Args:
        cells: area, category.
        areas, changes, at: as for `carry`.
    """
    starts_on = changes.month_starts_on
    begin = bounds(at, starts_on)[1]
    later = Changes(
        categories=tuple(step for step in changes.categories if pd.Timestamp(step.since) > begin),
        month_starts_on=starts_on,
    )
    steps = _category_steps(later, LATE) + _area_steps(areas[areas["valid_from"] > begin], starts_on, LATE)
    still = np.ones((len(cells), len(months)), dtype=bool)
    for step in steps:
        touched = cells[step.key].isin({*step.before, *step.heirs}).to_numpy()
        still &= ~(touched[:, None] & (months >= step.month)[None])
    return still


def lineage(areas: pd.DataFrame) -> pd.DataFrame:
    """DataFrame[area, earlier]: each area with every area it followed, near or far."""
    near = areas.loc[areas["predecessors"].fillna("") != "", ["area", "predecessors"]]
    near = near.assign(earlier=near["predecessors"].str.split("|")).explode("earlier")[["area", "earlier"]]
    pairs = seen = near.reset_index(drop=True)
    while len(pairs):
        pairs = pairs.merge(near.rename(columns={"area": "earlier", "earlier": "next"}), on="earlier")
        pairs = pairs[["area", "next"]].rename(columns={"next": "earlier"})
        pairs = pairs[~pd.MultiIndex.from_frame(pairs).isin(pd.MultiIndex.from_frame(seen))].drop_duplicates()
        seen = pd.concat([seen, pairs], ignore_index=True)
    return seen


def whole(figures: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Share out whole numbers so that nothing is lost and small ones even out along the rows.

    Each heir in turn takes its part of what is left; what rounding gives it too much in one row it gets less in a
    later one. So its running sum is never more than a few requests from its share, where rounding each row alone
    would give every single request to the larger heir.

    Args:
        figures: (rows,) whole numbers >= 0, the rows of a series one after the other.
        share: (rows, heirs), each row sums to 1.

    Returns:
        (rows, heirs) whole numbers >= 0; each row sums to its figure.

    Source: rounding the running sum, i.e. first-order error diffusion (Floyd & Steinberg 1976) in one dimension.
    """
    out = np.zeros(share.shape, dtype="int64")
    left, rest = figures.astype("int64"), np.ones(len(share))
    for heir in range(share.shape[1] - 1):
        part = np.divide(share[:, heir], rest, out=np.zeros(len(share)), where=rest > 0)
        running = np.floor(np.cumsum(left * np.clip(part, 0, 1)) + 0.5 + TIE)
        out[:, heir] = np.clip(np.diff(running, prepend=0.0), 0, left)
        left, rest = left - out[:, heir], rest - share[:, heir]
    out[:, -1] = left
    return out


def _category_steps(changes: Changes, begin: pd.Timestamp) -> list[_Step]:
    return [
        _Step(
            "category", step.before, step.after, _month(step.since, changes.month_starts_on), _even(len(step.after))
        )
        for step in changes.categories
        if pd.Timestamp(step.since) <= begin
    ]


def _area_steps(areas: pd.DataFrame, starts_on: int, begin: pd.Timestamp) -> list[_Step]:
    """Heirs of one area in one month are one change."""
    new = areas[(areas["predecessors"].fillna("") != "") & (areas["valid_from"] <= begin)]
    pairs = new.assign(before=new["predecessors"].str.split("|")).explode("before")
    pairs["month"] = month_of(pd.DatetimeIndex(pairs["valid_from"]), starts_on)
    last = pairs.groupby("before")["month"].max()
    known = areas.set_index("area")
    goes_on = known["valid_to"].isna() | (known["valid_to"] >= begin)
    steps = []
    for before, month in sorted(set(zip(pairs["before"], pairs["month"], strict=True))):
        heirs = pairs.loc[(pairs["before"] == before) & (pairs["month"] == month), "area"]
        own = [before] if goes_on.get(before, False) or month < last[before] else []
        codes = tuple(dict.fromkeys([*own, *sorted(heirs)]))
        steps.append(_Step("area", (before,), codes, month, _by_households(known["households"].reindex(list(codes)))))
    return steps


def _month(day: date, starts_on: int) -> pd.Timestamp:
    return month_of(pd.DatetimeIndex([day]), starts_on)[0]


def _even(number: int) -> np.ndarray:
    return np.full(number, 1 / number)


def _by_households(households: pd.Series) -> np.ndarray:
    """Shares by households where all are known, else even ones."""
    figures = households.to_numpy(dtype=float)
    return figures / figures.sum() if (figures > 0).all() else _even(len(figures))


def _all_handed_on(counts: pd.DataFrame, steps: list[_Step], at: pd.Timestamp) -> pd.DataFrame:
    """All changes of areas, or of categories, in order of time; rows that none concerns are left alone."""
    if not steps:
        return counts
    key = steps[0].key
    concerned = counts[key].isin({code for step in steps for code in (*step.before, *step.heirs)})
    rest, counts = counts[~concerned], counts[concerned]
    for month in sorted({step.month for step in steps}):
        later = [step for step in steps if step.month > month]
        counts = _handed_on(counts, [step for step in steps if step.month == month], later, at)
    return pd.concat([rest, counts], ignore_index=True)


def _handed_on(counts: pd.DataFrame, steps: list[_Step], later: Sequence[_Step], at: pd.Timestamp) -> pd.DataFrame:
    """All changes of one month at once, so that codes may change places."""
    key, month = steps[0].key, steps[0].month
    old = {code for step in steps for code in step.before}
    heirs = {code for step in steps for code in step.heirs}
    goes_on = heirs | {code for step in later for code in step.heirs}
    moves = counts[key].isin(old) & ((counts["month"] < month) | ~counts[key].isin(goes_on))
    if not moves.any():
        return counts
    moving = counts[moves]
    since = counts[(counts["month"] >= month) & (counts["month"] <= at)]
    since = since[since[key].isin(heirs)]
    parts = [counts[~moves]]
    for step in steps:
        touched = [other.month for other in later if {*other.before, *other.heirs} & {*step.heirs}]
        known = since[since["month"] < min(touched)] if touched else since
        parts += _parts(moving[moving[key].isin(step.before)], known, step, at)
    return pd.concat(parts, ignore_index=True)


def _parts(rows: pd.DataFrame, known: pd.DataFrame, step: _Step, at: pd.Timestamp) -> list[pd.DataFrame]:
    """Rows under the code of each heir; those after `at` come last, so that they round nothing before them."""
    other = "category" if step.key == "area" else "area"
    rows = (
        rows.assign(late=rows["month"] > at).groupby(["late", step.key, other, "month"])[FIGURES].sum().reset_index()
    )
    share = _shares(rows, known, step, other)
    figures = {figure: whole(rows[figure].to_numpy(), share) for figure in FIGURES}
    return [
        pd.DataFrame(
            {other: rows[other], "month": rows["month"], step.key: heir}
            | {figure: parts[:, n] for figure, parts in figures.items()}
        )
        for n, heir in enumerate(step.heirs)
    ]


def _shares(rows: pd.DataFrame, known: pd.DataFrame, step: _Step, other: str) -> np.ndarray:
    """(rows, heirs) share of each heir in each row.

    What was counted since, over all, shrunk to the prior; within the row's own area (or category), shrunk to that.
    Categories split by season as well: a share that is higher in winters is carried to winters.

    Source: posterior mean of a multinomial under a Dirichlet prior of weight `WORTH` (Gelman et al., BDA3, 3.4).
    """
    heir = pd.Index(step.heirs).get_indexer(pd.Index(known[step.key]))
    known, heir = known[heir >= 0], heir[heir >= 0]
    number, names = pd.factorize(rows[other])

    def drawn(group: np.ndarray, groups: int, prior: np.ndarray) -> np.ndarray:
        counted = np.zeros((groups, len(step.heirs)))
        np.add.at(counted, (group, heir), known["orders"].to_numpy())
        return (counted + WORTH * prior) / (counted.sum(axis=1, keepdims=True) + WORTH)

    pooled = drawn(np.zeros(len(known), dtype=int), 1, step.prior)[0]
    share = drawn(names.get_indexer(pd.Index(known[other])), len(names) + 1, pooled)[number]
    if step.key == "category":
        by_season = drawn(known["month"].dt.month.to_numpy() - 1, 12, pooled)
        share = share * (by_season / pooled)[rows["month"].dt.month.to_numpy() - 1]
    return share / share.sum(axis=1, keepdims=True)


def _as_old_as_their_past(areas: pd.DataFrame, steps: list[_Step], starts_on: int) -> pd.DataFrame:
    """Dates as months, and those of heirs moved back; what has no first day, nor has its heir."""
    dates = {
        name: pd.Series(month_of(pd.DatetimeIndex(areas[name]), starts_on), index=areas.index)
        for name in ("valid_from", "valid_to")
    }
    first = dict(zip(areas["area"], dates["valid_from"].fillna(LONG_AGO), strict=True))
    for step in sorted((step for step in steps if step.key == "area"), key=lambda step: step.month):
        oldest = min(first.get(code, LONG_AGO) for code in step.before)
        first |= {heir: min(first[heir], oldest) for heir in step.heirs}
    moved = pd.Series([first[area] for area in areas["area"]], index=areas.index, dtype="datetime64[us]")
    return areas.assign(valid_to=dates["valid_to"], valid_from=moved.mask(moved == LONG_AGO))
