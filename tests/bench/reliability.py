"""`python -m tests.bench.reliability [--parts ...]`: faults, kills, hostile files by the thousand -> what was lost.

The same seeds give the same files. Parts: calls (every kind of fault at every call to the disk), kills (50 moments of
the three jobs), jobs (faults within the three jobs), files (generated files). Every seed is printed with what went
wrong; the exit code is 1 then.
"""

import argparse
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forecast.errors import WeisuError
from tests.reliability.faults import KINDS
from tests.reliability.hostile import BYTES, MAKERS, SECONDS, made, read
from tests.reliability.jobs import JOBS, NOT_OURS, STAGES, Fault, attempt, copied, prepared, recovered, result

KILLS = {"monthly": 24, "plan": 14, "feedback": 12}
CASES = {"text": 40_000, "yaml": 40_000, "parquet": 16_000, "xlsx": 3_000, "xls": 1_000}
"""Files of each kind; 100,000 in all."""

Wrong = list[str]


def say(line: str) -> None:
    """A line, at once."""
    print(line, flush=True)  # noqa: T201


def calls(folder: Path, workers: int) -> Wrong:
    """Each kind of fault at each call of the machinery of a job."""
    (folder / "base").mkdir()
    number = len(attempt("machinery", folder / "base").calls)
    todo = [Fault(kind, at) for kind in KINDS for at in range(1, number + 1)]

    def one(fault: Fault) -> Wrong:
        home = folder / f"{fault.kind}{fault.at}"
        home.mkdir()
        ended = attempt("machinery", home, fault)
        lost = [ended.said] if ended.code == NOT_OURS else []
        return [f"{fault}: {what}" for what in lost + recovered(home, "machinery", "")]

    return _told("calls", todo, one, workers)


def undisturbed(folder: Path) -> tuple[Path, dict[str, str], dict[str, tuple[float, int]]]:
    """A city, what each job gives there, and how many seconds and calls it takes."""
    city = prepared(folder / "city")
    wanted, cost = {}, {}
    for job in JOBS:
        home = copied(city, folder / f"plain-{job}", job)
        started = time.monotonic()
        ended = attempt(job, home)
        assert ended.code == 0, ended.said
        wanted[job] = result(home, job)
        cost[job] = (time.monotonic() - started, len(ended.calls))
    return city, wanted, cost


def kills(folder: Path, workers: int) -> Wrong:
    """SIGKILL at seeded moments: by time, by stage, by call."""
    city, wanted, cost = undisturbed(folder)
    chance = random.Random(20)
    todo: list[tuple[int, str, Fault, float]] = []
    for job, count in KILLS.items():
        seconds, number = cost[job]
        for n in range(count):
            way = ("time", "stage", "call")[n % 3] if job in STAGES else ("time", "call")[n % 2]
            if way == "time":
                todo.append((len(todo), job, Fault(), chance.uniform(0.02, 1.0) * seconds))
            elif way == "stage":
                stage = STAGES[job][n // 3 % len(STAGES[job])]
                todo.append((len(todo), job, Fault("stage", stage=stage, after=chance.uniform(0, 0.3)), 0))
            else:
                todo.append((len(todo), job, Fault("kill", chance.randint(1, number)), 0))

    def one(item: tuple[int, str, Fault, float]) -> Wrong:
        n, job, fault, moment = item
        home = copied(city, folder / f"kill{n}", job)
        ended = attempt(job, home, fault, kill_at=moment)
        lost = [f"ended with {ended.code}: {ended.said}"] if ended.code not in (0, -signal.SIGKILL) else []
        say(f"  {job} {fault} {moment:.2f} s: {'killed' if ended.code else 'ended before'}")
        return [f"{item}: {what}" for what in lost + recovered(home, job, wanted[job])]

    return _told("kills", todo, one, workers)


def jobs(folder: Path, workers: int) -> Wrong:
    """Each kind of fault at seeded calls of each job."""
    city, wanted, cost = undisturbed(folder)
    chance = random.Random(21)
    ways = [(job, kind, chance.sample(range(1, cost[job][1] + 1), 4)) for job in JOBS for kind in KINDS]
    todo = [(job, Fault(kind, at)) for job, kind, places in ways for at in places]

    def one(item: tuple[str, Fault]) -> Wrong:
        job, fault = item
        home = copied(city, folder / f"{job}-{fault.kind}{fault.at}", job)
        ended = attempt(job, home, fault)
        lost = [ended.said] if ended.code == NOT_OURS else []
        return [f"{item}: {what}" for what in lost + recovered(home, job, wanted[job])]

    return _told("jobs", todo, one, workers)


def files(folder: Path, workers: int, kinds: list[str], share: float = 1.0, start: int = 0) -> Wrong:
    """Generated files, each kind in blocks, each block in a process of its own with bounded memory."""
    block = 200
    todo = [
        (kind, seed, min(block, int(CASES[kind] * share) - seed))
        for kind in kinds
        for seed in range(0, int(CASES[kind] * share), block)
    ]

    def one(item: tuple[str, int, int]) -> Wrong:
        kind, first, count = item
        found = list(_block(folder, kind, start + first, count))
        say(f"  {kind} {start + first} to {start + first + count - 1}: {len(found)} wrong")
        return found

    return _told("files", todo, one, workers, sum(count for *_, count in todo))


def _block(folder: Path, kind: str, first: int, count: int) -> Iterator[str]:
    """What is wrong with a block of files: any error but ours, a hang, a process that dies."""
    note = folder / f"{kind}{first}.txt"
    process = os.fork()
    if not process:
        _read_all(folder / f"{kind}{first}", note, kind, first, count)
    _, status = os.waitpid(process, 0)
    told = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
    yield from (line for line in told if not line.startswith("at "))
    if status:
        yield f"{kind}: process ended with status {status}, last {told[-1:]}"


def _read_all(home: Path, note: Path, kind: str, first: int, count: int) -> None:
    import warnings

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    home.mkdir()
    with note.open("w", encoding="utf-8") as out:
        for seed in range(first, first + count):
            name, content = made(kind, seed)
            path = home / name
            path.write_bytes(content)
            out.write(f"at {seed}\n")
            out.flush()
            started = time.process_time()
            signal.alarm(int(15 * SECONDS))
            try:
                read(path)
            except WeisuError:
                pass
            except BaseException as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                out.write(f"{kind} {seed}: {type(error).__name__} {str(error)[:100]!r} in {where.filename}\n")
            signal.alarm(0)
            if (spent := time.process_time() - started) > SECONDS:
                out.write(f"{kind} {seed}: took {spent:.0f} s of the processor\n")
    os._exit(0)


def _told(name: str, todo: list[Any], one: Any, workers: int, cases: int = 0) -> Wrong:
    started = time.monotonic()

    def tried(item: Any) -> Wrong:
        try:
            found: Wrong = one(item)
        except TimeoutError as error:
            found = [f"{item}: {error}"]
        for what in found:
            say(f"WRONG {what}")
        return found

    with ThreadPoolExecutor(workers) as pool:
        wrong = [what for found in pool.map(tried, todo) for what in found]
    say(f"{name}: {cases or len(todo)} cases, {len(wrong)} wrong, {time.monotonic() - started:.0f} s")
    return wrong


def main() -> None:
    """Parse and run."""
    words = argparse.ArgumentParser()
    words.add_argument("--parts", default="calls,kills,jobs,files")
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--share", type=float, default=1.0, help="of the 100,000 files")
    words.add_argument("--start", type=int, default=0, help="first seed of the files")
    words.add_argument("--kinds", nargs="+", choices=CASES, default=list(CASES), help="of the files")
    given = words.parse_args()
    ways = {"calls": calls, "kills": kills, "jobs": jobs}
    wrong: Wrong = []
    for part in given.parts.split(","):
        with TemporaryDirectory(prefix="weisu-") as folder:
            if part == "files":
                wrong += files(Path(folder), given.workers, given.kinds, given.share, given.start)
            else:
                wrong += ways[part](Path(folder), given.workers)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    assert MAKERS.keys() == CASES.keys()
    main()
