"""Two monthly runs in a row: the second tells how good the first was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from forecast.tables import Drift, LiveScores, check
from tests.end_to_end.conftest import COUNTS, monthly_counts, weisu

Cli = Callable[..., Result]


def run_dir(result: Result) -> Path:
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip().splitlines()[-1])


def tables(run: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    scored, drift = (pd.read_parquet(run / f"{name}.parquet") for name in ("live_scores", "drift"))
    return check(LiveScores, scored), check(Drift, drift)


def passed_over(run: Path) -> list[str]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    return [line["run"] for line in lines if line["event"] == "passed_over"]


def city(folder: Path, times: float = 1.0) -> Path:
    """A job on counts; in the last month they are `times` what they would be."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = monthly_counts(areas=3)
    last = counts["month"] == counts["month"].max()
    counts["count"] = (counts["count"] * last.map({True: times, False: 1.0})).astype(int)
    counts.to_csv(folder / "counts.csv", index=False)
    (folder / "weisu.yaml").write_text(COUNTS, encoding="utf-8")
    return folder / "weisu.yaml"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a job whose first month has run."""
    folder = tmp_path_factory.mktemp("live")
    run_dir(weisu("monthly", city(folder), "--as-of", "2022-05"))
    return folder


@pytest.fixture
def job(first: Path, tmp_path: Path) -> Path:
    """A copy of it to go on with."""
    return Path(shutil.copytree(first, tmp_path / "job", symlinks=True)) / "weisu.yaml"


def test_the_first_run_says_there_is_nothing_to_look_back_on(first: Path) -> None:
    run = next(path for path in (first / "runs").iterdir() if not path.is_symlink() and path.name.startswith("2022"))
    assert all(table.empty for table in tables(run))
    assert "本城市还没有上月发出的预测，下月起可复盘" in (run / "report.html").read_text("utf-8")


def test_the_second_run_reports_the_first(cli: Cli, job: Path) -> None:
    run = run_dir(cli("monthly", job, "--as-of", "2022-06"))
    scored, drift = tables(run)
    assert set(scored["issued"]) == {pd.Timestamp("2022-05-01")}
    total = scored[scored["segment"] == "all"].iloc[0]
    came = pd.read_csv(job.parent / "counts.csv").query("month == '2022-06'")["count"].sum()
    assert (total["month"], total["observed"], total["cells"]) == (pd.Timestamp("2022-06-01"), came, 6)
    before = next(path for path in job.parent.glob("runs/2022-05-*"))
    issued = pd.read_parquet(before / "forecasts.parquet").query(
        "area == 'city' and category == '*' and horizon == 1"
    )
    assert total["expected"] == issued.loc[issued["output"] == "mean", "predicted"].iloc[0]
    assert total["low80"] == issued.loc[issued["level"] == 0.1, "predicted"].iloc[0]
    assert set(drift["months"]) == {1}
    assert not drift["alarm"].any()
    page = (run / "report.html").read_text("utf-8")
    assert f"实际 {came} 件" in page
    assert "没有警报" in page
    again = run_dir(cli("plan", run))
    assert all(mine.equals(theirs) for mine, theirs in zip(tables(run), tables(again), strict=True))


def test_a_planted_shift_is_told_first(cli: Cli, job: Path) -> None:
    city(job.parent, times=4.0)
    run = run_dir(cli("monthly", job, "--as-of", "2022-06"))
    scored, drift = tables(run)
    called = drift[drift["alarm"]]
    assert "all" in set(called["segment"])
    assert (called["z"] > 0).all()
    page = (run / "report.html").read_text("utf-8")
    told = page[page.index('<section id="live">') : page.index('<section id="coming">')]
    assert "警报：" in told.split('<p class="lead">')[1].split("</p>")[0]
    assert "远高于预测" in told
    assert scored["z"].max() > 3


def test_a_folder_that_does_not_fit_is_passed_over_and_never_a_crash(cli: Cli, job: Path) -> None:
    before = next(path for path in job.parent.glob("runs/2022-05-*"))
    rows = pd.read_parquet(before / "forecasts.parquet")
    damage = {
        "older layout": rows.drop(columns="level"),
        "another city": rows.assign(area="elsewhere-" + rows["area"]),
        "nothing": None,
    }
    for table in damage.values():
        (before / "forecasts.parquet").unlink()
        if table is not None:
            table.to_parquet(before / "forecasts.parquet")
        run = run_dir(cli("monthly", job, "--as-of", "2022-06"))
        assert passed_over(run) == [before.name]
        assert all(table.empty for table in tables(run))
        shutil.rmtree(run)


def test_later_runs_are_not_looked_at(cli: Cli, job: Path) -> None:
    run = run_dir(cli("monthly", job, "--as-of", "2022-05"))
    assert all(table.empty for table in tables(run))
    assert passed_over(run) == []
