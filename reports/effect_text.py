"""Effects -> one page of plain text: for each the ground first, the number last."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast.tables import ALL
from reports.material import Language
from reports.texts import Words

ESTIMATORS = {"did": "eff.did", "synthetic": "eff.synthetic", "holdback": "eff.holdback"}
RESULTS = {"fewer": "eff.fewer", "more": "eff.more", "found": "eff.found", "unclear": "eff.unclear"}
WHY = {
    "no_after": "eff.why.no_after",
    "few_before": "eff.why.few_before",
    "few_controls": "eff.why.few_controls",
    "few_clusters": "eff.why.few_clusters",
    "few_requests": "eff.why.few_requests",
    "no_pre_trend": "eff.why.no_pre_trend",
    "pre_trend": "eff.why.pre_trend",
    "no_power": "eff.why.no_power",
}
"""Text of each code of Effects."""


@dataclass(frozen=True, eq=False)
class EffectMaterial:
    """What was found.

    Args:
        effects: Effects. areas: Areas. categories: DataFrame[category, name, name_en].
        level, plausible, pre_trend: of the rules they were judged by.
    """

    city: str
    language: Language
    as_of: pd.Timestamp
    effects: pd.DataFrame
    areas: pd.DataFrame
    categories: pd.DataFrame
    level: float
    plausible: float
    pre_trend: float


def render(material: EffectMaterial) -> bytes:
    """UTF-8 with BOM and Windows line ends, so that any desktop opens it."""
    return b"\xef\xbb\xbf" + "\r\n".join([*lines(material), ""]).encode()


def lines(material: EffectMaterial) -> list[str]:
    """The page, line by line."""
    words = Words(material.language)
    page = [words("eff.title", city=material.city, month=words.month(material.as_of)), words("eff.read"), ""]
    if material.effects.empty:
        return [*page, words("eff.none")]
    for row in material.effects.itertuples():
        page += [*_one(row, material, words), ""]
    return page[:-1]


def _one(r: Any, material: EffectMaterial, words: Words) -> list[str]:
    """Heading, what was compared, test before the work, power, interval, result."""
    out = [_head(r, material, words), words("eff.size", treated=r.treated, controls=r.controls, months=r.months)]
    if np.isnan(r.pre_trend_p):
        out.append(words("eff.pre_none"))
    elif r.pre_trend_p < material.pre_trend:
        out.append(words("eff.pre_bad", p=f"{r.pre_trend_p:.2g}"))
    else:
        out.append(words("eff.pre_good", p=f"{r.pre_trend_p:.2f}"))
    if np.isnan(r.minimum_detectable) or np.isnan(r.power):
        out.append(words("eff.power_none"))
    else:
        shares = {"least": r.minimum_detectable, "plausible": material.plausible, "power": r.power}
        out.append(words("eff.power", **{name: f"{100 * share:.0f}" for name, share in shares.items()}))
    if not np.isnan(r.low):
        out.append(words("eff.interval", level=f"{100 * material.level:.0f}", low=_share(r.low), high=_share(r.high)))
    return [*out, *_result(r, words)]


def _head(r: Any, material: EffectMaterial, words: Words) -> str:
    names = dict(zip(material.areas["area"], material.areas["name"], strict=True))
    column = "name_en" if material.language == "en" else "name"
    kinds = dict(zip(material.categories["category"], material.categories[column], strict=True))
    group = words("eff.every") if r.group == ALL else r.group
    category = words("all") if r.category == ALL else kinds.get(r.category, r.category)
    area = words("eff.areas") if r.area == ALL else names.get(r.area, r.area)
    return words("eff.head", group=group, category=category, area=area, estimator=words(ESTIMATORS[r.estimator]))


def _result(r: Any, words: Words) -> list[str]:
    defects = {"found": _count(r.defects_found, words), "fixed": _count(r.defects_fixed, words)}
    known = [words("eff.defects", **defects)] if r.defects_found > 0 and r.reading != "found" else []
    if not r.concluded:
        return [words("eff.refused", why=words(WHY[r.refusal])), *known]
    told = {"estimate": _share(r.estimate), **(defects if r.reading == "found" else {})}
    out = [words(RESULTS[r.reading], **told)]
    ends = {"n": r.averted, "low": r.averted_low, "high": r.averted_high}
    out.append(words("eff.averted", **{name: _signed(value, words) for name, value in ends.items()}))
    if r.cost_per_averted > 0:
        high = words("eff.unbounded") if np.isnan(r.cost_per_averted_high) else _count(r.cost_per_averted_high, words)
        each = {"n": _count(r.cost_per_averted, words), "low": _count(r.cost_per_averted_low, words), "high": high}
        out.append(words("eff.each", **each))
    return [*out, *known]


def _share(change: float) -> str:
    """-32% with a true minus; whole percents, for no more is known."""
    return f"{round(100 * change):+d}%".replace("-", "−").replace("+0%", "0%")


def _count(value: float, words: Words) -> str:
    return "–" if np.isnan(value) else words.count(value)


def _signed(value: float, words: Words) -> str:
    text = words.count(abs(value))
    return f"−{text}" if value < 0 and text != "0" else text
