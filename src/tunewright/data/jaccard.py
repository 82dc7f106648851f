"""True Jaccard similarity of pairs of texts, many at a time, without a table of all sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.data.shingles import chunks, shingle_hashes

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

BATCH_CHARACTERS = 1 << 21
"""Characters of the texts of a batch of pairs, each pair counted with both of its texts: it bounds the memory."""
_HASH_BITS = np.uint64(40)
_HASH = np.uint64((1 << 40) - 1)


def jaccard(texts: pl.Series, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """The Jaccard similarity of the shingle sets of each pair, given by the numbers of its texts.

    Shingles are told apart by 40 bits of their hash: of two texts of a thousand shingles, two unlike ones are taken for
    one in one pair of a million.
    """
    lengths = texts.str.len_chars().cast(int).to_numpy()
    parts = [
        _batch(texts, left[part], right[part]) for part in chunks(lengths[left] + lengths[right], BATCH_CHARACTERS)
    ]
    return np.concatenate([np.empty(0), *parts])


def _batch(texts: pl.Series, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    held, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    hashes, offsets = shingle_hashes(texts[held].to_list())
    owners = np.repeat(np.arange(held.size, dtype=np.uint64), np.diff(offsets))
    shingles, sizes = _sets(owners, hashes, held.size)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    one, other = places[: left.size], places[left.size :]
    pairs = np.arange(left.size)
    members = np.concatenate([_gathered(pairs, one, starts), _gathered(pairs, other, starts)])
    numbers, at = members[:, 0].astype(np.uint64), members[:, 1]
    joined = np.sort((numbers << _HASH_BITS) | shingles[at])
    shared = joined[1:][joined[1:] == joined[:-1]] >> _HASH_BITS  # a set holds a shingle once: twice is both
    common = np.bincount(shared.astype(np.int64), minlength=left.size)
    return common / (sizes[one] + sizes[other] - common)


def _sets(
    owners: NDArray[np.uint64], hashes: NDArray[np.uint64], count: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct shingles of each text, one text after another, and how many each has."""
    marked = np.sort((owners << _HASH_BITS) | (hashes & _HASH))
    marked = marked[np.diff(marked, prepend=~marked[:1]) != 0]  # ten times faster than `unique`, which hashes
    sizes = np.bincount((marked >> _HASH_BITS).astype(np.int64), minlength=count)
    return marked & _HASH, sizes


def _gathered(pairs: NDArray[np.int64], owners: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """[shingles, 2]: the pair, and the place of one shingle of its text."""
    sizes = starts[owners + 1] - starts[owners]
    ends = np.cumsum(sizes)
    inside = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
    return np.stack([np.repeat(pairs, sizes), np.repeat(starts[owners], sizes) + inside], axis=1)
