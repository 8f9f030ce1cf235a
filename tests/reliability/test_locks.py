"""Two at once: one waits or goes away with a clear line, a reader sees whole runs, a dead holder holds nothing."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines import audit, runs
from pipelines.runs import BusyError, Watch, locked
from tests.reliability.jobs import write_city

HOLD = """
import sys, time
from pathlib import Path
from pipelines.runs import locked
with locked(Path(sys.argv[1]), "monthly"):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Told(Watch):
    """Keeps what it is told."""

    def __init__(self, patience: float = 0.0):
        self.patience = patience
        self.said: list[str] = []

    def waits(self, text: str) -> None:
        """A line about a lock."""
        self.said.append(text)


def held(folder: Path, root: Path) -> "subprocess.Popen[str]":
    """A process that holds the lock of a folder until it hears a line, or is killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "held"
    return holder


def test_who_holds_a_folder_since_when_is_said_and_a_dead_holder_holds_nothing(tmp_path: Path, root: Path) -> None:
    with held(tmp_path, root) as holder:
        with pytest.raises(BusyError, match=rf"monthly, \w+, process {holder.pid}, .* UTC, for \d+ s") as busy:
            locked(tmp_path, "feedback").__enter__()
        assert str(tmp_path) in str(busy.value)
        holder.kill()
        holder.wait()
        with locked(tmp_path, "feedback"):  # no --wait, no clearing by hand
            pass


def test_the_age_of_a_lock_is_told_in_minutes_and_hours(tmp_path: Path) -> None:
    now = datetime(2024, 8, 2, 9, 30, tzinfo=UTC)
    ages = {timedelta(seconds=59): "59 s", timedelta(minutes=7): "7 min", timedelta(hours=26): "26 h"}
    for age, words in ages.items():
        assert runs.aged(f"monthly, wang, process 7, since {now - age:%Y-%m-%d %H:%M:%S} UTC", now).endswith(
            f"UTC, for {words}"
        )
    assert runs.aged("", now) == "its name is not written yet"


def test_the_patient_wait_and_say_so_once(tmp_path: Path) -> None:
    watch, order = Told(patience=30), []

    def second() -> None:
        with locked(tmp_path, "plan", watch):
            order.append("second")

    with locked(tmp_path, "monthly"):
        waiting = threading.Thread(target=second)
        waiting.start()
        while not watch.said:
            time.sleep(0.01)
        order.append("first")
    waiting.join(30)
    assert order == ["first", "second"]
    assert len(watch.said) == 1
    assert "monthly" in watch.said[0]


def test_patience_ends(tmp_path: Path) -> None:
    with locked(tmp_path, "monthly"):
        started = time.monotonic()
        with pytest.raises(BusyError, match="after 1 s of waiting"):
            locked(tmp_path, "plan", Told(patience=1)).__enter__()
        assert time.monotonic() - started >= 1


def test_feedback_between_a_line_and_its_run_does_not_hide_the_stopped_job(tmp_path: Path) -> None:
    """The lists come in while a job is killed between its line in the log and its run."""
    (tmp_path / ".draft-1").mkdir()
    audit.record(tmp_path, "monthly", run="2024-08-never", outputs={})
    audit.record(tmp_path, "feedback", inputs=[], rows={})
    with runs.at_work(tmp_path, "monthly", Watch()) as job:
        runs.publish(job, tmp_path, runs.Identity("monthly", "2024-08", "c", "i"), {})
    assert audit.verify(tmp_path) == []


def test_a_run_that_is_taken_away_is_not_taken_back(tmp_path: Path) -> None:
    """Only the last run of the log can be one that never was; an earlier one that is gone was removed."""
    for inputs in ("a", "b"):
        with runs.at_work(tmp_path, "monthly", Watch()) as job:
            runs.publish(job, tmp_path, runs.Identity("monthly", "2024-08", "c", inputs), {})
    first = Path(runs.listed(tmp_path)[0]["run_dir"])
    first.rename(tmp_path.parent / "away")
    with runs.at_work(tmp_path, "monthly", Watch()) as job:
        runs.publish(job, tmp_path, runs.Identity("monthly", "2024-08", "c", "c"), {})
    assert [(breach.kind, breach.where) for breach in audit.verify(tmp_path)] == [("audit_gone", first.name)]


def test_readers_see_whole_runs_while_one_is_published(tmp_path: Path) -> None:
    """`weisu runs` and a reader of `latest` while runs are published one after the other."""
    wrong: list[str] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            for told in runs.listed(tmp_path):
                wrong.extend([] if (Path(told["run_dir"]) / "report.html").is_file() else [told["run_dir"]])
            latest = tmp_path / "latest"
            if latest.is_symlink() and len((latest / "report.html").read_bytes()) != 5000:
                wrong.append("latest")

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(20):
            with runs.at_work(tmp_path, "monthly", Watch()) as job:
                job.put("report.html", b"x" * 5000)
                runs.publish(job, tmp_path, runs.Identity("monthly", "2024-08", "c", str(number)), {})
    finally:
        over.set()
        reader.join()
    assert wrong == []
    assert len(runs.listed(tmp_path)) == 20


def test_a_pointer_lost_with_its_job_is_put_right_by_the_next(tmp_path: Path) -> None:
    """Killed after its run was shown and before `latest` was moved; the next job ends badly."""
    for inputs in ("a", "b"):
        with runs.at_work(tmp_path, "monthly", Watch()) as job:
            runs.publish(job, tmp_path, runs.Identity("monthly", "2024-08", "c", inputs), {})
    first, second = (Path(told["run_dir"]) for told in runs.listed(tmp_path))
    runs._point(tmp_path / "latest", first.name)
    with runs.at_work(tmp_path, "monthly", Watch()):
        pass
    assert (tmp_path / "latest").resolve() == second.resolve()


def test_a_shared_store_makes_the_second_job_wait(tmp_path: Path) -> None:
    """Two cities, two folders of runs, one store: no job is turned away while the other takes files in."""
    from pipelines import config, inputs

    first = config.load(write_city(tmp_path / "one"))
    watch, origins = Told(patience=60), []

    def read() -> None:
        with runs.at_work(tmp_path / "runs", "monthly", watch) as job:
            origins.append(inputs.last_month(first, job))

    with locked(first.path(first.settings.store), "intake"):
        reading = threading.Thread(target=read)
        reading.start()
        while not watch.said:
            time.sleep(0.01)
        assert origins == []
    reading.join(60)
    assert origins == [pd.Timestamp("2021-03-01")]
