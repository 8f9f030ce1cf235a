"""Material -> Vega-Lite specifications and their data; colours are CSS variables, so they follow the page's theme.

Every chart has a parameter `category`: the position of the category shown in `choices`.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from forecast.tables import ALL, UNCLASSIFIED
from reports import findings
from reports.material import BANDS, Material, geometry
from reports.texts import FONTS, Words, whole

HISTORY_MONTHS = 36
CLASSES = 6
TOP = 8
BARS = 15
MAP_FIGURES = 40_000
"""Area x category figures the map may hold; more areas leave room for fewer categories."""
MAP_BYTES = 1_500_000
DIGITS = 5
TOLERANCES = (0.0, 0.0001, 0.0003, 0.001, 0.003)
"""Degrees an outline may stray when the map is too large: up to about 300 m."""

Rows = list[dict[str, Any]]


@lru_cache(maxsize=1)
def library() -> str:
    """Vega, Vega-Lite and vega-embed as one script; it keeps its names to itself and sets window.vegaEmbed."""
    import vl_convert

    return "(()=>{" + vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;") + "\n})();"


def choices(material: Material) -> list[str]:
    """ALL, then the categories with most requests ahead: as many as the map has room for."""
    coming = material.coming[material.coming["area"] == material.root]
    coming = coming[~coming["category"].isin([ALL, UNCLASSIFIED])].sort_values(
        "expected", ascending=False, kind="stable"
    )
    communities = max(1, len(material.street_of))
    room = max(6, MAP_FIGURES // communities)
    return [ALL, *coming["category"].head(room)]


def trend_rows(material: Material, categories: list[str]) -> Rows:
    """City totals by category: c (position), m (month), v (actual), e (expected), l50, h50 ... h95.

    The last actual month carries the forecast too, so that the band begins where the line ends.
    """
    past = material.history[material.history["area"] == material.root]
    ahead = material.outlook[material.outlook["area"] == material.root]
    rows: Rows = []
    for c, category in enumerate(categories):
        actual = past[past["category"] == category].set_index("month")["orders"].sort_index()
        actual = actual.iloc[-HISTORY_MONTHS:].asfreq("MS")
        rows += [{"c": c, "m": _iso(m), "v": _number(v)} for m, v in actual.items() if isinstance(m, pd.Timestamp)]
        future = ahead[ahead["category"] == category]
        if len(actual) and len(future) and actual.index[-1] == future["month"].min() - pd.offsets.MonthBegin(1):
            rows[-1] |= dict.fromkeys(("e", *_band_names()), rows[-1]["v"])
        for step in future.to_dict("records"):
            bands = {short: _number(step[long]) for short, long in _band_names().items()}
            rows.append({"c": c, "m": _iso(step["month"]), "e": _number(step["mean"]), **bands})
    return rows


def trend_sentences(material: Material, words: Words, categories: list[str]) -> list[str]:
    """One sentence a category under the trend."""
    sentences = []
    for category in categories:
        coming = material.coming_of(material.root, category)
        if coming is None:
            sentences.append(words("trend.none"))
            continue
        sentence = words(
            "trend.sentence",
            category=findings.category_name(material, category),
            months=words.months(coming.first, coming.last),
            expected=words.count(coming.expected),
            range=findings.sure(coming, words),
            against=findings.against(coming, words),
        )
        sentences.append(sentence)
    return sentences


@lru_cache
def trend(origin: pd.Timestamp, words: Words) -> str:
    """Line of the past, dashed line of what is expected, bands of 50, 80 and 95 %. Reads the data set `trend`."""
    import altair as alt

    month = months(words)
    height = alt.Y("v:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(format=",.0f", tickMinStep=1))
    base = alt.Chart().encode(x=month)
    bands = [
        base.mark_area(color="var(--accent)", opacity=opacity).encode(
            y=alt.Y(f"l{band}:Q", title=None), y2=f"h{band}:Q"
        )
        for band, opacity in ((95, 0.14), (80, 0.2), (50, 0.28))
    ]
    actual = base.mark_line(color="var(--ink)", strokeWidth=2).encode(y=height)
    expected = base.mark_line(color="var(--accent)", strokeWidth=2, strokeDash=[5, 4]).encode(
        y=alt.Y("e:Q", title=None)
    )
    last = alt.Chart(alt.InlineData([{"m": _iso(origin)}])).encode(x="m:T")
    rule = last.mark_rule(color="var(--muted)", strokeDash=[2, 2])
    label = last.mark_text(align="right", dx=-5, baseline="top", color="var(--muted)").encode(
        y=alt.value(0), text=alt.value(words("trend.last", month=words.month(origin)))
    )
    name = base.transform_filter("isValid(datum.e) && !isValid(datum.v)").mark_text(
        align="right", dx=-2, dy=-34, color="var(--accent)", fontWeight="bold"
    ).encode(
        x=alt.X("m:T", aggregate="max"),
        y=alt.Y("e:Q", aggregate={"argmax": "m"}),
        text=alt.value(words("trend.expected")),
    )  # fmt: skip
    hovers = [
        base.transform_filter(f"{'' if known else '!'}isValid(datum.v)")
        .transform_calculate(**{f"r{band}": _joined(f"datum.l{band}", f"datum.h{band}") for band in BANDS})
        .mark_rule(strokeWidth=14, opacity=0)
        .encode(tooltip=_trend_tooltip(words, known))
        for known in (True, False)
    ]
    layers = alt.layer(*bands, rule, actual, expected, label, name, *hovers, data=alt.NamedData("trend"))
    chart = layers.transform_filter("datum.c === category").add_params(alt.param(name="category", value=0))
    return finished(chart.properties(width="container", height=300))


def place_rows(material: Material, categories: list[str]) -> Rows:
    """One row a community: n (name), s (street), and by category e, l, h (ahead), y (last year), k (colour)."""
    rows: Rows = []
    for area in material.street_of:
        found = [material.coming_of(area, category) for category in categories]
        if all(figures is None for figures in found):
            continue
        columns = {"e": "expected", "l": "low", "h": "high", "y": "last_year"}
        lists = {k: [None if f is None else _whole(getattr(f, name)) for f in found] for k, name in columns.items()}
        street = material.area_names.get(material.street_of[area], "")
        rows.append({"a": area, "n": material.area_names[area], "s": street, **lists})
    edges = breaks(rows, len(categories))
    for row in rows:
        row["k"] = [None if e is None else shade(e, cuts) for e, cuts in zip(row["e"], edges, strict=True)]
    return rows


def shade(value: int, cuts: list[int]) -> int:
    """Position on the colour ramp; the largest group always has its last colour."""
    group = int(np.searchsorted(cuts, value, "right"))
    return round(group * (CLASSES - 1) / len(cuts)) if cuts else 0


def legend(rows: Rows, categories: int) -> list[list[tuple[int, str]]]:
    """For each category: position on the colour ramp and the whole numbers it stands for."""
    keys = []
    for cuts in breaks(rows, categories):
        starts = [0, *cuts]
        ends = [*(f"–{cut - 1}" for cut in cuts), ""]
        texts = [
            f"{start}{end}" if end != f"–{start}" else f"{start}" for start, end in zip(starts, ends, strict=True)
        ]
        texts[-1] = f"≥ {starts[-1]}"
        keys.append([(shade(start, cuts), text) for start, text in zip(starts, texts, strict=True)])
    return keys


def breaks(rows: Rows, categories: int) -> list[list[int]]:
    """Rising whole numbers that cut each category's figures into at most CLASSES groups of similar size."""
    edges = []
    for c in range(categories):
        values = [row["e"][c] for row in rows if row["e"][c] is not None]
        cuts = np.quantile(values, np.arange(1, CLASSES) / CLASSES) if values else np.array([])
        edges.append(sorted({_round_cut(cut) for cut in cuts} - {0}))
    return edges


def outlines(material: Material, rows: Rows) -> Rows:
    """`rows` that have a polygon, as GeoJSON features; simplified until the map is small enough."""
    shapes = material.areas.dropna(subset=["geometry"]).set_index("area")["geometry"]
    drawn = [row for row in rows if row["a"] in shapes.index]
    features: Rows = []
    for tolerance in TOLERANCES:
        features = [
            {"type": "Feature", "geometry": geometry(shapes[row["a"]], DIGITS, tolerance, clockwise=True), **row}
            for row in drawn
        ]
        if sum(len(str(feature["geometry"])) for feature in features) <= MAP_BYTES:
            break
    return features


def bar_rows(rows: Rows, categories: int) -> Rows:
    """The communities with most requests, for each category."""
    return [
        {
            "c": c,
            "n": f"{row['n']} · {row['s']}",
            "e": row["e"][c],
            "l": row["l"][c],
            "h": row["h"][c],
            "y": row["y"][c],
        }
        for c in range(categories)
        for row in largest(rows, c, BARS)
    ]


def largest(rows: Rows, category: int, count: int = TOP) -> Rows:
    known = [row for row in rows if row["e"][category]]
    return sorted(known, key=lambda row: -row["e"][category])[:count]


@lru_cache
def areas_map(words: Words) -> str:
    """Communities coloured by the class of their requests ahead. Reads the data set `areas`."""
    import altair as alt

    chart = (
        alt.Chart(alt.NamedData("areas"))
        .mark_geoshape(stroke="var(--page)", strokeWidth=0.7)
        .transform_calculate(group="datum.k[category]", **_figures(suffix="[category]"))
        .encode(
            color=alt.Color("group:O", scale=alt.Scale(domain=list(range(CLASSES)), range=_ramp()), legend=None),
            tooltip=[
                alt.Tooltip("n:N", title=words("col.community")),
                alt.Tooltip("s:N", title=words("col.street")),
                *_figures_tooltip(words),
            ],
        )
        .add_params(alt.param(name="category", value=0))
        .project("mercator")
        .properties(width="container", height=420)
    )
    return finished(chart)


@lru_cache
def areas_bars(words: Words) -> str:
    """The largest communities as bars with their 80 % intervals. Reads the data set `areas`."""
    import altair as alt

    base = (
        alt.Chart(alt.NamedData("areas")).transform_filter("datum.c === category").transform_calculate(**_figures())
    )
    name = alt.Y(
        "n:N", sort=alt.EncodingSortField("e", "max", "descending"), title=None, axis=alt.Axis(labelLimit=220)
    )
    bars = base.mark_bar(color="var(--accent)", opacity=0.75).encode(
        x=alt.X("e:Q", title=None, axis=alt.Axis(format=",.0f", tickMinStep=1)),
        y=name,
        tooltip=[alt.Tooltip("n:N", title=words("col.community")), *_figures_tooltip(words)],
    )
    ranges = base.mark_rule(color="var(--ink)", strokeWidth=1.5).encode(x="l:Q", x2="h:Q", y=name)
    chart = alt.layer(bars, ranges).add_params(alt.param(name="category", value=0))
    return finished(chart.properties(width="container", height=24 * BARS))


def finished(chart: Any) -> str:
    """Specification as JSON, without the address of its schema, in the page's colours and fonts."""
    spec: dict[str, Any] = chart.to_dict()
    spec.pop("$schema", None)
    text = {"labelColor": "var(--muted)", "titleColor": "var(--muted)", "labelFontSize": 12}
    axis = {
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelOverlap": "greedy",
    }
    spec["config"] = {
        "font": FONTS.replace('"', "'"),
        "background": "transparent",
        "view": {"stroke": None},
        "text": {"fontSize": 12},
        "axis": text | axis,
        "axisX": {"grid": False},
    }
    return json.dumps(spec, ensure_ascii=False)


def months(words: Words, step: int = 3) -> Any:
    """The axis of months, with a label every `step` of them."""
    import altair as alt

    ticks = {"interval": "month", "step": step}
    return alt.X("m:T", title=None, axis=alt.Axis(labelExpr=_month_label(words), tickCount=ticks))


def month_format(words: Words) -> str:
    return "%b %Y" if words.language == "en" else "%Y年%-m月"


def _month_label(words: Words) -> str:
    if words.language == "en":
        return "month(datum.value) == 0 ? timeFormat(datum.value, '%Y') : timeFormat(datum.value, '%b')"
    return "month(datum.value) == 0 ? timeFormat(datum.value, '%Y年') : timeFormat(datum.value, '%-m月')"


def _trend_tooltip(words: Words, known: bool) -> list[Any]:
    import altair as alt

    month = alt.Tooltip("m:T", title=words("col.month"), format=month_format(words))
    if known:
        return [month, alt.Tooltip("v:Q", title=words("trend.actual"), format=",.0f")]
    bands = [alt.Tooltip(f"r{band}:N", title=words("trend.band", band=band)) for band in BANDS]
    return [month, alt.Tooltip("e:Q", title=words("trend.expected"), format=",.0f"), *bands]


def _figures(suffix: str = "") -> dict[str, str]:
    """Vega expressions of the figures a tooltip shows."""
    e, low, high, past = (f"datum.{name}{suffix}" for name in "elhy")
    return {
        "expected": f"format({e}, ',.0f')",
        "range": _joined(low, high),
        "last": f"isValid({past}) ? format({past}, ',.0f') : '–'",
    }


def _joined(low: str, high: str) -> str:
    return f"isValid({low}) ? format({low}, ',.0f') + '–' + format({high}, ',.0f') : '–'"


def _figures_tooltip(words: Words) -> list[Any]:
    import altair as alt

    titles = {"expected": "col.expected", "range": "trend.wide", "last": "col.last_year"}
    return [alt.Tooltip(f"{field}:N", title=words(title)) for field, title in titles.items()]


def _ramp() -> list[str]:
    return [f"var(--v{k})" for k in range(CLASSES)]


def _band_names() -> dict[str, str]:
    return {f"{end[0]}{band}": f"{end}{band}" for band in BANDS for end in ("low", "high")}


def _round_cut(cut: float) -> int:
    """A cut of two digits at most."""
    size = 10 ** max(0, len(str(whole(cut))) - 2)
    return whole(cut / size) * size


def _iso(month: pd.Timestamp) -> str:
    """Local midnight, so that no browser shifts the month."""
    return f"{month:%Y-%m-%d}T00:00:00"


def _number(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 1)


def _whole(value: float) -> int | None:
    return None if pd.isna(value) else whole(float(value))
