"""A folder of results -> docs/benchmarks.md: what was compared, the tables, and how to make them again."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tests.bench import scoring
from tests.bench.scoring import Answers, Truth

LOCK = Path(__file__).parent / "peers/uv.lock"
LIBRARIES = ("statsforecast", "mlforecast", "lightgbm", "prophet", "pandas")

MODEL = {
    "ours": "**weisu, default**",
    "best_mean": "mean of ETS, DOT, Theta, LightGBM",
    "all_statistical": "mean of ETS, DOT, Theta, CES, ARIMA",
    "snaive": "seasonal naive",
    "ets": "AutoETS",
    "theta": "AutoTheta",
    "dot": "DOT",
    "ces": "AutoCES",
    "arima": "AutoARIMA",
    "imapa": "IMAPA",
    "tsb": "TSB",
    "prophet": "Prophet",
    "lightgbm": "LightGBM (mlforecast)",
}
PANEL = {"nyc": "New York", "chicago": "Chicago"}
HEAD = {
    "wspl": ("WSPL", 3),
    "wql": ("WQL", 3),
    "wape": ("WAPE", 3),
    "wrmsse": ("WRMSSE", 3),
    "bias": ("bias", 3),
    "coverage_80": ("80 % holds", 2),
    "coverage_95": ("95 % holds", 2),
    "pit": ("PIT", 3),
    "capture": ("capture", 3),
    "surge": ("surge", 3),
    "seconds": ("s", 1),
    "cpu_seconds": ("CPU s", 1),
    "peak_mb": ("MB", 0),
}
RIVALS = ("best_mean", "lightgbm")
METRIC = {"wspl": "WSPL", "wql": "WQL", "wape": "WAPE", "wrmsse": "WRMSSE"}

TOP = """# Benchmarks: the default forecaster and what one would pick today

Made by `make bench-peers`; the tables hold what stands in `tests/bench/peers/results/` (a model is shown when it
has answered at all three cutoffs). Nothing here was tuned to these months for the peers or for weisu by this bench.

## What is compared

**Panels.** Monthly counts of requests, complete: a month without a request is a 0. Series with at least 24 requests
over all months, chosen once for everybody.

- *New York*: council complaints, community board × complaint type, opened 2015-01 to 2023-11 (107 months). Left
  out: keys that come again, rows whose board is not two digits and a borough ("05 Brooklyn"), form texts in place
  of a type ("@getxlate…", "Please choose an issue...", "Select One").
- *Chicago*: sanitation complaints, community area × nature of violation, created 2011-01 to 2014-12 (48 months).
  Left out: statuses "… - Dup", request numbers that come again, rows without a community area (or 0) or without a
  nature.

**Protocol.** Horizons 6 and 12 months, three cutoffs four months apart, the newest one as late as the months allow.
At a cutoff every model sees the same months before it and no others. Quantile levels 0.025, 0.1, 0.25, 0.5, 0.75,
0.9, 0.975. Weisu is told counts alone here: no calendar, no weather, no coverage rule.

**Peers.** {libraries}.

- Seasonal naive, AutoETS, AutoTheta, DOT (DynamicOptimizedTheta), AutoCES, AutoARIMA (with its approximation):
  season 12, one fit a series, quantiles from the library's own intervals at 50, 80 and 95 %, the median is the
  mean.
- IMAPA and TSB (both smoothing weights 0.2) have no intervals; theirs are statsforecast's conformal ones, from 2 to
  10 past windows, as many as leave a year to learn from.
- Prophet: yearly season, one fit a series, mean and quantiles of 300 simulated paths.
- LightGBM through mlforecast: one set of models a month ahead (direct), global over all series. Mean: Tweedie 1.2,
  300 trees, rate 0.05; a quantile model for each level, 120 trees, rate 0.1; 31 leaves, at least 40 rows a leaf.
  Features: lags 1, 2, 3, 6, the same month one and two years ago, means of 3, 6, 12 months, deviation of 24, month,
  area, category.
- Two plain means of the above, of means and of each quantile. Negative figures are cut to 0 for all.

**Scores** are those of `forecast/scores.py`, over all cutoffs, months and series together; lower is better but for
capture and surge (higher) and the shares held (nominal). PIT = distance of the randomised PIT from uniform; peers
give quantiles, no count distribution, so they have none. On sparse counts whole quantiles hold more than nominal.

**Cost** is per 1,000 series and cutoff: *s* wall clock, *CPU s* processor time of all threads and workers, without
start and reading; *MB* is the largest resident memory of the process and its workers. {threads}CPU s is the one to
compare: wall clock grows with whatever else the machine does. A mean costs what its members cost together.
"""

RATIOS = """
Ours / peer, with 90 % interval of 1,000 paired draws of whole areas with replacement (below 1 = weisu is better).
The interval holds for these months: cutoffs are not drawn.
"""

BOTTOM = """
## Make them again

```
make bench-peers                                    # all models, both panels, both horizons: hours
make bench-peers MODELS=ours BENCH=--again          # after a change to the forecaster
make bench-peers MODELS=ets,lightgbm BENCH="--panels chicago --horizons 6"
```

`DATA=` names the folder with `nyc_council/requests.csv.gz` and `chicago_sanitation/requests.csv.gz` (default
`../shared/data`). Each model runs at each cutoff in a process of its own; results that are there are kept, so a run
can be broken off and resumed. A change to `tests/bench/panels.py` asks for a new results folder.
"""


def page(results: Path) -> str:
    """The whole page."""
    parts, threads = [], set()
    for folder in sorted(results.glob("*-h*"), key=_order):
        name, _, horizon = folder.name.rpartition("-h")
        cutoffs, said = scoring.answers(folder)
        if not said:
            continue
        panel = pd.read_parquet(results / "panels" / f"{name}.parquet")
        came = scoring.truth(panel, cutoffs, int(horizon))
        threads |= {int(one) for answer in said.values() for one in answer.cost["threads"]}
        trained = ", ".join(map(str, cutoffs))
        title = f"## {PANEL.get(name, name)}, {horizon} months ahead"
        parts.append(f"\n{title}\n\n{came.cells} series; months known at the cutoffs: {trained}.\n")
        parts.append(_board(said, came))
        parts.append(_ratios(said, came))
    top = TOP.format(libraries=_libraries(), threads=_threads(threads))
    return "\n".join([top, *(part for part in parts if part)]).replace("\n\n\n", "\n\n") + BOTTOM


def _order(folder: Path) -> tuple[int, str]:
    name, _, horizon = folder.name.rpartition("-h")
    return int(horizon), "" if name == "nyc" else name


def _libraries() -> str:
    locked = {one["name"]: one["version"] for one in tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]}
    return ", ".join(f"{name} {locked[name]}" for name in LIBRARIES)


def _threads(counts: set[int]) -> str:
    if not counts:
        return ""
    used = " or ".join(map(str, sorted(counts)))
    return f"These ran on {used} {'thread' if counts == {1} else 'threads'}. "


def _board(said: dict[str, Answers], came: Truth) -> str:
    """One line a model, best WSPL first."""
    found = {name: scoring.figures(answer, came) for name, answer in said.items()}
    rows = [
        [MODEL.get(name, name), *(_number(one[key], digits) for key, (_, digits) in HEAD.items())]
        for name, one in sorted(found.items(), key=lambda item: item[1]["wspl"])
    ]
    return table(["", *(title for title, _ in HEAD.values())], rows)


def _ratios(said: dict[str, Answers], came: Truth) -> str:
    if "ours" not in said:
        return ""
    rows = list(_ratio_rows(said, came))
    return RATIOS + "\n" + table(["", *METRIC.values()], rows) if rows else ""


def _ratio_rows(said: dict[str, Answers], came: Truth) -> Iterator[list[str]]:
    for rival in RIVALS:
        if rival in said:
            yield [f"weisu / {MODEL[rival]}", *ratio_cells(said["ours"], said[rival], came)]


def ratio_cells(one: Answers, other: Answers, came: Truth) -> list[str]:
    """One / other with its interval, in the order of `METRIC`."""
    found = scoring.ratios(one, other, came).set_index("metric").loc[list(METRIC)]
    return [
        f"{_number(row['ratio'], 3)} ({_number(row['low'], 3)}–{_number(row['high'], 3)})"
        for row in found.to_dict("records")
    ]


def _number(value: float, digits: int) -> str:
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown; figures stand to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1])), encoding="utf-8")
