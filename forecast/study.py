"""Counts + areas + category tree -> the tables of the property-management study, by class, zone, quarter and year."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from forecast.shares import wilson
from forecast.spec import Names, Spec
from forecast.tables import (
    ALL,
    UNCLASSIFIED,
    StudyOdds,
    StudyQuarters,
    StudyShares,
    StudyZones,
    check,
    conform,
    empty,
)
from forecast.taxonomy import Taxonomy

Array = np.ndarray
Link = Literal["logit", "probit"]
LINKS: tuple[Link, ...] = ("logit", "probit")


class StudyOptions(Spec):
    """What is studied. `classes`: tops of the category tree (none = all but unclassified). `base_zone`: the zone the
    others are compared with (none = the one with most orders). `base_year`: the same for years (none = the first
    whole one). `first`, `last`: months as 2014-01 (none = all). `confidence` of all intervals.
    """

    classes: Names = ()
    base_zone: str | None = None
    base_year: int | None = None
    first: str | None = Field(None, pattern=r"^\d{4}-\d\d$")
    last: str | None = Field(None, pattern=r"^\d{4}-\d\d$")
    confidence: float = Field(0.95, gt=0, lt=1)


@dataclass(frozen=True)
class Study:
    """The four tables; `zones` and `odds` have no row where no area has a zone."""

    shares: pd.DataFrame
    quarters: pd.DataFrame
    zones: pd.DataFrame
    odds: pd.DataFrame


def tally(counts: pd.DataFrame, areas: pd.DataFrame, tree: Taxonomy, spec: StudyOptions) -> pd.DataFrame:
    """Orders by class, zone and month.

    Args:
        counts: Counts; orders without area count where no zone is asked.
        areas: Areas; an area without a zone has that of the nearest area above.
        tree: a category belongs to the class at the top of its branch; one it does not list is its own class.
        spec: months and classes to keep.

    Returns:
        DataFrame[category (a class), zone (null = unknown), month, orders].
    """
    top = _tops(tree)
    rows = counts[["area", "category", "month", "orders"]]
    rows = rows.assign(zone=rows["area"].map(_zones(areas)), category=rows["category"].map(lambda c: top.get(c, c)))
    kept = rows["category"].isin(spec.classes) if spec.classes else rows["category"] != UNCLASSIFIED
    first, last = spec.first or "1700-01", spec.last or "2200-01"
    kept &= (rows["month"] >= pd.Timestamp(first)) & (rows["month"] <= pd.Timestamp(last))
    keys = ["category", "zone", "month"]
    return rows[kept].groupby(keys, dropna=False)[["orders"]].sum().reset_index()


def study(tallied: pd.DataFrame, spec: StudyOptions) -> Study:
    """All tables of what `tally` returns."""
    if tallied.empty:
        return Study(empty(StudyShares), empty(StudyQuarters), empty(StudyZones), empty(StudyOdds))
    placed = tallied[tallied["zone"].notna()]
    return Study(
        shares=shares(tallied, spec.confidence),
        quarters=quarters(tallied),
        zones=zones(placed),
        odds=odds(placed, spec),
    )


def shares(tallied: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """StudyShares: share of each class in all months (year 0) and in each year.

    The intervals are those of independent orders.
    """
    by_year = tallied.assign(year=tallied["month"].dt.year)
    table = pd.concat([tallied.assign(year=0), by_year]).groupby(["year", "category"], as_index=False)["orders"].sum()
    months = pd.concat([tallied.assign(year=0), by_year]).groupby("year")["month"].nunique()
    total = table.groupby("year")["orders"].transform("sum").to_numpy(dtype=float)
    low, high = wilson(table["orders"].to_numpy(dtype=float), total, confidence)
    share = np.divide(table["orders"], total, out=np.full(len(table), np.nan), where=total > 0)
    table = table.assign(months=table["year"].map(months), share=share, low=low, high=high)
    return check(StudyShares, conform(StudyShares, table), "study")


def quarters(tallied: pd.DataFrame) -> pd.DataFrame:
    """StudyQuarters: orders of each class, and of all together, by quarter, and their part of the year."""
    month = tallied["month"]
    rows = tallied.assign(year=month.dt.year, quarter=(month.dt.month + 2) // 3)
    rows = pd.concat([rows, rows.assign(category=ALL)])
    table = rows.groupby(["category", "year", "quarter"], as_index=False)["orders"].sum()
    months = rows.groupby(["year", "quarter"])["month"].nunique().rename("months").reset_index()
    table = table.merge(months, on=["year", "quarter"])
    groups = table.groupby(["category", "year"])
    whole = groups["months"].transform("sum") == 12
    total = groups["orders"].transform("sum").to_numpy(dtype=float)
    part = np.divide(table["orders"], total, out=np.full(len(table), np.nan), where=(total > 0) & whole.to_numpy())
    table = table.assign(share_of_year=part).sort_values(["category", "year", "quarter"], ignore_index=True)
    return check(StudyQuarters, conform(StudyQuarters, table), "study")


def zones(placed: pd.DataFrame) -> pd.DataFrame:
    """StudyZones: orders by zone and class; ALL stands for all classes, or all zones."""
    rows = pd.concat([placed, placed.assign(category=ALL)])
    rows = pd.concat([rows, rows.assign(zone=ALL)])
    table = rows.groupby(["zone", "category"], as_index=False)["orders"].sum()
    cell = table.set_index(["zone", "category"])["orders"]
    figures = {
        "share_of_zone": cell.reindex([(zone, ALL) for zone in table["zone"]]).to_numpy(),
        "share_of_class": cell.reindex([(ALL, name) for name in table["category"]]).to_numpy(),
        "share": np.full(len(table), cell.get((ALL, ALL), 0)),
    }
    orders = table["orders"].to_numpy(dtype=float)
    parts = {
        name: np.divide(orders, whole, out=np.full(len(table), np.nan), where=whole > 0)
        for name, whole in figures.items()
    }
    return check(StudyZones, conform(StudyZones, table.assign(**parts)), "study")


def odds(placed: pd.DataFrame, spec: StudyOptions) -> pd.DataFrame:
    """StudyOdds: is an order of the class or of another, by zone and year, in a logit and in a probit.

    A binomial regression on the counts of zone x year gives the same estimates as one on single orders. Standard
    errors are times the root of the Pearson scatter (not below 1), as orders about one event come together.

    Source: McCullagh & Nelder 1989, Generalized Linear Models, §4.3-4.5; average marginal effects and their
    delta-method errors: Williams 2012, Stata Journal 12, §2-3, and Dowd, Greene & Norton 2014, Health Services
    Research 49.
    """
    if placed["zone"].nunique() < 2 or placed["category"].nunique() < 2:
        return empty(StudyOdds)
    rows = placed.assign(year=placed["month"].dt.year)
    cells = rows.pivot_table(index=["zone", "year"], columns="category", values="orders", aggfunc="sum", fill_value=0)
    cells = cells[cells.sum(axis=1) > 0]
    bases = _bases(rows, spec)
    tables = [_of_class(cells, str(name), link, bases, spec.confidence) for name in cells.columns for link in LINKS]
    table = pd.concat(tables, ignore_index=True)
    return check(StudyOdds, conform(StudyOdds, table), "study")


def _tops(tree: Taxonomy) -> dict[str, str]:
    parent = {category.code: category.parent for category in tree.categories}
    tops = {}
    for code in parent:
        top = code
        while above := parent.get(top):
            top = above
        tops[code] = top
    return tops


def _zones(areas: pd.DataFrame) -> dict[str, str]:
    """Zone of each area that has one, its own or from above."""
    parent, zone = (dict(zip(areas["area"], areas[name], strict=True)) for name in ("parent", "zone"))
    found = {}
    for area in parent:
        here: Any = area
        while isinstance(here, str) and not isinstance(zone.get(here), str):
            here = parent.get(here)
        if isinstance(here, str):
            found[area] = zone[here]
    return found


def _bases(rows: pd.DataFrame, spec: StudyOptions) -> dict[str, Any]:
    """The zone and the year the others are compared with."""
    largest = rows.groupby("zone")["orders"].sum().idxmax()
    months = rows.groupby("year")["month"].nunique()
    whole = months[months == 12]
    zone = spec.base_zone if spec.base_zone in set(rows["zone"]) else largest
    first = whole.index[0] if len(whole) else months.index[0]
    return {"zone": zone, "year": spec.base_year if spec.base_year in set(rows["year"]) else first}


@dataclass(frozen=True)
class _Fit:
    """beta: (k,) of the columns of x; covariance: (k, k); scatter: Pearson's, >= 1."""

    beta: Array
    covariance: Array
    scatter: float


def _of_class(
    cells: pd.DataFrame, name: str, link: Link, bases: Mapping[str, Any], confidence: float
) -> pd.DataFrame:
    """Rows of one class and one model; levels in which it has no order, or every one, have no estimate."""
    yes, total = cells[name], cells.sum(axis=1)
    able = pd.Series(True, index=cells.index)
    for factor in ("zone", "year"):
        sums = pd.DataFrame({"yes": yes[able], "total": total[able]}).groupby(level=factor).sum()
        fine = sums.index[(sums["yes"] > 0) & (sums["yes"] < sums["total"])]
        able &= cells.index.get_level_values(factor).isin(fine)
    levels = {factor: sorted(set(cells.index.get_level_values(factor))) for factor in ("zone", "year")}
    base = pd.DataFrame(
        [
            {"category": name, "model": link, "factor": factor, "level": str(level), "base": str(bases[factor]),
             "orders": int(yes[cells.index.get_level_values(factor) == level].sum())}
            for factor in levels for level in levels[factor]
        ]
    )  # fmt: skip
    used = cells[able]
    if not all(bases[factor] in used.index.get_level_values(factor) for factor in levels):
        return base
    terms = {
        factor: [level for level in levels[factor] if level in set(used.index.get_level_values(factor))]
        for factor in levels
    }
    design, columns = _design(used.index, terms, bases)
    fit = _fitted(yes[able].to_numpy(dtype=float), total[able].to_numpy(dtype=float), design, link)
    weights = total[able].to_numpy(dtype=float)
    figures = []
    for factor, level in zip(base["factor"], base["level"], strict=True):
        known = level in map(str, terms[factor])
        here = [n for n, (one, _) in enumerate(columns) if one == factor]
        at = [n for n in here if columns[n][1] == level]
        is_base = level == str(bases[factor])
        figures.append(_figures(fit, design, here, at, weights, link, confidence) if known and not is_base else {})
    return pd.concat([base, pd.DataFrame(figures, index=base.index)], axis=1)


def _design(
    index: pd.Index, terms: Mapping[str, list[Any]], bases: Mapping[str, Any]
) -> tuple[Array, list[tuple[str, str]]]:
    """((rows, k) intercept and dummies, what each column is)."""
    columns, names = [np.ones(len(index))], [("", "")]
    for factor, levels in terms.items():
        for level in levels:
            if level != bases[factor]:
                columns.append((index.get_level_values(factor) == level).astype(float))
                names.append((factor, str(level)))
    return np.column_stack(columns), names


def _fitted(yes: Array, total: Array, design: Array, link: Link) -> _Fit:
    import statsmodels.api as sm

    links = {"logit": sm.families.links.Logit, "probit": sm.families.links.Probit}
    family = sm.families.Binomial(link=links[link]())
    asked, weight = np.repeat([1.0, 0.0], len(yes)), np.concatenate([yes, total - yes])
    came = weight > 0
    model = sm.GLM(asked[came], np.vstack([design, design])[came], family=family, freq_weights=weight[came])
    found = model.fit(tol=1e-12)
    beta, left = np.asarray(found.params), len(yes) - design.shape[1]
    share = _curve(design @ beta, link)[0]
    misses = float(((yes - total * share) ** 2 / (total * share * (1 - share))).sum())
    scatter = max(1.0, misses / left) if left > 0 else 1.0
    return _Fit(beta, np.asarray(found.cov_params()) / float(found.scale) * scatter, scatter)


def _figures(
    fit: _Fit, design: Array, here: list[int], at: list[int], weights: Array, link: Link, confidence: float
) -> dict[str, float]:
    """Odds ratio and average marginal effect of one level against the base.

    In a logit the odds ratio is exp(coefficient); in a probit that of the average shares, all orders at the level
    against all at the base.
    """
    from scipy import stats

    z = float(stats.norm.ppf((1 + confidence) / 2))
    there, back = design.copy(), design.copy()
    there[:, here], back[:, here] = 0.0, 0.0
    there[:, at] = 1.0
    w = weights / weights.sum()
    shares, slopes = [], []
    for x in (there, back):
        share, slope = _curve(x @ fit.beta, link)
        shares.append(float(w @ share))
        slopes.append((w * slope) @ x)
    effect, gradient = shares[0] - shares[1], slopes[0] - slopes[1]
    error = float(np.sqrt(gradient @ fit.covariance @ gradient))
    beta, beta_error = float(fit.beta[at[0]]), float(np.sqrt(fit.covariance[at[0], at[0]]))
    log_odds, odds_error = beta, beta_error
    if link == "probit":
        log_odds = float(np.log(shares[0] / (1 - shares[0])) - np.log(shares[1] / (1 - shares[1])))
        lean = slopes[0] / (shares[0] * (1 - shares[0])) - slopes[1] / (shares[1] * (1 - shares[1]))
        odds_error = float(np.sqrt(lean @ fit.covariance @ lean))
    return {
        "coefficient": beta, "error": beta_error, "p": 2 * float(stats.norm.sf(abs(beta / beta_error))),
        "odds_ratio": np.exp(log_odds), "low": np.exp(log_odds - z * odds_error),
        "high": np.exp(log_odds + z * odds_error),
        "effect": effect, "effect_low": effect - z * error, "effect_high": effect + z * error,
        "scatter": fit.scatter,
    }  # fmt: skip


def _curve(eta: Array, link: Link) -> tuple[Array, Array]:
    """Share and its slope."""
    from scipy import stats

    if link == "probit":
        return stats.norm.cdf(eta), stats.norm.pdf(eta)
    share = 1 / (1 + np.exp(-eta))
    return share, share * (1 - share)
