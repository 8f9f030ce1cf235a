from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ConfigError, DataError
from forecast.panel import Grid
from forecast.tables import Comparisons, Counts, Forecasts, Losses, Reliability, Scores, check
from pipelines.api import backtest, load
from tests.end_to_end.conftest import COUNTS, monthly_counts

FAST = {"models": [{"kind": "climatology"}], "calibrate": {"past_origins": 2}}


def test_a_table_of_counts_is_enough() -> None:
    history = load(monthly_counts())
    check(Counts, history.counts)
    assert history.origin == pd.Timestamp("2022-06-01")
    result = backtest(history, origins=2, horizon=3, forecaster=FAST)
    assert result.leaderboard["model"].is_unique
    assert {"combination", "climatology", "seasonal_naive"} == set(result.leaderboard["model"])
    for table, frame in (
        (Forecasts, result.forecasts), (Scores, result.scores), (Reliability, result.reliability),
        (Losses, result.losses), (Comparisons, result.comparisons),
    ):  # fmt: skip
        assert len(check(table, frame))


def test_a_config_and_a_table_give_the_same_forecasts(tmp_path: Path) -> None:
    monthly_counts().to_csv(tmp_path / "counts.csv", index=False)
    (tmp_path / "weisu.yaml").write_text(COUNTS, encoding="utf-8")
    history = load(tmp_path / "weisu.yaml")
    table = monthly_counts().assign(month=lambda frame: pd.to_datetime(frame["month"]))
    found = [backtest(one, origins=1, horizon=2, forecaster=FAST) for one in (history, load(table))]
    for name in ("scores", "leaderboard", "losses"):
        pd.testing.assert_frame_equal(getattr(found[0], name), getattr(found[1], name))


def test_a_model_of_ones_own_stands_on_the_leaderboard() -> None:
    def mean(grid: Grid, seasons: pd.DataFrame, horizon: int, seed: int) -> np.ndarray:
        return np.repeat(np.nanmean(grid.y, axis=1)[:, None], horizon, axis=1)

    result = backtest(load(monthly_counts()), origins=1, horizon=3, forecaster=FAST, rivals={"mine": mean})
    assert "mine" in set(result.leaderboard["model"])
    assert "mine" in set(result.comparisons["rival"])


def test_months_after_as_of_are_not_there() -> None:
    assert load(monthly_counts(), as_of="2021-12").counts["month"].max() == pd.Timestamp("2021-12-01")


def test_faults_are_told_in_words() -> None:
    with pytest.raises(DataError, match="no column count"):
        load(monthly_counts().drop(columns="count"))
    with pytest.raises(ConfigError, match="modles"):
        backtest(load(monthly_counts()), forecaster={"modles": []})
    with pytest.raises(DataError, match="--origins"):
        backtest(load(monthly_counts()), origins=40, forecaster=FAST)
