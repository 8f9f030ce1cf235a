"""Forecasts as issued + what came -> PlanScores and PlanGains: what the plan's lists held, beside simpler lists.

Three lists are drawn up at an origin from what was known then: `plan` by the forecast, `last_year` by the same months
of the year before (the trailing mean where that year is not known), `flat_mean` by the trailing 12-month mean.
`oracle` is the best possible list. Cells and tasks with a month that is not covered or not yet known are left out of
the scores, not counted as 0. Ties at the end of a list are shared out evenly: the order of the cells helps nobody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from forecast import panel, scores, workplan
from forecast.forecaster import COMBINATION
from forecast.look import Basis, came, renamed, truth
from forecast.months import number
from forecast.panel import Grid
from forecast.playbook import Playbook
from forecast.tables import LISTS, Estates, PlanGains, PlanScores, Risk, check, conform, empty
from forecast.workplan import Ground, Plan
from forecast.workplan.candidates import preventive

Array = np.ndarray
Row = tuple[pd.Timestamp, int, str, str, str, float]

SIZES = {"1%": 0.01, "5%": 0.05, "10%": 0.1, "20%": 0.2}
SLOTS, TASKS = "slots", "tasks"
MONTHS = (1, 3, 6, 12)
"""Months ahead lists are made for, as far as the forecast reaches; its whole reach is added."""

PLAN, LAST_YEAR, FLAT_MEAN, ORACLE = LISTS
COMPARED = ("of_oracle", "surge_of_oracle", "kept")
LEVEL = 0.95


@dataclass(frozen=True)
class Known:
    """What lists can be made from at an origin: nothing that came later.

    cells: (n) area, category of communities. expected: list -> (n, H) requests by months ahead. slots: tasks all
    streets together are asked to begin in a month.
    """

    origin: pd.Timestamp
    cells: pd.DataFrame
    expected: dict[str, Array]
    slots: int

    def volume(self, months: int) -> dict[str, Array]:
        """list -> (n,) requests it expects over the first months ahead."""
        return {name: each[:, :months].sum(axis=1) for name, each in self.expected.items()}


def score(
    basis: Basis, forecasts: pd.DataFrame, origins: Sequence[pd.Timestamp], playbook: Playbook, plan: Plan
) -> pd.DataFrame:
    """Score the lists of cells, and the tasks a plan chooses, at each origin.

    Args:
        basis: what is known by now; the lists of an origin are made from the months up to it.
        forecasts: Forecasts as issued at the origins; the combination's means rank cells and tasks.
        origins: first days of the last months known.
        playbook, plan: what the plan of each origin is built with. Nothing is held back at random, and no plan went
            before it.

    Returns:
        PlanScores. `kept` and `jaccard` compare with the next of the origins, however far it is.
    """
    rows: list[Row] = []
    lists: list[Known] = []
    for origin in sorted(origins):
        then, issued, known, actual = stand(basis, forecasts, origin, plan)
        rows += held(known, actual)
        rows += _tasks_held(known, actual, ground_at(then, issued, origin), playbook, plan)
        lists.append(known)
    for one, following in pairwise(lists):
        rows += stability(one, following)
    frame = pd.DataFrame(rows, columns=list(PlanScores.to_schema().columns))
    return check(PlanScores, conform(PlanScores, frame), "plan scores")


def stand(
    basis: Basis, forecasts: pd.DataFrame, origin: pd.Timestamp, plan: Plan
) -> tuple[Basis, pd.DataFrame, Known, Array]:
    """What is known at an origin, what the combination said there, the lists that follow, and (n, H) what came."""
    then = renamed(basis, origin)
    past = panel.grid_at(then.counts, then.areas, origin, then.forecaster.coverage, then.forecaster.value)
    issued = forecasts[(forecasts["model"] == COMBINATION) & (forecasts["origin"] == origin)]
    known = known_at(past, issued, then.areas, basis.horizon, plan)
    return then, issued, known, came(known.cells, origin, truth(basis, then, origin), basis.horizon)


def known_at(past: Grid, issued: pd.DataFrame, areas: pd.DataFrame, horizon: int, plan: Plan) -> Known:
    """The lists' expectations at the last month of `past`; cells are those of communities that were forecast."""
    communities = areas[areas["level"] == "community"]
    means = issued[(issued["output"] == "mean") & issued["area"].isin(communities["area"])]
    at = pd.MultiIndex.from_frame(past.cells).get_indexer(pd.MultiIndex.from_frame(means[["area", "category"]]))
    means, at = means[at >= 0], at[at >= 0]
    expected = np.full((len(past.cells), horizon), np.nan)
    expected[at, means["horizon"].to_numpy() - 1] = means["predicted"]
    rows = np.flatnonzero(~np.isnan(expected).any(axis=1))
    history = scores.history(past.y[rows], horizon)
    flat = np.repeat(history.usual[:, None], horizon, axis=1)
    last_year = np.where(np.isnan(history.last_year), flat, history.last_year)
    cells = past.cells.iloc[rows].reset_index(drop=True)
    streets = communities.loc[communities["area"].isin(cells["area"]), "parent"].nunique()
    lists = {PLAN: expected[rows], LAST_YEAR: last_year, FLAT_MEAN: flat}
    return Known(past.months[-1], cells, lists, plan.slots_per_street * streets)


def membership(ranking: Array, k: int) -> Array:
    """(n,) share of each entry in the list of the k highest: 1, 0, or an equal part where those at the end tie.

    It is the chance to be listed when ties are drawn at random, so that sums over it are means over all such draws.
    """
    k = min(k, len(ranking))
    if k <= 0:
        return np.zeros(len(ranking))
    cut = np.partition(ranking, -k)[-k]
    above, tied = ranking > cut, ranking == cut
    return above + tied * ((k - above.sum()) / tied.sum())


def held(known: Known, actual: Array) -> list[Row]:
    """What lists of cells held of the requests, and of the excess over the trailing mean.

    Args:
        actual: (n, H) what came in the cells, NaN = not covered or not yet known.

    Source: captured volume as in Chainey, Tompson & Uhlig 2008, The utility of hotspot mapping; the excess of a cell
    is max(requests - trailing mean x months, 0), ranked by expected requests less trailing mean x months.
    """
    rows: list[Row] = []
    for months in _windows(actual.shape[1]):
        came = actual[:, :months].sum(axis=1)
        there = ~np.isnan(came)
        if not there.any():
            continue
        volume = {name: each[there] for name, each in known.volume(months).items()}
        volume[ORACLE], usual = came[there], volume[FLAT_MEAN]
        over = {name: each - usual for name, each in volume.items()}
        for size, k in _sizes(int(there.sum()), known.slots):
            figures = _captured(volume, volume[ORACLE], k)
            surges = _captured(over, np.maximum(over[ORACLE], 0), k)
            for name, figure in figures.items():
                figure |= {"surge": surges[name]["share"], "surge_of_oracle": surges[name]["of_oracle"]}
                rows += [(known.origin, months, size, name, metric, value) for metric, value in figure.items()]
    return rows


def stability(one: Known, following: Known) -> list[Row]:
    """How much of each list of cells is on the list of the next origin, as both are issued: nothing is left out.

    Source: overlap of two sets and their index, Jaccard 1912, The distribution of the flora in the alpine zone; with
    ties as expected overlap of independent draws.
    """
    at = pd.MultiIndex.from_frame(following.cells).get_indexer(pd.MultiIndex.from_frame(one.cells))
    rows: list[Row] = []
    for months in _windows(one.expected[PLAN].shape[1]):
        now, later = one.volume(months), following.volume(months)
        sizes = zip(_sizes(len(at), one.slots), _sizes(len(later[PLAN]), following.slots), strict=True)
        for (size, k), (_, other) in sizes:
            for name in now:
                first, second = membership(now[name], k), membership(later[name], other)
                both = float(first[at >= 0] @ second[at[at >= 0]])
                union = first.sum() + second.sum() - both
                for metric, value in (("kept", _ratio(both, first.sum())), ("jaccard", _ratio(both, union))):
                    rows.append((one.origin, months, size, name, metric, value))
    return rows


def ground_at(then: Basis, issued: pd.DataFrame, origin: pd.Timestamp) -> Ground:
    """What a plan is made from at an origin: forecasts and panel as then known, no estates.

    The months of a forecast are taken as independent: this widens no list, only the intervals nobody scores here.
    """
    table = panel.build(then.counts, then.areas, origin, then.forecaster.coverage)
    codes = sorted(set(issued["category"]))
    return Ground(
        forecasts=issued,
        correlation=0.0,
        panel=table.assign(orders=table[then.forecaster.value]),
        areas=then.areas,
        names=pd.DataFrame({"category": codes, "name": codes, "name_en": codes}, dtype="str"),
        risk=empty(Risk),
        estates=empty(Estates),
        month_starts_on=then.changes.month_starts_on,
    )


def tasks_at(ground: Ground, playbook: Playbook, plan: Plan, origin: pd.Timestamp) -> pd.DataFrame:
    """Tasks that must begin in the month after the origin or not at all, each with whether the plan chose it.

    Those that may still begin later are left out: not to have begun them yet is no choice against them.

    Returns:
        Candidates (forecast.workplan.candidates), also those with fewer requests than `plan.min_expected`, and
        `chosen`.
    """
    every = preventive(ground, playbook, plan.model_copy(update={"min_expected": 0.0}), origin, "en")
    if every.empty:
        return every.assign(chosen=False)
    built = workplan.build(ground, playbook, plan.model_copy(update={"hold_back": 0.0}), origin, "en")
    chosen = set(built.loc[built["chosen"], "task_id"])
    every = every[every["on_time"] & (every["latest"] == 0)].reset_index(drop=True)
    return every.assign(chosen=every["task_id"].isin(chosen))


def _tasks_held(known: Known, actual: Array, ground: Ground, playbook: Playbook, plan: Plan) -> list[Row]:
    """What the chosen tasks held of the requests in their windows.

    The other lists choose as many tasks in each street, of safety tasks and of others, as the plan did.
    """
    tasks = tasks_at(ground, playbook, plan, known.origin)
    if tasks.empty:
        return []
    at = pd.MultiIndex.from_frame(known.cells).get_indexer(pd.MultiIndex.from_frame(tasks[["area", "category"]]))
    today = known.origin.year * 12 + known.origin.month + 1
    span = number(tasks["first_month"]).to_numpy() - today, number(tasks["last_month"]).to_numpy() - today
    y = _sum_over(actual, at, *span)
    there = ~np.isnan(y) & (at >= 0)
    if not tasks.loc[there, "chosen"].any():
        return []
    volume = {name: _sum_over(each, at, *span)[there] for name, each in known.expected.items()} | {ORACLE: y[there]}
    tasks = tasks[there]
    chosen = tasks["chosen"].to_numpy(dtype=float)
    group = tasks.groupby(["street", "safety"], sort=True).ngroup().to_numpy()
    figures = _figures(
        {name: _as_many(each, chosen, group) for name, each in volume.items()} | {PLAN: chosen}, y[there]
    )
    return [
        (known.origin, 0, TASKS, name, metric, value)
        for name, figure in figures.items()
        for metric, value in figure.items()
    ]


def _as_many(ranking: Array, chosen: Array, group: Array) -> Array:
    """(n,) membership of the lists that take as many of each group as were chosen."""
    listed = np.zeros(len(ranking))
    for one in np.unique(group):
        here = group == one
        listed[here] = membership(ranking[here], int(chosen[here].sum()))
    return listed


def _sum_over(table: Array, at: Array, first: Array, last: Array) -> Array:
    """(tasks,) sum of the rows `at` over the columns first..last; NaN where one of them is."""
    column = np.arange(table.shape[1])
    inside = (column >= first[:, None]) & (column <= last[:, None])
    return np.where(inside, table[at], 0.0).sum(axis=1)


def _captured(rankings: Mapping[str, Array], y: Array, k: int) -> dict[str, dict[str, float]]:
    return _figures({name: membership(each, k) for name, each in rankings.items()}, y)


def _figures(listed: Mapping[str, Array], y: Array) -> dict[str, dict[str, float]]:
    """list -> its figures; `listed` holds membership, the oracle's too."""
    best = float(listed[ORACLE] @ y)
    return {
        name: {
            "listed": float(each.sum()),
            "captured": float(each @ y),
            "share": _ratio(each @ y, y.sum()),
            "of_oracle": _ratio(each @ y, best),
        }
        for name, each in listed.items()
    }


def _windows(horizon: int) -> list[int]:
    return sorted({*(months for months in MONTHS if months <= horizon), horizon})


def _sizes(n: int, slots: int) -> Iterator[tuple[str, int]]:
    yield from ((size, max(1, round(share * n))) for size, share in SIZES.items())
    yield SLOTS, min(slots, n)


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else np.nan


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """How far the plan's list is ahead of last year's and of the flat mean, with an interval over the origins.

    Lists whose months overlap are judged on the same requests, so origins are no independent witnesses: those of
    one stretch as long as the months summed (the longest for tasks) make one block, and the interval is a paired t of
    the means of the blocks. Neighbouring blocks still share some months; with two or three blocks it is very wide.

    Args:
        table: PlanScores.

    Returns:
        PlanGains, by months, size, metric and rival.

    Source: batch means, Schmeiser 1982, Batch size effects in the analysis of simulation output, Oper. Res. 30, §1.
    """
    keys = ["months", "size", "metric"]
    wide = table[table["metric"].isin(COMPARED)].pivot(index=[*keys, "origin"], columns="list", values="value")
    longest = max(table["months"].max(), 1) if len(table) else 1
    rows = []
    for key, part in wide.groupby(level=keys, sort=False):
        for rival in (LAST_YEAR, FLAT_MEAN):
            ahead = (part[PLAN] - part[rival]).dropna()
            if len(ahead):
                month = number(pd.Series(ahead.index.get_level_values("origin"))).to_numpy()
                block = (month - month.min()) // (key[0] or longest)
                rows.append(dict(zip(keys, key, strict=True)) | {"rival": rival} | _interval(ahead.to_numpy(), block))
    return conform(PlanGains, pd.DataFrame(rows, columns=list(PlanGains.to_schema().columns)))


def _interval(ahead: Array, block: Array) -> dict[str, float]:
    """Mean of the differences, and its t interval from the means of the blocks."""
    means = np.array([ahead[block == one].mean() for one in np.unique(block)])
    count, mean, reach = len(means), float(ahead.mean()), np.nan
    if count > 1:
        reach = float(stdtrit(count - 1, (1 + LEVEL) / 2) * means.std(ddof=1) / np.sqrt(count))
    share = float(((ahead > 0) + (ahead == 0) / 2).mean())
    return {
        "difference": mean, "low": mean - reach, "high": mean + reach, "ahead_in": share, "origins": len(ahead),
        "blocks": count,
    }  # fmt: skip


def board(table: pd.DataFrame, ahead: pd.DataFrame) -> pd.DataFrame:
    """Rows of the lists for a leaderboard, over all months ahead; means over the origins.

    Returns:
        model ("list: plan" ...), then of_oracle_<size> of every size and of the tasks, surge_of_oracle_10%, kept_10%;
        plan_ahead, plan_ahead_low, plan_ahead_high: what the plan's 10 % of cells hold more than those of this list.
    """
    longest = table["months"].max()
    rows = table[table["months"].isin([0, longest])]
    wanted = rows[(rows["metric"] == "of_oracle") | (rows["metric"].isin(COMPARED) & (rows["size"] == "10%"))]
    names = wanted["metric"] + "_" + wanted["size"]
    wide = wanted.assign(name=names).pivot_table(index="list", columns="name", values="value", aggfunc="mean")
    wide = wide.reindex(index=[name for name in LISTS if name in wide.index], columns=list(dict.fromkeys(names)))
    first = ahead[(ahead["months"] == longest) & (ahead["size"] == "10%") & (ahead["metric"] == "of_oracle")]
    first = first.set_index("rival")[["difference", "low", "high"]]
    first.columns = pd.Index(["plan_ahead", "plan_ahead_low", "plan_ahead_high"])
    wide = wide.join(first).rename_axis(index="model", columns=None).reset_index()
    return wide.assign(model="list: " + wide["model"].astype("str"))
