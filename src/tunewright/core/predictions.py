"""Predictions row by row, as every system under test gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassPredictions:
    """Class probabilities of N rows over K labels, beside the rows' true classes."""

    row_ids: tuple[str, ...]
    labels: tuple[str, ...]
    """Class names in the order of the probabilities' second axis."""
    probabilities_NK: NDArray[np.float64]
    targets_N: NDArray[np.int64]
    """Index of each row's true class in `labels`."""
    clusters: tuple[str, ...]
    """What each row belongs to (its group, or its own content key): rows of one cluster are not independent."""

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        shapes = (self.probabilities_NK.shape, self.targets_N.shape, len(self.clusters))
        if shapes != ((n, len(self.labels)), (n,), n):
            raise ValueError(f"predictions of {n} rows and {len(self.labels)} labels have the shapes {shapes}")

    @property
    def predicted_N(self) -> NDArray[np.int64]:
        """Index of each row's most probable class; the first of equals."""
        return np.asarray(np.argmax(self.probabilities_NK, axis=1), dtype=np.int64)

    @property
    def correct_N(self) -> NDArray[np.bool_]:
        """Whether each row's most probable class is its true class."""
        return np.asarray(self.predicted_N == self.targets_N, dtype=np.bool_)
