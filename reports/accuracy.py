"""Scores of past forecasts -> sentences and a small table by months ahead."""

import pandas as pd

from reports.material import Material
from reports.texts import Words, whole

SEGMENT = "all"
ROUNDED = 0.85
"""Share inside the 80 % interval from which whole numbers are the likely reason for too much."""


def sentences(material: Material, words: Words) -> list[str]:
    """How often the truth fell inside the interval, how large the errors were, and on what this rests."""
    means = _means(material)
    overall = means.get(0) or next(iter(means.values()), {})
    found = []
    if (share := overall.get("coverage_80")) is not None:
        of_ten = words("accuracy.of_ten", n=8)
        rounded = words("accuracy.rounded") if share >= ROUNDED else ""
        found.append(words("accuracy.coverage", band=80, of_ten=of_ten, share=words.percent(share), rounded=rounded))
    if (wape := overall.get("wape")) is not None:
        found.append(words("accuracy.wape", share=whole(100 * wape)))
    if (bias := overall.get("bias")) is not None and whole(1000 * abs(bias)):
        direction = words("accuracy.high" if bias > 0 else "accuracy.low")
        found.append(words("accuracy.bias", direction=direction, share=words.percent(abs(bias))))
    if (share := overall.get("capture")) is not None:
        found.append(words("accuracy.capture", share=whole(100 * share)))
    if (ratio := overall.get("lift")) is not None:
        found.append(words("accuracy.lift", ratio=f"{ratio:.2f}"))
    if not found:
        return [words("accuracy.none")]
    origins = _rows(material)["origin"]
    span = {"first": words.month(origins.min()), "last": words.month(origins.max())}
    return [*found, words("accuracy.basis", n=origins.nunique(), **span)]


def by_horizon(material: Material, words: Words) -> list[tuple[str, str, str]]:
    """Months ahead, share inside the 80 % interval, errors as share of what came; percent in words."""
    rows = []
    for horizon, figures in _means(material).items():
        if horizon and {"coverage_80", "wape"} <= figures.keys():
            shares = (f"{words.percent(figures['coverage_80'])} %", f"{whole(100 * figures['wape'])} %")
            rows.append((str(horizon), *shares))
    return rows


def _means(material: Material) -> dict[int, dict[str, float]]:
    """Horizon -> metric -> mean over the past origins."""
    rows = _rows(material)
    means: dict[int, dict[str, float]] = {}
    for (horizon, metric), group in rows.groupby(["horizon", "metric"]):
        means.setdefault(int(str(horizon)), {})[str(metric)] = float(group["value"].mean())
    return means


def _rows(material: Material) -> pd.DataFrame:
    """Scores over all cells."""
    rows = material.scores.dropna(subset=["value"])
    return rows[rows["segment"] == SEGMENT]
