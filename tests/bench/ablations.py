"""Panels -> docs/methods/ablations.md: what each part of the default forecaster is worth, by configuration alone.

Every variant forecasts at cutoffs earlier than those of the bench. A result that is there is not made again.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from forecast.forecaster import Forecaster
from forecast.models import catalogue
from forecast.models.catalogue import Model
from forecast.panel import Grid
from tests.bench import ours, page, scoring
from tests.bench.run import RESULTS, ROOT, make_panels, say

PAGE = ROOT / "docs/methods/ablations.md"
MARK = "## Ratios\n"
"""What stands before it in the page is written by hand."""

HORIZON = 6
CUTOFFS = {"chicago": (24, 27, 30), "nyc": (56, 78, 84)}
DEFAULT = "default"
NEVER = 1e9

LookBack = Callable[[Model, Sequence[Grid], Sequence[pd.DataFrame], int, int], list[np.ndarray]]


def variants() -> dict[str, Forecaster]:
    """Name -> what is asked; the default first."""
    names, members = Forecaster().combine.members, Forecaster().models
    said = dict(zip(names, members, strict=True))
    others = {kind: {"kind": kind} for kind in ("climatology", "negbin_glm", "tsb")}
    plain = {"spread_pairs": NEVER, "noise_months": NEVER}
    given: dict[str, dict[str, Any]] = {
        DEFAULT: {},
        **{f"{name} alone": {"models": [one]} for name, one in (said | others).items()},
        **{f"without {name}": {"models": [said[other] for other in names if other != name]} for name in names},
        "equal weights": {"combine": {"method": "equal"}},
        "bursts not tamed": _changed(names, {"climate": {"burst_factor": 1e6}}),
        "season as believed": _changed(names, {"climate": {"season": plain}}),
        "no own spread": {"calibrate": {"own_evidence": 0}},
        "no looking back": {"calibrate": {"past_origins": 0}},
        "three past origins": {"calibrate": {"past_origins": 3}},
        "lightgbm: rows weigh as Poisson": _changed(["lightgbm"], {"dispersion": 0}),
        "lightgbm: 31 leaves, 200 trees": _changed(["lightgbm"], {"leaves": 31, "trees": 200}),
        "refit at every past origin": _changed(["lightgbm", "ets"], {"refit_every": 1}),
    }
    return {name: Forecaster.model_validate(options) for name, options in given.items()}


def _changed(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """The models of the default, those of `names` with other options."""
    said = zip(Forecaster().combine.members, Forecaster().models, strict=True)
    return {"models": [one.model_dump() | (dict(options) if name in names else {}) for name, one in said]}


def once(look_back: LookBack) -> LookBack:
    """`look_back` that runs a model once on the same months: most variants share their models with the default."""
    said: dict[tuple[Model, tuple[int, ...]], list[np.ndarray]] = {}

    def remembered(
        spec: Model, grids: Sequence[Grid], seasons: Sequence[pd.DataFrame], horizon: int, seed: int
    ) -> list[np.ndarray]:
        key = (spec, tuple(len(grid.months) for grid in grids))
        if key not in said:
            said[key] = look_back(spec, grids, seasons, horizon, seed)
        return said[key]

    return remembered


def run(panel: pd.DataFrame, cutoff: int, asked: Mapping[str, Forecaster], folder: Path) -> None:
    """Forecast files of the variants at one cutoff -> `folder`."""
    with mock.patch.object(catalogue, "look_back", once(catalogue.look_back)):
        for name, forecaster in asked.items():
            out = _file(folder, name, cutoff)
            if not out.exists():
                ours.forecast(panel, cutoff, HORIZON, forecaster).to_parquet(out, index=False)
                say(f"{folder.name} {cutoff} {name}")


def table(panel: pd.DataFrame, cutoffs: Sequence[int], asked: Iterable[str], folder: Path) -> str:
    """Markdown: variant / default in every metric, of the variants that have answered at all cutoffs."""
    said = {}
    for name in asked:
        files = [_file(folder, name, cutoff) for cutoff in cutoffs]
        if all(file.exists() for file in files):
            said[name] = scoring.stacked([pd.read_parquet(file) for file in files], pd.DataFrame())
    default = said.pop(DEFAULT)
    came = scoring.truth(panel, cutoffs, HORIZON)
    rows = [[name, *page.ratio_cells(one, default, came)] for name, one in said.items()]
    return page.table(["variant / default", *page.METRIC.values()], rows)


def _file(folder: Path, name: str, cutoff: int) -> Path:
    return folder / f"{name.replace(' ', '_').replace(':', '').replace(',', '')}-{cutoff}.parquet"


def main() -> None:
    given, asked, parts = _options(), variants(), []
    make_panels(given.results / "panels", list(CUTOFFS), given.data)
    for name in CUTOFFS:
        panel = pd.read_parquet(given.results / "panels" / f"{name}.parquet")
        folder = given.results / "ablations" / name
        folder.mkdir(parents=True, exist_ok=True)
        for cutoff in CUTOFFS[name]:
            run(panel, cutoff, asked, folder)
        known = ", ".join(map(str, CUTOFFS[name]))
        title = f"### {page.PANEL[name]}, {HORIZON} months ahead; months known at the cutoffs: {known}"
        parts.append(f"\n{title}\n\n{table(panel, CUTOFFS[name], asked, folder)}")
    words = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(words + MARK + "".join(parts), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the raw city files")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="folder with panels/; ablations/ is written there"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
