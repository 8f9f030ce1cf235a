"""Panel + areas -> PublicCounts: monthly counts of every area, safe to publish.

Counts of 1 to 4 are left out, and so are others from which they could be worked out. A cell is safe when an attacker
who has every published count, the tree of areas and this text must still reckon with each value from 1 to `least`.
That is shown by other tables, equal in all that is published, in which the cell is 1 and `least`: the criterion of
Fischetti & Salazar. Such a table is made by a move: requests go from one category and community to another, and as
many come back, so that totals stay; all cells a move touches are left out. With two communities of a street they are
the hypercube of Repsilber's method; a move between communities farther apart takes the totals between them along.

Each month is made safe by itself and no sum over months is given, so a month keeps its pattern when later months are
published, and two exports say no more than the later one.

Source: M. Fischetti, J. J. Salazar (2000), Models and algorithms for optimizing cell suppression in tabular data with
linear constraints, JASA 95, sections 2-3. S. Giessing, D. Repsilber (2002), Tools and strategies to protect multiple
tables with the GHQUAR cell suppression engine, LNCS 2316, section 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forecast.tables import ALL, PublicCounts, check, conform

LEAST = 5
"""Counts from 1 to below this are left out."""

MONTHS_CLEAN = 24
"""Months of a series that must all be told before its forecasts are."""

STEP = 4.0
"""How much dearer it is to leave out a total than one of its parts."""

OWN = "\0"
"""Ends the name of the part of an area that is in none of the areas below it; such a part is never told."""

_Route = tuple[np.ndarray, np.ndarray, int, int]
"""Of a move: the nodes that gain with their column, the partner's that lose, the column, the other column."""

PLENTY = np.iinfo(np.int64).max // 4


def suppress(panel: pd.DataFrame, areas: pd.DataFrame, value: str = "orders", least: int = LEAST) -> pd.DataFrame:
    """Counts of all areas and categories by month, sums (ALL, upper areas) included, without those that are small.

    Args:
        panel: Panel; a cell that is absent is not covered and adds nothing.
        areas: Areas, whose parents make the tree.
        value: column of `panel` that is published; only one, as a second would narrow the first.
        least: smallest positive count that may be told, 2 or more.

    Returns:
        PublicCounts. Zero is told, unless it is needed to hide another.
    """
    parents = {str(a): p for a, p in zip(areas["area"], areas["parent"], strict=True) if not pd.isna(p)}
    months = [_one_month(rows, parents, value, least) for _, rows in panel.groupby("month", sort=True)]
    frame = pd.concat(months, ignore_index=True) if months else pd.DataFrame()
    return check(PublicCounts, conform(PublicCounts, frame), "public counts")


@dataclass(frozen=True, eq=False)
class _Table:
    """One month: nodes of the tree x categories, the last column ALL; the last row is a stand-in for "nobody".

    `paths`: of each node with rows of its own, the nodes from it to the top. `hidden`: what is left out so far.
    `worth`: cost of leaving a cell out, infinite for one that does not exist. `shown`: by how much each cell is known
    to be able to rise (1) or fall (-1).
    """

    nodes: list[str]
    columns: list[str]
    counts: np.ndarray
    paths: dict[int, np.ndarray]
    under: dict[int, list[int]]
    worth: np.ndarray
    hidden: np.ndarray
    shown: dict[int, np.ndarray]
    sides: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    @property
    def nobody(self) -> np.ndarray:
        """The partner of a move that goes up to the top."""
        return np.array([[len(self.nodes)]])

    def side(self, below: int, at: int) -> np.ndarray:
        """Partners under `at` but not under `below`: a row each, its nodes up to below `at`, padded with nobody."""
        if (below, at) not in self.sides:
            inside = set(self.under[below])
            chains = [_until(self.paths[leaf], at) for leaf in self.under[at] if leaf not in inside and leaf != at]
            rows = np.full((len(chains), max(map(len, chains), default=0)), len(self.nodes))
            for row, chain in zip(rows, chains, strict=True):
                row[: len(chain)] = chain
            self.sides[below, at] = rows
        return self.sides[below, at]


def _one_month(rows: pd.DataFrame, parents: dict[str, str], value: str, least: int) -> pd.DataFrame:
    table = _table(rows, parents, value)
    body = table.counts[:-1]
    told = ~np.array([node.endswith(OWN) for node in table.nodes])[:, None]
    small = np.argwhere((body > 0) & (body < least) & told)
    for node, column in small:
        _hide(table, (node, column))
    order = sorted(small.tolist(), key=lambda cell: (-len(table.under[cell[0]]), body[tuple(cell)], cell))
    for node, column in order:
        count = int(body[node, column])
        _protect(table, node, column, least - count, sign=1)
        _protect(table, node, column, count - 1, sign=-1)
    there = np.argwhere(np.isfinite(table.worth[:-1]) & told)
    counts = body[there[:, 0], there[:, 1]].astype(float)
    hidden = table.hidden[there[:, 0], there[:, 1]]
    return pd.DataFrame(
        {
            "area": np.array(table.nodes, dtype=object)[there[:, 0]],
            "category": np.array(table.columns, dtype=object)[there[:, 1]],
            "month": rows["month"].iloc[0],
            "count": np.where(hidden, np.nan, counts),
            "suppressed": hidden,
        }
    )


def _table(rows: pd.DataFrame, parents: dict[str, str], value: str) -> _Table:
    wide = rows.pivot(index="area", columns="category", values=value).sort_index().sort_index(axis=1)
    chains = {str(area): _chain(str(area), parents) for area in wide.index}
    above = {node for chain in chains.values() for node in chain[1:]}
    chains = {area: [area + OWN, *chain] if area in above else chain for area, chain in chains.items()}
    nodes = sorted({node for chain in chains.values() for node in chain})
    place = {node: n for n, node in enumerate(nodes)}
    paths = {place[chain[0]]: np.array([place[node] for node in chain]) for chain in chains.values()}
    counts = np.zeros((len(nodes) + 1, wide.shape[1] + 1), dtype=np.int64)
    there = np.zeros_like(counts, dtype=bool)
    height = np.zeros(len(nodes) + 1)
    under: dict[int, list[int]] = {}
    own = wide.to_numpy(dtype=float, na_value=np.nan)
    for leaf, line in zip(paths, own, strict=True):
        path = paths[leaf]
        counts[path, :-1] += np.nan_to_num(line).astype(np.int64)
        there[path, :-1] |= ~np.isnan(line)
        height[path] = np.maximum(height[path], np.arange(len(path)))
        for node in path:
            under.setdefault(int(node), []).append(leaf)
    counts[:, -1] = counts[:, :-1].sum(axis=1)
    there[:-1, -1] = True
    worth = np.where(there, np.log2(2.0 + counts) * STEP ** height[:, None], np.inf)
    worth[:, -1] *= STEP
    hidden = np.array([node.endswith(OWN) for node in [*nodes, ""]])[:, None] & there
    worth[hidden] = 0.0
    counts[-1], worth[-1] = PLENTY, 0.0
    columns = [*map(str, wide.columns), ALL]
    shown = {1: np.zeros_like(counts), -1: np.zeros_like(counts)}
    return _Table(nodes, columns, counts, paths, under, worth, hidden, shown)


def _chain(area: str, parents: dict[str, str]) -> list[str]:
    """The area and all above it."""
    chain = [area]
    while (above := parents.get(chain[-1])) is not None and above not in chain:
        chain.append(above)
    return chain


def _until(path: np.ndarray, node: int) -> np.ndarray:
    return path[: int(np.flatnonzero(path == node)[0])]


def _hide(table: _Table, cells: tuple[np.ndarray | int, np.ndarray | int]) -> None:
    """Leave the cells out; what is left out already costs nothing more."""
    table.hidden[cells] = True
    table.worth[cells] = 0.0
    table.hidden[-1] = False


def _protect(table: _Table, node: int, column: int, amount: int, sign: int) -> None:
    """Hide what lets the cell be `amount` more (sign 1) or less (sign -1) in a table equal in all that is told.

    One move does where there is room for all of it; else several do, each on the table the last one left. What that
    table shows of other cells is kept.
    """
    if sign * table.shown[sign][node, column] >= amount:
        return
    done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while amount:
        moves = (
            _move(table, *carrier, node, column, amount, sign) for carrier in _carriers(table, node, column, sign)
        )
        _, size, route = min(moves, key=lambda move: move[0])
        rows, columns, signs = _cells(table, *route, sign)
        _hide(table, (rows, columns))
        np.add.at(table.counts, (rows, columns), size * signs)
        done.append((rows, columns, size * signs))
        amount -= size
    rows, columns, changes = (np.concatenate(parts) for parts in zip(*done, strict=True))
    after = table.counts[rows, columns]
    np.subtract.at(table.counts, (rows, columns), changes)
    change = after - table.counts[rows, columns]
    for way, pick in ((1, np.maximum), (-1, np.minimum)):
        table.shown[way][rows, columns] = pick(table.shown[way][rows, columns], change)


def _carriers(table: _Table, node: int, column: int, sign: int) -> Iterator[tuple[int, int]]:
    """Communities and categories a change of the cell can come from; with the most requests first, three at most."""
    last = len(table.columns) - 1
    columns = range(last) if column == last else [column]
    leaves = table.under[node]
    cells = [(leaf, c) for leaf in leaves for c in columns if np.isfinite(table.worth[leaf, c])]
    ranked = sorted(cells, key=lambda cell: (-table.counts[cell], cell))[:3]
    yield from (cell for cell in ranked if sign > 0 or table.counts[cell] > 0)


def _move(
    table: _Table, leaf: int, carrier: int, node: int, column: int, amount: int, sign: int
) -> tuple[float, int, _Route]:
    """The move at (leaf, carrier) that changes (node, column) for the least cost a request, near partners first.

    Returns:
        Cost a request, how many requests move, and the route they take.
    """
    path = table.paths[leaf]
    best: tuple[float, int, _Route] | None = None
    for depth in range(int(np.flatnonzero(path == node)[0]) + 1, len(path) + 1):
        near = path[:depth]
        far = table.side(int(path[depth - 1]), int(path[depth])) if depth < len(path) else table.nobody
        if not len(far):
            continue
        room, cost = _offers(table, near, far, carrier, amount, sign, column == len(table.columns) - 1)
        partner, other = np.unravel_index(int(cost.argmin()), cost.shape)
        price, size = float(cost[partner, other]), int(room[partner, other])
        if np.isfinite(price) and (best is None or price < best[0]):
            best = price, size, (near, far[partner], carrier, int(other))
        if best is not None and (best[1] == amount or not best[0]):
            break
    assert best is not None, "a whole path can always move"
    return best


def _offers(
    table: _Table, near: np.ndarray, far: np.ndarray, carrier: int, amount: int, sign: int, total: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Arrays (partners, columns): how many can move with a partner and another category, and at what cost each.

    The last column is a move without another category, by which the totals change; `total`: only such.
    """
    counts, worth = table.counts, table.worth
    if sign > 0:
        room = np.minimum(counts[far, carrier].min(axis=1)[:, None], counts[near].min(axis=0))
        room[:, -1] = counts[far, carrier].min(axis=1)
    else:
        room = np.minimum(counts[near, carrier].min(), counts[far].min(axis=1))
        room[:, -1] = counts[near, carrier].min()
    room = np.minimum(room, amount)
    room[:, carrier] = 0
    if total:
        room[:, :-1] = 0
    cost = worth[near, carrier].sum() + worth[far, carrier].sum(axis=1)[:, None]
    cost = cost + worth[near].sum(axis=0) + worth[far].sum(axis=1)
    return room, np.where(room > 0, cost / np.maximum(room, 1), np.inf)


def _cells(
    table: _Table, near: np.ndarray, far: np.ndarray, carrier: int, other: int, sign: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and signs of the cells a move touches. Without another category the totals move along."""
    far = far[far < len(table.nodes)]
    back = 1 if other == len(table.columns) - 1 else -1
    lengths = [len(near), len(far), len(near), len(far)]
    rows = np.concatenate([near, far, near, far])
    columns = np.repeat([carrier, carrier, other, other], lengths)
    return rows, columns, np.repeat([sign, -sign, sign * back, -sign * back], lengths)


def open_forecasts(forecasts: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Forecasts that may be published: quantiles of series of which every one of the last months is told.

    Means and variances stay away, as they add up over areas: the sum less all parts but one is the part that is
    withheld. Quantiles do not add up.

    Args:
        forecasts: Forecasts.
        told: PublicCounts of the months up to the origin; MONTHS_CLEAN of them are looked at, or all there are.
    """
    last = told["month"].drop_duplicates().nlargest(MONTHS_CLEAN)
    seen = told[told["month"].isin(last)].groupby(["area", "category"])["suppressed"].agg(["any", "size"])
    clean = seen.index[~seen["any"] & (seen["size"] == len(last))]
    series = pd.MultiIndex.from_frame(forecasts[["area", "category"]])
    return forecasts[(forecasts["output"] == "quantile") & series.isin(clean)].reset_index(drop=True)
