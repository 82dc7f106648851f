"""Whether `evaluation.max_new_tokens` leaves a model room to answer as people did: what it cuts, the model did not.

Axes: N prompts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.results import AnswerLimit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.predictions import TextPredictions

OFTEN = 0.05
"""A limit that more than this share of people's answers goes beyond lowers the scores of a model that learned them."""

NEARLY_ALL = 0.99
"""The share of people's answers that a limit should hold: the very longest may be a slip of the data."""


def answer_limit(predictions: TextPredictions, shortest_N: NDArray[np.int64], tokens: int) -> AnswerLimit | None:
    """The limit of `tokens` beside the shortest reference of each prompt, in tokens; None where nothing was written.

    Prompts without a reference (0 tokens) are left out.
    """
    written_N = np.array([text is not None for text in predictions.texts], dtype=np.bool_) & (shortest_N > 0)
    if not written_N.any():
        return None
    ran_on_N = np.array([stopped is False for stopped in predictions.stopped], dtype=np.bool_)
    full_N = np.array([new is not None and new >= tokens for new in predictions.new_tokens], dtype=np.bool_)
    longer_N = written_N & (shortest_N > tokens)
    return AnswerLimit(
        tokens=tokens,
        prompts=int(written_N.sum()),
        longer=int(longer_N.sum()),
        cut=int((longer_N & ran_on_N & full_N).sum()),
        enough=enough_tokens(shortest_N[written_N]),
    )


def enough_tokens(lengths_N: NDArray[np.int64]) -> int:
    """A limit that holds nearly all answers of these lengths; at least one."""
    return math.ceil(np.quantile(lengths_N, NEARLY_ALL, method="higher"))


def is_short(limit: AnswerLimit | None) -> bool:
    """Whether so many references are longer than the limit that scores of what was written suffer."""
    return limit is not None and limit.longer > OFTEN * limit.prompts


def limit_warning(limit: AnswerLimit) -> str:
    """What a limit that `is_short` does to the scores, and what to do."""
    return (
        f"Of the {limit.prompts:,} test prompts that answers were written for, {limit.longer:,} have a reference of "
        f"more than {limit.tokens:,} tokens, the most that evaluation.max_new_tokens lets a model write: its answers "
        "are cut there, which lowers the stop rate and the scores of texts, whatever the model has learned. "
        f"{raise_it(limit)}"
    )


def raise_it(limit: AnswerLimit) -> str:
    """What to do about answers that the limit cut."""
    return f"Raise evaluation.max_new_tokens to {limit.enough:,} and evaluate again."


def cut_found(limit: AnswerLimit) -> str:
    """How many answers the limit cut, not the model."""
    one = limit.cut == 1
    return (
        f"{limit.cut:,} of {limit.prompts:,} answers {'was' if one else 'were'} cut by evaluation.max_new_tokens "
        f"({limit.tokens:,}) where people's own answer is longer than that: the limit ended {'it' if one else 'them'}."
    )
