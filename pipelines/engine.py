"""A function and its tasks -> its results in order: in this process, in several, or on a Dask cluster."""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from forecast.errors import Fault, RunError
from forecast.look import Mapper, in_turn
from pipelines import cluster
from pipelines.config import Config

Task = TypeVar("Task")
Result = TypeVar("Result")
Shared = TypeVar("Shared")

MEMORY_PER_JOB = 3 * 2**30
"""Bytes that should be free for each process before two are started unasked."""


def mapper(config: Config, stamp: Callable[[], dict[str, str]], jobs: int = 1) -> Mapper:
    """What shares tasks out, as `engine` of the config says.

    Args:
        config: `engine` says where; the store is the folder that all workers of a cluster must share.
        stamp: what must be the same on every worker of a cluster.
        jobs: processes at a time, where they are started here.
    """
    engine = config.settings.engine
    if engine.address is not None:
        return partial(cluster.mapped, engine.address, config.path(config.settings.store), stamp)
    return in_turn if jobs == 1 else partial(_in_processes, jobs)


def _in_processes(jobs: int, function: Any, shared: Any, tasks: Sequence[Any], done: Any) -> list[Any]:
    return mapped(partial(function, shared), tasks, min(jobs, len(tasks)), done) if tasks else []


def default_jobs(tasks: int, memory: int | None = None) -> int:
    """Two processes where there are two processors, two tasks and `memory` bytes for each; else one."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    room = free // (memory or MEMORY_PER_JOB)
    return max(1, min(2, tasks, len(os.sched_getaffinity(0)), room))


def mapped(
    function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int, done: Callable[[int, int], None]
) -> list[Result]:
    """`function` of every task, in the order of the tasks, in `jobs` new processes.

    Args:
        function: of a module, with arguments and results that can be pickled.
        tasks: what it is called with.
        jobs: processes at a time, >= 1.
        done: is told how many tasks have ended, and of how many.

    Raises:
        RunError: a process ended without a word, as when memory runs out.
        Whatever `function` raises. No process is left behind then, nor after Ctrl-C.
    """
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_follow)
    others = set(multiprocessing.active_children())
    try:
        with _deaf_to_interrupts():
            futures = [pool.submit(function, task) for task in tasks]
        for number, future in enumerate(as_completed(futures), start=1):
            future.result()
            done(number, len(tasks))
        return [future.result() for future in futures]
    except BrokenProcessPool:
        raise _ended(jobs) from None
    finally:
        _stop(pool, [child for child in multiprocessing.active_children() if child not in others])


def streamed(
    function: Callable[[Shared, Task], Result], shared: Shared, tasks: Iterable[Task], jobs: int
) -> Generator[Result, None, None]:
    """As `streaming`, with two tasks a process held at a time, however many there are; close it to end it early."""
    with streaming(function, shared, tasks, jobs, 2 * jobs) as results:
        yield from results


@contextmanager
def streaming(
    function: Callable[[Shared, Task], Result], shared: Shared, tasks: Iterable[Task], jobs: int, held: int
) -> Iterator[Iterator[Result]]:
    """`function(shared, task)` of tasks as they come, in their order, in `jobs` new processes.

    The first `held` tasks begin at once, each other one when a result is taken. Raises as `mapped`; no process is
    left when the context ends.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(function, shared))
    others = set(multiprocessing.active_children())
    waiting: deque[Future[Any]] = deque()
    coming = iter(tasks)

    def submit(number: int) -> None:
        for task in islice(coming, number):
            with _deaf_to_interrupts():
                waiting.append(pool.submit(_work, task))

    def results() -> Iterator[Result]:
        while waiting:
            yield waiting.popleft().result()
            submit(1)

    try:
        submit(held)
        yield results()
    except BrokenProcessPool:
        raise _ended(jobs) from None
    finally:
        _stop(pool, [child for child in multiprocessing.active_children() if child not in others])


_given: list[Any] = []
"""Of a worker of `streamed`: the function and what it shares."""


def _begin(function: Any, shared: Any) -> None:
    _follow()
    _given[:] = [function, shared]


def _work(task: Any) -> Any:
    function, shared = _given
    return function(shared, task)


def _ended(jobs: int) -> RunError:
    fix = "free memory and run again (a backtest: with --jobs 1)"
    return RunError(Fault("a worker process ended before its work was done", f"{jobs} jobs", fix))


def _stop(pool: ProcessPoolExecutor, children: list[BaseProcess]) -> None:
    """End what still runs; after a whole map nothing does but idle workers."""
    pool.shutdown(wait=False, cancel_futures=True)
    for child in children:
        child.terminate()
    for child in children:
        child.join()
        while child.is_alive():
            # the pool's own thread took the news of the end, and has not written it down yet
            time.sleep(0.001)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes started here never see Ctrl-C: they inherit the mask. This one sees it when the block ends.

    The mask alone is not enough for that: another thread may take the signal, and Python would raise here at once,
    in the middle of starting a process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt


def _follow() -> None:
    """A worker ends with its parent, even one that was killed."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
