"""Names of estates as written + Estates -> which estate each surely means, and EstateReview of what is doubtful."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from forecast.estates.cells import plain
from forecast.estates.options import Matching
from forecast.estates.places import Bare, Place, anywhere, bare, chains
from forecast.estates.spelling import Spelling, apart, pieces, spell
from forecast.tables import EstateHistory, EstateReview, conform, empty

CITYWIDE = 0.85
"""How alike two names must be where the community of the written one is not known."""
COMMON = 1000
"""Names that share a piece of letters from which the piece tells nothing."""
RAREST = 4
"""Pieces of a name by which alike names are looked for."""
PAIRS = 2_000_000
"""Pairs compared at a time, for memory."""

Scope = Literal["all", "area", "city"]

LIKE, TWO, ELSEWHERE, OTHER_NAME = (
    "similar name",
    "more than one estate fits",
    "same name in another community",
    "same id, another name",
)


class Links(NamedTuple):
    """found: the estate of each row of names, null where none is sure. step: how sure, 0 the surest, -1 none.
    doubtful: EstateReview of the pairs a person must judge."""

    found: pd.Series
    step: pd.Series
    doubtful: pd.DataFrame


def link(
    names: pd.DataFrame,
    estates: pd.DataFrame,
    lineage: pd.DataFrame,
    answers: pd.DataFrame,
    options: Matching,
    where: str,
    areas: pd.DataFrame | None = None,
) -> Links:
    """Find the estate of each written name.

    In this order, each step only where one estate alone fits: what a person answered; the id; the name, then an
    alias; the same evened out (see `spelling`); without 花园 and its like, where one of the two has no such word;
    without the building behind it; without the places it lies in (see `places`). A name is looked for in its
    community and in those that came from it; a name without a community in the whole city, and there only by id,
    name, alias, evened out, or without full names of places that the estate lies in. Names with different numbers
    or sides (一期 and 二期, 12号院 and 21号院, 东里 and 西里) never meet.

    Args:
        names: DataFrame[written, area (may be null), rows], each written and area once.
        estates: Estates. lineage: [area, earlier], each area with every area it followed.
        answers: EstateReview with answers; those of any `where` hold.
        where: the file, or "orders". areas: Areas; without them no place is known.

    Returns:
        Links; `found` and `step` have the index of `names`.
    """
    if names.empty:
        nothing = pd.Series(index=names.index, dtype="str")
        return Links(nothing, nothing.isna().astype("int64"), empty(EstateReview))
    key = ["written", "area"]
    spelled = pd.DataFrame(list(map(spell, names["written"])), index=names.index, columns=pd.Index(Spelling._fields))
    spelled = spelled.assign(area=names["area"], written=names["written"].map(plain))
    book = _book(estates, lineage)
    judged = answers.loc[answers["answer"] == "different", [*key, "estate"]].drop_duplicates()
    different = names[key].rename_axis("row").reset_index().merge(judged, on=key)[["row", "estate"]]
    found, step = _answered(names, estates, answers)
    torn: list[pd.DataFrame] = []
    open_rows = spelled[found.isna()]
    tries = _tries(book)
    for number in range(1, len(tries) + 2):
        if number <= len(tries):
            scope, on, table = tries[number - 1]
            hits = _hits(open_rows, on, table, scope)
        elif open_rows.empty:
            break
        else:
            hits, doubts = _by_place(names.loc[open_rows.index], estates, lineage, areas)
            torn.append(doubts[~doubts["row"].isin(hits["row"])])
        hits = _without(hits, different)
        torn.append(hits[hits["row"].duplicated(keep=False)].assign(reason=TWO, alike=1.0))
        single = hits.drop_duplicates("row", keep=False).set_index("row")["estate"]
        found[single.index], step[single.index] = single, number
        open_rows = open_rows[~open_rows.index.isin(hits["row"])]
    unsure = spelled[found.isna()]
    away = _hits(unsure[unsure["area"].notna()], "full", book, "all").drop_duplicates("row", keep=False)
    pairs = pd.concat([*torn, away.assign(reason=ELSEWHERE, alike=1.0), _alike(unsure, book, options)])
    return Links(found, step, _review(_without(pairs, different), names, estates, options, where))


def history(
    named: pd.DataFrame,
    estates: pd.DataFrame,
    lineage: pd.DataFrame,
    answers: pd.DataFrame,
    options: Matching,
    areas: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Incidents that name an estate, under the estate's id.

    Args:
        named: EstateHistory with `area`; `estate` as written in the orders.
        estates: Estates. lineage: [area, earlier], each area with every area it followed. answers: EstateReview.
        areas: Areas, whose names may stand before an estate's.

    Returns:
        (EstateHistory of what was found, EstateReview of what is doubtful; that does not count for any estate).
    """
    pair = ["estate", "area"]
    sums = named.groupby(pair, dropna=False)["incidents"].sum().rename("rows").reset_index()
    links = link(sums.rename(columns={"estate": "written"}), estates, lineage, answers, options, "orders", areas)
    ids = sums.assign(found=links.found)[[*pair, "found"]]
    rows = named.merge(ids, on=pair, how="left").dropna(subset="found")
    keys = ["estate", "category", "month", "months"]
    rows = rows.assign(estate=rows["found"]).groupby(keys)["incidents"].sum().reset_index()
    return conform(EstateHistory, rows), links.doubtful


def _book(estates: pd.DataFrame, lineage: pd.DataFrame) -> pd.DataFrame:
    """Every name of every estate in its area and in the areas that one followed."""
    own = estates[["estate", "area", "name"]].assign(alias=False)
    other = estates[["estate", "area"]].assign(name=estates["aliases"].str.split("|"), alias=True)
    book = pd.concat([own, other.explode("name")], ignore_index=True).dropna(subset="name")
    spelled = pd.DataFrame(list(map(spell, book["name"])), index=book.index, columns=pd.Index(Spelling._fields))
    book = pd.concat([book, spelled], axis=1)
    book["written"], book["id"] = book["name"].map(plain), book["estate"].map(plain)
    before = book.merge(lineage, on="area").drop(columns="area").rename(columns={"earlier": "area"})
    return pd.concat([book, before[book.columns]], ignore_index=True)


def _tries(book: pd.DataFrame) -> list[tuple[Scope, str, pd.DataFrame]]:
    """(where to look, key of the written name, book with that key), from the surest."""
    ids = book.drop_duplicates("estate").assign(written=lambda rows: rows["id"])
    named = book[~book["alias"]]
    bare = book[book["full"] == book["short"]].assign(short=lambda rows: rows["full"])
    return [
        ("all", "written", ids),
        ("area", "written", named),
        ("area", "written", book),
        ("area", "full", book),
        ("area", "full", pd.concat([book, book.assign(full=book["short"])])),
        ("area", "short", bare),
        ("area", "base", book.assign(base=book["full"])),
        ("city", "written", named),
        ("city", "written", book),
        ("city", "full", book),
        ("city", "base", book.assign(base=book["full"])),
    ]


def _by_place(
    names: pd.DataFrame, estates: pd.DataFrame, lineage: pd.DataFrame, areas: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(DataFrame[row, estate] of names that are one without the places the estate lies in; of doubtful ones
    DataFrame[row, estate, reason, alike])."""
    from rapidfuzz import fuzz, process

    lines = {} if areas is None else chains(areas)
    city = () if areas is None else anywhere(areas)
    ours = _bare(names.rename_axis("row").reset_index().rename(columns={"written": "name"}), lines, city)
    own = estates[["estate", "area", "name"]].assign(place=estates["area"])
    other = own.assign(name=estates["aliases"].str.split("|")).explode("name")
    theirs = _bare(pd.concat([own, other], ignore_index=True).dropna(subset="name"), lines, ())
    theirs = theirs[theirs["key"] == theirs["whole"]]
    before = theirs.merge(lineage, on="area").drop(columns="area").rename(columns={"earlier": "area"})
    theirs = pd.concat([theirs, before[theirs.columns]], ignore_index=True)
    placed, both = ours["area"].notna(), ("", "_estate")
    local = ours[placed].merge(theirs, on=["key", "area"], suffixes=both)
    away = ours[~placed].merge(theirs.drop(columns="area"), on="key", suffixes=both)
    inside = {area: {place.area for place in line} for area, line in lines.items()}
    lies = [gone <= inside.get(area, set()) for gone, area in zip(away["places"], away["place"], strict=True)]
    pairs = pd.concat([local, away[np.array(lies, dtype=bool)]], ignore_index=True)
    pairs = pairs[pairs["cut"] | pairs["cut_estate"]]
    sure = pairs["sure"] & pairs["sure_estate"]
    score = process.cpdist(pairs["name"].tolist(), pairs["name_estate"].tolist(), scorer=fuzz.ratio)
    pairs = pairs.assign(reason=LIKE, alike=score / 100.0)
    return pairs.loc[sure, ["row", "estate"]].drop_duplicates(), pairs.loc[
        ~sure, ["row", "estate", "reason", "alike"]
    ]


def _bare(rows: pd.DataFrame, lines: dict[str, tuple[Place, ...]], city: tuple[Place, ...]) -> pd.DataFrame:
    """`rows` of names in areas, each as it is and in every way without places (see `places.bare`): with key (evened
    out, with and without the building), whole, sure, places, cut (whether a place is gone). `city`: the places
    looked for in names without an area."""
    parts = []
    for at, (name, area) in enumerate(zip(rows["name"], rows["area"], strict=True)):
        ways = bare(name, city if pd.isna(area) else lines.get(area, ()))
        for text, sure, places in (Bare(name, True, frozenset()), *ways):
            spelled = spell(text)
            keys = dict.fromkeys((spelled.full, spelled.base))
            parts += [(at, key, spelled.full, sure, places, text != name) for key in keys]
    columns = pd.Index(["at", "key", "whole", "sure", "places", "cut"])
    found = pd.DataFrame(parts, columns=columns).astype({"key": "str", "whole": "str", "sure": bool, "cut": bool})
    return rows.reset_index(drop=True).merge(found, left_index=True, right_on="at").drop(columns="at")


def _hits(names: pd.DataFrame, key: str, book: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """DataFrame[row, estate] of names and estates with one key. Scope: all names in the whole city; those with a
    community in that (area); those without one in the whole city (city)."""
    placed = names["area"].notna()
    wanted = names if scope == "all" else names[placed] if scope == "area" else names[~placed]
    on = [key, "area"] if scope == "area" else [key]
    hits = wanted[on].rename_axis("row").reset_index().merge(book[[*on, "estate"]].drop_duplicates(), on=on)
    return hits[["row", "estate"]].drop_duplicates()


def _without(pairs: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Pairs of row and estate that are not among `others`."""
    if others.empty:
        return pairs
    both = pairs.merge(others.assign(there=True), on=["row", "estate"], how="left")
    return both[both["there"].isna()].drop(columns="there")


def _answered(names: pd.DataFrame, estates: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    same = answers[(answers["answer"] == "same") & answers["estate"].isin(estates["estate"])]
    same = same.drop_duplicates(["written", "area", "estate"]).drop_duplicates(["written", "area"], keep=False)
    key = ["written", "area"]
    found = names[key].merge(same[[*key, "estate"]], on=key, how="left")["estate"].set_axis(names.index)
    return found.astype("str"), pd.Series(np.where(found.isna(), -1, 0), index=names.index)


def _alike(names: pd.DataFrame, book: pd.DataFrame, options: Matching) -> pd.DataFrame:
    """DataFrame[row, estate, reason, alike] of names with enough letters in common."""
    from rapidfuzz import fuzz, process

    placed = names["area"].notna()
    parts = [pd.DataFrame({"row": [], "estate": [], "alike": [], "reason": []})]
    for own, least, local in (
        (names[placed], options.alike, True),
        (names[~placed], max(CITYWIDE, options.alike), False),
    ):
        for left, right in _candidates(own, book, local) if len(own) else ():
            a, b = own.iloc[left], book.iloc[right]
            ok = ~apart(a["numbers"].to_numpy(dtype=object), b["numbers"].to_numpy(dtype=object))
            ok &= ~apart(a["sides"].to_numpy(dtype=object), b["sides"].to_numpy(dtype=object))
            a, b = a[ok], b[ok]
            score = process.cpdist(
                a["base"].tolist(), b["full"].tolist(), scorer=fuzz.ratio, score_cutoff=100 * least
            )
            near = score > 0
            pairs = {"row": a.index[near], "estate": b["estate"].to_numpy()[near], "alike": score[near] / 100.0}
            parts.append(pd.DataFrame(pairs).assign(reason=LIKE))
    return pd.concat([part for part in parts if len(part)] or parts)


def _candidates(names: pd.DataFrame, book: pd.DataFrame, local: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions in `names` and in `book` of names that share one of the rarest pieces of the first (and, if
    `local`, the community)."""
    theirs, ours = _pieces(book, "full", local), _pieces(names, "base", local)
    code, every = pd.factorize(theirs["piece"])
    spots = theirs["at"].to_numpy()[np.argsort(code, kind="stable")]
    size = np.bincount(code, minlength=len(every))
    first = np.cumsum(size) - size
    ours["code"] = pd.Index(every).get_indexer(ours["piece"])
    ours = ours[ours["code"] >= 0]
    ours = ours.assign(size=size[ours["code"]])
    ours = ours[ours["size"] <= COMMON].sort_values(["at", "size"], kind="stable")
    ours = ours.groupby("at").head(RAREST)
    for _, part in ours.groupby(ours["size"].cumsum() // PAIRS):
        n = part["size"].to_numpy()
        left = np.repeat(part["at"].to_numpy(), n)
        step = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        right = spots[np.repeat(first[part["code"]], n) + step]
        yield np.divmod(np.unique(left * len(book) + right), len(book))


def _pieces(names: pd.DataFrame, key: str, local: bool) -> pd.DataFrame:
    """DataFrame[piece, at]: the pieces of each name, with the community before them if `local`; its position."""
    cuts = [pieces(text) for text in names[key]]
    at = np.repeat(np.arange(len(names)), [len(cut) for cut in cuts])
    piece = pd.Series([part for cut in cuts for part in cut], dtype="str")
    if local:
        piece = names["area"].astype("str").iloc[at].reset_index(drop=True) + "\x1f" + piece
    return pd.DataFrame({"piece": piece, "at": at}).dropna()


def _review(
    pairs: pd.DataFrame, names: pd.DataFrame, estates: pd.DataFrame, options: Matching, where: str
) -> pd.DataFrame:
    """EstateReview of the likeliest pairs of each name; what most hangs on stands first."""
    if pairs.empty:
        return empty(EstateReview)
    rows = pairs.sort_values(["row", "alike", "estate"], ascending=[True, False, True], kind="stable")
    rows = rows.drop_duplicates(["row", "estate"]).groupby("row").head(options.candidates)
    rows = rows.join(names, on="row").merge(estates[["estate", "name"]], on="estate")
    order = ["rows", "written", "area", "alike", "estate"]
    rows = rows.sort_values(order, ascending=[False, True, True, False, True], ignore_index=True)
    return conform(EstateReview, rows.assign(where=where))
