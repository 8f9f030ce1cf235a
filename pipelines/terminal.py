"""What a person (or cron) sees while a job runs: bars on a terminal, quiet lines elsewhere, always on stderr."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from pipelines.runs import Watch
from pipelines.words import say


class Clock:
    """How long a job has still to go: by the steps done in a stage, else by what each stage took last time."""

    def __init__(self, past: Mapping[str, float], now: Callable[[], float] = time.monotonic):
        self.past, self.now = past, now
        self.begun = self.started = now()
        self.stage("")

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.current, self.begun = name, self.now()
        self.pace: float | None = None  # when the stage will end by its own steps

    def step(self, done: int, total: int) -> None:
        """Part of the stage is done."""
        if done > 0:
            whole = (self.now() - self.begun) * total / done
            self.pace = self.begun + whole

    def elapsed(self) -> float:
        """Seconds since the job began."""
        return self.now() - self.started

    def left(self) -> float | None:
        """Seconds to the end, >= 0; None when nothing tells."""
        names = list(self.past)
        known = self.current in self.past
        if not known and self.pace is None:
            return None
        end = self.begun + self.past[self.current] if self.pace is None else self.pace
        after = sum(self.past[name] for name in names[names.index(self.current) + 1 :]) if known else 0.0
        return max(end - self.now(), 0.0) + after


class _Left(ProgressColumn):
    """Time gone by, and time left, of the whole job."""

    max_refresh = 0.5

    def __init__(self, clock: Clock, language: str):
        super().__init__()
        self.clock, self.language = clock, language

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text(spell(task.finished_time or 0), style="dim")
        left = self.clock.left()
        if left is None:
            return Text(spell(self.clock.elapsed()))
        return Text(say(self.language, "left", elapsed=spell(self.clock.elapsed()), left=spell(left)))


class Bars(Watch):
    """One bar a stage; beside the running one what is left of the job."""

    def __init__(self, console: Console, past: Mapping[str, float], language: str):
        self.clock, self.language = Clock(past), language
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), _Left(self.clock, language))
        self.progress = Progress(*columns, console=console)
        self.progress.start()
        self.task: TaskID | None = None

    def stage(self, name: str) -> None:
        """Close the last bar and begin the next."""
        self._finish()
        self.clock.stage(name)
        self.task = self.progress.add_task(say(self.language, f"stage.{name}"), total=None)

    def step(self, done: int, total: int) -> None:
        """Move the bar."""
        self.clock.step(done, total)
        if self.task is not None:
            self.progress.update(self.task, completed=done, total=total)

    def waits(self, text: str) -> None:
        """Name who is waited for."""
        self.progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._finish()
        self.progress.stop()

    def _finish(self) -> None:
        if self.task is not None:
            total = self.progress.tasks[self.task].total or 1
            self.progress.update(self.task, completed=total, total=total)
            self.task = None


class Lines(Watch):
    """One line a stage."""

    def __init__(self, console: Console):
        self.console = console

    def stage(self, name: str) -> None:
        """Name the stage."""
        self.console.print(name, highlight=False)

    def waits(self, text: str) -> None:
        """Name who is waited for."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def watch(quiet: bool = False, past: Mapping[str, float] | None = None, language: str = "zh") -> Watch:
    """The right one for what stderr is. `past`: seconds of each stage of an earlier run."""
    console = Console(stderr=True)
    if quiet:
        return Watch()
    return Bars(console, past or {}, language) if console.is_terminal else Lines(console)


def spell(seconds: float) -> str:
    """0:07, 12:30, 1:02:30."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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


def width() -> int:
    """Columns to write in: those of the terminal, 60 to 120; 80 without one."""
    return min(max(shutil.get_terminal_size((80, 24)).columns, 60), 120)
