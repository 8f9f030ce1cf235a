"""`weisu effect` as a user runs it: what is written, in which order it is said, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import Result

from forecast.tables import Effects, EventStudy, Treated
from pipelines import store
from tests.end_to_end.conftest import FAST

Cli = Callable[..., Result]
AREAS, MONTHS, START = 40, 48, 30
PLANS = ("2021-11", "2021-12")
DAYS = ("2021-12-06", "2021-12-20", "2022-01-10")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Forty communities in eight streets; ten had work that halved their complaints from month 30 on."""
    rng = np.random.default_rng(0)
    span = pd.date_range("2020-01-01", periods=MONTHS, freq="MS")
    mean = np.full((AREAS, MONTHS), 12.0) * (1 + 0.4 * np.sin(np.arange(MONTHS) * np.pi / 6))
    mean[:10, START:] *= 0.5
    y = rng.poisson(mean)
    rows = [(f"{m:%Y-%m}", f"社区{a}", "停车", y[a, t]) for a in range(AREAS) for t, m in enumerate(span)]
    pd.DataFrame(rows, columns=["month", "area", "category", "count"]).to_csv(tmp_path / "counts.csv", index=False)
    (tmp_path / "areas.csv").write_text(
        "社区,街道\n" + "".join(f"社区{a},街道{a % 8}\n" for a in range(AREAS)), encoding="utf-8"
    )
    done = [f"错时停车,社区{a},停车,2022-07,,3000\n" for a in range(10)]
    (tmp_path / "done.csv").write_text("名称,社区,类别,开始,结束,费用\n" + "".join(done), encoding="utf-8")
    path = tmp_path / "weisu.yaml"
    path.write_text(
        """city: 示例
areas: {path: areas.csv}
sources:
  - grain: counts
    paths: [counts.csv]
    columns: {month: month, area: area, category: category, count: count}
interventions: {path: done.csv}
""",
        encoding="utf-8",
    )
    return path


def ran(cli: Cli, *words: object) -> Path:
    result = cli(*words, "-q")
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip().splitlines()[-1])


def test_a_halving_is_found_and_told_last(cli: Cli, job: Path) -> None:
    result = cli("effect", job, "-q")
    assert result.exit_code == 0, result.output
    run = Path(result.stdout.strip().splitlines()[-1])
    effects = store.read(run / "effects.parquet", Effects)
    (row,) = effects.to_dict("records")
    assert (row["estimator"], row["group"], row["concluded"], row["reading"]) == ("did", "错时停车", True, "fewer")
    assert row["low"] < -0.5 < row["high"] < -0.3
    assert row["cost"] == 30_000
    assert row["averted_low"] < 10 * 12 * 12 * 0.5 < row["averted_high"]
    said = result.stdout
    order = [said.index(word) for word in ("此前走势", "看得出多大变化", "区间（95%）", "结果：")]
    assert order == sorted(order)
    study = store.read(run / "event_study.parquet", EventStudy)
    assert study.loc[study["event_month"] >= 0, "estimate"].mean() == pytest.approx(-0.5, abs=0.06)
    assert study.loc[study["event_month"] < 0, "estimate"].mean() == pytest.approx(0, abs=0.06)
    text = (run / "effects.txt").read_text(encoding="utf-8-sig")
    assert [line for line in text.splitlines() if line] == [line for line in said.splitlines()[:-1] if line]
    assert {"effects.csv", "event_study.csv", "config.yaml", "run.json"} <= {path.name for path in run.iterdir()}


def test_the_same_inputs_give_the_same_tables(cli: Cli, job: Path) -> None:
    one, two = (ran(cli, "effect", job) for _ in range(2))
    assert (one / "effects.parquet").read_bytes() == (two / "effects.parquet").read_bytes()
    assert (
        json.loads((one / "run.json").read_text())["run_id"] == json.loads((two / "run.json").read_text())["run_id"]
    )


@pytest.mark.slow
def test_tasks_done_by_the_plans_issued_count_and_weak_ground_is_said(cli: Cli, counts_job: Path) -> None:
    text = counts_job.read_text(encoding="utf-8")
    counts_job.write_text(text + "language: en\nplan: {hold_back: 0.5, borderline: 1}\n", encoding="utf-8")
    plans = [store.read(ran(cli, "monthly", counts_job, "--as-of", month) / "workplan.parquet") for month in PLANS]
    asked = plans[0][plans[0]["chosen"]].head(3)
    back = counts_job.parent / "back.csv"
    said = [f"{task},done,{day},500,3,1\n" for task, day in zip(asked["task_id"], DAYS, strict=True)]
    back.write_text("task id,status,done on,cost,defects found,defects mended\n" + "".join(said))
    heard = cli("feedback", counts_job, back)
    assert heard.exit_code == 0, heard.output
    result = cli("effect", counts_job, "-q")
    assert result.exit_code == 0, result.output
    run = Path(result.stdout.strip().splitlines()[-1])
    treated = store.read(run / "treated.parquet", Treated)
    assert set(treated["unit"]) == set(asked["task_id"])
    assert sorted(treated["month"].dt.strftime("%Y-%m")) == [day[:7] for day in DAYS]
    effects = store.read(run / "effects.parquet", Effects)
    compared, lottery = (effects[effects["estimator"] == name].iloc[0] for name in ("did", "holdback"))
    drawn = pd.concat(plans)
    drawn = drawn[drawn["borderline"]].drop_duplicates("task_id")
    assert lottery["treated"] == (drawn["fate"] == "chosen").sum()
    assert lottery["controls"] == (drawn["fate"] == "held_back").sum() > 0
    assert set(effects["group"]) == {"general"}
    assert compared["cost"] == 1500
    assert "not concluded" in result.stdout
    assert "Defects found 9, mended 3" in result.stdout
    assert "Averted" not in result.stdout
    early = store.read(ran(cli, "effect", counts_job, "--as-of", PLANS[0]) / "treated.parquet", Treated)
    assert early.empty


@pytest.mark.slow
def test_a_forecast_that_trains_without_the_work_forgets_it_and_sees_no_future(cli: Cli, job: Path) -> None:
    kept = job.read_text(encoding="utf-8") + FAST + "horizon: 4\nplan: {hold_back: 0}\n"
    runs = {}
    for name, asked in (("with", "{path: done.csv}"), ("without", "{path: done.csv, train_without: true}")):
        job.write_text(kept.replace("{path: done.csv}", asked), encoding="utf-8")
        runs[name] = ran(cli, "monthly", job, "--as-of", "2023-05", "--out", job.parent / name)
    tables = {name: store.read(run / "forecasts.parquet") for name, run in runs.items()}
    assert (runs["with"] / "panel.parquet").read_bytes() == (runs["without"] / "panel.parquet").read_bytes()
    means = {
        name: table[table["output"] == "mean"].groupby("area")["predicted"].sum() for name, table in tables.items()
    }
    ratio = means["without"] / means["with"]
    helped = [f"社区{a}" for a in range(10)]
    assert ratio[helped].mean() == pytest.approx(2, abs=0.4)
    assert ratio[[f"社区{a}" for a in range(10, AREAS)]].to_numpy() == pytest.approx(1, abs=0.05)
    later = pd.read_csv(job.parent / "counts.csv")
    later.loc[later["month"] > "2023-05", "count"] *= 3
    later.to_csv(job.parent / "counts.csv", index=False)
    with (job.parent / "done.csv").open("a", encoding="utf-8") as file:
        file.write("错时停车,社区20,停车,2023-08,,3000\n新办法,社区21,停车,2023-07,,\n")
    again = ran(cli, "monthly", job, "--as-of", "2023-05", "--out", job.parent / "again")
    assert (again / "forecasts.parquet").read_bytes() == (runs["without"] / "forecasts.parquet").read_bytes()


def test_nothing_done_is_said_and_no_fault(cli: Cli, job: Path) -> None:
    job.write_text(job.read_text(encoding="utf-8").replace("interventions: {path: done.csv}\n", ""), encoding="utf-8")
    result = cli("effect", job, "--as-of", "2023-06", "-q")
    assert result.exit_code == 0, result.output
    assert "还没有可评估" in result.stdout


def test_faults_of_the_file_come_one_a_line_from_effect_and_from_check(cli: Cli, job: Path) -> None:
    (job.parent / "done.csv").write_text("name,area,start\na,社区1,2022-01\nb,天上,2022-01\nc,社区2,soon\n", "utf-8")
    for words in (("effect", job, "-q"), ("check", job)):
        result = cli(*words)
        assert result.exit_code == 3, result.output
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 3
        assert "2 faults" in lines[-1]
        assert "row 3: area '天上'" in lines[0]
        assert "row 4: start 'soon'" in lines[1]
    assert not list((job.parent / "runs").glob("2*"))
