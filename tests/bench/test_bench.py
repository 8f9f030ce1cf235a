"""The peers bench on a made-up results folder: panels, scores, ratios and the page, without any peer library."""

import ast
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast import negbin, scores
from forecast.forecaster import Forecaster
from forecast.models.catalogue import Model
from forecast.models.climatology import Climatology
from forecast.models.flat_mean import FlatMean
from forecast.panel import Grid
from tests.bench import ablations, ours, page, panels, run, scoring
from tests.bench.scoring import LEVELS, NAMES

HORIZON = 3
CUTOFFS = [20, 24, 28]
QUICK = Forecaster.model_validate({"models": [{"kind": "climatology"}], "calibrate": {"past_origins": 2}})
MEMBERS = scoring.MEANS["best_mean"]


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    months = pd.date_range("2020-01-01", periods=31, freq="MS", unit="us")
    rows = [(m, area, kind) for area in ("a", "b", "c") for kind in ("heat", "noise") for m in months]
    table = pd.DataFrame(rows, columns=["month", "area", "category"])
    return table.assign(count=rng.poisson(4.0, len(table)))


@pytest.fixture(scope="module")
def results(panel: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every member, twice as far off as weisu, and one model that has answered at two cutoffs only."""
    root = tmp_path_factory.mktemp("results")
    (root / "panels").mkdir()
    panel.to_parquet(root / "panels" / "nyc.parquet", index=False)
    folder = root / f"nyc-h{HORIZON}"
    folder.mkdir()
    for model, spread in {"ours": 1.0, **dict.fromkeys(MEMBERS, 2.0), "ces": 2.0}.items():
        for back, cutoff in zip((8, 4, 0), CUTOFFS, strict=True):
            if (model, back) != ("ces", 0):
                answer(panel, cutoff, spread, model == "ours").to_parquet(folder / f"{model}-{back}.parquet")
                cost = {"seconds": 2.0, "cpu_seconds": 3.0, "peak_mb": 100.0 + back, "series": 6, "threads": 2}
                (folder / f"{model}-{back}.json").write_text(json.dumps(cost))
    return root


def answer(panel: pd.DataFrame, cutoff: int, spread: float, variance: bool) -> pd.DataFrame:
    """Forecast file, `spread` off what came, rows in no order."""
    months = sorted(panel["month"].unique())[cutoff : cutoff + HORIZON]
    table = panel[panel["month"].isin(months)]
    table = table.assign(h=[months.index(month) + 1 for month in table["month"]], cutoff=cutoff)
    off = table.assign(mean=table["count"] + spread, **({"variance": 5.0} if variance else {}))
    off[NAMES] = off["count"].to_numpy()[:, None] + spread * np.linspace(-1, 1.5, len(LEVELS))
    return off.drop(columns=["month", "count"]).sample(frac=1, random_state=cutoff)


def test_the_scores_of_stacked_cutoffs_are_those_of_all_their_months(panel: pd.DataFrame, results: Path) -> None:
    cutoffs, said = scoring.answers(results / f"nyc-h{HORIZON}")
    came = scoring.truth(panel, cutoffs, HORIZON)
    assert cutoffs == CUTOFFS
    assert set(said) == {"ours", *MEMBERS, "best_mean"}, (
        "a model that has not answered everywhere, or a mean without it"
    )
    wide = panel.pivot(index=["area", "category"], columns="month", values="count").sort_index().to_numpy(float)
    months = [wide[:, cutoff : cutoff + HORIZON] for cutoff in CUTOFFS]
    found = scoring.figures(said["ours"], came)
    total = sum(part.sum() for part in months)
    median_off = np.linspace(-1, 1.5, len(LEVELS))[3]
    assert found["wape"] == pytest.approx(came.actual.size * median_off / total)
    assert found["bias"] == pytest.approx(came.actual.size / total)
    assert found["coverage_95"] == 1.0
    assert found["seconds"] == pytest.approx(2000 / 6)
    assert found["peak_mb"] == 108
    by_hand = []
    for cutoff, part in zip(CUTOFFS, months, strict=True):
        usual = wide[:, cutoff - 12 : cutoff].mean(axis=1)
        by_hand += [scores.surge(part[:, h], part[:, h] + 1, usual) for h in range(HORIZON)]
    assert found["surge"] == pytest.approx(np.mean(by_hand))


def test_only_a_count_distribution_has_a_pit(panel: pd.DataFrame, results: Path) -> None:
    cutoffs, said = scoring.answers(results / f"nyc-h{HORIZON}")
    came = scoring.truth(panel, cutoffs, HORIZON)
    ours_said = said["ours"]
    assert ours_said.variance is not None
    by_hand = scores.pit(negbin.pit(came.actual, ours_said.mean, ours_said.variance, scoring.SEED))
    assert scoring.figures(ours_said, came)["pit"] == by_hand
    assert np.isnan(scoring.figures(said["best_mean"], came)["pit"])


def test_a_mean_is_that_of_its_members_and_costs_as_much_as_all(results: Path) -> None:
    said = scoring.answers(results / f"nyc-h{HORIZON}")[1]
    mean = said["best_mean"]
    assert mean.quantiles == pytest.approx(np.mean([said[name].quantiles for name in MEMBERS], axis=0))
    assert list(mean.cost["cpu_seconds"]) == [12.0] * 3
    assert list(mean.cost["peak_mb"]) == list(said["ets"].cost["peak_mb"])


def test_ratios_are_paired_and_those_of_the_scores(panel: pd.DataFrame, results: Path) -> None:
    cutoffs, said = scoring.answers(results / f"nyc-h{HORIZON}")
    came = scoring.truth(panel, cutoffs, HORIZON)
    found = scoring.ratios(said["ours"], said["ets"], came).set_index("metric")
    assert found.to_numpy() == pytest.approx(np.full((4, 3), 0.5)), "half as far off in every area and every draw"
    rng = np.random.default_rng(5)
    other = replace(said["ets"], mean=rng.gamma(4, 1, came.actual.shape), quantiles=noise(came.actual.shape))
    found = scoring.ratios(said["ours"], other, came).set_index("metric")
    ours_figures, others = scoring.figures(said["ours"], came), scoring.figures(other, came)
    for metric, row in found.iterrows():
        assert row["ratio"] == pytest.approx(ours_figures[str(metric)] / others[str(metric)])
        assert row["low"] < row["ratio"] < row["high"]


def noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.sort(np.random.default_rng(6).gamma(4, 1, (*shape, len(LEVELS))), axis=-1)


def test_results_of_unlike_cutoffs_are_refused(panel: pd.DataFrame, results: Path, tmp_path: Path) -> None:
    for path in (results / f"nyc-h{HORIZON}").glob("e*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for back, cutoff in zip((8, 4, 0), (19, 23, 27), strict=True):
        answer(panel, cutoff, 1, False).to_parquet(tmp_path / f"dot-{back}.parquet")
        (tmp_path / f"dot-{back}.json").write_text((tmp_path / "ets-0.json").read_text())
    with pytest.raises(ValueError, match="other cutoffs"):
        scoring.answers(tmp_path)


def test_the_page_ranks_the_models_and_gives_the_ratios(results: Path) -> None:
    text = page.page(results)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    names = [line.split(" | ")[0].removeprefix("| ") for line in lines]
    assert names[1:2] == ["---"]
    assert names[2] == page.MODEL["ours"], "best first"
    assert "6 series; months known at the cutoffs: 20, 24, 28." in text
    row = next(line for line in lines if line.startswith(f"| weisu / {page.MODEL['best_mean']}"))
    assert row.count("0.500 (0.500–0.500)") == 4
    assert "statsforecast 2." in text
    assert "AutoCES |" not in text.replace(page.MODEL["all_statistical"], "")


def test_ours_writes_the_cells_in_the_form_of_a_peer_and_sees_nothing_later(panel: pd.DataFrame) -> None:
    table = ours.forecast(panel, 28, HORIZON, QUICK)
    assert {"cutoff", "area", "category", "h", "mean", "variance", *NAMES} == set(table)
    assert len(table) == 6 * HORIZON
    assert (table["cutoff"] == 28).all()
    later = panel["month"] >= sorted(panel["month"].unique())[28]
    altered = panel.assign(count=panel["count"].where(~later, 999))
    pd.testing.assert_frame_equal(table, ours.forecast(altered, 28, HORIZON, QUICK))


def test_the_new_york_panel_leaves_out_what_the_page_says() -> None:
    def rows(n: int, **other: object) -> pd.DataFrame:
        usual = {"opendate": "2016-03-05", "community_board": "05 Brooklyn", "complaint_type": "Parks"}
        return pd.DataFrame([usual | other] * n, dtype="str")

    raw = pd.concat(
        [
            rows(24),
            rows(23, community_board="06 Bronx"),
            rows(30, community_board="17"),
            rows(30, complaint_type="@getxlate.Udf"),
            rows(30, complaint_type="Select One"),
            rows(30, opendate="2014-12-31"),
            rows(30, community_board=None),
        ],
        ignore_index=True,
    )
    raw["unique_key"] = [f"k{n}" for n in range(len(raw))]
    table = panels.new_york(pd.concat([raw, raw.head(3)]))
    assert len(table) == 107
    assert table["count"].sum() == 24
    assert table.loc[table["count"] > 0, ["area", "category"]].to_numpy().tolist() == [["05 Brooklyn", "Parks"]]
    assert table.loc[table["count"] > 0, "month"].tolist() == [pd.Timestamp("2016-03-01")]


def test_the_chicago_panel_leaves_out_repeats() -> None:
    usual = {
        "Creation Date": "2012-05-31",
        "Status": "Completed",
        "Community Area": "21.0",
        "Nature of Code Violation": "Other",
    }
    one = pd.DataFrame([usual] * 25, dtype="str")
    raw = pd.concat(
        [
            one,
            one.assign(Status="Open - Dup"),
            one.assign(**{"Community Area": "0.0"}),
            one.assign(**{"Community Area": None}),
            one.assign(**{"Nature of Code Violation": None}),
        ],
        ignore_index=True,
    )
    raw["Service Request Number"] = [f"k{n}" for n in range(len(raw))]
    table = panels.chicago(pd.concat([raw, raw.head(5)]))
    assert len(table) == 48
    assert table["count"].max() == table["count"].sum() == 25
    assert set(table["area"]) == {"21"}


def test_the_peers_script_knows_the_same_levels_and_models(root: Path) -> None:
    """It is read, not imported: its libraries are not here."""
    tree = ast.parse((root / "tests/bench/peers/run.py").read_text(encoding="utf-8"))
    said = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LEVELS"]
    assert [ast.literal_eval(node.value) for node in said] == [LEVELS]
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert set(run.MODELS) - {"ours"} <= named
    assert set(run.MODELS) | set(scoring.MEANS) == set(page.MODEL)
    assert set(run.PANELS) == set(panels.PANELS) == set(page.PANEL)


def test_ablations_give_each_variant_by_the_default_where_it_has_answered_everywhere(
    panel: pd.DataFrame, tmp_path: Path
) -> None:
    flat = Forecaster(models=(FlatMean(),), calibrate=QUICK.calibrate)
    asked = {ablations.DEFAULT: QUICK, "flat": flat, "the same": QUICK}
    ablations.run(panel, 20, asked | {"late": flat}, tmp_path)
    ablations.run(panel, 22, asked, tmp_path)
    lines = ablations.table(panel, [20, 22], [*asked, "late"], tmp_path).splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:]] == ["flat", "the same"]
    assert lines[3].count("1.000 (1.000–1.000)") == 4
    assert "1.000 (1.000" not in lines[2]


def test_a_model_is_run_once_on_the_same_months(panel: pd.DataFrame) -> None:
    runs = []

    def look_back(spec: Model, grids: Sequence[Grid], *others: Any) -> list[np.ndarray]:
        runs.append((spec.kind, len(grids)))
        return [np.ones((1, 1)) for _ in grids]

    remembered = ablations.once(look_back)
    grids = [panel_grid(panel, known) for known in (20, 22)]
    for given in (grids, grids[:1], grids, grids[1:]):
        remembered(Climatology(), given, [], HORIZON, 1)
    remembered(FlatMean(), grids, [], HORIZON, 1)
    assert runs == [("climatology", 2), ("climatology", 1), ("climatology", 1), ("flat_mean", 2)]


def panel_grid(panel: pd.DataFrame, known: int) -> Grid:
    months = pd.DatetimeIndex(sorted(panel["month"].unique())[:known])
    return Grid(panel[["area", "category"]].head(1), months, np.ones((1, known)))


def test_ablations_begin_earlier_than_the_bench_and_every_variant_is_another() -> None:
    months = {"nyc": 107, "chicago": 48}
    for name, cutoffs in ablations.CUTOFFS.items():
        assert max(cutoffs) < months[name] - ablations.HORIZON - max(run.BACKS)
    asked = ablations.variants()
    assert asked[ablations.DEFAULT] == Forecaster()
    assert len(set(asked.values())) == len(asked)
