"""`python -m tests.bench.effects [seeds]`: planted effects in simulated cities -> docs/methods/effects.md.

Seeds 1..25 make the cities; constants were chosen on cities of seeds 500 and above.
"""

import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.effects import did, holdback, synthetic
from forecast.effects.did import Did
from forecast.effects.holdback import Holdback
from forecast.effects.rules import Finding, Rules, judged, tables
from forecast.effects.synthetic import Synthetic
from tests import planted
from tests.bench.page import table
from tests.planted import Place

PAGE = Path(__file__).parents[2] / "docs/methods/effects.md"
CITIES = 25
RULES = Rules()
Array = np.ndarray
Case = Callable[[Place, float, int], tuple[Finding, float, float]]
"""(city, planted effect, seed) -> (finding, true effect, requests truly averted)."""


def scattered(share: float, spec: Did | None = None) -> Case:
    """Communities drawn at random, two categories, work done in three different months."""

    def case(place: Place, effect: float, seed: int) -> tuple[Finding, float, float]:
        rng = np.random.default_rng([seed, 1])
        names = place.cells["area"].unique()
        begin = dict.fromkeys(rng.choice(names, int(share * len(names)), replace=False).tolist(), 0)
        begin = {name: int(rng.choice([42, 48, 54])) for name in begin}
        chosen = (place.cells["area"].isin(begin) & (place.cells["category"] != "3C")).to_numpy()
        start = place.cells["area"].map(begin).fillna(0).to_numpy(dtype=int)
        return _did(place, chosen, start, effect, seed, spec or Did())

    return case


def whole_streets(share: float) -> Case:
    """Streets drawn at random, all communities of each, one category."""

    def case(place: Place, effect: float, seed: int) -> tuple[Finding, float, float]:
        rng = np.random.default_rng([seed, 2])
        names = pd.unique(place.street)
        picked = rng.choice(names, int(share * len(names)), replace=False)
        begin = dict(zip(picked, rng.choice([48, 51, 54], len(picked)).tolist(), strict=True))
        chosen = np.isin(place.street, picked) & (place.cells["category"] == "H1").to_numpy()
        return _did(place, chosen, np.array([begin.get(s, 0) for s in place.street]), effect, seed, Did())

    return case


def loudest(spec: Did) -> Case:
    """The cells with most requests of the year before, as a plan picks them; their effect is 0 however asked."""

    def case(place: Place, effect: float, seed: int) -> tuple[Finding, float, float]:
        level = planted.counts(place, np.ones_like(place.mean), seed).y[:, 36:48].sum(axis=1)
        chosen = np.zeros(len(level), dtype=bool)
        for kind in ("1B", "H1"):
            rows = np.flatnonzero((place.cells["category"] == kind) & np.isfinite(level))
            chosen[rows[np.argsort(-level[rows])[: len(rows) // 7]]] = True
        return _did(place, chosen, np.full(len(level), 48), 0.0, seed, spec)

    return case


def _did(
    place: Place, chosen: Array, begin: Array, effect: float, seed: int, spec: Did
) -> tuple[Finding, float, float]:
    chosen = chosen & np.isfinite(place.mean).all(axis=1)
    factor = planted.plant(place, chosen, begin, effect)
    grid, done = planted.counts(place, factor, seed), planted.treated(place, chosen, begin)
    found = did.estimate(grid, done, place.areas, "repair", spec, RULES, seed)
    return found, effect, _averted(place, factor, chosen, begin, seed)


def _averted(place: Place, factor: Array, chosen: Array, begin: Array, seed: int) -> float:
    """Requests averted in the year after the work."""
    less = planted.averted(place, factor, seed)
    return float(sum(less[cell, begin[cell] : begin[cell] + 12].sum() for cell in np.flatnonzero(chosen)))


def one_street(place: Place, effect: float, seed: int) -> tuple[Finding, float, float]:
    """One street, all of three categories."""
    whole = [s for s in pd.unique(place.street) if np.isfinite(place.mean[place.street == s]).all()]
    street = np.random.default_rng([seed, 3]).choice(whole)
    chosen, begin = place.street == street, np.full(len(place.cells), 54)
    factor = planted.plant(place, chosen, begin, effect)
    grid, done = planted.counts(place, factor, seed), planted.treated(place, chosen, begin)
    found = synthetic.estimate(grid, done, place.areas, "repair", street, Synthetic(), RULES, seed)
    return found, effect, _averted(place, factor, chosen, begin, seed)


def held_back(borderline: float, held: float) -> Case:
    """Streets ask for their eight likeliest cells; some borderline ones are held back, four in five others done."""

    def case(place: Place, effect: float, seed: int) -> tuple[Finding, float, float]:
        tasks, factor, truth = planted.lottery(place, effect, 8, 0.8, seed, borderline, held)
        found = holdback.estimate(tasks, planted.counts(place, factor, seed), "visit", 1, Holdback(), RULES)
        less, where = planted.averted(place, factor, seed), pd.MultiIndex.from_frame(place.cells)
        asked = tasks[tasks["borderline"] & (tasks["fate"] == "chosen")]
        rows = where.get_indexer(pd.MultiIndex.from_frame(asked[["area", "category"]]))
        first = place.months.get_indexer(pd.DatetimeIndex(asked["window_start"]))
        saved = sum(less[row, start : start + 6].sum() for row, start in zip(rows, first, strict=True))
        return found, truth, float(saved)

    return case


CASES: tuple[tuple[str, Case, int], ...] = (
    ("did, 15 % of 120 communities", scattered(0.15), 120),
    ("did, 7 % of 120 communities", scattered(0.07), 120),
    ("did, a third of 33 whole streets", whole_streets(1 / 3), 200),
    ("synthetic, one of 33 streets", one_street, 200),
    ("holdback, half of 4 tasks a street", held_back(0.5, 0.5), 200),
    ("holdback, 15 % of 8 tasks a street", held_back(1.0, 0.15), 200),
    ("did, the loudest cells picked", loudest(Did()), 120),
    ("did, the loudest picked, `adjust` off", loudest(Did(adjust=False)), 120),
)


@lru_cache
def city(seed: int, communities: int) -> Place:
    """A city of the bench."""
    return planted.place(seed, communities)


def measured(case: Case, communities: int, effect: float, seeds: int) -> dict[str, float]:
    """What the estimator did over the seeds."""
    rows = []
    for seed in range(1, seeds + 1):
        found, truth, saved = case(city((seed - 1) % CITIES + 1, communities), effect, seed)
        off = np.log(found.ratio) - np.log(1 + truth)
        apart, told = found.low > 1 or found.high < 1, judged(found, RULES) == ""
        refused = found.pre_trend_p < RULES.pre_trend
        held = found.low - 1 <= truth <= found.high - 1
        rows.append((held, apart and told, told, refused, off, found.detectable, *_savings(found, saved)))
    names = ["held", "claimed", "told", "pre", "off", "least", "averted", "cost"]
    every = pd.DataFrame(rows, columns=pd.Index(names), dtype=float)
    return {name: float(every[name].mean()) for name in names} | {"spread": float(every["off"].std())}


def _savings(found: Finding, saved: float) -> tuple[float, float]:
    """Whether the intervals of averted requests and of the cost of one hold the truth; NaN where none is told."""
    row = tables([found], RULES)[0].iloc[0]
    if not row["concluded"]:
        return np.nan, np.nan
    true = row["cost"] / saved if saved > 0 else np.inf
    low, high = row["cost_per_averted_low"], row["cost_per_averted_high"]
    cost = (saved <= 0 if np.isnan(low) else low <= true) and (np.isnan(high) or true <= high)
    return float(row["averted_low"] <= saved <= row["averted_high"]), float(cost) if row["cost"] > 0 else np.nan


def line(job: tuple[int, float, int]) -> list[str]:
    """A line of the table: a case, the planted effect, how many seeds."""
    number, effect, seeds = job
    label, case, communities = CASES[number]
    start = time.perf_counter()
    m = measured(case, communities, effect, seeds)
    print(label, effect, m, f"{(time.perf_counter() - start) / seeds:.2f} s a seed", flush=True)  # noqa: T201
    shares = [f"{m[name]:.1%}" for name in ("held", "claimed", "told", "pre", "averted", "cost")]
    planted_as = f"{effect:+.0%}".replace("-", "−") if effect else "none"
    return [label, planted_as, *shares, f"{m['off']:+.3f}", f"{m['spread']:.3f}", f"{m['least']:.0%}"]


def lines(seeds: int) -> list[list[str]]:
    """The table, two lines at a time."""
    effects = [(0.0,) if "loudest" in label else (0.0, -0.3) for label, _, _ in CASES]
    jobs = [(number, effect, seeds) for number, both in enumerate(effects) for effect in both]
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(line, jobs))


def main(seeds: int) -> None:
    head = ["design", "planted", "interval holds it", "told as different from 0", "concluded", "pre-trend refused",
            "averted held", "cost of one held", "mean log error", "its spread", "detectable"]  # fmt: skip
    text = table(head, lines(seeds))
    page = PAGE.read_text(encoding="utf-8")
    new = f"<!-- made by make bench-effects, {seeds} seeds -->\n{text}\n<!-- end -->"
    PAGE.write_text(re.sub(r"<!-- made by .*?<!-- end -->", lambda _: new, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
