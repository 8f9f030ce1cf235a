"""LiveScores and Drift of a Material -> sentences on last month's forecasts, and their control chart."""

from functools import lru_cache
from typing import Any

import pandas as pd

from reports import charts
from reports.material import Material, records
from reports.texts import Words

NAMED = 5
"""Categories and alarms told by name."""

CHARTED = 2
"""Months from which a chart says more than a sentence."""

PREFIX = "category="


def sentences(material: Material, words: Words) -> list[str]:
    """Alarms first; then what was expected of the last month and what came, categories, cells, and the basis."""
    rows = latest(material)
    if rows.empty:
        return [words("live.none")]
    total = rows[rows["segment"] == "all"]
    found = alarms(material, words)
    if len(total):
        found += _total(total.iloc[0], words)
    found += _categories(material, rows, words)
    if len(total):
        found += _cells(total.iloc[0], words)
    issued, scored = rows["issued"].iloc[0], material.live_scores["month"].nunique()
    return [*found, words("live.basis", issued=words.month(issued), n=scored)]


def alarms(material: Material, words: Words) -> list[str]:
    """Every alarm of the last month scored in words, the most serious first; or that there is none."""
    last = _charted(material)
    if last.empty:
        return []
    called = last[last["alarm"]]
    if called.empty:
        return [words("live.calm", n=words.count(len(last)))]
    called = called.assign(order=(called["z"].abs() / called["z_limit"]).where(called["far"], called["ewma"].abs()))
    called = called.sort_values(["lasting", "order"], ascending=False, kind="stable")
    said = [_alarm(row, material, words) for row in records(called.head(NAMED))]
    rest = len(called) - len(said)
    return [*said, *([words("live.more", n=words.count(rest))] if rest else [])]


def chart_rows(material: Material, categories: list[str]) -> charts.Rows:
    """Months of the chart by category: c (position), m (month), z, e (moving mean), u, d (its limits), a (alarm)."""
    if material.drift["month"].nunique() < CHARTED:
        return []
    rows: charts.Rows = []
    for c, category in enumerate(categories):
        segment = PREFIX + category if c else "all"
        for row in material.drift[material.drift["segment"] == segment].to_dict("records"):
            figures = {"z": row["z"], "e": row["ewma"], "u": row["limit"], "d": -row["limit"]}
            rounded = {name: round(float(value), 2) for name, value in figures.items()}
            rows.append({"c": c, "m": f"{row['month']:%Y-%m-%d}T00:00:00", "a": bool(row["alarm"]), **rounded})
    return rows


@lru_cache
def chart(words: Words) -> str:
    """Months as points, their moving mean as a line between its limits. Reads the data set `live`."""
    import altair as alt

    base = alt.Chart().encode(x=charts.months(words, 1))
    height = alt.Y("z:Q", title=words("live.axis"), axis=alt.Axis(tickMinStep=1))
    band = base.mark_area(color="var(--accent)", opacity=0.16).encode(
        y=alt.Y("d:Q", title=words("live.axis")), y2="u:Q"
    )
    ends = [
        base.mark_line(color="var(--accent)", strokeDash=[5, 4], strokeWidth=1).encode(y=alt.Y(f"{end}:Q"))
        for end in "ud"
    ]
    middle = alt.Chart().mark_rule(color="var(--muted)", strokeWidth=0.5).encode(y=alt.datum(0))
    mean = base.mark_line(color="var(--accent)", strokeWidth=2, point={"color": "var(--accent)"}).encode(
        y=alt.Y("e:Q")
    )
    month = [alt.Tooltip("m:T", title=words("col.month"), format=charts.month_format(words))]
    month += [alt.Tooltip(f"{name}:Q", title=words(f"live.{name}"), format="+.1f") for name in ("z", "e", "u")]
    points = base.mark_point(size=60, filled=True, opacity=1).encode(
        y=height,
        color=alt.condition("datum.a", alt.value("var(--alarm)"), alt.value("var(--muted)")),
        tooltip=month,
    )
    layers = alt.layer(band, *ends, middle, mean, points, data=alt.NamedData("live"))
    chosen = layers.transform_filter("datum.c === category").add_params(alt.param(name="category", value=0))
    return charts.finished(chosen.properties(width="container", height=200))


def latest(material: Material) -> pd.DataFrame:
    """LiveScores of the last month that came, from the forecast issued last before it."""
    rows = material.live_scores
    rows = rows[rows["month"] == rows["month"].max()]
    return rows[rows["horizon"] == rows["horizon"].min()]


def _charted(material: Material) -> pd.DataFrame:
    """Drift of the last month scored, if it was forecast one month ahead."""
    return material.drift[material.drift["month"] == material.live_scores["month"].max()]


def _alarm(row: dict[str, Any], material: Material, words: Words) -> str:
    facts = {"segment": _name(row["segment"], material, words), "month": words.month(row["month"])}
    if row["lasting"]:
        key = "live.alarm.more" if row["ewma"] > 0 else "live.alarm.fewer"
        return words(key, since=words.month(row["since"]), **facts)
    return words("live.far.more" if row["z"] > 0 else "live.far.fewer", **facts)


def _name(segment: str, material: Material, words: Words) -> str:
    kind, _, code = segment.partition("=")
    if kind == "category":
        return material.category_names.get(code, code)
    return material.area_names.get(code, code) if kind == "street" else words("live.city", city=material.city)


def _total(row: pd.Series, words: Words) -> list[str]:
    facts = {name: words.count(row[name]) for name in ("expected", "observed")}
    facts |= {"month": words.month(row["month"]), "ahead": words("live.ahead", n=row["horizon"])}
    if pd.isna(row["low80"]):
        return [words("live.total.bare", **facts)]
    inside = "live.inside" if row["low80"] <= row["observed"] <= row["high80"] else "live.outside"
    band = words("8_in_10", low=words.count(row["low80"]), high=words.count(row["high80"]))
    return [words("live.total", range=band, held=words(inside), **facts)]


def _categories(material: Material, rows: pd.DataFrame, words: Words) -> list[str]:
    """How many categories fell outside their interval, against how many would by chance, and the farthest."""
    known = rows[rows["segment"].str.startswith(PREFIX) & rows["low80"].notna()]
    if known.empty:
        return []
    outside = known[(known["observed"] < known["low80"]) | (known["observed"] > known["high80"])]
    outside = outside.sort_values("z", key=lambda z: z.abs(), ascending=False, kind="stable")
    named = [
        words(
            "live.category",
            name=_name(row["segment"], material, words),
            observed=words.count(row["observed"]),
            range=words("range", low=words.count(row["low80"]), high=words.count(row["high80"])),
        )
        for row in outside.head(NAMED).to_dict("records")
    ]
    n, usual = words.count(len(known)), words.count(0.2 * len(known))
    first = words("live.categories", n=n, outside=words.count(len(outside)), usual=usual)
    return [first + (words("live.farthest", names=words("comma").join(named)) if named else "")]


def _cells(row: pd.Series, words: Words) -> list[str]:
    if pd.isna(row["coverage_80"]) or pd.isna(row["wape"]):
        return []
    shares = {"held": words.percent(row["coverage_80"]), "wape": words.count(100 * row["wape"])}
    return [words("live.cells", n=words.count(row["cells"]), **shares)]
