"""Means of several models (+ how they did at past origins) -> one mean: the combination that is issued."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from forecast.spec import Spec

Array = np.ndarray

BLOCK = 4_096
"""Cells taken together; bounds the memory."""


class Combine(Spec):
    """Which models are averaged, and how.

    `members`: kinds of models. `method`: equal weights, or weights from errors at past origins ("rolling"), of
    which `trust` is believed and the rest stays equal; `sharpness` is the power of the errors' inverse. Models that
    err alike weigh nearly the same; where one is far better, as on smooth counts, it leads.
    """

    members: tuple[str, ...] = ("lightgbm", "theta", "theta_2", "ets")
    method: Literal["equal", "rolling"] = "rolling"
    trust: float = Field(1.0, ge=0, le=1)
    sharpness: float = Field(6.0, gt=0)

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
    errors = relative_errors([past_members[name] for name in spec.members], past_actuals)
    if np.isnan(errors).any():
        return equal
    worth = np.maximum(errors, 1e-3) ** -spec.sharpness
    learned = spec.trust * worth / worth.sum() + (1 - spec.trust) / len(errors)
    return dict(zip(spec.members, learned.tolist(), strict=True))


def relative_errors(past: Sequence[Array] | Array, actuals: Array) -> Array:
    """(members,) how far each errs against the others, 1 = as far as they do; NaN when nothing is known.

    The root mean squared error of a member in a cell over that of all members there, averaged over cells by the
    square root of their volume: neither the loudest cells nor the many silent ones decide alone.

    Args:
        past: of each member (origins, n, horizon) means as forecast.
        actuals: (origins, n, horizon) what came, NaN = not covered or not known yet.

    Source: the relative measures of Davydenko & Fildes (2013), Measuring forecasting accuracy, IJF 29, section 3.
    """
    starts = range(0, max(actuals.shape[1], 1), BLOCK)
    parts = [_by_cell([one[:, k : k + BLOCK] for one in past], actuals[:, k : k + BLOCK]) for k in starts]
    squares, volume = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    errors = np.sqrt(squares)
    usual = errors.mean(axis=0)
    some = usual > 0
    if not some.any() or not volume[some].any():
        return np.full(len(past), np.nan)
    weight = np.sqrt(volume[some])
    relative: Array = (errors[:, some] / usual[some] * weight).sum(axis=1) / weight.sum()
    return relative


def _by_cell(past: Sequence[Array], actuals: Array) -> tuple[Array, Array]:
    """(members, n) mean squared errors and (n,) mean of all forecasts, over the months known of every member."""
    said = np.stack(past)
    known = ~np.isnan(said).any(axis=0) & ~np.isnan(actuals)
    months = np.maximum(known.sum(axis=(0, 2)), 1)
    squares = np.where(known, (said - actuals) ** 2, 0.0).sum(axis=(1, 3)) / months
    return squares, np.where(known, said.mean(axis=0), 0.0).sum(axis=(0, 2)) / months
