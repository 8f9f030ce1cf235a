"""Words -> Vega-Lite specifications; colours are CSS variables, so they follow the page's theme.

The script of a page hands each chart its rows: `trend` of one place and category, `areas` of one category and span.
"""

import json
from functools import lru_cache
from typing import Any

import pandas as pd

from reports.material import BANDS
from reports.texts import FONTS, Words

Rows = list[dict[str, Any]]

MONTHS = 48
"""Months a trend shows, about."""

CLASSES = 6
"""Colours of the ramp."""


@lru_cache(maxsize=1)
def library() -> str:
    """Vega, Vega-Lite and vega-embed as one script; it keeps its names to itself and sets window.vegaEmbed."""
    import vl_convert

    return "(()=>{" + vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;") + "\n})();"


@lru_cache
def trend(origin: pd.Timestamp, as_of: pd.Timestamp, words: Words) -> str:
    """Line of the past, dashed line of what is expected, bands of 50, 80 and 95 %, dotted line to compare with.

    Reads the data set `trend`: m (month), v (came), e (expected), l50, h50 ... h95, p (to compare with), q
    (its name, where it is written).
    """
    import altair as alt

    base = alt.Chart().encode(x=months(words))
    height = alt.Y("v:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(format=",.0f", tickMinStep=1))
    bands = [
        base.mark_area(color="var(--accent)", opacity=opacity).encode(
            y=alt.Y(f"l{band}:Q", title=None), y2=f"h{band}:Q"
        )
        for band, opacity in ((95, 0.14), (80, 0.2), (50, 0.28))
    ]
    actual = base.mark_line(color="var(--ink)", strokeWidth=2).encode(y=height)
    compared = base.mark_line(color="var(--muted)", strokeWidth=1.75, strokeDash=[1.5, 3]).encode(
        y=alt.Y("p:Q", title=None)
    )
    expected = base.mark_line(color="var(--accent)", strokeWidth=2, strokeDash=[5, 4]).encode(
        y=alt.Y("e:Q", title=None)
    )
    name = base.mark_text(dy=-7, color="var(--accent)", fontWeight="bold").encode(
        x=alt.X("m:T", aggregate={"argmax": "h95"}),
        y=alt.Y("h95:Q", aggregate="max", title=None),
        text=alt.value(words("trend.expected")),
    )
    then = (
        base.transform_filter("isValid(datum.q)")
        .mark_text(dy=-8, color="var(--muted)")
        .encode(y=alt.Y("p:Q", title=None), text="q:N")
    )
    layers = alt.layer(*bands, name, then, *_dates(origin, as_of, words), compared, actual, expected, *_hovers(words))
    layers = layers.properties(data=alt.NamedData("trend"), width="container", height=300)
    return finished(layers)


def _dates(origin: pd.Timestamp, as_of: pd.Timestamp, words: Words) -> list[Any]:
    """The last actual month, and the month at whose end the plan is issued."""
    import altair as alt

    marks = []
    dates = (
        (origin, -6, words("trend.last", month=words.month(origin))),
        (as_of, -22, words("trend.as_of", month=words.month(as_of))),
    )
    for day, y, said in dates:
        at = alt.Chart(alt.InlineData([{"m": iso(day)}])).encode(x="m:T")
        marks += [
            at.mark_rule(color="var(--muted)", strokeDash=[2, 2]),
            at.mark_text(align="right", dx=4, baseline="bottom", color="var(--muted)").encode(
                y=alt.value(y), text=alt.value(said)
            ),
        ]
    return marks


def _hovers(words: Words) -> list[Any]:
    """Wide unseen rules that tell a month's figures."""
    import altair as alt

    base = alt.Chart().encode(x=months(words))
    ranges = {f"r{band}": _joined(f"datum.l{band}", f"datum.h{band}") for band in BANDS}
    return [
        base.transform_filter(f"{'' if known else '!'}isValid(datum.v)")
        .transform_calculate(**ranges, rp="isValid(datum.p) ? format(datum.p, ',.0f') : '–'")
        .mark_rule(strokeWidth=alt.ExprRef(f"width / {MONTHS}"), opacity=0)
        .encode(tooltip=_trend_tooltip(words, known))
        for known in (True, False)
    ]


@lru_cache
def areas_map(words: Words) -> str:
    """Places coloured by class. Reads `areas`: GeoJSON features with k (colour) and the texts n, s, x, r, y."""
    import altair as alt

    texts = {"n": "col.where", "s": "col.within", "x": "col.expected", "r": "trend.wide", "y": "col.last_year"}
    chart = (
        alt.Chart(alt.NamedData("areas"))
        .mark_geoshape(stroke="var(--page)", strokeWidth=0.7)
        .encode(
            color=alt.Color("k:O", scale=alt.Scale(domain=list(range(CLASSES)), range=_ramp()), legend=None),
            tooltip=[alt.Tooltip(f"{name}:N", title=words(title)) for name, title in texts.items()],
        )
        .project("mercator")
        .properties(width="container", height=420)
    )
    return finished(chart)


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


def iso(month: pd.Timestamp) -> str:
    """Local midnight, so that no browser shifts the month."""
    return f"{month:%Y-%m-%d}T00:00:00"


def _month_label(words: Words) -> str:
    if words.language == "en":
        return "month(datum.value) == 0 ? timeFormat(datum.value, '%Y') : timeFormat(datum.value, '%b')"
    return "month(datum.value) == 0 ? timeFormat(datum.value, '%Y年') : timeFormat(datum.value, '%-m月')"


def _trend_tooltip(words: Words, known: bool) -> list[Any]:
    import altair as alt

    month = alt.Tooltip("m:T", title=words("col.month"), format=month_format(words))
    compared = alt.Tooltip("rp:N", title=words("trend.compared"))
    if known:
        return [month, alt.Tooltip("v:Q", title=words("trend.actual"), format=",.0f"), compared]
    bands = [alt.Tooltip(f"r{band}:N", title=words("trend.band", band=band)) for band in BANDS]
    return [month, alt.Tooltip("e:Q", title=words("trend.expected"), format=",.0f"), *bands, compared]


def _joined(low: str, high: str) -> str:
    return f"isValid({low}) ? format({low}, ',.0f') + '–' + format({high}, ',.0f') : '–'"


def _ramp() -> list[str]:
    return [f"var(--v{k})" for k in range(CLASSES)]
