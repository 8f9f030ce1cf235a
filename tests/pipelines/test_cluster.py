"""A real scheduler and workers in processes of their own: the tables are those of one process, whatever dies."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from forecast.errors import ConfigError, RunError
from forecast.issue import issue
from forecast.look import in_turn
from pipelines import api, cluster, config, engine, inputs, runs
from pipelines.cli import app
from pipelines.runs import Watch

KEY = "a key that nobody else may ever see 4711"

MODELS = """\
horizon: 3
language: en
forecaster:
  models:
    - {kind: tsb}
    - {kind: theta}
    - {kind: lightgbm, trees: 5, least_rows: 50, least_in_leaf: 5}
  calibrate: {past_origins: 3}
sources:
  - paths: [orders-*.csv]
    columns: {request_id: id, received_at: opened, area: community, category: topic, caller: phone}
"""


def city(folder: Path, address: str | None) -> Path:
    """Three files of orders and a config that reads them, here or on a cluster."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    for number in range(3):
        days = pd.date_range(f"202{number}-01-01", f"202{number}-12-28").to_numpy()
        rows = {
            "id": [f"W{number}{row:04d}" for row in range(250)],
            "opened": pd.Series(rng.choice(days, 250)).dt.strftime("%Y-%m-%d"),
            "community": rng.choice(["east", "west", "south"], 250),
            "topic": rng.choice(["heat", "noise"], 250),
            "phone": rng.integers(13_000_000_000, 13_000_000_040, 250),
        }
        pd.DataFrame(rows).to_csv(folder / f"orders-{number}.csv", index=False)
    where = f"engine: {{kind: dask, address: '{address}'}}\n" if address else ""
    (folder / "weisu.yaml").write_text(MODELS + where, encoding="utf-8")
    return folder / "weisu.yaml"


@dataclass
class Cluster:
    """A scheduler and its workers, by process."""

    folder: Path
    root: Path
    address: str = ""
    scheduler: "subprocess.Popen[bytes] | None" = None
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def start(self, what: str, *words: str, root: Path | None = None) -> "subprocess.Popen[bytes]":
        """One process of Dask that works with the code under `root`."""
        env = os.environ | {"PYTHONPATH": str(root or self.root), "WEISU_CALLER_KEY": KEY, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *words]
        with (self.folder / f"{what}-{len(self.workers)}.log").open("ab") as log:
            return subprocess.Popen(command, env=env, cwd=self.folder, stdout=log, stderr=log)

    def add(self, threads: int = 1, root: Path | None = None) -> "subprocess.Popen[bytes]":
        """One worker more."""
        more = ["--nthreads", str(threads), "--no-nanny", "--local-directory", str(self.folder)]
        self.workers.append(self.start("worker", self.address, *more, root=root))
        return self.workers[-1]

    def count(self) -> int:
        """Workers the scheduler knows; -1 while it does not answer."""
        with suppress(RunError), cluster._connected(self.address) as client:
            return len(client.scheduler_info(n_workers=-1)["workers"])
        return -1

    def stop(self) -> None:
        """End all that runs."""
        for process in (*self.workers, *([self.scheduler] if self.scheduler else [])):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two workers."""
    found = Cluster(tmp_path_factory.mktemp("dask"), root)
    said = found.folder / "scheduler.json"
    try:
        words = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(said))
        found.scheduler = found.start("scheduler", *words)
        until(said.exists)
        found.address = "tcp://" + said.read_text(encoding="utf-8").split("tcp://")[1].split('"')[0]
        for _ in range(2):
            found.add()
        until(lambda: found.count() == 2)
        yield found
    finally:
        found.stop()


def until(true: Callable[[], bool]) -> None:
    """Wait for something outside."""
    last = time.monotonic() + 120
    while not true():
        assert time.monotonic() < last
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key the workers have; and time for a machine that does much else."""
    monkeypatch.setenv("WEISU_CALLER_KEY", KEY)
    monkeypatch.setattr(cluster, "PATIENCE", 20.0)


def stored(folder: Path) -> dict[str, str]:
    """Every file of the store and what it holds."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def issued(loaded: api.Loaded, progress: Callable[[int, int], None]) -> dict[str, pd.DataFrame]:
    basis = inputs.basis(loaded.config, loaded.history, 3)
    made = issue(basis, loaded.origin, progress, mapper=engine.mapper(loaded.config, runs.stamp))
    return {name: getattr(made, name) for name in ("forecasts", "calibration", "scores")}


def same(these: dict[str, pd.DataFrame], those: dict[str, pd.DataFrame]) -> None:
    for name, table in these.items():
        assert len(table)
        pd.testing.assert_frame_equal(table, those[name], check_exact=True)


@pytest.mark.slow
def test_a_cluster_gives_the_tables_of_one_process_even_when_a_worker_dies(dask: Cluster, tmp_path: Path) -> None:
    here, there = api.load(city(tmp_path / "here", None)), api.load(city(tmp_path / "there", dask.address))
    alone = config.load(city(tmp_path / "two", None))
    with (tmp_path / "log").open("w") as log:
        inputs.read(alone, None, runs.Run(alone.root, Watch(), log), jobs=2)
    taken_in = [stored(tmp_path / name / "data/store") for name in ("here", "there", "two")]
    assert len(taken_in[0]) >= 6
    assert taken_in[0] == taken_in[1] == taken_in[2]
    assert here.history.digest == there.history.digest
    assert here.config.digest == there.config.digest
    expected, told = issued(here, lambda done, total: None), list[tuple[int, int]]()

    def kill(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            dask.workers[0].kill()

    same(issued(there, kill), expected)
    assert told == [(n, told[0][1]) for n in range(1, told[0][1] + 1)]
    assert dask.workers[0].wait() < 0
    plain = {"models": [{"kind": "tsb"}], "calibrate": {"past_origins": 2}}
    parts = [vars(api.backtest(one, origins=2, horizon=2, forecaster=plain)) for one in (here, there)]
    same(parts[0], parts[1])
    assert not list((tmp_path / "there/data/store").glob(".shared-*"))
    assert not list((tmp_path / "there/data/store").glob(".probe-*"))


@pytest.mark.slow
def test_workers_that_would_give_other_tables_are_refused(
    dask: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(folder: Path) -> None:
        cluster.mapped(dask.address, folder, runs.stamp, pow, 2, [3], lambda done, total: None)

    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="does not share the store"):
        run(Path("/proc/self/cwd/store"))
    monkeypatch.setenv("WEISU_CALLER_KEY", f"another {KEY}")
    with pytest.raises(RunError, match="does not have the same key"):
        api.load(city(tmp_path / "city", dask.address))

    for name in ("forecast", "pipelines", "reports", "configs"):
        shutil.copytree(dask.root / name, tmp_path / "old" / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "old/forecast/months.py").open("a", encoding="utf-8") as file:
        file.write("# older\n")
    known = dask.count()
    old, wide = dask.add(root=tmp_path / "old"), dask.add(threads=2)
    until(lambda: dask.count() == known + 2)
    with pytest.raises(RunError, match="--nthreads 1"):
        run(tmp_path)
    wide.kill()
    until(lambda: dask.count() == known + 1)
    with pytest.raises(RunError, match=r"is of another version \(code \w{12} there, \w{12} here\)") as caught:
        run(tmp_path)
    assert len(str(caught.value).splitlines()) == 1
    old.kill()
    until(lambda: dask.count() == known)
    run(tmp_path)


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_job_in_one_line(
    dask: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = city(tmp_path, dask.address)
    scheduler = dask.scheduler
    assert scheduler is not None

    def kill(watch: Watch, done: int, total: int) -> None:
        if total > 3:
            scheduler.kill()

    monkeypatch.setattr(Watch, "step", kill)
    result = CliRunner().invoke(app, ["monthly", str(told), "--as-of", "2022-11", "--quiet"])
    assert result.exit_code == 1
    assert "the Dask scheduler went away" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not [path for path in (tmp_path / "runs").iterdir() if path.name != ".lock"]

    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    started = time.monotonic()
    again = CliRunner().invoke(app, ["monthly", str(told), "--as-of", "2022-11", "--quiet"])
    assert time.monotonic() - started < 15
    assert again.exit_code == 1
    assert again.stderr.splitlines() == [
        line for line in again.stderr.splitlines() if "no Dask scheduler ans" in line
    ]


def test_the_key_of_the_caller_hash_stays_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def record(address: str, folder: Path, stamp: Any, function: Any, shared: Any, tasks: Any, done: Any) -> Any:
        sent.append(cloudpickle.dumps((function, shared, tasks)))
        return in_turn(function, shared, tasks, done)

    monkeypatch.setattr(cluster, "mapped", record)
    api.load(city(tmp_path, "tcp://nowhere:1"))
    assert len(sent) == 1
    assert b"orders-1.csv" in sent[0]
    assert KEY.encode() not in sent[0]
    assert hashlib.sha256(KEY.encode()).digest() not in sent[0]
    assert hashlib.sha256(KEY.encode()).hexdigest().encode() not in sent[0]


def test_without_the_package_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r'pip install "weisu\[cluster\]"') as caught:
        api.load(city(tmp_path, "tcp://127.0.0.1:1"))
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    "told", ["{kind: dask}", "{address: 'tcp://a:1'}", "{kind: dask, address: here}", "{kind: spark}"]
)
def test_an_engine_that_cannot_be_is_refused_with_the_config(tmp_path: Path, told: str) -> None:
    path = city(tmp_path, None)
    path.write_text(f"{MODELS}engine: {told}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="engine"):
        config.load(path)
