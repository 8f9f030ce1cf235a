"""Commands that look at what was run: list, show, compare, explain."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.frame import FAULT, AsJson, Runs, clean_exit, lines_out, object_out

runs = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="List past runs; show one; compare two; verify that none was edited.",
    epilog="\b\nExamples:\n  weisu runs --out mycity/runs\n  weisu runs show latest --out mycity/runs\n"
    "  weisu runs compare 2024-07 2024-08 --out mycity/runs\n"
    "  weisu runs verify --out mycity/runs",
)
Name = Annotated[str, typer.Argument(help="Name of a run, its beginning, its folder, or latest.")]


@runs.callback()
def listed(context: typer.Context, out: Runs = Path("runs"), as_json: AsJson = False) -> None:
    """List past runs; show one; compare two; verify that none was edited."""
    from pipelines import history

    if context.invoked_subcommand:
        return
    with clean_exit(as_json):
        found = history.listed(out)
    if as_json:
        object_out({"runs": found})
    else:
        lines_out(history.list_lines(found, out))


@runs.command(epilog="\b\nExamples:\n  weisu runs show 2024-08\n  weisu runs show latest --json")
def show(run: Name, out: Runs = Path("runs"), as_json: AsJson = False) -> None:
    """What a run read, did and noticed, and how long it took."""
    from pipelines import history

    with clean_exit(as_json):
        found = history.found(out, run)
    if as_json:
        object_out(found)
    else:
        lines_out(history.show_lines(found))


@runs.command(epilog="\b\nExamples:\n  weisu runs compare 2024-07 2024-08 --out mycity/runs")
def compare(
    first: Name,
    second: Annotated[str, typer.Argument(help="The other run.")],
    out: Runs = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """What changed between two plans and why: inputs, config, tasks, forecasts."""
    from pipelines import history

    with clean_exit(as_json):
        found = history.compare(history.found(out, first), history.found(out, second))
    if as_json:
        object_out(found.facts())
    else:
        lines_out(found.lines())


@runs.command(epilog="\b\nExamples:\n  weisu runs verify --out mycity/runs\n  weisu runs verify --json")
def verify(out: Runs = Path("runs"), as_json: AsJson = False) -> None:
    """Whether runs, lists taken in and the audit log are as they were written; exit code 1 when one is not."""
    from pipelines import checkup

    with clean_exit(as_json):
        found = checkup.run(out)
    if as_json:
        object_out(found.facts())
    else:
        lines_out(found.lines())
    if found.breaches:
        raise typer.Exit(FAULT)


def explain(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run with a plan, such as runs/latest.")],
    area: Annotated[str | None, typer.Option(help="Name or code of an area; default: the city.")] = None,
    category: Annotated[str | None, typer.Option(help="Name or code of a category; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Why this many: history, season, models, drivers and intervals of one area and category."""
    from pipelines import explaining
    from pipelines.terminal import width

    with clean_exit(as_json):
        found: Any = explaining.run(run_dir, area, category)
    if as_json:
        object_out(found.facts())
    else:
        lines_out(found.lines(width()))
