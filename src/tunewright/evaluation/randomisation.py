"""Randomisation tests, exact or approximate, of any score that is a function of summed tallies.

Sources: Noreen (1989, Computer-Intensive Methods for Testing Hypotheses) and Yeh (2000, COLING).
Axes: N rows, U sampling units, F tallies, B draws of one chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.evaluation.bootstrap import CHUNK_CELLS, cluster_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tunewright.evaluation.bootstrap import Statistic

ROUNDING = 1e-12
"""Two differences closer than this, as a share of the scores where these are above 1, are equal: sums of the same terms
in another order differ by less."""


EXACT_UNITS = 14
"""Up to so many units that differ, all 2^14 ways to swap them are counted out: about as many as are drawn otherwise."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """The result of a randomisation test."""

    p_value: float
    """Two-sided, never 0."""
    test: str
    """`exact-randomisation` or `approximate-randomisation`."""


def swap_test(
    first_NF: Any,
    second_NF: Any,
    clusters: Sequence[str],
    statistic: Statistic,
    *,
    draws: int,
    rng: np.random.Generator,
) -> Swapped:
    """The two-sided randomisation test: exact where few units differ, else (b + 1) / (draws + 1).

    Were the systems alike, either could have given either answer: the two systems' rows are swapped on every cluster
    with probability 1/2, and b counts swaps whose difference is at least as large as the one seen, or is no number:
    what cannot be compared is no evidence. Where at most EXACT_UNITS clusters differ, each way to swap them is counted
    once, the one seen among them, and nothing is drawn.
    `statistic` takes summed tallies `[B, F]` and gives `[B]`.
    """
    total_F, other_F = (np.asarray(rows.sum(axis=0), dtype=np.float64).ravel() for rows in (first_NF, second_NF))
    scores = [float(statistic(sums_F[np.newaxis])[0]) for sums_F in (total_F, other_F)]
    least = abs(scores[0] - scores[1]) - ROUNDING * max(1.0, *map(abs, scores))
    changes_UF = _unequal_units(first_NF - second_NF, clusters)
    units = changes_UF.shape[0]
    exact, step = units <= EXACT_UNITS, max(1, CHUNK_CELLS // max(1, *changes_UF.shape))
    as_large = 0
    for swaps_UB in _every_swap(units, step) if exact else _drawn_swaps(units, draws, step, rng):
        moved_BF = np.ascontiguousarray((changes_UF.T @ swaps_UB.astype(np.float64)).T)
        with np.errstate(invalid="ignore"):
            changed_B = np.abs(statistic(total_F - moved_BF) - statistic(other_F + moved_BF))
            as_large += int((~(changed_B < least)).sum())
    if exact:
        return Swapped(as_large / 2**units, "exact-randomisation")
    return Swapped((as_large + 1) / (draws + 1), "approximate-randomisation")


def _every_swap(units: int, step: int) -> Iterator[NDArray[np.uint8]]:
    """Every way to swap the units once, `[U, B]` at a time."""
    for start in range(0, 2**units, step):
        numbers_B = np.arange(start, min(start + step, 2**units))
        yield (numbers_B >> np.arange(units)[:, np.newaxis] & 1).astype(np.uint8)


def _drawn_swaps(units: int, draws: int, step: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """So many ways to swap the units, drawn, `[U, B]` at a time."""
    for start in range(0, draws, step):
        yield rng.integers(0, 2, size=(units, min(step, draws - start)), dtype=np.uint8)


def _unequal_units(changes_NF: Any, clusters: Sequence[str]) -> NDArray[Any] | Any:
    """What swapping each unit would move, `[U, F]`; units on which nothing would move are left out."""
    changes_UF = cluster_sums(changes_NF, clusters)
    changes_UF.eliminate_zeros()
    return changes_UF[np.diff(changes_UF.indptr) > 0]
