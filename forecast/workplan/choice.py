"""Candidates + crews -> what becomes of each: begun this month or later, held back, left, or too late.

Streets are strangers to one another, so each is solved alone. In a street, work under way keeps its crew, then
safety tasks are served, then the share of silent estates, then all others. Each of these is an integer programme: the
binary x[task, month] says whether a task begins in a month,

    max sum value x    s.t.  sum over months x[task] <= 1,
                             sum over a party's tasks crew_days x <= its crew-days of the month,
                             sum over all tasks x <= slots of the month.

Source: the multidimensional knapsack with release and due dates (Kellerer, Pferschy & Pisinger 2004, Knapsack
Problems, ch. 9), solved by HiGHS (Huangfu & Hall 2018) through `scipy.optimize.milp`.
"""

import hashlib

import numpy as np
import pandas as pd
from scipy import sparse

from forecast.errors import Fault
from forecast.playbook import Playbook
from forecast.workplan.options import Limit, Plan

UNIT = 100
"""Crew-days are counted in whole hundredths, so that a plan is within its crews to the last digit."""

UNLIMITED = 10**12

HELD = -2
"""Month of a task that is held back; -1 is that of one that does not begin."""

HASTE = 1e-3
"""Part of its value a task loses for each month it begins early: early work only where crews are short later."""

ORDER = 1e-5
"""Part of the largest value that tells tasks of equal value apart, by their order."""

GAP, NODES = 1e-6, 200
"""HiGHS may stop this near to the best plan, or after so many nodes: counted work, so that a plan is the same on
every machine."""

CORE = 200
"""Columns up to which a street is solved whole."""


def choose(
    tasks: pd.DataFrame, plan: Plan, plan_month: pd.Timestamp, streets: dict[str, str], seed: int
) -> pd.DataFrame:
    """What becomes of each task.

    Args:
        tasks: candidates (forecast.workplan.candidates) in the order of their rank.
        plan: slots, crews, shares.
        plan_month: first day of the month tasks are chosen for.
        streets: code -> name of the streets.
        seed: of the draw of what is held back.

    Returns:
        DataFrame[fate, begin (month, null where it does not begin), borderline] with the index of `tasks`. In no
        month a street has more tasks than slots, nor a party more work than its crew-days.
    """
    values = tasks["expected_requests" if plan.rank_by == "expected_requests" else "preventable"]
    values = values * (1 + plan.stability * tasks["asked"])
    start = pd.Series(-1, index=tasks.index)
    borderline = pd.Series(False, index=tasks.index)
    order = {limit: place for place, limit in enumerate(plan.capacity)}
    named: dict[str, list[Limit]] = {}
    for limit in order:
        named.setdefault(limit.street, []).append(limit)
    months = [plan_month + pd.DateOffset(months=ahead) for ahead in range(plan.early_months + 1)]
    for street, group in tasks[tasks["on_time"]].groupby("street", sort=True):
        names = {"", str(street), streets.get(str(street), "")}
        own = sorted((limit for name in names for limit in named.get(name, [])), key=order.__getitem__)
        limits = _limits(group, own, months)
        room = _Room(group, limits, plan.slots_per_street)
        start[group.index], borderline[group.index] = _in_street(group, values[group.index], room, plan, seed)
    held = borderline & (start == HELD)
    fate = np.select(
        [~tasks["on_time"], held, start == 0, start > 0], ["late", "held_back", "chosen", "later"], "no_capacity"
    )
    begin = pd.Series(pd.NaT, index=tasks.index, dtype="datetime64[us]")
    for ahead in sorted(set(start[start >= 0])):
        begin[start == ahead] = months[int(ahead)]
    return pd.DataFrame({"fate": fate, "begin": begin, "borderline": borderline}, index=tasks.index)


def strangers(plan: Plan, areas: pd.DataFrame, playbook: Playbook) -> list[Fault]:
    """Limits that name a street or a party nobody knows."""
    known = areas[areas["level"] == "street"]
    streets = {"", *known["area"], *known["name"]}
    entries = plan.every_entry(playbook)
    parties = {"", *(task.lead_party for task in entries), *(task.lead_party_en for task in entries)}
    found = []
    for number, limit in enumerate(plan.capacity, start=1):
        for key, value, names in (("street", limit.street, streets), ("party", limit.party, parties)):
            if value not in names:
                fix = f"use one of {', '.join(sorted(names - {''})[:5])} ..."
                found.append(Fault(f"no {key} is called {value!r}", f"plan.capacity, entry {number}", fix))
    return found


class _Room:
    """What is left of a street's slots and crews, by month; crews in hundredths of a day."""

    def __init__(self, tasks: pd.DataFrame, limits: dict[tuple[str, int], float], slots: int) -> None:
        self.parties = sorted(tasks["party"].unique())
        self.months = int(tasks["latest"].max()) + 1
        self.slots = np.full(self.months, slots)
        self.crews = np.array(
            [[_units(limits[party, month]) for month in range(self.months)] for party in self.parties]
        )

    def take(self, party: np.ndarray, need: np.ndarray, start: np.ndarray, sign: int = 1) -> None:
        """Use the room of the tasks that begin in month `start` (< 0: in none), or with `sign` -1 give it back."""
        begun = start >= 0
        np.subtract.at(self.slots, start[begun], sign)
        np.subtract.at(self.crews, (party[begun], start[begun]), sign * need[begun])


def _units(crew_days: float) -> int:
    return min(int(np.floor(crew_days * UNIT + 1e-6)), UNLIMITED) if np.isfinite(crew_days) else UNLIMITED


def _limits(tasks: pd.DataFrame, capacity: list[Limit], months: list[pd.Timestamp]) -> dict[tuple[str, int], float]:
    """Crew-days of each party by number of the month, from the limits of one street; infinite where none holds."""
    found = {}
    parties = tasks[["party", "lead_party"]].drop_duplicates("party")
    for party, other in zip(parties["party"], parties["lead_party"], strict=True):
        for ahead_by, month in enumerate(months):
            names = {"", f"{month:%m}", str(month.month), f"{month:%Y-%m}"}
            holding = [limit for limit in capacity if limit.party in ("", party, other) and limit.month in names]
            found[party, ahead_by] = sorted(holding, key=_detail)[-1].crew_days if holding else np.inf
    return found


def _detail(limit: Limit) -> int:
    """How much a limit names; a month of one year names more than a month of every year."""
    return 2 * bool(limit.street) + 2 * bool(limit.party) + bool(limit.month) + ("-" in limit.month)


def _in_street(
    tasks: pd.DataFrame, values: pd.Series, room: _Room, plan: Plan, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(months until each begins, -1 not at all, HELD held back; borderline) of the tasks of one street."""
    party = pd.Index(room.parties).get_indexer(tasks["party"])
    need = np.ceil(tasks["crew_days"].to_numpy() * UNIT - 1e-6).astype(np.int64)
    latest = tasks["latest"].to_numpy()
    start = np.full(len(tasks), -1)
    visit, going = tasks["visit"].to_numpy(), tasks["going"].to_numpy()
    safety = tasks["safety"].to_numpy() & ~going
    others = ~visit & ~safety & ~going
    held = others & tasks["held"].to_numpy() & (plan.hold_back > 0)

    def serve(which: np.ndarray, worth: np.ndarray, most: int | None = None) -> None:
        at = np.flatnonzero(which)
        if len(at):
            found = _solve(worth[at], party[at], need[at], latest[at], room, most)
            room.take(party[at], need[at], found)
            start[at] = found

    worth = values.to_numpy()
    serve(going, worth)
    serve(safety, worth)
    serve(visit & ~going, tasks["probability"].to_numpy(), int(plan.silent_share * plan.slots_per_street + 1e-9))
    serve(others & ~held, worth)
    borderline = held | _least(others & (start == 0), worth, plan.borderline)
    drawn = held | (borderline & (_luck(tasks["task_id"], seed) < plan.hold_back))
    if drawn.any():
        room.take(party[drawn], need[drawn], start[drawn], sign=-1)
        start[drawn] = HELD
        serve(others & (start == -1), worth)
    return start, borderline


def _least(which: np.ndarray, worth: np.ndarray, part: float) -> np.ndarray:
    """The `part` of the tasks `which` that are worth least, rounded down."""
    at = np.flatnonzero(which)
    order = at[np.argsort(worth[at], kind="stable")]
    least = np.zeros(len(which), dtype=bool)
    least[order[: int(part * len(at) + 1e-9)]] = True
    return least


def _luck(task_ids: pd.Series, seed: int) -> np.ndarray:
    """A number in 0..1 for each task, the same in every run, whatever other tasks there are."""
    draws = [hashlib.sha256(f"{seed}|hold-back|{task}".encode()).digest()[:8] for task in task_ids]
    return np.array([int.from_bytes(draw, "big") / 2**64 for draw in draws])


def _solve(
    worth: np.ndarray, party: np.ndarray, need: np.ndarray, latest: np.ndarray, room: _Room, most: int | None
) -> np.ndarray:
    """Month in which each task begins (-1: in none) so that most is won, within the room and `most` tasks at all."""
    slots = room.slots if most is None else np.minimum(room.slots, most)
    if _all_fit(party, need, latest, room.crews, slots, most):
        return latest.copy()
    task = np.repeat(np.arange(len(worth)), latest + 1)
    month = np.concatenate([np.arange(last + 1) for last in latest])
    order = ORDER * worth.max() * (len(worth) - np.arange(len(worth))) / len(worth)
    gain = (worth + order)[task] * (1 - HASTE * (latest[task] - month))
    columns, ones = np.arange(len(task)), np.ones(len(task))
    scale = 1 / max(need.max(), 1)  # HiGHS tells feasible from not by absolute differences
    rows = [
        sparse.csc_array((ones, (task, columns)), shape=(len(worth), len(task))),
        sparse.csc_array((ones, (month, columns)), shape=(len(slots), len(task))),
        sparse.csc_array(
            (need[task] * scale, (party[task] * room.months + month, columns)), (room.crews.size, len(task))
        ),
    ]
    crews = np.where(room.crews > UNLIMITED // 2, np.inf, room.crews * scale).ravel()
    ends = [np.ones(len(worth)), slots, crews]
    if most is not None:
        rows, ends = [*rows, sparse.csc_array(ones[None, :])], [*ends, np.array([most])]
    begun = _best(gain, sparse.vstack(rows, format="csc"), np.concatenate(ends).astype(float), task)
    start = np.full(len(worth), -1)
    start[task[begun]] = month[begun]
    return start


def _best(gain: np.ndarray, rows: sparse.csc_array, ends: np.ndarray, task: np.ndarray) -> np.ndarray:
    """Binary x, as booleans, with most `gain @ x` and `rows @ x <= ends`.

    Of many tasks only a core is left to the integer programme: those the relaxation splits, and those whose gain is
    nearest to the price of the room they need. The others are as the relaxation has them.

    Source: Balas & Zemel 1980, An algorithm for large zero-one knapsack problems, Operations Research 28(5).
    """
    from scipy.optimize import Bounds, LinearConstraint, linprog, milp

    bound = np.isfinite(ends)  # of a party without a limit there is no row
    rows, ends = rows[bound], ends[bound]
    fixed = np.zeros(len(gain), dtype=bool)
    core = np.ones(len(gain), dtype=bool)
    if len(gain) > CORE:
        relaxed = linprog(-gain, A_ub=rows, b_ub=ends, bounds=(0, 1), method="highs-ds")
        core, fixed = _core(relaxed.x, gain, rows, -relaxed.ineqlin.marginals, task)
    left = ends - rows @ fixed
    found = milp(
        -gain[core],
        integrality=np.ones(core.sum()),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows[:, core], -np.inf, left),
        options={"mip_rel_gap": GAP, "node_limit": NODES},
    )
    begun = fixed.copy()
    begun[np.flatnonzero(core)[found.x > 0.5]] = True
    return begun


def _core(
    x: np.ndarray, gain: np.ndarray, rows: sparse.csc_array, prices: np.ndarray, task: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(columns of the core, columns that are 1 outside it)."""
    tasks = task.max() + 1
    surplus = gain - rows[tasks:].T @ prices[tasks:]
    best = np.full(tasks, -np.inf)
    np.maximum.at(best, task, surplus)
    split = np.zeros(tasks, dtype=bool)
    np.logical_or.at(split, task, (x > 1e-6) & (x < 1 - 1e-6))
    nearest = np.argsort(np.where(split, -1.0, np.abs(best)), kind="stable")[: max(CORE // 4, split.sum())]
    inside = np.zeros(tasks, dtype=bool)
    inside[nearest] = True
    return inside[task], (x > 0.5) & ~inside[task]


def _all_fit(
    party: np.ndarray, need: np.ndarray, latest: np.ndarray, crews: np.ndarray, slots: np.ndarray, most: int | None
) -> bool:
    used = np.zeros_like(crews)
    np.add.at(used, (party, latest), need)
    begun = np.bincount(latest, minlength=len(slots))
    return bool((used <= crews).all() and (begun <= slots).all() and (most is None or len(party) <= most))
