"""What the user says about the base model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunewright.recipe.spec import Spec

RUN = "run:"
"""Begins the name of a base that is the tuned model of a run beside the recipe."""


class ModelSpec(Spec):
    """The pretrained base."""

    name: Annotated[str, Field(min_length=1)]
    """`starter/encoder`, `starter/lm`, a folder in Hugging Face layout (relative to the recipe), a hub name, or
    `run:NAME`: the tuned model of that run beside the recipe, which is tuned further."""
    revision: str | None = None
    """Commit, tag or branch on the hub."""
    max_tokens: Annotated[int, Field(ge=8)] | None = None
    """Longest sequence in tokens, special tokens included; the model's own limit where absent."""
    template: Literal["auto", "own", "plain"] | Annotated[str, Field(pattern=r"\.jinja$")] = "auto"
    """Chat template for the task `generation`, and for asking an untuned causal base for a label: the base's `own`, the
    `plain` one of this program, or a file (relative to the recipe). `auto` takes the base's own where there is one,
    else the plain one. With a model of the task `generation` it is saved."""
    reads: Literal["auto", "own", "mean"] = "auto"
    """What the head of a `classification` or `regression` reads of a text. `own`: what the architecture reads, its
    first or last token. `mean`: the mean of the tokens, by one more layer. `auto` takes `mean` for encoders whose files
    say that a sentence is the mean of its tokens, and `own` for others."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Replaces every dropout probability of the model where given."""

    @property
    def run(self) -> str | None:
        """The name of the run whose tuned model is the base; None for other bases."""
        return self.name.removeprefix(RUN) if self.name.startswith(RUN) else None
