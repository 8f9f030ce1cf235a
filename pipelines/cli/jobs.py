"""Commands that run a job: each parses, calls one, tells how it ended."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import operating
from pipelines.cli.frame import (
    AsJson,
    AsOf,
    ConfigPath,
    Head,
    LastMonth,
    Out,
    Quiet,
    Wait,
    at_work,
    clean_exit,
    lines_out,
    load,
    month_of,
    object_out,
    tell,
    watching,
)


def monthly(
    config: ConfigPath,
    as_of: AsOf = None,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Every whole month since the last published plan, in order.")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="Fail (3) when the month that has just ended is not in the data.")
    ] = False,
    notify_on_failure: Annotated[
        bool, typer.Option("--notify-on-failure", help="Send one message when the job fails.")
    ] = False,
    wait: Wait = 0,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    head: Head = 0,
) -> None:
    """The whole monthly job: complaints in, forecasts, risk and a ranked work plan out.

    Without --as-of it plans from the last whole month in the data.
    """
    from pipelines import catchup
    from pipelines import monthly as job

    with at_work("monthly", config, out, quiet, as_json, wait) as (loaded, watch), ExitStack() as held:
        until = month_of(as_of) if as_of else None
        operating.refuse_both(as_of, catch_up, due)
        with operating.alarmed(loaded if notify_on_failure else None, "monthly"):
            if until is None:
                held.enter_context(catchup.turn(loaded, out, watch))
                ended = operating.just_ended(loaded.settings.calendar.month_starts_on)
                months = catchup.months(loaded, out, ended, catch_up, due, watch)
            else:
                months = catchup.Months((until,), None)
            outcomes = [job.run(loaded, month, out, watch) for month in months.wanted]
    operating.tell_all(outcomes, months, loaded, as_json, head, catch_up)


def plan(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a monthly run, such as runs/latest.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Config with another playbook, capacity or shares.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    head: Head = 0,
) -> None:
    """Plan again in seconds from what a run found, after a change of capacity, playbook or shares; fits nothing."""
    from pipelines import replan as job

    with clean_exit(as_json):
        used = load(config) if config else job.ran(run_dir.resolve())
        with watching(quiet or as_json, "plan", run_dir.resolve().parent, used.settings.language) as watch:
            outcome = job.run(run_dir, used if config else None, watch)
    tell(outcome, used, as_json, head)


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

    with clean_exit(as_json):
        said = job.run(load(config), files or [], pd.Timestamp.now().normalize().as_unit("us"))
    if as_json:
        object_out(said.facts())
    else:
        lines_out(said.lines())


def risk(
    config: ConfigPath,
    as_of: Annotated[str, LastMonth],
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score the estates alone: a ranked list with reasons, a map layer, a fairness report. No forecast is made."""
    from pipelines import scoring as job

    with at_work("risk", config, out, quiet, as_json) as (loaded, watch):
        outcome = job.run(loaded, month_of(as_of), out, watch)
    tell(outcome, loaded, as_json)


def study(
    config: ConfigPath,
    as_of: AsOf = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Shares, quarters, zones and odds of the classes of complaints, as tables. No forecast is made."""
    from pipelines import studying as job

    with at_work("study", config, out, quiet, as_json) as (loaded, watch):
        outcome = job.run(loaded, month_of(as_of) if as_of else None, out, watch)
    tell(outcome, loaded, as_json)


def effect(
    config: ConfigPath,
    as_of: AsOf = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Did the work help? Effects of tasks and interventions: the ground first, the number last, or none."""
    from pipelines import effect as job

    with at_work("effect", config, out, quiet, as_json) as (loaded, watch):
        outcome = job.run(loaded, month_of(as_of) if as_of else None, out, watch)
    tell(outcome, loaded, as_json)


def check(config: ConfigPath, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Read every input, report every fault of all of them at once, run nothing."""
    from pipelines import checking as job

    with clean_exit(as_json):
        report = job.run(load(config), month_of(as_of) if as_of else None)
    if as_json:
        object_out(report.facts())
    else:
        lines_out(report.lines(config))


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

    with at_work("backtest", config, out, quiet, as_json) as (loaded, watch):
        until = month_of(as_of) if as_of else None
        if risk:
            _refuse_with_risk(horizon=horizon, jobs=jobs)
            outcome = hindsight.run(loaded, origins, step or 12, until, out, watch)
        else:
            outcome = research.run(loaded, origins, step or 3, horizon, until, out, watch, jobs)
    tell(outcome, loaded, as_json)


def _refuse_with_risk(horizon: int | None, jobs: int | None) -> None:
    from forecast.errors import ConfigError, Fault

    given = [f"--{name}" for name, value in (("horizon", horizon), ("jobs", jobs)) if value is not None]
    if given:
        what = f"{' and '.join(given)} say nothing with --risk: scores are judged on the 12 months ahead"
        raise ConfigError(Fault(what, given[0], "leave it out"))


def init(folder: Annotated[Path, typer.Argument(help="New or empty folder.")], as_json: AsJson = False) -> None:
    """A ready workspace: commented config, folders, a sample of each input, next steps."""
    from pipelines import workspace

    with clean_exit(as_json):
        lines = workspace.create(folder)
    if as_json:
        object_out({"folder": str(folder), "config": str(folder / "weisu.yaml")})
    else:
        lines_out(lines)


def export(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a monthly run, such as runs/latest.")],
    out: Annotated[Path, typer.Option("--out", help="New or empty folder.")],
    public: Annotated[bool, typer.Option("--public", help="Only what everybody may see.")] = False,
    form: Annotated[str, typer.Option("--format", help="Of the tables: csv or parquet.")] = "csv",
    as_json: AsJson = False,
) -> None:
    """Open data of a run: tables, forecasts as a hub, map layers, a dictionary. --public leaves small counts out."""
    from pipelines import exporting as job

    with clean_exit(as_json):
        written = job.run(run_dir, out, public, form)
    if as_json:
        object_out(written.facts)
    else:
        lines_out(written.lines)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write the city into.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same city.")],
    communities: Annotated[int, typer.Option(min=4, help="How many communities.")] = 120,
    years: Annotated[int, typer.Option(min=2, help="How many years.")] = 6,
    scale: Annotated[float, typer.Option(min=0.01, help="Times the usual number of orders.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """A made-up Chinese city with a known truth: 12345 work orders, areas, estates, polygons."""
    from forecast.simulate import City
    from pipelines import simulation

    with clean_exit(as_json):
        city = City(seed=seed, communities=communities, years=years, scale=scale)
        written = [str(path) for path in simulation.write_city(folder, city)]
    if as_json:
        object_out({"folder": str(folder), "files": written})
    else:
        lines_out(written)
