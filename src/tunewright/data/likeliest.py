"""A budget of candidate pairs for each text: the likeliest are kept, and who lost some is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.data.minhash import Sketches

MOST_PAIRS = 32
"""Pairs that are kept of one text, those whose sketches agree most. Texts of one template that are just too unlike to
be near-duplicates would else be verified with one another, all with all."""
PAIRS_AT_ONCE = 1 << 20


class LikeliestPairs:
    """Of the pairs added, those that agree enough and are among the MOST_PAIRS likeliest of one of their two texts.

    A pair is given by its key: the lesser text times the number of texts, plus the greater. However many are added,
    no more than MOST_PAIRS times the number of texts are held.
    """

    def __init__(self, sketches: Sketches, least_agreement: float) -> None:
        self._sketches, self._least, self._count = sketches, least_agreement, max(len(sketches.slots), 1)
        self._keys, self._agreement = np.empty(0, dtype=np.int64), np.empty(0)
        self._fresh: list[NDArray[np.int64]] = []
        self._waiting = 0
        self._left_out = np.zeros(len(sketches.slots), dtype=bool)

    def add(self, keys: NDArray[np.int64]) -> None:
        """The pairs are candidates; some may have been added before."""
        self._fresh.append(keys)
        self._waiting += keys.size
        if self._waiting > max(PAIRS_AT_ONCE, self._keys.size):
            self._settle()

    def pairs(self) -> NDArray[np.int64]:
        """[pairs, 2], distinct."""
        self._settle()
        return np.stack(np.divmod(self._keys, self._count), axis=1)

    def left_out(self) -> NDArray[np.bool_]:
        """Of each text, whether a pair of it that agrees enough is not among those kept."""
        self._settle()
        return self._left_out

    def _settle(self) -> None:
        fresh = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *self._fresh]))
        fresh = fresh[~np.isin(fresh, self._keys)]
        self._fresh, self._waiting = [], 0
        agreement = self._sketches.agreement(*np.divmod(fresh, self._count))
        likely = agreement >= self._least
        keys = np.concatenate([self._keys, fresh[likely]])
        agreement = np.concatenate([self._agreement, agreement[likely]])
        ends = np.stack(np.divmod(keys, self._count))
        kept = _among_likeliest(ends, agreement)
        self._left_out[ends[:, ~kept].ravel()] = True
        self._keys, self._agreement = keys[kept], agreement[kept]


def _among_likeliest(ends: NDArray[np.int64], agreement: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of each pair, whether it is among the MOST_PAIRS of one of its ends that agree most."""
    texts, pairs = ends.ravel(), np.tile(np.arange(agreement.size), 2)
    order = np.lexsort((pairs, -agreement[pairs], texts))
    texts = texts[order]
    begins = np.flatnonzero(np.diff(texts, prepend=-1))
    ranks = np.arange(texts.size) - np.repeat(begins, np.diff(begins, append=texts.size))
    kept = np.zeros(agreement.size, dtype=bool)
    kept[pairs[order[ranks < MOST_PAIRS]]] = True
    return kept
