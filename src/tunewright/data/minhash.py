"""MinHash sketches and the bands that bring near-duplicates together (Broder 1997; Indyk & Motwani 1998).

Sketches are rensa's R-MinHash (fast similarity sketching, Dahlgaard, Knudsen & Thorup 2017): two sets agree in a slot
with a probability that is their Jaccard similarity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rensa import RMinHash

from tunewright.core.seeds import child_seed
from tunewright.data.shingles import chunks, shingle_hashes

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

SLOTS = 256
"""Slots of a sketch."""
RECALL = 0.99
"""The least share of pairs that are found at `MARGIN` above the threshold."""
MARGIN = 0.05
DOUBT = 0.15
"""Candidates whose sketches agree by so much less than the threshold are not verified. The standard error of the share
of 256 slots is 0.031 at most, so that a pair at the threshold is lost to this once in a million."""
_MOST_ROWS = 16


@dataclass(frozen=True, slots=True)
class Bands:
    """How sketches are cut: texts that agree in a whole band are candidates."""

    count: int
    rows: int
    """Slots of a band."""

    def recall(self, similarity: float) -> float:
        """The probability that two texts of this Jaccard similarity agree in some band: 1 - (1 - s^rows)^count."""
        return 1 - (1 - similarity**self.rows) ** self.count


def bands_for(threshold: float) -> Bands:
    """The longest bands that find RECALL of the pairs at MARGIN above the threshold: the fewest false candidates."""
    reached = min(threshold + MARGIN, 1.0)
    fits = [Bands(SLOTS // rows, rows) for rows in range(1, _MOST_ROWS + 1)]
    return max((bands for bands in fits if bands.recall(reached) >= RECALL), key=lambda bands: bands.rows)


@dataclass(frozen=True, slots=True)
class Sketches:
    """Of each text, its sketch and its bands."""

    slots: NDArray[np.uint16]
    """[texts, SLOTS], the lower halves of the sketches: enough to estimate a similarity by."""
    bands: NDArray[np.uint64]
    """[bands, texts], a hash of each band."""

    def agreement(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of slots in which each pair agrees: an estimate of its similarity."""
        step = 1 << 14
        parts = [
            (self.slots[left[at : at + step]] == self.slots[right[at : at + step]]).mean(axis=1)
            for at in range(0, left.size, step)
        ]
        return np.concatenate([np.empty(0), *parts])


def sketch(texts: pl.Series, bands: Bands) -> Sketches:
    """The sketches of comparable texts (`data.shingles`), in bounded memory: 0.5 KiB a text and 8 bytes a band."""
    lengths = texts.str.len_chars().cast(int).to_numpy()
    slots = np.empty((texts.len(), SLOTS), dtype=np.uint16)
    keys = np.empty((bands.count, texts.len()), dtype=np.uint64)
    factors = np.array([child_seed(0, "band", row) | 1 for row in range(bands.rows)], dtype=np.uint64)
    seed = child_seed(0, "sketch") & 0xFFFFFFFF
    for part in chunks(lengths):
        hashes, offsets = shingle_hashes(texts[part].to_list())
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), SLOTS, seed)
        rows = np.array(matrix.to_rows(), dtype=np.uint64)
        slots[part] = (rows & np.uint64(0xFFFF)).astype(np.uint16)
        used = rows[:, : bands.count * bands.rows].reshape(-1, bands.count, bands.rows)
        keys[:, part] = (used * factors).sum(axis=2, dtype=np.uint64).T
    return Sketches(slots, keys)
