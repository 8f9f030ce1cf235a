"""A month as cron lives it: a plan by hand, an export that is late, one that comes, a month already done."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import Result

from pipelines import audit, messages, monthly, runs
from pipelines.outcome import Outcome
from tests.end_to_end.conftest import COUNTS, monthly_counts, weisu
from tests.pipelines.receivers import Heard, robot
from tests.programs import need

Cli = Callable[..., Result]
ENDED = pd.Timestamp.now().normalize().replace(day=1) - pd.DateOffset(months=1)
SECRET = "s3cret-k3y"


def month(back: int) -> str:
    return f"{ENDED - pd.DateOffset(months=back):%Y-%m}"


def counts(last: str) -> pd.DataFrame:
    """Thirty months that end with the one just over, as far as `last`."""
    frame = monthly_counts(areas=3)
    months = dict(zip(sorted(frame["month"].unique()), [month(29 - n) for n in range(30)], strict=True))
    frame = frame.assign(month=frame["month"].map(months))
    return frame[frame["month"] <= last]


def bare(command: str, root: Path, cwd: str = "/") -> subprocess.CompletedProcess[str]:
    """As cron runs it: no HOME, no PATH, no terminal, another folder. PYTHONPATH: the tree under test."""
    words = ["/usr/bin/env", "-i", f"PYTHONPATH={root}", "/bin/sh", "-c", command]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL)


class Lived:
    """What was seen on the way."""

    config: Path
    first: Result
    late: Result
    printed: dict[str, str]
    cron: subprocess.CompletedProcess[str]
    again: Result
    heard: list[str]

    @property
    def out(self) -> Path:
        return self.config.parent / "runs"


@pytest.fixture(scope="module")
def office() -> Iterator[Heard]:
    with robot() as heard:
        yield heard


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, root: Path, office: Heard) -> Lived:
    folder = tmp_path_factory.mktemp("of mine") / "100% 区 'x'"
    folder.mkdir()
    seen = Lived()
    seen.config = folder / "weisu.yaml"
    secrets = folder / "keys"
    secrets.write_text(f"OFFICE={office.url.replace('http', 'json')}/{SECRET}\n", encoding="utf-8")
    secrets.chmod(0o600)
    says = "messages: {send: true, secrets: keys, to: [{address: OFFICE}], timeout_seconds: 5}\n"
    seen.config.write_text(COUNTS + says, encoding="utf-8")
    counts(month(1)).to_csv(folder / "counts.csv", index=False)
    office.answer = (500, b"")
    seen.first = weisu("monthly", seen.config)
    seen.late = weisu("monthly", seen.config, "--catch-up", "--due", "--quiet", "--notify-on-failure")
    office.answer = (200, b"{}")
    office.bodies.clear()
    counts(month(0)).to_csv(folder / "counts.csv", index=False)
    seen.printed = json.loads(weisu("schedule", seen.config, "--notify-on-failure", "--json").stdout)
    seen.cron = bare(seen.printed["command"], root)
    seen.heard = [body["title"] for body in office.bodies]
    seen.again = weisu(*shlex.split(seen.printed["command"])[4:])
    return seen


def names(lived: Lived) -> list[str]:
    return [manifest["as_of"] for manifest in runs.listed(lived.out)]


def test_without_a_month_the_last_whole_one_in_the_data_is_planned_from(lived: Lived) -> None:
    assert Path(lived.first.stdout.splitlines()[-1]).name.startswith(month(1))


def test_a_plan_that_could_not_be_sent_is_published_and_says_so(lived: Lived) -> None:
    assert lived.first.exit_code == 5
    assert Path(lived.first.stdout.splitlines()[-1], "report.html").is_file()
    last = lived.first.stderr.strip().splitlines()[-1]
    assert "weisu send" in last
    assert month(1) in last
    assert SECRET not in lived.first.output


def test_an_export_that_is_late_fails_in_one_line_and_is_told_to_the_office(lived: Lived) -> None:
    assert lived.late.exit_code == 3
    lines = lived.late.stderr.strip().splitlines()
    assert f"{month(0)} is over but not whole in the data, which end with {month(1)}" in lines[0]
    assert any("OFFICE" in line for line in lines)  # the receiver was down: that is said as well
    assert SECRET not in lived.late.output


def test_the_printed_command_catches_up_in_a_bare_environment(lived: Lived) -> None:
    assert lived.cron.returncode == 0, lived.cron.stderr
    assert names(lived) == [month(1), month(0)]
    assert Path(lived.cron.stdout.splitlines()[-1]).name.startswith(month(0))


@pytest.mark.parametrize(
    ("planned", "wanted"), [(3, [2, 1, 0]), (0, []), (None, [0]), (60, [24 - n for n in range(1, 25)])]
)
def test_every_month_since_the_last_plan_is_made_up_for_in_order(
    cli: Cli, lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planned: int | None, wanted: list[int]
) -> None:
    if planned is not None:
        (tmp_path / "old").mkdir()
        (run,) = lived.out.glob(f"{month(0)}-*")
        facts = json.loads((run / "run.json").read_text(encoding="utf-8")) | {"as_of": month(planned)}
        (tmp_path / "old" / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    made = []

    def noted(_config: object, as_of: pd.Timestamp, *_: object) -> Outcome:
        made.append(f"{as_of:%Y-%m}")
        return Outcome("x", tmp_path / "old", {}, {}, ())

    monkeypatch.setattr(monthly, "run", noted)
    monkeypatch.setattr(messages, "send", lambda *_: messages.Sent(1, 0, "zh"))
    result = cli("monthly", lived.config, "--catch-up", "--out", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    assert made == [month(back) for back in wanted]
    assert len(json.loads(result.stdout)["runs"]) == len(wanted)


def test_the_last_line_is_fit_for_a_mail_subject(lived: Lived) -> None:
    lines = lived.cron.stderr.strip().splitlines()
    subject = next(line for line in reversed(lines) if line.startswith("weisu: "))
    assert "示例" in subject
    assert month(0) in subject
    assert len(subject) < 100
    assert "\x1b" not in lived.cron.stderr + lived.cron.stdout
    assert not [line for line in lines if line in ("intake", "forecast")]


def test_the_new_plan_is_sent_and_the_one_before_is_not_sent_again(lived: Lived) -> None:
    (title,) = lived.heard
    assert "示例" in title
    sent = {line["of"] for line in audit.lines(lived.out) if line["event"] == "send"}
    assert [run[:7] for run in sent] == [month(0)]


def test_a_month_already_done_is_not_redone_and_says_so(lived: Lived) -> None:
    assert lived.again.exit_code == 0
    assert month(0) in lived.again.stdout.splitlines()[-1]
    assert names(lived) == [month(1), month(0)]
    found = json.loads(weisu("monthly", lived.config, "--catch-up", "--json").stdout)
    assert found == {"runs": [], "done_before": month(0)}


def test_no_secret_stands_in_any_file_of_a_run(lived: Lived) -> None:
    files = [path for path in lived.out.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_the_crontab_line_is_what_cron_reads(lived: Lived) -> None:
    line = lived.printed["crontab"]
    minute, hour, day, of_month, of_week, command = line.split(" ", 5)
    assert (minute, hour, day, of_month, of_week) == ("0", "7", "2", "*", "*")
    assert re.search(r"(?<!\\)%", command) is None
    assert "\n" not in line
    assert shlex.split(command.replace("\\%", "%")) == shlex.split(lived.printed["command"])
    assert str(lived.config) in shlex.split(lived.printed["command"])


def test_systemd_takes_the_units(lived: Lived, tmp_path: Path) -> None:
    program = need("systemd", "systemd-analyze")
    for kind in ("service", "timer"):
        (tmp_path / f"weisu.{kind}").write_text(lived.printed[kind], encoding="utf-8")
    done = subprocess.run(
        [program, "verify", "--man=no", "weisu.service", "weisu.timer"], capture_output=True, text=True, cwd=tmp_path
    )
    mine = [line for line in done.stderr.splitlines() if "weisu." in line]
    assert mine == []
    line = next(line for line in lived.printed["timer"].splitlines() if line.startswith("OnCalendar="))
    subprocess.run([program, "calendar", line.partition("=")[2]], check=True, capture_output=True)


def test_a_schedule_that_could_not_send_is_refused(cli: Cli, counts_job: Path) -> None:
    counts_job.write_text(COUNTS + "messages: {to: [{address: OFFICE}], send: true}\n", encoding="utf-8")
    result = cli("schedule", counts_job)
    assert result.exit_code == 2
    assert "messages.secrets" in result.stderr
    assert "no time of the day" in cli("schedule", counts_job, "--at", "25:00").stderr


def test_a_failure_is_told_to_the_office(
    cli: Cli, counts_job: Path, office: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFICE", f"{office.url.replace('http', 'json')}/{SECRET}")
    counts_job.write_text(COUNTS + "messages: {to: [{address: OFFICE}]}\n", encoding="utf-8")
    (counts_job.parent / "counts.csv").write_bytes(b"")
    office.bodies.clear()
    result = cli("monthly", counts_job, "--notify-on-failure", "-q")
    assert result.exit_code == 3
    (body,) = office.bodies
    assert "counts.csv" in body["message"]
    assert body["title"] == "示例: weisu monthly 失败"
    monkeypatch.delenv("OFFICE")
    assert "no address for OFFICE" in cli("monthly", counts_job, "--notify-on-failure", "-q").stderr


def test_a_month_and_a_search_for_months_do_not_go_together(cli: Cli, counts_job: Path) -> None:
    result = cli("monthly", counts_job, "--as-of", "2022-06", "--catch-up")
    assert result.exit_code == 2
    assert "--catch-up" in result.stderr


def test_compare_says_why_and_what(cli: Cli, lived: Lived) -> None:
    words = ("runs", "compare", month(1), month(0), "--out", lived.out)
    found = json.loads(cli(*words, "--json").stdout)
    assert found["inputs"] == {"counts.csv": "changed"} or found["inputs"] == {}
    assert found["config"] == {}
    assert found["came"]["came"] == counts(month(0)).query("month == @month(0)")["count"].sum()
    assert found["city"]["months"] == 3
    plans = [pd.read_parquet(lived.out / name / "workplan.parquet") for name in (found["first"], found["second"])]
    ids = [set(plan["task_id"]) for plan in plans]
    changes = pd.Series({task["task_id"]: task["change"] for task in found["tasks"]})
    assert set(changes.index) == ids[0] | ids[1]
    assert set(changes.index[changes == "new"]) == ids[1] - ids[0]
    assert set(changes.index[changes == "gone"]) == ids[0] - ids[1]
    lines = cli(*words).stdout.splitlines()
    assert found["first"] in lines[0]
    assert max(map(len, lines)) <= 120


def test_compare_names_the_keys_that_differ(cli: Cli, lived: Lived, tmp_path: Path) -> None:
    (run,) = lived.out.glob(f"{month(0)}-*")
    other = tmp_path / run.name
    shutil.copytree(run, other)
    settings = yaml.safe_load((other / "config.yaml").read_text(encoding="utf-8"))
    settings["plan"]["slots_per_street"] += 1
    (other / "config.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    found = json.loads(cli("runs", "compare", run, other, "--json").stdout)
    assert list(found["config"]) == ["plan.slots_per_street"]
    assert "plan.slots_per_street" in cli("runs", "compare", run, other).stdout.splitlines()[1]
    assert {task["change"] for task in found["tasks"]} <= {"same"}
    assert found["came"] is None
    assert {move["moved"] for move in found["forecasts"]} == {0.0}


def test_runs_are_listed_shown_and_proposed(cli: Cli, lived: Lived) -> None:
    assert len(cli("runs", "--out", lived.out).stdout.splitlines()) == 2
    shown = cli("runs", "show", "latest", "--out", lived.out).stdout
    assert month(0) in shown
    assert "forecast" in shown
    name = (lived.out / "latest").resolve().name
    wrong = cli("runs", "show", f"{name[:-1]}-", "--out", lived.out)
    assert wrong.exit_code == 2
    assert f"did you mean '{name}'" in wrong.stderr


def test_explain_gives_history_forecast_weights_and_parts(cli: Cli, lived: Lived) -> None:
    words = ("explain", lived.out / "latest", "--area", "社区1", "--category", "供暖不热")
    found = json.loads(cli(*words, "--json").stdout)
    mine = counts(month(0)).query("area == '社区1' and category == '供暖不热'").set_index("month")["count"]
    assert found["history"] == mine.to_dict()
    forecasts = pd.read_parquet(lived.out / "latest" / "forecasts.parquet")
    issued = forecasts.query("model == 'combination' and area == '社区1' and category == '供暖不热'")
    means = issued[issued["output"] == "mean"].sort_values("month")["predicted"]
    assert [row["mean"] for row in found["forecast"]] == pytest.approx(means.tolist())
    assert all(row["low"] <= row["high"] for row in found["forecast"])
    assert sum(row["weight"] for row in found["models"]) == pytest.approx(1)
    told = sum(row["weight"] * row["expected"] for row in found["models"])
    assert told == pytest.approx(means.sum())
    parts = found["drivers"]
    assert pd.Series(parts).prod() == pytest.approx(means.sum() * found["explained_share"], rel=1e-3)


@pytest.mark.parametrize("width", [80, 120])
def test_explain_fits_the_terminal_and_draws_what_it_says(
    cli: Cli, lived: Lived, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    from rich.cells import cell_len

    monkeypatch.setenv("COLUMNS", str(width))
    lines = cli("explain", lived.out / "latest").stdout.splitlines()
    chart = [line for line in lines if re.match(r"\d{4}-\d\d  ", line)]
    assert len(chart) == 24 + 4
    assert max(map(cell_len, chart)) <= width
    bars = {line[:7]: line.count("█") for line in chart if "█" in line}
    sums = counts(month(0)).groupby("month")["count"].sum()
    shown = pd.Series(bars)
    assert shown.corr(sums[shown.index]) > 0.99
    assert sum("●" in line for line in chart) == 4
    assert "\x1b" not in "".join(lines)


def test_explain_compares_no_month_that_lacks_a_community(cli: Cli, lived: Lived, tmp_path: Path) -> None:
    (run,) = lived.out.glob(f"{month(0)}-*")
    other = tmp_path / run.name
    shutil.copytree(run, other)
    panel = pd.read_parquet(other / "panel.parquet")
    gap = pd.Timestamp(month(10))
    panel[(panel["month"] != gap) | (panel["area"] != "社区1")].to_parquet(other / "panel.parquet")
    whole, part = (json.loads(cli("explain", folder, "--json").stdout) for folder in (run, other))
    assert (whole["partly_covered"], part["partly_covered"]) == ([], [month(10)])
    assert 0 < part["history"][month(10)] < whole["history"][month(10)]
    known = [row["month"] for row in part["forecast"] if row["last_year"] is not None]
    assert f"{gap + pd.DateOffset(years=1):%Y-%m}" not in known
    assert len(known) == len(whole["forecast"]) - 1
    frame = counts(month(0)).query("month != @month(10)").groupby("month", as_index=False)["count"].sum()
    means = frame.groupby(frame["month"].str[-2:])["count"].mean()
    assert part["season"] == pytest.approx((means / means.mean()).tolist(), abs=1e-3)
    assert sum("▒" in line for line in cli("explain", other).stdout.splitlines()) == 2


def test_explain_proposes_the_nearest_name(cli: Cli, lived: Lived) -> None:
    result = cli("explain", lived.out / "latest", "--category", "供暖不足")
    assert result.exit_code == 2
    assert "did you mean '供暖不热'?" in result.stderr
    assert "give a name or code" in cli("explain", lived.out / "latest", "--area", "qqqqqqqq").stderr


def test_completion_in_bash_knows_commands(root: Path, tmp_path: Path) -> None:
    shim = tmp_path / "weisu"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m pipelines "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    script = (
        'eval "$(weisu --show-completion bash)"; complete -p weisu; COMP_WORDS=(weisu mon); COMP_CWORD=1; '
        'f=$(complete -p weisu | grep -o -- "-F [^ ]*" | cut -c4-); $f weisu; echo "${COMPREPLY[@]}"'
    )
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(root), "SHELL": "/bin/bash"}
    environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    done = subprocess.run(
        [need("bash", "bash"), "-c", script], capture_output=True, text=True, env=environment, cwd=os.sep
    )
    assert done.stdout.splitlines()[-1:] == ["monthly"], done.stdout + done.stderr
