"""Which rows make a step, and how a step is cut to fit: pure functions of seed, epoch and data hash."""

from __future__ import annotations

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


def epoch_steps(
    lengths_N: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int, data_hash: str
) -> list[NDArray[np.int64]]:
    """Row indices of each step of an epoch: every row once, `batch_size` a step, the last of the epoch maybe fewer."""
    random = generator(seed, "batches", data_hash, epoch)
    order = random.permutation(len(lengths_N))
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
