"""The base of every spec: frozen, strict, and documented field by field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Spec(BaseModel):
    """A frozen piece of the recipe. Unknown keys are refused; nothing is coerced, loaded or repaired."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )


def kind_where_absent(kind: str) -> BeforeValidator:
    """A union's mapping that does not say its `kind` is of this one, which the field has by default.

    So `train.schedule.warmup=0.2` can be set on a recipe that says nothing of the schedule.
    """

    def named(value: Any) -> Any:
        return {"kind": kind, **value} if isinstance(value, dict) else value

    return BeforeValidator(named)
