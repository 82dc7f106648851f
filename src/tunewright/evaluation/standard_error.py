"""How far a metric of classes would move on other rows of the same kind: its standard error, by the jackknife."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tunewright.evaluation.tallies import METRICS, row_tallies

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 4_096
"""Rows whose tallies are held densely together."""


def mean_error(values_N: NDArray[np.float64]) -> float | None:
    """The standard error of the values' mean; None of fewer than two."""
    rows = len(values_N)
    return float(np.std(values_N, ddof=1) / math.sqrt(rows)) if rows > 1 else None


def metric_error(
    metric: str, targets_N: NDArray[np.int64], predicted_N: NDArray[np.int64], classes: int
) -> float | None:
    """The standard error of a metric in `METRICS` over these rows, independent of each other; None of fewer than two.

    The metric is taken without each row in turn (Efron & Tibshirani 1993, equation 11.5). Of a share of rows it is the
    binomial one, with n - 1 for n.
    """
    rows = len(targets_N)
    if rows < 2:
        return None
    tallies = row_tallies(targets_N, predicted_N, classes)
    whole = np.asarray(tallies.sum(axis=0)).reshape(1, 3, classes)
    parts = (tallies[start : start + AT_ONCE].toarray() for start in range(0, rows, AT_ONCE))
    without_N = np.concatenate([METRICS[metric](whole - part.reshape(-1, 3, classes)) for part in parts])
    return float(np.sqrt((rows - 1) / rows * np.square(without_N - without_N.mean()).sum()))
