"""What a model writes while it is trained: answers to a few validation prompts, the same at every evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.core.generated import Decoding, Sample
from tunewright.data.store import read_split
from tunewright.inference.text_model import TextModel
from tunewright.models.freeze import train_mode
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.text_predictions import sample_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tunewright.pipeline.context import Context

SAMPLES, NEW_TOKENS = 3, 64
"""Few and short: they are looked at, not scored."""


def sampler(context: Context) -> Callable[[Any], tuple[Sample, ...]]:
    """Called with the model in training; gives its answers, and leaves it ready to be trained on."""
    rows = sample_rows(read_split(context.run.of(DATA), "validation"), SAMPLES, context.recipe.seed)
    contents = [content for _, content in rows]

    def sample(model: Any) -> tuple[Sample, ...]:
        writer = TextModel(model, context.prompt_encoder, device=str(next(model.parameters()).device))
        answers = writer.generate(contents, Decoding(NEW_TOKENS, seed=context.recipe.seed))
        train_mode(model)
        return tuple(
            Sample(row_id, content.input, answer.text, content.target or "")
            for (row_id, content), answer in zip(rows, answers, strict=True)
        )

    return sample
