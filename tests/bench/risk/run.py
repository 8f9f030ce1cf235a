"""`python -m tests.bench.risk.run DATA [part ...]`: New York heat, made-up and large cities -> docs/methods/risk.md.

Each part (real, ceiling, madeup, silent, speed) is written between its own markers; without a part all are made.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import poisson

from forecast import negbin
from forecast.risk import eb_glm, judge
from forecast.risk._chance import exceeds_median, interval, streets
from forecast.risk.eb_glm import EbGlm
from tests.bench import measure
from tests.bench.page import table
from tests.bench.risk import large, madeup, newyork, quiet
from tests.bench.risk.newyork import City

PAGE = Path(__file__).parents[3] / "docs/methods/risk.md"
HEAT = "nyc_heat/buildings_2020_2021.csv.gz"
DRAWS = 400
BANDS = (
    ("all", 0, 1e9),
    ("0", 0, 0),
    ("1", 1, 1),
    ("2", 2, 2),
    ("3–5", 3, 5),
    ("6–19", 6, 19),
    ("20 and more", 20, 1e9),
)
Array = np.ndarray


def raw(city: City) -> tuple[Array, Array, Array]:
    """(mean, low, high) of the one who takes last year's count for next year's; half an incident where it is 0."""
    mean = city.before + 0.5
    return city.before, poisson.ppf(0.1, mean), poisson.ppf(0.9, mean)


def ours(city: City, spec: EbGlm) -> pd.DataFrame:
    """Risk in the order of the estates."""
    found = eb_glm.assess(spec, city.estates, city.history, city.areas, city.as_of)[0]
    return found.set_index("estate").reindex(city.estates["estate"])


def real(data: Path) -> str:
    whole = newyork.read(data / HEAT)
    known = whole.only(whole.before > 0)
    parts = []
    for name, city in (("All addresses of the list", whole), ("Addresses known in 2020", known)):
        said = ours(city, EbGlm())
        spreads = {"raw counts": raw(city), "eb_glm": tuple(said[c].to_numpy() for c in ("expected", "low", "high"))}
        other = ours(city, EbGlm(near=False, draws=1))
        spreads["eb_glm without estates nearby"] = tuple(other[c].to_numpy() for c in ("expected", "low", "high"))
        rows = [_line(label, three, city.came) for label, three in spreads.items()]
        rows.append(["difference, 90 % of draws", *_gains(said["expected"].to_numpy(), city), "", ""])
        head = ["", *(f"top {s}%" for s in judge.SHARES), *(f"top {s}% ÷ oracle" for s in judge.SHARES)]
        head += ["deviance", "80 % holds"]
        parts.append(f"### {name}: {len(city.came):,}\n\n" + table(head, rows))
        parts.append(_halves(said["expected"].to_numpy(), city) + _bands(city) + _honest(said, city))
    return "\n".join(parts)


def _line(label: str, three: tuple[Array, ...], came: Array) -> list[str]:
    mean, low, high = three
    held = judge.captured(mean, came)
    shares = [held[f"{kind}_{s}"] for kind in ("top", "of_best") for s in judge.SHARES]
    floor = mean + 0.5 if label.startswith("raw") else mean
    figures = [*(f"{x:.3f}" for x in shares), f"{judge.deviance(floor, came):.2f}"]
    return [label, *figures, f"{judge.coverage(low, high, came):.3f}"]


def _gains(mean: Array, city: City) -> list[str]:
    """Ours - raw counts, with the middle 90 % of draws of whole addresses."""
    rng, draws = np.random.default_rng(0), []
    noise = rng.random(len(mean)) / 2
    for _ in range(DRAWS):
        pick = rng.integers(0, len(mean), len(mean))
        both = [_quick(score[pick], city.came[pick]) for score in (mean, city.before + noise)]
        draws.append(both[0] - both[1])
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    return [f"{a:+.3f} to {b:+.3f}" for a, b in zip(low, high, strict=True)]


def _quick(score: Array, came: Array) -> Array:
    order, best = np.argsort(-score), -np.sort(-came)
    sizes = [round(share * len(came) / 100) for share in judge.SHARES]
    held = np.array([came[order[:size]].sum() for size in sizes])
    return np.concatenate([held / came.sum(), held / [best[:size].sum() for size in sizes]])


def _halves(mean: Array, city: City) -> str:
    """÷ oracle on the half that was looked at while building, and on the other."""
    first = newyork.halves(city)
    rows = []
    for name, half in (("looked at", first), ("the other", ~first)):
        for label, score in (("raw counts", city.before), ("eb_glm", mean)):
            held = judge.captured(score[half], city.came[half])
            rows.append([f"{name}: {label}", *(f"{held[f'of_best_{s}']:.3f}" for s in judge.SHARES)])
    return "\n" + table(["half of the addresses", *(f"top {s}% ÷ oracle" for s in judge.SHARES)], rows)


def _bands(city: City) -> str:
    """Interval and level by the count of the year before; an interval that begins at 0 holds more than it says."""
    spec = EbGlm()
    ground = eb_glm._ground(spec, city.estates, city.areas, city.as_of)
    ((_, years),) = eb_glm._histories(spec, city.estates, city.history, city.as_of)
    path = eb_glm._path(ground, years)
    _, rate, shape = path.steps[-1]
    mean, variance = rate * years.own, eb_glm._variance(rate * years.own, shape, path.shock)
    low, high = interval(mean, variance, spec.interval)
    mass = negbin.cdf(high, mean, variance) - negbin.cdf(low - 1, mean, variance)
    spread = negbin.pit(city.came, mean, variance, seed=1)
    rows = []
    for name, least, most in BANDS:
        here = (city.before >= least) & (city.before <= most)
        if here.any():
            figures = [mean[here].mean(), city.came[here].mean()]
            shares = [judge.coverage(low[here], high[here], city.came[here]), mass[here].mean(),
                      ((spread[here] > 0.1) & (spread[here] < 0.9)).mean()]  # fmt: skip
            rows.append([name, f"{here.sum():,}", *(f"{x:.2f}" for x in figures), *(f"{x:.3f}" for x in shares)])
    head = ["count of 2020", "addresses", "foretold", "came", "80 % holds", "whole numbers say", "PIT in 0.1–0.9"]
    return "\n" + table(head, rows)


def _honest(said: pd.DataFrame, city: City) -> str:
    """Calibration of the chance to exceed the street's median, and how sure ranks are."""
    happened = exceeds_median(city.came, streets(city.estates, city.areas))
    curve = judge.curve(said["score"].to_numpy() / 100, happened)
    rows = [[f"{r.said:.2f}", f"{r.happened:.2f}", f"{r.n:,.0f}"] for r in curve.itertuples()]
    first = np.argsort(-said["expected"].to_numpy(), kind="stable")[:20]
    sure = said["in_top"].to_numpy()[first]
    best = np.argsort(-city.came, kind="stable")[:20]
    again, plain = (int(np.isin(one, best).sum()) for one in (first, np.argsort(-city.before, kind="stable")[:20]))
    words = (
        f"\nOf the first 20, {(sure >= 0.9).sum()} are among the first 20 in 90 % of draws or more, the least sure "
        f"in {sure.min():.0%}; the draws expect {sure.sum():.1f} of the 20 to stay. {again} of the 20 are among the "
        f"first 20 of the year judged, {plain} of the 20 by raw counts: rates change from year to year, which the "
        "draws leave out.\n"
    )
    return "\n" + table(["chance said", "came true", "addresses"], rows) + words


def ceiling(data: Path) -> str:
    """What boosting reaches that is shown the year judged itself, by fifths of the addresses."""
    import lightgbm

    city = newyork.read(data / HEAT)
    x = _facts(city)
    fold = np.random.default_rng(1).integers(0, 5, len(city.came))
    rows = []
    for name, columns in (("the count of 2020 alone", x[:, :1]), ("everything known in 2020", x)):
        said = np.zeros(len(city.came))
        for part in range(5):
            learn = fold != part
            options = {"objective": "poisson", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 50,
                       "num_threads": 1, "verbose": -1, "deterministic": True, "seed": 1}  # fmt: skip
            shown = lightgbm.Dataset(columns[learn], city.came[learn])
            said[~learn] = lightgbm.train(options, shown, 150).predict(columns[~learn])
        held = judge.captured(said, city.came)
        rows.append([name, *(f"{held[f'of_best_{s}']:.3f}" for s in judge.SHARES)])
    return table(["boosting that saw 2021 in other addresses", *(f"top {s}% ÷ oracle" for s in judge.SHARES)], rows)


def _facts(city: City) -> Array:
    """Count, place, neighbours at several scales, borough, district, street of the address."""
    from scipy.spatial import cKDTree

    lon, lat = (city.estates[name].to_numpy() for name in ("lon", "lat"))
    points = np.column_stack([lon * np.cos(np.radians(40.7)), lat])
    tree, columns = cKDTree(points), [city.before, lon, lat]
    for k in (5, 20, 100, 300):
        distance, near = tree.query(points, k + 1)
        values = city.before[near[:, 1:]]
        columns += [np.minimum(values, 20).mean(axis=1), np.log1p(values).mean(axis=1), distance[:, -1]]
    road = city.estates["name"].str.replace(r"^[\d-]+\s*", "", regex=True) + city.estates["area"].fillna("").str[:1]
    log = pd.Series(np.log1p(city.before))
    total, number = (log.groupby(road.to_numpy()).transform(how) for how in ("sum", "size"))
    columns += [((total - log) / (number - 1).clip(lower=1)).to_numpy(), number.to_numpy()]
    columns.append(pd.factorize(city.estates["area"])[0])
    return np.column_stack(columns)


def made_up(data: Path) -> str:
    rows = []
    for name, gaps in (("all attributes known", False), ("attributes with gaps", True)):
        effects = pd.concat([madeup.found(seed, gaps) for seed in madeup.SEEDS])
        auc = pd.DataFrame([madeup.apart(seed, gaps) for seed in madeup.FEWER])
        inside = (effects["low"] <= effects["true"]) & (effects["true"] <= effects["high"])
        half = (effects["high"] - effects["low"]).mean() / 2
        said = [f"{auc[way].mean():.3f} ({auc[way].min():.3f})" for way in auc]
        rows.append([name, f"{len(effects):,}", f"{inside.mean():.3f}", f"{half:.2f}", *said])
    head = ["", "effects", "inside 95 %", "half width", *(f"AUC {way}" for way in auc)]
    return table(head, rows)


def silent(data: Path) -> str:
    rows = []
    for name, categories, scale, apart in quiet.FEWER:
        found = quiet.figures(categories, scale, apart)
        shares = ["–" if np.isnan(found[key]) else f"{found[key]:.2f}" for key in ("precision", "said", "held")]
        rows.append([name, f"{found['planted']:,.0f} of {found['estates']:,.0f}", f"{found['chosen']:,.0f}", *shares])
    return table(["", "planted", "in the plan", "truly silent", "said", "of the planted"], rows)


def speed(data: Path) -> str:
    estates, history, areas, as_of = large.city()
    begin, used = time.perf_counter(), time.process_time()
    found = eb_glm.assess(EbGlm(), estates, history, areas, as_of)[0]
    wall, cpu = time.perf_counter() - begin, time.process_time() - used
    size = f"{len(estates):,} estates x {found['category'].nunique()} categories, three years"
    return f"{size}: {wall:.0f} s of clock, {cpu:.0f} s of processor, one thread.\n"


PARTS: dict[str, Callable[[Path], str]] = {
    "real": real,
    "ceiling": ceiling,
    "madeup": made_up,
    "silent": silent,
    "speed": speed,
}


def main(data: Path, parts: list[str]) -> None:
    for part in parts or list(PARTS):
        text = PARTS[part](data)
        measure.write(PAGE, part, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
