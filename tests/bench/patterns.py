"""`python -m tests.bench.patterns [cells]`: made-up panels -> false discoveries and power of the tests of patterns.

Prints the tables of docs/methods/patterns.md.
"""

import sys
import time

import numpy as np
import pandas as pd

from forecast.panel import Grid
from forecast.patterns import PatternOptions, classify
from forecast.tables import Areas, empty

AS_OF = pd.Timestamp("2022-10-01").as_unit("us")
SIZES = (0.5, 2.0, 6.0, np.inf)
BANDS = ((0.0, 0.3), (0.3, 1.0), (1.0, 5.0), (5.0, np.inf))
CATEGORIES = 30
NONE, SEASON, RISE = range(3)


def panel(
    seed: int, cells: int, months: int, planted: bool, drift: float = 0.0
) -> tuple[Grid, np.ndarray, np.ndarray]:
    """(grid, kind, mean): NegBin counts, means lognormal around 1, a quarter each of four sizes (inf = Poisson).

    planted: 15 % of the cells get a season (highest month 2 times the mean), 15 % have 2.5 times the requests in the
    last year. drift: standard deviation of the logarithm of a level that is half forgotten in seven months.
    """
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(0, 1.8, cells))
    kind = rng.choice(3, cells, p=[0.7, 0.15, 0.15]) if planted else np.zeros(cells, dtype=int)
    mu = np.repeat(mean[:, None], months, axis=1)
    season = np.exp(0.8 * np.cos(2 * np.pi * (np.arange(months) - months) / 12))
    mu[kind == SEASON] *= season / season[-12:].mean()
    mu[kind == RISE, -12:] *= 2.5
    wander, steps = rng.normal(0, 1, cells), np.sqrt(1 - 0.9**2) * rng.normal(0, 1, (months, cells))
    for month in range(months):
        wander = 0.9 * wander + steps[month]
        mu[:, month] *= np.exp(drift * wander - drift**2 / 2)
    size = rng.choice(SIZES, (cells, 1))
    heat = np.where(np.isinf(size), 1.0, rng.gamma(np.where(np.isinf(size), 1.0, size), 1, mu.shape) / size)
    heat = np.where(np.isinf(size), 1.0, heat)
    return grid_of(rng.poisson(mu * heat)), kind, mean


def grid_of(y: np.ndarray) -> Grid:
    """A cell a row, 30 categories an area, the last month October 2022."""
    row = np.arange(len(y))
    cells = {"area": [f"a{n:05}" for n in row // CATEGORIES], "category": [f"c{n:02}" for n in row % CATEGORIES]}
    months = pd.date_range(end=AS_OF, periods=y.shape[1], freq="MS", unit="us")
    return Grid(pd.DataFrame(cells, dtype="str"), months, y.astype(float))


def called(grid: Grid) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """(season called, rise called, Patterns); called before the cuts on how large it must be."""
    found = classify(grid, empty(Areas), AS_OF, PatternOptions())
    rate = PatternOptions().false_discoveries
    return (found["season_q"] <= rate).to_numpy(), (found["trend_q"] <= rate).to_numpy(), found


def false_calls(cells: int, panels: int = 20) -> pd.DataFrame:
    """Calls in panels in which there is nothing to find."""
    rows = []
    for months in (24, 36, 72, 200):
        for drift in (0.0, 0.3):
            found = [called(panel(seed, cells, months, False, drift)[0]) for seed in range(panels)]
            row = {"months": months, "drift": drift}
            for name, turn, flag in (("season", 0, "seasonal"), ("rise", 1, "rising")):
                calls = np.array([one[turn].sum() for one in found])
                kept = sum(int(one[2][flag].sum()) for one in found)
                tested = sum(int(one[2][f"{('season', 'trend')[turn]}_p"].notna().sum()) for one in found)
                p = np.concatenate([one[2][f"{('season', 'trend')[turn]}_p"].dropna() for one in found])
                row |= {f"{name} p<.05": (p < 0.05).mean(), f"{name} p<.001": (p < 0.001).mean()}
                row |= {f"{name} called per 10,000": 1e4 * calls.sum() / tested, f"{name} kept": 1e4 * kept / tested}
            rows.append(row)
    return pd.DataFrame(rows)


def power(cells: int) -> pd.DataFrame:
    """False share of the calls, and part of the planted ones found by requests a month."""
    rows = []
    for months in (24, 36, 72, 120):
        grid, kind, mean = panel(5, cells, months, True)
        season, rise, _ = called(grid)
        for name, calls, planted in (("season", season, SEASON), ("rise", rise, RISE)):
            row = {
                "months": months,
                "what": name,
                "false share": (calls & (kind != planted)).sum() / max(calls.sum(), 1),
            }
            for low, high in BANDS:
                band = (kind == planted) & (mean > low) & (mean <= high)
                row[f"{low:g}-{high:g}"] = calls[band].mean()
            rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables."""
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    pd.set_option("display.width", 250)
    sys.stdout.write(false_calls(cells).round(4).to_string(index=False) + "\n\n")
    sys.stdout.write(power(5 * cells).round(3).to_string(index=False) + "\n\n")
    started = time.perf_counter()
    called(panel(1, 35 * cells, 72, True)[0])
    sys.stdout.write(f"{35 * cells} cells, 72 months: {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
