"""What every command shares: options, config, progress, how it ends. Errors become one line each and an exit code."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

if TYPE_CHECKING:
    from forecast.errors import Fault, WeisuError
    from pipelines.config import Config
    from pipelines.outcome import Outcome
    from pipelines.runs import Watch

ConfigPath = Annotated[Path, typer.Argument(help="Config file (YAML).")]
LastMonth = typer.Option("--as-of", metavar="YYYY-MM", help="Last month of data to use.")
AsOf = Annotated[str | None, LastMonth]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the run folder; default: `runs` of the config.")]
Runs = Annotated[Path, typer.Option("--out", help="Folder of the runs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, metavar="MINUTES", help="Wait this long for another job, then give up (4).")
]
Head = Annotated[int, typer.Option(min=0, help="Also print this many lines of the work plan.")]

FAULT, USAGE, REFUSED, BUSY, NOT_SENT, INTERRUPTED = 1, 2, 3, 4, 5, 130


class Commands(TyperGroup):
    """The commands; what is wrong with the words given is one line too, or one object with --json."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002 (typer passes it; errors are told here)
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(given, prog_name or "weisu", complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            _refuse(error, "--json" in given)
        sys.exit(code if isinstance(code, int) else 0)


def _refuse(error: TyperException, as_json: bool) -> None:
    from forecast.errors import ConfigError, Fault

    said = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "weisu"
    if not said or said.startswith("Usage:"):  # called without any word: the help
        typer.echo(context.get_help() if context is not None else said, err=True)
        sys.exit(USAGE)
    _end(ConfigError(Fault(said, "", f"`{path} --help`")), USAGE, as_json)


@contextmanager
def clean_exit(as_json: bool) -> Iterator[None]:
    """Every error a user can cause becomes one line each and an exit code; no traceback."""
    from forecast.errors import Fault, RunError, WeisuError

    try:
        yield
    except WeisuError as error:
        _end(error, exit_code(error), as_json)
    except KeyboardInterrupt:
        _end(RunError(Fault("interrupted; nothing of the run under way was published")), INTERRUPTED, as_json)
    except Exception as error:
        if os.environ.get("WEISU_TRACEBACK"):
            raise
        _end(RunError(unexpected(error)), FAULT, as_json)


def unexpected(error: Exception) -> "Fault":
    """What is said of an error nobody foresaw."""
    from forecast.errors import Fault

    what = f"unexpected fault ({type(error).__name__}: {str(error)[:200]})"
    return Fault(what, "", "run again with WEISU_TRACEBACK=1 and report it")


def exit_code(error: "WeisuError") -> int:
    """Who must do something: 2 the caller, 3 who brings the data, 4 nobody (wait), 5 who minds the channels."""
    from forecast.errors import ConfigError, DataError
    from pipelines.channels import NotSentError
    from pipelines.runs import BusyError

    codes = ((ConfigError, USAGE), (DataError, REFUSED), (BusyError, BUSY), (NotSentError, NOT_SENT))
    return next((code for kind, code in codes if isinstance(error, kind)), FAULT)


def error_facts(error: "WeisuError") -> dict[str, Any]:
    """An error for `--json`."""
    faults = [{"what": fault.what, "where": fault.where, "fix": fault.fix} for fault in error.faults]
    return {"exit_code": exit_code(error), "faults": faults}


def _end(error: "WeisuError", code: int, as_json: bool) -> None:
    if as_json:
        object_out({"error": error_facts(error) | {"exit_code": code}})
        sys.exit(code)
    for fault in error.faults:
        typer.echo(f"weisu: {fault}", err=True)
    if len(error.faults) > 1:
        typer.echo(f"weisu: {len(error.faults)} faults, see above (exit code {code})", err=True)
    sys.exit(code)


def object_out(facts: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    typer.echo(json.dumps(facts, ensure_ascii=False))


def lines_out(lines: Sequence[str], aside: bool = False) -> None:
    """Lines on stdout, or on stderr when they are said aside."""
    for line in lines:
        typer.echo(line, err=aside)


def tell(outcome: "Outcome", config: "Config", as_json: bool, head: int = 0) -> None:
    """The end of a job: lines, the run folder last; aside, what to do next, and a line fit for a mail subject."""
    if as_json:
        object_out(outcome.facts())
        return
    lines_out([*outcome.lines(head), str(outcome.run_dir)])
    lines_out(outcome.closing(config.settings.city, config.settings.language), aside=True)


def load(path: Path) -> "Config":
    """The config file."""
    from pipelines import config

    return config.load(path)


def month_of(text: str) -> Any:
    """`2022-10` as a month."""
    import re

    import pandas as pd

    from forecast.errors import ConfigError, Fault

    if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text):
        raise ConfigError(Fault(f"{text!r} is not a month", "--as-of", "write it as 2022-10"))
    return pd.Timestamp(f"{text}-01").as_unit("us")


@contextmanager
def watching(quiet: bool, job: str, folder: Path, language: str) -> "Iterator[Watch]":
    """Progress, with the time left by what the last run of this job in the folder took."""
    from pipelines import runs
    from pipelines.terminal import watch

    chosen = watch(quiet, runs.took(folder, job), language)
    try:
        yield chosen
    finally:
        chosen.stop()


@contextmanager
def at_work(
    job: str, path: Path, out: Path | None, quiet: bool, as_json: bool, wait: float = 0.0
) -> "Iterator[tuple[Config, Watch]]":
    """A config file and the progress of a job that reads it."""
    with clean_exit(as_json):
        config = load(path)
        settings = config.settings
        folder = out or config.path(settings.runs)
        with watching(quiet or as_json, job, folder, settings.language) as watch:
            watch.patience = 60 * wait
            yield config, watch
