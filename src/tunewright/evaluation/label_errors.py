"""Which given labels are probably wrong, by confident learning (Northcutt, Jiang & Chuang 2021, JAIR 70).

Written here in numpy, since cleanlab brings pandas with it; a test holds both to the same answers.

Axes: N rows, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """What speaks against each row's label."""

    score_N: Floats
    """Probability of the given label, 0 to 1: the least is to be reviewed first. Not a number where the row could not
    be judged."""
    suggested_N: Ints
    """The likeliest other class."""
    likely_N: Flags
    """Whether the row is among those of the lowest scores, as many as confident learning counts as errors."""


def find_label_errors(targets_N: Ints, probabilities_NK: Floats, judged_N: Flags) -> LabelErrors:
    """What out-of-fold probabilities say of the labels; rows that are not judged have no part in it.

    Confident learning says how many labels are wrong: the rows that are confidently of another class than their own.
    The probability of the given label says which: on banking77 with 5 % of the labels flipped evenly, the lowest 5 %
    of it hold 93 % of them, the lowest margins to the likeliest other class 78 %. A row is not judged where the model
    that gave its probabilities had seen no other row of its label.
    """
    rows = np.arange(len(targets_N))
    score_N = np.where(judged_N, probabilities_NK[rows, targets_N], np.nan)
    others_NK = probabilities_NK.copy()
    others_NK[rows, targets_N] = -1.0
    confident_N = confident_classes(targets_N, probabilities_NK, judged_N)
    count = int((judged_N & (confident_N >= 0) & (confident_N != targets_N)).sum())
    # Rows of equal score are all in or all out, or the order of the rows would decide.
    likely_N = score_N <= np.sort(score_N)[count - 1] if count else np.zeros(len(targets_N), dtype=bool)
    return LabelErrors(score_N, others_NK.argmax(axis=1), likely_N)


def confident_classes(targets_N: Ints, probabilities_NK: Floats, judged_N: Flags) -> Ints:
    """The class that each row is confidently of; -1 where it is confidently of none.

    Of the classes whose probability reaches their threshold it is the likeliest.
    """
    reaches_NK = probabilities_NK >= class_thresholds(targets_N, probabilities_NK, judged_N)
    confident_NK = np.where(reaches_NK, probabilities_NK, -1.0)
    return np.where(reaches_NK.any(axis=1), confident_NK.argmax(axis=1), -1)


def class_thresholds(targets_N: Ints, probabilities_NK: Floats, judged_N: Flags) -> Floats:
    """The mean probability of each class over the judged rows that bear it, `[K]`; infinite for a class without any."""
    classes = probabilities_NK.shape[1]
    targets, own = targets_N[judged_N], probabilities_NK[judged_N, targets_N[judged_N]]
    counts_K = np.bincount(targets, minlength=classes)
    sums_K = np.bincount(targets, weights=own, minlength=classes)
    means_K: Floats = np.divide(sums_K, counts_K, out=np.full(classes, np.inf), where=counts_K > 0)
    return means_K
