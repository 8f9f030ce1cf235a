"""`python -m tests.bench.live [cities]`: made-up right forecasts -> how often the control chart is wrong, how fast it
sees a level that has shifted. Prints the tables of docs/methods/live.md.
"""

import sys

import numpy as np
import pandas as pd

from forecast import live
from forecast.live import LiveOptions
from forecast.tables import LiveScores, conform

MONTHS = 24
BEGINS = 12
SHARED = 0.04
"""Coefficient of variation all cells of a month share; cells have NegBin counts beside it."""

SIZES = {"small": (300.0, 5, 8), "middle": (3000.0, 20, 30), "large": (60000.0, 60, 300)}
"""Requests a month, categories, streets."""


FLAWS = (("right", 0, 1), ("errors echo 0.2", 0.2, 1), ("errors echo 0.4", 0.4, 1), ("sd 20 % too small", 0, 0.8))


def city(
    seed: int, size: str, shift: float, only: bool = False, echo: float = 0.0, spread: float = 1.0
) -> pd.DataFrame:
    """LiveScores of two years; from month BEGINS on counts are `shift` times (of one category if `only`).

    echo: correlation of a month's shared error with that of the month before; 0 = a right forecast. spread: sd as
    issued / the true one.
    """
    rng = np.random.default_rng(seed)
    total, kinds, streets = SIZES[size]
    weight = rng.dirichlet(np.full(kinds, 1.0))[:, None] * rng.dirichlet(np.full(streets, 3.0))
    weight[0] = 0.1 * weight.sum(axis=0)
    mean = total * weight / weight.sum()
    names = ["all", *(f"category=k{k}" for k in range(kinds)), *(f"street=s{s}" for s in range(streets))]
    expected = np.concatenate([[mean.sum()], mean.sum(axis=1), mean.sum(axis=0)])
    own = np.concatenate([[(mean**2).sum()], (mean**2).sum(axis=1), (mean**2).sum(axis=0)]) / 4
    sd = np.sqrt(expected + own + (SHARED * expected) ** 2)
    error, frames = 0.0, []
    for t in range(MONTHS):
        error = echo * error + np.sqrt(1 - echo**2) * rng.normal()
        factor = np.ones((kinds, 1))
        factor[0 if only else slice(None)] = shift if t >= BEGINS else 1.0
        common = rng.gamma(1 / SHARED**2, SHARED**2) if not echo else max(1 + SHARED * error, 0.0)
        y = rng.poisson(rng.gamma(4.0, mean / 4.0) * factor * common)
        observed = np.concatenate([[y.sum()], y.sum(axis=1), y.sum(axis=0)]).astype(float)
        rows = {"segment": names, "expected": expected, "sd": spread * sd, "observed": observed, "cells": 1}
        months = [pd.Timestamp("2020-01-01") + pd.DateOffset(months=t + back) for back in (-1, 0)]
        frames.append(pd.DataFrame(rows).assign(issued=months[0], month=months[1], horizon=1))
    return conform(LiveScores, pd.concat(frames, ignore_index=True))


def alarms(table: pd.DataFrame, segment: str | None) -> np.ndarray:
    """(MONTHS,) whether there is an alarm, of one segment or of any."""
    chosen = table if segment is None else table[table["segment"] == segment]
    return chosen.groupby("month")["alarm"].any().to_numpy()


def main(cities: int = 200) -> None:
    """Print the tables."""
    spec = LiveOptions()
    sys.stdout.write(f"false alarms a month, {cities} cities (meant: {spec.false_alarms})\n")
    for name, echo, spread in FLAWS:
        for size in SIZES:
            found = [live.drift(city(seed, size, 1.0, echo=echo, spread=spread), spec) for seed in range(cities)]
            rates = [np.mean([alarms(table, segment) for table in found]) for segment in (None, "all")]
            first = np.mean([alarms(table, None)[:1].any() for table in found])
            sys.stdout.write(f"| {name} | {size} | {rates[0]:.3f} | {rates[1]:.3f} | {first:.3f} |" + "\n")
    sys.stdout.write("called within 1, 3, 6 months of a shift\n")
    for shift in (1.2, 0.8, 1.4):
        for only, segment in ((False, "all"), (True, "category=k0")):
            for size in SIZES:
                found = [live.drift(city(seed, size, shift, only), spec) for seed in range(cities)]
                calls = np.array([alarms(table, segment)[BEGINS:] for table in found])
                shares = [f"{calls[:, :n].any(axis=1).mean():.2f}" for n in (1, 3, 6)]
                sys.stdout.write(f"| {shift} | {segment} | {size} | {' | '.join(shares)} |" + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
