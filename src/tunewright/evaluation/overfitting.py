"""How far the tuned model fits what it saw, and whether that carries over to rows it did not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.results import Gap
from tunewright.core.titles import metric_title
from tunewright.evaluation.advice import learn_less, learn_more
from tunewright.evaluation.classification import metric_estimates
from tunewright.evaluation.intervals import difference_interval, known
from tunewright.evaluation.tallies import METRICS

if TYPE_CHECKING:
    from tunewright.core.predictions import ClassPredictions
    from tunewright.core.results import Estimate
    from tunewright.evaluation.advice import Trained
    from tunewright.evaluation.settings import ScoreSettings

WIDE_GAP = 0.1
"""A tuned model scores a little higher on rows it saw, always; from a tenth on, it fits those rows and not the task."""

POOR_FIT = 0.75
"""A tuned model that scores below this on the very rows it was trained on has not learned them."""

TEST_STREAM = "tuned"
"""The random numbers with which `score_system` resamples the tuned model: one score, one interval, wherever it is."""


def read_gap(
    train: ClassPredictions,
    validation: ClassPredictions,
    test: ClassPredictions,
    *,
    metric: str,
    settings: ScoreSettings,
    trained: Trained,
) -> Gap:
    """The metric on training, validation and test rows, what to make of it, and what to change by how it was trained.

    Intervals decide, not values. Overfits: train - test lies above `WIDE_GAP` with all of its interval. Underfits: the
    training score lies below `POOR_FIT` with all of its interval. Fits well: train - test lies below `WIDE_GAP` with
    all of its interval. Else there are too few rows to tell. Raises ValueError for an unknown metric.
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}: one of {', '.join(METRICS)}")
    splits = {"gap-train": train, "gap-validation": validation, TEST_STREAM: test}
    seen, chosen, unseen = (
        metric_estimates(rows, settings=settings, stream=stream, metrics=[metric])[metric]
        for stream, rows in splits.items()
    )
    reading = reading_of_shares(metric_title(metric), trained, train=seen, validation=chosen, test=unseen)
    return Gap(metric, seen, chosen, unseen, reading)


def reading_of_shares(metric: str, trained: Trained, *, train: Estimate, validation: Estimate, test: Estimate) -> str:
    """What to make of a share of 0..1 (more is better) on training, validation and test rows, and what to change."""
    seen, chosen, unseen = known(train), known(validation), known(test)
    if seen is None or unseen is None:
        return f"Unknown: {train.reason or test.reason}, so there is no gap to read."
    figures = f"{metric} is {seen[0]:.3f} on training rows and {unseen[0]:.3f} on test rows"
    low, high = difference_interval(seen, unseen)
    if low > WIDE_GAP:
        return (
            f"Overfits: {figures}, a gap of at least {low:.3f}: it fits those rows rather than the task. "
            f"{learn_less(trained)}"
        )
    if seen[1][1] < POOR_FIT:
        return f"Underfits: {figures}, so even the training rows are not learned. {learn_more(trained)}"
    if high >= WIDE_GAP:
        return (
            f"Cannot tell: {figures}, and the gap lies anywhere from {low:.3f} to {high:.3f}: "
            "there are too few rows to know whether it overfits. What to do: add test rows; until then, a validation "
            "loss that rises while the training loss falls is the sign of it."
        )
    if chosen is not None and difference_interval(chosen, unseen)[0] > WIDE_GAP:
        return (
            f"Fits its training rows well, yet {figures} and {chosen[0]:.3f} on validation rows: "
            "the validation rows are easier than the test rows, so compare how the two were drawn."
        )
    return f"Fits well: {figures}, a gap of at most {high:.3f}."
