"""Config -> everything a job knows before it forecasts; all faults of all inputs are told at once."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import pandas as pd

from forecast import areas, estates, panel, personal, seasons, taxonomy
from forecast.changes import Changes, carry
from forecast.errors import ConfigError, DataError, Fault
from forecast.gazetteer import Gazetteer
from forecast.look import Basis
from forecast.months import bounds
from forecast.panel import Coverage
from forecast.requests import PlaceArea
from forecast.tables import Counts, EstateReview, Rejects, Unresolved, conform, empty
from pipelines import arriving, geography, intake, keys, ledgers, sheets
from pipelines.config import Config
from pipelines.intake import Door
from pipelines.runs import Run, locked
from pipelines.store import Entry, Orders, Store, digest, gather
from pipelines.words import say, share


@dataclass(frozen=True)
class History:
    """What is known at the end of month `origin`, the last complete month. Tables as in forecast.tables.

    incidents: EstateHistory with repeat callers capped; uncapped: with every incident. call_backs: CallBacks up to
    `origin`; empty where no source has orders. headers: source -> headers of its files.
    """

    origin: pd.Timestamp
    counts: pd.DataFrame
    call_backs: pd.DataFrame
    areas: pd.DataFrame
    estates: pd.DataFrame
    incidents: pd.DataFrame
    uncapped: pd.DataFrame
    weather: pd.DataFrame | None
    sources: pd.DataFrame
    headers: dict[str, list[str]]
    rejects: pd.DataFrame
    estate_rejects: pd.DataFrame
    estate_facts: pd.DataFrame
    estate_summary: str
    notes: tuple[str, ...]
    unresolved: pd.DataFrame
    digest: str

    def totals(self) -> dict[str, int]:
        """Rows of all sources by what became of them."""
        names = ("rows", "kept", "rejected", "repeated", "left_out", "unplaced", "unclassified")
        return {name: int(self.sources[name].sum()) for name in names}


@dataclass(frozen=True)
class Homes:
    """What estates are scored from; the fields are those of History. `sources` is empty where no order is needed."""

    origin: pd.Timestamp
    areas: pd.DataFrame
    estates: pd.DataFrame
    incidents: pd.DataFrame
    uncapped: pd.DataFrame
    sources: pd.DataFrame
    estate_rejects: pd.DataFrame
    estate_facts: pd.DataFrame
    digest: str


@dataclass(frozen=True)
class Reference:
    """The inputs that say where and what, before any complaint is read."""

    areas: pd.DataFrame | None
    gazetteer: Gazetteer | None
    weather: pd.DataFrame | None

    @cached_property
    def places(self) -> str:
        """Digest of the areas; empty without an area file."""
        return "" if self.areas is None else digest(self.areas)


def read(config: Config, as_of: pd.Timestamp | None, job: Run, jobs: int | None = None) -> History:
    """Read every input. `as_of` None stands for the last complete month; `jobs` as for `intake.take_in`.

    Raises:
        DataError: with the faults of all inputs, or because the data do not reach `as_of`.
    """
    settings = config.settings
    faults: list[Fault] = []
    reference = _reference(config, as_of or pd.Timestamp("2100-01-01"), faults)
    frames, answered = ledgers.read(config, faults), empty(EstateReview)
    entries = _entries(config, reference, faults, job, jobs)
    ledger, doubtful = estates.nothing(), empty(EstateReview)
    with _gathering(faults):
        answered = ledgers.answers(config)
    if len(frames) == len(settings.estates):
        with _gathering(faults):
            place = _place_estate(reference.gazetteer)
            until = as_of or _last_day(entries)
            ways = (place, reference.areas, until, answered, reference.places)
            ledger, doubtful = ledgers.take_in(config, frames, *ways, job)
    if faults:
        raise DataError(faults)
    origin = _origin(config, entries, as_of, job)
    starts_on = settings.calendar.month_starts_on
    orders = Orders(_of(entries, "orders"), bounds(origin, starts_on)[1], starts_on, settings.incident_days)
    counts = _counts(orders, entries, origin, settings.language, job)
    unresolved = gather(entries, "unresolved", Unresolved)
    _refuse_if_empty(counts, unresolved)
    tree = (
        reference.areas if reference.areas is not None else areas.from_texts(counts["area"].dropna(), settings.city)
    )
    incidents, uncapped = ledgers.incidents(
        config, ledger, orders.estates(settings.caller_cap), tree, answered, doubtful, job
    )
    history = History(
        origin=origin,
        counts=counts,
        call_backs=orders.call_backs(),
        areas=tree,
        estates=ledger.estates,
        estate_facts=ledger.facts,
        estate_summary=ledgers.summary(ledger, settings.language),
        notes=tuple(ledgers.remarks(ledger, settings.language)),
        incidents=incidents,
        uncapped=uncapped,
        weather=reference.weather,
        sources=intake.sources(entries),
        headers=intake.headers(entries),
        rejects=gather(entries, "rejects", Rejects),
        estate_rejects=ledger.rejects,
        unresolved=unresolved.groupby(["source", "field", "column", "value"])["count"].sum().reset_index(),
        digest=_digest(entries, reference, [ledger.estates, ledger.history, answered] if frames else []),
    )
    _remark(config, history, orders, job)
    _arrival(config, history, orders, entries, job)
    return history


def last_month(config: Config, job: Run) -> pd.Timestamp:
    """The last complete month in the data.

    Raises:
        DataError: with the faults of the complaints and areas, or there is none.
    """
    faults: list[Fault] = []
    reference = _reference(config, pd.Timestamp("2100-01-01"), faults)
    entries = _entries(config, reference, faults, job)
    if faults:
        raise DataError(faults)
    return _origin(config, entries, None, job)


def homes(config: Config, as_of: pd.Timestamp | None, job: Run) -> Homes:
    """Read what estates are scored from: ledgers, areas, and orders where they may name an estate.

    `as_of` None stands for the last month in which the history of an estate is known.

    Raises:
        ConfigError: the config names no ledger. DataError: with the faults of all inputs, or no estate is left.
    """
    settings = config.settings
    if not settings.estates:
        fix = "add `estates: {path: input/estates.csv}` (docs/estates.md says what it may hold)"
        raise ConfigError(Fault("the config has no `estates`: there is nothing to score", "estates", fix))
    faults: list[Fault] = []
    reference = _reference(config, as_of or pd.Timestamp("2100-01-01"), faults)
    frames, answered, entries = ledgers.read(config, faults), empty(EstateReview), []
    with _gathering(faults):
        entries = _naming_estates(config, reference, job)
    with _gathering(faults):
        answered = ledgers.answers(config)
    if faults:
        raise DataError(faults)
    until = as_of or _last_day(entries)
    ways = (_place_estate(reference.gazetteer), reference.areas, until, answered, reference.places)
    ledger, doubtful = ledgers.take_in(config, frames, *ways, job)
    if ledger.estates.empty:
        fix = "see `weisu check` for why each row was dropped"
        raise DataError(Fault(f"not one of {ledger.rows} rows is an estate", settings.estates[0].path, fix))
    starts_on, last = settings.calendar.month_starts_on, _origin(config, entries, as_of, job) if entries else as_of
    orders = Orders(_of(entries, "orders"), bounds(last or until, starts_on)[1], starts_on, settings.incident_days)
    tree = reference.areas
    tree = areas.from_texts(ledger.estates["area"].dropna(), settings.city) if tree is None else tree
    incidents, uncapped = ledgers.incidents(
        config, ledger, orders.estates(settings.caller_cap), tree, answered, doubtful, job
    )
    told = [ledgers.summary(ledger, settings.language)] if len(ledger.rejects) else []
    for text in (*told, *ledgers.remarks(ledger, settings.language)):
        job.warn(text)
    return Homes(
        origin=as_of or last or _last_known(incidents),
        areas=tree,
        estates=ledger.estates,
        incidents=incidents,
        uncapped=uncapped,
        sources=intake.sources(entries),
        estate_rejects=ledger.rejects,
        estate_facts=ledger.facts,
        digest=_digest(entries, reference, [ledger.estates, ledger.history, answered]),
    )


def _naming_estates(config: Config, reference: Reference, job: Run) -> list[Entry]:
    """Orders of the sources that may name an estate; none where ledgers give the history and no source names one."""
    settings = config.settings
    told = any(source.history for source in settings.estates)
    chosen = tuple(
        source
        for source in settings.sources
        if source.grain == "orders" and (not told or "estate" in source.columns.model_fields_set)
    )
    if not chosen:
        return []
    store = Store(config.path(settings.store))
    narrow = config.model_copy(update={"settings": settings.model_copy(update={"sources": chosen})})
    with locked(store.folder, "intake", job.watch):
        return intake.take_in(narrow, store, _door(config, reference), job.watch.step)


def _last_known(incidents: pd.DataFrame) -> pd.Timestamp:
    """The month in which the last known period of any estate ends."""
    if incidents.empty:
        return pd.Timestamp("2100-01-01").as_unit("us")
    ends = incidents.groupby("months", as_index=False)["month"].max()
    pairs = zip(ends["month"], ends["months"].tolist(), strict=True)
    return max(start + pd.DateOffset(months=months - 1) for start, months in pairs)


def basis(config: Config, history: History, horizon: int) -> Basis:
    """What forecasts of any origin are made from, `horizon` months ahead."""
    settings = config.settings
    return Basis(
        counts=history.counts,
        areas=history.areas,
        ancestors=areas.summing(history.areas),
        seasons_at=seasons_at(config, history, horizon),
        horizon=horizon,
        forecaster=settings.forecaster,
        seed=settings.seed,
        changes=changes_of(config),
    )


def seasons_at(config: Config, history: History, horizon: int) -> Callable[[pd.Timestamp], pd.DataFrame]:
    """Origin -> Seasons as known then, for every month of history and `horizon` months after the origin."""
    first = history.counts["month"].min()

    def at(origin: pd.Timestamp) -> pd.DataFrame:
        months = pd.date_range(first, origin + pd.DateOffset(months=horizon), freq="MS", unit="us")
        settings = config.settings
        return seasons.build(settings.calendar, months, origin, history.weather, settings.weather)

    return at


def changes_of(config: Config) -> Changes:
    """Which categories followed which, in the months of the calendar."""
    settings = config.settings
    return Changes(categories=settings.categories.changes, month_starts_on=settings.calendar.month_starts_on)


def panel_of(config: Config, history: History) -> pd.DataFrame:
    """Panel of everything known, in the names that hold now."""
    known = carry(history.counts, history.areas, changes_of(config), history.origin)
    return panel.build(*known, history.origin, config.settings.forecaster.coverage)


def _entries(
    config: Config, reference: Reference, faults: list[Fault], job: Run, jobs: int | None = None
) -> list[Entry]:
    """What every file of complaints holds; only new files are read."""
    store, door = Store(config.path(config.settings.store)), _door(config, reference)
    with _gathering(faults), locked(store.folder, "intake", job.watch):
        store.sweep()
        return intake.take_in(config, store, door, job.watch.step, jobs)
    return []


def _reference(config: Config, as_of: pd.Timestamp, faults: list[Fault]) -> Reference:
    settings = config.settings
    tree = gazetteer = weather = None
    if settings.areas:
        with _gathering(faults):
            tree = geography.read_areas(settings.areas, config.root, settings.city)
            gazetteer = areas.gazetteer(tree)
    with _gathering(faults):
        if settings.weather:
            weather = sheets.read(config.path(settings.weather.path))
        seasons.build(settings.calendar, _AN_OLD_MONTH, as_of, weather, settings.weather)
    return Reference(tree, gazetteer, weather)


def _last_day(entries: list[Entry]) -> pd.Timestamp:
    """The month of the last day in the data."""
    days = [entry.facts["last_day"] for entry in entries if entry.facts["last_day"]]
    return pd.Timestamp(max(days, default="2100-01-01")).replace(day=1).as_unit("us")


_AN_OLD_MONTH = pd.DatetimeIndex(["2000-01-01"]).as_unit("us")


@contextmanager
def _gathering(faults: list[Fault]) -> Iterator[None]:
    try:
        yield
    except (ConfigError, DataError) as error:
        faults += error.faults


def _door(config: Config, reference: Reference) -> Door:
    settings = config.settings
    key = keys.caller_key(config)
    parts = [reference.places, settings.categories.model_dump_json(), hashlib.sha256(key or b"").hexdigest()]
    return Door(
        place_area=reference.gazetteer.resolve if reference.gazetteer else _as_written,
        classify=partial(taxonomy.classify, taxonomy=settings.categories),
        consultations=tuple(category.code for category in settings.categories.categories if category.consultation),
        caller_key=partial(keys.caller_key, config),
        digest=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
    )


def _as_written(texts: Sequence[pd.Series], _lon: Any, _lat: Any, on: pd.Series) -> pd.Series:
    """Without an area file the first area text of a row is its area."""
    return personal.code(areas.codes_of(texts, on.index), names=True)


def _place_estate(gazetteer: Gazetteer | None) -> Callable[[list[pd.Series], pd.Series, pd.Series], pd.Series]:
    def place(texts: list[pd.Series], lon: pd.Series, lat: pd.Series) -> pd.Series:
        today = pd.Series(pd.Timestamp("2100-01-01").as_unit("us"), index=lon.index)
        resolve: PlaceArea = gazetteer.resolve if gazetteer else _as_written
        return resolve(texts, lon, lat, today)

    return place


def _origin(config: Config, entries: list[Entry], as_of: pd.Timestamp | None, job: Run) -> pd.Timestamp:
    """The last complete month, not after `as_of`; a source that ended long ago does not hold the others back."""
    settings = config.settings
    starts_on = settings.calendar.month_starts_on
    until = as_of if as_of is not None else pd.Timestamp("2100-01-01").as_unit("us")
    lasts, newest = [], None
    for name in dict.fromkeys(entry.facts["source"] for entry in entries):
        mine = [entry for entry in entries if entry.facts["source"] == name]
        if mine[0].facts["grain"] == "counts":
            last = _last_of_counts(gather(mine, "counts", Counts), until, settings.forecaster.coverage)
        else:
            days = Orders(mine, until, starts_on, settings.incident_days).days()
            last = panel.last_complete(days, until, starts_on, settings.forecaster.coverage)
        if last is not None and not pd.isna(last):
            lasts.append(last)
    newest = max(lasts, default=None)
    if newest is None or (as_of is not None and newest < as_of - pd.DateOffset(months=settings.max_data_lag)):
        raise DataError(_no_month(entries, as_of, newest))
    limit = newest - pd.DateOffset(months=settings.max_data_lag)
    origin = min(last for last in lasts if last >= limit)
    if as_of is not None and origin < as_of:
        job.warn(say(settings.language, "late_data", as_of=f"{as_of:%Y-%m}", origin=f"{origin:%Y-%m}"))
    return origin


def _last_of_counts(counts: pd.DataFrame, until: pd.Timestamp, coverage: Coverage) -> pd.Timestamp | None:
    totals = counts[counts["month"] <= until].groupby("month")["orders"].sum()
    while len(totals) and not panel.enough(totals, coverage):
        totals = totals.iloc[:-1]
    return totals.index[-1] if len(totals) else None


def _no_month(entries: list[Entry], as_of: pd.Timestamp | None, newest: pd.Timestamp | None) -> Fault:
    days = [entry.facts[name] for entry in entries for name in ("first_day", "last_day") if entry.facts[name]]
    span = f"the data run from {min(days)} to {max(days)}" if days else "no row of the data could be used"
    if newest is not None:
        span += f"; their last complete month is {newest:%Y-%m}"
    wanted = f"for {as_of:%Y-%m}" if as_of is not None else "to forecast from"
    return Fault(
        f"there is no complete month {wanted}: {span}", "sources", "choose another --as-of, or add the missing export"
    )


def _of(entries: list[Entry], grain: str) -> list[Entry]:
    return [entry for entry in entries if entry.facts["grain"] == grain]


def _counts(orders: Orders, entries: list[Entry], origin: pd.Timestamp, language: str, job: Run) -> pd.DataFrame:
    ready = _ready_counts(_of(entries, "counts"), language, job)
    parts = [part for part in (orders.counts(), ready[ready["month"] <= origin]) if len(part)]
    if not parts:
        return empty(Counts)
    both = pd.concat(parts).groupby(["area", "category", "month"], as_index=False, dropna=False).sum()
    return conform(Counts, both)


def _ready_counts(entries: list[Entry], language: str, job: Run) -> pd.DataFrame:
    """Counts of all files; of an area, category and month that two files of a source give, the last file holds."""
    keys = ["area", "category", "month"]
    parts = []
    for entry in entries:
        counts = gather([entry], "counts", Counts).groupby(keys, as_index=False, dropna=False).sum()
        parts.append(counts.assign(source=entry.facts["source"]))
    if not parts:
        return empty(Counts)
    every = pd.concat(parts)
    last = every.drop_duplicates(["source", *keys], keep="last").drop(columns="source")
    if len(last) < len(every):
        job.warn(say(language, "counts_twice", count=len(every) - len(last)))
    return conform(Counts, last.groupby(keys, dropna=False).sum().reset_index())


def _refuse_if_empty(counts: pd.DataFrame, unresolved: pd.DataFrame) -> None:
    if counts["area"].notna().any():
        return
    areas_seen = unresolved[unresolved["field"] == "area"]
    seen = ", ".join(repr(value) for value in areas_seen["value"].head(3))
    fix = "mend the areas file or its aliases, or name the right area column of the source; without `areas` in the "
    fix += "config every name found is a community"
    raise DataError(Fault(f"not one row could be placed in an area; first values: {seen}", "areas", fix))


def _remark(config: Config, history: History, orders: Orders, job: Run) -> None:
    """Say what a careful reader of the data would want to know."""
    settings, totals = config.settings, history.totals()
    language = settings.language
    kept = totals["kept"]
    for name, field in (("unplaced", "area"), ("unclassified", "category")):
        if count := totals[name]:
            values = _most_frequent(history.unresolved, field)
            job.warn(say(language, name, count=count, share=share(count, kept), values=values))
    if count := totals["rejected"]:
        job.warn(say(language, "rejected", count=count, share=share(count, totals["rows"])))
    if repeated := orders.repeated():
        job.warn(say(language, "repeated", count=repeated))
    if len(history.estate_rejects):
        job.warn(history.estate_summary)
    for note in history.notes:
        job.warn(note)
    months = history.counts["month"].nunique()
    if months < 13:
        job.warn(say(language, "short_history", months=months))
    if history.counts["orders"].max() == 0:
        job.warn(say(language, "all_zero"))
    ahead = pd.date_range(history.origin, periods=settings.horizon + 1, freq="MS")
    if years := seasons.unpublished(settings.calendar, ahead):
        job.warn(say(language, "unpublished", years="、".join(map(str, years))))


def _arrival(config: Config, history: History, orders: Orders, entries: list[Entry], job: Run) -> None:
    """Say what has changed about the way the data come."""
    language, days = config.settings.language, orders.days()
    told = [
        *arriving.lacking([entry.facts for entry in entries], language),
        *arriving.doubled(history.counts, orders.copies(), language),
        *arriving.silent(days[days["day"] < orders.until], language),
    ]
    for text in told:
        job.warn(text)


def _most_frequent(unresolved: pd.DataFrame, field: str) -> str:
    counts = unresolved[unresolved["field"] == field].groupby("value")["count"].sum()
    return "、".join(f"{value or '∅'} × {count}" for value, count in counts.nlargest(3).items())


def _digest(entries: list[Entry], reference: Reference, ledger: list[pd.DataFrame]) -> str:
    frames = [reference.weather, *ledger]
    parts = [*(entry.facts["sha256"] for entry in entries), reference.places]
    parts += ["" if frame is None else digest(frame) for frame in frames]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
