import html
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import compare, negbin, reliability, scores
from forecast.scores import Case
from forecast.tables import Areas, Comparisons, PlanScores, Reliability, Scores, conform, empty
from reports import backtest_charts, backtest_page
from reports.backtest_page import LEADERBOARD, Board, shown
from reports.texts import Words
from tests.reports.programs import browse

LEVELS = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])
MODELS = {"combination": 0.1, "lightgbm": 0.15, "ets": 0.25, "seasonal_naive": 0.5}
"""How far off each model is."""
CITY = {"city": None, "S1": "city", "S2": "city"} | {f"a{i:02}": f"S{1 + i % 2}" for i in range(20)}


def cases(origin: pd.Timestamp, seed: int) -> list[Case]:
    """Every model on one city of counts."""
    rng = np.random.default_rng(seed)
    cells = pd.DataFrame(
        [(f"a{i:02}", category) for i in range(20) for category in ("heat", "<noise>")], columns=["area", "category"]
    ).astype("str")
    level = rng.gamma(1.0, 8.0, (40, 1)) + 0.5
    y = rng.poisson(level * rng.gamma(9.0, 1 / 9, (40, 30))).astype(float)
    found = []
    for name, off in MODELS.items():
        mean = level * np.exp(rng.normal(0, off, (40, 6)))
        variance = mean + 0.15 * mean**2
        quantiles = negbin.quantile(mean, variance, LEVELS).astype(float)
        labels = cells.assign(zone=cells["area"].map(CITY), level="community")
        found.append(Case(name, origin, labels, y[:, :24], y[:, 24:], mean, variance, quantiles, LEVELS))
    return found


def make(language: str = "en", origins: int = 3) -> Board:
    """A backtest of three origins."""
    past = tuple(pd.date_range("2023-01-01", periods=origins, freq="3MS"))
    every = [case for k, origin in enumerate(past) for case in cases(origin, k)]
    measured = [*map(scores.measure, every), *map(scores.measure_levels, every)]
    table = pd.concat(measured, ignore_index=True)
    losses = pd.concat(map(compare.losses, every), ignore_index=True)
    board = scores.leaderboard(table)
    rivals = [name for name in board["model"] if name != "combination"]
    places = pd.DataFrame([(area, parent, f"名{area}") for area, parent in CITY.items()])
    places.columns = pd.Index(["area", "parent", "name"])
    names = pd.DataFrame(
        {"category": ["heat", "<noise>"], "name": ["供暖", "<噪声>"], "name_en": ["Heat", "<Noise>"]}
    )
    return Board(
        city="示例市", language="en" if language == "en" else "zh", model="combination", members=("lightgbm", "ets"),
        origins=past, horizon=6, last=pd.Timestamp("2024-01-01"), seed=20, run_id="0123abcd", version="0.1.0",
        inputs_sha256="a" * 64, config_sha256="b" * 64, code_sha256="c" * 64, leaderboard=board, scores=table,
        reliability=reliability.together(map(reliability.reliability, every)),
        comparisons=compare.compare(losses, "combination", rivals, seed=1, draws=100),
        areas=conform(Areas, places.assign(level="street", aliases="")),
        categories=names,
    )  # fmt: skip


def visible(data: bytes) -> str:
    """Text outside scripts and styles."""
    text = re.sub(r"<(script|style).*?</\1>", "", data.decode(), flags=re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def payload(data: bytes) -> dict[str, dict[str, object]]:
    found = re.search(r'<script type="application/json" id="payload">(.*?)</script>', data.decode(), flags=re.S)
    assert found
    charts: dict[str, dict[str, object]] = json.loads(found[1])["charts"]
    return charts


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_figure_of_the_leaderboard_stands_on_the_page_with_its_meaning(language: str) -> None:
    board = make(language)
    text = visible(backtest_page.render(board))
    words = Words(language)
    for metric in LEADERBOARD:
        assert words(f"metric.{metric}") in text
        assert words(f"meaning.{metric}") in text
        if metric in board.leaderboard:
            for value in board.leaderboard[metric]:
                assert shown(value, metric) in text
    for fact in (*MODELS, "0123abcd", "a" * 64, words.month(board.origins[1]), "示例市"):
        assert fact in text
    assert not re.search(r"\b(nan|None|NaT)\b", text)


def test_nothing_is_fetched_and_no_name_breaks_the_page() -> None:
    data = backtest_page.render(make())
    text = data.decode()
    assert "default-src 'none'" in text
    assert "vega.github.io/schema/vega-lite" not in text
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert re.findall(r'(?:src|href|action)="(?!#|data:,)', outside) == []
    assert "<noise>" not in text.lower()
    assert len(data) < 6_000_000


def test_every_chart_has_its_place_and_every_place_its_chart() -> None:
    data = backtest_page.render(make())
    places = set(re.findall(r'id="chart-(\w+)"', data.decode()))
    assert places == set(payload(data))
    assert {"horizon_wspl", "horizon_wape", "segment_level", "segment_zone", "level_all", "pit_low"} <= places
    assert {"against_wspl", "against_crps", "against_wrmsse"} <= places


def test_ratios_are_those_of_the_means_over_origins() -> None:
    board = make()
    rows = backtest_charts.by_horizon(board.scores, board.models, "seasonal_naive", "wspl")
    means = board.scores[
        (board.scores["metric"] == "wspl") & (board.scores["segment"] == "all") & (board.scores["horizon"] == 2)
    ].groupby("model")["value"].mean()  # fmt: skip
    (found,) = (row["r"] for row in rows if row["m"] == "ets" and row["h"] == 2)
    assert found == pytest.approx(means["ets"] / means["seasonal_naive"], abs=1e-4)
    assert {row["m"] for row in rows} == set(MODELS) - {"seasonal_naive"}


def test_the_histogram_sums_to_all_forecasts() -> None:
    board = make()
    rows = backtest_charts.bins(board.reliability, board.models, "all")
    for place in range(len(MODELS)):
        heights = [row["v"] for row in rows if row["c"] == place]
        assert len(heights) == backtest_charts.BINS
        assert sum(heights) / backtest_charts.BINS == pytest.approx(1, abs=1e-3)


def test_a_verdict_needs_the_whole_bar_on_one_side() -> None:
    rows = [("x", 0.9, 0.8, 0.95), ("y", 0.9, 0.8, 1.05), ("z", 1.2, 1.1, 1.3)]
    table = pd.DataFrame(rows, columns=["rival", "ratio", "low", "high"])
    table = table.assign(model="combination", metric="wspl", better_in=0.9, draws=10, seed=1)
    found = backtest_charts.against(conform(Comparisons, table), "wspl")
    assert [row["k"] for row in found] == ["better", "open", "worse"]


def test_a_backtest_without_figures_says_so() -> None:
    nothing = empty(Scores)
    bare = replace(
        make(), scores=nothing, leaderboard=scores.leaderboard(nothing), reliability=empty(Reliability),
        comparisons=empty(Comparisons),
    )  # fmt: skip
    data = backtest_page.render(bare)
    assert visible(data).count("There is too little to show.") == 6
    assert payload(data) == {}


@pytest.mark.parametrize(
    ("value", "metric", "text"),
    [
        (0.5123, "wspl", "0.512"), (-0.2372, "skill", "−23.7\u202f%"), (0.021, "bias", "+2.1\u202f%"),
        (0.9, "coverage_80", "90.0\u202f%"), (12.345, "crps", "12.3"), (98765.4, "wis", "98,765"),
        (float("nan"), "lift", "–"),
    ],
)  # fmt: skip
def test_figures_are_shown_with_the_digits_that_matter(value: float, metric: str, text: str) -> None:
    assert shown(value, metric) == text


@pytest.mark.system("chromium")
def test_charts_are_drawn_and_the_page_is_as_wide_as_a_telephone(tmp_path: Path) -> None:
    probe = b"""<script>addEventListener("load", () => setTimeout(() => {
      const select = document.getElementById("model");
      select.value = "3"; select.dispatchEvent(new Event("change"));
      const out = document.createElement("pre"); out.id = "log";
      out.textContent = [document.querySelectorAll(".chart svg").length,
        document.documentElement.scrollWidth > innerWidth, performance.getEntriesByType("resource").length].join(" ");
      document.body.append(out);
    }, 3000));</script></body>"""
    data = backtest_page.render(make())
    dom, console = browse(probe.join(data.rsplit(b"</body>", 1)), tmp_path)
    assert console == []
    (log,) = re.findall(r'<pre id="log">(.*?)</pre>', dom)
    assert log == f"{len(payload(data))} false 0"


def test_the_page_says_what_lists_held_at_every_origin() -> None:
    board = make()
    values = {"plan": 0.871, "last_year": 0.702, "flat_mean": 0.853, "oracle": 1.0}
    rows = [
        (origin, months, size, name, metric, value)
        for origin in board.origins
        for months, size in ((1, "10%"), (6, "10%"), (0, "tasks"))
        for name, value in values.items()
        for metric in ("of_oracle", "surge_of_oracle", "kept")
    ]
    lists = conform(PlanScores, pd.DataFrame(rows, columns=list(PlanScores.to_schema().columns)))
    gap = {"months": 6, "size": "10%", "metric": "of_oracle", "rival": "last_year", "difference": 0.169}
    gap |= {"low": -0.012, "high": 0.35, "ahead_in": 1.0, "origins": 3, "blocks": 2}
    rough = gap | {"rival": "flat_mean", "difference": 0.018, "low": np.nan, "high": np.nan, "blocks": 1}
    text = visible(backtest_page.render(replace(board, lists=lists, gains=pd.DataFrame([gap, rough]))))
    assert text.count("87.1\u202f%") == 4 + len(board.origins)
    assert "+16.9" in text
    assert "−1.2 – +35.0" in text
    assert "+1.8" in text
    assert not re.search(r"\b(nan|None|NaT)\b", text)
