"""Clusters of near-duplicate texts: candidates by bands, verified by true Jaccard, joined where they are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tunewright.data.jaccard import jaccard
from tunewright.data.likeliest import PAIRS_AT_ONCE, LikeliestPairs
from tunewright.data.minhash import DOUBT, Sketches, bands_for, sketch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from numpy.typing import NDArray


WHOLE_BUCKET = 128
"""Buckets of more texts that are unlike are not compared pair by pair, but with so many of their texts."""


@dataclass(frozen=True, slots=True)
class NearClusters:
    """Which texts belong together."""

    labels: NDArray[np.int64]
    """Of each text the least number of its cluster's texts: its own where it stands alone."""
    unfinished: int
    """Texts in buckets too large to be compared pair by pair, or with more likely pairs than are verified of one text
    (`data.likeliest`): near-duplicates among these may have been missed."""


def near_clusters(texts: pl.Series, threshold: float) -> NearClusters:
    """The connected components of pairs at or above the threshold, of comparable texts (`data.shingles`).

    A pair of true similarity `threshold` + 0.05 or more is found with a probability of 0.99 at least, and no pair below
    the threshold joins two clusters. Each bucket is compared with its first text; where that leaves it in several
    clusters, the pairs across them are compared too, up to MOST_PAIRS of one text, the likeliest first. Neither copies
    of one text nor texts that are almost near-duplicates cost squares.
    """
    sketches = sketch(texts, bands_for(threshold))
    buckets = [_buckets(band) for band in sketches.bands]
    labels = np.arange(texts.len())
    for held in buckets:  # one band after another: what is joined already is not compared again
        labels = joined(labels, _verified(texts, sketches, _stars(held, labels), threshold))
    likeliest, unfinished = LikeliestPairs(sketches, threshold - DOUBT), np.zeros(texts.len(), dtype=bool)
    for keys, sampled in _across(buckets, labels):
        likeliest.add(keys)
        unfinished[sampled] = True
    labels = joined(labels, _verified(texts, sketches, likeliest.pairs(), threshold))
    return NearClusters(labels, int((unfinished | likeliest.left_out()).sum()))


@dataclass(frozen=True, slots=True)
class _Buckets:
    """Of one band: the texts that share their bucket with others, bucket by bucket, and where each bucket begins."""

    members: NDArray[np.int64]
    starts: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diff(self.starts, append=self.members.size)


def _buckets(band: NDArray[np.uint64]) -> _Buckets:
    order = np.argsort(band, kind="stable")
    fresh = np.flatnonzero(np.diff(band[order], prepend=~band[order[:1]]))
    sizes = np.diff(fresh, append=order.size)
    members = order[np.repeat(sizes > 1, sizes)]
    kept = sizes[sizes > 1]
    return _Buckets(members, np.cumsum(kept) - kept)


def _stars(buckets: _Buckets, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """[pairs, 2]: the first text of each bucket with each other one that is not of its cluster yet."""
    first = np.repeat(buckets.members[buckets.starts], buckets.sizes)
    apart = labels[first] != labels[buckets.members]
    return np.stack([first[apart], buckets.members[apart]], axis=1)


def _across(
    buckets: list[_Buckets], labels: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The keys (`data.likeliest`) of pairs of one bucket and two clusters, bucket by bucket, and the texts that are not
    paired with all others of theirs.
    """
    for members in _mixed(buckets, labels):
        against, rest, sampled = members, members, members[:0]
        if members.size > WHOLE_BUCKET:
            _, inverse, sizes = np.unique(labels[members], return_inverse=True, return_counts=True)
            rest = members[inverse != int(np.argmax(sizes))]
            if rest.size > WHOLE_BUCKET:
                against = members[np.linspace(0, members.size - 1, WHOLE_BUCKET).astype(np.int64)]
                sampled = rest
        for part in np.array_split(rest, max(1, rest.size * against.size // PAIRS_AT_ONCE)):
            one, other = np.meshgrid(part, against, indexing="ij")
            apart = labels[one] != labels[other]
            low, high = np.minimum(one[apart], other[apart]), np.maximum(one[apart], other[apart])
            yield np.unique(low * labels.size + high), sampled


def _mixed(buckets: list[_Buckets], labels: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The buckets of three texts or more that are not of one cluster; of two, the one pair was compared."""
    for held in buckets:
        if not held.starts.size:
            continue
        named = labels[held.members]
        mixed = np.minimum.reduceat(named, held.starts) != np.maximum.reduceat(named, held.starts)
        for number in np.flatnonzero(mixed & (held.sizes > 2)):
            start = int(held.starts[number])
            yield held.members[start : start + int(held.sizes[number])]


def _verified(texts: pl.Series, sketches: Sketches, pairs: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """Those of the pairs whose true Jaccard similarity is at the threshold or above."""
    likely = pairs[sketches.agreement(pairs[:, 0], pairs[:, 1]) >= threshold - DOUBT]
    return likely[jaccard(texts, likely[:, 0], likely[:, 1]) >= threshold]


def joined(labels: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The clusters after those of each pair are joined; each is named by its least text."""
    if not len(pairs):
        return labels
    ends = labels[pairs]
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(labels.size, labels.size))
    _, components = connected_components(graph, directed=False)
    least = np.full(labels.size, labels.size, dtype=np.int64)
    np.minimum.at(least, components, np.arange(labels.size))
    named: NDArray[np.int64] = least[components[labels]]
    return named
