"""A small city and three jobs on it, each in a process of its own that can be killed -> how it ended.

A server holds everything imported and forks a process for each attempt. Reports are stand-ins: the drawing of pages
costs most of a job and touches no disk; the files are written as in a run.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.errors import WeisuError
from tests.reliability.faults import Layer, install

AS_OF = pd.Timestamp("2021-03-01").as_unit("us")
TODAY = pd.Timestamp("2021-04-10").as_unit("us")
JOBS = ("monthly", "plan", "feedback")
STAGES = {
    "monthly": ("intake", "panel", "live", "forecast", "risk", "patterns", "rates", "plan", "reports"),
    "plan": ("read", "plan", "reports"),
}
WEISU, NOT_OURS = 1, 70
"""How an attempt ends that meets an error: one with a clear line, any other."""

CONFIG = """\
city: 示例
horizon: 3
sources:
  - paths: [orders.csv]
    columns: {request_id: id, received_at: opened, area: community, category: topic}
forecaster:
  models: [{kind: climatology}]
  calibrate: {past_origins: 2}
"""


@dataclass(frozen=True)
class Fault:
    """kind of tests.reliability.faults at call `at`; or "stage": killed `after` seconds into the stage `stage`."""

    kind: str = ""
    at: int = 0
    stage: str = ""
    after: float = 0.0


@dataclass(frozen=True)
class Ended:
    """code: 0, WEISU, NOT_OURS, or minus the signal. calls: what the layer saw, when the attempt lived to tell."""

    code: int
    said: str
    calls: list[list[str]]


def write_city(folder: Path, seed: int = 0) -> Path:
    """Config of a city of three communities and 15 months of orders."""
    from tests.end_to_end.conftest import orders

    folder.mkdir(parents=True, exist_ok=True)
    orders(300, 15, seed).to_csv(folder / "orders.csv", index=False)
    (folder / "weisu.yaml").write_text(CONFIG, encoding="utf-8")
    return folder / "weisu.yaml"


def write_returned(folder: Path) -> Path:
    """The list as streets send it back: some tasks begun, some declined, notes with odd signs."""
    plan = pd.read_parquet(folder / "runs/latest/workplan.parquet").head(6)
    odd = ["量大\u2028分两次", "已派单", "甲\x85乙", "", "", ""][: len(plan)]
    status = ["不采纳", "进行中", "不采纳", "进行中", "", ""][: len(plan)]
    listed = pd.DataFrame({"任务编号": plan["task_id"], "状态": status, "不采纳或更正的原因": odd})
    path = folder / "returned.csv"
    listed.to_csv(path, index=False)
    return path


def rendered(material: Any, share: Any = None) -> Iterator[tuple[str, bytes]]:
    """Stand-ins for the reports: text, a page larger than a buffer, one in a folder."""
    yield "workplan.csv", material.workplan.to_csv(index=False).encode()
    yield "report.html", b"<html>" + b"x" * 200_000
    yield "streets/\u4e1c.xlsx", b"PK" + b"y" * 20_000


def work(job: str, folder: Path, watch: Any) -> None:
    """Run one of JOBS in a city."""
    from pipelines import config, feedback, monthly, planning, replan

    planning.reports.render_all = rendered
    if job == "monthly":
        monthly.run(config.load(folder / "weisu.yaml"), AS_OF, None, watch)
    elif job == "plan":
        replan.run(_monthly_run(folder), None, watch)
    elif job == "feedback":
        feedback.run(config.load(folder / "weisu.yaml"), [folder / "returned.csv"], TODAY)
    else:
        machinery(folder, watch)


def _monthly_run(folder: Path) -> Path:
    from pipelines import runs

    return next(Path(m["run_dir"]) for m in runs.listed(folder / "runs") if m["job"] == "monthly")


def machinery(folder: Path, watch: Any) -> None:
    """Everything a job does with the disk, and no more: an entry of the store, tables, reports, the log, a run."""
    from pipelines import runs, store

    table = pd.DataFrame({"n": range(1000), "text": ["x" * 20] * 1000})
    with runs.at_work(folder / "runs", "machinery", watch) as job:
        shelf = store.Store(folder / "store")
        with runs.locked(shelf.folder, "intake"):
            shelf.sweep()
            if shelf.find("entry") is None:
                with shelf.writer("entry") as writer:
                    writer.add(requests=table)
                    writer.add(requests=table)
                    writer.finish({"rows": 2000})
        entry = shelf.find("entry")
        assert entry is not None
        with job.stage("plan") as counts:
            counts["rows"] = sum(len(store.read(Path(part))) for part in entry.part("requests"))
            job.save(workplan=table, panel=table)
        job.put("report.html", b"x" * 100_000)
        job.put("streets/a.xlsx", b"y")
        runs.publish(job, folder / "runs", runs.Identity("machinery", "2021-03", "c", "i"), {"origin": "2021-03"})
    store.put(folder / "data/ledger/tasks.csv", b"a,b\n")
    store.replace(table, folder / "data/ledger/tasks.parquet")


def attempt(job: str, folder: Path, fault: Fault | None = None, limit: float = 900.0, kill_at: float = 0) -> Ended:
    """One of JOBS (or "machinery") in a process of its own, with a fault; killed `kill_at` seconds after it began."""
    said = folder.parent / f"{folder.name}.said"
    said.write_text("", encoding="utf-8")
    process = _server().Process(target=_attempt, args=(job, str(folder), fault or Fault(), str(said)))
    process.start()
    if kill_at:
        process.join(kill_at)
        if process.is_alive():
            process.kill()
    process.join(limit)
    if process.is_alive():
        process.kill()
        raise TimeoutError(f"{job} hangs with {fault}")
    text = said.read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text) if text else {"said": "", "calls": []}
    assert process.exitcode is not None
    return Ended(process.exitcode, told["said"], told["calls"])


def _server() -> Any:
    """Forks from a process that has run each job once, so that nothing is left to import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.reliability.warm"])
    here = str(Path(__file__).resolve().parents[2])
    if here not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return context


def _attempt(job: str, folder: str, fault: Fault, said: str) -> None:
    report = os.open(said, os.O_WRONLY)
    layer = Layer(Path(folder), "" if fault.kind == "stage" else fault.kind, fault.at)
    install(layer)
    code, words = 0, ""
    try:
        work(job, Path(folder), _watch(fault))
    except WeisuError as error:
        code, words = WEISU, str(error)
    except BaseException:
        code, words = NOT_OURS, traceback.format_exc()
    calls = [[call.name, call.path, call.to] for call in layer.calls]
    os.write(report, json.dumps({"said": words, "calls": calls}).encode())
    sys.stdout.flush()
    os._exit(code)


def _watch(fault: Fault) -> Any:
    from pipelines.runs import Watch

    class Killer(Watch):
        def stage(self, name: str) -> None:
            if fault.kind == "stage" and name == fault.stage:
                threading.Thread(target=self.strike, daemon=True).start()

        def strike(self) -> None:
            time.sleep(fault.after)
            os.kill(os.getpid(), signal.SIGKILL)

    return Killer()


def prepared(folder: Path) -> Path:
    """A city with a published plan and a returned list: what every attempt starts from, copied."""
    write_city(folder)
    ended = attempt("monthly", folder)
    assert ended.code == 0, ended.said
    write_returned(folder)
    return folder


def copied(source: Path, target: Path, job: str) -> Path:
    """A fresh city to work in; for `monthly` without the run that is there."""
    with suppress(FileNotFoundError):
        shutil.rmtree(target)
    shutil.copytree(source, target, symlinks=True)
    if job == "monthly":
        shutil.rmtree(target / "runs")
        shutil.rmtree(target / "data")
    return target


def result(folder: Path, job: str) -> str:
    """sha256 over the tables of the last run of a job, or over the book and the tasks."""
    from pipelines import book, config, runs, store

    digest = hashlib.sha256()
    if job == "feedback":
        returns = book.returns(config.load(folder / "weisu.yaml"))
        told = returns.assign(file=[Path(file).name for file in returns["file"]])  # folders of attempts differ
        digest.update(told.to_csv(index=False).encode())
        digest.update(store.read(folder / "data/ledger/tasks.parquet").to_csv(index=False).encode())
        digest.update((folder / "data/ledger/tasks.csv").read_bytes())
        return digest.hexdigest()
    last = Path([m for m in runs.listed(folder / "runs") if m["job"] == job][-1]["run_dir"])
    for path in sorted(last.rglob("*.parquet")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def unsound(folder: Path, settled: bool = True) -> list[str]:
    """What a reader could stumble over: half a run in sight, a pointer to nothing, a log that does not hold.

    settled: a job has ended well since; before that, drafts and a line that is not yet taken back are allowed.
    """
    from pipelines import audit, runs

    home = folder / "runs"
    found = []
    for run in sorted(home.glob("[!.]*/")):
        told = {line.get("run"): line.get("outputs") for line in audit.lines(home)}
        if run.is_symlink():
            continue
        if told.get(run.name) != audit.digests(run):
            found.append(f"{run.name} is not what the log says")
    latest = home / "latest"
    if latest.is_symlink() and not (latest / runs.MANIFEST).is_file():
        found.append("latest points to nothing")
    if settled:
        found += [f"left: {path.name}" for path in home.glob(".*") if path.name not in (".lock", ".turn")]
        found += [f"left: {path.name}" for path in (folder / "data").glob("*/.*.*")]
        found += [f"{breach.kind} {breach.where}" for breach in audit.verify(home)]
        newest = [Path(m["run_dir"]) for m in runs.listed(home)][-1:]
        if [latest.resolve()] != [path.resolve() for path in newest]:
            found.append("latest is not the newest run")
    return found


def recovered(folder: Path, job: str, wanted: str) -> list[str]:
    """What is wrong after a fault: in sight at once, in the next attempt, in what it gives."""
    found = unsound(folder, settled=False)
    again = attempt(job, folder)
    if again.code != 0:
        return [*found, f"the next {job} fails: {again.said[-300:]}"]
    if job != "machinery" and result(folder, job) != wanted:
        found.append("other tables than undisturbed")
    return found + unsound(folder)
