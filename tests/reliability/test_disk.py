"""Killed, out of space or refused at a call to the disk: nothing half-done is seen, and the next job succeeds."""

import random
from pathlib import Path

import pytest

from tests.reliability.faults import KINDS
from tests.reliability.jobs import NOT_OURS, Fault, attempt, recovered

POINTS = 6
"""Calls a kind of fault is tried at here; `make bench-reliability` tries every one."""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many calls to the disk the machinery makes."""
    undisturbed = attempt("machinery", tmp_path_factory.mktemp("calls") / "m")
    assert undisturbed.code == 0, undisturbed.said
    return len(undisturbed.calls)


def tried(folder: Path, fault: Fault) -> list[str]:
    """What is wrong after one attempt with a fault and one without."""
    folder.mkdir()
    ended = attempt("machinery", folder, fault)
    wrong = [ended.said] if ended.code == NOT_OURS else []
    return wrong + recovered(folder, "machinery", "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_any_call_loses_nothing(tmp_path: Path, calls: int, kind: str) -> None:
    chosen = sorted(random.Random(kind).sample(range(1, calls + 1), POINTS))
    for at in chosen:
        assert tried(tmp_path / f"{at}", Fault(kind, at)) == [], f"{kind} at call {at} of {calls}"
