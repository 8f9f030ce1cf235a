"""Material -> pictures for paper: the trend as a line with its band, the communities as a map or as tiles; PNG.

They must read in grey: dark is much, the line of the past is solid, what is expected dashed.
"""

import json
import math
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from forecast.tables import ALL
from reports import charts, series
from reports import places as layout
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
    rows = _trend_rows(material)
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
    found = layout.find(material, [ALL], MOST_TILES)
    expected = found.expected[0, 0] if found.codes else np.array([])
    known = np.flatnonzero(~np.isnan(expected))
    if not known.size:
        return None
    cuts = layout.cuts(found)[0][0]
    names = [name for name, _ in layout.named(material, found.codes)]
    rows = [{"n": names[k], "e": int(expected[k]), "k": _shade(expected[k], cuts)} for k in known]
    if len(found.shapes) < len(found.codes):
        return _tiles(rows, _legend(cuts), words)
    outlines = layout.features(found)
    shapes = [{"type": "Feature", "geometry": outlines[k], **row} for k, row in zip(known, rows, strict=True)]
    return _map(shapes, _legend(cuts), words)


def _trend_rows(material: Material) -> Rows:
    """m (month), v (came), e (expected), l50, h50, l80, h80; the band begins where the line of the past ends."""
    (line,) = series.lines(material, [(material.root, ALL)])
    past = [
        {"m": charts.iso(month), "v": value}
        for month, value in zip(series.months(material), line.past, strict=bool(line.past))
    ]
    short = {"mean": "e", **{f"{end}{band}": f"{end[0]}{band}" for band in (50, 80) for end in ("low", "high")}}
    figures = len(series.FIGURES)
    ahead = []
    for number, month in enumerate(sorted(material.outlook["month"].unique()) if line.ahead else []):
        row = dict(zip(series.FIGURES, line.ahead[number * figures : (number + 1) * figures], strict=True))
        ahead.append({"m": charts.iso(pd.Timestamp(month)), **{name: row[long] for long, name in short.items()}})
    if past and ahead and ahead[0]["m"] == charts.iso(material.origin + pd.offsets.MonthBegin(1)):
        past[-1] |= dict.fromkeys(short.values(), past[-1]["v"])
    return past + ahead


def _shade(value: float, cuts: list[int]) -> int:
    """Position on the colour ramp; the largest group always has its last colour."""
    group = int(np.searchsorted(cuts, value, "right"))
    return round(group * (charts.CLASSES - 1) / len(cuts)) if cuts else 0


def _legend(cuts: list[int]) -> list[tuple[int, str]]:
    """Positions on the colour ramp and the whole numbers each stands for."""
    starts, ends = [0, *cuts], [cut - 1 for cut in cuts]
    texts = [f"{start}–{end}" if end > start else f"{start}" for start, end in zip(starts, ends, strict=False)]
    return [(_shade(start, cuts), text) for start, text in zip(starts, [*texts, f"≥ {starts[-1]}"], strict=True)]


def _map(shapes: Rows, legend: list[tuple[int, str]], words: Words) -> bytes:
    import altair as alt

    shown = dict(legend)
    drawn = [{**shape, "group": shown[shape["k"]]} for shape in shapes]
    chart = (
        alt.Chart(alt.InlineData(drawn))
        .mark_geoshape(stroke="#ffffff", strokeWidth=0.7)
        .encode(color=_colour(legend, words))
        .project("mercator")
        .properties(width=WIDTH - 120, height=1.5 * HEIGHT)
    )
    return _png(chart)


def _tiles(rows: Rows, legend: list[tuple[int, str]], words: Words) -> bytes:
    """A square a place, in reading order, with name and figure; a sign no font may hold would end the process."""
    import altair as alt

    shown = dict(legend)
    columns = max(4, math.ceil(math.sqrt(1.6 * len(rows))))
    tiles = [
        {"x": n % columns, "y": n // columns, "n": clean(row["n"])[:7], "e": row["e"], "group": shown[row["k"]],
         "ink": "#ffffff" if row["k"] > 2 else INK}
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
