import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.errors import ConfigError, DataError, Fault, RunError
from pipelines import config, engine


def test_results_come_in_the_order_of_the_tasks_and_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    found = engine.mapped(math.sqrt, [9.0, 4.0, 1.0], 2, lambda done, total: told.append((done, total)))
    assert found == [3.0, 2.0, 1.0]
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert multiprocessing.active_children() == []


def test_a_fault_in_a_worker_is_told_as_ours(tmp_path: Path) -> None:
    paths = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        engine.mapped(config.load, paths, 2, lambda done, total: None)
    assert caught.value.faults[0].where.endswith(".yaml")
    assert multiprocessing.active_children() == []


def test_a_worker_that_dies_is_told_in_words() -> None:
    with pytest.raises(RunError, match="--jobs 1"):
        engine.mapped(os._exit, [3, 3], 2, lambda done, total: None)
    assert multiprocessing.active_children() == []


def test_a_stream_is_worked_on_in_order_with_few_tasks_at_a_time() -> None:
    begun: list[int] = []

    def tasks() -> Iterator[int]:
        for n in range(9):
            begun.append(n)
            yield n

    found = engine.streamed(math.pow, 2.0, tasks(), 2)
    assert next(found) == 1
    assert len(begun) == 4
    assert list(found) == [2.0**n for n in range(1, 9)]
    assert multiprocessing.active_children() == []


def test_a_stream_begins_before_it_is_asked() -> None:
    coming = iter(range(9))
    with engine.streaming(math.pow, 2.0, coming, 2, 7) as found:
        assert next(coming) == 7
        assert list(found) == [2.0**n for n in range(9) if n != 7]
    assert multiprocessing.active_children() == []
    with pytest.raises(ZeroDivisionError), engine.streaming(math.pow, 2.0, range(3), 2, 3):
        raise ZeroDivisionError
    assert multiprocessing.active_children() == []


def test_a_stream_that_is_left_leaves_no_process_behind() -> None:
    found = engine.streamed(math.pow, 2.0, iter(range(9)), 1)
    assert next(found) == 1
    found.close()
    assert multiprocessing.active_children() == []
    with pytest.raises(RunError, match="--jobs 1"):
        list(engine.streamed(_leave, 3, [1], 1))
    assert multiprocessing.active_children() == []


def _leave(code: int, _: int) -> None:
    os._exit(code)


def test_an_interrupt_another_thread_takes_waits_until_processes_have_started() -> None:
    reached = []

    def start() -> None:
        with engine._deaf_to_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            reached.append(True)

    asleep = threading.Thread(target=time.sleep, args=(0.5,))
    asleep.start()
    with pytest.raises(KeyboardInterrupt):
        start()
    asleep.join()
    assert reached
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_leaves_no_process_behind() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.mapped(math.sqrt, [1.0, 2.0], 2, stop)
    assert multiprocessing.active_children() == []


def test_a_child_whose_end_another_thread_heard_first_is_waited_for() -> None:
    child = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    child.start()
    popen = vars(child)["_popen"]
    poll = popen.poll
    deaf = iter([None, None, None])

    def late(flag: int = os.WNOHANG) -> int | None:
        code = poll(flag)
        return None if code is not None and next(deaf, True) is None else code

    popen.poll = late
    pool = engine.ProcessPoolExecutor(1)
    engine._stop(pool, [child])
    assert child.exitcode == -signal.SIGTERM
    assert multiprocessing.active_children() == []


def test_faults_survive_the_way_between_processes() -> None:
    error = DataError([Fault("what", "where", "fix"), Fault("more")])
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is DataError
    assert again.faults == error.faults
    assert str(again) == str(error)


def test_unasked_there_are_never_more_jobs_than_tasks_or_memory() -> None:
    assert engine.default_jobs(1) == 1
    assert engine.default_jobs(8, memory=2**60) == 1
    assert engine.default_jobs(8, memory=1) == min(2, len(os.sched_getaffinity(0)))
