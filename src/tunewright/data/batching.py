"""Which rows make a step, and how a step is cut to fit: pure functions of seed, epoch and data hash."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.seeds import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_BATCHES = 50
"""Rows are sorted by length within windows of this many batches: little padding, and still a random order."""

PASS_TOKENS = 128
"""What one more forward and backward pass costs beside its tokens, in tokens: 50 to 130 on two CPU cores, measured."""


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Optimiser steps in one pass; the last may be short."""
    return -(-rows // batch_size)


def epoch_steps(  # what an order of rows depends on
    lengths_N: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int, data_hash: str, sort: bool = True
) -> list[NDArray[np.int64]]:
    """Row indices of each step of an epoch: every row once, `batch_size` a step, the last of the epoch maybe fewer.

    With `sort`, the rows of a step are about equally long; without it, which is for packing, they are any.
    """
    random = generator(seed, "batches", data_hash, epoch)
    order = random.permutation(len(lengths_N))
    if not sort:
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    window = WINDOW_BATCHES * batch_size
    steps: list[NDArray[np.int64]] = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        rows = rows[np.argsort(lengths_N[rows], kind="stable")]
        whole = len(rows) // batch_size
        short = len(rows) - whole * batch_size
        cut = int(random.integers(whole + 1)) * batch_size if short else len(rows)
        tail = rows[cut : cut + short]  # a random length, or the longest rows would always stand last
        full = np.concatenate([rows[:cut], rows[cut + short :]]).reshape(whole, batch_size)
        steps.extend(full[random.permutation(whole)])
        if short:
            steps.append(tail)
    return steps


def micro_batches(rows: NDArray[np.int64], lengths_N: NDArray[np.int64], max_tokens: int) -> list[NDArray[np.int64]]:
    """The rows cut into forward passes of at most `max_tokens` tokens with padding, longest first.

    A pass ends early where its padding has cost more than another pass would (`PASS_TOKENS`), so that one long row
    does not pad all the others. A row longer than the budget makes a pass of its own.
    """
    order = rows[np.argsort(-lengths_N[rows], kind="stable")]
    lengths = lengths_N[order].tolist()
    passes: list[NDArray[np.int64]] = []
    start = padding = 0
    for index, length in enumerate(lengths):
        padding += lengths[start] - length
        full = lengths[start] * (index - start + 1) > max_tokens
        if index > start and (full or padding > PASS_TOKENS):
            passes.append(order[start:index])
            start, padding = index, 0
    if len(order):
        passes.append(order[start:])
    return passes


def pack(rows: NDArray[np.int64], lengths_N: NDArray[np.int64], capacity: int | None = None) -> list[NDArray[np.int64]]:
    """The rows laid into sequences of at most `capacity` tokens, by default as many as the longest row has.

    Best fit decreasing: each row, longest first, goes into the fullest sequence that has room for it. A row longer
    than the capacity is a sequence of its own. The longest sequence stands first.
    """
    order = rows[np.argsort(-lengths_N[rows], kind="stable")].tolist()
    lengths = lengths_N[order].tolist()
    capacity = capacity or max(lengths, default=0)
    sequences: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (tokens left, sequence), in order
    for row, length in zip(order, lengths, strict=True):
        place = bisect_left(free, (length, -1))
        if place < len(free):
            room, sequence = free.pop(place)
        else:
            room, sequence = capacity, len(sequences)
            sequences.append([])
        sequences[sequence].append(row)
        insort(free, (room - length, sequence))
    packed = [np.array(sequence, dtype=np.int64) for sequence in sequences]
    return sorted(packed, key=lambda sequence: -int(lengths_N[sequence].sum()))


def packed_batches(
    rows: NDArray[np.int64], lengths_N: NDArray[np.int64], max_tokens: int
) -> list[list[NDArray[np.int64]]]:
    """The rows packed into sequences, and these cut into forward passes of at most `max_tokens` tokens with padding."""
    sequences = pack(rows, lengths_N)
    totals = np.array([lengths_N[sequence].sum() for sequence in sequences], dtype=np.int64)
    return [[sequences[n] for n in part] for part in micro_batches(np.arange(len(sequences)), totals, max_tokens)]
