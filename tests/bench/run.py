"""Panels + models -> a results folder: every model at every cutoff in a process of its own, then docs/benchmarks.md.

A result that is there is not made again (`--again` makes it again), so a run can be broken off and resumed.
This process stays small: the peak memory of a child begins with that of its parent.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/bench"
RESULTS = HERE / "peers/results"
PEERS_PYTHON = HERE / "peers/.venv/bin/python"

PANELS = ("nyc", "chicago")
HORIZONS = (6, 12)
BACKS = (8, 4, 0)
"""Months each cutoff lies before the newest one that leaves `horizon` months to score."""

MODELS = ("ours", "snaive", "imapa", "tsb", "dot", "theta", "ets", "lightgbm", "ces", "prophet", "arima")
"""From quick to slow."""


def main() -> None:
    given = _options()
    panels = RESULTS / "panels"
    make_panels(panels, given.panels, given.data)
    failed = 0
    for model, panel, horizon, back in _todo(given):
        folder = RESULTS / f"{panel}-h{horizon}"
        folder.mkdir(parents=True, exist_ok=True)
        out = folder / f"{model}-{back}"
        done = out.with_suffix(".json")
        if given.again:
            done.unlink(missing_ok=True)
        if not done.exists():
            words = [model, str(panels / f"{panel}.parquet"), str(horizon), str(back), str(out)]
            say(f"{panel} h={horizon} {model} back={back}: {_run(words, given.threads, 60 * given.limit_minutes)}")
            failed += not done.exists()
    subprocess.run(
        [sys.executable, "-m", "tests.bench.page", RESULTS, ROOT / "docs/benchmarks.md"], check=True, cwd=ROOT
    )
    if failed:
        sys.exit(f"{failed} runs gave no result; the page is made from the others")


def make_panels(folder: Path, names: Iterable[str], data: Path) -> None:
    """The panels, unless they are there."""
    if not all((folder / f"{name}.parquet").exists() for name in names):
        subprocess.run([sys.executable, "-m", "tests.bench.panels", data, folder], check=True, cwd=ROOT)


def _todo(given: argparse.Namespace) -> Iterator[tuple[str, str, int, int]]:
    for horizon in given.horizons:
        for model in given.models:
            for panel in given.panels:
                for back in BACKS:
                    yield model, panel, horizon, back


def _run(words: list[str], threads: int, limit_seconds: float) -> str:
    """How it went. Past the limit the process and its workers are ended."""
    ours = [sys.executable, "-m", "tests.bench.ours"]
    command = ours if words[0] == "ours" else [str(PEERS_PYTHON), str(HERE / "peers/run.py")]
    # Idle threads sleep instead of spinning, or a busy machine would burn more than it computes.
    settings = {"THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    began = time.monotonic()
    child = subprocess.Popen(
        [*command, *words],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told = child.communicate(timeout=limit_seconds)[1]
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return f"stopped after {limit_seconds / 60:.0f} minutes"
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    if child.returncode:
        return "failed\n" + told.strip()[-2000:]
    return f"{time.monotonic() - began:.0f} s"


def _options() -> argparse.Namespace:
    def words(text: str) -> tuple[str, ...]:
        return tuple(text.split(","))

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the raw city files")
    parser.add_argument("--models", type=words, default=MODELS, help=",".join(MODELS))
    parser.add_argument("--panels", type=words, default=PANELS, help=",".join(PANELS))
    parser.add_argument("--horizons", type=lambda text: tuple(map(int, text.split(","))), default=HORIZONS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit-minutes", type=float, default=60, help="of one model at one cutoff")
    parser.add_argument("--again", action="store_true", help="make results again that are there")
    return parser.parse_args()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
