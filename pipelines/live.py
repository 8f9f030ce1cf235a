"""Run folders of plans issued earlier + the panel known now -> LiveScores, Drift, and what was revised."""

from pathlib import Path

import pandas as pd

from forecast import live
from forecast.errors import ConfigError, Fault, WeisuError
from forecast.forecaster import COMBINATION
from forecast.tables import Areas, Forecasts, LiveScores, check, empty
from pipelines import arriving, book, runs, store
from pipelines.config import Config
from pipelines.runs import Run


def look_back(
    config: Config, folder: Path, as_of: pd.Timestamp, origin: pd.Timestamp, panel: pd.DataFrame, job: Run
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """LiveScores and Drift of the forecasts issued before `origin` by the runs in `folder`.

    Of several runs with one origin the last counts. A run that cannot be read as one of this release, or that
    counted something else, is passed over with a line in the log. Months that hold other orders than when the last
    plan was made are told.
    """
    settings = config.settings
    frames = []
    for run in _earlier(config, folder, as_of, origin)[-settings.live.runs :]:
        try:
            frames.append(_scored(config, run, origin, panel))
        except (WeisuError, OSError, ValueError, KeyError, TypeError) as error:
            job.say("passed_over", run=run.name, why=str(error).splitlines()[0] if str(error) else repr(error))
    _say_revised(config, folder, as_of, panel, job)
    scored = pd.concat(frames, ignore_index=True) if frames else empty(LiveScores)
    return scored, live.drift(scored, settings.live)


def as_issued(config: Config, run: Path | None, job: Run) -> pd.DataFrame:
    """DataFrame[area, category, month, predicted]: the means a run issued; empty without a run that can be read."""
    columns = ["area", "category", "month", "predicted"]
    if run is not None:
        try:
            _same_unit(config, run)
            wanted = [("model", "=", COMBINATION), ("output", "=", "mean")]
            return store.read(run / "forecasts.parquet", where=wanted)[columns]
        except (WeisuError, OSError, ValueError, KeyError, TypeError) as error:
            job.say("passed_over", run=run.name, why=str(error).splitlines()[0] if str(error) else repr(error))
    return empty(Forecasts)[columns]


def _say_revised(config: Config, folder: Path, as_of: pd.Timestamp, panel: pd.DataFrame, job: Run) -> None:
    for run in book.issued(folder, config.settings.city, as_of)[-1:]:
        try:
            _same_unit(config, run)
            told = arriving.revised(store.read(run / "panel.parquet"), panel, config.settings.language)
        except (WeisuError, OSError, ValueError, KeyError) as error:
            job.say("passed_over", run=run.name, why=repr(error))
            continue
        for text in told:
            job.warn(text)


def _earlier(config: Config, folder: Path, as_of: pd.Timestamp, origin: pd.Timestamp) -> list[Path]:
    """Run folders by origin, oldest first; of each origin the one issued last."""
    origins: dict[str, Path] = {}
    for run in book.issued(folder, config.settings.city, as_of):
        issued = str(runs.manifest(run).get("origin", ""))
        if issued and issued < f"{origin:%Y-%m}":
            origins[issued] = run
    return [origins[month] for month in sorted(origins)]


def _scored(config: Config, run: Path, origin: pd.Timestamp, panel: pd.DataFrame) -> pd.DataFrame:
    """LiveScores of one run.

    Raises:
        WeisuError, OSError, ValueError, KeyError, TypeError: it is no run of this city and release.
    """
    _same_unit(config, run)
    wanted = [("model", "=", COMBINATION), ("month", "<=", origin)]
    forecasts = check(Forecasts, store.read(run / "forecasts.parquet", where=wanted), str(run))
    areas = check(Areas, store.read(run / "areas.parquet"), str(run))
    found = live.score(forecasts, areas, panel, origin, config.settings.forecaster.value)
    if found.empty and len(forecasts):
        raise ConfigError(Fault("has no cell in common with the data of today", str(run)))
    return found


def _same_unit(config: Config, run: Path) -> None:
    """Refuse a run that counted other things, or months that begin on another day."""
    ran, now = runs.manifest(run), config.settings
    if (ran.get("value"), ran.get("month_starts_on")) != (now.forecaster.value, now.calendar.month_starts_on):
        raise ConfigError(Fault("counted something else (forecaster.value or calendar.month_starts_on)", str(run)))
