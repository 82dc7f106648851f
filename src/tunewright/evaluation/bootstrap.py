"""Resampling of sampling units: rows where rows are independent, whole clusters where they are not.

Axes: N rows, U kinds of unit, F tallies, B resamples of one chunk, R resamples in all.

The interval is the expanded percentile one, widened by what was not seen. In simulations at 0.95 (3 to 20 classes,
40 to 800 rows, 300 to 400 samples each) the plain percentile interval of a macro metric covered 0.55 to 0.96, BCa 0.55
to 0.97 (it breaks down near a perfect score, and with many classes of few rows), and this one 0.91 to 1.00.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.evaluation.intervals import allowing_unseen, expanded_percentiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from tunewright.evaluation.intervals import Interval

    Floats = NDArray[np.float64]
    Statistic = Callable[[Floats], Floats]

CHUNK_CELLS = 1_000_000
"""Most cells of a weight matrix held at once: 8 MB, so that long runs need little memory."""

FREQUENT = 20
"""From so many units of a kind, drawing their count at once is faster than drawing units one by one (measured)."""


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn with replacement: each kind of unit by its tallies and by how many units of it were seen."""

    tallies_UF: Any
    """A scipy CSR array; a statistic is a function of weighted sums of its rows."""
    copies_U: NDArray[np.int64]

    @property
    def drawn(self) -> int:
        """How many units one resample draws: as many as were seen."""
        return int(self.copies_U.sum())

    @property
    def totals_F(self) -> Floats:
        """The tallies of the sample itself."""
        return np.asarray(self.tallies_UF.T @ self.copies_U.astype(np.float64), dtype=np.float64)


def cluster_numbers(clusters: Sequence[str]) -> NDArray[np.int64]:
    """Each row's cluster as a number from 0, in order of first appearance, `[N]`."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in clusters], dtype=np.int64)


def independent(clusters: Sequence[str]) -> bool:
    """Whether every cluster has one row, so that rows are the sampling units."""
    return len(set(clusters)) == len(clusters)


def cluster_sums(rows_NF: Any, clusters: Sequence[str]) -> Any:
    """The sum of each cluster's rows, `[U, F]`, clusters in order of first appearance; a scipy CSR array."""
    from scipy.sparse import csr_array  # noqa: PLC0415  # importing a room loads nothing heavy

    if independent(clusters):
        return csr_array(rows_NF)
    cluster_N, n = cluster_numbers(clusters), len(clusters)
    belongs_UN = csr_array((np.ones(n), (cluster_N, np.arange(n))), shape=(int(cluster_N.max()) + 1, n))
    return csr_array(belongs_UN @ csr_array(rows_NF))


def sampling_units(rows_NF: Any, clusters: Sequence[str], kinds_N: NDArray[np.int64] | None = None) -> Units:
    """The units of rows with these tallies: whole clusters, or rows where every cluster has one.

    `kinds_N` numbers rows of equal tallies; independent rows of one kind are then drawn together. That changes nothing
    but the time it takes: drawing the counts of kinds from a multinomial is drawing rows with replacement.
    """
    sums_UF = cluster_sums(rows_NF, clusters)
    if kinds_N is None or not independent(clusters):
        return Units(sums_UF, np.ones(sums_UF.shape[0], dtype=np.int64))
    _, first_U, copies_U = np.unique(kinds_N, return_index=True, return_counts=True)
    return Units(sums_UF[first_U], copies_U.astype(np.int64))


def resample(units: Units, statistic: Statistic, *, resamples: int, rng: np.random.Generator) -> Floats:
    """The statistic of `resamples` samples drawn from the units with replacement, `[R, ...]`.

    `statistic` takes summed tallies `[B, F]` and gives one value, or one row of values, a resample.
    """
    columns_FU = units.tallies_UF.T.tocsr()
    step = max(1, CHUNK_CELLS // max(columns_FU.shape))
    values = [
        statistic(np.ascontiguousarray((columns_FU @ np.ascontiguousarray(counts_BU.T)).T))
        for counts_BU in _drawn_counts(units.copies_U, resamples, step=step, rng=rng)
    ]
    return np.concatenate(values)


@dataclass(frozen=True, slots=True)
class Span:
    """What bounds a score: its least and most possible value, and the share of what was not seen (0 is none)."""

    unseen: float
    least: float = 0.0
    most: float = 1.0


def bootstrap_interval(
    value: float, values_R: Floats, *, units: int, confidence: float, span: Span
) -> tuple[Interval, str]:
    """The interval of a score with resampled scores `values_R`, and the name of the method. It never has zero width.

    A bootstrap knows nothing of what its sample does not hold: near a perfect score, or with a class of few rows, its
    interval is far too narrow. It is therefore never narrower than `span.unseen` allows.
    """
    wide_low, wide_high = allowing_unseen(value, span.unseen, least=span.least, most=span.most)
    if units < 2 or float(np.ptp(values_R)) < 1e-12:
        return (wide_low, wide_high), "unseen-outcomes"
    low, high = expanded_percentiles(values_R, units=units, confidence=confidence)
    name = "bootstrap-expanded-percentile"
    widened = "" if low <= wide_low and high >= wide_high else "+unseen-outcomes"
    return (min(low, wide_low), max(high, wide_high)), name + widened


def _drawn_counts(
    copies_U: NDArray[np.int64], resamples: int, *, step: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Chunks `[B, U]` of at most `step` resamples: how often each kind is drawn; each row sums to the number of units.

    Frequent kinds and all rare ones together are drawn from a multinomial, then each draw that fell to the rare ones
    picks its unit: the same distribution as drawing every unit by its index, in a fraction of the time.
    """
    kinds, drawn = len(copies_U), int(copies_U.sum())
    frequent = np.flatnonzero(copies_U >= FREQUENT)
    rare = np.flatnonzero(copies_U < FREQUENT)
    rare_units = np.repeat(rare, copies_U[rare])
    # The rare ones stand first: numpy gives the last kind what rounding leaves over, and that must not be an empty one.
    shares = np.append(len(rare_units), copies_U[frequent]) / drawn
    for start in range(0, resamples, step):
        drawn_BF = rng.multinomial(drawn, shares, size=min(step, resamples - start))
        counts_BU = np.zeros((len(drawn_BF), kinds))
        counts_BU[:, frequent] = drawn_BF[:, 1:]
        for row, picks in enumerate(drawn_BF[:, 0]):
            if picks:
                picked = rare_units[rng.integers(0, len(rare_units), size=picks)]
                counts_BU[row] += np.bincount(picked, minlength=kinds)
        yield counts_BU
