"""How far a tuned model of numbers fits what it saw, and whether that carries over to rows it did not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.results import Gap
from tunewright.evaluation.advice import learn_less, learn_more
from tunewright.evaluation.counted import counted_estimates
from tunewright.evaluation.intervals import difference_interval, known
from tunewright.evaluation.numbers import METRICS

if TYPE_CHECKING:
    from tunewright.core.results import Estimate
    from tunewright.evaluation.advice import Trained
    from tunewright.evaluation.counted import Counted
    from tunewright.evaluation.settings import ScoreSettings

METRIC = "r2"

WIDE_GAP = 0.1
"""A tenth of the variance: a model that explains so much more of rows it saw fits those rows and not the task."""

POOR_FIT = 0.1
"""A model that explains less than this of the very rows it was trained on has hardly learned them."""

STREAMS = ("gap-train", "gap-validation", "tuned")


def read_number_gap(
    train: Counted, validation: Counted, test: Counted, *, settings: ScoreSettings, trained: Trained
) -> Gap:
    """The explained variance on training, validation and test rows, what to make of it, and what to change.

    Intervals decide, not values, as for classes (`overfitting.read_gap`).
    """
    parts = zip(STREAMS, (train, validation, test), strict=True)
    seen, chosen, unseen = (
        counted_estimates(rows, {METRIC: METRICS[METRIC]}, stream=stream, settings=settings)[METRIC]
        for stream, rows in parts
    )
    return Gap(METRIC, seen, chosen, unseen, _reading(trained, seen, unseen))


def _reading(trained: Trained, train: Estimate, test: Estimate) -> str:
    seen, unseen = known(train), known(test)
    if seen is None or unseen is None:
        return f"Unknown: {train.reason or test.reason}, so there is no gap to read."
    figures = f"the model explains {seen[0]:.3f} of the variance of training rows and {unseen[0]:.3f} of test rows"
    low, high = difference_interval(seen, unseen)
    if low > WIDE_GAP:
        return f"Overfits: {figures}, a gap of at least {low:.3f}. {learn_less(trained)}"
    if seen[1][1] < POOR_FIT:
        return f"Underfits: {figures}, so even the training rows are hardly learned. {learn_more(trained)}"
    if high >= WIDE_GAP:
        return (
            f"Cannot tell: {figures}, and the gap lies anywhere from {low:.3f} to {high:.3f}: there are too few rows "
            "to know whether it overfits. What to do: add test rows."
        )
    return f"Fits well: {figures}, a gap of at most {high:.3f}."
