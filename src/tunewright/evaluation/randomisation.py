"""Approximate randomisation of any score that is a function of summed tallies.

Sources: Noreen (1989, Computer-Intensive Methods for Testing Hypotheses) and Yeh (2000, COLING).
Axes: N rows, U sampling units, F tallies, B draws of one chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.evaluation.bootstrap import CHUNK_CELLS, cluster_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.evaluation.bootstrap import Statistic

ROUNDING = 1e-12
"""Two differences closer than this, as a share of the scores where these are above 1, are equal: sums of the same terms
in another order differ by less."""


def swap_p_value(
    first_NF: Any,
    second_NF: Any,
    clusters: Sequence[str],
    statistic: Statistic,
    *,
    draws: int,
    rng: np.random.Generator,
) -> float:
    """The two-sided p-value of approximate randomisation, (b + 1) / (draws + 1): never 0.

    Were the systems alike, either could have given either answer: each draw swaps the two systems' rows on every
    cluster with probability 1/2, and b counts draws whose difference is at least as large as the one seen, or is no
    number: what cannot be compared is no evidence.
    `statistic` takes summed tallies `[B, F]` and gives `[B]`.
    """
    total_F, other_F = (np.asarray(rows.sum(axis=0), dtype=np.float64).ravel() for rows in (first_NF, second_NF))
    scores = [float(statistic(sums_F[np.newaxis])[0]) for sums_F in (total_F, other_F)]
    least = abs(scores[0] - scores[1]) - ROUNDING * max(1.0, *map(abs, scores))
    changes_UF = _unequal_units(first_NF - second_NF, clusters)
    step = max(1, CHUNK_CELLS // max(1, *changes_UF.shape))
    as_large = 0
    for start in range(0, draws, step):
        swaps_UB = rng.integers(0, 2, size=(changes_UF.shape[0], min(step, draws - start)), dtype=np.uint8)
        moved_BF = np.ascontiguousarray((changes_UF.T @ swaps_UB.astype(np.float64)).T)
        with np.errstate(invalid="ignore"):
            drawn_B = np.abs(statistic(total_F - moved_BF) - statistic(other_F + moved_BF))
            as_large += int((~(drawn_B < least)).sum())
    return (as_large + 1) / (draws + 1)


def _unequal_units(changes_NF: Any, clusters: Sequence[str]) -> NDArray[Any] | Any:
    """What swapping each unit would move, `[U, F]`; units on which nothing would move are left out."""
    changes_UF = cluster_sums(changes_NF, clusters)
    changes_UF.eliminate_zeros()
    return changes_UF[np.diff(changes_UF.indptr) > 0]
