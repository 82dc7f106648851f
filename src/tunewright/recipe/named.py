"""What a person says of a data file without a recipe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """The fields of a recipe's data section that are named and not looked for; None is looked for."""

    sheet: str | None = None
    records: str | None = None
    encoding: str | None = None
    input: str | None = None
    target: str | None = None


NOTHING = Named()
"""All is looked for."""
