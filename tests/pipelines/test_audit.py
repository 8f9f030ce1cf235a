"""The audit log: whatever is edited afterwards is found, and what a stopped job leaves is no edit."""

import inspect
import json
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from forecast.errors import RunError
from pipelines import audit, runs
from pipelines.cli import app
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
    assert kinds(tmp_path) == [
        ("audit_gone", "audit.jsonl, line 1"),
        ("audit_unlogged", run.name),
        ("audit_changed", "latest"),
    ]


def test_a_job_stopped_between_its_line_and_its_run_is_taken_back(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / ".draft-1").mkdir()
    (tmp_path / ".draft-1/plan.csv").write_text("x")
    audit.record(tmp_path, "monthly", run="2024-08-never", outputs=audit.digests(tmp_path / ".draft-1"))
    audit.record(tmp_path, "feedback")
    assert kinds(tmp_path) == [("audit_gone", "2024-08-never")]
    publish(tmp_path)
    assert kinds(tmp_path) == []
    told = [line["event"] for line in audit.lines(tmp_path)]
    assert told == ["monthly", "monthly", "feedback", audit.VOID, "monthly"]


def test_a_run_that_was_removed_is_not_taken_back(tmp_path: Path) -> None:
    publish(tmp_path)
    gone = publish(tmp_path, "second")
    shutil.rmtree(gone)
    publish(tmp_path, "third")
    assert ("audit_gone", gone.name) in kinds(tmp_path)


def test_a_run_whose_name_cannot_be_given_is_taken_back_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as stopped:
        stopped.setattr(Path, "rename", interrupt)
        with pytest.raises(KeyboardInterrupt):
            publish(tmp_path)
    assert [line["event"] for line in audit.lines(tmp_path)] == ["monthly", audit.VOID]
    assert kinds(tmp_path) == []


def interrupt(*words: object) -> None:
    raise KeyboardInterrupt


def test_a_line_cut_off_is_dropped_and_breaks_nothing(tmp_path: Path) -> None:
    publish(tmp_path)
    with (tmp_path / audit.NAME).open("ab") as file:
        file.write(b'{"at": "2024-')
    assert kinds(tmp_path) == []
    publish(tmp_path)
    assert kinds(tmp_path) == []
    assert len(audit.lines(tmp_path)) == 2


def test_a_line_whose_head_is_refused_is_no_line(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / audit.HEAD).unlink()
    (tmp_path / audit.HEAD).mkdir()
    with pytest.raises(RunError):
        audit.record(tmp_path, "feedback")
    assert len(audit.lines(tmp_path)) == 1


def test_writers_wait_for_one_another(tmp_path: Path) -> None:
    writers = [threading.Thread(target=audit.record, args=(tmp_path, f"e{k}")) for k in range(20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(audit.lines(tmp_path)) == 20
    assert kinds(tmp_path) == []


def test_a_book_may_only_grow_and_only_by_what_was_logged(tmp_path: Path) -> None:
    book = tmp_path / "returns.jsonl"

    def log(start: int) -> None:
        size = book.stat().st_size
        audit.record(tmp_path, "feedback", book=book.name, start=start, bytes=size, sha256=audit.digest(book))

    book.write_text("one\n")
    log(0)
    book.write_text("one\ntwo\n")
    assert kinds(tmp_path) == [("audit_unlogged", "returns.jsonl, from byte 4 on")]
    log(4)
    assert kinds(tmp_path) == []
    book.write_text("one\ntwo\nforged\nfour\n")
    log(15)
    assert kinds(tmp_path) == [("audit_unlogged", "returns.jsonl, bytes 8 to 15")]
    book.write_text("two\none\nforged\nfour\n")
    assert ("audit_changed", book.name) in kinds(tmp_path)


def again(line: str) -> str:
    """The line, with another name written before the right one: a parser takes the last of two."""
    return line.replace("{", '{"who": "nobody", ', 1)


@pytest.mark.parametrize(
    "edit",
    [again, lambda line: line.replace(": ", ":\t", 1), lambda line: line.replace('"event"', '"\\u0065vent"', 1)],
    ids=["a key twice", "a blank", "a letter by its number"],
)
def test_a_line_that_still_reads_the_same_is_an_edit(tmp_path: Path, edit: Callable[[str], str]) -> None:
    publish(tmp_path)
    log = tmp_path / audit.NAME
    log.write_text(edit(log.read_text(encoding="utf-8")), encoding="utf-8")
    assert kinds(tmp_path) == [("audit_chain", "audit.jsonl, line 1")]


def test_lines_lost_at_the_end_are_missed(tmp_path: Path) -> None:
    publish(tmp_path)
    audit.record(tmp_path, "feedback")
    audit.record(tmp_path, "feedback")
    log, head = tmp_path / audit.NAME, tmp_path / audit.HEAD
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    log.write_bytes(lines[0])
    assert kinds(tmp_path) == [("audit_gone", "audit.jsonl, line 2")]
    log.write_bytes(whole[:-1])
    assert kinds(tmp_path) == [("audit_gone", "audit.jsonl, line 3")]
    log.write_bytes(whole)
    two = json.loads(lines[1])["hash"]
    head.write_text(f"2 {two}\n")  # stopped between the two
    assert kinds(tmp_path) == []
    for stale in (f"1 {json.loads(lines[0])['hash']}\n", f"3 {two}\n"):
        head.write_text(stale)
        assert kinds(tmp_path) == [("audit_changed", "audit.head")]
    head.write_text("none")
    assert kinds(tmp_path) == [("audit_unreadable", "audit.head")]
    head.unlink()
    assert kinds(tmp_path) == [("audit_gone", "audit.head")]


def test_links_are_no_way_around(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    run = publish(folder)
    (run / "extra.csv").symlink_to(run / "workplan.csv")
    assert kinds(folder) == [("audit_added", f"{run.name}/extra.csv")]
    (run / "extra.csv").unlink()
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (folder / "latest").unlink()
    (folder / "latest").symlink_to(copy)
    assert kinds(folder) == [("audit_changed", "latest")]
    (folder / "latest").unlink()
    shutil.rmtree(run)
    run.symlink_to(copy)
    assert kinds(folder) == [("audit_gone", run.name)]


def test_a_run_cannot_be_logged_again_or_an_older_one_taken_back(tmp_path: Path) -> None:
    first, second = publish(tmp_path), publish(tmp_path, "second")
    (first / "workplan.csv").write_text("better")
    audit.record(tmp_path, "monthly", run=first.name, outputs=audit.digests(first))
    where = [("audit_chain", "audit.jsonl, line 3"), ("audit_changed", f"{first.name}/workplan.csv")]
    assert kinds(tmp_path) == where
    shutil.rmtree(first)
    audit.record(tmp_path, audit.VOID, run=first.name)
    assert ("audit_gone", first.name) in kinds(tmp_path)
    assert ("audit_gone", second.name) not in kinds(tmp_path)


@pytest.mark.parametrize("fact", [{"run": "../../etc"}, {"run": 3}, {"run": "r", "outputs": 1}, {"book": 1}])
def test_what_makes_no_sense_is_told_and_breaks_nothing(tmp_path: Path, fact: dict[str, Any]) -> None:
    publish(tmp_path)
    audit.record(tmp_path, "odd", **fact)
    assert ("audit_unreadable", "audit.jsonl, line 2") in kinds(tmp_path)


def test_verify_says_it_in_words_and_by_its_exit_code(tmp_path: Path) -> None:
    def weisu(*words: object) -> Result:
        return CliRunner().invoke(app, ["runs", "verify", "--out", str(tmp_path), *map(str, words)])

    nothing = weisu()
    assert (nothing.exit_code, nothing.stderr.count("\n")) == (2, 1)
    run = publish(tmp_path)
    sound = weisu()
    assert sound.exit_code == 0
    assert "1 次运行" in sound.stdout
    assert json.loads((tmp_path / audit.NAME).read_text())["hash"] in sound.stdout
    assert json.loads(weisu("--json").stdout)["sound"] is True
    (run / "workplan.csv").write_text("other")
    broken = weisu()
    assert broken.exit_code == 1
    assert f"! {run.name}/workplan.csv: 内容被改过" in broken.stdout
    told = json.loads(weisu("--json").stdout)
    assert told["breaches"] == [{"kind": "audit_changed", "where": f"{run.name}/workplan.csv"}]
    (run / "config.yaml").write_text("language: en\nsources: [{use: nyc_council, paths: [x]}]\n")
    assert f"! {run.name}/workplan.csv: was changed afterwards" in weisu().stdout


def test_every_kind_of_breach_has_a_name() -> None:
    assert set(re.findall(r'Breach\("(\w+)"', inspect.getsource(audit))) == set(audit.KINDS)
