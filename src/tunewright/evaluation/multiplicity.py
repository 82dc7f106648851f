"""Several comparisons read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values adjusted so that reading all of them at one level errs no more often than that level.

    In the order given. Holm (1979, Scandinavian Journal of Statistics 6): valid however the tests depend on one
    another.
    """
    count = len(p_values)
    ascending = np.argsort(p_values, kind="stable")
    steps = np.array([(count - rank) * p_values[index] for rank, index in enumerate(ascending)])
    adjusted = np.empty(count)
    adjusted[ascending] = np.minimum(1.0, np.maximum.accumulate(steps)) if count else steps
    return tuple(float(value) for value in adjusted)
