"""A long file shared out among processes makes the entry that one process makes; its faults are told alike."""

import hashlib
from pathlib import Path

import pytest

from forecast.errors import DataError
from pipelines import config, inputs, intake, readers
from pipelines.runs import Run, Watch
from tests.end_to_end.conftest import ORDERS, orders


def entry(folder: Path, jobs: int, log: Path) -> dict[str, str]:
    """Name -> sha256 of all that the store keeps of the one file."""
    chosen = config.load(folder / "weisu.yaml")
    settings = chosen.settings.model_copy(update={"store": f"store{jobs}"})
    chosen = chosen.model_copy(update={"settings": settings})
    with log.open("w") as file:
        inputs.read(chosen, None, Run(folder, Watch(), file), jobs=jobs)
    kept = (folder / f"store{jobs}").glob("[!.]*/*")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of one file that counts as long and is read in many blocks."""
    monkeypatch.setattr(intake, "LONG", 1)
    monkeypatch.setattr(readers, "BLOCK", 4096)
    frame = orders(600)
    frame.loc[[3, 300, 599], "opened"] = "no day"
    frame.loc[[7, 400], "topic"] = "two\nlines"
    frame.to_csv(folder / "orders.csv", index=False)
    (folder / "weisu.yaml").write_text(ORDERS, encoding="utf-8")
    return folder


def test_two_processes_make_the_bytes_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = long(tmp_path, monkeypatch)
    one, two = (entry(folder, jobs, tmp_path / "log") for jobs in (1, 2))
    assert sum(name.startswith("requests-") for name in one) > 3
    assert one == two
    assert [path.name for path in (folder / "store2").iterdir() if path.name.startswith(".")] == [".lock"]


def test_a_fault_far_behind_is_told_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = long(tmp_path, monkeypatch)
    with (folder / "orders.csv").open("a") as file:
        file.write('r9,"2021-01-01,never closed\n' + "r,2021-01-01,a,b\n" * 3000)
    for jobs in (1, 2):
        with pytest.raises(DataError, match="never closed"):
            entry(folder, jobs, tmp_path / "log")
        assert [path.name for path in (folder / f"store{jobs}").iterdir()] == [".lock"]
