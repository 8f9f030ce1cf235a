"""An attacker on PublicCounts: what every hidden count can be, given all that is told, whoever hid it."""

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from forecast.tables import ALL


def bounds(told: pd.DataFrame, parents: dict[str, str], wide: tuple[float, float] | None = None) -> pd.DataFrame:
    """Least and most each hidden count of one month can be: linear programmes over all sums that must hold.

    Args:
        told: PublicCounts of one month.
        parents: area -> the area above it.
        wide: stop looking at a cell once tables are known in which it is at most / at least this; None = look on.

    Returns:
        DataFrame[area, category, low, high]; with `wide`, low and high of a wide cell are no bounds but values that
        some table attains.
    """
    hidden = told.loc[told["suppressed"], ["area", "category"]].reset_index(drop=True)
    left, right = _sums(told, hidden, parents)
    low, high = np.full(len(hidden), np.inf), np.full(len(hidden), -np.inf)

    def see(goal: np.ndarray) -> None:
        found = linprog(goal, A_eq=left, b_eq=right, bounds=(0, 1e6), method="highs")
        assert found.status == 0, found.message
        np.minimum(low, found.x, out=low)
        np.maximum(high, found.x, out=high)

    rng = np.random.default_rng(0)
    if wide:
        for _ in range(40):
            open_ = (low > wide[0] + 1e-6) | (high < wide[1] - 1e-6)
            if open_.any():
                weight = rng.uniform(0.5, 1.5, len(hidden)) * open_
                see(np.where(rng.random(len(hidden)) < 0.5, weight, -weight))
    for n in range(len(hidden)):
        for sign in (1, -1):
            if wide and (low[n] <= wide[0] + 1e-6 if sign > 0 else high[n] >= wide[1] - 1e-6):
                continue
            goal = np.zeros(len(hidden))
            goal[n] = sign
            see(goal)
    return hidden.assign(low=low.round(6), high=high.round(6))


def _sums(told: pd.DataFrame, hidden: pd.DataFrame, parents: dict[str, str]) -> tuple[csr_matrix, np.ndarray]:
    """Every sum that must hold: children to parent, categories to ALL; over the hidden cells, with the rest told."""
    column = {tuple(cell): n for n, cell in enumerate(hidden.itertuples(index=False))}
    known = {
        (area, category): count
        for area, category, count in zip(told["area"], told["category"], told["count"], strict=True)
        if (area, category) not in column
    }
    cells = [*column, *known]
    groups: dict[tuple[str, ...], list[tuple[tuple[str, str], int]]] = {}
    for area, category in cells:
        if category == ALL:
            groups.setdefault(("across", area), []).append(((area, category), -1))
        else:
            groups.setdefault(("across", area), []).append(((area, category), 1))
        if area in parents:
            groups.setdefault(("up", parents[area], category), []).append(((area, category), 1))
    for area, category in cells:
        if ("up", area, category) in groups:
            groups["up", area, category].append(((area, category), -1))
    rows, columns, values, right = [], [], [], []
    for n, members in enumerate(groups.values()):
        rest = 0.0
        for cell, sign in members:
            if cell in column:
                rows.append(n)
                columns.append(column[cell])
                values.append(sign)
            else:
                rest -= sign * known[cell]
        right.append(rest)
    return csr_matrix((values, (rows, columns)), shape=(len(groups), len(column))), np.array(right)
