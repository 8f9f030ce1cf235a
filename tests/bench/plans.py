"""Raw city files -> docs/methods/plans.md: what lists and plans of two cities held, at every origin.

Forecasts as issued are kept under `--cache`; what is there is not made again.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import plan_scores
from forecast.forecaster import COMBINATION
from forecast.issue import issue
from forecast.tables import ALL, LISTS
from pipelines import inputs
from pipelines.api import Loaded, load
from tests.bench import plan_limits
from tests.bench.page import table
from tests.bench.run import ROOT, say

PAGE = ROOT / "docs/methods/plans.md"
MARK = "## Figures\n"
"""What stands before it in the page is written by hand."""

HORIZON = 12
PLAN, LAST_YEAR, FLAT_MEAN, _ = LISTS
SHOWN = (PLAN, LAST_YEAR, FLAT_MEAN)
SAID = {PLAN: "plan", LAST_YEAR: "last year", FLAT_MEAN: "flat mean"}
TENTH = "10%"


@dataclass(frozen=True)
class City:
    """A config, the last month of data, origins a quarter apart, and runs of origins a month apart."""

    title: str
    config: str
    last: str
    origins: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]


def quarters(first: str, last: str) -> tuple[str, ...]:
    return tuple(f"{month:%Y-%m}" for month in pd.date_range(first, last, freq="3MS"))


def months(first: str, last: str) -> tuple[str, ...]:
    return tuple(f"{month:%Y-%m}" for month in pd.date_range(first, last, freq="MS"))


CHICAGO = """
workspace: {root}
store: {store}
city: Chicago
language: en
sources: [{{use: chicago_sanitation, paths: ["{data}/chicago_sanitation/requests.csv.gz"]}}]
categories: chicago
calendar: {{country: us, subdivision: IL}}
"""
CREWS = "plan: {capacity: [{crew_days: 1000000}]}   # more than anybody needs\n"

CITIES = {
    "nyc": City(
        "New York", "", "2023-11", quarters("2017-02", "2023-08"),
        (months("2019-08", "2019-11"), months("2022-08", "2022-11")),
    ),
    "chicago": City(
        "Chicago", CHICAGO, "2014-12", quarters("2012-03", "2014-09"), (months("2013-06", "2013-12"),)
    ),
}  # fmt: skip


def read(name: str, data: Path, cache: Path) -> Loaded:
    """The city as its config has it, from the raw file."""
    text = CITIES[name].config.format(root=ROOT, store=cache / name / "store", data=data)
    if not text:
        text = (ROOT / "configs/nyc.yaml").read_text(encoding="utf-8")
        text = text.replace("workspace: ..", f"workspace: {ROOT}\nstore: {cache / name / 'store'}")
        text = text.replace("data/fixtures/nyc/council.csv.gz", f"{data}/nyc_council/requests.csv.gz")
    (cache / name).mkdir(parents=True, exist_ok=True)
    path = cache / name / "weisu.yaml"
    path.write_text(text + CREWS, encoding="utf-8")
    return load(path, CITIES[name].last)


def issued(city: Loaded, origin: str, folder: Path) -> pd.DataFrame:
    """Means and variances of the combination as issued at an origin, cells of communities only."""
    path = folder / f"{origin}.parquet"
    if not path.exists():
        known = inputs.basis(city.config, city.history, HORIZON)
        said = issue(known, _month(origin), review=False).forecasts
        communities = city.areas.loc[city.areas["level"] == "community", "area"]
        cells = said["area"].isin(communities) & (said["category"] != ALL) & (said["model"] == COMBINATION)
        said[cells & said["output"].isin(["mean", "variance"])].to_parquet(path, index=False)
        say(f"{folder.name} {origin}")
    return pd.read_parquet(path)


def scored(city: Loaded, origins: Sequence[str], folder: Path) -> pd.DataFrame:
    """PlanScores of these origins."""
    forecasts = pd.concat([issued(city, origin, folder) for origin in origins], ignore_index=True)
    settings = city.config.settings
    known = inputs.basis(city.config, city.history, HORIZON)
    return plan_scores.score(known, forecasts, [*map(_month, origins)], settings.playbook, settings.plan)


def limits(city: Loaded, origins: Sequence[str], folder: Path) -> str:
    """What other lists hold, and what a forecast that is exactly true would win."""
    known, plan = inputs.basis(city.config, city.history, HORIZON), city.config.settings.plan
    stands = []
    for origin in origins:
        said = issued(city, origin, folder)
        _, _, lists, actual = plan_scores.stand(known, said, _month(origin), plan)
        stands.append(plan_limits.Stand(lists, actual, plan_limits.variances(said, lists)))
    return plan_limits.page(stands)


def summary(scores: pd.DataFrame, metric: str, sizes: Sequence[str]) -> str:
    """Mean of each list over the origins, and how far the plan is ahead."""
    rows_of = scores[scores["metric"] == metric]
    means = rows_of.groupby(["months", "size", "list"])["value"].mean().to_dict()
    ahead = plan_scores.gains(scores)
    ahead = ahead[ahead["metric"] == metric]
    gaps_of = {(gap.months, gap.size, gap.rival): gap for gap in ahead.itertuples(index=False)}
    spans = sorted(set(rows_of["months"]), key=lambda span: span or 99)
    keys = [(span, size) for span in spans for size in sizes if (span, size, PLAN) in means]
    rows = []
    for key in keys:
        gaps: list[Any] = [gaps_of[(*key, rival)] for rival in (LAST_YEAR, FLAT_MEAN)]
        first = "its window" if key[0] == 0 else str(key[0])
        rows.append(
            [first, key[1], *(f"{100 * means[(*key, name)]:.1f}" for name in SHOWN)]
            + [f"{100 * gap.difference:+.1f} ({_span(gap)}; {100 * gap.ahead_in:.0f} %)" for gap in gaps]
            + [f"{gaps[0].origins:.0f} / {gaps[0].blocks:.0f}"]
        )
    head = ["months", "list", *SAID.values(), "plan − last year", "plan − flat mean", "origins / blocks"]
    return table(head, rows)


def by_origin(scores: pd.DataFrame, metric: str) -> str:
    """Every origin: plan / last year / flat mean of a tenth of the cells, and of the tasks."""
    rows = scores[(scores["metric"] == metric) & scores["size"].isin([TENTH, plan_scores.TASKS])]
    spans = [*(span for span in sorted(set(rows["months"])) if span), *([0] if 0 in set(rows["months"]) else [])]
    wide = rows.pivot(index="origin", columns=["months", "list"], values="value")
    lines = []
    for origin, line in wide.iterrows():
        cells = [" / ".join(_percent(line.get((span, name))) for name in SHOWN) for span in spans]
        lines.append([f"{pd.Timestamp(str(origin)):%Y-%m}", *cells])
    return table(["origin", *("tasks" if span == 0 else f"{span} ahead" for span in spans)], lines)


def stable(tables: Sequence[pd.DataFrame]) -> str:
    """Share of a list of a tenth of the cells that is on the list of the next month, and Jaccard."""
    rows = pd.concat(tables)
    rows = rows[(rows["size"] == TENTH) & rows["metric"].isin(["kept", "jaccard"])]
    means = rows.groupby(["months", "list", "metric"])["value"].mean()
    lines = [
        [
            str(span),
            *(f"{100 * means[span, name, 'kept']:.1f} / {means[span, name, 'jaccard']:.2f}" for name in SHOWN),
        ]
        for span in sorted(set(rows["months"]))
    ]
    return table(["months", *SAID.values()], lines)


def page(name: str, city: Loaded, folder: Path) -> str:
    """The tables of a city."""
    about = CITIES[name]
    scores = scored(city, about.origins, folder)
    sizes = (*plan_scores.SIZES, plan_scores.SLOTS, plan_scores.TASKS)
    cells = len(issued(city, about.origins[-1], folder)[["area", "category"]].drop_duplicates())
    listed = scores[(scores["size"] == plan_scores.SLOTS) & (scores["list"] == PLAN) & (scores["metric"] == "listed")]
    tasks = scores[(scores["size"] == plan_scores.TASKS) & (scores["list"] == PLAN) & (scores["metric"] == "listed")]
    about_tasks = f"{tasks['value'].min():.0f} to {tasks['value'].max():.0f} tasks"
    parts = [
        f"\n### {about.title}\n\nAt the last origin {cells:,} cells; slots for {listed['value'].max():.0f}; "
        f"plans of {about_tasks}.\n\n",
        "Requests held ÷ oracle, in percent; difference in points (95 % interval; share of origins ahead).\n\n",
        summary(scores, "of_oracle", sizes),
        "\nEvery origin: top 10 % of the cells ÷ oracle by months ahead, and tasks: plan / last year / flat mean, in "
        "percent.\n\n",
        by_origin(scores, "of_oracle"),
        "\nExcess over the trailing mean ÷ oracle.\n\n",
        summary(scores, "surge_of_oracle", ("5%", TENTH, "20%")),
        "\nEvery origin: excess held by the top 10 % ÷ oracle: plan / last year / flat mean, in percent.\n\n",
        by_origin(scores, "surge_of_oracle"),
        "\nFrom one month to the next: percent of the top 10 % that stays / Jaccard, "
        f"origins {' and '.join(f'{run[0]} to {run[-1]}' for run in about.runs)}.\n\n",
        stable([scored(city, run, folder) for run in about.runs]),
        limits(city, about.origins, folder),
    ]
    return "".join(parts)


def _span(gap: Any) -> str:
    return "–" if pd.isna(gap.low) else f"{100 * gap.low:+.1f} to {100 * gap.high:+.1f}"


def _percent(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{100 * value:.1f}"


def _month(text: str) -> pd.Timestamp:
    return pd.Timestamp(text).as_unit("us")


def main() -> None:
    given = _options()
    parts = []
    for name in given.cities:
        city = read(name, given.data.resolve(), given.cache)
        parts.append(page(name, city, given.cache / name))
    words = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(words + MARK + "".join(parts), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the raw city files")
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "weisu-plans", help="forecasts as issued"
    )
    parser.add_argument("--cities", type=lambda text: text.split(","), default=list(CITIES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
