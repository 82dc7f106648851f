"""Sets of labels, or of anything that belongs to a class, to scores: members that are true, predicted and hit.

The same functions serve spans of token classification. Axes: N rows, K labels, F counts, B samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tunewright.core.errors import Problem, RunError
from tunewright.evaluation import tallies
from tunewright.evaluation.counted import Counted, CountMetric
from tunewright.evaluation.per_class import class_score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.predictions import LabelSetPredictions
    from tunewright.core.results import ClassScore

    Floats = NDArray[np.float64]

EXTRA = 2
"""Counts behind the tallies: rows that are right as a whole, and rows."""

DEFAULT_THRESHOLD = 0.5


def count_sets(predictions: LabelSetPredictions) -> Counted:
    """The counts of each row. Raises RunError naming the first row whose probabilities are none."""
    values_NK = predictions.probabilities_NK
    wrong_N = ~((values_NK >= 0) & (values_NK <= 1)).all(axis=1)  # true for NaN
    if wrong_N.any():
        given = f"row {predictions.row_ids[int(np.argmax(wrong_N))]}: its probabilities are none"
        raise RunError(Problem("predictions", given, "finite probabilities in 0..1", "look for non-finite weights"))
    true_NK, said_NK = predictions.targets_NK, predictions.predicted_NK
    truths = tuple(tuple(np.flatnonzero(row).tolist()) for row in true_NK)
    return counted_members(true_NK, said_NK, true_NK & said_NK, predictions.row_ids, predictions.clusters, truths)


def counted_members(  # what is counted, and whose rows these are
    true_NK: Any,
    said_NK: Any,
    hits_NK: Any,
    row_ids: tuple[str, ...],
    clusters: tuple[str, ...],
    truths: tuple[object, ...],
) -> Counted:
    """Counts of rows by the members of each class that are true, predicted and both."""
    counts_N3K = np.concatenate([true_NK, said_NK, hits_NK], axis=1).astype(np.float64)
    true_N, said_N, hits_N = (np.asarray(part).sum(axis=1).astype(np.float64) for part in (true_NK, said_NK, hits_NK))
    right_N = ((true_N == hits_N) & (said_N == hits_N)).astype(np.float64)
    own_N = np.where(right_N > 0, 1.0, 2 * hits_N / np.maximum(true_N + said_N, 1))
    rows_NF = np.concatenate([counts_N3K, np.stack([right_N, np.ones_like(right_N)], axis=1)], axis=1)
    return Counted(row_ids, clusters, truths, rows_NF, own_N, classes=np.asarray(true_NK).shape[1])


def best_threshold(predictions: LabelSetPredictions) -> float:
    """The threshold, of those at a hundredth each, with the highest micro F1; the one nearest to a half of equals."""
    steps = np.round(np.arange(0.01, 1.0, 0.01), 2)
    true_NK, values_NK = predictions.targets_NK, predictions.probabilities_NK
    scores = []
    for step in steps:
        said_NK = values_NK >= step
        total = true_NK.sum() + said_NK.sum()
        scores.append(2 * (true_NK & said_NK).sum() / total if total else 0.0)
    best = np.flatnonzero(np.isclose(scores, max(scores)))
    return float(min(steps[best], key=lambda step: (abs(step - DEFAULT_THRESHOLD), step)))


def set_scores(counted: Counted, labels: Sequence[str], confidence: float) -> tuple[ClassScore, ...]:
    """Precision, recall and F1 of each label, each with Wilson's interval on its own denominator.

    Rows that bear several members of a class count as the clusters that they are.
    """
    from tunewright.evaluation.bootstrap import cluster_sums, independent  # noqa: PLC0415  # numpy alone above

    k = len(labels)
    sums_UF = np.asarray(cluster_sums(counted.rows_NF, counted.clusters).toarray())
    several = not independent(counted.clusters) or bool((counted.rows_NF[:, : 3 * k] > 1).any())
    return tuple(
        class_score(label, sums_UF[:, [i, k + i, 2 * k + i]], clustered=several, confidence=confidence)
        for i, label in enumerate(labels)
    )


def _classes(counts_BF: Floats) -> Floats:
    return counts_BF[:, :-EXTRA].reshape(len(counts_BF), 3, -1)


def _summed(counts_BF: Floats) -> Floats:
    return np.asarray(_classes(counts_BF).sum(axis=2))


def micro_f1(counts_BF: Floats) -> Floats:
    """2 hits / (true + predicted) over all classes together, `[B]`; unknown where nothing is true or predicted."""
    true_B, said_B, hits_B = _summed(counts_BF).T
    return _ratio(2 * hits_B, true_B + said_B)


def micro_precision(counts_BF: Floats) -> Floats:
    """Share of what is predicted that is true, `[B]`; unknown where nothing is predicted."""
    return _ratio(*_summed(counts_BF).T[[2, 1]])


def micro_recall(counts_BF: Floats) -> Floats:
    """Share of what is true that is predicted, `[B]`; unknown where nothing is true."""
    return _ratio(*_summed(counts_BF).T[[2, 0]])


def macro_f1(counts_BF: Floats) -> Floats:
    """Mean F1 over the classes that have true members, `[B]`, as `tallies.macro_f1`."""
    return tallies.macro_f1(_classes(counts_BF))


def subset_accuracy(counts_BF: Floats) -> Floats:
    """Share of rows that are right as a whole, `[B]`."""
    return _ratio(counts_BF[:, -2], counts_BF[:, -1])


METRICS: Final[Mapping[str, CountMetric]] = {
    "micro_f1": CountMetric(micro_f1, "one figure for precision and recall over all labels of all rows together"),
    "macro_f1": CountMetric(macro_f1, "the mean of the labels' F1: a rare label counts as much as any", per_class=True),
    "micro_precision": CountMetric(micro_precision, "share of the labels given that are true"),
    "micro_recall": CountMetric(micro_recall, "share of the true labels that are given"),
    "subset_accuracy": CountMetric(subset_accuracy, "share of rows with exactly the true labels", is_share=True),
}
"""Metric name to what it is, in the order in which tables show them."""


def _ratio(part: Any, whole: Any) -> Floats:
    found: Floats = np.divide(part, whole, out=np.full_like(part, np.nan, dtype=np.float64), where=whole > 0)
    return found
