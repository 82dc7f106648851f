"""An n-gram model with interpolated modified Kneser-Ney smoothing over any small alphabet (Chen & Goodman 1999).

N-grams are packed into 64-bit integers, first symbol highest, so that sorting puts those of one context side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FALLBACK_DISCOUNT = 0.5
"""Where a level has too few n-grams counted once to four times to estimate discounts."""
_LEAST_DISCOUNT = 0.1
"""Keeps some mass for unseen symbols where the estimate is not positive, as on the smallest orders."""


@dataclass(frozen=True)
class Level:
    """One order: its n-grams, sorted, with what is left of their counts, and for each context the mass passed down."""

    keys: np.ndarray
    discounted: np.ndarray
    contexts: np.ndarray
    totals: np.ndarray
    passed_down: np.ndarray


@dataclass(frozen=True)
class NgramModel:
    """Levels of order 1, 2... over an alphabet of `2**bits` symbols."""

    levels: tuple[Level, ...]
    bits: int

    @property
    def order(self) -> int:
        """Symbols of the longest n-gram."""
        return len(self.levels)

    def probabilities(self, stream: np.ndarray) -> np.ndarray:
        """Return the probability of every symbol of `stream` after the first `order - 1`, which are context alone."""
        p = np.full(len(stream) - self.order + 1, 2.0**-self.bits)
        for n, level in enumerate(self.levels, start=1):
            p = _interpolate(level, packed(stream, n, order=self.order, bits=self.bits), p, bits=self.bits)
        return p


def fit(stream: np.ndarray, *, order: int, bits: int) -> NgramModel:
    """Return the model of every symbol of `stream` after the first `order - 1`; `order * bits` is at most 64."""
    if order * bits > 64:
        raise ValueError(f"order {order} of {bits}-bit symbols takes {order * bits} bits, more than 64")
    keys, counts = _count(packed(stream, order, order=order, bits=bits))
    levels = [_build_level(keys, counts, bits)]
    for shorter in range(order - 1, 0, -1):
        # Kneser-Ney: a shorter n-gram counts the different symbols seen before it, not its occurrences.
        keys, counts = _count(keys & np.uint64((1 << shorter * bits) - 1))
        levels.append(_build_level(keys, counts, bits))
    return NgramModel(levels=tuple(reversed(levels)), bits=bits)


def packed(stream: np.ndarray, n: int, *, order: int, bits: int) -> np.ndarray:
    """Return the packed n-gram that ends at each symbol after the first `order - 1`."""
    length = len(stream) - order + 1
    keys = np.zeros(length, dtype=np.uint64)
    for start in range(order - n, order):
        keys <<= np.uint64(bits)
        keys |= stream[start : start + length].astype(np.uint64)
    return keys


def _count(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different keys, sorted, and how often each occurs."""
    ordered = np.sort(keys)
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[first], np.diff(np.append(first, len(ordered)))


def _build_level(keys: np.ndarray, counts: np.ndarray, bits: int) -> Level:
    """Return the level of these counted n-grams."""
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    of_context = keys >> np.uint64(bits)
    first = np.flatnonzero(np.concatenate([[True], of_context[1:] != of_context[:-1]]))
    totals = np.add.reduceat(counts, first)
    return Level(
        keys=keys,
        discounted=(counts - discounts).astype(np.float32),
        contexts=of_context[first],
        totals=totals,
        passed_down=np.add.reduceat(discounts, first) / totals,
    )


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Return what is taken from counts of 0, 1, 2, and 3 or more (Chen & Goodman 1999, equation 26)."""
    once, twice, thrice, four_times = (float(np.count_nonzero(counts == times)) for times in (1, 2, 3, 4))
    if not (once and twice and thrice and four_times):
        return np.array([0.0, *[_FALLBACK_DISCOUNT] * 3])
    y = once / (once + 2 * twice)
    estimates = [1 - 2 * y * twice / once, 2 - 3 * y * thrice / twice, 3 - 4 * y * four_times / thrice]
    return np.array([0.0, *np.clip(estimates, _LEAST_DISCOUNT, [1.0, 2.0, 3.0])])


def _interpolate(level: Level, keys: np.ndarray, lower: np.ndarray, *, bits: int) -> np.ndarray:
    """Return the probabilities of one order from those of the order below; an unseen context takes the lower one."""
    context, seen = _find(level.contexts, keys >> np.uint64(bits))
    ngram, counted = _find(level.keys, keys)
    own = np.where(counted, level.discounted[ngram], 0.0) / level.totals[context]
    return np.where(seen, own + level.passed_down[context] * lower, lower)


def _find(ordered: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each wanted key would stand in `ordered`, clipped into it, and whether it does stand there."""
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return place, ordered[place] == wanted
