"""Means of several models (+ how they did at past origins) -> one mean: the combination that is issued."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from forecast.spec import Spec

Array = np.ndarray


class Combine(Spec):
    """Which models are averaged, and how.

    `members`: kinds of models. `method`: equal weights, or weights from errors at past origins ("rolling"), of
    which `trust` is believed and the rest stays equal; `sharpness` is the power of the errors' inverse.
    """

    members: tuple[str, ...] = ("climatology", "lightgbm", "ets")
    method: Literal["equal", "rolling"] = "equal"
    trust: float = Field(0.5, ge=0, le=1)
    sharpness: float = Field(2.0, gt=0)

    @field_validator("members")
    @classmethod
    def _some_each_once(cls, members: tuple[str, ...]) -> tuple[str, ...]:
        if not members or len(set(members)) < len(members):
            raise ValueError("members must name at least one model, and each only once")
        return members


def combine(members: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Weighted mean of the members, any shape. A weight of a model that is not among the members is an error."""
    total = sum(weights.values())
    return sum((members[name] * (weight / total) for name, weight in weights.items()), np.zeros(()))


def weights(spec: Combine, past_members: Mapping[str, Array], past_actuals: Array) -> dict[str, float]:
    """Weight of each member, summing to 1.

    Args:
        past_members: means at origins before the one forecast now, each (origins, n, horizon); those not in
            `spec.members` are left aside. With method "equal" it may be empty.
        past_actuals: what came, same shape; NaN = not covered or not known yet.

    Returns:
        model -> weight. Equal when nothing is known of the past.

    Source: inverse-error weights, Bates & Granger (1969), The combination of forecasts; shrunk to equal ones as
    in Stock & Watson (2004), Combination forecasts of output growth, section 3.
    """
    equal = dict.fromkeys(spec.members, 1 / len(spec.members))
    if spec.method == "equal":
        return equal
    past = [past_members[name] for name in spec.members]
    common = np.where(np.isnan(past).any(axis=0), np.nan, past_actuals)
    losses = np.array([deviance(means, common) for means in past])
    if np.isnan(losses).any():
        return equal
    worth = np.maximum(losses, 1e-9) ** -spec.sharpness
    learned = spec.trust * worth / worth.sum() + (1 - spec.trust) / len(past)
    return dict(zip(spec.members, learned.tolist(), strict=True))


def deviance(means: Array, actuals: Array) -> float:
    """Mean Poisson deviance over the months known, which judges means of large and small counts alike; else NaN.

    Source: McCullagh & Nelder (1989), Generalized Linear Models, section 2.3.
    """
    known = ~np.isnan(actuals)
    if not known.any():
        return float("nan")
    y, mu = actuals[known], np.maximum(means[known], 1e-3)
    gain = np.where(y > 0, y * np.log(np.maximum(y, 1.0) / mu), 0.0)
    return float(2 * (gain - (y - mu)).mean())
