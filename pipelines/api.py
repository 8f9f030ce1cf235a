"""For notebooks and scripts: counts in, a backtest out as pandas tables. Writes nothing that stays.

from pipelines.api import backtest, load
history = load("weisu.yaml")
result = backtest(history, origins=4, horizon=6)
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from pydantic import ValidationError

from forecast.backtest import Backtested
from forecast.errors import ConfigError, DataError, Fault
from forecast.forecaster import Forecaster
from forecast.look import Predict
from pipelines import config, inputs, research
from pipelines.config import Config, Settings
from pipelines.inputs import History
from pipelines.runs import Run, Watch

COLUMNS = ("month", "area", "category", "count")


@dataclass(frozen=True)
class Loaded:
    """What `load` read: `counts` (Counts), `areas` (Areas), `origin` (last complete month) and what was noticed."""

    config: Config
    history: History
    warnings: tuple[str, ...]

    @property
    def counts(self) -> pd.DataFrame:
        """Counts: area, category, month, orders, incidents, callers."""
        return self.history.counts

    @property
    def areas(self) -> pd.DataFrame:
        """Areas: area, level, parent, name and more."""
        return self.history.areas

    @property
    def origin(self) -> pd.Timestamp:
        """First day of the last complete month."""
        return self.history.origin


def load(source: str | Path | pd.DataFrame, as_of: str | None = None) -> Loaded:
    """Read complaints as the jobs do.

    Args:
        source: path of a config; or a table with the columns month (a date, or text like 2024-08), area, category
            and count (whole, >= 0), one row an area, category and month. Of a table all areas lie in one street.
        as_of: last month to use, like "2024-08"; None = the last complete one.

    Raises:
        ConfigError, DataError: with every fault found.
    """
    until = None if as_of is None else pd.Timestamp(as_of).to_period("M").to_timestamp().as_unit("us")
    if not isinstance(source, pd.DataFrame):
        return _read(config.load(Path(source)), until)
    if missing := [name for name in COLUMNS if name not in source]:
        fix = f"give it the columns {', '.join(COLUMNS)}"
        raise DataError(Fault(f"has no column {', '.join(missing)}", "table", fix))
    with TemporaryDirectory() as folder:
        source[list(COLUMNS)].to_csv(Path(folder) / "table.csv", index=False)
        columns = {name: name for name in COLUMNS}
        told = {"name": "table", "grain": "counts", "paths": ["table.csv"], "columns": columns}
        settings = Settings.model_validate({"language": "en", "store": "store", "sources": [told]})
        return _read(Config(settings=settings, root=Path(folder)), until)


def backtest(
    history: Loaded,
    origins: int = 4,
    horizon: int = 6,
    step: int = 3,
    forecaster: Forecaster | Mapping[str, Any] | None = None,
    rivals: Mapping[str, Predict] | None = None,
    seed: int | None = None,
    jobs: int = 1,
) -> Backtested:
    """Forecast from past months as if they were today, and score against what came; what `weisu backtest` does.

    Args:
        history: from `load`.
        origins: how many past months to forecast from; the newest is `horizon` months before the last one known.
        horizon: months ahead, >= 1.
        step: months between origins.
        forecaster: another forecaster than the config's, or its options as in a config.
        rivals: models of your own by name: functions (grid, seasons, horizon, seed) -> (n, horizon) means >= 0,
            scored beside the others. With `jobs` > 1 they must stand in a module.
        seed: of all randomness; None = the config's.
        jobs: processes at a time; more than 1 only in a notebook, or under `if __name__ == "__main__":`.

    Returns:
        Backtested: pandas tables forecasts, scores, leaderboard, reliability, losses, comparisons.

    Raises:
        ConfigError, DataError, RunError: with every fault found.
    """
    settings = history.config.settings
    changes: dict[str, Any] = {} if seed is None else {"seed": seed}
    if forecaster is not None:
        changes["forecaster"] = _forecaster(forecaster)
    changed = history.config.model_copy(update={"settings": settings.model_copy(update=changes)})
    past = research.origins_before(history.history, origins, step, horizon)
    return research.look_back(changed, history.history, past, horizon, jobs, Watch().step, rivals)


def _read(chosen: Config, until: pd.Timestamp | None) -> Loaded:
    with io.StringIO() as log:
        run = Run(chosen.root, Watch(), log)
        return Loaded(chosen, inputs.read(chosen, until, run, jobs=1), tuple(run.warnings))


def _forecaster(options: Forecaster | Mapping[str, Any]) -> Forecaster:
    if isinstance(options, Forecaster):
        return options
    try:
        return Forecaster.model_validate(dict(options))
    except ValidationError as error:
        faults = [Fault(one["msg"], ".".join(map(str, one["loc"])) or "forecaster") for one in error.errors()]
        raise ConfigError(faults) from None
