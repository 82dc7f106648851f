"""Encoded rows through a model: longest first, little padding, results in the order given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.data.batching import micro_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

SCORE_TOKENS = 16_384
"""Tokens of one forward pass, padding included."""


def score(
    model: Any, ids: Sequence[Sequence[int]], read: Callable[[Any, Tensor], Tensor], *, pad_id: int, bf16: bool = False
) -> NDArray[np.float32]:
    """One vector a row, `[N, …]`: `read(output, mask_BT)` of each forward pass. The model must be in eval mode."""
    lengths_N = np.fromiter((len(row) for row in ids), dtype=np.int64, count=len(ids))
    device = next(model.parameters()).device
    result: NDArray[np.float32] | None = None
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        for chosen in micro_batches(np.arange(len(ids)), lengths_N, SCORE_TOKENS):
            ids_BT, mask_BT = pad([ids[int(row)] for row in chosen], pad_id)
            output = model(input_ids=ids_BT.to(device), attention_mask=mask_BT.to(device))
            vectors = read(output, mask_BT.to(device)).float().cpu().numpy()
            if result is None:
                result = np.empty((len(ids), *vectors.shape[1:]), dtype=np.float32)
            result[chosen] = vectors
    return result if result is not None else np.empty((0, 0), dtype=np.float32)


def score_tokens(
    model: Any, ids: Sequence[Sequence[int]], read: Callable[[Any], Tensor], *, pad_id: int, bf16: bool = False
) -> list[NDArray[np.float32]]:
    """One vector a token, `[T, X]` for each row, in the order given: `read(output)` of each forward pass, `[B, T, X]`.

    The model must be in eval mode.
    """
    lengths_N = np.fromiter((len(row) for row in ids), dtype=np.int64, count=len(ids))
    device = next(model.parameters()).device
    found: list[NDArray[np.float32]] = [np.empty((0, 0), dtype=np.float32)] * len(ids)
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        for chosen in micro_batches(np.arange(len(ids)), lengths_N, SCORE_TOKENS):
            ids_BT, mask_BT = pad([ids[int(row)] for row in chosen], pad_id)
            output = model(input_ids=ids_BT.to(device), attention_mask=mask_BT.to(device))
            vectors_BTX = read(output).float().cpu().numpy()
            for row, vectors_TX in zip(chosen.tolist(), vectors_BTX, strict=True):
                found[row] = vectors_TX[: lengths_N[row]]
    return found


def logits(output: Any, _mask_BT: Tensor) -> Tensor:
    """The class logits, `[B, K]`."""
    scores: Tensor = output.logits
    return scores


def mean_pooled(output: Any, mask_BT: Tensor) -> Tensor:
    """The mean of the last layer over a row's own tokens, `[B, D]`."""
    weights_BT1 = mask_BT.unsqueeze(-1)
    hidden_BTD: Tensor = output.last_hidden_state.float()
    return (hidden_BTD * weights_BT1).sum(1) / weights_BT1.sum(1).clamp(min=1)


def softmax(logits_NK: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Class probabilities of logits, in double precision."""
    shifted = logits_NK.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def pad(rows: Sequence[Sequence[int]], pad_id: int, *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Ids and mask, both `[B, T]`, of rows filled up on the right, or on the left."""
    lengths = np.array([len(row) for row in rows])
    width = int(lengths.max())
    columns = np.arange(width)[None, :]
    mask_BT = columns >= width - lengths[:, None] if left else columns < lengths[:, None]
    ids_BT = np.full(mask_BT.shape, pad_id, dtype=np.int64)
    ids_BT[mask_BT] = np.concatenate([np.asarray(row) for row in rows])
    return torch.from_numpy(ids_BT), torch.from_numpy(mask_BT.astype(np.int64))
