"""A function and its tasks -> its results in order, from the workers of a Dask scheduler that is already there.

Workers are checked before they get work: same code, same packages, one thread each, the same folder. What all tasks
share goes through that folder once, not through the scheduler; a worker that dies takes nothing with it.
"""

import logging
import pickle
import secrets
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from forecast.errors import Fault, RunError
from pipelines import store

if TYPE_CHECKING:
    from distributed import Client, Future

if "dask.dataframe" not in sys.modules:
    # pandera would import it, a second of every command, for tables that none of ours is
    sys.modules["dask.dataframe"] = None  # type: ignore[assignment]
    import pandera.typing.dask  # noqa: F401

    del sys.modules["dask.dataframe"]

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

PATIENCE = 5.0
"""Seconds in which a scheduler must answer."""

LONELY = 60.0
"""Seconds without any worker after which work is given up."""

WEEK = 7 * 86400.0
"""Seconds after which what a killed job left in the folder is removed."""

SAME = "install the same weisu and packages there as here (same commit, same uv.lock), and start it again"

Stamp = Callable[[], dict[str, str]]


def mapped(
    address: str,
    folder: Path,
    stamp: Stamp,
    function: Callable[[Shared, Task], Result],
    shared: Shared,
    tasks: Sequence[Task],
    done: Callable[[int, int], None],
) -> list[Result]:
    """`function(shared, task)` of every task, in the order of the tasks. Without a task, workers are checked alone.

    Args:
        address: of the scheduler, such as tcp://10.0.0.5:8786.
        folder: that this machine and all workers see under the same path, and may write into.
        stamp: of a module; what it says must be the same here and on every worker.
        function: of a module; its results can be pickled. A task whose worker dies is done again on another.
        shared: what all tasks need; pickled once into `folder`.
        tasks: what `function` is called with besides.
        done: is told how many tasks have ended, and of how many.

    Raises:
        RunError: no scheduler or worker answers, one of them goes for good, or a worker cannot do this work.
        Whatever `function` raises.
    """
    with _connected(address) as client:
        _alike(client, address, stamp, folder)
        if not tasks:
            return []
        with _lent(folder, (stamp, _told(stamp), function, shared)) as path:
            futures = [client.submit(_call, str(path), task, pure=False) for task in tasks]
            try:
                return _collected(client, address, futures, done)
            finally:
                with suppress(Exception):  # the scheduler may be gone
                    client.cancel(futures, force=True)


@contextmanager
def _connected(address: str) -> Iterator["Client"]:
    """A client that speaks through its errors alone: the library would log each of them at length."""
    if util.find_spec("distributed") is None:
        what = "`engine: {kind: dask}` needs the package distributed"
        raise RunError(Fault(what, "engine", 'install it here and on the workers: pip install "weisu[cluster]"'))
    import dask
    from distributed import Client

    loggers = [logging.getLogger(name) for name in ("distributed", "tornado.application")]
    levels = [logger.level for logger in loggers]
    client = None
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings(), dask.config.set({"distributed.comm.timeouts.connect": PATIENCE}):
            warnings.simplefilter("ignore")  # other versions are refused, and told of, by `_alike`
            try:
                client = Client(address, timeout=PATIENCE, set_as_default=False)
            except (OSError, TimeoutError, ValueError, RuntimeError):
                fix = "start it (dask scheduler), mend `engine.address`, or use `engine: {kind: local}`"
                raise RunError(Fault("no Dask scheduler answers", address, fix)) from None
            with client.as_current():
                yield client
    finally:
        if client is not None:
            with suppress(Exception):
                client.close(timeout=PATIENCE)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _alike(client: "Client", address: str, stamp: Stamp, folder: Path) -> None:
    """Refuse workers that would give other tables, or none."""
    with suppress(TimeoutError):
        client.wait_for_workers(1, timeout=PATIENCE)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        fix = "start some on the machines of the cluster: dask worker ADDRESS --nthreads 1 --nworkers N"
        raise RunError(Fault("no worker is connected to the scheduler", address, fix))
    for name, facts in sorted(workers.items()):
        if facts["nthreads"] != 1:
            fix = "start workers with --nthreads 1 and --nworkers as many as the machine has cores"
            raise RunError(Fault("has more than one thread; models take a process each", f"worker {name}", fix))
    token = secrets.token_hex(8)
    probe = folder / f".probe-{token}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_text(token, encoding="utf-8")
        found = _everywhere(client, address, stamp, probe)
        mine = _told(stamp)
        faults = [fault for name, card in sorted(found.items()) if (fault := _fault(name, card, mine, probe, folder))]
    except OSError as error:
        fix = "free space or give write permission there"
        raise RunError(Fault(f"cannot write ({error.strerror or error})", str(folder), fix)) from None
    finally:
        for left in folder.glob(f"{probe.name}*"):
            with suppress(OSError):
                left.unlink()
    if faults:
        raise RunError(faults[0])


def _everywhere(client: "Client", address: str, stamp: Stamp, probe: Path) -> dict[str, Any]:
    """Worker -> its card, or why it has none."""
    try:
        found: dict[str, Any] = client.run(_card, stamp, str(probe), on_error="return")
    except (CancelledError, OSError) as error:
        raise _lost(address, error) from None
    return found


def _card(stamp: Stamp, probe: str) -> dict[str, str]:
    """On a worker: what it is; and a trace in the folder, where it finds the probe."""
    told = _told(stamp)
    try:
        token = Path(probe).read_text(encoding="utf-8")
        trace = Path(f"{probe}-{secrets.token_hex(4)}")
        trace.write_text(token, encoding="utf-8")
    except OSError as error:
        return told | {"trace": "", "why": f"{error.strerror or error}"}
    return told | {"trace": trace.name, "why": ""}


def _told(stamp: Stamp) -> dict[str, str]:
    import distributed

    return {**stamp(), "distributed": distributed.__version__}


def _fault(name: str, card: Any, mine: dict[str, str], probe: Path, folder: Path) -> Fault | None:
    where = f"worker {name}"
    if not isinstance(card, dict):
        return Fault(f"cannot run weisu ({type(card).__name__}: {str(card)[:100]})", where, SAME)
    if other := _other(card, mine):
        return Fault(f"is of another version ({other})", where, SAME)
    if not card["trace"] or not probe.with_name(card["trace"]).exists():
        fix = "put store, sources and the rest of the workspace on a folder shared under the same path, and writable"
        return Fault(f"does not share the store {folder} ({card['why'] or 'it sees another folder'})", where, fix)
    return None


@contextmanager
def _lent(folder: Path, content: Any) -> Iterator[Path]:
    """What all tasks need, as a file in the folder for as long as they run."""
    import cloudpickle

    for left in folder.glob(".shared-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > WEEK:
                left.unlink()
    path = folder / f".shared-{secrets.token_hex(8)}"
    try:
        with store.writing(folder), path.open("wb") as file:
            cloudpickle.dump(content, file, protocol=pickle.HIGHEST_PROTOCOL)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _call(path: str, task: Any) -> Any:
    """On a worker, also one that came after the others were checked."""
    function, shared = _borrowed(path)
    return function(shared, task)


@lru_cache(maxsize=1)
def _borrowed(path: str) -> tuple[Any, Any]:
    with Path(path).open("rb") as file:
        stamp, theirs, function, shared = pickle.load(file)
    if other := _other(_told(stamp), theirs):
        raise RunError(Fault(f"is of another version ({other})", f"a worker on {socket.gethostname()}", SAME))
    return function, shared


def _other(there: dict[str, str], here: dict[str, str]) -> str:
    """What is not the same, in words; the first few."""
    other = [key for key in here if there.get(key) != here[key]]
    return ", ".join(f"{key} {there.get(key, 'none')[:12]} there, {here[key][:12]} here" for key in other[:3])


def _collected(
    client: "Client", address: str, futures: Sequence["Future[Any]"], done: Callable[[int, int], None]
) -> list[Any]:
    """Results in order; or what the first task that failed raised, or that nobody is left to do them."""
    from distributed import wait

    results: dict[Any, Any] = {}
    heard = time.monotonic()
    while len(results) < len(futures):
        pending = [future for future in futures if future not in results]
        try:
            ended = wait(pending, timeout=1.0, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            ended = set()
        except (CancelledError, OSError) as error:
            raise _lost(address, error) from None
        for future in ended:
            results[future] = _result(address, future)
            done(len(results), len(futures))
        if client.status != "running":
            raise _lost(address)
        if ended or client.scheduler_info(n_workers=-1)["workers"]:
            heard = time.monotonic()
        elif time.monotonic() - heard > LONELY:
            fix = "start workers again, then run again; nothing was published"
            raise RunError(Fault("no worker is left on the cluster", address, fix))
    return [results[future] for future in futures]


def _result(address: str, future: "Future[Any]") -> Any:
    from distributed import KilledWorker

    if future.status == "error":
        error = future.exception(timeout=PATIENCE)
        if not isinstance(error, KilledWorker):
            raise error
        what = "one task ended several worker processes, as when memory runs out"
        fix = "give workers more memory (--memory-limit), or start fewer on a machine; nothing was published"
        raise RunError(Fault(what, address, fix))
    try:
        return future.result(timeout=LONELY)
    except (CancelledError, OSError) as lost:
        raise _lost(address, lost) from None


def _lost(address: str, error: Exception | None = None) -> RunError:
    told = "" if error is None else f" ({type(error).__name__})"
    fix = "see that scheduler and network are up, then run again; nothing was published"
    return RunError(Fault(f"the Dask scheduler went away{told}", address, fix))
