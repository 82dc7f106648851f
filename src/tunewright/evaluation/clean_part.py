"""Scores again on the test rows that no training row gives away.

A contaminated row (`data.contamination`) may be right because it was learned by heart. What is left without such rows
is scored as the whole was: the same systems, metrics and tests.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tunewright.core.results import CleanPart

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tunewright.core.results import Results
    from tunewright.evaluation.assemble_counted import AnsweredSystem
    from tunewright.evaluation.evaluate import System
    from tunewright.evaluation.evaluate_texts import TextSystem

AnySystem = TypeVar("AnySystem", "System", "TextSystem", "AnsweredSystem")


def with_clean_part(
    results: Results,
    systems: Sequence[AnySystem],
    held: Collection[str],
    assembled: Callable[[Sequence[AnySystem]], Results],
) -> Results:
    """The results, with the scores on the rows that are not among `held` (row ids) where any of the test rows is.

    `assembled` scores the systems as the whole test was scored.
    """
    row_ids = systems[0].predictions.row_ids
    clean_N = np.array([row not in held for row in row_ids], dtype=np.bool_)
    left_out = int(np.count_nonzero(~clean_N))
    if not left_out:
        return results
    if not clean_N.any():
        return replace(results, clean_part=CleanPart(0, left_out))
    found = assembled([replace(system, predictions=system.predictions.where(clean_N)) for system in systems])
    scores = tuple(replace(system, per_class=(), confusion=()) for system in found.systems)
    return replace(results, clean_part=CleanPart(found.n, left_out, scores, found.comparisons))
