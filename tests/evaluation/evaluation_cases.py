"""Predictions made for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.predictions import ClassPredictions

if TYPE_CHECKING:
    from collections.abc import Sequence


def given(
    targets: Sequence[int], predicted: Sequence[int], *, classes: int, clusters: Sequence[object] | None = None
) -> ClassPredictions:
    """Predictions that answer `predicted` with probability 0.9 (all of it where there is one class)."""
    n = len(targets)
    probabilities_NK = np.full((n, classes), 0.1 / max(1, classes - 1))
    probabilities_NK[np.arange(n), list(predicted)] = 0.9 if classes > 1 else 1.0
    return ClassPredictions(
        row_ids=tuple(f"row{i}" for i in range(n)),
        labels=tuple(f"class{k}" for k in range(classes)),
        probabilities_NK=probabilities_NK,
        targets_N=np.array(targets, dtype=np.int64),
        clusters=tuple(str(c) for c in (range(n) if clusters is None else clusters)),
    )


def noisy(
    targets_N: np.ndarray,
    *,
    classes: int,
    accuracy: float,
    rng: np.random.Generator,
    clusters: Sequence[object] | None = None,
) -> ClassPredictions:
    """Predictions right with the probability `accuracy`, else one of the other classes."""
    n = len(targets_N)
    wrong_N = (targets_N + rng.integers(1, classes, n)) % classes
    return given(targets_N, np.where(rng.random(n) < accuracy, targets_N, wrong_N), classes=classes, clusters=clusters)
