"""Ledgers of several files -> one: the estates of a later file that surely are earlier ones add to them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecast.estates.cells import plain
from forecast.estates.names import OTHER_NAME, TWO, link
from forecast.estates.options import Matching
from forecast.estates.sheet import Ledger, Note
from forecast.estates.spelling import apart, spell
from forecast.tables import EstateFacts, EstateHistory, EstateReview, Estates, conform, empty

FIXED = ("estate", "name", "aliases")


def unite(
    ledgers: Sequence[Ledger],
    lineage: pd.DataFrame,
    answers: pd.DataFrame,
    options: Matching,
    areas: pd.DataFrame | None = None,
) -> tuple[Ledger, pd.DataFrame]:
    """One ledger of all files, in their order.

    An estate of a later file is an earlier one when the id is the same and the name does not contradict, or when
    its name surely is (see `names.link`). Then each figure is the one of the later day (`as_of`); where days are
    not known or equal, the one of the earlier file. Any other is an estate of its own; an id that is taken gets
    the name of the file behind it.

    Args:
        ledgers: one a file, at least one. lineage: [area, earlier]. answers: EstateReview. areas: Areas, whose names
            may stand before an estate's.

    Returns:
        (Ledger, EstateReview of pairs of files that may be one estate and are kept apart).
    """
    whole, reviews, notes = ledgers[0], [empty(EstateReview)], list(ledgers[0].notes)
    for ledger in ledgers[1:]:
        same, doubtful = _same(ledger, whole.estates, lineage, answers, options, areas)
        ids = _ids(ledger.estates["estate"], same, whole.estates, _file(ledger))
        into = ledger.estates["estate"].map(ids).isin(whole.estates["estate"])
        notes += [*ledger.notes, _told(ledger, int(into.sum()))]
        whole = _joined(whole, _renamed(ledger, ids))
        reviews.append(doubtful)
    return whole._replace(notes=tuple(notes)), conform(EstateReview, pd.concat(reviews, ignore_index=True))


def _same(
    ledger: Ledger,
    earlier: pd.DataFrame,
    lineage: pd.DataFrame,
    answers: pd.DataFrame,
    options: Matching,
    areas: pd.DataFrame | None,
) -> tuple[pd.Series, pd.DataFrame]:
    """The earlier estate of each estate of a ledger, null where none is sure; and EstateReview."""
    rows, file = ledger.estates, _file(ledger)
    named = rows["name"] != rows["estate"]
    names = pd.DataFrame({"written": rows["name"], "area": rows["area"], "rows": 1})
    single = ~names.duplicated(["written", "area"], keep=False)
    links = link(names[single & named], earlier, lineage, answers, options, file, areas)
    found, step = links.found.reindex(rows.index), links.step.reindex(rows.index, fill_value=-1)
    ids = earlier.drop_duplicates("estate").set_index(earlier["estate"].map(plain))["estate"]
    ids = ids[~ids.index.duplicated(keep=False)]
    by_id = rows["estate"].map(plain).map(ids).astype("str")
    other = _contradicts(rows["name"], by_id.map(earlier.set_index("estate")["name"]), named & by_id.notna())
    same = by_id.where(~other).fillna(found).astype("str")
    step = step.where(by_id.isna() | other, 0)
    best = step.groupby(same).transform("min").reindex(same.index)
    tied = same.notna() & ((step > best) | pd.DataFrame({"a": same, "b": step}).duplicated(keep=False))
    judged = answers.loc[answers["answer"] == "different", ["written", "estate"]]
    doubts = [(tied, same, TWO), (other & (same != by_id), by_id, OTHER_NAME)]
    extra = [_pairs(names[bad], estate[bad], earlier, file, reason) for bad, estate, reason in doubts]
    extra = [part[~_keys(part).isin(_keys(judged))] for part in extra]
    doubtful = pd.concat([part for part in [links.doubtful, *extra] if len(part)] or [empty(EstateReview)])
    return same.mask(tied), conform(EstateReview, doubtful.reset_index(drop=True))


def _contradicts(names: pd.Series, others: pd.Series, both: pd.Series) -> pd.Series:
    """Whether two names of one id cannot mean one estate: other numbers or sides, or hardly a letter in common."""
    from rapidfuzz import fuzz

    found = pd.Series(False, index=names.index)
    for row in names.index[both]:
        a, b = spell(str(names[row])), spell(str(others[row]))
        signs = np.array([[a.numbers, a.sides], [b.numbers, b.sides]], dtype=object)
        found[row] = bool(apart(signs[0], signs[1]).any()) or fuzz.partial_ratio(a.full, b.full) < 50
    return found


def _pairs(names: pd.DataFrame, estate: pd.Series, earlier: pd.DataFrame, file: str, reason: str) -> pd.DataFrame:
    rows = names.assign(estate=estate).merge(earlier[["estate", "name"]], on="estate")
    return conform(EstateReview, rows.assign(where=file, reason=reason, alike=0.0 if reason == OTHER_NAME else 1.0))


def _keys(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[["written", "estate"]])


def _ids(own: pd.Series, same: pd.Series, earlier: pd.DataFrame, file: str) -> dict[str, str]:
    """Own id -> id in the whole."""
    taken = own.isin(earlier["estate"])
    return dict(zip(own, same.fillna(own.where(~taken, own + "@" + file)), strict=True))


def _renamed(ledger: Ledger, ids: dict[str, str]) -> Ledger:
    estates, history, facts = (
        table.assign(estate=table["estate"].map(ids).astype("str"))
        for table in (ledger.estates, ledger.history, ledger.facts)
    )
    return ledger._replace(estates=estates, history=history, facts=facts)


def _joined(one: Ledger, other: Ledger) -> Ledger:
    ids = pd.Index(one.estates["estate"]).union(pd.Index(other.estates["estate"]))
    first, second = (part.estates.set_index("estate").reindex(ids) for part in (one, other))
    when = [_when(part.facts) for part in (one, other)]
    table = pd.DataFrame(index=ids)
    chosen = {}
    for field in first.columns:
        a, b = first[field], second[field]
        later = when[0].get(field, _NEVER).reindex(ids) < when[1].get(field, _NEVER).reindex(ids)
        take = b.notna() & (a.isna() | (later & (field not in FIXED)))
        table[field], chosen[field] = a.where(~take, b), take
    told = first["name"].notna() & second["name"].notna() & (first["name"] != second["name"])
    other_names = table["aliases"].fillna("") + "|" + second["name"].where(told).fillna("")
    table["aliases"] = other_names.str.strip("|").replace("", None)
    facts = _facts(one.facts, other.facts, chosen)
    history = pd.concat([part for part in (one.history, other.history) if len(part)] or [one.history])
    history = history.drop_duplicates(["estate", "category", "month", "months"])
    return Ledger(
        conform(Estates, table.rename_axis("estate").reset_index()),
        conform(EstateHistory, history.reset_index(drop=True)),
        pd.concat([one.rejects, other.rejects], ignore_index=True),
        one.notes,
        facts,
        one.rows + other.rows,
    )


_NEVER = pd.Series(dtype="datetime64[us]")


def _when(facts: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(field): part.set_index("estate")["as_of"] for field, part in facts.groupby("field")}


def _facts(one: pd.DataFrame, other: pd.DataFrame, chosen: dict[str, pd.Series]) -> pd.DataFrame:
    """The facts of the figures taken: each from one file."""
    takes = (
        pd.DataFrame(chosen).rename_axis("estate").reset_index().melt("estate", var_name="field", value_name="take")
    )
    takes = takes.loc[takes["take"], ["estate", "field"]]
    key = ["estate", "field"]
    new = other.merge(takes, on=key)
    old = one[~pd.MultiIndex.from_frame(one[key]).isin(pd.MultiIndex.from_frame(takes))]
    return conform(EstateFacts, pd.concat([old, new]).sort_values(key, ignore_index=True))


def _file(ledger: Ledger) -> str:
    return str(ledger.facts["file"].iloc[0]) if len(ledger.facts) else ""


def _told(ledger: Ledger, joined: int) -> Note:
    file, n = _file(ledger), len(ledger.estates)
    return Note(
        f"{file}: {n} 个小区中 {joined} 个与前面的表是同一小区, {n - joined} 个单列",
        f"{file}: {joined} of {n} estates are those of an earlier file, {n - joined} stand alone",
    )
