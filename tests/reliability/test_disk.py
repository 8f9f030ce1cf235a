"""Killed, out of space or refused at a call to the disk: nothing half-done is seen, and the next job succeeds."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import THOROUGH
from tests.programs import need
from tests.reliability.faults import KINDS
from tests.reliability.jobs import NOT_OURS, Fault, attempt, recovered

POINTS = 6 if THOROUGH else 2
"""Calls a kind of fault is tried at here; `make bench-reliability` tries every one."""


Calls = list[list[str]]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """(name, path, target) of the calls to the disk the machinery makes."""
    undisturbed = attempt("machinery", tmp_path_factory.mktemp("calls") / "m")
    assert undisturbed.code == 0, undisturbed.said
    return undisturbed.calls


def tried(folder: Path, fault: Fault) -> list[str]:
    """What is wrong after one attempt with a fault and one without."""
    folder.mkdir()
    ended = attempt("machinery", folder, fault)
    wrong = [ended.said] if ended.code == NOT_OURS else []
    return wrong + recovered(folder, "machinery", "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_any_call_loses_nothing(tmp_path: Path, calls: Calls, kind: str) -> None:
    chosen = sorted(random.Random(kind).sample(range(1, len(calls) + 1), POINTS))
    for at in chosen:
        assert tried(tmp_path / f"{at}", Fault(kind, at)) == [], f"{kind} at call {at} {calls[at - 1]}"


def inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it."""
    return path == folder or path.startswith(folder + "/")


def unsafe(calls: Calls) -> list[str]:
    """Renames that a power cut could turn into a name without its content, or that it could take back.

    What is shown by a rename has to be on the disk before, each file and each folder of it, and the folder it is
    shown in after.
    """
    wrong = []
    for n, (name, path, to) in enumerate(calls):
        if name != "rename" or to.endswith("latest"):  # a link has no content; without it the newest run is found
            continue
        forced = {p: k for k, (what, p, _) in enumerate(calls[:n]) if what == "fsync"}
        for k, (what, changed, _) in enumerate(calls[:n]):
            if what in ("write", "mkdir", "open") and inside(changed, path) and forced.get(changed, -1) < k:
                wrong.append(f"{changed} is shown as {to} before it is on the disk")
        home = to.rpartition("/")[0]
        if not any(what == "fsync" and p == home for what, p, _ in calls[n:]):
            wrong.append(f"{home} is not forced after {to} was shown in it")
    return wrong


def test_content_is_on_the_disk_before_its_name(calls: Calls) -> None:
    assert [to for name, _, to in calls if name == "rename"]
    assert unsafe(calls) == []


def test_the_check_of_the_order_can_fail(calls: Calls) -> None:
    """Without any one fsync of what a rename shows, or with all of them late, it does."""
    shown = [path for name, path, _ in calls if name == "rename"]
    for n, (name, path, _) in enumerate(calls):
        if name == "fsync" and any(inside(path, draft) for draft in shown):
            assert unsafe(calls[:n] + calls[n + 1 :]), path
    assert unsafe(sorted(calls, key=lambda call: call[0] == "fsync"))


def test_a_line_of_the_log_is_on_the_disk_before_its_run_is_seen(calls: Calls) -> None:
    line = max(n for n, call in enumerate(calls) if call[:2] == ["fsync", "runs/audit.jsonl"])
    (shown,) = (n for n, call in enumerate(calls) if call[0] == "rename" and call[2].startswith("runs/2"))
    assert line < shown


def test_the_kernel_sees_the_same_order(tmp_path: Path, root: Path) -> None:
    """strace beside the layer, which Arrow's own writing goes round: every file is forced before its name."""
    strace = need("strace", "strace")
    code = (
        "import sys; from pathlib import Path; from tests.reliability.jobs import machinery; "
        "from pipelines.runs import Watch; machinery(Path(sys.argv[1]), Watch())"
    )
    told = tmp_path / "trace"
    trace = [
        strace,
        "-f",
        "-y",
        "-s",
        "0",
        "--seccomp-bpf",
        "-o",
        str(told),
        "-e",
        "trace=write,fsync,rename,renameat2",
    ]
    home = tmp_path / "home"
    done = subprocess.run(
        [*trace, sys.executable, "-c", code, str(home)], cwd=root, capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr.lower() and done.returncode:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    seen: Calls = []
    for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
        if found := re.search(r"(write|fsync)\(\d+<([^>]*)>", line):
            seen.append([found[1], found[2].removeprefix(f"{home}/"), ""])
        elif found := re.search(r'rename\w*\([^"]*"([^"]*)"[^"]*"([^"]*)"', line):
            seen.append(["rename", *(path.removeprefix(f"{home}/") for path in found.groups())])
    assert {"workplan.parquet", "run.json"} <= {Path(path).name for name, path, _ in seen if name == "write"}
    assert unsafe(seen) == []
