"""Commands and parts of commands for the machine: messages, the schedule, catching up, alarms."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.frame import (
    AsJson,
    ConfigPath,
    clean_exit,
    error_facts,
    exit_code,
    lines_out,
    load,
    object_out,
    tell,
    unexpected,
)

if TYPE_CHECKING:
    from pipelines.catchup import Months
    from pipelines.config import Config
    from pipelines.outcome import Outcome


def send(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run with a plan, such as runs/latest.")],
    config: Annotated[Path, typer.Option("--config", help="Config that says in `messages` who gets what.")],
    again: Annotated[bool, typer.Option("--again", help="Send also what was sent before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send the messages of a run to the addresses of the config: WeCom, DingTalk, e-mail and others."""
    from pipelines import messages

    with clean_exit(as_json):
        sent = messages.send(run_dir, load(config), again)
    if as_json:
        object_out(sent.facts())
    else:
        lines_out(sent.lines())


def schedule(
    config: ConfigPath,
    day: Annotated[int, typer.Option(min=1, max=28, help="Day of the month.")] = 2,
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="Time of the day.")] = "07:00",
    notify_on_failure: Annotated[
        bool, typer.Option("--notify-on-failure", help="The job sends one message when it fails.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a crontab line and a systemd service with its timer that run the monthly job. Nothing is installed."""
    from pipelines import messages
    from pipelines import schedule as job

    with clean_exit(as_json):
        loaded = load(config)
        if notify_on_failure:
            messages.watchers(loaded)
        text = job.made(loaded, config, day, at, notify_on_failure)
    if as_json:
        object_out(text.facts())
    else:
        lines_out(text.lines(loaded.settings.language))


@contextmanager
def alarmed(config: "Config | None", job: str) -> Iterator[None]:
    """Send one message when what is within fails; None sends none."""
    from forecast.errors import RunError, WeisuError
    from pipelines import messages

    if config is None:
        yield
        return
    messages.watchers(config)  # better now than after the failure
    try:
        yield
    except Exception as error:
        known = error if isinstance(error, WeisuError) else RunError(unexpected(error))
        try:
            messages.alarm(config, known.faults, job)
        except WeisuError as lost:
            raise type(known)((*known.faults, *lost.faults)) from error
        raise


def refuse_both(as_of: str | None, catch_up: bool, due: bool) -> None:
    """A month that is named is no month to look for."""
    from forecast.errors import ConfigError, Fault

    if as_of and (catch_up or due):
        name = "--catch-up" if catch_up else "--due"
        raise ConfigError(Fault(f"{name} finds the months itself", "--as-of", f"leave out one of --as-of and {name}"))


def just_ended(starts_on: int) -> Any:
    """The last month that is over by the clock."""
    import pandas as pd

    from forecast.months import month_of

    today = pd.DatetimeIndex([pd.Timestamp.now().normalize()])
    return month_of(today, starts_on)[0] - pd.DateOffset(months=1)


def tell_all(
    outcomes: "Sequence[Outcome]", months: "Months", config: "Config", as_json: bool, head: int, catch_up: bool
) -> None:
    """The end of a monthly job: its runs, then the messages where the config asks for them."""
    from forecast.errors import WeisuError
    from pipelines import messages
    from pipelines.words import say

    settings, lost, sent = config.settings, None, None
    if not as_json:
        for outcome in outcomes:
            tell(outcome, config, as_json, head)
    if outcomes and settings.messages.send:
        try:
            sent = messages.send(outcomes[-1].run_dir, config)
        except WeisuError as error:
            lost = error
    if as_json:
        facts: dict[str, Any] = outcomes[0].facts() if not catch_up else {
            "runs": [outcome.facts() for outcome in outcomes],
            "done_before": f"{months.done:%Y-%m}" if months.done is not None else None,
        }  # fmt: skip
        object_out(
            facts | ({"messages": sent.facts()} if sent else {}) | ({"error": error_facts(lost)} if lost else {})
        )
    elif not outcomes:
        lines_out([say(settings.language, "nothing_new", city=settings.city, done=f"{months.done:%Y-%m}")])
    elif sent:
        lines_out(sent.lines(), aside=True)
    if lost:
        if not as_json:
            lines_out([f"weisu: {fault}" for fault in lost.faults], aside=True)
            lines_out([say(settings.language, "not_sent", run=outcomes[-1].run_dir)], aside=True)
        raise typer.Exit(exit_code(lost))
