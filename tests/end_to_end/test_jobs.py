"""The jobs as a user runs them: contract of the command line, byte-identical runs, no look-ahead, files read once."""

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from forecast.sources import Source
from pipelines import readers, store
from pipelines.runs import locked

Cli = Callable[..., Result]
TABLES = (
    "panel",
    "forecasts",
    "contributions",
    "calibration",
    "scores",
    "workplan",
    "risk",
    "areas",
    "sources",
    "rejects",
    "unresolved",
)


def run_dir(result: Result) -> Path:
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip().splitlines()[-1])


def digests(run: Path) -> dict[str, bytes]:
    return {name: (run / f"{name}.parquet").read_bytes() for name in TABLES}


def test_the_last_line_is_the_run_folder(cli: Cli, counts_job: Path) -> None:
    run = run_dir(cli("monthly", counts_job, "--as-of", "2022-06"))
    assert run.name.startswith("2022-06-")
    names = {path.name for path in run.iterdir()}
    assert {"run.json", "config.yaml", "log.jsonl", "workplan.csv", "forecasts.parquet", "report.html"} <= names
    assert list(run.rglob("*.xlsx"))


def test_json_is_one_object_and_nothing_else(cli: Cli, counts_job: Path) -> None:
    result = cli("monthly", counts_job, "--as-of", "2022-06", "--json")
    facts = json.loads(result.stdout)
    assert {"run_id", "run_dir", "counts", "seconds"} <= set(facts)
    assert facts["counts"]["plan"]["tasks"] > 0
    assert set(facts["seconds"]) >= {"intake", "forecast", "plan", "reports"}


def test_out_decides_where_runs_go(cli: Cli, counts_job: Path, tmp_path: Path) -> None:
    assert (
        run_dir(cli("monthly", counts_job, "--as-of", "2022-06", "--out", tmp_path / "there")).parent
        == tmp_path / "there"
    )


def test_the_manifest_tells_what_made_the_run(cli: Cli, counts_job: Path) -> None:
    manifest = json.loads((run_dir(cli("monthly", counts_job, "--as-of", "2022-06")) / "run.json").read_text())
    assert manifest["job"] == "monthly"
    assert manifest["as_of"] == "2022-06"
    assert manifest["status"] == "done"
    assert len(manifest["config_sha256"]) == len(manifest["inputs_sha256"]) == len(manifest["code_sha256"]) == 64
    assert manifest["versions"]["pandas"] == pd.__version__


def test_the_same_inputs_give_the_same_bytes(cli: Cli, counts_job: Path) -> None:
    first = run_dir(cli("monthly", counts_job, "--as-of", "2022-06"))
    again = run_dir(cli("monthly", counts_job, "--as-of", "2022-06"))
    assert again.name == f"{first.name}-2"
    assert digests(first) == digests(again)


@pytest.mark.slow
def test_hash_seed_threads_locale_and_clock_zone_change_nothing(counts_job: Path, root: Path) -> None:
    found = []
    for seed, threads, locale, zone in (
        ("0", "1", "C", "UTC"),
        ("7", "2", "C.UTF-8", "Pacific/Kiritimati"),
        ("3", "1", "zh_CN.GB18030", "America/St_Johns"),
    ):
        command = [sys.executable, "-m", "pipelines", "monthly", str(counts_job), "--as-of", "2022-06", "-q"]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        environment |= {"LC_ALL": locale, "TZ": zone}
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=environment, check=True)
        found.append(digests(Path(done.stdout.strip().splitlines()[-1])))
    assert found[0] == found[1] == found[2]


def test_months_after_as_of_change_nothing(cli: Cli, counts_job: Path) -> None:
    before = run_dir(cli("monthly", counts_job, "--as-of", "2021-10"))
    path = counts_job.parent / "counts.csv"
    frame = pd.read_csv(path)
    frame.loc[frame["month"] > "2021-10", "count"] += 500
    frame.to_csv(path, index=False)
    after = run_dir(cli("monthly", counts_job, "--as-of", "2021-10"))
    for name in ("panel", "forecasts", "calibration", "scores", "workplan", "risk"):
        assert (before / f"{name}.parquet").read_bytes() == (after / f"{name}.parquet").read_bytes(), name


@pytest.mark.slow
def test_a_file_taken_in_once_is_not_read_again(cli: Cli, orders_job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited = orders_job.read_text(encoding="utf-8").replace("[orders.csv]", "['orders*.csv']")
    orders_job.write_text(edited, encoding="utf-8")
    run_dir(cli("monthly", orders_job, "--as-of", "2021-07"))
    read: list[str] = []
    original = readers.read_file

    def spy(path: Path, source: Source) -> Iterator[readers.Batch]:
        read.append(path.name)
        return original(path, source)

    monkeypatch.setattr(readers, "read_file", spy)
    more = pd.read_csv(orders_job.parent / "orders.csv", dtype="str").head(5)
    more.assign(id="N" + more["id"]).to_csv(orders_job.parent / "orders_more.csv", index=False)
    run = run_dir(cli("monthly", orders_job, "--as-of", "2021-07"))
    assert read == ["orders_more.csv"]
    assert store.read(run / "sources.parquet")["rows"].tolist() == [600, 5]


def test_a_month_not_yet_complete_is_left_out_and_said(cli: Cli, orders_job: Path) -> None:
    path = orders_job.parent / "orders.csv"
    frame = pd.read_csv(path, dtype="str")
    frame[frame["opened"] <= "2021-08-10"].to_csv(path, index=False)
    result = cli("monthly", orders_job, "--as-of", "2021-08")
    run = run_dir(result)
    assert "2021-07" in result.output
    forecasts = store.read(run / "forecasts.parquet")
    assert forecasts["origin"].unique().tolist() == [pd.Timestamp("2021-07-01")]
    assert store.read(run / "panel.parquet")["month"].max() == pd.Timestamp("2021-07-01")


def test_a_count_given_twice_counts_once(cli: Cli, counts_job: Path) -> None:
    text = counts_job.read_text(encoding="utf-8").replace("[counts.csv]", "['*.csv', counts.csv]")
    counts_job.write_text(text, encoding="utf-8")
    frame = pd.read_csv(counts_job.parent / "counts.csv")
    frame.to_csv(counts_job.parent / "copy.csv", index=False)
    revised = frame[frame["month"] == "2022-06"].assign(count=7)
    revised.to_csv(counts_job.parent / "revised.csv", index=False)
    panel = store.read(run_dir(cli("monthly", counts_job, "--as-of", "2022-06")) / "panel.parquet")
    before = frame.loc[frame["month"] < "2022-06", "count"].sum()
    assert panel["orders"].sum() == before + revised["count"].sum()


def test_a_last_month_of_counts_that_is_a_stub_is_left_out(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    frame = pd.read_csv(path)
    frame.loc[frame["month"] == "2022-06", "count"] //= 20
    frame.to_csv(path, index=False)
    result = cli("monthly", counts_job, "--as-of", "2022-06")
    assert store.read(run_dir(result) / "panel.parquet")["month"].max() == pd.Timestamp("2022-05-01")
    assert "2022-05" in result.output


def test_a_horizon_too_short_for_the_work_is_said(cli: Cli, counts_job: Path) -> None:
    counts_job.write_text(
        counts_job.read_text(encoding="utf-8").replace("horizon: 4", "horizon: 1"), encoding="utf-8"
    )
    result = cli("monthly", counts_job, "--as-of", "2022-06")
    assert result.exit_code == 0
    assert "horizon" in result.stdout


@pytest.mark.slow
def test_backtests_of_other_origins_have_other_names(cli: Cli, counts_job: Path) -> None:
    names = {run_dir(cli("backtest", counts_job, "--origins", n, "--horizon", 2)).name for n in (1, 2)}
    assert len(names) == 2
    assert not [name for name in names if name.endswith("-2") and name[:-2] in names]


def test_two_jobs_do_not_run_in_one_folder(cli: Cli, counts_job: Path) -> None:
    with locked(counts_job.parent / "runs", "monthly"):
        result = cli("monthly", counts_job, "--as-of", "2022-06")
    assert result.exit_code == 4
    assert "another job is running" in result.stderr


def test_backtest_writes_forecasts_scores_and_a_leaderboard(cli: Cli, counts_job: Path) -> None:
    run = run_dir(cli("backtest", counts_job, "--origins", 2, "--step", 2, "--horizon", 3))
    forecasts = store.read(run / "forecasts.parquet")
    assert forecasts["origin"].unique().tolist() == [pd.Timestamp("2022-01-01"), pd.Timestamp("2022-03-01")]
    assert set(forecasts["horizon"]) == {1, 2, 3}
    board = pd.read_csv(run / "leaderboard.csv")
    assert {"combination", "seasonal_naive"} <= set(board["model"])
    assert {"wape", "wspl", "bias"} <= set(board.columns)
    assert len(store.read(run / "scores.parquet"))


def test_backtest_tells_what_the_lists_of_a_plan_held(cli: Cli, counts_job: Path) -> None:
    result = cli("backtest", counts_job, "--origins", 2, "--step", 2, "--horizon", 3)
    run = run_dir(result)
    lists, gains = (store.read(run / f"plan_{name}.parquet") for name in ("scores", "gains"))
    assert set(lists["origin"]) == {pd.Timestamp("2022-01-01"), pd.Timestamp("2022-03-01")}
    assert "tasks" in set(lists["size"])
    board = pd.read_csv(run / "leaderboard.csv").set_index("model")
    assert [name for name in board.index if name.startswith("list: ")] == [
        f"list: {name}" for name in ("plan", "last_year", "flat_mean", "oracle")
    ]
    wanted = (lists["months"] == 3) & (lists["size"] == "10%") & (lists["metric"] == "of_oracle")
    held = lists[wanted & (lists["list"] == "plan")]["value"].mean()
    assert board.loc["list: plan", "of_oracle_10%"] == pytest.approx(held)
    assert f"{held:.1%}" in result.stdout
    assert f"{100 * held:.1f}\u202f%" in (run / "backtest.html").read_text(encoding="utf-8")
    gap = gains[(gains["months"] == 3) & (gains["size"] == "10%") & (gains["metric"] == "of_oracle")]
    assert board.loc["list: last_year", "plan_ahead"] == pytest.approx(
        gap.set_index("rival")["difference"]["last_year"]
    )


def test_backtest_and_monthly_issue_the_same_forecasts(cli: Cli, counts_job: Path) -> None:
    live = store.read(run_dir(cli("monthly", counts_job, "--as-of", "2022-02")) / "forecasts.parquet")
    past = store.read(run_dir(cli("backtest", counts_job, "--origins", 1, "--horizon", 4)) / "forecasts.parquet")
    pd.testing.assert_frame_equal(live, past[past["model"].isin(live["model"])].reset_index(drop=True))


def test_backtest_beyond_the_history_is_refused(cli: Cli, counts_job: Path) -> None:
    result = cli("backtest", counts_job, "--origins", 40, "--step", 1, "--horizon", 3)
    assert result.exit_code == 3
    assert "--origins" in result.stderr


def test_runs_lists_and_shows(cli: Cli, counts_job: Path) -> None:
    run = run_dir(cli("monthly", counts_job, "--as-of", "2022-06"))
    assert run.name in cli("runs", "--out", run.parent).stdout
    assert json.loads(cli("runs", "show", run.name, "--out", run.parent, "--json").stdout)["run_id"] in run.name
    assert "no runs" in cli("runs", "--out", run.parent / "none").stdout


def test_check_says_what_it_read(cli: Cli, counts_job: Path) -> None:
    result = cli("check", counts_job, "--as-of", "2022-06")
    assert result.exit_code == 0, result.output
    assert "300" in result.stdout
    assert not (counts_job.parent / "runs").exists()


def test_help_answers_within_a_second(root: Path) -> None:
    """Processor time, so that what else the machine does is not counted."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(3):
        start = spent()
        subprocess.run([sys.executable, "-m", "pipelines", "--help"], check=True, capture_output=True, cwd=root)
        times.append(spent() - start)
    assert min(times) < 1


def test_init_makes_a_workspace_that_runs(cli: Cli, tmp_path: Path) -> None:
    result = cli("init", tmp_path / "city")
    assert result.exit_code == 0, result.output
    config = tmp_path / "city" / "weisu.yaml"
    config.write_text(
        config.read_text(encoding="utf-8") + "forecaster:\n  models: [{kind: climatology}]\n", encoding="utf-8"
    )
    as_of = result.stdout.split("--as-of ")[1].split()[0]
    run = run_dir(cli("monthly", config, "--as-of", as_of))
    assert len(store.read(run / "workplan.parquet"))
    assert cli("init", tmp_path / "city").exit_code == 2


def test_init_shows_the_form_of_every_input(cli: Cli, tmp_path: Path) -> None:
    assert cli("init", tmp_path / "city").exit_code == 0
    config = tmp_path / "city" / "counts.yaml"
    config.write_text(
        "sources: [{grain: counts, paths: [samples/counts.csv]}]\nweather: {path: samples/weather.csv}\n"
        "categories: samples/categories.yaml\nplaybook: samples/playbook.yaml\n",
        encoding="utf-8",
    )
    result = cli("check", config)
    assert result.exit_code == 0, result.output
    assert "2024-01" in result.stdout


def test_init_prints_every_option(cli: Cli, tmp_path: Path) -> None:
    from pipelines.config import Settings

    assert cli("init", tmp_path / "city").exit_code == 0
    text = (tmp_path / "city" / "options.yaml").read_text(encoding="utf-8")
    assert all(name in text for name in Settings.model_fields)


def test_origins_in_two_processes_give_the_same_bytes(cli: Cli, counts_job: Path) -> None:
    args = ("backtest", counts_job, "--origins", 2, "--horizon", 3, "-q", "--jobs")
    one, two = (run_dir(cli(*args, jobs)) for jobs in (1, 2))
    assert two.name == f"{one.name}-2"
    files = {path.name for path in one.iterdir()} - {"run.json", "log.jsonl"}
    assert {"backtest.html", "comparisons.csv", "reliability.parquet", "losses.parquet", "leaderboard.csv"} <= files
    assert {name for name in files if (one / name).read_bytes() != (two / name).read_bytes()} == set()


def test_a_backtest_is_easy_to_read(cli: Cli, counts_job: Path) -> None:
    result = cli("backtest", counts_job, "--origins", 2, "--horizon", 3, "--jobs", 1)
    board = pd.read_csv(run_dir(result) / "leaderboard.csv")
    lines = result.stdout.splitlines()
    assert max(map(len, lines[:-1])) <= 118
    (best,) = (
        line.split() for line in lines if line.strip().startswith(str(board["model"][0])) and "WSPL" not in line
    )
    assert best[1] == f"{board['wspl'][0]:.3f}"
    assert "80% held" in result.stdout
    assert "seasonal_naive: WSPL" in result.stdout
    assert "nan" not in result.stdout


def test_actual_weather_after_an_origin_changes_nothing_forecast_there(cli: Cli, counts_job: Path) -> None:
    """LightGBM sees the weather; months ahead have its normal, also where the file goes on."""
    folder = counts_job.parent
    days = pd.date_range("2019-01-01", "2022-06-30")
    weather = pd.DataFrame({"date": days, "tmean": 10 + 15 * np.sin(days.day_of_year / 58), "prcp": days.day % 7})
    text = counts_job.read_text(encoding="utf-8")
    light = "{kind: lightgbm, trees: 10, least_rows: 50, least_in_leaf: 5}"
    text = text.replace("[{kind: seasonal_naive}, {kind: climatology}]", f"[{light}]")
    counts_job.write_text(text + "weather: {path: weather.csv}\n", encoding="utf-8")
    later, earlier = weather["date"] > "2022-03-31", weather["date"].dt.year == 2021
    found = []
    for shifted in (later & False, later, earlier):
        changed = weather.assign(tmean=weather["tmean"].where(~shifted, 35 - weather["tmean"]))
        changed.to_csv(folder / "weather.csv", index=False)
        run = run_dir(cli("backtest", counts_job, "--origins", 1, "--horizon", 3, "--jobs", 1))
        found.append((run / "forecasts.parquet").read_bytes())
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_the_command_of_the_documentation_runs(
    cli: Cli, counts_job: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(counts_job.parent)
    text = (root / "docs/methods/backtest.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^weisu (backtest .*)$", text, re.MULTILINE)
    run = run_dir(cli(*command.split(), "-q"))
    for name in re.findall(r"^\| (`[\w.]+\.(?:html|csv|parquet)`)", text, re.MULTILINE):
        assert (run / name.strip("`")).exists(), name
