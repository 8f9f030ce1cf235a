"""Rolling origins through the code of the monthly job: forecasts, scores, comparisons, lists, a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import pandas as pd

from forecast import backtest, plan_scores, taxonomy
from forecast.backtest import Backtested, Hindsight
from forecast.errors import DataError, Fault
from forecast.forecaster import COMBINATION
from forecast.look import Predict
from pipelines import engine, inputs, runs
from pipelines.config import Config
from pipelines.inputs import History
from pipelines.outcome import Outcome, board_lines, list_lines
from pipelines.runs import Identity, Watch
from reports import backtest_page
from reports.backtest_page import Board


def run(
    config: Config,
    origins: int,
    step: int,
    horizon: int | None,
    as_of: pd.Timestamp | None,
    out: Path | None,
    watch: Watch,
    jobs: int | None = None,
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
        jobs: processes at a time; None = as many as `engine.default_jobs` finds room for. Changes no byte.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    ahead = horizon or settings.horizon
    folder = (out or config.path(settings.runs)).resolve()
    with runs.at_work(folder, "backtest", watch) as job:
        with job.stage("intake") as counts:
            history = inputs.read(config, as_of, job)
            counts.update(history.totals())

        with job.stage("backtest") as counts:
            past = origins_before(history, origins, step, ahead)
            jobs = jobs or engine.default_jobs(len(past))
            tables = look_back(config, history, past, ahead, jobs, watch.step)
            lists = plan_scores.score(
                inputs.basis(config, history, ahead), tables.forecasts, past, settings.playbook, settings.plan
            )
            gains = plan_scores.gains(lists)
            counts.update(origins=len(past), forecasts=len(tables.forecasts), scores=len(tables.scores))

        arguments = (*(f"{origin:%Y-%m}" for origin in past), f"horizon {ahead}")
        identity = Identity("backtest", f"{history.origin:%Y-%m}", config.digest, history.digest, arguments)
        with job.stage("reports"):
            job.put("config.yaml", config.text())
            job.save(
                forecasts=tables.forecasts, scores=tables.scores, reliability=tables.reliability,
                losses=tables.losses, comparisons=tables.comparisons, plan_scores=lists, plan_gains=gains,
            )  # fmt: skip
            board = pd.concat([tables.leaderboard, plan_scores.board(lists, gains)], ignore_index=True)
            for name, table in (("leaderboard", board), ("comparisons", tables.comparisons)):
                job.put(f"{name}.csv", table.to_csv(index=False).encode("utf-8-sig"))
            shown = replace(_board(config, history, tables, identity, past, ahead), lists=lists, gains=gains)
            job.put("backtest.html", backtest_page.render(shown))
        facts = {"origins": [f"{origin:%Y-%m}" for origin in past], "step": step, "horizon": ahead}
        target = runs.publish(job, folder, identity, facts)
    lines = board_lines(tables.leaderboard, tables.comparisons, past, ahead, settings.language)
    lines += list_lines(lists, gains, settings.language)
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), board=lines)


def look_back(
    config: Config,
    history: History,
    origins: list[pd.Timestamp],
    horizon: int,
    jobs: int,
    progress: Callable[[int, int], None],
    rivals: Mapping[str, Predict] | None = None,
) -> Backtested:
    """`backtest.backtest` of a history, its origins in `jobs` processes or on a cluster; the same tables wherever."""
    if config.settings.engine.kind == "local" and min(jobs, len(origins)) == 1:
        return backtest.backtest(inputs.basis(config, history, horizon), origins, progress, rivals)
    mapper = engine.mapper(config, runs.stamp, jobs)
    parts = mapper(_at_origin, _Shared(config, history, horizon, rivals), origins, progress)
    return backtest.together(parts, config.settings.seed)


@dataclass(frozen=True)
class _Shared:
    """All that a process of its own needs for any origin."""

    config: Config
    history: History
    horizon: int
    rivals: Mapping[str, Predict] | None


def _at_origin(shared: _Shared, origin: pd.Timestamp) -> Hindsight:
    basis = inputs.basis(shared.config, shared.history, shared.horizon)
    return backtest.at_origin(basis, origin, rivals=shared.rivals)


def origins_before(history: History, count: int, step: int, ahead: int) -> list[pd.Timestamp]:
    """Oldest first; the months after the newest are all known.

    Raises:
        DataError: the oldest would lie before the first month of data; it says how many months are needed.
    """
    last, first = history.origin, history.counts["month"].min()
    found = [last - pd.DateOffset(months=ahead + step * back) for back in range(count)][::-1]
    if found[0] >= first:
        return found
    raise DataError(_too_short(first, last, count, step, ahead))


def _too_short(first: pd.Timestamp, last: pd.Timestamp, count: int, step: int, ahead: int) -> Fault:
    """The months there are, those that are needed, and the most that can be asked of those there are."""
    later = (last.year - first.year) * 12 + last.month - first.month
    needed = ahead + step * (count - 1) + 1
    there = (
        f"{later + 1} months of data ({first:%Y-%m} to {last:%Y-%m})" if later else f"1 month of data ({first:%Y-%m})"
    )
    what = f"{there}; for --origins {count} --step {step} and {ahead} months ahead {needed} are needed"
    if later == 0:
        return Fault(what, "sources", f"add older data: at least 2 months, {needed} for all that is asked")
    if ahead > later:
        return Fault(what, "--horizon", f"use --horizon {later} or less with --origins 1, or add older data")
    most = (later - ahead) // step + 1
    return Fault(what, "--origins", f"use --origins {most} or fewer, a smaller step or horizon, or add older data")


def _board(
    config: Config, history: History, tables: Backtested, identity: Identity, past: list[pd.Timestamp], ahead: int
) -> Board:
    settings = config.settings
    return Board(
        city=settings.city, language=settings.language, model=COMBINATION,
        members=settings.forecaster.combine.members, origins=tuple(past), horizon=ahead, last=history.origin,
        seed=settings.seed, run_id=identity.run_id, version=metadata.version("weisu"),
        inputs_sha256=identity.inputs_sha256, config_sha256=identity.config_sha256,
        code_sha256=runs.code_digest(), leaderboard=tables.leaderboard, scores=tables.scores,
        reliability=tables.reliability, comparisons=tables.comparisons, areas=history.areas,
        categories=taxonomy.names(settings.categories, history.counts["category"]),
    )  # fmt: skip
