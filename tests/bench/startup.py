"""`python -m tests.bench.startup`: how long a command takes before it has anything to do -> docs/performance.md."""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import measure
from tests.bench.measure import Cost
from tests.bench.page import table
from tests.conftest import ROOT

PAGE = ROOT / "docs/performance.md"
TIMES = 3


def asked(*words: str | Path) -> Cost:
    """What one command cost."""
    return measure.cost([sys.executable, "-m", "pipelines", *words])


def costs(config: Path, first: Path) -> Iterator[tuple[str, list[Cost]]]:
    """(command, what it cost each time); `first` has taken nothing in yet, `config` everything."""
    yield "`weisu --help`", [asked("--help") for _ in range(TIMES)]
    yield "`weisu check`, New York, nothing taken in yet", [asked("check", first)]
    asked("check", config)
    yield "`weisu check`, New York, again", [asked("check", config) for _ in range(TIMES)]


def main() -> None:
    nyc = ROOT / "configs/nyc.yaml"
    with TemporaryDirectory() as folder:
        fresh = Path(folder) / "fresh.yaml"
        text = nyc.read_text(encoding="utf-8").replace("workspace: ..", f"workspace: {ROOT}", 1)
        fresh.write_text(f"{text}\nstore: {folder}/store\n", encoding="utf-8")
        rows = [
            [name, f"{min(cost.clock for cost in spent):.1f}", f"{min(cost.processor for cost in spent):.1f}",
             f"{max(cost.gigabytes for cost in spent):.2f}"]
            for name, spent in costs(nyc, fresh)
        ]  # fmt: skip
    head = ["command (the quickest of three, but the first check)", "s", "processor s", "peak GB"]
    measure.write(PAGE, "startup", f"{measure.machine()}.\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
