"""The tables of a scoring of estates -> RiskMaterial, the bundle its formats read, with the lists they show."""

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from forecast.tables import ALL
from reports import findings
from reports.material import Language
from reports.texts import Words

GRADES = ("red", "orange", "yellow", "blue")
FIELDS = (
    "area", "lon", "households", "built_year", "tenure", "mgmt_type", "heat_type", "fee_collection_rate",
    "elderly_share",
)  # fmt: skip
"""Main fields of an estate: how many estates lack them is said."""


@dataclass(frozen=True, eq=False)
class RiskMaterial:
    """What a scoring found.

    Args:
        overall: the category whose rows of `risk` are the list of all estates.
        risk, risk_drivers, estates, areas, fairness: tables of forecast.tables.
        silent: SilentEstates; None = not looked for.
        categories: DataFrame[category, name, name_en]. driver_names: DataFrame[driver, zh, en].
        cuts: shares of estates up to red, orange, yellow. top: seats of which `in_top` speaks.
        slots: first estates that are slots in `fairness`; 0 = those in red and orange. cap: see `caller_cap`.
        warnings: plain sentences in `language`.
    """

    city: str
    language: Language
    as_of: pd.Timestamp
    run_id: str
    version: str
    overall: str
    risk: pd.DataFrame
    risk_drivers: pd.DataFrame
    estates: pd.DataFrame
    areas: pd.DataFrame
    categories: pd.DataFrame
    driver_names: pd.DataFrame
    fairness: pd.DataFrame
    cuts: tuple[float, float, float]
    top: int
    slots: int
    cap: int
    silent: pd.DataFrame | None = None
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @cached_property
    def words(self) -> Words:
        return Words(self.language)

    @cached_property
    def category_names(self) -> dict[str, str]:
        names = self.categories["name"]
        if self.language == "en":
            names = self.categories["name_en"].where(self.categories["name_en"].fillna("") != "", names)
        return {ALL: self.words("all")} | dict(zip(self.categories["category"], names, strict=True))

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """Risk with rank in its category, name, area, area_name, street_name, households, built_year, lon, lat."""
        columns = ["estate", "name", "area", "households", "built_year", "lon", "lat"]
        rows = self.risk.merge(self.estates[columns], on="estate")
        named = dict(zip(self.areas["area"], self.areas["name"], strict=True))
        streets = self.areas[self.areas["level"] == "street"]["area"]
        parent = dict(zip(self.areas["area"], self.areas["parent"], strict=True))
        above = rows["area"].map(parent)
        rows["area_name"] = _said(rows["area"], named)
        rows["street_name"] = _said(above.where(above.isin(streets)), named)
        rows["category_name"] = [self.category_names.get(code, code) for code in rows["category"]]
        order = ["category", "score", "expected", "estate"]
        rows = rows.sort_values(order, ascending=[True, False, False, True], ignore_index=True)
        return rows.assign(rank=rows.groupby("category").cumcount() + 1)

    def listed(self, limit: int | None = None) -> pd.DataFrame:
        """The list of all estates: `ranked` of `overall` with `reasons` and `main`, the category that counts most."""
        rows = self.ranked[self.ranked["category"] == self.overall]
        rows = rows if limit is None else rows.head(limit)
        parts = self.ranked[(self.ranked["category"] != ALL) & self.ranked["estate"].isin(rows["estate"])]
        parts = parts.sort_values(["expected", "score"], ascending=False, kind="stable").drop_duplicates("estate")
        main = _said(rows["estate"], dict(zip(parts["estate"], parts["category_name"], strict=True)))
        return self.with_reasons(rows.assign(main=main))

    def with_reasons(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows` of `ranked` with `reasons`, a list of at most three texts."""
        given = findings.reasons(rows, self.risk_drivers, self.driver_names, self.words)
        return rows.assign(reasons=given).reset_index(drop=True)

    @cached_property
    def in_grade(self) -> dict[str, int]:
        """Grade -> estates of the list."""
        grades = self.risk.loc[self.risk["category"] == self.overall, "grade"].value_counts()
        return {grade: int(grades.get(grade, 0)) for grade in GRADES}

    @cached_property
    def unknown(self) -> dict[str, int]:
        """Main field -> estates where it is unknown; those known everywhere are left out."""
        counts = {name: int(self.estates[name].isna().sum()) for name in FIELDS}
        return {name: count for name, count in counts.items() if count}

    def unknown_sentence(self) -> str:
        """What is unknown, in words."""
        if not self.unknown:
            return self.words("unknown.none")
        said = [self.words("unknown.some", what=self.words(f"unknown.{k}"), n=n) for k, n in self.unknown.items()]
        return self.words("unknown.of", n=len(self.estates), list=self.words("comma").join(said))

    def grade_sentence(self) -> str:
        """How many estates have which grade, in words."""
        return self.words("risk.sum", n=sum(self.in_grade.values()), **self.in_grade)


def _said(codes: pd.Series, names: dict[str, str]) -> pd.Series:
    """The name of each code; empty where there is none."""
    return pd.Series([names.get(code, "") for code in codes], index=codes.index, dtype="str")
