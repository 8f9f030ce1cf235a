"""The tables of one run -> Material, the one bundle every format reads, with the sums that all of them show."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from forecast.tables import (
    ALL,
    LEVELS,
    UNCLASSIFIED,
    Appraisal,
    Drift,
    Forecasts,
    LiveScores,
    PlanChanges,
    Rates,
    SilentEstates,
    Targets,
    empty,
)
from reports.lookup import Indexed, indexed, wide
from reports.past import Past, past, sums
from reports.texts import Words

Language = Literal["zh", "en"]

BANDS = {50: (0.25, 0.75), 80: (0.1, 0.9), 95: (0.025, 0.975)}
"""Central interval in percent -> its two quantile levels."""

MONTHS_AHEAD = 3
"""How many months "what is coming" sums up."""


ASKED = ("chosen", "late")
"""What becomes of the tasks a street has to do with this month."""


class Coming(NamedTuple):
    """Requests expected from `first` to `last`. `low`..`high` are the months' 80 % intervals added up (a wide one).

    `last_year` counts the same months a year before in `communities` communities, those whose months were all
    covered; `same` is what is expected there now, so that like is compared with like. `complete`: they are all
    there are. `last_year` is null when less than half of what is expected can be compared.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    expected: float
    low: float
    high: float
    last_year: float
    same: float
    communities: float
    complete: bool


Rows = list[dict[str, Any]]

COMPARED = ["last_year", "same", "communities", "complete"]


@dataclass(frozen=True, eq=False)
class Material:
    """What a run found.

    Args:
        as_of: the plan is issued at the end of this month.
        origin: last month of data.
        workplan, forecasts, panel, areas, risk, risk_drivers, estates, unresolved, scores: tables of
            forecast.tables; forecasts and scores of the model in use only. Of forecasts area, category, month,
            output (mean and quantile), level and predicted are read.
        categories: DataFrame[category, name, name_en].
        sources: DataFrame[source, file, rows, kept, rejected, repeated, left_out, unplaced, unclassified,
            first_day, last_day].
        driver_names: DataFrame[driver, zh, en]: the drivers of risk_drivers in words.
        fairness: Fairness of the slots of the plan; empty where it was not looked at.
        warnings: plain sentences in `language`.
        rates, rates_before: Rates of the span that ends with `origin` and of the same span a year before; empty
            without call-backs, like `targets` and `appraisal`.
        live_scores, drift: LiveScores and Drift of forecasts issued earlier; empty where there were none.
        changes: PlanChanges against the plan before. silent: SilentEstates.
        year_before: DataFrame[area, category, month, predicted]: means as issued a year ago; may be empty.
        next_tasks: when the work plan is empty, the nearest window in words ("3 月的防汛"); may be "".
    """

    city: str
    language: Language
    as_of: pd.Timestamp
    origin: pd.Timestamp
    run_id: str
    version: str
    workplan: pd.DataFrame
    forecasts: pd.DataFrame
    panel: pd.DataFrame
    areas: pd.DataFrame
    risk: pd.DataFrame
    risk_drivers: pd.DataFrame
    estates: pd.DataFrame
    categories: pd.DataFrame
    sources: pd.DataFrame
    unresolved: pd.DataFrame
    scores: pd.DataFrame
    driver_names: pd.DataFrame
    fairness: pd.DataFrame = field(default_factory=pd.DataFrame)
    warnings: tuple[str, ...] = ()
    next_tasks: str = ""
    live_scores: pd.DataFrame = field(default_factory=lambda: empty(LiveScores))
    drift: pd.DataFrame = field(default_factory=lambda: empty(Drift))
    changes: pd.DataFrame = field(default_factory=lambda: empty(PlanChanges))
    silent: pd.DataFrame = field(default_factory=lambda: empty(SilentEstates))
    year_before: pd.DataFrame = field(default_factory=lambda: empty(Forecasts))
    rates: pd.DataFrame = field(default_factory=lambda: empty(Rates))
    rates_before: pd.DataFrame = field(default_factory=lambda: empty(Rates))
    targets: pd.DataFrame = field(default_factory=lambda: empty(Targets))
    appraisal: pd.DataFrame = field(default_factory=lambda: empty(Appraisal))

    @property
    def plan_month(self) -> pd.Timestamp:
        return self.as_of + pd.offsets.MonthBegin(1)

    @cached_property
    def asked(self) -> pd.DataFrame:
        """Rows of the work plan a street has to do with this month: tasks to begin, and those too late to prevent."""
        return self.workplan[self.workplan["fate"].isin(ASKED)]

    @cached_property
    def root(self) -> str:
        """Code of the city."""
        return str(self.areas.loc[self.areas["level"] == LEVELS[-1], "area"].iloc[0])

    @cached_property
    def area_names(self) -> dict[str, str]:
        return dict(zip(self.areas["area"], self.areas["name"], strict=True))

    @cached_property
    def category_names(self) -> dict[str, str]:
        named = self.categories
        names = named["name"]
        if self.language == "en":
            names = named["name_en"].where(named["name_en"].fillna("") != "", names)
        words = Words(self.language)
        others = {ALL: words("all"), UNCLASSIFIED: words("unclassified")}
        return others | dict(zip(named["category"], names, strict=True))

    @cached_property
    def streets(self) -> dict[str, str]:
        """Code -> name of every street, and of every area the work plan calls a street."""
        known = self.areas[self.areas["level"] == "street"]
        planned = self.workplan.drop_duplicates("street")
        names = dict(zip(known["area"], known["name"], strict=True))
        return names | dict(zip(planned["street"], planned["street_name"], strict=True))

    @cached_property
    def street_of(self) -> dict[str, str]:
        """Community -> its street."""
        placed = self.areas[(self.areas["level"] == "community") & self.areas["parent"].notna()]
        return dict(zip(placed["area"], placed["parent"], strict=True))

    @cached_property
    def outlook(self) -> pd.DataFrame:
        """DataFrame[area, category, month, mean, low50, high50, low80, high80, low95, high95] after `as_of`.

        Sorted by area, category and month. A band whose quantiles were not issued is null.
        """
        later = self.forecasts["month"] > self.as_of
        return wide(self.forecasts if later.all() else self.forecasts[later], BANDS)

    @cached_property
    def outlook_by_area(self) -> Indexed:
        return indexed(self.outlook, "area")

    @cached_property
    def past(self) -> Past:
        """The panel as an array."""
        return past(self.panel)

    @cached_property
    def below(self) -> dict[str, list[int]]:
        """Area -> positions in `past` of itself or the communities below it."""
        parent = dict(zip(self.areas["area"], self.areas["parent"], strict=True))
        found: dict[str, list[int]] = {}
        for n, community in enumerate(self.past.areas):
            area: Any = community
            while isinstance(area, str):
                found.setdefault(area, []).append(n)
                area = parent.get(area)
        return found

    @cached_property
    def history(self) -> pd.DataFrame:
        """DataFrame[category, month, orders, communities]: requests of the city, of ALL as well.

        `communities` counts the communities that were covered in the month, in any category.
        """
        known, members = self.past, self.below.get(self.root, [])
        orders = sums(known.counts[members])
        category, month = np.nonzero(~np.isnan(orders))
        return pd.DataFrame(
            {
                "category": pd.Index([*known.categories, ALL], dtype="str")[category],
                "month": known.months[month],
                "orders": orders[category, month],
                "communities": known.covered[members].sum(axis=0)[month],
            }
        )

    @cached_property
    def steady(self) -> np.ndarray:
        """(categories of `past` and ALL, months): requests of the city.

        NaN in months in which fewer communities were covered than in the last year.
        """
        known, members = self.past, self.below.get(self.root, [])
        communities = known.covered[members].sum(axis=0)
        recent = communities[known.months > self.origin - pd.DateOffset(years=1)]
        return np.where(communities >= recent.max(initial=1), sums(known.counts[members]), np.nan)

    def moved(self, month: pd.Timestamp) -> float | None:
        """Requests of the last month less those of `month`, in communities covered in both; None if too few were."""
        known = self.past
        now, then = known.months.get_indexer(pd.DatetimeIndex([self.origin, month]))
        if min(now, then) < 0:
            return None
        both = known.covered[:, now] & known.covered[:, then]
        if both.sum() < max(1, 0.5 * known.covered[:, now].sum()):
            return None
        return float(np.nansum(known.counts[both, :, now]) - np.nansum(known.counts[both, :, then]))

    @cached_property
    def ahead(self) -> pd.DatetimeIndex:
        """The months "what is coming" sums up."""
        return pd.DatetimeIndex(sorted(self.outlook["month"].unique())[:MONTHS_AHEAD])

    @cached_property
    def coming(self) -> pd.DataFrame:
        """DataFrame[area, category, expected, low, high, last_year, same, communities, complete] over `ahead`."""
        rows = self.outlook[self.outlook["month"].isin(self.ahead)]
        names = {"mean": "expected", "low80": "low", "high80": "high"}
        sums = rows.groupby(["area", "category"])[list(names)].sum(min_count=len(self.ahead))
        sums = sums.rename(columns=names).reset_index()
        sums = sums.merge(self._compared(sums), on=["area", "category"], how="left")
        return sums.assign(complete=sums["complete"].eq(True))

    def coming_of(self, area: str, category: str = ALL) -> Coming | None:
        """The row of `coming` of one area and category, if there is one."""
        figures = self._coming_rows.get((area, category))
        return None if figures is None else Coming(self.ahead[0], self.ahead[-1], *figures)

    @cached_property
    def _coming_rows(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        rows = self.coming
        key = zip(rows["area"], rows["category"], strict=True)
        figures = zip(*(rows[name].tolist() for name in ("expected", "low", "high", *COMPARED)), strict=True)
        return dict(zip(key, figures, strict=True))

    def _lines(self) -> pd.DataFrame:
        """DataFrame[community, above]: each area of the panel with itself and every area above it."""
        parent = self.areas.set_index("area")["parent"]
        communities = self.panel["area"].unique()
        step = pd.DataFrame({"community": communities, "above": communities})
        steps = []
        for _ in LEVELS:
            steps.append(step)
            step = step.assign(above=step["above"].map(parent)).dropna()
        return pd.concat(steps, ignore_index=True)

    def _compared(self, coming: pd.DataFrame) -> pd.DataFrame:
        """DataFrame[area, category, *COMPARED]: what is expected against last year, in the same cells."""
        key = ["area", "category"]
        past = self.panel[self.panel["month"].isin(self.ahead - pd.DateOffset(years=1))]
        sums = past.groupby(key)["orders"].agg(["sum", "count"])
        known = sums.loc[sums["count"] == len(self.ahead), "sum"].astype(float).rename("last_year")
        cells = coming[coming["category"] != ALL].merge(known.reset_index(), on=key, how="left")
        cells = cells.rename(columns={"area": "community"})
        cells["same"] = cells["expected"].where(cells["last_year"].notna())
        cells["where"] = cells["community"].where(cells["last_year"].notna())
        cells = pd.concat([cells, cells.assign(category=ALL)], ignore_index=True)
        rows = self._lines().merge(cells, on="community").rename(columns={"above": "area"})
        figures = rows.groupby(key, as_index=False).agg(
            last_year=("last_year", "sum"),
            same=("same", "sum"),
            communities=("where", "nunique"),
            all=("expected", "sum"),
        )
        figures["complete"] = figures["same"] >= 0.999 * figures["all"]
        return figures.loc[figures["same"] >= 0.5 * figures["all"], [*key, *COMPARED]]


def records(frame: pd.DataFrame) -> Rows:
    """Rows as dicts, by column name."""
    names = [str(name) for name in frame.columns]
    columns = [frame[name].astype(object).tolist() for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def geometry(wkb: bytes, digits: int = 6, tolerance: float = 0.0, clockwise: bool = False) -> dict[str, Any]:
    """WKB -> GeoJSON geometry in two dimensions.

    Args:
        digits: decimals of a degree kept; 6 are about 0.1 m.
        tolerance: degrees a simplified outline may stray.
        clockwise: outer rings clockwise, as d3 draws them; else counter-clockwise (RFC 7946 section 3.1.6).
    """
    import shapely

    shape = shapely.force_2d(shapely.from_wkb(wkb))
    shape = shapely.simplify(shape, tolerance) if tolerance else shape
    shape = shapely.transform(shapely.orient_polygons(shape, exterior_cw=clockwise), lambda xy: xy.round(digits))
    found: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return found
