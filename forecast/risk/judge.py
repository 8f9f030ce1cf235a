"""Risk as scored in past years + what came -> RiskScores and RiskCalibration: told apart, and honestly?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.errors import DataError, Fault
from forecast.risk import catalogue, known_at, month_number, month_numbers
from forecast.risk._chance import exceeds_median, streets
from forecast.risk._years import gather
from forecast.tables import ALL, RiskCalibration, RiskScores, check, conform

SHARES = (1, 5, 10)
"""Percent of estates that a list holds."""

FIRST = 20
TIES = 20
"""Random orders of equal scores that are averaged."""

YEAR = 12
RIVALS = ("raw_counts", "last_year")

Array = np.ndarray


@dataclass(frozen=True)
class Judged:
    """RiskScores and RiskCalibration."""

    scores: pd.DataFrame
    calibration: pd.DataFrame


@dataclass(frozen=True)
class Said:
    """What one model says of n estates. rank: by what they are listed; the others are null where it does not say."""

    model: str
    rank: Array
    mean: Array
    low: Array
    high: Array
    sure: Array


def origins(history: pd.DataFrame, most: int, step: int = YEAR) -> list[pd.Timestamp]:
    """Months, oldest first, at whose end a year of `history` was known and after which another year is.

    Args:
        history: EstateHistory. most: how many at most, the newest. step: months between them.

    Raises:
        DataError: there is not one.
    """
    starts = month_numbers(history["month"])
    first, stop = (int(starts.min()), int((starts + history["months"]).max())) if len(history) else (0, 0)
    found = list(range(stop - YEAR - 1, first + YEAR - 2, -step))[:most]
    if found:
        return [pd.Timestamp(year=n // 12, month=n % 12 + 1, day=1).as_unit("us") for n in reversed(found)]
    what = f"the history of estates spans {stop - first} months"
    fix = "give at least two years: one to learn from and one to judge on (docs/estates.md, `history`)"
    raise DataError(Fault(f"{what}: risk cannot be judged", "estates", fix))


def judge(
    spec: catalogue.Auto | catalogue.Scorecard | catalogue.EbGlm,
    estates: pd.DataFrame,
    history: pd.DataFrame,
    areas: pd.DataFrame,
    past: Sequence[pd.Timestamp],
    done: Callable[[int, int], None],
) -> Judged:
    """Score at each past month with what was known then, and judge on the year after it.

    Attributes of estates are taken as they are now. The rivals are the mean of all known years (raw_counts) and the
    list of the latest (last_year), both with the interval of a Poisson count half an incident higher.

    Args:
        spec: how to score. estates: Estates. history: EstateHistory. areas: Areas. past: months, as of `origins`.
        done: is told how many of them are done, and of how many.
    """
    parts: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for number, origin in enumerate(past, start=1):
        categories = {ALL, *history["category"]}
        risk, _ = catalogue.assess(spec, estates, known_at(history, origin), areas, origin, sorted(categories))
        for category in sorted(set(risk["category"]) & set(history["category"])):
            parts += _at(estates, history, areas, origin, risk[risk["category"] == category])
        done(number, len(past))
    scores = pd.concat([part[0] for part in parts], ignore_index=True) if parts else pd.DataFrame()
    curves = pd.concat([part[1] for part in parts], ignore_index=True) if parts else pd.DataFrame()
    if scores.empty:
        what = "no category has incidents both before and in the year after any month judged"
        raise DataError(Fault(what, "estates", "give at least two years of one category (docs/estates.md)"))
    return Judged(
        check(RiskScores, conform(RiskScores, scores), "risk scores"),
        check(RiskCalibration, conform(RiskCalibration, curves), "risk calibration"),
    )


def leaderboard(scores: pd.DataFrame) -> pd.DataFrame:
    """RiskScores of all estates, mean over origins and categories in which every model has a figure, best first.

    ALL is what the categories add up to, so it is left out where there are others.

    Returns:
        DataFrame[model, lists, the figures of RiskScores].
    """
    rows = scores[scores["among"] == "all"]
    rows = rows[rows["category"] != ALL] if (rows["category"] != ALL).any() else rows
    names = [name for name in RiskScores.to_schema().columns if name.startswith(("top_", "of_best_"))]
    names += ["deviance", "held", "stays", "sure"]
    rows = rows.assign(model=rows["model"].where(rows["model"].isin(RIVALS), "risk"))
    board = rows.groupby("model")[names].mean()
    board.insert(0, "lists", rows.groupby("model").size())
    return board.sort_values("of_best_10", ascending=False, kind="stable").reset_index()


def captured(score: Array, came: Array) -> dict[str, float]:
    """Share of what came that lies in the top 1, 5 and 10 % by score, and the same ÷ the best possible list."""
    found: dict[str, float] = {}
    best = -np.sort(-came)
    sizes = [max(1, round(share * len(came) / 100)) for share in SHARES]
    held = np.mean([[came[order[:size]].sum() for size in sizes] for order in _orders(score)], axis=0)
    for share, size, volume in zip(SHARES, sizes, held, strict=True):
        found[f"top_{share}"] = volume / came.sum()
        found[f"of_best_{share}"] = volume / best[:size].sum()
    return found


def deviance(mean: Array, came: Array) -> float:
    """Mean Poisson deviance; means are first brought to the level of what came, as only the ranking is judged.

    Source: McCullagh & Nelder 1989, Generalized Linear Models, §2.3.
    """
    from scipy.special import xlogy

    mean = mean * came.sum() / mean.sum()
    return float(2 * np.mean(xlogy(came, came / mean) - (came - mean)))


def coverage(low: Array, high: Array, came: Array) -> float:
    """Share of what came that lies in low..high."""
    return float(((low <= came) & (came <= high)).mean())


def curve(probability: Array, happened: Array, bins: int = 10) -> pd.DataFrame:
    """DataFrame[said, happened, n]: estates in equal groups by the probability said."""
    group = pd.Series(probability).rank(method="first").mul(bins).div(len(probability) + 1).astype(int).to_numpy()
    table = pd.DataFrame({"said": probability, "happened": happened, "group": group})
    found = table.groupby("group").agg(said=("said", "mean"), happened=("happened", "mean"), n=("said", "size"))
    return found.reset_index(drop=True)


def auc(score: Array, happened: Array) -> float:
    """Probability that one where it happened scores above one where it did not. Source: Mann & Whitney 1947."""
    from scipy.stats import rankdata

    ranks, yes = rankdata(score), happened.astype(bool)
    return float((ranks[yes].sum() - yes.sum() * (yes.sum() + 1) / 2) / (yes.sum() * (~yes).sum()))


def _orders(score: Array) -> Iterator[Array]:
    for seed in range(TIES):
        yield np.lexsort((np.random.default_rng(seed).random(len(score)), -score))


def _at(
    estates: pd.DataFrame, history: pd.DataFrame, areas: pd.DataFrame, origin: pd.Timestamp, risk: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """(RiskScores, RiskCalibration) of one category at one origin, of all estates and of those known before."""
    category = str(risk["category"].iloc[0])
    rows = history[(history["category"] == category) & history["estate"].isin(estates["estate"])]
    before = _counts(rows, history, estates, origin, None)
    after = _counts(rows, history, estates, origin + pd.DateOffset(months=YEAR), origin)
    if before is None or after is None:
        return
    came, heard = after[0][:, 0], after[1][:, 0] > 0
    said = risk.set_index("estate").reindex(estates["estate"])
    above = np.zeros(len(came), dtype=bool)
    above[heard] = exceeds_median(came[heard], streets(estates, areas)[heard])
    models = [_ours(said), _rival("raw_counts", before[0].mean(axis=1)), _rival("last_year", before[0][:, 0])]
    known = heard & before[0].any(axis=1)
    for among, here in (("all", heard), ("known", known)):
        if not came[here].sum() or (among == "known" and known.sum() == heard.sum()):
            continue
        ids = {"origin": origin, "category": category, "among": among}
        lines = [ids | _figures(model, came, here) for model in models]
        table = curve(said["score"].to_numpy()[here] / 100, above[here])
        table = table.rename(columns={"n": "estates"}).assign(group=table.index + 1)
        table = table.assign(origin=origin, category=category, among=among)
        yield pd.DataFrame(lines), table


def _counts(
    rows: pd.DataFrame, every: pd.DataFrame, estates: pd.DataFrame, until: pd.Timestamp, since: pd.Timestamp | None
) -> tuple[Array, Array] | None:
    """(n, T) incidents and time listened to each estate, of years after `since` up to `until`, the latest first."""
    known, listened = known_at(rows, until), known_at(every, until)
    starts = month_numbers(known["month"])
    known = known.assign(start=starts, stop=starts + known["months"])
    known = known if since is None else known[known["start"] > month_number(since)]
    if known.empty:
        return None
    monthly = listened[listened["months"] == 1]
    years = gather(known, (month_numbers(monthly["month"]) + 1).max(), estates, until)
    return years.counts, years.size


def _ours(said: pd.DataFrame) -> Said:
    mean, low, high, sure = (said[name].to_numpy() for name in ("expected", "low", "high", "in_top"))
    rank = said["score"].to_numpy() if np.isnan(mean).all() else mean
    return Said(str(said["model"].iloc[0]), rank, mean, low, high, sure)


def _rival(name: str, counts: Array) -> Said:
    from scipy.stats import poisson

    mean, nothing = counts + 0.5, np.full(len(counts), np.nan)
    return Said(name, counts, mean, poisson.ppf(0.1, mean), poisson.ppf(0.9, mean), nothing)


def _figures(said: Said, came: Array, here: Array) -> dict[str, object]:
    """One line of RiskScores, of the estates `here`."""
    rank, mean, came = said.rank[here], said.mean[here], came[here]
    told = not np.isnan(mean).any()
    first = np.argsort(-rank, kind="stable")[:FIRST]
    best = np.argsort(-came, kind="stable")[:FIRST]
    return {
        "model": said.model, "estates": int(here.sum()), "came": float(came.sum()), **captured(rank, came),
        "deviance": deviance(mean, came) if told else np.nan,
        "held": coverage(said.low[here], said.high[here], came) if told else np.nan,
        "stays": float(np.isin(first, best).mean()), "sure": float(said.sure[here][first].mean()),
    }  # fmt: skip
