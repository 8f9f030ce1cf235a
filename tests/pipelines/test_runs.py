"""Runs: one at a time, visible at once and whole, never overwritten."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forecast.errors import ConfigError, RunError
from pipelines.runs import Identity, Watch, code_digest, listed, locked, opened, publish, shown

HOLD = """
import sys, time
from pathlib import Path
from pipelines.runs import locked
with locked(Path(sys.argv[1]), "monthly"):
    print("held", flush=True)
    time.sleep(60)
"""


def identity(inputs: str = "a") -> Identity:
    return Identity("monthly", "2022-10", "c", inputs)


NAME = f"2022-10-{identity().run_id}"


def make(folder: Path, inputs: str = "a") -> Path:
    with locked(folder, "monthly"), opened(folder, Watch()) as run:
        with run.stage("plan") as counts:
            counts["tasks"] = 3
        run.warn("careful")
        run.put("reports/x.csv", b"1")
        return publish(run, folder, identity(inputs), {"origin": "2022-10"})


def test_a_run_is_published_whole(tmp_path: Path) -> None:
    target = make(tmp_path)
    manifest = json.loads((target / "run.json").read_text())
    assert manifest["counts"] == {"plan": {"tasks": 3}}
    assert manifest["warnings"] == ["careful"]
    assert [json.loads(line)["event"] for line in (target / "log.jsonl").read_text().splitlines()] == [
        "stage",
        "warning",
    ]
    assert (tmp_path / "latest").resolve() == target
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", NAME, "audit.head", "audit.jsonl", "latest"]


def test_a_second_run_of_the_same_name_keeps_the_first(tmp_path: Path) -> None:
    assert [make(tmp_path).name for _ in range(3)] == [NAME, f"{NAME}-2", f"{NAME}-3"]
    assert len(listed(tmp_path)) == 3


def test_a_broken_run_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> None:
        with locked(tmp_path, "monthly"), opened(tmp_path, Watch()) as run:
            run.put("reports/x.csv", b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_killed_run_leaves_nothing_published_and_the_next_one_succeeds(tmp_path: Path, root: Path) -> None:
    code = HOLD.replace("print(", "(Path(sys.argv[1]) / '.draft-1').mkdir(); print(")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, cwd=root) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(RunError, match=rf"monthly, \w+, process {holder.pid}"), locked(tmp_path, "monthly"):
            pass
        holder.kill()
    assert make(tmp_path).is_dir()
    assert not list(tmp_path.glob(".draft*"))


def test_runs_are_found_by_the_beginning_of_their_name(tmp_path: Path) -> None:
    make(tmp_path, "a")
    other = make(tmp_path, "b")
    assert shown(tmp_path, other.name)["run_dir"] == str(other)
    for words in (other.name[:-1], identity("b").run_id, "latest"):
        assert shown(tmp_path, words)["run_dir"] == str(other)
    with pytest.raises(ConfigError, match="2 runs begin"):
        shown(tmp_path, "2022-10")
    with pytest.raises(ConfigError, match="no run begins"):
        shown(tmp_path, "2021")


def test_no_write_permission_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot write"), locked(tmp_path / "file" / "runs", "monthly"):
        pass


def test_the_name_of_a_run_follows_from_its_parts() -> None:
    assert identity("a").run_id == identity("a").run_id != identity("b").run_id
    assert code_digest() != code_digest("forecast/panel.py")


def test_stages_are_timed(tmp_path: Path) -> None:
    with locked(tmp_path, "monthly"), opened(tmp_path, Watch()) as run:
        with run.stage("slow"):
            time.sleep(0.02)
        assert run.seconds["slow"] >= 0.02
