"""Spec: the frozen, typed options of one room. A model, a source and a playbook entry each is a Spec."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Spec(BaseModel):
    """Options that refuse what they do not know and never change after they are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
"""One text or a list of texts."""
