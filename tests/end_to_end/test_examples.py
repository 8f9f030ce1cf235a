"""The two example configs, run from the files as shipped (with fewer past origins, to be quick)."""

import json
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

from pipelines import store
from pipelines.cli import app

PEOPLE = re.compile(r"199000\d{5}|\w测试\d{4}")
"""Telephone numbers and names as the simulated city makes them up."""
QUICK = {"models": [{"kind": "climatology"}, {"kind": "lightgbm", "trees": 30}], "calibrate": {"past_origins": 2}}


def example(root: Path, folder: Path, name: str, workspace: Path) -> Path:
    raw = yaml.safe_load((root / "configs" / f"{name}.yaml").read_text(encoding="utf-8"))
    raw |= {"workspace": str(workspace), "forecaster": QUICK, "store": str(folder / "store")}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return path


def weisu(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def run(config: Path, as_of: str) -> Path:
    result = weisu("monthly", config, "--as-of", as_of, "--out", config.parent / "runs", "--json")
    assert result.exit_code == 0, result.output
    return Path(json.loads(result.stdout)["run_dir"])


@pytest.fixture(scope="module")
def new_york(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(example(root, tmp_path_factory.mktemp("nyc"), "nyc", root), "2022-10")


@pytest.fixture(scope="module")
def simulated(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("simulated")
    city = folder / "city"
    assert weisu("simulate", city, "--seed", 20, "--communities", 24, "--scale", 0.5).exit_code == 0
    return run(example(root, folder, "simulated", city), "2019-08"), city


def test_new_york_rows_are_all_accounted_for(new_york: Path) -> None:
    sources = store.read(new_york / "sources.parquet")
    fates = sources[["kept", "rejected", "repeated", "left_out"]].sum(axis=1)
    assert (fates == sources["rows"]).all()
    assert sources["rows"].sum() == 165_872
    assert sources["unplaced"].sum() < 0.2 * sources["kept"].sum()


def test_new_york_plans_heat_before_the_cold(new_york: Path) -> None:
    plan = store.read(new_york / "workplan.parquet")
    heat = plan[plan["category"] == "heat"]
    assert len(heat)
    assert heat["risk_score"].notna().any()
    now = plan[plan["fate"] != "later"]
    assert (now["start_by"] <= pd.Timestamp("2022-12-01")).all()
    assert (plan.loc[plan["fate"] == "later", "begin"] == pd.Timestamp("2022-12-01")).all()
    assert plan["expected_requests"].is_monotonic_decreasing


def test_new_york_forecasts_add_up(new_york: Path) -> None:
    forecasts = store.read(new_york / "forecasts.parquet")
    means = forecasts[(forecasts["model"] == "combination") & (forecasts["output"] == "mean")]
    areas = store.read(new_york / "areas.parquet").set_index("area")
    level = means["area"].map(areas["level"])
    by_month = means.groupby([level, means["category"] == "*", "month"])["predicted"].sum().unstack([0, 1])
    city = by_month[("city", True)]
    for column in by_month.columns:
        pd.testing.assert_series_equal(by_month[column], city, check_names=False, rtol=1e-9)


def test_every_street_gets_its_workbook(new_york: Path) -> None:
    streets = store.read(new_york / "workplan.parquet")["street"].nunique()
    assert len(list((new_york / "streets").glob("*.xlsx"))) >= streets > 1


@pytest.mark.slow
def test_the_august_plan_holds_the_heating_work(simulated: tuple[Path, Path]) -> None:
    plan = store.read(simulated[0] / "workplan.parquet")
    heating = plan[plan["category"] == "H1"]
    assert plan["category"].iloc[0] == "H1"
    assert set(heating["start_by"]) == {pd.Timestamp("2019-10-01")}
    assert set(heating["lead_party"]) == {"供热单位"}
    assert heating["on_time"].all()


@pytest.mark.slow
def test_most_estates_listed_as_silent_are_and_have_tasks(simulated: tuple[Path, Path]) -> None:
    folder, city = simulated
    found = store.read(folder / "silent_estates.parquet").query("category == '*' and listed")["estate"]
    truth = store.read(city / "truth" / "estates.parquet").drop_duplicates("estate").set_index("estate")["silent"]
    assert len(found) >= 5
    assert truth[found].mean() >= 0.6
    plan = store.read(folder / "workplan.parquet")
    assert set(plan.loc[plan["category"] == "*", "estate"]) == set(found)


@pytest.mark.slow
def test_what_a_simulated_order_says_of_people_appears_nowhere(simulated: tuple[Path, Path]) -> None:
    folder, city = simulated
    export = (city / "orders" / "2019.csv").read_text(encoding="utf-8-sig")
    people = set(PEOPLE.findall(export))
    assert len(people) > 200
    written = [path for path in folder.parents[1].rglob("*") if path.is_file() and city not in path.parents]
    shown = "".join(text(path) for path in written)
    assert len(shown) > 1_000_000
    assert PEOPLE.findall(shown) == []


def text(path: Path) -> str:
    """Whatever can be read in a file that was written."""
    if path.suffix == ".parquet":
        return store.read(path).drop(columns="geometry", errors="ignore").select_dtypes("str").to_csv()
    if path.suffix == ".docx":
        with zipfile.ZipFile(path) as parts:
            return re.sub(r"<[^>]+>", " ", parts.read("word/document.xml").decode())
    if path.suffix == ".xlsx":
        sheets = pd.read_excel(path, sheet_name=None, header=None, dtype="str", engine="calamine")
        return "".join(sheet.to_csv() for sheet in sheets.values())
    return path.read_text(encoding="utf-8")
