"""Chosen rows as the arrays of one forward pass, for each layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.encoded import IGNORED
from tunewright.core.seeds import generator
from tunewright.data.token_rows import first_sides, positions, trained_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.encoded import Layout
    from tunewright.data.token_rows import TokenRows

MASKED_SHARE, MASK_SHARE, RANDOM_SHARE = 0.15, 0.8, 0.1
"""Of the tokens of a text, those to be guessed; of these, those that a mask or a random token stands for (BERT)."""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The rows of one forward pass, padded on the right to the longest of them."""

    row_ids: tuple[str, ...]
    input_ids_BT: NDArray[np.int64]
    """Of `seq2seq`, the encoder's side alone."""
    attention_mask_BT: NDArray[np.int64] | None
    """None where rows are packed: their positions keep them apart."""
    targets: NDArray[np.int64] | NDArray[np.float32]
    """IGNORED where there is none. Of `classes`, `[B]`: the class; of `values`, `[B]`: the number, of `label_sets`,
    `[B, K]`: 1 or 0 (not a number where there is none); of `tags`, `[B, T]`: the number of the token's tag; of
    `causal`, `[B, T]`: at t the token at t + 1; of `masked`, `[B, T]`: the token that stood there; of `seq2seq`,
    `[B, U]`: the decoder's labels."""
    position_ids_BT: NDArray[np.int64] | None = None
    """Where rows are packed: from 0 in each row, and from 0 in the padding behind them."""
    weights_B: NDArray[np.float32] | None = None
    """Of `classes`: how much each row's loss counts; None where all count alike."""
    soft_BK: NDArray[np.float32] | None = None
    """Of `classes`: the share of each class in the row's target; None where the class in `targets` is all of it."""
    rows_B: NDArray[np.int64] | None = None
    """Which of the token rows they are; None where rows are packed or masked."""


@dataclass(frozen=True, slots=True)
class Masking:
    """What decides which tokens of a row are to be guessed, and what stands in their place."""

    seed: int
    step: int
    mask_id: int
    vocabulary: int


def collate(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int, masking: Masking | None = None) -> TokenBatch:
    """The chosen rows as one padded batch; rows of the layout `masked` need `masking`."""
    if rows.layout == "masked":
        assert masking is not None, "masked rows are drawn anew at each step"
        return _masked(rows, chosen, pad_id, masking)
    return replace(COLLATORS[rows.layout](rows, chosen, pad_id), rows_B=chosen)


def collate_packed(rows: TokenRows, sequences: Sequence[NDArray[np.int64]], pad_id: int) -> TokenBatch:
    """The rows of each sequence laid side by side, padded on the right to the longest sequence.

    Neither a row's first token nor padding is ever a target.
    """
    assert rows.layout == "causal", "only rows of causal models are packed"
    chosen = np.concatenate(sequences)
    lengths = _lengths(rows, chosen)
    flat = _flat_ids(rows, chosen)
    counts = np.array([len(sequence) for sequence in sequences])
    totals = np.add.reduceat(lengths, np.cumsum(counts) - counts)
    longest = int(totals.max())
    padding = longest - totals
    stretches = np.insert(lengths, np.cumsum(counts), padding)  # each sequence ends with its padding, a row of its own
    place_BT = positions(np.zeros_like(stretches), stretches).reshape(-1, longest)
    ids_BT = _padded(flat, totals, pad_id)
    targets_BT = _padded(_next_tokens(rows, chosen, flat), totals, IGNORED)
    return TokenBatch(_names(rows, chosen), ids_BT, None, targets_BT, place_BT)


def without_targets(batch: TokenBatch) -> TokenBatch:
    """The same forward pass without a row or a target."""
    none = np.nan if np.issubdtype(batch.targets.dtype, np.floating) else IGNORED
    return replace(batch, row_ids=(), targets=np.full_like(batch.targets, none))


def targets_of(rows: TokenRows) -> NDArray[np.int64]:
    """Targets of each row in one step, `[N]`: of `masked`, as many as are drawn."""
    return _drawn(rows.trained_N) if rows.layout == "masked" else rows.trained_N


def _drawn(spanned: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of a row's tokens are to be guessed, of as many as its spans hold: at least one where there is one."""
    return np.where(spanned > 0, np.maximum(1, np.rint(MASKED_SHARE * spanned)), 0).astype(np.int64)


def _classes(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    lengths = _lengths(rows, chosen)
    ids_BT = _padded(_flat_ids(rows, chosen), lengths, pad_id)
    return TokenBatch(_names(rows, chosen), ids_BT, _mask(lengths), rows.targets_N[chosen])


def _values(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    assert rows.values_V is not None and rows.value_starts is not None, "rows of numbers hold some"  # noqa: PT018
    lengths = _lengths(rows, chosen)
    counts = np.diff(rows.value_starts)[chosen]
    targets_B = np.full(len(chosen), np.nan, dtype=np.float32)
    targets_B[counts > 0] = rows.values_V[rows.value_starts[chosen[counts > 0]]]
    return TokenBatch(
        _names(rows, chosen), _padded(_flat_ids(rows, chosen), lengths, pad_id), _mask(lengths), targets_B
    )


def _label_sets(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    lengths = _lengths(rows, chosen)
    marks = [rows.values(row) for row in chosen.tolist()]
    targets_BK = np.full((len(chosen), max(map(len, marks))), np.nan, dtype=np.float32)
    for place, marked in enumerate(marks):
        targets_BK[place, : len(marked)] = marked
    ids_BT = _padded(_flat_ids(rows, chosen), lengths, pad_id)
    return TokenBatch(_names(rows, chosen), ids_BT, _mask(lengths), targets_BK)


def _tags(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    assert rows.values_V is not None and rows.value_starts is not None, "rows of tags hold some"  # noqa: PT018
    lengths = _lengths(rows, chosen)
    flat = _flat_ids(rows, chosen)
    held = positions(rows.value_starts[chosen], np.diff(rows.value_starts)[chosen])
    targets = np.full_like(flat, IGNORED)
    targets[trained_flags(rows, chosen)] = rows.values_V[held]
    targets_BT = _padded(targets, lengths, IGNORED)
    return TokenBatch(_names(rows, chosen), _padded(flat, lengths, pad_id), _mask(lengths), targets_BT)


def _causal(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    lengths = _lengths(rows, chosen)
    flat = _flat_ids(rows, chosen)
    targets_BT = _padded(_next_tokens(rows, chosen, flat), lengths, IGNORED)
    return TokenBatch(_names(rows, chosen), _padded(flat, lengths, pad_id), _mask(lengths), targets_BT)


def _seq2seq(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    first = first_sides(rows, chosen)
    starts, lengths = rows.starts[chosen], _lengths(rows, chosen)
    sources = rows.flat_ids[positions(starts, first)]
    labels = rows.flat_ids[positions(starts + first, lengths - first)]
    ids_BT, labels_BU = _padded(sources, first, pad_id), _padded(labels, lengths - first, IGNORED)
    return TokenBatch(_names(rows, chosen), ids_BT, _mask(first), labels_BU)


def _masked(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int, masking: Masking) -> TokenBatch:
    lengths = _lengths(rows, chosen)
    flat, flags = _flat_ids(rows, chosen), trained_flags(rows, chosen)
    targets = np.full_like(flat, IGNORED)
    ends = np.cumsum(lengths)
    spanned = np.concatenate([[0], np.cumsum(flags)])
    wanted = _drawn(spanned[ends] - spanned[ends - lengths])
    for row, start, end, count in zip(chosen.tolist(), ends - lengths, ends, wanted.tolist(), strict=True):
        random = generator(masking.seed, "masked", masking.step, rows.row_ids[row], row)  # windows share their row's id
        drawn = start + random.permutation(np.flatnonzero(flags[start:end]))[:count]
        targets[drawn] = flat[drawn]
        fate, other = random.random(count), random.integers(masking.vocabulary, size=count)
        hidden = np.where(fate < MASK_SHARE, masking.mask_id, other)
        flat[drawn] = np.where(fate < MASK_SHARE + RANDOM_SHARE, hidden, flat[drawn])
    ids_BT, targets_BT = _padded(flat, lengths, pad_id), _padded(targets, lengths, IGNORED)
    return TokenBatch(_names(rows, chosen), ids_BT, _mask(lengths), targets_BT)


COLLATORS: Mapping[Layout, Callable[[TokenRows, NDArray[np.int64], int], TokenBatch]] = {
    "classes": _classes,
    "values": _values,
    "label_sets": _label_sets,
    "tags": _tags,
    "causal": _causal,
    "seq2seq": _seq2seq,
}


def _next_tokens(rows: TokenRows, chosen: NDArray[np.int64], flat: NDArray[np.int64]) -> NDArray[np.int64]:
    """At each token of the chosen rows, one row behind the other, the token behind it where that is a target.

    A row's first token is never one, so nothing is taken from the row behind.
    """
    at = np.flatnonzero(trained_flags(rows, chosen))
    targets = np.full_like(flat, IGNORED)
    targets[at - 1] = flat[at]
    return targets


def _names(rows: TokenRows, chosen: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(rows.row_ids[row] for row in chosen.tolist())


def _lengths(rows: TokenRows, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows.starts[chosen + 1] - rows.starts[chosen]


def _flat_ids(rows: TokenRows, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids of the chosen rows, one row behind the other; a copy."""
    return rows.flat_ids[positions(rows.starts[chosen], _lengths(rows, chosen))].astype(np.int64)


def _mask(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 at tokens, 0 at padding, `[B, T]`."""
    return (np.arange(int(lengths.max()))[None, :] < lengths[:, None]).astype(np.int64)


def _padded(flat: NDArray[np.int32] | NDArray[np.int64], lengths: NDArray[np.int64], fill: int) -> NDArray[np.int64]:
    """Stretches that lie one behind the other as rows of equal length, `fill` behind the shorter ones."""
    mask_BT = _mask(lengths).astype(bool)
    padded_BT = np.full(mask_BT.shape, fill, dtype=np.int64)
    padded_BT[mask_BT] = flat
    return padded_BT
