"""What the user says about general text that is trained on beside the rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tunewright.recipe.spec import Spec


class GeneralText(Spec):
    """Text of many kinds that is trained on beside the rows, so that the model forgets less of it. For causal bases.

    Passages that hold what the model is tested on stay out: texts of validation and test, of earlier tests, and of
    `evaluation.general_text`.
    """

    texts: Annotated[str, Field(min_length=1)]
    """Path (relative to the recipe) or hub name of a file as for `language_modelling`; long texts are cut at line ends
    into passages of about 2,000 characters."""
    column: str | None = None
    """Column that holds the text; `text`, or the only column of texts, where absent."""
    share: Annotated[float, Field(gt=0, le=10)] = 0.1
    """How much of it, as a share of the characters that the training rows train (their answers; of raw text, all): 0.1
    is one for ten."""
