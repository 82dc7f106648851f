"""How far a model of sets fits what it saw: by its micro F1, read as `overfitting` reads shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.results import Gap
from tunewright.core.titles import metric_title
from tunewright.evaluation.counted import counted_estimates
from tunewright.evaluation.label_sets import METRICS
from tunewright.evaluation.overfitting import reading_of_shares

if TYPE_CHECKING:
    from tunewright.evaluation.advice import Trained
    from tunewright.evaluation.counted import Counted, CountMetric
    from tunewright.evaluation.settings import ScoreSettings

METRIC = "micro_f1"
STREAMS = ("gap-train", "gap-validation", "tuned")


def read_set_gap(
    train: Counted,
    validation: Counted,
    test: Counted,
    *,
    settings: ScoreSettings,
    trained: Trained,
    metric: CountMetric = METRICS[METRIC],
) -> Gap:
    """The micro F1 on training, validation and test rows, what to make of it, and what to change.

    `metric` computes it of the task's counts.
    """
    seen, chosen, unseen = (
        counted_estimates(rows, {METRIC: metric}, stream=stream, settings=settings)[METRIC]
        for stream, rows in zip(STREAMS, (train, validation, test), strict=True)
    )
    reading = reading_of_shares(metric_title(METRIC), trained, train=seen, validation=chosen, test=unseen)
    return Gap(METRIC, seen, chosen, unseen, reading)
