"""Estates + monthly history -> Siblings: estates of one batch with one that just had more incidents than usual."""

import re
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.risk import Cuts, grades, known_at, month_number, month_numbers, on_grid, states_zeros, tables
from forecast.risk._prior import above
from forecast.spec import Names, Spec
from forecast.tables import Siblings, check, conform

Array = np.ndarray

DRIVER = "sibling"
LABEL = (DRIVER, "同批小区近期多发", "more incidents of late in estates of its batch")

BAND = 10
"""Years of building or laying that count as one age."""

LEAST = 2
"""Incidents from which a type is confirmed in an estate."""

TIMES = 2.0
"""Times its usual number that a confirmed type must reach."""

NUMBER = re.compile(r"[(（]?[0-9一二三四五六七八九十甲乙丙东南西北]+(区|期|里|院|号院|号)?[)）]?$")

ROAD = re.compile(r"(?:路|街|大道|巷|胡同|弄|条)$")
"""A name that is a road and a number says where an estate stands, not which batch it is of."""

WORTH = 1.01
"""Factor from which siblings are worth a row."""

Key = Literal["street", "community", "name", "age", "pipe_material", "pipe_age", "heat_company"]


class Kin(Spec):
    """What makes estates siblings: all of `same` known and alike. `only`: categories it counts for, empty = all.

    Ages are alike within one band of ten years; `name` is the name without a last number or direction (一区, 北里);
    one that is then a road (12号院 of 和平路) has none.
    """

    name: str = Field(min_length=1)
    same: tuple[Key, ...] = Field(min_length=1)
    only: Names = ()
    zh: str = ""
    en: str = ""


KINS = (
    Kin(name="group", same=("street", "name"), zh="同一小区群", en="same group of estates"),
    Kin(name="age", same=("community", "age"), only=("1A", "2A", "2B", "2C", "2D"), zh="同社区同龄楼", en="same age"),
    Kin(
        name="pipes", same=("street", "pipe_material", "pipe_age"), only=("1B", "2C", "2D", "W2"),
        zh="同批管材", en="same batch of pipes",
    ),
    Kin(name="heat", same=("street", "heat_company"), only=("H1", "H2"), zh="同一供热单位", en="same heat supplier"),
)  # fmt: skip
"""Which categories spread along which tie is our assumption."""


class Spread(Spec):
    """How far a confirmed type of incident raises the siblings.

    The last `months` known are looked at, and as many ahead are raised. `assumed`: the factor before any data, an
    assumption; `strength`: incidents among siblings in earlier months that weigh as much as it, and from which a
    factor counts as learned. `most`: largest factor.
    """

    kins: tuple[Kin, ...] = KINS
    months: int = Field(3, ge=1, le=12)
    assumed: float = Field(1.1, ge=1)
    strength: float = Field(50.0, gt=0)
    most: float = Field(1.5, ge=1)


def siblings(
    spec: Spread, estates: pd.DataFrame, history: pd.DataFrame, areas: pd.DataFrame, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Estates a sibling of which has had a type of incident confirmed in the last months.

    A type is confirmed where there are at least 2 incidents and twice what is usual for the estate in such
    months. The factor: in earlier windows, incidents of siblings in the window that followed ÷ what was usual
    there, against the same of all others; drawn towards `assumed` as a Gamma-Poisson rate; never below 1 and
    never above `most`. It foretells; what made both rise may be neither estate's doing.

    Args:
        estates: Estates. history: EstateHistory; only monthly rows whose month is at most `as_of` are read, so
            without monthly history there is nothing to confirm and the table is empty. areas: Areas.

    Returns:
        Siblings: one row an estate, category and kin.

    Source: leakage between alike units: Mohler et al. 2011, Self-exciting point process modeling of crime, §2 (here
    in windows, with one factor); shrinkage: Gelman et al. 2013, Bayesian Data Analysis §2.6.
    """
    known = known_at(history, as_of)
    known = known[(known["months"] == 1) & known["estate"].isin(estates["estate"])]
    batches = {kin.name: batch(kin, estates, areas) for kin in spec.kins}
    last = known["month"].max()
    parts = []
    for category, rows in known.groupby("category", sort=True):
        counts = windows(rows, estates["estate"], last, spec.months)
        loud = confirmed(counts)
        for kin in spec.kins:
            if not kin.only or category in kin.only:
                found = list(_raised(spec, batches[kin.name], counts, loud, estates))
                parts.append(pd.DataFrame(found, columns=pd.Index(["estate", "factor", "basis", "siblings"])))
                parts[-1] = parts[-1].assign(category=str(category), kin=kin.name, kin_zh=kin.zh or kin.name,
                                             kin_en=kin.en or kin.name)  # fmt: skip
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if table.empty:
        return conform(Siblings, pd.DataFrame({"estate": []}))
    table = table.assign(as_of=as_of).sort_values(["category", "estate", "kin"], ignore_index=True)
    return check(Siblings, conform(Siblings, table), "siblings")


def raised(
    risk: pd.DataFrame, drivers: pd.DataFrame, kin: pd.DataFrame, cuts: Cuts, as_of: pd.Timestamp, months: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Risk and RiskDrivers with siblings raised; the points they bring are the driver `sibling`.

    Only the `months` next to come are raised of those foretold; expected and high grow, low stays. The odds of
    the score grow by the same factor. Points without rates (scorecard) are left as they are. `in_top` is that of
    the rates before.
    """
    most = kin.groupby(["estate", "category"])["factor"].max().rename("factor").reset_index()
    both = risk.merge(most, on=["estate", "category"], how="left")
    share = (months / both["months"]).clip(upper=1)
    factor = (1 + (both["factor"] - 1) * share).where(both["expected"].notna()).fillna(1.0).to_numpy()
    chance = both["score"].to_numpy() / 100
    score = np.maximum(on_grid(100 * factor * chance / (1 - chance + factor * chance)), both["score"])
    gained = pd.DataFrame({"estate": both["estate"], "category": both["category"], "driver": DRIVER})
    gained = gained.assign(contribution=score - both["score"])
    up = factor > 1
    high = np.where(up, np.ceil(both["high"] * factor), both["high"])
    both = both.assign(score=score, expected=both["expected"] * factor, high=high)
    for _, rows in both.groupby("category"):
        if up[rows.index].any():
            again = grades(rows["score"].to_numpy(), rows["expected"].to_numpy(), cuts)
            both.loc[rows.index, "grade"] = again
    return tables(both.drop(columns="factor"), pd.concat([drivers, gained]), as_of)


def labels() -> pd.DataFrame:
    """DataFrame[driver, zh, en]."""
    return pd.DataFrame([LABEL], columns=pd.Index(["driver", "zh", "en"]), dtype="str")


def batch(kin: Kin, estates: pd.DataFrame, areas: pd.DataFrame) -> Array:
    """(n,) code of the batch an estate belongs to; -1 where anything of it is unknown."""
    keys = pd.DataFrame({key: _key(key, estates, areas) for key in kin.same})
    codes = keys.groupby(list(kin.same), sort=True, dropna=True).ngroup()
    return codes.where(keys.notna().all(axis=1), -1).to_numpy(dtype=int)


def windows(rows: pd.DataFrame, names: pd.Series, last: pd.Timestamp, months: int) -> Array:
    """(n, W) incidents in windows counted back from month `last`, the latest first; NaN where a month is not known.

    An oldest window that is not whole is left out. Where zeros are written down a missing month is unknown.
    """
    back = (month_number(last) - month_numbers(rows["month"])).to_numpy()
    code = pd.Index(names).get_indexer(rows["estate"])
    whole = (int(back.max()) + 1) // months
    counts, heard = np.zeros((2, len(names), whole * months))
    inside = back < whole * months
    np.add.at(counts, (code[inside], back[inside]), rows["incidents"].to_numpy()[inside])
    heard[code[inside], back[inside]] = 1
    if not states_zeros(rows):
        heard[:] = 1
    whole_heard = heard.reshape(len(names), whole, months).all(axis=2)
    return np.where(whole_heard, counts.reshape(len(names), whole, months).sum(axis=2), np.nan)


def usual(counts: Array) -> Array:
    """(n, W) what an estate would have if it took its share of the city in every window."""
    known = ~np.isnan(counts)
    city = np.nansum(counts, axis=0) / np.maximum(known.sum(axis=0), 1)
    share = np.nansum(counts, axis=1) / np.maximum(known @ city, 1e-300)
    return np.where(known, share[:, None] * city, np.nan)


def confirmed(counts: Array) -> Array:
    """(n, W) whether a type of incident is confirmed: enough of them, and well above the usual."""
    return (counts >= LEAST) & (counts >= TIMES * usual(counts))


def factor_of(spec: Spread, codes: Array, counts: Array, loud: Array) -> tuple[float, str]:
    """(factor, learned or assumed) of one category and kin, from the windows before."""
    expected = usual(counts)
    exposed = _exposed(codes, loud)
    after, before = slice(None, -1), slice(1, None)
    known = ~np.isnan(counts[:, after]) & (codes >= 0)[:, None]
    hit = known & exposed[:, before]
    rest = known & ~exposed[:, before]
    came, foretold = counts[:, after][hit].sum(), expected[:, after][hit].sum()
    others, usually = counts[:, after][rest].sum(), expected[:, after][rest].sum()
    level = others / usually if others > 0 else 1.0
    factor = (spec.strength * spec.assumed + came) / (spec.strength + foretold * level)
    basis = "learned" if foretold >= spec.strength and others > 0 else "assumed"
    return float(np.clip(factor, 1.0, spec.most)), basis


def _raised(
    spec: Spread, codes: Array, counts: Array, loud: Array, estates: pd.DataFrame
) -> Iterator[tuple[str, float, str, str]]:
    """(estate, factor, basis, names) of every estate with a sibling confirmed in the latest window."""
    if not counts.shape[1]:
        return
    factor, basis = factor_of(spec, codes, counts, loud)
    now = pd.DataFrame({"code": codes, "name": estates["name"], "estate": estates["estate"], "loud": loud[:, 0]})
    of_batch = dict(list(now[now["loud"] & (codes >= 0)].groupby("code")))
    for n in np.flatnonzero(_exposed(codes, loud[:, :1])[:, 0]) if factor >= WORTH else ():
        others = of_batch[codes[n]]
        others = others[others["estate"] != now["estate"].iloc[n]]
        yield str(now["estate"].iloc[n]), factor, basis, "|".join(sorted(others["name"].str.replace("|", " ")))


def _exposed(codes: Array, loud: Array) -> Array:
    """(n, W) whether another estate of the batch is confirmed in the window."""
    size = int(codes.max(initial=-1)) + 1
    total = np.zeros((size + 1, loud.shape[1]))
    np.add.at(total, codes, loud)
    return (total[codes] - loud > 0) & (codes >= 0)[:, None]


def _key(key: Key, estates: pd.DataFrame, areas: pd.DataFrame) -> pd.Series:
    if key == "street":
        return above(estates["area"], areas.set_index("area"), "street")
    if key == "community":
        return estates["area"]
    if key == "name":
        stem = estates["name"].str.replace(NUMBER, "", regex=True).str.strip()
        return stem.where((stem != "") & ~stem.str.contains(ROAD).fillna(True).astype(bool))
    if key in ("age", "pipe_age"):
        return estates["built_year" if key == "age" else "pipe_year"] // BAND
    return estates[key]
