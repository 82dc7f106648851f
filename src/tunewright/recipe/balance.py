"""How training rows are brought into balance; rows of validation and test stay as they are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from tunewright.recipe.spec import Spec


class Oversample(Spec):
    """Rows of small groups are copied; each copy has an id of its own and names its parent."""

    kind: Literal["oversample"] = "oversample"
    column: str | None = None
    """Column whose values are the groups; where absent, the labels, or the types of the answers."""
    to: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Rows that each group is brought up to, as a share of the largest group's."""
    most: PositiveInt = 10
    """Most times that one row may stand in training, itself included; a group that needs more stays smaller."""


class Undersample(Spec):
    """Rows of large groups leave by a draw, under the rule `undersampled`."""

    kind: Literal["undersample"] = "undersample"
    column: str | None = None
    """Column whose values are the groups; where absent, the labels, or the types of the answers."""
    to: Annotated[float, Field(ge=1)] = 1.0
    """Rows that each group may keep, as a multiple of the smallest group's."""


class Temperature(Spec):
    """Groups of n rows are brought to shares in proportion to n^(1/temperature) by copying rows (Conneau et al. 2020).

    No row leaves: the largest group stays as it is, and the others grow.
    """

    kind: Literal["temperature"] = "temperature"
    column: str | None = None
    """Column whose values are the groups, such as a language or a source; where absent, the labels, or the types of the
    answers."""
    temperature: Annotated[float, Field(ge=1)] = 2.0
    """1 changes nothing; the higher, the more alike the groups become."""
    most: PositiveInt = 10
    """Most times that one row may stand in training, itself included; a group that needs more stays smaller."""


BalanceSpec = Annotated[Oversample | Undersample | Temperature, Field(discriminator="kind")]
