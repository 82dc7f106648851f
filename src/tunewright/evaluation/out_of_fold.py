"""Probabilities of rows from models that have not seen them, nor any row that belongs with them.

Axes: N rows, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tunewright.core.seeds import child_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


class FitPredict(Protocol):
    """Called once a fold with the indices of the rows to learn from and of those to judge."""

    def __call__(self, learn: Ints, judge: Ints) -> Floats:
        """Class probabilities of the rows to judge, `[len(judge), K]`, from a model of the rows to learn from."""


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Every row as a model saw it that had not learned from it."""

    probabilities_NK: Floats
    judged_N: Flags
    """Whether that model had seen another row of the row's label: otherwise its probability means nothing."""


def fold_numbers(clusters: Sequence[str], targets_N: Ints, *, folds: int, seed: int) -> Ints:
    """The fold of each row: rows of one cluster share it, and each class is spread over all folds.

    Clusters are dealt out in the order of their commonest class and, within it, of a draw that depends on the seed and
    the clusters' names alone: the order of the rows plays no part.
    """
    names, first_N = np.unique(np.asarray(clusters, dtype=object), return_inverse=True)
    main_C = _commonest(first_N, targets_N, len(names))
    draw_C = np.array([child_seed(seed, "folds", str(name)) for name in names])
    order_C = np.lexsort((draw_C, main_C))
    fold_C = np.empty(len(names), dtype=np.int64)
    fold_C[order_C] = np.arange(len(names)) % folds
    numbers: Ints = fold_C[first_N]
    return numbers


def out_of_fold(fit_predict: FitPredict, targets_N: Ints, fold_N: Ints, *, classes: int) -> OutOfFold:
    """Each fold judged by a model of the other folds."""
    probabilities_NK = np.zeros((len(targets_N), classes))
    judged_N = np.zeros(len(targets_N), dtype=bool)
    for fold in np.unique(fold_N):
        judge, learn = np.flatnonzero(fold_N == fold), np.flatnonzero(fold_N != fold)
        known_K = np.bincount(targets_N[learn], minlength=classes) > 0
        judged_N[judge] = known_K[targets_N[judge]]
        if len(learn):
            probabilities_NK[judge] = fit_predict(learn, judge)
    return OutOfFold(probabilities_NK, judged_N)


def _commonest(cluster_N: Ints, targets_N: Ints, count: int) -> Ints:
    """The commonest class of each cluster, the lowest of several that are equally common, `[C]`."""
    pairs, rows = np.unique(np.stack([cluster_N, targets_N]), axis=1, return_counts=True)
    order = np.lexsort((pairs[1], -rows, pairs[0]))
    clusters, first = np.unique(pairs[0][order], return_index=True)
    assert len(clusters) == count, "every cluster has a row"
    commonest: Ints = pairs[1][order][first]
    return commonest
