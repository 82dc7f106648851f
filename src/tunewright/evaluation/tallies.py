"""Predictions as tallies a class, and every metric as a function of tallies.

Axes: N rows, K classes, B resamples. A tally holds, for each class, its true rows, the rows predicted as it, and its
hits: `[..., 3, K]` in that order. Sums of tallies are tallies, so a resample of rows is scored without looking at rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Metric = Callable[[Floats], Floats]

TRUE, PREDICTED, HITS = range(3)

PROPORTIONS = ("accuracy", "micro_f1")
"""Metrics that are a share of rows: Wilson's interval and McNemar's test hold where rows are independent."""

PROBABILITY_FLOOR = 1e-15
"""Log loss clips probabilities here: one zero for a true class costs 34.5 nats instead of making the mean infinite."""


def row_tallies(targets_N: Ints, predicted_N: Ints, classes: int) -> Any:
    """One tally a row, `[N, 3K]`, as a scipy CSR array: 1 for the true class, for the predicted class and for a hit."""
    from scipy.sparse import csr_array  # noqa: PLC0415  # importing a room loads nothing heavy

    rows_N = np.arange(len(targets_N))
    hit_rows = rows_N[predicted_N == targets_N]
    rows = np.concatenate([rows_N, rows_N, hit_rows])
    columns = np.concatenate([targets_N, classes + predicted_N, 2 * classes + targets_N[hit_rows]])
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(rows_N), 3 * classes))


def answers(predictions: ClassPredictions, metric: str) -> tuple[Ints, Ints, int]:
    """True classes, predicted classes and the number of classes, as far as the metric can tell them apart.

    A share of rows knows only right from wrong: two classes, of which the first is true, do for it.
    """
    if metric in PROPORTIONS:
        wrong_N = np.asarray(~predictions.correct_N, dtype=np.int64)
        return np.zeros_like(wrong_N), wrong_N, 2
    return predictions.targets_N, predictions.predicted_N, len(predictions.labels)


def accuracy(tallies_B3K: Floats) -> Floats:
    """Share of rows predicted right, `[B]`."""
    return _share(tallies_B3K[:, HITS].sum(axis=1), tallies_B3K[:, TRUE].sum(axis=1))


def macro_recall(tallies_B3K: Floats) -> Floats:
    """Mean recall over the classes that have true rows, `[B]`."""
    return _mean_over_present(tallies_B3K, _share(tallies_B3K[:, HITS], tallies_B3K[:, TRUE]))


def macro_precision(tallies_B3K: Floats) -> Floats:
    """Mean precision over the classes that have true rows, `[B]`; one of these never predicted counts as 0.

    Its own precision is unknown; leaving it out of the mean would reward a system for giving a class up.
    """
    return _mean_over_present(tallies_B3K, _share(tallies_B3K[:, HITS], tallies_B3K[:, PREDICTED]))


def macro_f1(tallies_B3K: Floats) -> Floats:
    """Mean F1 over the classes that have true rows, `[B]`; one of these never predicted has F1 0, and that is known."""
    return _mean_over_present(tallies_B3K, f1(tallies_B3K))


def f1(tallies_B3K: Floats) -> Floats:
    """F1 of each class, 2 hits / (true + predicted), `[B, K]`; 0 where a class is neither true nor predicted."""
    return _share(2 * tallies_B3K[:, HITS], tallies_B3K[:, TRUE] + tallies_B3K[:, PREDICTED])


METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    # With one label a row, summing hits and errors over all classes gives accuracy, whichever of the three is asked.
    "micro_f1": accuracy,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
}
"""Metric name to its function of tallies `[B, 3, K] -> [B]`. All lie in 0..1, and higher is better."""


def row_losses(predictions: ClassPredictions) -> Floats:
    """Minus the natural logarithm of each row's probability of its true class, `[N]`, in nats."""
    given_N = predictions.probabilities_NK[np.arange(len(predictions.targets_N)), predictions.targets_N]
    return np.asarray(-np.log(np.clip(given_N, PROBABILITY_FLOOR, 1.0)), dtype=np.float64)


def confusion_matrix(predictions: ClassPredictions) -> NDArray[np.int64]:
    """Counts, true class by predicted class, `[K, K]`."""
    k = len(predictions.labels)
    cells = np.bincount(predictions.targets_N * k + predictions.predicted_N, minlength=k * k)
    return np.asarray(cells.reshape(k, k), dtype=np.int64)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)


def _mean_over_present(tallies_B3K: Floats, scores_BK: Floats) -> Floats:
    present_BK = tallies_B3K[:, TRUE] > 0
    return _share((scores_BK * present_BK).sum(axis=1), present_BK.sum(axis=1).astype(np.float64))
