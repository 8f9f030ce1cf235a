"""Every command the README shows for a city of one's own runs as written."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from pipelines import config

FAST = "forecaster:\n  models: [{kind: climatology}]\n  calibrate: {past_origins: 2}\n"


def blocks(root: Path, language: str = "") -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(root: Path) -> list[list[str]]:
    lines = [line for block in blocks(root) for line in block.splitlines() if line.startswith("weisu ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_commands_run(
    cli: Callable[..., Result], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = commands(root)
    assert [words[0] for words in found] == [
        "init", "check", "monthly", "plan", "export", "explain", "feedback", "effect", "backtest", "risk", "backtest",
        "study", "runs", "schedule",
    ]  # fmt: skip
    for words in found:
        result = cli(*words)
        assert result.exit_code == 0, (words, result.output)
        if words[0] == "init":
            path = tmp_path / "mycity" / "weisu.yaml"
            path.write_text(path.read_text(encoding="utf-8") + FAST, encoding="utf-8")


def test_the_config_shown_is_valid(root: Path, tmp_path: Path) -> None:
    (shown,) = blocks(root, "yaml")
    assert len(shown.splitlines()) <= 10
    (tmp_path / "weisu.yaml").write_text(shown, encoding="utf-8")
    settings = config.load(tmp_path / "weisu.yaml").settings
    assert settings.horizon == yaml.safe_load(shown)["horizon"]


def test_make_targets_the_readme_names_exist(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", "\n".join(blocks(root)), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
