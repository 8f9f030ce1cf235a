"""`weisu study` as a user runs it: on the made-up city, without zones, with a wrong choice; and its page."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from typer.testing import Result

from forecast.rates import RateOptions
from forecast.study import StudyOptions
from pipelines import config, store
from tests.end_to_end.conftest import weisu

Cli = Callable[..., Result]
TABLES = ("shares", "quarters", "zones", "odds")


@pytest.fixture(scope="module")
def city(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small made-up city with the shipped config."""
    folder = tmp_path_factory.mktemp("study")
    assert weisu("simulate", folder / "city", "--seed", 20, "--communities", 30, "--scale", 0.5).exit_code == 0
    raw = yaml.safe_load((root / "configs" / "simulated.yaml").read_text(encoding="utf-8"))
    raw |= {"workspace": str(folder / "city"), "store": str(folder / "store"), "runs": str(folder / "runs")}
    (folder / "weisu.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    return folder / "weisu.yaml"


def ran(cli: Cli, *words: object) -> tuple[Path, str]:
    result = cli(*words, "-q")
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip().splitlines()[-1]), result.stdout


def test_the_published_figures_survive_the_dirt_of_the_exports(cli: Cli, city: Path) -> None:
    run, shown = ran(cli, "study", city)
    shares = store.read(run / "study_shares.parquet").query("year == 0").set_index("category")["share"]
    assert 100 * shares[["1", "2", "3"]].to_numpy() == pytest.approx([31.19, 28.74, 24.31], abs=1.5)
    odds: Any = store.read(run / "study_odds.parquet").query("model == 'logit'").set_index(["category", "level"])
    for key, planted in {
        ("2", "生态涵养"): 2.7,
        ("4", "平原新城"): 3.6,
        ("2", "2018"): 0.56,
        ("3", "2018"): 1.6,
    }.items():
        assert odds.loc[key, "odds_ratio"] == pytest.approx(planted, rel=0.25)
        assert odds.loc[key, "p"] < 0.01
    assert "共有与配套设施: 占 3" in shown
    assert "第 3 季度最高" in shown
    assert "企业运营: 平原新城 相对 核心 的比值比 3" in shown
    for name in TABLES:
        table = pd.read_csv(run / f"study_{name}.csv", dtype={"category": "str"})
        assert len(table) == len(store.read(run / f"study_{name}.parquet")) > 0


def test_without_zones_the_other_tables_come_and_one_line_says_so(cli: Cli, counts_job: Path) -> None:
    run, shown = ran(cli, "study", counts_job, "--as-of", "2022-06")
    assert len([line for line in shown.splitlines() if line.startswith("! ") and "zone" in line]) == 1
    assert store.read(run / "study_zones.parquet").empty
    assert store.read(run / "study_odds.parquet").empty
    assert len(store.read(run / "study_shares.parquet")) == 8
    assert set(store.read(run / "study_quarters.parquet")["category"]) == {"*", "供暖不热", "停车"}


def test_a_class_nobody_has_is_refused(cli: Cli, counts_job: Path) -> None:
    counts_job.write_text(counts_job.read_text(encoding="utf-8") + "study: {classes: [X]}\n", encoding="utf-8")
    result = cli("study", counts_job, "-q")
    assert result.exit_code == 3
    assert "no order belongs to a class" in result.stderr


def test_the_commands_of_the_page_run(
    cli: Cli, root: Path, counts_job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(counts_job.parent)
    text = (root / "docs/study.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert found
    for words in found:
        assert words[0] == "weisu"
        result = cli(*words[1:], "-q")
        assert result.exit_code == 0, result.output


def test_the_configs_of_the_pages_are_valid(root: Path, counts_job: Path) -> None:
    plain = counts_job.read_text(encoding="utf-8")
    for page in ("study", "rates"):
        text = (root / "docs" / f"{page}.md").read_text(encoding="utf-8")
        (shown,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        counts_job.write_text(plain + shown, encoding="utf-8")
        default = {"study": StudyOptions(), "rates": RateOptions()}[page]
        assert getattr(config.load(counts_job).settings, page) != default
