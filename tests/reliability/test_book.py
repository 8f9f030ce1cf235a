"""The book of returned lists: what once stood in it is read again, whatever signs it holds, wherever it was cut."""

import errno
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.errors import RunError
from forecast.tables import Returns, conform, empty
from pipelines import audit, book, config, store
from pipelines.config import Config
from tests.reliability.jobs import write_city


@pytest.fixture
def city(tmp_path: Path) -> Config:
    return config.load(write_city(tmp_path))


def said(task: str, note: str) -> pd.DataFrame:
    row = {"task_id": task, "status": "declined", "override_reason": note, "file": "list.csv", "row": 5}
    frame = pd.DataFrame([row], columns=list(empty(Returns).columns))
    frame["said_on"] = pd.Timestamp("2021-04-10")
    frame["done_on"] = pd.NaT
    return conform(Returns, frame)


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\u202e", "\x00"])
def test_a_sign_that_ends_a_line_elsewhere_loses_no_line(city: Config, sign: str) -> None:
    book.append(city, said("a" * 12, f"甲{sign}乙"))
    book.append(city, said("b" * 12, "丙"))
    assert book.returns(city)["task_id"].tolist() == ["a" * 12, "b" * 12]


def test_a_line_cut_at_any_byte_loses_itself_alone(city: Config) -> None:
    path = city.path(city.settings.ledger) / "returns.jsonl"
    book.append(city, said("a" * 12, "甲"))
    first = path.stat().st_size
    book.append(city, said("b" * 12, "乙乙乙"))
    whole = path.read_bytes()
    for cut in range(first, len(whole) - 1):
        path.write_bytes(whole[:cut])
        book.append(city, said("c" * 12, "丙"))
        heard = book.returns(city)["task_id"].tolist()
        assert heard in (["a" * 12, "c" * 12], ["a" * 12, "b" * 12, "c" * 12]), cut


def test_a_refused_write_leaves_no_half_line(city: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses once, in the middle of a line, and works again."""
    book.append(city, said("a" * 12, "甲"))
    path = city.path(city.settings.ledger) / "returns.jsonl"
    before = path.read_bytes()
    forced = store.os.fsync

    def refuse(handle: int) -> None:
        monkeypatch.setattr(store.os, "fsync", forced)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store.os, "fsync", refuse)
    with pytest.raises(RunError, match="cannot write"):
        book.append(city, said("b" * 12, "乙"))
    assert path.read_bytes() == before


class Stop(BaseException):
    """The machine stops here."""


def stopped(city: Config, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    """Add a line to the book and stop before or after a step, or with half of the line written."""
    step, _, when = at.partition(" ")
    append, record = store.append, audit.record

    def line(file: io.FileIO, content: bytes) -> None:
        if Path(str(file.name)).name != "returns.jsonl":
            append(file, content)
            return
        content = {"before": b"", "half": content[: len(content) // 2], "after": content}[when]
        append(file, content)
        raise Stop

    def log(folder: Path, event: str, **facts: Any) -> None:
        if event != step or when == "after":
            record(folder, event, **facts)
        if event == step:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", log)
        if step == "line":
            patch.setattr(store, "append", line)
        with pytest.raises(Stop):
            book.append(city, said("b" * 12, "乙"))


@pytest.mark.parametrize(
    ("at", "heard"),
    [("begun before", 1), ("begun after", 1), ("line before", 1), ("line half", 1), ("line after", 2),
     ("feedback before", 2), ("feedback after", 2)],
)  # fmt: skip
def test_a_job_stopped_anywhere_leaves_a_book_and_a_log_that_agree(
    city: Config, monkeypatch: pytest.MonkeyPatch, at: str, heard: int
) -> None:
    log = city.path(city.settings.runs)
    book.append(city, said("a" * 12, "甲"), inputs=[])
    stopped(city, monkeypatch, at)
    assert audit.verify(log) == []
    book.settle(city)
    assert audit.verify(log) == []
    assert len(book.returns(city)) == heard
    book.append(city, said("c" * 12, "丙"), inputs=[])
    assert audit.verify(log) == []
    assert book.returns(city)["task_id"].tolist()[-1] == "c" * 12
    path = city.path(city.settings.ledger) / "returns.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert [breach.kind for breach in audit.verify(log)] == ["audit_changed"]
    book.settle(city)
    assert [breach.kind for breach in audit.verify(log)] == ["audit_changed"]
