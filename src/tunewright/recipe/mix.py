"""Other data sets whose rows are mixed into training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from tunewright.recipe.spec import Spec


class Mixed(Spec):
    """Rows of another data set, for training alone: none ever comes to validation or test."""

    source: Annotated[str, Field(min_length=1)]
    """Path (relative to the recipe), folder, or hub name written `hub:owner/name`; of a folder, its training split."""
    weight: PositiveFloat = 0.2
    """Rows to draw for each training row of `data.train`: 0.2 is one for five. Fewer where it has no more."""
    input: str | Annotated[list[str], Field(min_length=1)] | None = None
    """Its column of texts, as `data.input`; recognised by name where absent."""
    target: str | None = None
    """Its column of labels or answers, as `data.target`; recognised by name where absent."""
