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

    Prompts without a reference that the context holds (0 tokens) are left out; of those that have one beyond it, the
    answers that the context ended are counted.
    """
    any_N = np.array([text is not None for text in predictions.texts], dtype=np.bool_)
    written_N = any_N & (shortest_N > 0)
    beyond_N = any_N & (shortest_N == 0) & np.array([bool(known) for known in predictions.references], dtype=np.bool_)
    if not (written_N | beyond_N).any():
        return None
    ran_on_N = np.array([stopped is False for stopped in predictions.stopped], dtype=np.bool_)
    full_N = np.array([new is not None and new >= tokens for new in predictions.new_tokens], dtype=np.bool_)
    longer_N = written_N & (shortest_N > tokens)
    return AnswerLimit(
        tokens=tokens,
        prompts=int(written_N.sum()),
        longer=int(longer_N.sum()),
        cut=int((longer_N & ran_on_N & full_N).sum()),
        enough=enough_tokens(shortest_N[written_N]) if written_N.any() else tokens,
        beyond=int((beyond_N & ran_on_N & ~full_N).sum()),
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
        f"{_raise_limit(limit)}"
    )


def raise_it(limit: AnswerLimit) -> str:
    """What to do about answers that the limit cut, or the context."""
    ways = [_raise_limit(limit)] if limit.cut else []
    if limit.beyond:
        ways.append("Raise model.max_tokens where the base allows it, or shorten the prompts of the test.")
    return " ".join(ways)


def _raise_limit(limit: AnswerLimit) -> str:
    return f"Raise evaluation.max_new_tokens to {limit.enough:,} and evaluate again."


def cut_found(limit: AnswerLimit) -> str:
    """How many answers the limit cut, or the context, and not the model."""
    said = []
    if limit.cut:
        said.append(
            f"{limit.cut:,} of {limit.prompts:,} answers {_were(limit.cut)} cut by evaluation.max_new_tokens "
            f"({limit.tokens:,}) where people's own answer is longer than that: the limit ended {_them(limit.cut)}."
        )
    if limit.beyond:
        said.append(
            f"{limit.beyond:,} {'answer' if limit.beyond == 1 else 'answers'} {_were(limit.beyond)} cut by the "
            f"context, which does not hold people's own answer either: the context ended {_them(limit.beyond)}."
        )
    return " ".join(said)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"
