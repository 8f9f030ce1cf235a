"""Estate files, orders that name estates, the review file -> one Ledger, its history, what a person is told."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from forecast import estates, parse, personal
from forecast.changes import lineage
from forecast.errors import ConfigError, DataError, Fault, RunError
from forecast.estates import DROPS, NO_AREA, Box, Ledger, Note, PlaceArea
from forecast.tables import EstateFacts, EstateHistory, EstateReview, Estates, Rejects, conform, empty
from pipelines import sheets
from pipelines.config import Config
from pipelines.runs import Run, code_digest, locked
from pipelines.store import Entry, Store, digest, gather, writing
from pipelines.words import refusal, say
from reports import plan_csv

READING_CODE = ("forecast/estates", "forecast/tables", "forecast/areas.py", "forecast/gazetteer.py",
                "forecast/near.py", "forecast/parse.py", "forecast/personal.py", "forecast/protected.py",
                "pipelines/inputs.py", "pipelines/ledgers.py")  # fmt: skip

TABLES = {"estates": Estates, "history": EstateHistory, "rejects": Rejects, "facts": EstateFacts}
"""Tables of a Ledger."""

REVIEW = "estates_review.csv"
HEADERS = {
    "where": ("来自", "where"),
    "written": ("写法", "written"),
    "area": ("社区", "area"),
    "estate": ("小区编号", "estate"),
    "name": ("小区名称", "name"),
    "reason": ("为何存疑", "reason"),
    "alike": ("相似度", "alike"),
    "rows": ("涉及起数", "rows"),
    "answer": ("答复(相同/不同)", "answer (same/different)"),
}
SAID = ("where", "written", "name")
"""Columns of text, which no spreadsheet may take for a formula."""
ANSWERS = {
    **dict.fromkeys(("same", "相同", "同", "是", "yes", "y", "1"), "same"),
    **dict.fromkeys(("different", "不同", "不", "否", "no", "n", "0"), "different"),
}


def read(config: Config, faults: list[Fault]) -> list[pd.DataFrame]:
    """Rows of every ledger as text; what cannot be read becomes a fault."""
    frames = []
    for source in config.settings.estates:
        named = {name for field in type(source.columns).model_fields for name in getattr(source.columns, field)}
        try:
            path = config.path(source.path)
            frames.append(sheets.read(path, source.encoding, source.sheet, source.header_row, named))
        except DataError as error:
            faults += error.faults
    return frames


def take_in(
    config: Config,
    frames: Sequence[pd.DataFrame],
    place_area: PlaceArea,
    areas: pd.DataFrame | None,
    as_of: pd.Timestamp,
    answers: pd.DataFrame,
    places: str,
    job: Run,
) -> tuple[Ledger, pd.DataFrame]:
    """(one Ledger of all files, EstateReview of what is doubtful between them).

    What a file came to is kept in the store; `places`: digest of `areas`, by which `place_area` finds a community.

    Raises:
        ConfigError, DataError: with the faults of all files.
    """
    settings = config.settings
    codes = [category.code for category in settings.categories.categories]
    outlined, bounds = ([], None) if areas is None else _outlines(areas)
    store = Store(config.path(settings.store))
    ledgers: list[Ledger] = []
    faults: list[Fault] = []
    for source, frame in zip(settings.estates, frames, strict=True):
        try:
            ways = (place_area, as_of, codes, outlined, bounds)
            key = _key(frame, source.model_dump_json(), f"{as_of}", places, *codes)
            entry = store.find(key) or _keep(store, key, estates.clean(frame, source, *ways), job)
            ledgers.append(_kept(entry))
        except (ConfigError, DataError) as error:
            faults += error.faults
    if faults:
        raise DataError(faults)
    if not ledgers:
        return estates.nothing(), empty(EstateReview)
    followed = pd.DataFrame({"area": [], "earlier": []}, dtype="str") if areas is None else lineage(areas)
    return estates.unite(ledgers, followed, answers, settings.matching, areas)


def _key(frame: pd.DataFrame, *parts: str) -> str:
    """Of all that shapes a Ledger: `frame` and the lines on which its rows stand, options, and the code."""
    lines = f"{frame.index[0]} {len(frame)}"
    text = "\n".join([digest(frame), lines, *parts, code_digest(*READING_CODE)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _keep(store: Store, key: str, ledger: Ledger, job: Run) -> Entry:
    with locked(store.folder, "intake", job.watch), store.writer(key) as writer:
        writer.add(**{name: getattr(ledger, name) for name in TABLES})
        writer.finish({"notes": [asdict(note) for note in ledger.notes], "rows": ledger.rows})
    entry = store.find(key)
    assert entry is not None
    return entry


def _kept(entry: Entry) -> Ledger:
    tables = {name: gather([entry], name, table) for name, table in TABLES.items()}
    return Ledger(**tables, notes=tuple(Note(**said) for said in entry.facts["notes"]), rows=entry.facts["rows"])


def answers(config: Config) -> pd.DataFrame:
    """EstateReview with what was answered in the review file; none when there is none.

    Raises:
        DataError: the file cannot be read, or an answer is neither same nor different.
    """
    path = _review_path(config)
    if path is None or not path.exists():
        return empty(EstateReview)
    try:
        frame = sheets.read(path)
    except DataError as error:
        if "has no rows" in str(error):
            return empty(EstateReview)
        raise
    there = {str(header).strip(): header for header in frame.columns}
    found = {field: next((there[name] for name in names if name in there), None) for field, names in HEADERS.items()}
    if lost := [HEADERS[field][0] for field in ("written", "estate", "answer") if found[field] is None]:
        fix = "put the column back, or delete the file: the next run writes it again"
        raise DataError(Fault(f"lacks the column {', '.join(lost)}", str(path), fix))
    rows = pd.DataFrame({field: frame[header] for field, header in found.items() if header is not None})
    for field in ("estate", "area"):
        rows[field] = parse.code(rows.get(field, pd.Series(index=rows.index, dtype="str")))
    rows = rows.dropna(subset=["written", "estate", "answer"])
    for field in SAID:
        if field in rows:
            rows[field] = rows[field].str.replace(r"^'(?=\s*[=+\-@＝＋－＠])", "", regex=True)
    said = rows["answer"].str.strip().str.casefold().map(ANSWERS)
    if said.isna().any():
        bad = rows[said.isna()]
        said_there = personal.shown(bad["answer"]).iloc[0]
        what = f"answer {said_there!r} in row {bad.index[0]} is neither 相同 (same) nor 不同 (different)"
        raise DataError(Fault(what, str(path), "write one of the two, or leave it empty"))
    rows = rows.assign(
        answer=said, alike=parse.numbers(rows["alike"]).fillna(0.0).clip(0, 1) if "alike" in rows else 0.0,
        rows=parse.numbers(rows["rows"]).fillna(0).clip(lower=0) if "rows" in rows else 0,
    )  # fmt: skip
    rows = rows.assign(**{field: rows.get(field, pd.Series("", index=rows.index)) for field in ("where", "reason")})
    rows = rows.assign(name=rows.get("name", rows["estate"])).fillna({"where": "", "reason": "", "name": ""})
    return conform(EstateReview, rows.drop_duplicates(["written", "area", "estate"], keep="last"))


def incidents(
    config: Config, ledger: Ledger, named: pd.DataFrame, tree: pd.DataFrame, answered: pd.DataFrame,
    doubtful: pd.DataFrame, job: Run,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """EstateHistory from the ledger's own columns and from orders that name an estate; writes the review file.

    Returns:
        (with repeat callers capped, with every incident).
    """
    if ledger.estates.empty:
        return ledger.history, ledger.history
    language, options = config.settings.language, config.settings.matching
    matched, unsure = estates.history(named, ledger.estates, lineage(tree), answered, options, tree)
    capped = matched
    if (named["capped"] < named["incidents"]).any():
        fewer = named.assign(incidents=named["capped"])
        capped, _ = estates.history(fewer, ledger.estates, lineage(tree), answered, options, tree)
    if lost := int(named["incidents"].sum() - matched["incidents"].sum()):
        job.warn(say(language, "unmatched_estates", count=lost))
    if len(matched) + len(ledger.history) == 0:
        job.warn(say(language, "no_estate_history"))
    open_pairs = pd.concat([part for part in (doubtful, unsure) if len(part)] or [unsure], ignore_index=True)
    _ask(config, open_pairs, answered, job)
    return _together(ledger.history, capped), _together(ledger.history, matched)


def _together(*histories: pd.DataFrame) -> pd.DataFrame:
    parts = [part for part in histories if len(part)] or [histories[0]]
    return conform(EstateHistory, pd.concat(parts, ignore_index=True))


def summary(ledger: Ledger, language: str) -> str:
    """What became of the rows of the ledgers, in one line; empty without a ledger."""
    if not ledger.rows:
        return ""
    counts = {"rows": ledger.rows, "dropped": ledger.dropped(), "blanked": ledger.blanked()}
    return say(language, "estates_read", kept=ledger.rows - ledger.dropped(), estates=len(ledger.estates), **counts)


def remarks(ledger: Ledger, language: str) -> list[str]:
    """What a person should know of the ledgers."""
    lines = [note.en if language == "en" else note.zh for note in ledger.notes]
    return [*lines, *([say(language, "one_estate")] if len(ledger.estates) == 1 else [])]


def fault_lines(rejects: pd.DataFrame, language: str, shown: int = 5) -> list[str]:
    """One line for each kind of fault of the ledgers: where, what, what became of it, what to do."""
    lines = []
    for (source, column, reason), rows in rejects.groupby(["source", "column", "reason"], sort=False):
        fate = "dropped" if reason in DROPS else "told" if reason == NO_AREA else "blanked"
        what, fix = refusal(language, str(reason))
        where = ", ".join(map(str, rows["row"].head(shown))) + (" ..." if len(rows) > shown else "")
        values = "、".join(repr(value) for value in rows["value"].unique()[:3])
        facts = {"source": source, "rows": where, "column": column, "what": what, "values": values, "fix": fix}
        lines.append(say(language, "estate_fault", count=len(rows), fate=say(language, fate), **facts))
    return lines


def _outlines(areas: pd.DataFrame) -> tuple[list[str], Box | None]:
    """Communities with a polygon, and the box around all of them with some room."""
    import geopandas

    own = areas[(areas["level"] == "community") & areas["geometry"].notna()]
    if own.empty:
        return [], None
    shapes = geopandas.GeoSeries.from_wkb(own["geometry"].to_numpy())
    west, south, east, north = shapes.total_bounds
    wide = shapes.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()
    room = 0.1
    return own.loc[wide, "area"].tolist(), (west - room, south - room, east + room, north + room)


def _review_path(config: Config) -> Path | None:
    settings = config.settings
    if settings.matching.review:
        return config.path(settings.matching.review)
    return config.path(settings.estates[0].path).parent / REVIEW if settings.estates else None


def _ask(config: Config, doubtful: pd.DataFrame, answered: pd.DataFrame, job: Run) -> None:
    """Write the pairs to be judged, below what was answered before; say so. An unchanged file is left alone."""
    path, language = _review_path(config), config.settings.language
    if path is None or not (len(doubtful) or (len(answered) and path.exists())):
        return
    told = [part for part in (doubtful, answered) if len(part)]
    table = pd.concat(told, ignore_index=True).drop_duplicates(["written", "area", "estate"], keep="last")
    words: Callable[[str], str] = lambda reason: refusal(language, reason)[0]  # noqa: E731
    table["reason"] = table["reason"].map(words)
    table["answer"] = table["answer"].map({"same": ("相同", "same"), "different": ("不同", "different")}).map(
        lambda both: both[language == "en"], na_action="ignore"
    )  # fmt: skip
    table["alike"] = table["alike"].round(2)
    for field in ("estate", "area"):
        table[field] = table[field].str.replace(r"^(0\d+|\d{11,})$", r'="\1"', regex=True)
    named = table.rename(columns={field: both[language == "en"] for field, both in HEADERS.items()})
    texts = [HEADERS[field][language == "en"] for field in SAID]
    named[texts] = named[texts].map(plan_csv.neutral, na_action="ignore")
    text = named.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")
    try:
        with suppress(OSError):
            if path.read_bytes() == text:
                text = b""
        if text:
            with writing(path):
                draft = path.with_suffix(".part")
                draft.write_bytes(text)
                draft.replace(path)
    except RunError as error:
        job.warn(str(error.faults[0]))
    if len(doubtful):
        orders = int(doubtful.drop_duplicates(["where", "written", "area"])["rows"].sum())
        job.warn(say(language, "doubtful_estates", count=len(doubtful), rows=orders, path=path))
