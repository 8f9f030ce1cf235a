"""`weisu`: parse, call one job, turn its outcome into lines and an exit code.

0 ok, 1 fault, 2 usage, 3 data refused; 130 interrupted.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.outcome import Outcome
    from pipelines.runs import Watch

app = typer.Typer(
    name="weisu",
    help="Act before the complaint (未诉): forecast complaints, score estates, write preventive work plans.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigPath = Annotated[Path, typer.Argument(help="Config file (YAML).")]
LastMonth = typer.Option("--as-of", metavar="YYYY-MM", help="Last month of data to use.")
AsOf = Annotated[str | None, LastMonth]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the run folder; default: `runs` of the config.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]

INTERRUPTED = 130


@app.command()
def monthly(
    config: ConfigPath,
    as_of: Annotated[str, LastMonth],
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    head: Annotated[int, typer.Option(min=0, help="Also print this many lines of the work plan.")] = 0,
) -> None:
    """The whole monthly job: complaints in, forecasts, risk and a ranked work plan out."""
    from pipelines import monthly as job

    with _clean_exit(), _watching(quiet or as_json) as watch:
        outcome = job.run(_config(config), _month(as_of), out, watch)
    _tell(outcome, as_json, head)


@app.command()
def plan(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a monthly run, such as runs/latest.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Config with another playbook, capacity or shares.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    head: Annotated[int, typer.Option(min=0, help="Also print this many lines of the work plan.")] = 0,
) -> None:
    """Plan again in seconds from what a run found, after a change of capacity, playbook or shares; fits nothing."""
    from pipelines import replan as job

    with _clean_exit(), _watching(quiet or as_json) as watch:
        outcome = job.run(run_dir, _config(config) if config else None, watch)
    _tell(outcome, as_json, head)


@app.command()
def feedback(
    config: ConfigPath,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Workbooks that came back; none tells the state.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take returned workbooks in: what streets did, when, with what evidence, or why not."""
    import pandas as pd

    from pipelines import feedback as job

    with _clean_exit():
        said = job.run(_config(config), files or [], pd.Timestamp.now().normalize().as_unit("us"))
    if as_json:
        typer.echo(json.dumps(said.facts(), ensure_ascii=False))
        return
    for line in said.lines():
        typer.echo(line)


@app.command()
def risk(
    config: ConfigPath,
    as_of: Annotated[str, LastMonth],
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score the estates alone: a ranked list with reasons, a map layer, a fairness report. No forecast is made."""
    from pipelines import scoring as job

    with _clean_exit(), _watching(quiet or as_json) as watch:
        outcome = job.run(_config(config), _month(as_of), out, watch)
    _tell(outcome, as_json)


@app.command()
def study(
    config: ConfigPath,
    as_of: AsOf = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Shares, quarters, zones and odds of the classes of complaints, as tables. No forecast is made."""
    from pipelines import studying as job

    with _clean_exit(), _watching(quiet or as_json) as watch:
        outcome = job.run(_config(config), _month(as_of) if as_of else None, out, watch)
    _tell(outcome, as_json)


@app.command()
def effect(
    config: ConfigPath,
    as_of: AsOf = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Did the work help? Effects of tasks and interventions: the ground first, the number last, or none."""
    from pipelines import effect as job

    with _clean_exit(), _watching(quiet or as_json) as watch:
        outcome = job.run(_config(config), _month(as_of) if as_of else None, out, watch)
    _tell(outcome, as_json)


@app.command()
def check(config: ConfigPath, as_of: AsOf = None) -> None:
    """Read every input, report every fault of all of them at once, run nothing."""
    from pipelines import checking as job

    with _clean_exit():
        report = job.run(_config(config), _month(as_of) if as_of else None)
    for line in report.lines():
        typer.echo(line)


@app.command()
def backtest(
    config: ConfigPath,
    origins: Annotated[int, typer.Option(min=1, help="How many past months to forecast from.")] = 6,
    step: Annotated[
        int | None, typer.Option(min=1, help="Months between them; default: 3, or 12 with --risk.")
    ] = None,
    risk: Annotated[bool, typer.Option("--risk", help="Judge the scores of estates instead of forecasts.")] = False,
    horizon: Annotated[int | None, typer.Option(min=1, max=24, help="Months ahead; default: the config's.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Origins worked on at a time; default: 2 where there is room.")
    ] = None,
    as_of: AsOf = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rolling origins through the code of the monthly job: forecasts, scores, leaderboard, comparisons, a page."""
    from pipelines import hindsight, research

    with _clean_exit(), _watching(quiet or as_json) as watch:
        until = _month(as_of) if as_of else None
        if risk:
            _refuse_with_risk(horizon=horizon, jobs=jobs)
            _tell(hindsight.run(_config(config), origins, step or 12, until, out, watch), as_json)
            return
        outcome = research.run(_config(config), origins, step or 3, horizon, until, out, watch, jobs)
    _tell(outcome, as_json)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="New or empty folder.")]) -> None:
    """A ready workspace: commented config, folders, a sample of each input, next steps."""
    from pipelines import workspace

    with _clean_exit():
        lines = workspace.create(folder)
    for line in lines:
        typer.echo(line)


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write the city into.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same city.")],
    communities: Annotated[int, typer.Option(min=4, help="How many communities.")] = 120,
    years: Annotated[int, typer.Option(min=2, help="How many years.")] = 6,
    scale: Annotated[float, typer.Option(min=0.01, help="Times the usual number of orders.")] = 1.0,
) -> None:
    """A made-up Chinese city with a known truth: 12345 work orders, areas, estates, polygons."""
    from forecast.simulate import City
    from pipelines import simulation

    with _clean_exit():
        city = City(seed=seed, communities=communities, years=years, scale=scale)
        for path in simulation.write_city(folder, city):
            typer.echo(str(path))


@app.command()
def export(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a monthly run, such as runs/latest.")],
    out: Annotated[Path, typer.Option("--out", help="New or empty folder.")],
    public: Annotated[bool, typer.Option("--public", help="Only what everybody may see.")] = False,
    form: Annotated[str, typer.Option("--format", help="Of the tables: csv or parquet.")] = "csv",
) -> None:
    """Open data of a run: tables, forecasts as a hub, map layers, a dictionary. --public leaves small counts out."""
    from pipelines import exporting

    with _clean_exit():
        for line in exporting.run(run_dir, out, public, form):
            typer.echo(line)


@app.command()
def runs(
    run: Annotated[str | None, typer.Argument(help="Name of a run, or its beginning; none lists all.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the runs.")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """List past runs, or show one."""
    from pipelines import runs as registry

    with _clean_exit():
        found: Any = registry.shown(out, run) if run else registry.listed(out)
    if as_json or run:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=None if as_json else 1))
        return
    for manifest in found:
        facts = (Path(manifest["run_dir"]).name, manifest["job"], manifest["as_of"], manifest["started_at"])
        typer.echo("  ".join([*facts, f"{manifest['total_seconds']:.0f} s"]))
    if not found:
        typer.echo(f"no runs in {out}; `weisu monthly CONFIG --as-of YYYY-MM` makes one")


def _tell(outcome: "Outcome", as_json: bool, head: int = 0) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.facts(), ensure_ascii=False))
        return
    for line in outcome.lines(head):
        typer.echo(line)
    typer.echo(str(outcome.run_dir))


def main() -> None:
    """Entry point of the console script."""
    app()


def _refuse_with_risk(horizon: int | None, jobs: int | None) -> None:
    from forecast.errors import ConfigError, Fault

    given = [f"--{name}" for name, value in (("horizon", horizon), ("jobs", jobs)) if value is not None]
    if given:
        what = f"{' and '.join(given)} say nothing with --risk: scores are judged on the 12 months ahead"
        raise ConfigError(Fault(what, given[0], "leave it out"))


def _config(path: Path) -> "Config":
    from pipelines import config

    return config.load(path)


def _month(text: str) -> Any:
    import re

    import pandas as pd

    from forecast.errors import ConfigError, Fault

    if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text):
        raise ConfigError(Fault(f"{text!r} is not a month", "--as-of", "write it as 2022-10"))
    return pd.Timestamp(f"{text}-01").as_unit("us")


@contextmanager
def _watching(quiet: bool) -> "Iterator[Watch]":
    from pipelines.terminal import watch

    chosen = watch(quiet)
    try:
        yield chosen
    finally:
        chosen.stop()


@contextmanager
def _clean_exit() -> Iterator[None]:
    """Every error a user can cause becomes one line each and an exit code; no traceback."""
    from forecast.errors import ConfigError, DataError, WeisuError

    try:
        yield
    except WeisuError as error:
        for fault in error.faults:
            typer.echo(f"weisu: {fault}", err=True)
        code = 2 if isinstance(error, ConfigError) else 3 if isinstance(error, DataError) else 1
        sys.exit(code)
    except KeyboardInterrupt:
        typer.echo("weisu: interrupted; nothing was published", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("WEISU_TRACEBACK"):
            raise
        what = f"{type(error).__name__}: {str(error)[:200]}"
        typer.echo(f"weisu: unexpected fault ({what}) -> run again with WEISU_TRACEBACK=1 and report it", err=True)
        sys.exit(1)
