"""The data and the plans already issued -> the months a monthly job has still to plan from."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast.errors import DataError, Fault
from pipelines import book, inputs, runs
from pipelines.config import Config

FAR = 24
"""Months that are caught up at most; whoever was away for longer begins anew at the last of them."""


@dataclass(frozen=True)
class Months:
    """wanted: as-of months to plan from, in order. done: the last one planned from, if any."""

    wanted: tuple[pd.Timestamp, ...]
    done: pd.Timestamp | None


@contextmanager
def turn(config: Config, out: Path | None, watch: runs.Watch) -> Iterator[None]:
    """The right to catch up in a folder of runs, from the question which months are missing to the last of them.

    Without it a job that waited for another would plan again what the other has just planned.

    Raises:
        BusyError: another job is catching up there, for longer than this one waits.
    """
    folder = (out or config.path(config.settings.runs)).resolve()
    with runs.locked(folder, "monthly --catch-up", watch, ".turn"):
        yield


class _Aside(runs.Watch):
    """As patient as another watch, and as talkative about locks; no stage of what is read aside is shown."""

    def __init__(self, watch: runs.Watch):
        self.watch, self.patience = watch, watch.patience

    def waits(self, text: str) -> None:
        self.watch.waits(text)


def months(
    config: Config, out: Path | None, ended: pd.Timestamp, catch_up: bool, due: bool, watch: runs.Watch
) -> Months:
    """What to plan from when nobody names a month.

    Args:
        out: folder of the runs; None = `runs` of the config.
        ended: the month that has just ended by the clock.
        catch_up: every whole month after the last one planned from; else the last whole month in the data alone.
        due: refuse when `ended` is neither planned from nor whole in the data.
        watch: whose patience to wait with for the store.

    Raises:
        DataError: there is no whole month, or `due` and it is not there.
    """
    folder = (out or config.path(config.settings.runs)).resolve()
    with tempfile.TemporaryDirectory(prefix="weisu-") as scratch, runs.opened(Path(scratch), _Aside(watch)) as job:
        present = inputs.last_month(config, job)
    issued = book.issued(folder, config.settings.city)
    last = pd.Timestamp(f"{runs.manifest(issued[-1])['as_of']}-01").as_unit("us") if issued else None
    if due and present < ended and (last is None or last < ended):
        fix = "add the export, then run the same command again; it catches up"
        what = f"{ended:%Y-%m} is over but not whole in the data, which end with {present:%Y-%m}"
        raise DataError(Fault(what, "sources", fix))
    if not catch_up or last is None:
        return Months((present,), None)
    wanted = pd.date_range(last + pd.DateOffset(months=1), present, freq="MS", unit="us")[-FAR:]
    return Months(tuple(wanted), last)
