"""Rolling origins through the code of the monthly job: forecasts, scores, leaderboard in a run folder."""

from pathlib import Path

import pandas as pd

from forecast import areas, backtest
from forecast.errors import DataError, Fault
from pipelines import inputs, runs
from pipelines.config import Config
from pipelines.outcome import Outcome
from pipelines.runs import Identity, Watch


def run(
    config: Config,
    origins: int,
    step: int,
    horizon: int | None,
    as_of: pd.Timestamp | None,
    out: Path | None,
    watch: Watch,
) -> Outcome:
    """Forecast from past months as if they were today, and score against what came.

    Args:
        config: what to read and how.
        origins: how many past months to forecast from; the newest is `horizon` months before the last one known.
        step: months between them.
        horizon: months ahead; None = the config's.
        as_of: last month of data to use; None = the last complete one.
        out: folder of the run folder; None = `runs` of the config.
        watch: is told of the progress.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    ahead = horizon or settings.horizon
    folder = (out or config.path(settings.runs)).resolve()
    with runs.locked(folder, "backtest"), runs.opened(folder, watch) as job:
        with job.stage("intake") as counts:
            history = inputs.read(config, as_of, job)
            counts.update(history.totals())

        with job.stage("backtest") as counts:
            past = _origins(history.origin, history.counts["month"].min(), origins, step, ahead)
            tables = backtest.backtest(
                history.counts, history.areas, areas.summing(history.areas),
                inputs.seasons_at(config, history, ahead), past, ahead, settings.forecaster, settings.seed,
                watch.step, changes=inputs.changes_of(config),
            )  # fmt: skip
            counts.update(origins=len(past), forecasts=len(tables.forecasts), scores=len(tables.scores))

        arguments = (*(f"{origin:%Y-%m}" for origin in past), f"horizon {ahead}")
        identity = Identity("backtest", f"{history.origin:%Y-%m}", config.digest, history.digest, arguments)
        with job.stage("reports"):
            job.put("config.yaml", config.text())
            job.save(forecasts=tables.forecasts, scores=tables.scores)
            job.put("leaderboard.csv", tables.leaderboard.to_csv(index=False).encode("utf-8-sig"))
        facts = {"origins": [f"{origin:%Y-%m}" for origin in past], "step": step, "horizon": ahead}
        target = runs.publish(job, folder, identity, facts)
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), board=tables.leaderboard)


def _origins(last: pd.Timestamp, first: pd.Timestamp, count: int, step: int, ahead: int) -> list[pd.Timestamp]:
    """Oldest first; the months after the newest are all known."""
    found = [last - pd.DateOffset(months=ahead + step * back) for back in range(count)][::-1]
    if found[0] >= first:
        return found
    room = (last.year - first.year) * 12 + last.month - first.month - ahead
    fix = f"use --origins {room // step + 1} or fewer, or a smaller --step or --horizon"
    fix = fix if room >= 0 else f"use a --horizon of at most {max(room + ahead, 1)}, or add older data"
    what = f"the oldest origin would be {found[0]:%Y-%m}, before the first month of data ({first:%Y-%m})"
    raise DataError(Fault(what, "--origins", fix))
