"""Scores of past years against what came, raw counts and last year's list (`weisu backtest --risk`)."""

from pathlib import Path

import pandas as pd

from forecast.risk import judge, overall
from pipelines import inputs, runs
from pipelines.config import Config
from pipelines.outcome import Outcome, judged_lines
from pipelines.runs import Identity, Watch
from reports import plan_csv


def run(config: Config, most: int, step: int, as_of: pd.Timestamp | None, out: Path | None, watch: Watch) -> Outcome:
    """Score at past months with what was known then, and judge on the year after.

    Args:
        config: what to read and how.
        most: how many past months at most, the newest. step: months between them.
        as_of: last month of data to use; None = the last one known.
        out: folder of the run folder; None = `runs` of the config.
        watch: is told of the progress.

    Raises:
        ConfigError, DataError, RunError: with every fault found; nothing is published then.
    """
    settings = config.settings
    folder = (out or config.path(settings.runs)).resolve()
    with runs.at_work(folder, "backtest --risk", watch) as job:
        with job.stage("intake") as counts:
            homes = inputs.homes(config, as_of, job)
            counts.update(estates=len(homes.estates), incidents=int(homes.incidents["incidents"].sum()))

        with job.stage("backtest") as counts:
            history = overall.with_total(homes.incidents)
            past = judge.origins(history, most, step)
            found = judge.judge(settings.risk, homes.estates, history, homes.areas, past, watch.step)
            board = judge.leaderboard(found.scores)
            counts.update(origins=len(past), scores=len(found.scores))

        arguments = ("risk", *(f"{origin:%Y-%m}" for origin in past))
        identity = Identity("backtest", f"{homes.origin:%Y-%m}", config.digest, homes.digest, arguments)
        with job.stage("reports"):
            job.put("config.yaml", config.text())
            job.save(risk_scores=found.scores, risk_calibration=found.calibration)
            tables = {"leaderboard": board, "risk_scores": found.scores, "risk_calibration": found.calibration}
            for name, table in tables.items():
                job.put(f"{name}.csv", plan_csv.csv(table, 4))
        facts = {"origins": [f"{origin:%Y-%m}" for origin in past], "step": step}
        target = runs.publish(job, folder, identity, facts)
    lines = judged_lines(board, found, past, settings.language)
    return Outcome(identity.run_id, target, job.counts, job.seconds, tuple(job.warnings), board=lines)
