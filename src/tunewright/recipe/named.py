"""What a person says of a data file without a recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tunewright.core.errors import Problem, RecipeError


@dataclass(frozen=True, slots=True)
class Named:
    """The fields of a recipe's data section that are named and not looked for; None is looked for.

    Raises RecipeError for empty ones.
    """

    sheet: str | None = None
    records: str | None = None
    encoding: str | None = None
    input: str | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        """Refuses what names nothing."""
        empty = [field for field, value in asdict(self).items() if value == ""]
        if empty:
            expected, remedy = "a name", "give it one, or leave the option out"
            raise RecipeError(*(Problem(f"--{field}", "is empty", expected, remedy) for field in empty))


NOTHING = Named()
"""All is looked for."""
