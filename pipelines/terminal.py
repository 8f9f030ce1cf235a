"""What a person (or cron) sees while a job runs: bars on a terminal, quiet lines elsewhere, always on stderr."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from pipelines.runs import Watch


class Bars(Watch):
    """One bar a stage."""

    def __init__(self, console: Console):
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=console)
        self.progress.start()
        self.task: TaskID | None = None

    def stage(self, name: str) -> None:
        """Close the last bar and begin the next."""
        self._finish()
        self.task = self.progress.add_task(name, total=None)

    def step(self, done: int, total: int) -> None:
        """Move the bar."""
        if self.task is not None:
            self.progress.update(self.task, completed=done, total=total)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._finish()
        self.progress.stop()

    def _finish(self) -> None:
        if self.task is not None:
            total = self.progress.tasks[self.task].total or 1
            self.progress.update(self.task, completed=total, total=total)


class Lines(Watch):
    """One line a stage."""

    def __init__(self, console: Console):
        self.console = console

    def stage(self, name: str) -> None:
        """Name the stage."""
        self.console.print(name, highlight=False)


def watch(quiet: bool = False) -> Watch:
    """The right one for what stderr is."""
    console = Console(stderr=True)
    if quiet:
        return Watch()
    return Bars(console) if console.is_terminal else Lines(console)


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what a compiled library prints by itself out of stdout, which belongs to what the job says."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
