"""The key of the hashes: where it may stand, and that it is never told or written."""

import os
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from forecast.errors import ConfigError
from pipelines import config, keys
from pipelines.cli import app
from tests.end_to_end.conftest import ORDERS, orders

KEY = "0123456789abcdef0123456789abcdef-canary"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEISU_CALLER_KEY", raising=False)


def made(folder: Path, more: str) -> Path:
    frame = orders().assign(phone=[f"1380000{n % 7:04d}" for n in range(600)])
    (folder / "input").mkdir()
    frame.to_csv(folder / "input/orders.csv", index=False)
    text = ORDERS.replace("orders.csv", "input/*.csv").replace("topic}", "topic, caller: phone}")
    (folder / "weisu.yaml").write_text(text + more, encoding="utf-8")
    return folder / "weisu.yaml"


def key_file(path: Path, text: str = KEY, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def weisu(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_variable_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file(tmp_path / "key")
    job = config.load(made(tmp_path, "caller_key_file: key\n"))
    assert keys.caller_key(job) == KEY.encode()
    monkeypatch.setenv("WEISU_CALLER_KEY", KEY[::-1])
    assert keys.caller_key(job) == KEY[::-1].encode()


def test_without_either_there_is_none(tmp_path: Path) -> None:
    assert keys.caller_key(config.load(made(tmp_path, ""))) is None


@pytest.mark.parametrize(
    ("name", "text", "mode", "said"),
    [
        ("key", KEY, 0o640, "chmod 600"), ("key", KEY, 0o604, "chmod 600"), ("key", "hunter2", 0o600, "too short"),
        ("key", "ab" * 30, 0o600, "too plain"), ("key", "", 0o600, "too short"),
        ("data/store/key", KEY, 0o600, "store"),
        ("runs/key", KEY, 0o600, "the runs"), ("data/ledger/a/key", KEY, 0o600, "ledger"),
        ("input/key", KEY, 0o600, "the inputs"), ("away/../input/key", KEY, 0o600, "the inputs"),
    ],
)  # fmt: skip
def test_a_key_that_would_hide_nothing_is_refused_in_one_line(
    tmp_path: Path, name: str, text: str, mode: int, said: str
) -> None:
    job = made(tmp_path, f"caller_key_file: {name}\n")
    (tmp_path / "away").mkdir()
    key_file(tmp_path / name, text, mode)
    result = weisu("monthly", job, "--as-of", "2021-08", "-q")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert " -> " in line
    assert not text or text not in result.output


def test_a_link_into_the_data_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    job = config.load(made(tmp_path, "caller_key_file: key\n"))
    with pytest.raises(ConfigError, match="openssl"):
        keys.caller_key(job)
    (tmp_path / "key").symlink_to(key_file(tmp_path / "input/secret"))
    with pytest.raises(ConfigError, match="the inputs"):
        keys.caller_key(job)


def test_a_key_written_where_its_name_belongs_is_not_repeated(tmp_path: Path) -> None:
    result = weisu("check", made(tmp_path, f"caller_key_env: {KEY}\n"))
    assert result.exit_code == 2
    assert "WEISU_CALLER_KEY" in result.stderr
    assert KEY not in result.output


def test_the_key_tells_callers_apart_and_stands_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file(tmp_path / "key")
    job = made(tmp_path, "caller_key_file: key\n")
    before = os.umask(0o022)
    try:
        assert weisu("check", job, "--json").exit_code == 0
        first = {path.name for path in (tmp_path / "data/store").iterdir() if path.is_dir()}
        (tmp_path / "key").write_text(KEY[::-1])
        result = weisu("monthly", job, "--as-of", "2021-08")
    finally:
        os.umask(before)
    assert result.exit_code == 0, result.output
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "key"]
    assert len(files) > 20
    for key in (KEY, KEY[::-1]):
        assert not [path for path in files if key.encode() in path.read_bytes()]
        assert key not in result.output
    (second,) = {path.name for path in (tmp_path / "data/store").iterdir() if path.is_dir()} - first
    old, new = (
        pd.read_parquet(next((tmp_path / "data/store" / name).glob("requests-*"))) for name in (*first, second)
    )
    assert old["caller"].nunique() == new["caller"].nunique() == 7
    assert not set(old["caller"]) & set(new["caller"])
    panel = pd.read_parquet(tmp_path / "runs/latest/panel.parquet")
    assert panel["callers"].sum() < panel["orders"].sum()
