"""Where a system goes wrong: its most confident mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tunewright.core.predictions import ClassPredictions


@dataclass(frozen=True, slots=True)
class WorstError:
    """One wrong row: what it is, what it was taken for, and how probable the system held that."""

    row_id: str
    true: str
    predicted: str
    predicted_probability: float


def worst_errors(predictions: ClassPredictions, *, most: int) -> tuple[WorstError, ...]:
    """The wrong rows the system was surest of, at most `most`: often wrong labels, always worth a look.

    By falling probability of the predicted class, then rising probability of the true one, then the rows' order.
    """
    predicted_N, labels = predictions.predicted_N, predictions.labels
    wrong = np.flatnonzero(~predictions.correct_N)
    sure = predictions.probabilities_NK[wrong, predicted_N[wrong]]
    held = predictions.probabilities_NK[wrong, predictions.targets_N[wrong]]
    order = np.lexsort((wrong, held, -sure))[:most]
    return tuple(
        WorstError(
            row_id=predictions.row_ids[wrong[i]],
            true=labels[predictions.targets_N[wrong[i]]],
            predicted=labels[predicted_N[wrong[i]]],
            predicted_probability=float(sure[i]),
        )
        for i in order
    )
