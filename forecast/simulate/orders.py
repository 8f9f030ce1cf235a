"""Expected orders -> work orders drawn from them: where exactly, when, who called, and how it went."""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from forecast.simulate.places import Sites
from forecast.simulate.published import (
    CLASS_OF,
    CLASSES,
    CODES,
    KINDS,
    PUBLISHED_MONTHS,
    REPEATS,
    STORM,
    ZONES,
    City,
    stream,
)
from forecast.simulate.truth import Truth

Array = np.ndarray


def draw(city: City, sites: Sites, truth: Truth) -> pd.DataFrame:
    """Orders as DataFrame[incident, site, kind, month (positions), repeat (0 = first order of its incident)].

    The orders of a zone, class and year are as many as expected (rounded); which cells they fall in is gamma
    mixed, so that cells are NegBin but for that condition.
    """
    rng = stream(city.seed, "counts")
    size = np.array([kind.size for kind in KINDS])[:, None]
    mixed = truth.orders * rng.gamma(np.broadcast_to(size, truth.orders.shape), 1 / size)
    mixed *= rng.lognormal(0, 0.03, (len(KINDS), truth.orders.shape[2]))
    parts = []
    for block, parent in _blocks(city, sites):
        orders = round(truth.orders[block].sum())
        first = round(orders / (1 + REPEATS[parent]))
        weights = mixed[block].ravel()
        cells = np.repeat(np.arange(weights.size), rng.multinomial(first, weights / weights.sum()))
        at = np.unravel_index(cells, mixed[block].shape)
        own = np.column_stack([axis.ravel()[i] for axis, i in zip(block, at, strict=True)])
        parts.append((own, _repeats(rng, first, orders)))
    rows = np.concatenate([np.repeat(own, times, axis=0) for own, times in parts])
    times = np.concatenate([times for _, times in parts])
    incident = np.repeat(np.arange(len(times)), times)
    repeat = np.arange(len(rows)) - (np.cumsum(times) - times)[incident]
    return pd.DataFrame(
        {"incident": incident, "repeat": repeat, "site": rows[:, 0], "kind": rows[:, 1], "month": rows[:, 2]}
    )


def _blocks(city: City, sites: Sites) -> Iterator[tuple[tuple[Array, ...], str]]:
    """Sites, categories and months of each zone, class and year; also cut where the published months end."""
    edges = np.union1d(np.arange(0, 12 * city.years + 1, 12), min(PUBLISHED_MONTHS, 12 * city.years))
    for zone in range(len(ZONES)):
        for position, parent in enumerate(CLASSES):
            for first, last in itertools.pairwise(edges):
                own = (sites.zone == zone, np.equal(CLASS_OF, position))
                yield np.ix_(*map(np.flatnonzero, own), np.arange(first, last)), parent


def _repeats(rng: np.random.Generator, incidents: int, orders: int) -> Array:
    """Orders of each incident: one, plus the repeats, which gather on a few."""
    if not incidents:
        return np.zeros(0, dtype=int)
    heat = rng.gamma(0.5, 1, incidents) + 1e-9
    return 1 + rng.multinomial(orders - incidents, heat / heat.sum())


def build(city: City, sites: Sites, estates: pd.DataFrame, truth: Truth, drawn: pd.DataFrame) -> pd.DataFrame:
    """Where exactly, when, who, and how it went."""
    rng = stream(city.seed, "orders")
    rows = pd.concat([drawn, _consultations(city, drawn)], ignore_index=True)
    site, kind, incident = (rows[name].to_numpy() for name in ("site", "kind", "incident"))
    first = rows["repeat"].to_numpy() == 0
    lead = np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))
    u = rng.random((6, len(rows)))
    estate = _pick_estate(truth.share, estates["site"].to_numpy(), site, kind, u[0])[lead]
    size = estates["households"].to_numpy()
    building = (1 + estates["buildings"].to_numpy()[estate] * u[1] ** 1.8).astype(int)[lead]
    home = (np.cumsum(size) - size)[estate] + (size[estate] * u[2] ** 2).astype(int)
    caller = np.where(u[3] < 0.85, home[lead], home)
    received = _received(city, rng, rows, lead)
    table = pd.DataFrame(
        {
            "received_at": received,
            "area": sites.area_at(site, pd.DatetimeIndex(received), city.split_on),
            "estate": estates["estate"].to_numpy()[estate],
            "building": building,
            "unit": (1 + 4 * u[4]).astype(int)[lead],
            "category": CODES[kind],
            "incident": incident,
            "repeat": rows["repeat"].to_numpy(),
            "caller": caller,
            "kind": np.where(incident < 0, "咨询", "诉求"),
        }
    )
    table = table.assign(**_outcome(city, rng, table))
    table = table.sort_values(["received_at", "incident"], kind="stable", ignore_index=True)
    day = table["received_at"].dt.strftime("%Y%m%d")
    number = table.groupby(day).cumcount() + 1
    table.insert(0, "request_id", day + number.astype(str).str.zfill(5))
    return table


def _consultations(city: City, drawn: pd.DataFrame) -> pd.DataFrame:
    rng = stream(city.seed, "consultations")
    number = round(len(drawn) * city.consultation_share / (1 - city.consultation_share))
    rows = drawn.iloc[np.sort(rng.integers(0, len(drawn), number))]
    return rows.assign(incident=-1, repeat=0)


def _pick_estate(share: Array, estate_site: Array, site: Array, kind: Array, u: Array) -> Array:
    """Estate of each order, drawn by its share in the site's orders of the category."""
    starts = np.searchsorted(estate_site, np.arange(estate_site[-1] + 1))
    cumulative = np.cumsum(share, axis=0)
    before = np.vstack([np.zeros((1, share.shape[1])), cumulative])[starts]
    estate = starts[site]
    last = np.append(starts[1:], len(estate_site))[site] - 1
    for _ in range(np.bincount(estate_site).max() - 1):
        passed = cumulative[estate, kind] - before[site, kind] < u
        estate = np.minimum(estate + passed, last)
    return estate


def _received(city: City, rng: np.random.Generator, rows: pd.DataFrame, lead: Array) -> Array:
    """Time of each order: a first one within its month, repeats within the nine days after it."""
    kind, month = rows["kind"].to_numpy(), rows["month"].to_numpy()
    days = city.months.days_in_month.to_numpy()[month]
    calendar = month % 12 + 1
    heating = CLASS_OF[kind] == CLASSES.index("H")
    begin = np.where(heating & (calendar == 11), 4, 0)
    end = np.where((CODES[kind] == "H2") & (calendar == 11), 20, days)
    end = np.where((CODES[kind] == "H1") & (calendar == 3), 15, end)
    day = begin + (end - begin) * rng.random(len(rows))
    storm = np.isin(CODES[kind], list(STORM)) & np.isin(month, [12 * y + m - 1 for y, m, _ in city.storm_months()])
    day = np.where(storm & (rng.random(len(rows)) < 0.6), 19 + 3 * rng.random(len(rows)), day)
    clock = (7 + 15 * rng.beta(1.6, 2.0, len(rows))) / 24
    since = np.floor(day)[lead] + clock[lead]
    later = rng.uniform(0.3, 9, len(rows))
    since = np.where(rows["repeat"] > 0, np.floor(since + later) + clock, since)
    last = city.months[-1] + pd.offsets.MonthBegin(1) - pd.Timedelta(minutes=1)
    start = city.months.to_numpy()[month]
    seconds = (since * 86400).astype("int64").astype("timedelta64[s]")
    return np.minimum(start + seconds, last.to_datetime64()).astype("datetime64[us]")


def _outcome(city: City, rng: np.random.Generator, table: pd.DataFrame) -> dict[str, pd.Series | Array]:
    """closed_at and the call-back: whether it counts, then contacted, resolved, satisfied ("" = not asked)."""
    n = len(table)
    wait = pd.to_timedelta((rng.lognormal(1.6, 0.7, n) * 86400).astype("int64"), unit="s")
    closed = table["received_at"] + wait
    last = city.months[-1] + pd.offsets.MonthBegin(1)
    still_open = (closed >= last).to_numpy()
    hard = table["category"].isin(["2A", "2C", "1C", "3E", "4B", "5B", "6A"])
    years = (table["received_at"].dt.year - city.first_year).to_numpy()
    likely = np.clip(np.where(hard, 0.45, 0.68) + 0.03 * years, 0, 0.95)
    called_back, contacted, resolved = rng.random((3, n)) < np.stack([np.full(n, 0.9), np.full(n, 0.96), likely])
    mood = rng.random(n)
    good, fair = np.where(resolved, 0.72, 0.08), np.where(resolved, 0.90, 0.28)
    satisfied = np.select([mood < good, mood < fair], ["满意", "基本满意"], "不满意")
    asked = called_back & ~still_open
    return {
        "closed_at": closed.where(~still_open).astype("datetime64[us]"),
        "called_back": np.where(still_open, "", np.where(called_back, "是", "否")),
        "contacted": np.where(asked, np.where(contacted, "是", "否"), ""),
        "resolved": np.where(asked, np.where(resolved, "是", "否"), ""),
        "satisfied": np.where(asked, satisfied, ""),
    }
