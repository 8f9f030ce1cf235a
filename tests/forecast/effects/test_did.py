import numpy as np
import pandas as pd
import pytest

from forecast.effects import did
from forecast.effects.did import Did
from forecast.effects.rules import Rules, judged
from forecast.panel import Grid
from tests import naive, planted

RULES = Rules()
Array = np.ndarray


def months(count: int = 48) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.date_range("2020-01-01", periods=count, freq="MS", unit="us"))


def town(areas: int = 40, count: int = 48, seed: int = 0, each: int = 5) -> tuple[Grid, pd.DataFrame]:
    """A grid of one category, and Areas with streets of `each` communities."""
    rng = np.random.default_rng(seed)
    names = [f"a{k:02}" for k in range(areas)]
    season = 1 + 0.5 * np.sin(np.arange(count) * np.pi / 6)
    y = rng.poisson(rng.uniform(5, 20, (areas, 1)) * season).astype(float)
    cells = pd.DataFrame({"area": names, "category": "x"})
    return Grid(cells, months(count), y), pd.DataFrame(
        {"area": names, "parent": [f"s{k // each}" for k in range(areas)]}
    )


def done(grid: Grid, begun: dict[str, int], after: int = 12, group: str = "repair") -> pd.DataFrame:
    """Treated of these areas."""
    rows = []
    for area, start in begun.items():
        last = min(start + after - 1, len(grid.months) - 1)
        rows.append((f"{group}{area}", group, area, "x", grid.months[start], grid.months[start], grid.months[last]))
    columns = ["unit", "group", "area", "category", "month", "first", "last"]
    table = pd.DataFrame(rows, columns=pd.Index(columns))
    return table.assign(cost=100.0, defects_found=1.0, defects_fixed=1.0)


STAGGERED = {f"a{k:02}": 24 + 6 * (k % 3) for k in range(0, 40, 3)}


def test_the_ratio_is_that_of_loops_over_cells_and_months() -> None:
    grid, areas = town()
    spec = Did(adjust=False)
    found = did.estimate(grid, done(grid, STAGGERED), areas, "repair", spec, RULES, 0)
    counts = dict(zip(grid.cells["area"], grid.y.tolist(), strict=True))
    came, due = naive.group_time_ratio(counts, STAGGERED, 12, 12)
    assert found.requests == came
    assert found.ratio == pytest.approx(came / due)


def test_adjusted_levels_are_those_of_a_regression_on_the_year_before() -> None:
    grid, areas = town()
    begun = dict.fromkeys(["a00", "a05", "a11", "a17", "a23", "a29"], 30)
    found = did.estimate(grid, done(grid, begun), areas, "repair", Did(), RULES, 0)
    base, after = grid.y[:, 18:30].sum(axis=1), grid.y[:, 30:42].sum(axis=1)
    free = ~grid.cells["area"].isin(begun).to_numpy()
    x = np.column_stack([np.ones(len(base)), base])
    root = 1 / np.sqrt(base[free] + base[free].mean())
    beta = np.linalg.lstsq(x[free] * root[:, None], after[free] * root, rcond=None)[0]
    assert found.ratio == pytest.approx(after[~free].sum() / (x[~free] @ beta).sum())


def test_influences_are_derivatives_of_the_log_ratio() -> None:
    """Double the weight of a control area by a little: the log ratio moves by its influence."""
    grid, _ = town()
    begun = dict.fromkeys(["a00", "a05", "a11", "a17", "a23", "a29"], 30)
    spec = Did(adjust=False)
    number = np.arange(40)
    sums = did._sums(grid, did.cells(done(grid, begun)), "repair", number, spec)
    assert not isinstance(sums, str)
    _, _, theirs = did.influence(sums, [len(sums.months)])
    free = [k for k, area in enumerate(grid.cells["area"]) if area not in begun]
    base, after = grid.y[:, 18:30].sum(axis=1), grid.y[:, 30:42].sum(axis=1)

    def log_due(weight: Array) -> float:
        return float(np.log((weight * after)[free].sum() / (weight * base)[free].sum()))

    for k in free[:5]:
        more = np.ones(40)
        more[k] += 1e-6
        assert theirs[k] == pytest.approx(-(log_due(more) - log_due(np.ones(40))) / 1e-6, rel=1e-3, abs=1e-9)


def test_season_and_growth_shared_by_all_are_no_effect_whatever_their_size() -> None:
    grid, areas = town()
    season = np.exp(np.linspace(0, 1, 48))
    level = np.linspace(1, 50, 40)[:, None]
    exact = Grid(grid.cells, grid.months, level * season)
    found = did.estimate(exact, done(exact, STAGGERED), areas, "repair", Did(), RULES, 0)
    assert found.ratio == pytest.approx(1)
    planted_in = exact.y.copy()
    for k, start in ((int(area[1:]), start) for area, start in STAGGERED.items()):
        planted_in[k, start:] *= 0.7
    halved = did.estimate(Grid(grid.cells, grid.months, planted_in), done(exact, STAGGERED), areas, "repair", Did(),
                          RULES, 0)  # fmt: skip
    assert halved.ratio == pytest.approx(0.7)


def test_a_planted_effect_lies_in_the_interval_and_an_absent_one_is_not_claimed() -> None:
    place = planted.place(3, 120)
    rng = np.random.default_rng(2)
    picked = rng.choice(place.cells["area"].unique(), 30, replace=False)
    chosen = place.cells["area"].isin(picked).to_numpy() & np.isfinite(place.mean).all(axis=1)
    begin = np.full(len(chosen), 48)
    for effect in (0.0, -0.4):
        grid = planted.counts(place, planted.plant(place, chosen, begin, effect), 1)
        found = did.estimate(grid, planted.treated(place, chosen, begin), place.areas, "repair", Did(), RULES, 1)
        assert judged(found, RULES) == ""
        assert found.low < 1 + effect < found.high
        assert (found.high < 1) == (effect < 0)
        after = found.event[found.event["event_month"] >= 0]
        assert (after["low"] <= after["ratio"]).all()
        assert after["ratio"].mean() == pytest.approx(1 + effect, abs=0.15)


def test_loud_cells_that_fall_back_by_themselves_are_no_success() -> None:
    rng = np.random.default_rng(0)
    grid, areas = town(400, seed=1)
    level = rng.gamma(8, 1 / 16, (400, 1))
    grid = Grid(grid.cells, grid.months, rng.poisson(level, (400, 48)).astype(float))
    loud = np.argsort(-grid.y[:, 18:30].sum(axis=1))[:40]
    begun = {f"a{k:02}": 30 for k in loud}
    raw, adjusted = (
        did.estimate(grid, done(grid, begun), areas, "repair", Did(adjust=a), RULES, 0) for a in (False, True)
    )
    assert raw.high < 0.75
    assert adjusted.low < 1 < adjusted.high
    assert adjusted.ratio > raw.ratio + 0.25


def test_cells_that_another_group_treated_first_belong_to_neither_side() -> None:
    grid, areas = town()
    other = done(grid, dict.fromkeys(["a01", "a02"], 20), group="other")
    mine = done(grid, dict.fromkeys(["a01", "a04", "a07", "a10", "a13", "a16", "a19"], 30))
    both = pd.concat([mine, other], ignore_index=True)
    alone = mine[mine["area"] != "a01"]
    kept = ~grid.cells["area"].isin(["a01", "a02"]).to_numpy()
    less = Grid(grid.cells[kept].reset_index(drop=True), grid.months, grid.y[kept])
    found = did.estimate(grid, both, areas, "repair", Did(), RULES, 0)
    expected = did.estimate(less, alone, areas, "repair", Did(), RULES, 0)
    assert (found.ratio, found.low, found.treated) == pytest.approx((expected.ratio, expected.low, 6))


def test_areas_that_drifted_apart_before_are_not_concluded() -> None:
    grid, areas = town()
    y = grid.y.copy()
    begun = dict.fromkeys(list(STAGGERED), 36)
    rows = grid.cells["area"].isin(begun).to_numpy()
    y[rows] *= np.exp(0.04 * (np.arange(48) - 36))
    found = did.estimate(Grid(grid.cells, grid.months, y), done(grid, begun), areas, "repair", Did(), RULES, 0)
    assert judged(found, RULES) == "pre_trend"


@pytest.mark.parametrize(
    ("begun", "spec", "why"),
    [
        (dict.fromkeys(["a00", "a10"], 30), Did(), "few_clusters"),
        (dict.fromkeys([f"a{k:02}" for k in range(35)], 30), Did(), "few_controls"),
        (dict.fromkeys(["a00", "a10"], 6), Did(), "few_before"),
        (dict.fromkeys([f"a{k:02}" for k in range(10)], 30), Did(cluster="street"), "few_clusters"),
    ],
)
def test_weak_ground_is_named(begun: dict[str, int], spec: Did, why: str) -> None:
    grid, areas = town()
    assert judged(did.estimate(grid, done(grid, begun), areas, "repair", spec, RULES, 0), RULES) == why


def test_streets_are_the_clusters_where_whole_streets_were_treated() -> None:
    grid, areas = town(each=4)
    begun = dict.fromkeys([f"a{k:02}" for k in range(24)], 30)
    assert did.estimate(grid, done(grid, begun), areas, "repair", Did(), RULES, 0).clusters == 6
    scattered = dict.fromkeys([f"a{k:02}" for k in range(0, 40, 2)], 30)
    assert did.estimate(grid, done(grid, scattered), areas, "repair", Did(), RULES, 0).clusters == 20


def test_months_not_covered_are_left_out_and_no_zero() -> None:
    grid, areas = town()
    y = grid.y.copy()
    y[3, 40] = np.nan
    y[1, 35:] = np.nan
    found = did.estimate(Grid(grid.cells, grid.months, y), done(grid, STAGGERED), areas, "repair", Did(), RULES, 0)
    whole = did.estimate(grid, done(grid, STAGGERED), areas, "repair", Did(), RULES, 0)
    assert found.requests == whole.requests - (grid.y[3, 40] if STAGGERED["a03"] + 12 > 40 else 0)
    assert found.ratio == pytest.approx(whole.ratio, rel=0.03)
