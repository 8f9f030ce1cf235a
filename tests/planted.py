"""The simulated city's truth -> counts with a planted effect: noisy, seasonal, drifting, alike in a street."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.panel import Grid
from forecast.simulate import City, estates, places, truth
from forecast.simulate.published import KINDS
from forecast.tables import Tasks, check, conform

Array = np.ndarray
SIZE = {kind.code: kind.size for kind in KINDS}


@dataclass(frozen=True)
class Place:
    """A city without complaints yet. mean: (cells, months) expected requests, NaN where the area was not there."""

    areas: pd.DataFrame
    cells: pd.DataFrame
    months: pd.DatetimeIndex
    mean: Array

    @property
    def street(self) -> Array:
        """Street of each cell."""
        return self.cells["area"].map(self.areas.set_index("area")["parent"]).to_numpy()


def place(
    seed: int, communities: int = 120, categories: tuple[str, ...] = ("1B", "3C", "H1"), years: int = 6
) -> Place:
    """The communities of a simulated city and what is to be expected of them."""
    city = City(seed=seed, communities=communities, years=years)
    sites, areas, corners = places.build(city)
    known = estates.build(city, sites, corners)
    table = truth.by_cell(city, sites, truth.build(city, sites, known))
    table = table[table["category"].isin(categories)]
    wide = table.pivot(index=["area", "category"], columns="month", values="expected_orders").sort_index()
    areas = estates.count_households(areas, sites, known)
    return Place(areas, wide.index.to_frame(index=False), pd.DatetimeIndex(wide.columns), wide.to_numpy())


def counts(where: Place, factor: Array, seed: int) -> Grid:
    """Requests drawn with the mean times `factor`; streets drift together, and cells have shocks that last.

    A street's AR(1) has standard deviation 0.1 and keeps 0.9 a month; a category's month 0.03; a cell is NegBin of
    the simulated city's size, whose gamma keeps half of itself to the next month.
    """
    rng = np.random.default_rng(seed)
    mean = rates(where, factor, rng)
    return Grid(where.cells, where.months, np.where(np.isnan(mean), np.nan, rng.poisson(np.nan_to_num(mean))))


def averted(where: Place, factor: Array, seed: int) -> Array:
    """(cells, months) requests that `factor` keeps from coming, to be expected in the very world of `counts`."""
    without = rates(where, np.ones_like(factor), np.random.default_rng(seed))
    return without - rates(where, factor, np.random.default_rng(seed))


def rates(where: Place, factor: Array, rng: np.random.Generator) -> Array:
    """(cells, months) mean of the requests of one drawn world."""
    number, streets = pd.factorize(where.street)
    steps = rng.normal(0, 0.1, (len(streets), len(where.months)))
    common = np.empty_like(steps)
    common[:, 0] = steps[:, 0]
    for t in range(1, steps.shape[1]):
        common[:, t] = 0.9 * common[:, t - 1] + np.sqrt(1 - 0.9**2) * steps[:, t]
    kind, kinds = pd.factorize(where.cells["category"])
    month = rng.normal(0, 0.03, (len(kinds), len(where.months)))
    size = where.cells["category"].map(SIZE).to_numpy(dtype=float)[:, None]
    fresh = rng.gamma(size / 2, 2 / size, where.mean.shape)
    lasting = (fresh + np.column_stack([fresh[:, :1], fresh[:, :-1]])) / 2
    mean: Array = where.mean * factor * lasting * np.exp(common[number] + month[kind] - 0.005)
    return mean


def plant(where: Place, chosen: Array, begin: Array, effect: float) -> Array:
    """(cells, months) 1 + effect in chosen cells from position `begin` on, else 1."""
    on = chosen[:, None] & (np.arange(len(where.months)) >= begin[:, None])
    return np.where(on, 1 + effect, 1.0)


def treated(where: Place, chosen: Array, begin: Array, months: int = 12, group: str = "repair") -> pd.DataFrame:
    """Treated of the chosen cells; the work can show for `months` months."""
    rows = np.flatnonzero(chosen)
    start = where.months[begin[rows]]
    last = where.months[np.minimum(begin[rows] + months - 1, len(where.months) - 1)]
    table = where.cells.iloc[rows].assign(
        unit=[f"u{k}" for k in rows], group=group, month=start, first=start, last=last
    )
    columns = ["unit", "group", "area", "category", "month", "first", "last"]
    return table[columns].assign(cost=1000.0, defects_found=1.0, defects_fixed=1.0).reset_index(drop=True)


def lottery(
    where: Place, effect: float, slots: int, compliance: float, seed: int, borderline: float = 0.5, held: float = 0.5
) -> tuple[pd.DataFrame, Array, float]:
    """(Tasks, factor of the means, true effect of being asked for): each street's first tasks by forecast, twice.

    In month 48 and 54 every street asks for its `slots` likeliest cells of a half year ahead. As a plan does it, each
    of the least part `borderline` of them is held back with chance `held`, and the next cells take their slots. The
    others are begun with probability `compliance`; the work takes `effect` off from the window's first month.
    """
    rng = np.random.default_rng(seed)
    factor = np.ones_like(where.mean)
    rows = []
    for plan in (48, 54):
        window = slice(plan + 2, plan + 8)
        sure = where.mean[:, window].sum(axis=1) * rng.lognormal(0, 0.2, len(where.mean))
        for street in pd.unique(where.street):
            own = np.flatnonzero((where.street == street) & np.isfinite(sure) & (factor[:, plan + 8] == 1))
            own = own[np.argsort(-sure[own])]
            asked = min(slots, len(own))
            drawn = np.arange(len(own)) >= asked - int(borderline * asked)
            drawn[asked:] = False
            back = drawn & (rng.random(len(own)) < held)
            for k, cell in enumerate(own[: asked + back.sum()]):
                done = not back[k] and rng.random() < compliance
                if done:
                    factor[cell, window.start :] = 1 + effect
                rows.append((cell, plan, sure[cell], "held_back" if back[k] else "chosen", done, drawn[k]))
    table = pd.DataFrame(rows, columns=pd.Index(["cell", "plan", "sure", "fate", "done", "drawn"]))
    return _tasks(where, table), factor, _intention(where, table, effect)


def _intention(where: Place, table: pd.DataFrame, effect: float) -> float:
    """Relative change of the expected requests of drawn, chosen tasks in their windows."""
    rows = table[table["drawn"] & (table["fate"] == "chosen")]
    without = np.array([where.mean[c, p + 2 : p + 8].sum() for c, p in zip(rows["cell"], rows["plan"], strict=True)])
    return float(effect * (without * rows["done"]).sum() / without.sum())


def _tasks(where: Place, table: pd.DataFrame) -> pd.DataFrame:
    cells = where.cells.iloc[table["cell"]].reset_index(drop=True)
    plan = where.months[table["plan"]]
    done = table["done"].to_numpy()
    frame = cells.assign(
        task_id=[f"t{k}" for k in range(len(table))], plan_month=plan, street=where.street[table["cell"]],
        entry="visit", start_by=plan + pd.DateOffset(months=1), window_start=plan + pd.DateOffset(months=2),
        window_end=plan + pd.DateOffset(months=8) - pd.Timedelta(days=1), expected_requests=table["sure"],
        preventable_share=0.3, crew_days=2.0, safety=False, borderline=table["drawn"], fate=table["fate"],
        status=np.where(done, "done", "not_started"),
        done_on=pd.Series(plan + pd.DateOffset(days=40)).where(pd.Series(done)),
        cost=pd.Series(500.0, table.index).where(done),
        defects_found=pd.Series(2.0, table.index).where(done), defects_fixed=pd.Series(1.0, table.index).where(done),
    )  # fmt: skip
    return check(Tasks, conform(Tasks, frame))
