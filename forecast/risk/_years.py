"""EstateHistory -> Years: the known incidents of one category in years counted back from the last known month."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.risk import exposure, month_number, states_zeros

Array = np.ndarray


@dataclass(frozen=True)
class Years:
    """Known years of one category, the latest first.

    counts: (n, T) incidents. size: (n, T) exposure at the latest year's city level, 0 = unknown. age: (T,) years
    from each year to the one ahead, 1 = the year just past. own: (n,) exposure of the time ahead. months: its length,
    12 or those of a season; then the counts hold the months of the season alone.
    """

    counts: Array
    size: Array
    age: Array
    own: Array
    months: int

    @property
    def earlier(self) -> "Years":
        """What was known a year before, to foretell the latest year."""
        return Years(self.counts[:, 1:], self.size[:, 1:], self.age[1:] - self.age[0], self.own, self.months)

    def only(self, rows: Array) -> "Years":
        """Those of some estates. rows: positions."""
        return Years(self.counts[rows], self.size[rows], self.age, self.own[rows], self.months)

    def discounted(self, weight: Array) -> tuple[Array, Array]:
        """(n,) incidents and exposure, each year by its weight."""
        return self.counts @ weight, self.size @ weight

    def shaken(self, weight: Array) -> Array:
        """(n,) by how much a change that each year has of its own remains in all of them together: 1 of one year."""
        total, squares = self.size @ weight, self.size**2 @ weight**2
        return np.divide(squares, total**2, out=np.ones(len(total)), where=total > 0)


def gather(
    rows: pd.DataFrame, listened: float, estates: pd.DataFrame, as_of: pd.Timestamp, season: tuple[int, ...] = ()
) -> Years:
    """Known periods [start, stop) of a category gathered into years counted back from the last known month.

    An incomplete oldest year is dropped, lest a winter count more than a summer; history shorter than a year is
    scaled up to one. Of a `season` (calendar months 1..12) monthly rows alone can tell; without any, the whole
    year is taken.

    Args:
        rows: EstateHistory of one category with `start` and `stop`, months since year 0; only known periods.
        listened: month after the last one in which events were listed.
    """
    spans, length = _spans(rows, listened), 12
    if season and (rows["months"] == 1).any():
        monthly = _spans(rows[rows["months"] == 1], listened)
        within = monthly[(monthly["start"] % 12 + 1).isin(season)]
        spans, length = (within, len(set(season))) if len(within) else (spans, 12)
    last = int(spans["stop"].max())
    spans = spans.assign(year=(last - spans["stop"]) // 12)
    months = np.bincount(spans["year"], spans["months"])
    whole = len(months) - int(len(months) > 1 and months[-1] < length)
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
    size = own[:, None] * heard / length
    lag = (month_number(as_of) + 1 - last) / 12
    return Years(counts, size * _level(counts, size), 1 + lag + np.arange(whole), own, length)


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
