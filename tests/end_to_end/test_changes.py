"""A city with a split community, two categories that became one and a theme month, through the command line."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import Result

from pipelines import store
from tests.end_to_end.conftest import monthly_counts

Cli = Callable[..., Result]

CONFIG = """\
city: 示例
horizon: 4
sources:
  - grain: counts
    paths: [counts.csv]
    columns: {month: month, area: area, category: category, count: count}
areas: {path: areas.csv}
categories:
  categories:
    - {code: 供暖不热, name: 供暖不热}
    - {code: 停车, name: 停车}
    - {code: 停车位, name: 停车位}
    - {code: 停车收费, name: 停车收费}
  changes:
    - {before: [停车位, 停车收费], after: 停车, since: 2021-01-01}
calendar:
  themes:
    - {categories: 供暖不热, month: 2021-03, announced: 2020-12-10, fades_over: 2}
    - {categories: 供暖不热, month: 2022-09, announced: 2021-12-10, fades_over: 2}
forecaster:
  models: [{kind: climatology}, {kind: lightgbm, trees: 20, least_rows: 50, least_in_leaf: 5, learning_rate: 0.3}]
  calibrate: {past_origins: 2}
"""

AREAS = """\
area,name,street,valid_from,valid_to,predecessors,households
社区0,社区0,东街,,2021-06-30,,3000
社区0甲,社区0甲,东街,2021-07-01,,社区0,2000
社区0乙,社区0乙,东街,2021-07-01,,社区0,1000
社区1,社区1,东街,,,,
社区2,社区2,西街,,,,
"""


def city() -> pd.DataFrame:
    """Counts in the names of their time."""
    frame = monthly_counts(areas=3)
    frame.loc[frame["month"].isin(["2021-03", "2021-04"]) & (frame["category"] == "供暖不热"), "count"] *= 4
    early = frame["month"] < "2021-01"
    parking = frame[early & (frame["category"] == "停车")]
    fees = parking.assign(category="停车收费", count=parking["count"] // 3)
    spaces = parking.assign(category="停车位", count=parking["count"] - fees["count"])
    frame = pd.concat([frame.drop(parking.index), fees, spaces], ignore_index=True)
    whole = frame[(frame["area"] == "社区0") & (frame["month"] >= "2021-07")]
    one = whole.assign(area="社区0甲", count=whole["count"] // 4)
    other = whole.assign(area="社区0乙", count=whole["count"] - one["count"])
    return pd.concat([frame.drop(whole.index), one, other], ignore_index=True)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    city().to_csv(tmp_path / "counts.csv", index=False)
    (tmp_path / "areas.csv").write_text(AREAS, encoding="utf-8")
    (tmp_path / "weisu.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "weisu.yaml"


def run_dir(result: Result) -> Path:
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip().splitlines()[-1])


def means(run: Path) -> pd.Series:
    rows = store.read(run / "forecasts.parquet")
    rows = rows[(rows["output"] == "mean") & (rows["model"] == "combination")]
    return rows.set_index(["origin", "area", "category", "month"])["predicted"]


def test_heirs_are_forecast_from_the_history_of_what_they_followed(cli: Cli, job: Path) -> None:
    run = run_dir(cli("monthly", job, "--as-of", "2022-06"))
    panel = store.read(run / "panel.parquet")
    assert set(panel["area"]) == {"社区0甲", "社区0乙", "社区1", "社区2"}
    assert set(panel["category"]) == {"供暖不热", "停车"}
    assert (panel.groupby(["area", "category"]).size() == 30).all()
    assert panel["orders"].sum() == city()["count"].sum()
    per_area = panel[panel["month"] < "2021-07"].groupby("area")["orders"].sum()
    assert 2 < per_area["社区0乙"] / per_area["社区0甲"] < 6
    cells = means(run).index
    assert not {"社区0", "停车位", "停车收费"} & {
        *cells.get_level_values("area"),
        *cells.get_level_values("category"),
    }


@pytest.mark.slow
def test_a_backtest_speaks_the_names_of_each_origin(cli: Cli, job: Path) -> None:
    run = run_dir(cli("backtest", job, "--origins", 2, "--step", 12, "--horizon", 3))
    forecast = means(run)
    before, after = pd.Timestamp("2021-03-01"), pd.Timestamp("2022-03-01")
    assert set(forecast.index.get_level_values("origin")) == {before, after}
    then, now = (set(forecast[origin].index.get_level_values("area")) for origin in (before, after))
    assert "社区0" in then - now
    assert {"社区0甲", "社区0乙"} <= now - then
    scored = store.read(run / "scores.parquet")
    assert set(scored["origin"]) == {before, after}


@pytest.mark.slow
def test_a_theme_tells_only_forecasts_made_after_its_announcement(cli: Cli, job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    told = means(run_dir(cli("monthly", job, "--as-of", "2022-06")))
    job.write_text(text.replace("announced: 2021-12-10", "announced: 2022-07-01"), encoding="utf-8")
    later = means(run_dir(cli("monthly", job, "--as-of", "2022-06")))
    job.write_text(text.replace("month: 2022-09, announced: 2021-12-10", "month: 2022-10, announced: 2022-08-01"),
                   encoding="utf-8")  # fmt: skip
    other = means(run_dir(cli("monthly", job, "--as-of", "2022-06")))
    assert (told != later).any()
    pd.testing.assert_series_equal(later, other)


def test_a_change_and_a_theme_of_unknown_categories_are_refused(cli: Cli, job: Path) -> None:
    text = job.read_text(encoding="utf-8").replace("after: 停车,", "after: 停泊,")
    job.write_text(text.replace("categories: 供暖不热, month", "categories: 供热, month"), encoding="utf-8")
    result = cli("monthly", job, "--as-of", "2022-06")
    assert result.exit_code == 2
    assert "停泊" in result.output
    assert "供热" in result.output


def test_an_heir_without_a_date_or_of_nobody_is_refused(cli: Cli, job: Path) -> None:
    text = AREAS.replace("社区0甲,东街,2021-07-01,,社区0", "社区0甲,东街,,,社区9")
    (job.parent / "areas.csv").write_text(text, encoding="utf-8")
    result = cli("monthly", job, "--as-of", "2022-06")
    assert result.exit_code == 3
    assert "unknown predecessor" in result.output
    assert "no valid_from" in result.output
