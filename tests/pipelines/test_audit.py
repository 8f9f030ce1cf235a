"""The audit log: whatever is edited afterwards is found, and what a stopped job leaves is no edit."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import audit, runs
from pipelines.runs import Identity, Watch

IDENTITY = Identity("monthly", "2024-08", "c", "i")


def publish(folder: Path, content: str = "plan") -> Path:
    with runs.at_work(folder, "monthly", Watch()) as job:
        job.warn("careful")
        job.put("workplan.csv", content.encode())
        job.put("streets/甲.xlsx", b"book")
        return runs.publish(job, folder, IDENTITY, {})


def kinds(folder: Path) -> list[tuple[str, str]]:
    return [(breach.kind, breach.where) for breach in audit.verify(folder)]


def test_every_run_stands_in_the_log_with_who_and_what(tmp_path: Path) -> None:
    run = publish(tmp_path)
    (line,) = audit.lines(tmp_path)
    assert (line["event"], line["run"], line["before"]) == ("monthly", run.name, audit.START)
    assert line["who"]
    assert line["inputs_sha256"] == "i"
    assert sorted(line["outputs"]) == ["log.jsonl", "run.json", "streets/甲.xlsx", "workplan.csv"]
    publish(tmp_path)
    assert kinds(tmp_path) == []
    first, second = audit.lines(tmp_path)
    assert second["before"] == first["hash"]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a folder of three runs."""
    folder = tmp_path_factory.mktemp("runs")
    for content in ("a", "b", "c"):
        publish(folder, content)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != ".lock"
    }


def laid_out(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_edit_is_found(
    history: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    files = dict(history)
    name = data.draw(st.sampled_from(sorted(files)))
    how = data.draw(st.sampled_from(["byte", "cut", "gone", "line"]))
    content = files[name]
    if how == "byte":
        place = data.draw(st.integers(0, len(content) - 1))
        other = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
        files[name] = content[:place] + bytes([other]) + content[place + 1 :]
    elif how == "cut":
        files[name] = content[: data.draw(st.integers(0, len(content) - 1))]
    elif how == "line":
        lines = content.splitlines(keepends=True)
        del lines[data.draw(st.integers(0, len(lines) - 1))]
        files[name] = b"".join(lines)
    else:
        del files[name]
    assert audit.verify(laid_out(files, tmp_path_factory.mktemp("edited")))


def test_what_was_done_to_it_is_said(tmp_path: Path) -> None:
    run = publish(tmp_path)
    (run / "workplan.csv").write_text("other")
    (run / "more.csv").write_text("x")
    (run / "streets/甲.xlsx").unlink()
    assert kinds(tmp_path) == [
        ("audit_added", f"{run.name}/more.csv"),
        ("audit_gone", f"{run.name}/streets/甲.xlsx"),
        ("audit_changed", f"{run.name}/workplan.csv"),
    ]
    line = json.loads((tmp_path / audit.NAME).read_text())
    (tmp_path / audit.NAME).write_text(json.dumps(line | {"who": "nobody"}, ensure_ascii=False) + "\n")
    assert ("audit_chain", "audit.jsonl, line 1") in kinds(tmp_path)
    (tmp_path / audit.NAME).unlink()
    assert kinds(tmp_path) == [("audit_unlogged", run.name)]


def test_a_job_stopped_between_its_line_and_its_run_is_taken_back(tmp_path: Path) -> None:
    publish(tmp_path)
    audit.record(tmp_path, "monthly", run="2024-08-never", outputs={})
    assert kinds(tmp_path) == [("audit_gone", "2024-08-never")]
    publish(tmp_path)
    assert kinds(tmp_path) == []
    assert [line["event"] for line in audit.lines(tmp_path)] == ["monthly", "monthly", audit.VOID, "monthly"]


def test_a_line_cut_off_is_dropped_and_breaks_nothing(tmp_path: Path) -> None:
    publish(tmp_path)
    with (tmp_path / audit.NAME).open("ab") as file:
        file.write(b'{"at": "2024-')
    assert kinds(tmp_path) == []
    publish(tmp_path)
    assert kinds(tmp_path) == []
    assert len(audit.lines(tmp_path)) == 2


def test_writers_wait_for_one_another(tmp_path: Path) -> None:
    writers = [threading.Thread(target=audit.record, args=(tmp_path, f"e{k}")) for k in range(20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(audit.lines(tmp_path)) == 20
    assert kinds(tmp_path) == []


def test_a_book_may_only_grow(tmp_path: Path) -> None:
    book = tmp_path / "returns.jsonl"
    book.write_text("one\n")
    audit.record(tmp_path, "feedback", book=book.name, bytes=4, sha256=audit.digest(book))
    book.write_text("one\ntwo\n")
    assert kinds(tmp_path) == []
    book.write_text("two\none\n")
    assert kinds(tmp_path) == [("audit_changed", book.name)]


def test_a_note_of_what_was_sent_is_no_edit_of_the_run(tmp_path: Path) -> None:
    run = publish(tmp_path)
    (run / "sent.jsonl").write_text("{}\n")
    assert kinds(tmp_path) == []
