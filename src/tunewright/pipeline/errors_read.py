"""The worst errors of models that read, beside those of classes: rows of the test with what was wrong about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.evaluation.label_sets import count_sets
from tunewright.pipeline.answers_label_sets import read_sets
from tunewright.pipeline.answers_numbers import read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tunewright.core.encoded import Layout

Wrong = tuple[str, str, str]
"""A row's id, what is true of it and what was predicted, in words."""


def worst_numbers(path: Path, most: int) -> list[Wrong]:
    """The rows whose number is farthest from the true one, the farthest first."""
    found = read_numbers(path)
    off_N = np.abs(found.predicted_N - found.targets_N)
    order = [int(n) for n in np.argsort(-off_N, kind="stable")[:most] if off_N[n] > 0]
    return [(found.row_ids[n], f"{found.targets_N[n]:.4g}", f"{found.predicted_N[n]:.4g}") for n in order]


def worst_sets(path: Path, most: int) -> list[Wrong]:
    """The rows whose labels have the least in common with the true ones, the worst first."""
    found = read_sets(path)
    own_N = count_sets(found).own_N
    order = [int(n) for n in np.argsort(own_N, kind="stable")[:most] if own_N[n] < 1]
    return [
        (found.row_ids[n], _joined(found.names(found.targets_NK[n])), _joined(found.names(found.predicted_NK[n])))
        for n in order
    ]


def _joined(labels: Sequence[str]) -> str:
    return ", ".join(labels) or "no label"


WORST: Mapping[Layout, Callable[[Path, int], list[Wrong]]] = {"values": worst_numbers, "label_sets": worst_sets}
"""Layout to its worst errors, from a file of predictions and the most there should be."""
