"""A small city as files, and the command line to run on it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import app

Cli = Callable[..., Result]

FAST = """
forecaster:
  models: [{kind: seasonal_naive}, {kind: climatology}]
  calibrate: {past_origins: 3}
"""

COUNTS = f"""\
city: 示例
horizon: 4
sources:
  - grain: counts
    paths: [counts.csv]
    columns: {{month: month, area: area, category: category, count: count}}
{FAST}"""

ORDERS = f"""\
horizon: 4
sources:
  - paths: [orders.csv]
    columns: {{request_id: id, received_at: opened, area: community, category: topic}}
{FAST}"""


def weisu(*args: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def cli() -> Cli:
    """The command line."""
    return weisu


def monthly_counts(areas: int = 5, months: int = 30, seed: int = 0) -> pd.DataFrame:
    """A city of counts with a season."""
    rng = np.random.default_rng(seed)
    span = pd.date_range("2020-01-01", periods=months, freq="MS")
    rows = [
        (f"{month:%Y-%m}", f"社区{area}", category, int(rng.poisson((3 + area) * (1 + (month.month in (11, 12, 1))))))
        for month in span
        for area in range(areas)
        for category in ("供暖不热", "停车")
    ]
    return pd.DataFrame(rows, columns=["month", "area", "category", "count"])


def orders(count: int = 600, months: int = 20, seed: int = 0) -> pd.DataFrame:
    """Raw orders, one row each."""
    rng = np.random.default_rng(seed)
    last = (pd.Timestamp("2020-01-01") + pd.DateOffset(months=months)) - pd.Timestamp("2020-01-01")
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.sort(rng.integers(0, last.days, count)), unit="D")
    return pd.DataFrame(
        {
            "id": [f"W{n:05d}" for n in range(count)],
            "opened": day.strftime("%Y-%m-%d"),
            "community": rng.choice(["东社区", "西社区", "南社区"], count),
            "topic": rng.choice(["供暖", "停车"], count),
        }
    )


@pytest.fixture
def counts_job(tmp_path: Path) -> Path:
    """Config of a job on ready-made counts."""
    monthly_counts().to_csv(tmp_path / "counts.csv", index=False)
    (tmp_path / "weisu.yaml").write_text(COUNTS, encoding="utf-8")
    return tmp_path / "weisu.yaml"


@pytest.fixture
def orders_job(tmp_path: Path) -> Path:
    """Config of a job on raw orders."""
    orders().to_csv(tmp_path / "orders.csv", index=False)
    (tmp_path / "weisu.yaml").write_text(ORDERS, encoding="utf-8")
    return tmp_path / "weisu.yaml"
