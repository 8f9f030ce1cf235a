"""Tables of a backtest -> rows and Vega-Lite specifications of its page; colours are CSS variables."""

from typing import Any

import numpy as np
import pandas as pd

from reports.charts import Rows, finished
from reports.material import records
from reports.texts import Words

GROUPS = ("volume", "level", "category", "zone")
CLASSES = ("all", "low", "mid", "high")
"""All cells, then thirds by volume."""
BINS = 20
HIGHEST = 2.5
"""Bars of the PIT histogram end here."""
COLOURS = 7
MOST = 30
"""Segments a chart shows; those where the combination gains or loses most are kept."""
ROW = 26
"""Height of a line of a dot plot."""
SEGMENTS = {
    "level=community": "level.community",
    "total=community": "total.community",
    "level=street": "level.street",
    "total=street": "total.street",
    "level=district": "level.district",
    "total=district": "total.district",
    "level=city": "level.city",
    "total=city": "total.city",
    "volume=high": "volume.high",
    "volume=mid": "volume.mid",
    "volume=low": "volume.low",
}
"""Segments with a text, in the order they are shown."""


def colour(number: int) -> str:
    """Of the model at this place; the combination, the first, has the page's accent."""
    return "var(--accent)" if number == 0 else f"var(--m{(number - 1) % COLOURS + 1})"


def by_horizon(scores: pd.DataFrame, models: list[str], rival: str, metric: str) -> Rows:
    """h (months ahead), m (model), r (metric / that of the rival): means over the origins."""
    rows = scores[(scores["segment"] == "all") & (scores["metric"] == metric) & (scores["horizon"] > 0)]
    means = _over_origins(rows, "horizon", models, rival)
    return [
        {"h": int(str(h)), "m": name, "r": round(ratio, 4)}
        for name in means
        for h, ratio in means[name].items()
        if name != rival and np.isfinite(ratio)
    ]


def by_segment(
    scores: pd.DataFrame, models: list[str], rival: str, group: str, names: dict[str, str], words: Words
) -> Rows:
    """s (segment in words), m (model), r (WSPL / that of the rival): means over origins, all horizons together."""
    kinds = ("level", "total") if group == "level" else (group,)
    rows = scores[(scores["metric"] == "wspl") & (scores["horizon"] == 0)]
    rows = rows[rows["segment"].str.split("=").str[0].isin(kinds)]
    means = _over_origins(rows, "segment", models, rival)
    own = means[models[0]].dropna() if models[0] in means else pd.Series(dtype=float)
    kept = np.log(own[own > 0]).abs().nlargest(MOST).index
    places = {name: place for place, name in enumerate(SEGMENTS)}
    order = sorted(kept, key=lambda name: (places.get(str(name), 0), own[name]))
    return [
        {"s": _segment(str(segment), names, words), "m": name, "r": round(ratio, 4), "o": place}
        for place, segment in enumerate(order)
        for name in means
        if name != rival and np.isfinite(ratio := float(means[name][segment]))
    ]


def levels(table: pd.DataFrame, models: list[str], size: str) -> Rows:
    """c (place of the model), p (level), v (share of counts at or below it)."""
    rows = _reliability(table, size)
    return [
        {
            "c": models.index(row["model"]),
            "p": round(row["level"], 4),
            "v": round(row["share"], 4),
            "n": int(row["n"]),
        }
        for row in records(rows)
        if row["model"] in models
    ]


def bins(table: pd.DataFrame, models: list[str], size: str) -> Rows:
    """c (place of the model), a..b (PIT from and to), v (forecasts in the bin / as many as there should be)."""
    rows, found = _reliability(table, size), []
    edges = np.arange(1, BINS + 1) / BINS
    for name, part in rows.groupby("model", sort=False):
        known = part.set_index(part["level"].round(6))["share"].reindex(edges.round(6))
        if name in models and known.notna().all():
            heights = np.diff(known.to_numpy(), prepend=0.0) * BINS
            found += [
                {
                    "c": models.index(str(name)),
                    "a": round(edge - 1 / BINS, 4),
                    "b": round(edge, 4),
                    "v": round(height, 4),
                }
                for edge, height in zip(edges, heights, strict=True)
            ]
    return found


def against(comparisons: pd.DataFrame, metric: str) -> Rows:
    """m (rival), r, l, h (ratio and interval), b (share of draws in which the combination is better), k (verdict)."""
    rows = comparisons[comparisons["metric"] == metric].dropna(subset=["ratio", "low", "high"])
    return [
        {
            "m": row["rival"],
            "r": round(row["ratio"], 4),
            "l": round(row["low"], 4),
            "h": round(row["high"], 4),
            "b": round(row["better_in"], 3),
            "k": "better" if row["high"] < 1 else "worse" if row["low"] > 1 else "open",
        }
        for row in records(rows)
    ]


def horizons(rows: Rows, models: list[str], words: Words) -> str:
    """A line a model over the months ahead; 1 = as good as the rival."""
    import altair as alt

    base = alt.Chart(alt.InlineData(rows)).encode(
        x=alt.X("h:Q", title=words("axis.ahead"), axis=alt.Axis(tickMinStep=1, format="d", grid=False)),
        y=alt.Y("r:Q", title=None, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(format=".2~f")),
        color=_colours(models),
        strokeWidth=alt.condition(f"datum.m === '{models[0]}'", alt.value(3.5), alt.value(1.6)),
        tooltip=[
            alt.Tooltip("m:N", title=words("col.model")),
            alt.Tooltip("h:Q", title=words("axis.ahead")),
            alt.Tooltip("r:Q", title=words("axis.ratio"), format=".3f"),
        ],
    )
    lines, dots = base.mark_line(), base.mark_point(filled=True, size=45, opacity=1)
    return finished(alt.layer(_one(alt, "y"), lines, dots).properties(width="container", height=260))


def segments(rows: Rows, models: list[str], words: Words) -> str:
    """A dot a model for each segment; left of 1 = better than the rival."""
    import altair as alt

    base = alt.Chart(alt.InlineData(rows))
    place = alt.Y("s:N", title=None, sort=alt.EncodingSortField("o", "min"), axis=alt.Axis(labelLimit=170, grid=True))
    tooltip = [
        alt.Tooltip("s:N", title=words("col.segment")),
        alt.Tooltip("m:N", title=words("col.model")),
        alt.Tooltip("r:Q", title=words("axis.ratio"), format=".3f"),
    ]
    across = alt.X("r:Q", title=words("axis.ratio"), scale=alt.Scale(zero=False, nice=True), axis=_few(alt))
    own = f"datum.m === '{models[0]}'"
    others = base.transform_filter(f"!({own})").mark_point(filled=True, size=55, opacity=0.85)
    first = base.transform_filter(own).mark_point(filled=True, size=130, opacity=1, shape="diamond")
    dots = [mark.encode(x=across, y=place, color=_colours(models), tooltip=tooltip) for mark in (others, first)]
    height = ROW * max(2, len({row["s"] for row in rows}))
    return finished(alt.layer(_one(alt, "x"), *dots).properties(width="container", height=height))


def reliability(rows: Rows, words: Words) -> str:
    """Share of counts at or below each quantile level against the level; the diagonal is right."""
    import altair as alt

    unit = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    diagonal = alt.Chart(alt.InlineData([{"p": 0, "v": 0}, {"p": 1, "v": 1}])).mark_line(
        color="var(--muted)", strokeDash=[3, 3], strokeWidth=1
    )
    tooltip = [
        alt.Tooltip("p:Q", title=words("axis.level"), format=".1%"),
        alt.Tooltip("v:Q", title=words("axis.below"), format=".1%"),
        alt.Tooltip("n:Q", title=words("col.forecasts"), format=",d"),
    ]
    chosen = alt.Chart(alt.InlineData([{"p": 0, "v": 0, "c": c} for c in {row["c"] for row in rows}] + rows))
    chosen = chosen.transform_filter("datum.c === model")
    marks = (chosen.mark_line(color="var(--accent)"), chosen.mark_point(color="var(--accent)", filled=True, size=28))
    layers = [
        mark.encode(
            x=alt.X("p:Q", title=words("axis.level"), scale=unit, axis=axis),
            y=alt.Y("v:Q", title=words("axis.below"), scale=unit, axis=axis),
            tooltip=tooltip,
        )
        for mark in (diagonal, *marks)
    ]
    return finished(_with_model(alt, alt.layer(*layers)).properties(width="container", height=210))


def histogram(rows: Rows, words: Words) -> str:
    """PIT histogram as a multiple of the even height."""
    import altair as alt

    scale = alt.Scale(domain=[0, HIGHEST], clamp=True)
    bars = (
        alt.Chart(alt.InlineData(rows))
        .transform_filter("datum.c === model")
        .mark_bar(color="var(--accent)", opacity=0.55, stroke="var(--page)")
        .encode(
            x=alt.X("a:Q", title=words("axis.pit"), scale=alt.Scale(domain=[0, 1]), axis=_few(alt)),
            x2="b:Q",
            y=alt.Y("v:Q", title=words("axis.even"), scale=scale, axis=alt.Axis(values=[0, 1, 2])),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("a:Q", title=words("axis.from"), format=".2f"),
                alt.Tooltip("b:Q", title=words("axis.to"), format=".2f"),
                alt.Tooltip("v:Q", title=words("axis.even"), format=".2f"),
            ],
        )
    )
    return finished(_with_model(alt, alt.layer(bars, _one(alt, "y"))).properties(width="container", height=130))


def intervals(rows: Rows, words: Words) -> str:
    """A dot and a bar a rival: ratio and 95 % interval; left of 1 = the combination is better."""
    import altair as alt

    verdict = alt.Scale(domain=["better", "open", "worse"], range=["var(--accent)", "var(--muted)", "var(--m1)"])
    tooltip = [
        alt.Tooltip("m:N", title=words("col.rival")),
        alt.Tooltip("r:Q", title=words("axis.ratio"), format=".3f"),
        alt.Tooltip("l:Q", title=words("axis.from"), format=".3f"),
        alt.Tooltip("h:Q", title=words("axis.to"), format=".3f"),
        alt.Tooltip("b:Q", title=words("col.better"), format=".0%"),
    ]
    base = alt.Chart(alt.InlineData(rows)).encode(
        y=alt.Y("m:N", title=None, sort=alt.EncodingSortField("r", "min"), axis=alt.Axis(labelLimit=150)),
        color=alt.Color("k:N", scale=verdict, legend=None),
        tooltip=tooltip,
    )
    scale = alt.Scale(zero=False, nice=True)
    bars = base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=alt.X("l:Q", title=None, scale=scale), x2="h:Q")
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("r:Q", title=None, axis=_few(alt)))
    height = ROW * max(2, len(rows))
    return finished(alt.layer(_one(alt, "x"), bars, dots).properties(width="container", height=height))


def _over_origins(rows: pd.DataFrame, key: str, models: list[str], rival: str) -> pd.DataFrame:
    """(key x model) means over the origins at which all are known, divided by those of the rival."""
    if rows.empty or rival not in set(rows["model"]):
        return pd.DataFrame()
    wide = rows.pivot_table(index=[key, "origin"], columns="model", values="value", dropna=False)
    means = wide.reindex(columns=models).groupby(level=0).mean()
    return means.div(means[rival].where(means[rival] > 0), axis=0)


def _reliability(table: pd.DataFrame, size: str) -> pd.DataFrame:
    return table[table["segment"] == ("all" if size == "all" else f"volume={size}")]


def _segment(segment: str, names: dict[str, str], words: Words) -> str:
    if segment in SEGMENTS:
        return words(SEGMENTS[segment])
    name = segment.split("=", 1)[1]
    return names.get(name, name)


def _colours(models: list[str]) -> Any:
    import altair as alt

    scale = alt.Scale(domain=models, range=[colour(k) for k in range(len(models))])
    return alt.Color("m:N", scale=scale, legend=None)


def _one(alt: Any, side: str) -> Any:
    """A line at 1."""
    rule = alt.Chart(alt.InlineData([{"one": 1}])).mark_rule(color="var(--ink)", strokeDash=[4, 3], strokeWidth=1)
    return rule.encode(**{side: "one:Q"})


def _few(alt: Any) -> Any:
    return alt.Axis(tickCount=5, format=".2~f")


def _with_model(alt: Any, chart: Any) -> Any:
    return chart.add_params(alt.param(name="model", value=0))
