"""One peer forecaster at one cutoff of a panel -> its forecast file and what it cost.

Runs in the environment of this folder, alone, on THREADS threads or processes (default 2). No peer is shown the
months after the cutoff.
"""

import argparse
import json
import logging
import os
import re
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
NAMES = [f"q{level}" for level in LEVELS]
THREADS = int(os.environ.get("THREADS", "2"))
YEAR = 12

Array = np.ndarray
Peer = Callable[[pd.DataFrame, int], tuple[Array, Array]]
"""(months x series, horizon) -> (n, H) means and (n, H, L) quantiles."""


def statistical(name: str) -> Peer:
    """A model of statsforecast, one fit a series, intervals at the library's own levels 50, 80 and 95."""
    from statsforecast import models
    from statsforecast.utils import ConformalIntervals

    def conformal(months: int, horizon: int) -> ConformalIntervals:
        """As many windows as leave a year to learn from, 2 to 10: the model has no intervals of its own."""
        return ConformalIntervals(n_windows=int(np.clip((months - YEAR) // horizon, 2, 10)), h=horizon)

    plain = {
        "snaive": partial(models.SeasonalNaive, YEAR),
        "ets": partial(models.AutoETS, season_length=YEAR),
        "theta": partial(models.AutoTheta, season_length=YEAR),
        "dot": partial(models.DynamicOptimizedTheta, season_length=YEAR),
        "ces": partial(models.AutoCES, season_length=YEAR),
        "arima": partial(models.AutoARIMA, season_length=YEAR, approximation=True),
    }
    intermittent = {"imapa": models.IMAPA, "tsb": partial(models.TSB, alpha_d=0.2, alpha_p=0.2)}

    def run(past: pd.DataFrame, horizon: int) -> tuple[Array, Array]:
        if name in plain:
            return _statsforecast(plain[name](), past, horizon)
        interval = conformal(len(past), horizon)
        return _statsforecast(intermittent[name](prediction_intervals=interval), past, horizon)

    return run


def _statsforecast(model: object, past: pd.DataFrame, horizon: int) -> tuple[Array, Array]:
    from statsforecast import StatsForecast

    engine = StatsForecast(models=[model], freq="MS", n_jobs=THREADS)
    table = engine.forecast(df=_long(past), h=horizon, level=[50, 80, 95]).sort_values(["unique_id", "ds"])
    name = str(getattr(model, "alias", ""))
    ends = ["-lo-95", "-lo-80", "-lo-50", "", "-hi-50", "-hi-80", "-hi-95"]
    quantiles = np.stack([table[name + end].to_numpy() for end in ends], axis=-1)
    return table[name].to_numpy().reshape(-1, horizon), quantiles.reshape(-1, horizon, len(LEVELS))


def prophet() -> Peer:
    """Yearly season, 300 simulated paths, one fit a series."""
    import_module("prophet")  # not on the clock
    return _prophet


def _prophet(past: pd.DataFrame, horizon: int) -> tuple[Array, Array]:
    columns = [past.iloc[:, [k]] for k in range(past.shape[1])]
    with ProcessPoolExecutor(THREADS) as pool:
        paths = list(pool.map(partial(_prophet_paths, horizon=horizon), columns, chunksize=8))
    drawn = np.stack(paths)
    return drawn.mean(axis=-1), np.moveaxis(np.quantile(drawn, LEVELS, axis=-1), 0, -1)


def _prophet_paths(series: pd.DataFrame, horizon: int) -> Array:
    """(H, 300) simulated months."""
    from prophet import Prophet

    for talker in ("cmdstanpy", "prophet"):
        logging.getLogger(talker).setLevel(logging.ERROR)
    np.random.seed(0)  # noqa: NPY002 - Prophet draws from the global generator
    model = Prophet(
        yearly_seasonality=True, weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=300
    )
    model.fit(pd.DataFrame({"ds": series.index, "y": series.iloc[:, 0].to_numpy()}))
    future = pd.date_range(series.index[-1], periods=horizon + 1, freq="MS")[1:]
    return np.asarray(model.predictive_samples(pd.DataFrame({"ds": future}))["yhat"])


def lightgbm() -> Peer:
    """mlforecast, one set of global LightGBM models a horizon: a Tweedie mean and seven quantile heads."""
    import_module("mlforecast")  # not on the clock
    return _lightgbm


def _lightgbm(past: pd.DataFrame, horizon: int) -> tuple[Array, Array]:
    long = _long(past)
    ids = long["unique_id"].str.split("|", expand=True)
    long = long.assign(area=ids[0].astype("category"), category=ids[1].astype("category"))
    tables = [_lightgbm_month(long, h) for h in range(1, horizon + 1)]
    mean = np.stack([table["mean"].to_numpy() for table in tables], axis=1)
    quantiles = np.stack([np.sort(table[NAMES].to_numpy(), axis=1) for table in tables], axis=1)
    return mean, quantiles


def _lightgbm_month(long: pd.DataFrame, h: int) -> pd.DataFrame:
    """Direct forecast `h` months ahead: fitted on rows with a year behind them, asked at the last month."""
    from lightgbm import LGBMRegressor
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean, RollingStd

    trees: dict[str, Any] = {
        "num_leaves": 31,
        "min_child_samples": 40,
        "subsample": 0.8,
        "subsample_freq": 1,
        "colsample_bytree": 0.8,
        "n_jobs": THREADS,
        "verbose": -1,
    }
    heads = {
        name: LGBMRegressor(objective="quantile", alpha=level, n_estimators=120, learning_rate=0.1, **trees)
        for name, level in zip(NAMES, LEVELS, strict=True)
    }
    tweedie: dict[str, Any] = {
        "objective": "tweedie",
        "tweedie_variance_power": 1.2,
        "n_estimators": 300,
        "learning_rate": 0.05,
    }
    rolling = [RollingMean(3), RollingMean(6), RollingMean(12), RollingStd(24, min_samples=2)]
    model = MLForecast(
        models={"mean": LGBMRegressor(**tweedie, **trees)} | heads,
        freq="MS",
        lags=sorted({1, 2, 3, 6, YEAR + 1 - h, 2 * YEAR + 1 - h}),
        lag_transforms={1: rolling},
        date_features=["month"],
        num_threads=THREADS,
    )
    rows = model.preprocess(long, horizons=[h], dropna=False, static_features=["area", "category"])
    target = [name for name in rows if re.fullmatch(r"y\d*", name)][-1]
    rows = rows[rows[target].notna() & rows["rolling_mean_lag1_window_size12"].notna()]
    # When asked, mlforecast gives the month forecast; its rows have the first month after those known.
    rows = rows.assign(month=(rows["month"] + h - 2) % YEAR + 1)
    month = (h - 1, rows[model.ts.features_order_], rows[target].to_numpy())
    model.fit_models(generator_factory=lambda: iter([month]))
    return model.predict(h).groupby("unique_id", sort=True).tail(1)


PEERS: dict[str, Callable[[], Peer]] = {
    **{
        name: partial(statistical, name) for name in ("snaive", "ets", "theta", "dot", "ces", "arima", "imapa", "tsb")
    },
    "lightgbm": lightgbm,
    "prophet": prophet,
}


def _long(past: pd.DataFrame) -> pd.DataFrame:
    return past.rename_axis("ds").reset_index().melt("ds", var_name="unique_id", value_name="y")


def _written(ids: pd.Index, cutoff: int, mean: Array, quantiles: Array) -> pd.DataFrame:
    """The forecast file: one row a series and month ahead; counts are not negative."""
    horizon = mean.shape[1]
    part = ids.to_series().str.split("|", expand=True)
    table = pd.DataFrame(
        {
            "cutoff": cutoff,
            "area": np.repeat(part[0].to_numpy(), horizon),
            "category": np.repeat(part[1].to_numpy(), horizon),
            "h": np.tile(np.arange(1, horizon + 1), len(ids)),
            "mean": np.maximum(mean, 0).ravel(),
        }
    )
    table[NAMES] = np.maximum(quantiles, 0).reshape(-1, len(LEVELS))
    return table


def _cpu() -> float:
    """Processor seconds of this process, its threads and its workers."""
    return sum(os.times()[:4])


def _peak_mb() -> float:
    """Largest resident size of this process plus, for each worker, that of the largest one."""
    own, workers = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + THREADS * workers) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=sorted(PEERS))
    parser.add_argument("panel", type=Path)
    parser.add_argument("horizon", type=int, help="months ahead")
    parser.add_argument("back", type=int, help="months the cutoff lies before the newest one possible")
    parser.add_argument("out", type=Path, help="path of the files without ending")
    given = parser.parse_args()
    panel = pd.read_parquet(given.panel)
    wide = panel.assign(unique_id=panel["area"] + "|" + panel["category"])
    wide = wide.pivot(index="month", columns="unique_id", values="count").sort_index(axis=1).astype(float)
    cutoff = len(wide) - given.horizon - given.back
    wide.index = pd.DatetimeIndex(wide.index).as_unit("ns")
    peer = PEERS[given.model]()
    began, cpu = time.perf_counter(), _cpu()
    mean, quantiles = peer(wide.iloc[:cutoff], given.horizon)
    cost = {"seconds": time.perf_counter() - began, "cpu_seconds": _cpu() - cpu, "peak_mb": _peak_mb()}
    _written(wide.columns, cutoff, mean, quantiles).to_parquet(given.out.with_suffix(".parquet"), index=False)
    given.out.with_suffix(".json").write_text(json.dumps(cost | {"series": wide.shape[1], "threads": THREADS}))


if __name__ == "__main__":
    main()
