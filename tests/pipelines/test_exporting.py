"""`weisu export`: the folder of a run -> open data."""

import json
from pathlib import Path

import geopandas
import pandas as pd
import pytest

from pipelines import store
from pipelines.exporting import NEEDED
from reports import layers
from tests.end_to_end.conftest import Cli, weisu
from tests.reports.sample import make


@pytest.fixture
def cli() -> Cli:
    """The command line."""
    return weisu


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the sample city, as `weisu monthly` leaves it."""
    folder, material = tmp_path_factory.mktemp("run"), make()
    for name in (*NEEDED, "risk_drivers", "scores", "sources", "unresolved"):
        store.write(getattr(material, name), folder / f"{name}.parquet")
    (folder / "areas.geojson").write_bytes(layers.render(material))
    facts = {"run_id": "1234abcd", "job": "monthly", "as_of": "2025-08", "origin": "2025-08", "city": "示例"}
    (folder / "run.json").write_text(json.dumps(facts | {"value": "orders"}), encoding="utf-8")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_for_colleagues(run_dir: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("export", run_dir, "--out", tmp_path / "a")
    assert done.exit_code == 0, done.output
    assert "--public" in done.output
    assert cli("export", run_dir, "--out", tmp_path / "b").exit_code == 0
    made = content(tmp_path / "a")
    assert made == content(tmp_path / "b")
    assert {f"tables/{path.stem}.csv" for path in run_dir.glob("*.parquet")} <= set(made)
    forecasts = pd.read_csv(tmp_path / "a/tables/forecasts.csv")
    assert len(forecasts) == len(store.read(run_dir / "forecasts.parquet"))
    told = pd.read_csv(tmp_path / "a/dictionary.csv")
    for name, rows in told.groupby("table"):
        there = pd.read_csv(tmp_path / f"a/tables/{name}.csv", nrows=1).columns
        assert [column for column in rows["column"] if column != "geometry"] == list(there)
    assert "hub/hub-config/tasks.json" in made
    plan = store.read(run_dir / "workplan.parquet")
    assert len(geopandas.read_file(tmp_path / "a/layers/tasks.gpkg")) == len(plan)
    facts = json.loads(made["export.json"])
    assert facts["without_place"]["estates"] == len(store.read(run_dir / "risk.parquet"))


def test_for_everybody_nothing_small_and_nothing_of_estates(run_dir: Path, tmp_path: Path, cli: Cli) -> None:
    done = cli("export", run_dir, "--out", tmp_path / "open", "--public", "--format", "parquet")
    assert done.exit_code == 0, done.output
    made = content(tmp_path / "open")
    hub = {name for name in made if name.startswith("hub/")}
    assert set(made) - hub == {
        "tables/counts.parquet", "tables/areas.parquet", "layers/areas.geojson", "layers/areas.gpkg",
        "dictionary.md", "dictionary.csv", "export.json", "README.md",
    }  # fmt: skip
    counts = pd.read_parquet(tmp_path / "open/tables/counts.parquet")
    assert list(counts.columns) == ["area", "category", "month", "count", "suppressed"]
    assert not counts["count"].between(1, 4).any()
    assert counts["suppressed"].any()
    assert "1 to 4" in made["README.md"].decode()
    facts = json.loads(made["export.json"])
    assert facts["suppressed"] == counts["suppressed"].sum()
    (path,) = [name for name in hub if name.endswith(".parquet")]
    foretold = pd.read_parquet(tmp_path / "open" / path)
    assert set(foretold["output_type"]) == {"quantile"}
    last = counts["month"].drop_duplicates().nlargest(24)
    hidden = counts[counts["suppressed"] & counts["month"].isin(last)]
    series = set(zip(hidden["area"], hidden["category"], strict=True))
    assert series
    assert series.isdisjoint(zip(foretold["location"], foretold["category"], strict=True))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "xlsx"], "--format: 'xlsx' is no form of tables -> write csv or parquet"),
        (["--out", "."], "is not an empty folder -> name a new one"),
    ],
)
def test_a_wrong_wish_is_one_clear_line(
    run_dir: Path, tmp_path: Path, cli: Cli, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run_dir)
    out = [] if "--out" in words else ["--out", tmp_path / "x"]
    done = cli("export", run_dir, *out, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_no_run(tmp_path: Path, cli: Cli) -> None:
    done = cli("export", tmp_path, "--out", tmp_path / "x")
    assert done.exit_code == 2
    assert "is no run folder" in done.stderr


def test_a_run_that_holds_no_forecasts(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"job": "study"}), encoding="utf-8")
    done = cli("export", tmp_path, "--out", tmp_path / "x")
    assert "which holds no forecasts" in done.stderr
    (tmp_path / "run.json").write_text(json.dumps({"job": "monthly"}), encoding="utf-8")
    done = cli("export", tmp_path, "--out", tmp_path / "x")
    assert done.exit_code == 3
    assert "lacks the tables panel, areas" in done.stderr
    assert not (tmp_path / "x").exists()
