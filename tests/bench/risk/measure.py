"""Expected incidents, intervals and what came -> how well the many are told from the few, and how honestly."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

SHARES = (0.01, 0.05, 0.10)
TIES = 20
"""Random orders of equal scores that are averaged."""

Array = np.ndarray


def captured(score: Array, came: Array) -> dict[str, float]:
    """Share of what came that lies in the top 1, 5 and 10 % by score, and the same ÷ the best possible list."""
    found: dict[str, float] = {}
    best = -np.sort(-came)
    sizes = [max(1, round(share * len(came))) for share in SHARES]
    held = np.mean([[came[order[:size]].sum() for size in sizes] for order in _orders(score)], axis=0)
    for share, size, volume in zip(SHARES, sizes, held, strict=True):
        found[f"top {share:.0%}"] = volume / came.sum()
        found[f"top {share:.0%} ÷ oracle"] = volume / best[:size].sum()
    return found


def _orders(score: Array) -> Iterator[Array]:
    for seed in range(TIES):
        yield np.lexsort((np.random.default_rng(seed).random(len(score)), -score))


def deviance(mean: Array, came: Array) -> float:
    """Mean Poisson deviance; means are first brought to the level of what came, as only the ranking is judged.

    Source: McCullagh & Nelder 1989, Generalized Linear Models, §2.3.
    """
    from scipy.special import xlogy

    mean = mean * came.sum() / mean.sum()
    return float(2 * np.mean(xlogy(came, came / mean) - (came - mean)))


def coverage(low: Array, high: Array, came: Array) -> float:
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
