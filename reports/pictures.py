"""Material -> pictures for paper: the trend as a line with its band, the communities as a map or as tiles; PNG.

They must read in grey: dark is much, the line of the past is solid, what is expected dashed.
"""

import json
import math
from functools import lru_cache
from typing import Any

from forecast.tables import ALL
from reports import charts
from reports.material import Material
from reports.paper import clean
from reports.texts import FONTS, Words

WIDTH, HEIGHT = 600, 230
SCALE = 2.5
"""Dots of the picture a dot of the drawing."""

RAMP = ("#f2eda6", "#a9d68b", "#5bb78d", "#2f8f8c", "#33648d", "#3f2a6e")
INK, MUTED, LINE, ACCENT = "#1d252c", "#5a6670", "#dde2e6", "#1a6b78"

MOST_TILES = 160
"""More communities than this are drawn as streets."""

Rows = list[dict[str, Any]]


def trend(material: Material, words: Words) -> bytes | None:
    """All requests of the city: past months, and months ahead with 50 and 80 % bands; None without any."""
    rows = charts.trend_rows(material, [ALL])
    if not rows:
        return None
    import altair as alt

    base = alt.Chart(alt.InlineData(rows)).encode(x=charts.months(words))
    value = alt.Y("v:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(format=",.0f", tickMinStep=1))
    bands = [
        base.mark_area(color=ACCENT, opacity=opacity).encode(y=alt.Y(f"l{band}:Q", title=None), y2=f"h{band}:Q")
        for band, opacity in ((80, 0.22), (50, 0.3))
    ]
    actual = base.mark_line(color=INK, strokeWidth=2).encode(y=value)
    ahead = base.mark_line(color=ACCENT, strokeWidth=2, strokeDash=[5, 4]).encode(y=alt.Y("e:Q", title=None))
    last = alt.Chart(alt.InlineData([{"m": f"{material.origin:%Y-%m-%d}T00:00:00"}])).encode(x="m:T")
    rule = last.mark_rule(color=MUTED, strokeDash=[2, 2])
    label = last.mark_text(align="right", dx=-5, baseline="top", color=MUTED, fontSize=12).encode(
        y=alt.value(0), text=alt.value(words("trend.last", month=words.month(material.origin)))
    )
    return _png(alt.layer(*bands, rule, actual, ahead, label).properties(width=WIDTH, height=HEIGHT))


def places(material: Material, words: Words) -> bytes | None:
    """Where the requests of the months ahead are expected: the map, or tiles where there are no polygons."""
    rows = charts.place_rows(material, [ALL])
    if not rows:
        return None
    features = charts.outlines(material, rows)
    if len(features) == len(rows):
        return _map(features, charts.legend(rows, 1)[0], words)
    return _tiles(rows if len(rows) <= MOST_TILES else _streets(material), words)


def _map(features: Rows, legend: list[tuple[int, str]], words: Words) -> bytes:
    import altair as alt

    names = [text for _, text in legend]
    shown = dict(legend)
    drawn = [{**feature, "group": shown.get(feature["k"][0], names[0])} for feature in features if feature["k"]]
    chart = (
        alt.Chart(alt.InlineData(drawn))
        .mark_geoshape(stroke="#ffffff", strokeWidth=0.7)
        .encode(color=_colour(legend, words))
        .project("mercator")
        .properties(width=WIDTH - 120, height=1.5 * HEIGHT)
    )
    return _png(chart)


def _tiles(rows: Rows, words: Words) -> bytes:
    """A square a place, in reading order, with name and figure; a sign no font may hold would end the process."""
    import altair as alt

    rows = [row for row in rows if row["e"][0] is not None]
    legend = charts.legend(rows, 1)[0]
    shown = dict(legend)
    columns = max(4, math.ceil(math.sqrt(1.6 * len(rows))))
    tiles = [
        {"x": n % columns, "y": n // columns, "n": clean(row["n"])[:7], "e": row["e"][0], "group": shown[row["k"][0]],
         "ink": "#ffffff" if row["k"][0] > 2 else INK}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    across = alt.X("x:O", axis=None, scale=alt.Scale(paddingInner=0.06))
    down = alt.Y("y:O", axis=None, scale=alt.Scale(paddingInner=0.06))
    base = alt.Chart(alt.InlineData(tiles)).encode(x=across, y=down)
    size = min(11.0, (WIDTH - 100) / columns / 7.5)
    ink = alt.Color("ink:N", scale=None)
    texts = [
        base.mark_text(dy=dy, fontSize=size).encode(text=name, color=ink)
        for name, dy in (("n:N", -0.6 * size), ("e:Q", 0.7 * size))
    ]
    lines = -(-len(tiles) // columns)
    chart = alt.layer(base.mark_rect().encode(color=_colour(legend, words)), *texts).resolve_scale(
        color="independent"
    )
    return _png(chart.properties(width=WIDTH - 90, height=max(60, lines * (WIDTH - 90) / columns * 0.62)))


def _streets(material: Material) -> Rows:
    """Rows of streets in place of communities."""
    rows: Rows = []
    for area, name in material.streets.items():
        coming = material.coming_of(area)
        if coming is not None:
            rows.append({"a": area, "n": name, "e": [round(coming.expected)]})
    cuts = charts.breaks(rows, 1)[0]
    return [row | {"k": [charts.shade(row["e"][0], cuts)]} for row in rows]


def _colour(legend: list[tuple[int, str]], words: Words) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[text for _, text in legend], range=[RAMP[position] for position, _ in legend])
    return alt.Color("group:N", scale=scale, legend=alt.Legend(title=words("col.expected"), symbolType="square"))


def _png(chart: Any) -> bytes:
    spec = chart.to_dict()
    spec["config"] = {
        "font": FONTS.replace('"', "'"),
        "background": "#ffffff",
        "view": {"stroke": None},
        "axis": {"gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "labelColor": MUTED, "labelFontSize": 12},
        "axisX": {"grid": False},
        "legend": {"labelFontSize": 12, "titleFontSize": 12},
    }
    return _drawn(json.dumps(spec))


@lru_cache(maxsize=4)
def _drawn(spec: str) -> bytes:
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))
