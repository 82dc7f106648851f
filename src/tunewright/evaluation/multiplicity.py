"""Several comparisons read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.titles import metric_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.results import Comparison


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


def hints(comparisons: Sequence[Comparison], titles: Mapping[str, str], *, alpha: float) -> Iterator[str]:
    """A sentence for each difference that looks real by itself and not among so many; `titles` names the systems."""
    tested = [(c, c.p_value) for c in comparisons if c.p_value is not None]
    for (comparison, p_value), adjusted in zip(tested, holm([p for _, p in tested]), strict=True):
        if p_value < alpha <= adjusted:
            yield (
                f"The difference in {metric_title(comparison.metric)} from {titles[comparison.against]} looks real by "
                f"itself (p = {p_value:.3g}), yet {len(tested)} comparisons were made, and one of so many can look so "
                f"by chance: corrected for that (Holm), p = {adjusted:.3g}. Read it as a hint, not as proof."
            )
