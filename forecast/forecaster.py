"""Options of a config -> Forecaster: which models forecast, how they are combined, how their spread is learned."""

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from forecast.calibrate import Calibrate
from forecast.combine import Combine
from forecast.models.catalogue import Model
from forecast.models.ets import Ets
from forecast.models.lightgbm import LightGBM
from forecast.models.theta import Theta
from forecast.panel import Coverage
from forecast.spec import Spec

COMBINATION = "combination"
"""Name of the combined forecast in tables."""


class Forecaster(Spec):
    """Which models forecast, how they are combined, and how their spread is learned.

    `models` all forecast; a model is named after its kind, the second of a kind <kind>_2. `combine.members` names
    those that are combined (not said = all). `value`: the figure of the panel that is forecast.
    `member_quantiles`: also write variance and quantiles of each model, not only its means; scores of a backtest
    use them either way.
    """

    models: tuple[Model, ...] = Field((LightGBM(), Theta(), Theta(of="categories"), Ets()), min_length=1)
    combine: Combine = Combine()
    calibrate: Calibrate = Calibrate()
    coverage: Coverage = Coverage()
    value: Literal["orders", "incidents", "callers"] = "orders"
    member_quantiles: bool = False

    @model_validator(mode="before")
    @classmethod
    def _all_are_members(cls, options: Any) -> Any:
        given = options.get("combine", {}) if isinstance(options, dict) else None
        given = given.model_dump(exclude_unset=True) if isinstance(given, Combine) else given
        models = options.get("models", cls.model_fields["models"].default) if isinstance(options, dict) else None
        if not isinstance(given, dict) or "members" in given or not isinstance(models, (list, tuple)):
            return options
        kinds = [str(one.get("kind") if isinstance(one, dict) else getattr(one, "kind", None)) for one in models]
        return options | {"combine": given | {"members": names(kinds)}}

    @model_validator(mode="after")
    def _members_are_models(self) -> Self:
        known = names(model.kind for model in self.models)
        unknown = [member for member in self.combine.members if member not in known]
        if unknown:
            raise ValueError(f"combine.members names {', '.join(unknown)}, but models gives {', '.join(known)}")
        return self


def names(kinds: Iterable[str]) -> tuple[str, ...]:
    """Names of models of these kinds: kind, kind_2, kind_3 ..."""
    kinds = list(kinds)
    order = [kinds[: place + 1].count(kind) for place, kind in enumerate(kinds)]
    return tuple(kind if n == 1 else f"{kind}_{n}" for kind, n in zip(kinds, order, strict=True))
