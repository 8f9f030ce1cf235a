"""A command -> what it cost: seconds on the clock and of the processor, and peak memory of it and its children."""

import os
import platform
import re
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.conftest import ROOT

EVERY = 0.2
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Cost:
    """clock, processor: seconds, the processor's of all children that were waited for. peak: bytes, the largest sum
    over the processes at one look, a page that several share counted once; seen `EVERY` so many seconds."""

    clock: float
    processor: float
    peak: int

    @property
    def gigabytes(self) -> float:
        return self.peak / 2**30


def cost(command: Sequence[str | Path], folder: Path = ROOT, **environment: str) -> Cost:
    """Run a command to its end; of what it says, errors and progress are shown.

    Raises:
        CalledProcessError: it failed.
    """
    began = time.monotonic()
    before = os.times()
    words = [str(word) for word in command]
    child = subprocess.Popen(words, cwd=folder, env=os.environ | environment, stdout=subprocess.DEVNULL)
    peak = _Peak(child.pid)
    peak.start()
    code = child.wait()
    after = os.times()
    peak.over.set()
    peak.join()
    if code:
        raise subprocess.CalledProcessError(code, child.args)
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.monotonic() - began, spent, peak.most)


class _Peak(threading.Thread):
    def __init__(self, process: int):
        super().__init__(daemon=True)
        self.process, self.most, self.over = process, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(EVERY):
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(self.process)
                known = [root, *root.children(recursive=True)]
                # to count shared pages once costs the watched process time, and can only be less
                if sum(map(_resident, known)) > self.most:
                    self.most = max(self.most, sum(map(_held, known)))


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(process.memory_info().rss)
    return 0


def _held(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return int(process.memory_full_info().pss)
    return 0


def machine() -> str:
    """What the figures were taken on, in a line."""
    name = next(iter(re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())), platform.processor())
    memory = psutil.virtual_memory().total / 2**30
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"


def write(page: Path, part: str, text: str) -> None:
    """Say a text, and put it between the marks `<!-- part -->` and `<!-- end of part -->` of a page.

    Raises:
        ValueError: the page has no such marks.
    """
    start, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    before, marked, rest = page.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (marked and closed):
        raise ValueError(f"{page} has no marks of {part}")
    print(text)  # noqa: T201
    page.write_text(f"{before}{start}\n{text}{end}{after}", encoding="utf-8")
