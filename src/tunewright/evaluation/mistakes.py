"""Where a system goes wrong: its most confident mistakes and the classes it takes for one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunewright.evaluation.tallies import confusion_matrix

if TYPE_CHECKING:
    from tunewright.core.predictions import ClassPredictions


@dataclass(frozen=True, slots=True)
class WorstError:
    """One wrong row: what it is, what it was taken for, and how probable the system held either."""

    row_id: str
    true: str
    predicted: str
    predicted_probability: float
    true_probability: float


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Rows of one class taken for another."""

    true: str
    predicted: str
    count: int
    share: float
    """Of the true class's rows."""


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
            true_probability=float(held[i]),
        )
        for i in order
    )


def confused_pairs(predictions: ClassPredictions, *, most: int) -> tuple[ConfusedPair, ...]:
    """The pairs of classes confused most often, at most `most`, in that direction; ties in the labels' order."""
    counts_KK = confusion_matrix(predictions)
    rows_K = counts_KK.sum(axis=1)
    np.fill_diagonal(counts_KK, 0)
    order = np.argsort(-counts_KK, axis=None, kind="stable")[:most]
    cells = [(int(cell) // len(rows_K), int(cell) % len(rows_K)) for cell in order]
    return tuple(
        ConfusedPair(
            true=predictions.labels[true],
            predicted=predictions.labels[taken_for],
            count=int(counts_KK[true, taken_for]),
            share=float(counts_KK[true, taken_for] / rows_K[true]),
        )
        for true, taken_for in cells
        if counts_KK[true, taken_for]
    )
