"""The terminal: words given wrongly, one object with --json, help, time left, sentences in both languages."""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner, Result

from forecast.near import nearest
from forecast.tables import FATES, PARTS, PATTERNS
from pipelines import audit, terminal
from pipelines.cli import COMMANDS, app
from pipelines.phrases import PHRASES
from pipelines.terminal import Bars, Clock, spell
from pipelines.words import _SENTENCES, say

NAMES = [function.__name__ for function in COMMANDS]
NEEDS = {
    "risk": ["--as-of", "2024-08"],
    "explain": [],
    "send": ["--config", "nowhere.yaml"],
    "simulate": ["--seed", "1", "--communities", "1"],
}


def weisu(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("name", [*NAMES, "runs", "runs show", "runs compare", "runs verify"])
def test_every_command_shows_an_example_of_itself(name: str) -> None:
    result = weisu(*name.split(), "--help")
    assert result.exit_code == 0
    _, _, examples = result.stdout.partition("Examples:\n")
    lines = examples.strip().splitlines()
    assert lines
    assert all(line.strip().startswith(f"weisu {name}") for line in lines)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("init",)])
def test_a_failure_is_one_object_with_json(name: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.yaml"
    result = weisu(name, nowhere, *NEEDS.get(name, []), "--json")
    error = json.loads(result.stdout)["error"]
    assert result.exit_code == error["exit_code"] == 2
    assert all(set(fault) == {"what", "where", "fix"} for fault in error["faults"])
    assert result.stderr == ""


def test_a_list_of_no_runs_is_one_object_too(tmp_path: Path) -> None:
    assert json.loads(weisu("runs", "--out", tmp_path, "--json").stdout) == {"runs": []}
    assert "error" in json.loads(weisu("runs", "show", "x", "--out", tmp_path, "--json").stdout)
    assert "error" in json.loads(weisu("runs", "compare", "x", "y", "--out", tmp_path, "--json").stdout)


def test_init_and_simulate_answer_with_one_object(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert json.loads(weisu("init", tmp_path / "full", "--json").stdout)["error"]["exit_code"] == 2
    made = weisu("simulate", tmp_path / "city", "--seed", 1, "--communities", 4, "--years", 2, "--json")
    assert all(Path(file).exists() for file in json.loads(made.stdout)["files"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["monthy"], "Did you mean 'monthly'?"),
        (["runs", "shwo"], "Did you mean 'show'?"),
        (["monthly", "x.yaml", "--as-off", "2022-06"], "--as-of"),
        (["monthly"], "config"),
        (["risk", "x.yaml"], "--as-of"),
    ],
)
def test_wrong_words_are_one_line_that_says_where_help_is(words: list[str], said: str) -> None:
    result = weisu(*words)
    (line,) = result.stderr.strip().splitlines()
    assert result.exit_code == 2
    assert line.startswith("weisu: ")
    assert said in line
    assert "--help`" in line
    again = weisu(*words, "--json")
    assert said in json.loads(again.stdout)["error"]["faults"][0]["what"]


@pytest.mark.parametrize("page", ["terminal", "operations"])
def test_every_command_of_the_documentation_has_the_options_shown(root: Path, page: str) -> None:
    text = (root / "docs" / f"{page}.md").read_text(encoding="utf-8")
    shown = re.findall(r"(?:^|`)weisu ((?:runs )?\w+)((?: [^`\n#]+)?)", text, re.MULTILINE)
    assert len(shown) > 4
    for name, words in shown:
        command = name if name in ("runs show", "runs compare") else name.split()[0]
        said = weisu(*command.split(), "--help").stdout
        assert "Examples:" in said, command
        assert [option for option in re.findall(r"--[a-z-]+", words) if option not in said] == []


def test_no_words_show_the_help() -> None:
    result = weisu()
    assert result.exit_code == 2
    assert "monthly" in result.stderr


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("horizn: 3", "'horizon'"),
        ("plan: {slot_per_street: 3}", "'slots_per_street'"),
        ("forecaster: {calibrate: {past_origin: 3}}", "'past_origins'"),
    ],
)
def test_an_unknown_key_is_told_the_near_one(tmp_path: Path, text: str, near: str) -> None:
    path = tmp_path / "weisu.yaml"
    path.write_text(f"sources: [{{paths: [a.csv]}}]\n{text}\n", encoding="utf-8")
    result = weisu("check", path)
    assert result.exit_code == 2
    assert f"did you mean {near}?" in result.stderr


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=5))
def test_what_is_proposed_is_always_known(word: str, known: list[str]) -> None:
    assert nearest(word, known) in [None, *known]


def test_a_word_far_from_all_is_given_no_neighbour() -> None:
    assert nearest("供暖不热", ["停车", "噪声"]) is None
    assert nearest("供暖不足", ["停车", "供暖不热"]) == "供暖不热"


def test_help_loads_no_heavy_library(root: Path) -> None:
    heavy = ("pandas", "numpy", "scipy", "rich.markdown", "apprise", "duckdb")
    code = f"""
import sys
sys.argv = ["weisu", "monthly", "--help"]
from pipelines.cli import app
try:
    app()
except SystemExit:
    print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stderr.strip() == "[]"


def test_time_left_is_what_the_stages_took_last_time() -> None:
    now = [0.0]
    clock = Clock({"intake": 10.0, "forecast": 60.0, "reports": 30.0}, lambda: now[0])
    assert clock.left() is None
    clock.stage("intake")
    assert clock.left() == 100
    now[0] = 4
    assert clock.left() == 96
    clock.stage("forecast")
    assert clock.left() == 90
    now[0] = 200
    assert clock.left() == 30
    assert clock.elapsed() == 200
    clock.stage("unheard_of")
    assert clock.left() is None


def test_steps_of_a_stage_go_before_what_it_took_last_time() -> None:
    now = [0.0]
    clock = Clock({"backtest": 100.0, "reports": 30.0}, lambda: now[0])
    clock.stage("backtest")
    now[0] = 5
    clock.step(1, 4)
    assert clock.left() == 15 + 30
    now[0] = 6
    assert clock.left() == 14 + 30
    assert Clock({}, lambda: now[0]).left() is None


@given(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e5)), st.lists(st.sampled_from("abcde"), max_size=8))
def test_time_left_is_never_negative(past: dict[str, float], stages: list[str]) -> None:
    now = [0.0]
    clock = Clock(past, lambda: now[0])
    for stage in stages:
        clock.stage(stage)
        now[0] += 50
        clock.step(1, 3)
        left = clock.left()
        assert left is not None
        assert 0 <= left <= 100 + sum(past.values())


@pytest.mark.parametrize(("seconds", "said"), [(7, "0:07"), (750, "12:30"), (3750.4, "1:02:30")])
def test_seconds_are_spelt(seconds: float, said: str) -> None:
    assert spell(seconds) == said


@pytest.mark.parametrize("width", [80, 120])
def test_bars_fit_name_the_stage_and_say_what_is_left(width: int) -> None:
    console = Console(force_terminal=True, width=width, legacy_windows=False)
    bars = Bars(console, {"intake": 30.0, "forecast": 120.0}, "zh")
    bars.stage("intake")
    paper = Console(width=width, file=StringIO(), record=True)
    paper.print(bars.progress.get_renderable())
    bars.stop()
    bars.stop()
    (said,) = paper.export_text().strip().splitlines()
    assert "读入数据" in said
    assert "约剩 2:" in said
    assert cell_len(said) <= width


def test_without_a_terminal_or_with_quiet_there_are_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    watch = terminal.watch(False, {"intake": 1.0}, "zh")
    watch.stage("intake")
    terminal.watch(True).stage("panel")
    assert capsys.readouterr().err == "intake\n"


@pytest.mark.parametrize("key", _SENTENCES)
def test_every_sentence_stands_in_both_languages_with_the_same_places(key: str) -> None:
    texts = _SENTENCES[key]
    places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in texts]
    assert len(texts) == 2
    assert all(text.strip() for text in texts)
    assert places[0] == places[1]


def test_no_sentence_is_missing_and_none_is_unused(root: Path) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (root / "pipelines").rglob("*.py"))
    asked = set(re.findall(r"""say\(\s*[\w.]+,\s*["']([\w.]+)["']""", code))
    asked |= set(re.findall(r"""else "(lists_\w+)"|"(lists_\w+)" if""", code).pop())  # chosen by a condition
    stages = re.findall(r"""\bstage\("(\w+)"\)""", code)
    families = {
        "stage.": stages, "part.": PARTS[1:], "pattern.": PATTERNS, "fate.": FATES,
        "input.": ["new", "gone", "changed"], "change.": ["new", "gone", "moved"],
            "breach.": audit.KINDS,
    }  # fmt: skip
    asked |= {f"{family}{name}" for family, members in families.items() for name in members}
    asked.discard("")
    assert asked - set(_SENTENCES) == set()
    unused = set(PHRASES) - asked
    assert unused == set()


def test_stages_are_named_in_both_languages() -> None:
    assert [say(language, "stage.forecast") for language in ("zh", "en")] == ["预测", "forecasting"]
