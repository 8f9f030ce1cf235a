"""Judging risk: figures against hand counts, nothing after the origin is seen, too little history is refused."""

import numpy as np
import pandas as pd
import pytest

from forecast.errors import DataError
from forecast.risk import judge
from forecast.risk.catalogue import Auto
from forecast.risk.overall import leading, with_total
from forecast.tables import ALL, Areas, EstateHistory, Estates, Risk, conform, empty
from tests import naive

NO_AREAS = empty(Areas)
N = 60


def estates() -> pd.DataFrame:
    ids = [f"e{k:02}" for k in range(N)]
    return conform(Estates, pd.DataFrame({"estate": ids, "name": ids, "area": None, "households": 100.0}))


def yearly(*years: int, category: str = "heat", seed: int = 0, n: int = N) -> pd.DataFrame:
    """A ledger of totals; the rate of an estate is its number."""
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame({"estate": estates()["estate"][:n], "category": category, "month": pd.Timestamp(f"{year}-01-01"),
                      "months": 12, "incidents": rng.poisson(np.arange(n) / 3)})
        for year in years
    ]  # fmt: skip
    return conform(EstateHistory, pd.concat(parts, ignore_index=True))


def judged(history: pd.DataFrame) -> judge.Judged:
    past = judge.origins(history, 6)
    return judge.judge(Auto(), estates(), history, NO_AREAS, past, lambda done, total: None)


def test_origins_leave_a_year_before_and_a_year_after() -> None:
    said = [f"{month:%Y-%m}" for month in judge.origins(yearly(2019, 2020, 2021, 2022), 6)]
    assert said == ["2019-12", "2020-12", "2021-12"]
    assert [f"{month:%Y-%m}" for month in judge.origins(yearly(2019, 2020, 2021, 2022), 1)] == ["2021-12"]
    for history, months in ((yearly(2021), 12), (empty(EstateHistory), 0)):
        with pytest.raises(DataError, match=f"spans {months} months"):
            judge.origins(history, 6)


def test_judge_tells_the_model_and_its_rivals() -> None:
    found = judged(yearly(2019, 2020, 2021))
    rows = found.scores[(found.scores["among"] == "all") & (found.scores["origin"] == "2020-12-01")]
    assert rows["model"].tolist() == ["eb_glm", "raw_counts", "last_year"]
    by_year = yearly(2019, 2020, 2021).groupby(lambda row: 2019 + row // N)["incidents"]
    last, came = (by_year.get_group(year).to_numpy(dtype=float) for year in (2020, 2021))
    line = rows.set_index("model").loc["last_year"]
    for share in judge.SHARES:
        held = np.mean(
            [naive.captured(last.tolist(), came.tolist(), share / 100, seed) for seed in range(judge.TIES)]
        )
        assert line[f"top_{share}"] == pytest.approx(held)
    assert line["deviance"] == pytest.approx(naive.poisson_deviance((last + 0.5).tolist(), came.tolist()))
    assert line["came"] == came.sum()
    curve = found.calibration[(found.calibration["origin"] == "2020-12-01") & (found.calibration["among"] == "all")]
    assert curve["estates"].sum() == N
    assert curve["group"].tolist() == list(range(1, 11))


def test_known_are_those_with_an_incident_before() -> None:
    history = yearly(2020, 2021)
    found = judged(history).scores.drop_duplicates("among").set_index("among")["estates"]
    first = history[history["month"] == "2020-01-01"]
    assert found.to_dict() == {"all": N, "known": int((first["incidents"] > 0).sum())}


def test_estates_nobody_listened_to_are_not_judged() -> None:
    history = pd.concat([yearly(2020), yearly(2021, n=40)], ignore_index=True)
    assert judged(history).scores.query("among == 'all'")["estates"].unique().tolist() == [40]


def test_the_year_judged_changes_no_score() -> None:
    history = yearly(2020, 2021)
    other = history.assign(incidents=history["incidents"].where(history["month"] == "2020-01-01", 7))
    said = [judged(h).calibration.query("among == 'all'")["said"].tolist() for h in (history, other)]
    assert said[0] == said[1]


def test_totals_add_up_categories_of_one_kind() -> None:
    both = pd.concat([yearly(2020), yearly(2020, category="leak", seed=1)], ignore_index=True)
    total = with_total(both)
    assert total[total["category"] == ALL]["incidents"].sum() == both["incidents"].sum()
    monthly = both.assign(months=1, category="noise").head(5)
    total = with_total(pd.concat([both, monthly], ignore_index=True))
    assert total[total["category"] == ALL]["incidents"].sum() == both["incidents"].sum()
    assert with_total(yearly(2020)).equals(yearly(2020))


def test_the_overall_list_goes_by_all_or_by_the_only_category_foretold() -> None:
    rows = pd.DataFrame({"category": [ALL, "heat"], "expected": [np.nan, 1.0]})
    assert leading(rows) == "heat"
    assert leading(rows.assign(expected=1.0)) == ALL
    assert leading(rows.assign(expected=np.nan)) == ALL
    assert leading(empty(Risk)) == ALL


def test_captured_is_the_share_of_what_came() -> None:
    came = np.array([50.0, 30.0, 10.0, *np.full(97, 0.1)])
    right = judge.captured(came, came)
    assert right["top_1"] == pytest.approx(50 / came.sum())
    assert [right[f"of_best_{share}"] for share in judge.SHARES] == pytest.approx([1, 1, 1])
    blind = judge.captured(np.zeros(100), came)
    assert blind["top_10"] == pytest.approx(0.1, abs=0.1)  # equals in random order
    assert judge.captured(-came, came)["top_5"] < 0.01


def test_deviance_judges_the_ranking_not_the_level() -> None:
    came = np.array([1.0, 0.0, 6.0])
    assert judge.deviance(came + 1e-12, came) == pytest.approx(0, abs=1e-9)
    assert judge.deviance(7 * np.array([1.0, 1.0, 2.0]), came) == judge.deviance(np.array([1.0, 1.0, 2.0]), came)


def test_auc_counts_pairs() -> None:
    assert judge.auc(np.array([1.0, 2, 2, 3]), np.array([0, 0, 1, 1])) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
