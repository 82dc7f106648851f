"""What becomes of rows whose labels somebody has reviewed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunewright.recipe.spec import Spec


class Relabel(Spec):
    """Decisions are followed as they stand: `keep`, `drop`, or the label that is right."""

    kind: Literal["relabel"] = "relabel"
    file: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    """Reviewed file as `tunewright labels` writes it, its column `decision` filled in; of several, one after the
    other."""


class DropMislabelled(Spec):
    """Rows leave whose decision is `drop` or another label than their own: nobody's second guess is learned."""

    kind: Literal["drop"] = "drop"
    file: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(min_length=1)]
    """Reviewed file as `tunewright labels` writes it, its column `decision` filled in; of several, one after the
    other."""


LabelIssuesSpec = Annotated[Relabel | DropMislabelled, Field(discriminator="kind")]


def review_files(spec: Relabel | DropMislabelled | None) -> tuple[str, ...]:
    """The reviewed files in the order in which they are followed."""
    if spec is None:
        return ()
    return (spec.file,) if isinstance(spec.file, str) else tuple(spec.file)
