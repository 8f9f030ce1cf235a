from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast import negbin, reliability
from forecast.scores import Case
from forecast.tables import Reliability, check
from tests import naive

LEVELS = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])


def case(cells: int = 400, wrong: float = 1.0, seed: int = 0) -> Case:
    """Counts drawn from the distribution that was forecast, when `wrong` is 1."""
    rng = np.random.default_rng(seed)
    mean = np.repeat(rng.gamma(0.6, 6.0, (cells, 1)), 8, axis=1) + 0.05
    shape = 2.0
    actual = rng.poisson(mean * rng.gamma(shape, 1 / shape, mean.shape)).astype(float)
    names = pd.DataFrame({"area": [f"a{i:03}" for i in range(cells)], "category": "heat"})
    mean, variance = mean * wrong, mean * wrong + (mean * wrong) ** 2 / shape
    quantiles = negbin.quantile(mean, variance, LEVELS).astype(float)
    return Case(
        "one", pd.Timestamp("2021-12-01"), names, mean[:, :6].round(), actual, mean, variance, quantiles, LEVELS
    )


def test_shares_are_those_of_a_slow_count() -> None:
    one = case(4)
    one.actual[0, 0] = np.nan
    assert one.variance is not None
    found = reliability.reliability(one)
    rows = found[found["segment"] == "all"].set_index("level")["share"]
    for level in (0.1, 0.35, 0.975, 1.0):
        parts = []
        for count, mean, variance in zip(one.actual.ravel(), one.mean.ravel(), one.variance.ravel(), strict=True):
            if np.isnan(count):
                continue
            lower = sum(naive.negbin_pmf(k, mean, variance) for k in range(int(count)))
            part = (level - lower) / naive.negbin_pmf(int(count), mean, variance)
            parts.append(min(max(part, 0.0), 1.0))
        assert rows[level] == pytest.approx(sum(parts) / len(parts), abs=1e-9)
    assert (found.loc[found["segment"] == "all", "n"] == 31).all()


def test_a_right_distribution_lies_on_the_diagonal_in_every_class_and_a_wrong_one_does_not() -> None:
    right, wrong = (check(Reliability, reliability.reliability(case(2000, factor))) for factor in (1.0, 1.5))
    assert set(right["segment"]) == {"all", "volume=low", "volume=mid", "volume=high"}
    assert (right["share"] - right["level"]).abs().max() < 0.02
    assert (wrong["share"] - wrong["level"]).abs().max() > 0.1
    histogram = right[(right["segment"] == "all") & np.isclose(right["level"] * 20 % 1, 0)]
    assert len(histogram) == reliability.BINS


def test_origins_are_weighted_by_their_forecasts() -> None:
    one, few = reliability.reliability(case(300)), reliability.reliability(case(30, wrong=3.0))
    both = reliability.together([one, few]).set_index(["segment", "level"])
    key = ("all", 0.5)
    shares = [frame.set_index(["segment", "level"])["share"][key] for frame in (one, few)]
    assert both["share"][key] == pytest.approx((300 * shares[0] + 30 * shares[1]) / 330)
    assert both["n"][key] == 330 * 8


def test_means_alone_have_no_reliability() -> None:
    assert reliability.reliability(replace(case(5), variance=None, quantiles=None)).empty
