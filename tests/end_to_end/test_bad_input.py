"""Whatever a user gets wrong: one clear line, the right exit code, nothing lost, nothing half-published."""

import gzip
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
from typer.testing import Result

from pipelines import store
from tests.end_to_end.conftest import monthly_counts

Cli = Callable[..., Result]
Asked = tuple[int, int, int]
OK, FAULT, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130


def edit(config: Path, old: str, new: str) -> None:
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new), encoding="utf-8")


def published(config: Path) -> list[str]:
    return [path.name for path in (config.parent / "runs").glob("2*")]


def refused(result: Result, config: Path, *words: str, code: int = REFUSED) -> None:
    """One line each, no traceback, nothing published."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert all(line.startswith(("weisu: ", "intake", "forecast", "backtest", "!")) for line in lines), lines
    assert any(all(word in line for word in words) for line in lines), lines
    assert "Traceback" not in result.stderr
    assert published(config) == []


def test_an_empty_file(cli: Cli, counts_job: Path) -> None:
    (counts_job.parent / "counts.csv").write_bytes(b"")
    refused(cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "counts.csv", "empty")


def test_a_header_and_nothing_else(cli: Cli, counts_job: Path) -> None:
    (counts_job.parent / "counts.csv").write_text("month,area,category,count\n")
    refused(cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "counts.csv", "no rows")


def test_bytes_that_are_no_text(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    path.write_bytes(path.read_bytes() + b"2022-07,\xff\xfe\xff,x,1\n")
    refused(cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "counts.csv", "->")


def test_gb18030_is_read_like_utf8(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    assert cli("monthly", counts_job, "--as-of", "2022-06").exit_code == OK


def test_a_missing_column(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    pd.read_csv(path).rename(columns={"area": "somewhere", "count": "n?"}).to_csv(path, index=False)
    result = cli("monthly", counts_job, "--as-of", "2022-06")
    refused(result, counts_job, "area", "somewhere")
    assert "count" in result.stderr


def test_an_unreadable_file(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    (counts_job.parent / "counts.csv.gz").write_bytes(gzip.compress(path.read_bytes())[:200])
    edit(counts_job, "counts.csv", "counts.csv.gz")
    refused(cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "counts.csv.gz", "->")


def test_a_file_that_is_not_there(cli: Cli, counts_job: Path) -> None:
    edit(counts_job, "counts.csv", "elsewhere/*.csv")
    refused(cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "elsewhere", "->")


def test_a_typo_in_the_config(cli: Cli, counts_job: Path) -> None:
    edit(counts_job, "horizon:", "horizn:")
    refused(
        cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "horizn", "did you mean 'horizon'", code=USAGE
    )


def test_a_typo_deep_in_the_config(cli: Cli, counts_job: Path) -> None:
    edit(counts_job, "past_origins", "past_orgins")
    result = cli("check", counts_job)
    refused(result, counts_job, "past_orgins", "did you mean 'past_origins'", code=USAGE)


@pytest.mark.parametrize("month", ["2022-13", "2022", "October", "22-10", "2022-1"])
def test_a_month_that_is_none(cli: Cli, counts_job: Path, month: str) -> None:
    result = cli("monthly", counts_job, "--as-of", month)
    assert result.exit_code == USAGE
    assert "2022-10" in result.stderr


def test_a_month_before_and_after_the_data(cli: Cli, counts_job: Path) -> None:
    refused(cli("monthly", counts_job, "--as-of", "2019-01"), counts_job, "2019-01", "->")
    refused(cli("monthly", counts_job, "--as-of", "2030-01"), counts_job, "2030-01", "2022-06")


def test_negative_and_fractional_counts_are_refused_row_by_row(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    path.write_text(
        path.read_text(encoding="utf-8") + "2022-06,社区1,停车,-3\n2022-06,社区1,停车,1.5\n2022-06,社区1,停车,x\n"
    )
    assert cli("monthly", counts_job, "--as-of", "2022-06").exit_code == OK
    rejects = store.read(counts_job.parent / "runs/latest/rejects.parquet")
    assert rejects["row"].tolist() == [302, 303, 304]
    assert rejects["value"].tolist() == ["-3", "1.5", "x"]


def test_too_many_refused_rows_refuse_the_data(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    frame = pd.read_csv(path)
    frame.loc[frame.index % 3 == 0, "count"] = -1
    frame.to_csv(path, index=False)
    refused(cli("monthly", counts_job, "--as-of", "2022-06"), counts_job, "max_rejected_share")


def test_dates_in_three_formats_and_nonsense(cli: Cli, orders_job: Path) -> None:
    path = orders_job.parent / "orders.csv"
    frame = pd.read_csv(path, dtype="str")
    frame.loc[frame.index % 3 == 1, "opened"] = frame["opened"].str.replace("-", "/")
    frame.loc[frame.index % 3 == 2, "opened"] = frame["opened"].str.replace(
        r"(\d+)-(\d+)-(\d+)", r"\1年\2月\3日", regex=True
    )
    frame.loc[[10, 20], "opened"] = ["soon", "2020-02-31"]
    frame.to_csv(path, index=False)
    assert cli("monthly", orders_job, "--as-of", "2021-08").exit_code == OK
    run = orders_job.parent / "runs/latest"
    assert store.read(run / "rejects.parquet")["row"].tolist() == [12, 22]
    assert store.read(run / "panel.parquet")["orders"].sum() == 598


def test_duplicate_ids_count_once(cli: Cli, orders_job: Path) -> None:
    path = orders_job.parent / "orders.csv"
    frame = pd.read_csv(path, dtype="str")
    pd.concat([frame, frame.head(40)]).to_csv(path, index=False)
    assert cli("monthly", orders_job, "--as-of", "2021-08").exit_code == OK
    assert store.read(orders_job.parent / "runs/latest/panel.parquet")["orders"].sum() == 600


def test_unknown_areas_are_counted_and_shown(cli: Cli, orders_job: Path) -> None:
    areas = "area,name,level\n1,东社区,community\n2,西社区,community\n"
    (orders_job.parent / "areas.csv").write_text(areas, encoding="utf-8")
    orders_job.write_text(orders_job.read_text(encoding="utf-8") + "areas: {path: areas.csv}\n", encoding="utf-8")
    result = cli("monthly", orders_job, "--as-of", "2021-08")
    assert result.exit_code == OK, result.output
    unresolved = store.read(orders_job.parent / "runs/latest/unresolved.parquet")
    assert unresolved["value"].tolist() == ["南社区"]
    assert "南社区" in result.output


def test_when_no_area_is_known_the_data_are_refused(cli: Cli, orders_job: Path) -> None:
    (orders_job.parent / "areas.csv").write_text("area,name,level\n1,别处,community\n", encoding="utf-8")
    orders_job.write_text(orders_job.read_text(encoding="utf-8") + "areas: {path: areas.csv}\n", encoding="utf-8")
    refused(cli("monthly", orders_job, "--as-of", "2021-08"), orders_job, "东社区", "->")


def test_unknown_categories_are_counted_and_shown(cli: Cli, orders_job: Path) -> None:
    tree = "categories:\n  - {code: H, name: 供暖, values: [{value: 供暖}]}\n"
    (orders_job.parent / "tree.yaml").write_text(tree, encoding="utf-8")
    orders_job.write_text(orders_job.read_text(encoding="utf-8") + "categories: tree.yaml\n", encoding="utf-8")
    result = cli("monthly", orders_job, "--as-of", "2021-08")
    assert result.exit_code == OK, result.output
    assert "停车" in store.read(orders_job.parent / "runs/latest/unresolved.parquet")["value"].tolist()


def test_one_community(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    frame = pd.read_csv(path)
    frame[frame["area"] == "社区1"].to_csv(path, index=False)
    assert cli("monthly", counts_job, "--as-of", "2022-06").exit_code == OK
    assert len(store.read(counts_job.parent / "runs/latest/workplan.parquet"))


def test_one_month(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    frame = pd.read_csv(path)
    frame[frame["month"] == "2022-06"].to_csv(path, index=False)
    result = cli("monthly", counts_job, "--as-of", "2022-06")
    assert result.exit_code == OK, result.output
    assert "1 个月" in result.output


def test_all_zeros(cli: Cli, counts_job: Path) -> None:
    path = counts_job.parent / "counts.csv"
    pd.read_csv(path).assign(count=0).to_csv(path, index=False)
    result = cli("monthly", counts_job, "--as-of", "2022-06")
    assert result.exit_code == OK, result.output
    forecasts = store.read(counts_job.parent / "runs/latest/forecasts.parquet")
    assert forecasts["predicted"].max() < 1
    assert store.read(counts_job.parent / "runs/latest/workplan.parquet").empty


def test_estates_without_households(cli: Cli, orders_job: Path) -> None:
    head = "estate,name,area,households,built_year"
    rows = "\n".join([head, "E1,东里,东社区,0,1985", "E2,西里,西社区,,2090", "E3,南里,南社区,200,1999"])
    (orders_job.parent / "estates.csv").write_text(rows, encoding="utf-8")
    orders_job.write_text(orders_job.read_text(encoding="utf-8") + "estates: {path: estates.csv}\n", encoding="utf-8")
    result = cli("monthly", orders_job, "--as-of", "2021-08")
    assert result.exit_code == OK, result.output
    estates = store.read(orders_job.parent / "runs/latest/estates.parquet").set_index("estate")
    assert estates["households"].isna().tolist() == [True, True, False]
    assert set(store.read(orders_job.parent / "runs/latest/estate_rejects.parquet")["column"]) == {
        "households",
        "built_year",
    }


def test_check_tells_every_fault_of_every_input_at_once(cli: Cli, orders_job: Path) -> None:
    extra = "areas: {path: nowhere.csv}\nestates: {path: missing.csv}\nweather: {path: gone.csv}\n"
    orders_job.write_text(orders_job.read_text(encoding="utf-8") + extra, encoding="utf-8")
    (orders_job.parent / "orders.csv").write_bytes(b"")
    result = cli("check", orders_job)
    assert result.exit_code == REFUSED
    for name in ("nowhere.csv", "missing.csv", "gone.csv", "orders.csv"):
        assert name in result.stderr, result.stderr


@pytest.mark.slow
def test_no_room_to_write(counts_job: Path, root: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    command = [sys.executable, "-m", "pipelines", "monthly", str(counts_job), "--as-of", "2022-06"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, preexec_fn=limit, check=False)
    assert done.returncode == FAULT, done.stderr
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert published(counts_job) == []
    assert not list((counts_job.parent / "runs").glob(".draft*"))


def test_a_runs_folder_that_cannot_be_made(cli: Cli, counts_job: Path) -> None:
    (counts_job.parent / "blocked").write_text("a file")
    result = cli("monthly", counts_job, "--as-of", "2022-06", "--out", counts_job.parent / "blocked" / "runs")
    refused(result, counts_job, "cannot write", "blocked", code=FAULT)


def test_a_backtest_of_one_month(cli: Cli, counts_job: Path) -> None:
    """No --horizon and no --origins would help; the line says how many months would."""
    monthly_counts(months=1).to_csv(counts_job.parent / "counts.csv", index=False)
    result = cli("backtest", counts_job, "--origins", "4", "--step", "3", "--horizon", "6")
    wanted = ("1 month of data (2020-01)", "16 are needed", "sources", "at least 2 months")
    refused(result, counts_job, *wanted)
    assert sum(line.startswith("weisu: ") for line in result.stderr.splitlines()) == 1
    assert advised(result.stderr) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize(("months", "asked"), [(2, (4, 3, 6)), (6, (1, 3, 6)), (9, (4, 3, 6)), (15, (4, 3, 6))])
def test_the_advice_on_too_many_origins_holds(cli: Cli, counts_job: Path, months: int, asked: Asked) -> None:
    """What the line names is the most there is room for: it goes through, one more does not."""
    monthly_counts(months=months).to_csv(counts_job.parent / "counts.csv", index=False)

    def tried(origins: int, step: int, horizon: int) -> Result:
        options = ("--origins", origins, "--step", step, "--horizon", horizon)
        return cli("backtest", counts_job, *options, "--jobs", 1)

    result = tried(*asked)
    refused(result, counts_job, f"{months} months of data (2020-01 to ")
    origins, horizon = advised(result.stderr)
    most = (origins or asked[0], asked[1], horizon or asked[2])
    more = (most[0] + (horizon is None), most[1], most[2] + (horizon is not None))
    refused(tried(*more), counts_job, "months of data")
    assert tried(*most).exit_code == OK


def advised(stderr: str) -> tuple[int | None, int | None]:
    """--origins and --horizon as an error proposes them."""
    fix = stderr.rpartition(" -> ")[2]
    origins, horizon = (re.search(rf"--{name} (\d+)", fix) for name in ("origins", "horizon"))
    return (int(origins[1]) if origins else None), (int(horizon[1]) if horizon else None)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle(counts_job: Path, root: Path, cli: Cli, stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "pipelines", "monthly", str(counts_job), "--as-of", "2022-06"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=root, env=environment) as job:
        assert job.stderr is not None
        assert any("forecast" in line for line in iter(job.stderr.readline, ""))
        time.sleep(0.1)
        job.send_signal(stop)
        rest = job.stderr.read()
    assert "Traceback" not in rest
    assert job.returncode == (INTERRUPTED if stop == signal.SIGINT else -signal.SIGKILL)
    assert published(counts_job) == []
    assert cli("monthly", counts_job, "--as-of", "2022-06").exit_code == OK
    assert not list((counts_job.parent / "runs").glob(".draft*"))


@pytest.mark.slow
def test_a_backtest_in_processes_stopped_in_the_middle(counts_job: Path, root: Path) -> None:
    """Ctrl-C reaches the whole group of a terminal: no worker prints, none is left, nothing is published."""
    edit(counts_job, "past_origins: 3", "past_origins: 10")
    command = [sys.executable, "-m", "pipelines", "backtest", str(counts_job), "--horizon", "2", "--step", "1"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--origins", "12", "--jobs", "2"],
        stderr=subprocess.PIPE, text=True, cwd=root, env=environment, start_new_session=True,
    ) as job:  # fmt: skip
        assert job.stderr is not None
        assert any("backtest" in line for line in iter(job.stderr.readline, ""))
        workers = started(job)
        os.killpg(job.pid, signal.SIGINT)
        rest = job.stderr.read()
    assert "Traceback" not in rest
    assert job.returncode == INTERRUPTED
    assert published(counts_job) == []
    _, left = psutil.wait_procs(workers, timeout=60)
    assert [one.pid for one in left if one.status() != psutil.STATUS_ZOMBIE] == []


def started(job: subprocess.Popen[str]) -> list[psutil.Process]:
    """Processes of a job, once both workers are there."""
    while job.poll() is None:
        if len(found := psutil.Process(job.pid).children(recursive=True)) >= 3:
            return found
        time.sleep(0.05)
    pytest.fail("the job ended before its workers were seen")


STRANGE = "2023年热线来件明细,,,\n制表: 信息科,,,\n来件时刻,所在街道,所在小区,问题分类一级\n"


def strange_job(tmp_path: Path) -> Path:
    """Three GB18030 files with rows above a header that no alias knows."""
    for year in (2021, 2022, 2023):
        rows = [f"{year}/{m:02d}/{d:02d},劲松街道,{d % 2}号社区,漏雨" for m in range(1, 13) for d in range(1, 29)]
        (tmp_path / f"{year}.csv").write_bytes((STRANGE + "\n".join(rows)).encode("gb18030"))
    (tmp_path / "weisu.yaml").write_text('sources: [{paths: ["*.csv"]}]\n', encoding="utf-8")
    return tmp_path / "weisu.yaml"


def test_unknown_headers_are_told_once_with_the_lines_that_mend_them(cli: Cli, tmp_path: Path) -> None:
    job = strange_job(tmp_path)
    result = cli("check", job)
    assert result.exit_code == REFUSED
    assert result.stderr.count("2021.csv and 2 more files: no column for") == 3
    assert "3 faults" in result.stderr
    told = re.findall(r"write columns: \{(.*?)\} in source", result.stderr)
    assert told == ["received_at: 来件时刻", "area: 所在小区", "category: 问题分类一级"]
    job.write_text(f'sources: [{{paths: ["*.csv"], columns: {{{", ".join(told)}}}}}]\n', encoding="utf-8")
    said = cli("check", job).stdout
    assert '! source1 未读取 所在街道 → 若要读取, 在 columns 写 area: "所在街道->所在小区"' in said
    assert "没有街道: 2 个社区归入一个街道" in said
    assert said.splitlines()[-1] == f"下一步: weisu monthly {job}"
    told[1] = 'area: "所在街道->所在小区"'
    job.write_text(f'sources: [{{paths: ["*.csv"], columns: {{{", ".join(told)}}}}}]\n', encoding="utf-8")
    said = cli("check", job).stdout
    assert "未读取" not in said
    assert "没有街道" not in said


def test_columns_written_the_wrong_way_round(cli: Cli, tmp_path: Path) -> None:
    job = strange_job(tmp_path)
    job.write_text('sources: [{paths: ["*.csv"], columns: {来件时刻: received_at}}]\n', encoding="utf-8")
    result = cli("check", job)
    assert result.exit_code == USAGE
    (line,) = result.stderr.splitlines()
    assert "write it the other way round, received_at: 来件时刻" in line
