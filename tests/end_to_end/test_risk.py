"""`weisu risk` and `weisu backtest --risk` as a user runs them: what is written, what is read, what is refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import Result

from pipelines import store

Cli = Callable[..., Result]
N = 60
LEDGER = """\
estates:
  path: estates.csv
  history:
    - {column: 供暖2020, category: 供暖不热, year: 2020}
    - {column: 供暖2021, category: 供暖不热, year: 2021}
    - {column: 停车2020, category: 停车, year: 2020}
    - {column: 停车2021, category: 停车, year: 2021}
"""


def ledger(years: tuple[int, ...] = (2020, 2021)) -> pd.DataFrame:
    """Estates of five communities; those of higher number are older and louder."""
    rng = np.random.default_rng(0)
    k = np.arange(N)
    table = pd.DataFrame(
        {
            "小区编号": [f"E{n:02}" for n in k], "小区名称": [f"{n}号里" for n in k],
            "社区": [f"社区{n % 5}" for n in k], "户数": 100 + k, "建成年份": 2010 - k // 2,
            "经度": 116.4 + k / 1000, "纬度": 39.9, "产权性质": np.where(k % 3, "商品房", "公房"),
            "老年人占比": np.where(k % 4, "20%", "40%"),
        }
    )  # fmt: skip
    for name, share in (("供暖", 0.4), ("停车", 0.1)):
        for year in years:
            table[f"{name}{year}"] = rng.poisson(share * k)
    return table


@pytest.fixture
def job(counts_job: Path) -> Path:
    """A job on counts with a ledger that has two years of two categories."""
    ledger().to_csv(counts_job.parent / "estates.csv", index=False)
    counts_job.write_text(counts_job.read_text(encoding="utf-8") + LEDGER, encoding="utf-8")
    return counts_job


def edited(job: Path, **columns: Any) -> None:
    ledger().assign(**columns).to_csv(job.parent / "estates.csv", index=False)


def ran(cli: Cli, *words: object) -> Path:
    result = cli(*words, "-q")
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip().splitlines()[-1])


def refused(cli: Cli, code: int, *words: object) -> str:
    result = cli(*words, "-q")
    assert result.exit_code == code, result.output
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("weisu: ")
    return str(line)


def test_a_run_has_tables_workbook_map_and_manifest(cli: Cli, job: Path) -> None:
    run = ran(cli, "risk", job, "--as-of", "2021-12")
    names = {path.name for path in run.iterdir()}
    assert {
        f"{table}.{kind}" for table in ("risk", "risk_drivers", "fairness") for kind in ("csv", "parquet")
    } <= names
    assert {"estate_risk.xlsx", "estate_risk.geojson", "config.yaml", "log.jsonl"} <= names
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert manifest["job"] == "risk"
    assert manifest["models"] == {"*": "eb_glm", "供暖不热": "eb_glm", "停车": "eb_glm"}
    assert manifest["seeds"] == {"risk": 20, "fairness": 20}
    assert {"config_sha256", "inputs_sha256", "code_sha256", "versions"} <= set(manifest)
    book = openpyxl.load_workbook(io.BytesIO((run / "estate_risk.xlsx").read_bytes()))
    assert book.sheetnames == ["小区风险清单", "分类风险", "沉默小区", "公平性", "数据说明"]
    assert book["小区风险清单"].max_row == 4 + N
    assert len(json.loads((run / "estate_risk.geojson").read_text(encoding="utf-8"))["features"]) == N
    risk, drivers = (store.read(run / f"{name}.parquet") for name in ("risk", "risk_drivers"))
    sums = drivers.groupby(["estate", "category"])["contribution"].sum()
    assert (sums == risk.set_index(["estate", "category"])["score"].reindex(sums.index)).all()
    fair = store.read(run / "fairness.parquet")
    assert set(fair["by"]) == {"zone", "building_age", "tenure", "elderly_share"}
    assert fair.groupby("by")["slots_share"].sum().to_numpy() == pytest.approx(1)


def test_the_screen_ends_with_grades_the_first_and_what_is_unknown(cli: Cli, job: Path) -> None:
    edited(job, 户数=[None, *range(1, N)], 经度=[None] * 3 + [116.4] * (N - 3))
    lines = cli("risk", job, "--as-of", "2021-12", "-q").stdout.splitlines()
    text = "\n".join(lines)
    assert "共 60 个小区：红 1、橙 5、黄 12、蓝 42。" in text
    assert sum(line.startswith(f"{n:>3}  ") for line in lines for n in range(1, 11)) == 10
    assert "  1  红 " in text
    assert "未来 12 个月约" in text
    assert "不详的：" in text
    assert "户数 1" in text
    assert "60 个小区中 3 个没有坐标" in text


def test_json_is_one_object_and_runs_repeat_to_the_byte(cli: Cli, job: Path) -> None:
    facts = json.loads(cli("risk", job, "--as-of", "2021-12", "--json").stdout)
    one, two = Path(facts["run_dir"]), ran(cli, "risk", job, "--as-of", "2021-12")
    assert two.name == f"{one.name}-2"
    files = {path.name for path in one.iterdir()} - {"run.json", "log.jsonl"}
    assert {name for name in files if (one / name).read_bytes() != (two / name).read_bytes()} == set()


def test_no_complaint_is_read_where_ledgers_say_enough(cli: Cli, job: Path) -> None:
    (job.parent / "counts.csv").unlink()
    assert (ran(cli, "risk", job, "--as-of", "2021-12") / "estate_risk.xlsx").exists()


def test_what_comes_after_as_of_is_not_seen(cli: Cli, job: Path) -> None:
    first = store.read(ran(cli, "risk", job, "--as-of", "2020-12") / "risk.parquet")
    edited(job, 供暖2021=range(N, 0, -1))
    assert first.equals(store.read(ran(cli, "risk", job, "--as-of", "2020-12") / "risk.parquet"))


def test_orders_that_name_estates_are_history(cli: Cli, orders_job: Path) -> None:
    path = orders_job.parent / "orders.csv"
    orders = pd.read_csv(path, dtype="str")
    orders["小区"] = orders["community"].str[0] + "里"
    orders.to_csv(path, index=False)
    rows = [f"E{n},{name}里,{name}社区,200,1985" for n, name in enumerate("东西南")]
    (orders_job.parent / "estates.csv").write_text(
        "\n".join(["小区编号,小区名称,社区,户数,建成年份", *rows]), encoding="utf-8"
    )
    text = orders_job.read_text(encoding="utf-8") + "estates: {path: estates.csv}\n"
    orders_job.write_text(text, encoding="utf-8")
    run = ran(cli, "risk", orders_job, "--as-of", "2021-08")
    scored = store.read(run / "risk.parquet")
    monthly = store.read(ran(cli, "monthly", orders_job, "--as-of", "2021-08") / "risk.parquet")
    rates = scored[scored["category"] != "*"].reset_index(drop=True)
    assert set(rates["category"]) == {"供暖", "停车"}
    assert rates.equals(monthly[monthly["category"] != "*"].reset_index(drop=True))
    assert scored.loc[scored["category"] == "*", "expected"].notna().all()


def test_one_estate_no_history_no_community(cli: Cli, job: Path) -> None:
    ledger().head(1).to_csv(job.parent / "estates.csv", index=False)
    assert store.read(ran(cli, "risk", job, "--as-of", "2021-12") / "risk.parquet")["grade"].eq("blue").all()
    edited(job, 社区=[None, *["社区1"] * (N - 1)])
    run = ran(cli, "risk", job, "--as-of", "2021-12")
    assert set(store.read(run / "risk.parquet")["estate"]) == {f"E{n:02}" for n in range(N)}
    job.write_text(
        job.read_text(encoding="utf-8").replace(LEDGER, "estates: {path: estates.csv}\n"), encoding="utf-8"
    )
    risk = store.read(ran(cli, "risk", job, "--as-of", "2021-12") / "risk.parquet")
    assert set(risk["model"]) == {"scorecard"}
    assert risk["expected"].isna().all()


def test_bad_input_is_refused_in_one_line(cli: Cli, job: Path) -> None:
    words = ("risk", job, "--as-of")
    assert "is not a month" in refused(cli, 2, *words, "2021")
    text = job.read_text(encoding="utf-8")
    job.write_text(text + "fairness: {by: [民族]}\n", encoding="utf-8")
    assert "protected attributes are never read" in refused(cli, 2, *words, "2021-12")
    job.write_text(text.replace(LEDGER, ""), encoding="utf-8")
    for command in (("risk", job, "--as-of", "2021-12"), ("backtest", job, "--risk")):
        assert "the config has no `estates`" in refused(cli, 2, *command)
    job.write_text(text.replace(LEDGER, "estates: {path: estates.csv}\n"), encoding="utf-8")
    ledger()[["小区编号", "小区名称"]].to_csv(job.parent / "estates.csv", index=False)
    assert "nothing is known that could score the 60 estates" in refused(cli, 3, *words, "2021-12")
    (job.parent / "estates.csv").unlink()
    assert "estates.csv" in refused(cli, 3, *words, "2021-12")


def test_a_backtest_of_risk(cli: Cli, job: Path) -> None:
    result = cli("backtest", job, "--risk", "-q")
    assert result.exit_code == 0, result.output
    assert "nan" not in result.stdout
    assert max(map(len, result.stdout.splitlines()[:-1])) <= 118
    run = Path(result.stdout.strip().splitlines()[-1])
    board = pd.read_csv(run / "leaderboard.csv").set_index("model")
    assert set(board.index) == {"risk", "raw_counts", "last_year"}
    assert board["lists"].eq(2).all()
    assert board["of_best_10"].between(0.5, 1).all()
    scores = store.read(run / "risk_scores.parquet")
    assert scores["origin"].dt.strftime("%Y-%m").unique().tolist() == ["2020-12"]
    came = ledger()["供暖2021"].sum()
    assert scores.query("category == '供暖不热' and among == 'all'")["came"].eq(came).all()
    curve = store.read(run / "risk_calibration.parquet")
    assert curve.groupby(["category", "among"])["estates"].sum().max() == N


def test_a_backtest_of_risk_needs_two_years(cli: Cli, job: Path) -> None:
    short = "\n".join(line for line in job.read_text(encoding="utf-8").splitlines() if "2021" not in line)
    job.write_text(short, encoding="utf-8")
    assert "spans 12 months: risk cannot be judged" in refused(cli, 3, "backtest", job, "--risk")
    assert "say nothing with --risk" in refused(cli, 2, "backtest", job, "--risk", "--horizon", 3)
