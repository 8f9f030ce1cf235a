"""`python -m tests.bench.choice`: 20,000 made-up tasks -> time to choose, and how near to the best plan.

Writes the table of docs/methods/choice.md.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog

from forecast.workplan import Limit, Plan
from forecast.workplan.choice import choose
from tests.bench import measure
from tests.bench.page import table

PAGE = Path(__file__).parents[2] / "docs/methods/choice.md"
TASKS = 20_000
MONTH = pd.Timestamp("2022-09-01")
PARTIES = ("街道", "物业企业", "供热单位", "城管", "水务", "居委会", "电梯维保", "园林")
CASES = ((343, 0.4, 30), (343, 0.8, 10**6), (33, 0.4, 10**6), (1, 0.4, 10**6))
"""(streets, crew-days there are ÷ crew-days all tasks need, slots of a street)."""


def made(streets: int, seed: int = 1) -> pd.DataFrame:
    """Tasks in the order of what is expected; a tenth are safety tasks, half may begin a month early."""
    rng = np.random.default_rng(seed)
    expected = np.sort(3 + np.exp(rng.normal(1.5, 1.2, TASKS)))[::-1]
    return pd.DataFrame({
        "task_id": [f"t{k}" for k in range(TASKS)], "street": rng.integers(0, streets, TASKS).astype(str),
        "party": rng.choice(PARTIES, TASKS), "lead_party": "", "expected_requests": expected,
        "preventable": 0.3 * expected, "crew_days": rng.choice([0.5, 1, 2, 3, 6], TASKS),
        "latest": rng.integers(0, 2, TASKS), "safety": rng.random(TASKS) < 0.1, "visit": False,
        "probability": np.nan, "on_time": True, "going": False, "asked": False, "held": False,
    })  # fmt: skip


def crews(tasks: pd.DataFrame, share: float) -> tuple[Limit, ...]:
    """Half of `share` of what each party's tasks need in a street, for each of the two months."""
    need = tasks.groupby(["street", "party"])["crew_days"].sum() * share / 2
    keys = need.index.to_frame(index=False).astype(str).itertuples(index=False, name=None)
    return tuple(Limit(street=s, party=p, crew_days=float(days)) for (s, p), days in zip(keys, need, strict=True))


def bound(tasks: pd.DataFrame, plan: Plan) -> float:
    """Most that can be won where tasks may be split and safety tasks come first, street by street."""
    limit = {(one.street, one.party): one.crew_days for one in plan.capacity}
    return sum(_bound(group, limit, plan.slots_per_street) for _, group in tasks.groupby("street"))


def _bound(tasks: pd.DataFrame, limit: dict[tuple[str, str], float], slots: int) -> float:
    n, months = len(tasks), 2
    task, month = np.repeat(np.arange(n), months), np.tile(np.arange(months), n)
    party = tasks["party"].map({name: k for k, name in enumerate(PARTIES)}).to_numpy()[task]
    columns = np.arange(n * months)
    rows = sparse.vstack([
        sparse.csr_array((np.ones(n * months), (task, columns)), shape=(n, n * months)),
        sparse.csr_array((np.ones(n * months), (month, columns)), shape=(months, n * months)),
        sparse.csr_array((tasks["crew_days"].to_numpy()[task], (party * months + month, columns)),
                         shape=(len(PARTIES) * months, n * months)),
    ])  # fmt: skip
    street = str(tasks["street"].iloc[0])
    crew = np.repeat([limit.get((street, name), 0.0) for name in PARTIES], months)
    ends = np.concatenate([np.ones(n), np.full(months, slots), crew])
    most = np.where(month <= tasks["latest"].to_numpy()[task], 1.0, 0.0)
    first = np.where(tasks["safety"], 1e4, 0.0) + tasks["expected_requests"].to_numpy()
    found = linprog(-first[task], A_ub=rows, b_ub=ends, bounds=np.column_stack([np.zeros(len(most)), most]))
    return float(found.x @ tasks["expected_requests"].to_numpy()[task])


def line(streets: int, share: float, slots: int) -> list[str]:
    tasks = made(streets)
    plan = Plan(capacity=crews(tasks, share), slots_per_street=slots, hold_back=0)
    clock, processor = time.perf_counter(), time.process_time()
    fate = choose(tasks, plan, MONTH, {}, 1)["fate"]
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    begun = fate.isin(["chosen", "later"])
    won = tasks.loc[begun, "expected_requests"].sum()
    room = f"{slots}" if slots < TASKS else "any number"
    return [f"{streets}", f"{share:.0%}", room, f"{begun.sum():,}", f"{won / bound(tasks, plan):.4f}",
            f"{clock:.1f}", f"{processor:.1f}"]  # fmt: skip


def main() -> None:
    head = ["streets", "crew-days there are ÷ needed", "slots", "tasks that begin", "÷ bound", "s", "processor s"]
    text = table(head, [line(*case) for case in CASES])
    measure.write(PAGE, "choice", text)


if __name__ == "__main__":
    main()
