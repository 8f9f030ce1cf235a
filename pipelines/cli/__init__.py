"""`weisu`: parse, call one job, turn its outcome into lines and an exit code.

0 ok, 1 fault, 2 usage, 3 data refused, 4 another job is running, 5 published but not sent; 130 interrupted.
"""

import os
from collections.abc import Callable

import typer

from pipelines.cli import jobs, looking, operating
from pipelines.cli.frame import Commands

app = typer.Typer(
    name="weisu",
    cls=Commands,
    help="Act before the complaint (未诉): forecast complaints, score estates, write preventive work plans.",
    epilog="\b\nExamples:\n  weisu init mycity\n  weisu monthly mycity/weisu.yaml --as-of 2024-08 --head 10\n"
    "  weisu explain mycity/runs/latest --area 东社区 --category 供暖不热",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain help answers in half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

COMMANDS: dict[Callable[..., None], tuple[str, ...]] = {
    jobs.monthly: (
        "forecasts, risk and a work plan",
        "weisu monthly weisu.yaml --as-of 2024-08 --head 10",
        "weisu monthly weisu.yaml                            # the last whole month in the data",
        "weisu monthly weisu.yaml --catch-up --due -q        # as cron runs it",
    ),
    jobs.plan: (
        "a new plan in seconds, without fitting",
        "weisu plan runs/latest --config weisu.yaml",
    ),
    jobs.feedback: (
        "take returned workbooks in",
        "weisu feedback weisu.yaml returned/*.xlsx",
        "weisu feedback weisu.yaml   # the state of all tasks",
    ),
    jobs.risk: (
        "score the estates alone",
        "weisu risk weisu.yaml --as-of 2024-08",
    ),
    jobs.study: (
        "shares, quarters, zones, odds",
        "weisu study weisu.yaml",
    ),
    jobs.effect: (
        "did the work help",
        "weisu effect weisu.yaml",
    ),
    jobs.check: (
        "what is in the inputs, and wrong with them",
        "weisu check weisu.yaml",
        "weisu check weisu.yaml --json",
    ),
    jobs.backtest: (
        "how good would it have been",
        "weisu backtest weisu.yaml --origins 6",
        "weisu backtest weisu.yaml --risk",
    ),
    looking.explain: (
        "why this many: history, season, models",
        "weisu explain runs/latest --area 东社区 --category 供暖不热",
        "weisu explain runs/latest --area 110105021 --json",
    ),
    jobs.export: (
        "open data of a run; --public hides small counts",
        "weisu export runs/latest --out open",
        "weisu export runs/latest --out open --public --format parquet",
    ),
    operating.send: (
        "send the messages of a run",
        "weisu send runs/latest --config weisu.yaml",
    ),
    operating.schedule: (
        "a crontab line and a systemd timer",
        "weisu schedule weisu.yaml",
        "weisu schedule weisu.yaml --day 3 --at 06:30 --notify-on-failure",
    ),
    jobs.init: (
        "a new workspace",
        "weisu init mycity",
    ),
    jobs.simulate: (
        "a made-up Chinese city",
        "weisu simulate data/simulated --seed 20",
    ),
}
"""Every command: what it is for in the list of all, then the examples its help shows."""

for _command, (_short, *_examples) in COMMANDS.items():
    _shown = "\b\nExamples:\n" + "\n".join(f"  {example}" for example in _examples)
    app.command(short_help=_short, epilog=_shown)(_command)
app.add_typer(looking.runs, name="runs", short_help="list past runs; show one; compare two")


def main() -> None:
    """Entry point of the console script. What it writes, others may not read: files 0640, folders 0750 at most."""
    os.umask(os.umask(0o077) | 0o027)
    app()
