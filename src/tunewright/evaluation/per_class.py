"""Precision, recall and F1 of every class, each with an interval on its own rows.

Axes: U sampling units (rows, or clusters of rows); the three tallies of one class stand in the order of `tallies`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.results import ClassScore, Estimate
from tunewright.evaluation.bootstrap import cluster_sums, independent
from tunewright.evaluation.intervals import effective_rows, wilson, wilson_f1
from tunewright.evaluation.tallies import HITS, PREDICTED, TRUE, row_tallies

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions

    Floats = NDArray[np.float64]


def class_scores(predictions: ClassPredictions, *, confidence: float) -> tuple[ClassScore, ...]:
    """The scores of every label, in the labels' order, each with Wilson's interval on its own denominator.

    A class without test rows has unknown recall and F1; one that was never predicted has unknown precision. Where rows
    are clustered the denominators are effective numbers of rows (`wilson-clustered`). `n` is the denominator in rows;
    for F1 it is the class's true and predicted rows together.
    """
    k = len(predictions.labels)
    rows_NF = row_tallies(predictions.targets_N, predictions.predicted_N, k)
    sums_UF = cluster_sums(rows_NF, predictions.clusters).tocsc()
    clustered = not independent(predictions.clusters)
    return tuple(
        class_score(label, sums_UF[:, [i, k + i, 2 * k + i]].toarray(), clustered=clustered, confidence=confidence)
        for i, label in enumerate(predictions.labels)
    )


@dataclass(frozen=True, slots=True)
class _Share:
    """Hits among the rows of one kind."""

    hits: int
    rows: int
    worth: float
    """How many independent rows these are worth."""
    method: str


def class_score(label: str, sums_U3: Floats, *, clustered: bool, confidence: float) -> ClassScore:
    """The scores of one class from the tallies of each unit: true, predicted, hit; `clustered` units are no rows."""
    true_U, predicted_U, hits_U = sums_U3[:, TRUE], sums_U3[:, PREDICTED], sums_U3[:, HITS]

    def among(wholes_U: Floats) -> _Share:
        rows = int(wholes_U.sum())
        worth = effective_rows(hits_U, wholes_U, confidence=confidence) if clustered and rows else float(rows)
        return _Share(int(hits_U.sum()), rows, worth, "wilson-clustered" if clustered else "wilson")

    no_rows = "" if true_U.any() else "the class has no test rows"
    never = "" if predicted_U.any() else "the class was never predicted"
    return ClassScore(
        label=label,
        support=int(true_U.sum()),
        precision=_proportion(among(predicted_U), reason=never, confidence=confidence),
        recall=_proportion(among(true_U), reason=no_rows, confidence=confidence),
        f1=_f1(among(true_U + predicted_U - hits_U), reason=no_rows, confidence=confidence),
    )


def _proportion(share: _Share, *, reason: str, confidence: float) -> Estimate:
    if reason:
        return Estimate(None, None, None, share.rows, reason=reason)
    value = share.hits / share.rows
    low, high = wilson(value * share.worth, share.worth, confidence=confidence)
    return Estimate(value, low, high, share.rows, share.method)


def _f1(share: _Share, *, reason: str, confidence: float) -> Estimate:
    if reason:
        return Estimate(None, None, None, share.rows, reason=reason)
    low, high = wilson_f1(share.hits, share.rows, share.worth, confidence=confidence)
    return Estimate(2 * share.hits / (share.rows + share.hits), low, high, share.rows, f"{share.method}-indirect")
