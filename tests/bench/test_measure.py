"""What a command cost, and where it is written."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import measure

TAKES = "import time; held = b'x' * (300 << 20); time.sleep(0.7)"
SPINS = "import time\nwhile time.process_time() < 0.5: pass"
BOTH = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {TAKES!r}])\n{SPINS}"


def test_cost_counts_children_and_waiting_apart() -> None:
    found = measure.cost([sys.executable, "-c", BOTH])
    assert 300 < found.peak / 2**20 < 450
    assert 0.5 <= found.processor < 3
    assert found.clock > found.processor


def test_a_command_that_fails_has_no_cost() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure.cost([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_part_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("words\n<!-- real -->\nold\n<!-- end of real -->\nmore\n")
    measure.write(page, "real", "new\n")
    assert page.read_text() == "words\n<!-- real -->\nnew\n<!-- end of real -->\nmore\n"
    with pytest.raises(ValueError, match="no marks"):
        measure.write(page, "speed", "x")
