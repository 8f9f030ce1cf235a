"""Material -> the sentences and short tables that more than one format shows."""

from typing import Any

import pandas as pd

from forecast.tables import ALL, UNCLASSIFIED
from reports.material import Coming, Material, records
from reports.texts import Words, whole

REASONS = 3
BASE = "city"
"""The driver a risk score starts from; it holds for every estate and is no reason for one."""

COUNTS = ("rows", "kept", "rejected", "repeated", "left_out", "unplaced", "unclassified")


def headlines(material: Material, words: Words) -> list[str]:
    """What matters this month: how much, what rises, what must start."""
    total = material.coming_of(material.root)
    if total is None:
        return [words("headline.no_forecast"), plan_headline(material, words)]
    first = words(
        "headline.total",
        city=material.city,
        months=words.months(total.first, total.last),
        expected=words.count(total.expected),
        range=sure(total, words),
        against=against(total, words),
    )
    return [first, *_rising(material, words), plan_headline(material, words)]


def plan_headline(material: Material, words: Words) -> str:
    """How many tasks begin now and the largest of them; without tasks, what comes next."""
    month = words.month(material.plan_month)
    tasks = material.asked
    if tasks.empty:
        return no_plan(material, words)
    task = tasks.sort_values("rank").iloc[0]
    return words(
        "headline.plan",
        month=month,
        tasks=len(tasks),
        late=late(tasks, words),
        where=task["area_name"],
        category=task["category_name"],
        when=words.months(task["window_start"], task["window_end"]),
        expected=words.count(task["expected_requests"]),
        range=words("8_in_10", low=words.count(task["low"]), high=words.count(task["high"])),
    )


def no_plan(material: Material, words: Words) -> str:
    """Nothing begins now, and what comes next."""
    return words("headline.no_plan", month=words.month(material.plan_month)) + _what_next(material, words)


def category_name(material: Material, code: str) -> str:
    return material.category_names.get(code, code)


def late(tasks: pd.DataFrame, words: Words) -> str:
    n = int((~tasks["on_time"]).sum())
    return words("headline.late", n=n) if n else ""


def fate(row: dict[str, Any], words: Words) -> str:
    """What the plan does with a task."""
    return (
        words("fate.later", month=words.month(row["begin"]))
        if row["fate"] == "later"
        else words(f"fate.{row['fate']}")
    )


def sure(coming: Coming, words: Words) -> str:
    """The interval in words, or that there is none."""
    if pd.isna(coming.low) or pd.isna(coming.high):
        return words("no_interval")
    return words("8_in_10.at_least", low=words.count(coming.low), high=words.count(coming.high))


def against(coming: Coming, words: Words) -> str:
    """Against last year, or that this cannot be said."""
    if pd.isna(coming.last_year):
        return words("headline.no_last_year")
    change = words.change(difference(coming))
    key = "headline.against" if coming.complete else "headline.against.part"
    return words(key, change=change, last_year=words.count(coming.last_year), n=words.count(coming.communities))


def difference(coming: Coming) -> int:
    """Requests more than last year, in the communities both years know; as the rounded figures show it."""
    return whole(coming.expected if coming.complete else coming.same) - whole(coming.last_year)


def trend_sentence(material: Material, words: Words) -> str:
    """What is coming in the whole city."""
    total = material.coming_of(material.root)
    if total is None:
        return words("trend.none")
    return words(
        "trend.sentence",
        place=material.city,
        category=category_name(material, ALL),
        months=words.months(total.first, total.last),
        expected=words.count(total.expected),
        range=sure(total, words),
        against=against(total, words),
    )


def data_sentences(material: Material, words: Words) -> list[str]:
    """Which data the run saw, what was refused and what found no place."""
    sentences = []
    if material.sources.empty:
        sentences.append(words("data.none"))
    else:
        sums = {name: words.count(float(material.sources[name].sum())) for name in COUNTS}
        first, last = material.sources["first_day"].min(), material.sources["last_day"].max()
        span = {"first": day(first, words), "last": day(last, words)}
        sentences += [words("data.rows", **span, **sums), words("data.gaps", **sums)]
        if last > material.origin + pd.offsets.MonthEnd():
            sentences.append(words("data.later", origin=words.month(material.origin)))
    known = material.past
    counts = {"n": int(known.covered.any(axis=0).sum()), "communities": len(known.areas)}
    sentences.append(words("data.months", **counts, categories=len(known.categories)))
    if material.origin < material.as_of:
        months = {"origin": words.month(material.origin), "as_of": words.month(material.as_of)}
        sentences.append(words("data.stale", **months))
    if not material.unresolved.empty:
        most = material.unresolved.groupby("value")["count"].sum().sort_values(ascending=False, kind="stable").head(5)
        values = words("comma").join(
            words("unresolved.value", value=str(value).strip() or words("blank"), count=words.count(count))
            for value, count in most.items()
        )
        sentences.append(words("unresolved.most", values=values))
    return sentences


def day(value: pd.Timestamp, words: Words) -> str:
    return words("none") if pd.isna(value) else words.day(value)


def method(words: Words) -> list[str]:
    return [words(f"method.{part}") for part in ("count", "forecast", "interval", "plan", "caution")]


def risk_table(material: Material, words: Words, limit: int = 200, of_each_street: bool = False) -> pd.DataFrame:
    """Estates by score, highest first: the first `limit`, or the first of each street.

    Returns:
        DataFrame[estate, name, area, area_name, street, category, category_name, grade, score, expected, low,
        high, households, built_year, reasons (list of at most three texts)].
    """
    places = material.estates[["estate", "name", "area", "households", "built_year"]]
    rows = material.risk.merge(places.assign(street=places["area"].map(material.street_of)), on="estate")
    order = ["score", "expected", "estate", "category"]
    rows = rows.sort_values(order, ascending=[False, False, True, True])
    rows = rows.groupby("street", sort=False).head(limit) if of_each_street else rows.head(limit)
    rows["area_name"] = rows["area"].map(material.area_names).fillna("")
    rows["category_name"] = rows["category"].map(material.category_names).fillna(rows["category"])
    given = reasons(rows, material.risk_drivers, material.driver_names, words)
    return rows.assign(reasons=given).reset_index(drop=True)


def silent(material: Material, words: Words, limit: int) -> dict[str, Any]:
    """Estates that seem to report too little, the surest first: a sentence, and rows in words."""
    rows = material.silent[material.silent["listed"] & (material.silent["category"] == ALL)]
    if rows.empty:
        return {"sentence": words("silent.none" if len(material.silent) else "silent.not_sought"), "rows": []}
    named = rows.merge(material.estates[["estate", "name", "area"]], on="estate")
    named = named.sort_values(["probability", "estate"], ascending=[False, True], kind="stable").head(limit)
    reason = "reason_en" if words.language == "en" else "reason"
    shown = [
        {
            "name": row["name"],
            "place": material.area_names.get(row["area"], ""),
            "street": material.area_names.get(material.street_of.get(row["area"], ""), ""),
            "chance": words("silent.chance", n=min(9, max(1, whole(10 * row["probability"])))),
            "expected": _requests(row["expected"], words),
            "reported": _requests(row["reported"], words),
            "reason": row[reason],
        }
        for row in records(named)
    ]
    return {"sentence": words("silent.sentence", n=words.count(len(rows)), top=len(shown)), "rows": shown}


def _requests(value: float, words: Words) -> str:
    return "–" if pd.isna(value) else words("requests", n=words.count(value))


def reasons(rows: pd.DataFrame, drivers: pd.DataFrame, driver_names: pd.DataFrame, words: Words) -> pd.Series:
    """The three largest contributions to each score, in words; a driver without words is shown by its name.

    Args:
        rows: with estate and category. drivers: RiskDrivers. driver_names: DataFrame[driver, zh, en].
    """
    cells = list(zip(rows["estate"], rows["category"], strict=True))
    given: dict[tuple[str, str], list[tuple[float, str]]] = {cell: [] for cell in cells}
    drivers = drivers[drivers["estate"].isin(rows["estate"])]
    drivers = drivers[(drivers["driver"] != BASE) & (drivers["contribution"] >= 0.5)]
    columns = (drivers[name].to_numpy(object) for name in ("estate", "category", "driver", "contribution"))
    for estate, category, driver, contribution in zip(*columns, strict=True):
        if (estate, category) in given:
            given[estate, category].append((-contribution, driver))
    named = driver_names.set_index("driver")[words.language].dropna().to_dict()
    texts = {
        cell: [_points(named.get(driver, driver), whole(-less), words) for less, driver in sorted(found)[:REASONS]]
        for cell, found in given.items()
    }
    return pd.Series([texts[cell] for cell in cells], index=rows.index, dtype=object)


def _points(driver: str, points: int, words: Words) -> str:
    return words("points.one", driver=driver) if points == 1 else words("points", driver=driver, points=points)


def fair(table: pd.DataFrame, words: Words) -> list[str]:
    """Groups of estates that get surely more or fewer slots than their need; or that there is none to be seen."""
    if table.empty or not table["slots"].sum():
        return []
    said = {}
    for key, rows in (("fair.more", table[table["low"] > 1]), ("fair.fewer", table[table["high"] < 1])):
        names = [
            words("fair.one", by=words(f"fair.{by}"), group=words("fair.unknown") if group == "unknown" else group,
                  ratio=f"{ratio:.1f}")
            for by, group, ratio in zip(rows["by"], rows["group"], rows["ratio"], strict=True)
        ]  # fmt: skip
        said[key] = words("comma").join(names)
    return [words(key, groups=groups) for key, groups in said.items() if groups] or [words("fair.none")]


def _rising(material: Material, words: Words) -> list[str]:
    """The category that gains most on last year, and the street where most of it is expected."""
    rows = material.coming[material.coming["area"] == material.root].dropna(subset=["last_year"])
    rows = rows[~rows["category"].isin([ALL, UNCLASSIFIED])]
    if rows.empty:
        return []
    most = rows.iloc[int((rows["same"] - rows["last_year"]).argmax())]
    coming = material.coming_of(material.root, most["category"])
    there = material.coming[material.coming["area"].isin(list(material.streets))]
    there = there[there["category"] == most["category"]]
    if coming is None or there.empty:
        return []
    if difference(coming) <= 0:
        return [words("headline.no_rise")]
    street = there.iloc[int(there["expected"].argmax())]
    return [
        words(
            "headline.category",
            category=category_name(material, most["category"]),
            expected=words.count(coming.expected),
            range=sure(coming, words),
            against=against(coming, words),
            street=material.streets[street["area"]],
            there=words.count(street["expected"]),
        )
    ]


def _what_next(material: Material, words: Words) -> str:
    if material.next_tasks:
        return words("headline.next", next=material.next_tasks)
    rows = material.outlook[(material.outlook["area"] == material.root) & (material.outlook["category"] == ALL)]
    if rows.empty:
        return words("stop")
    peak = rows.iloc[int(rows["mean"].argmax())]
    return words("headline.next_peak", month=words.month(peak["month"]), n=words.count(peak["mean"]))
