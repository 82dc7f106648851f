"""What the user says about texts that insult, threaten or demean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunewright.recipe.spec import Spec

ToxicPolicy = Literal["report", "drop"]


class ToxicWords(Spec):
    """Texts are toxic that hold a term of your list; words that insult are quoted too, so read what it finds."""

    kind: Literal["words"]
    file: Annotated[str, Field(min_length=1)]
    """Terms, one a line (path relative to the recipe): whole words in any case, `#` begins a remark."""
    policy: ToxicPolicy = "report"
    """Whether the rows are counted, or leave as well; rows of a test file of your own always stay."""


class ToxicModel(Spec):
    """Texts are toxic that a classifier gives a label; one may be tuned here, on data that is labelled so."""

    kind: Literal["model"]
    model: Annotated[str, Field(min_length=1)]
    """The classifier: `run:NAME` beside this recipe, a folder or a hub name."""
    label: Annotated[str, Field(min_length=1)]
    """The label that says so."""
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.5
    """From which probability of that label on."""
    policy: ToxicPolicy = "report"
    """Whether the rows are counted, or leave as well; rows of a test file of your own always stay."""


ToxicitySpec = Annotated[ToxicWords | ToxicModel, Field(discriminator="kind")]
