"""NEFTune: noise on the input embeddings of a training step (Jain et al. 2024).

Axes: B rows, T tokens, D width.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.models.wrappers import without_adapters, without_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from tunewright.data.loader import TokenBatch
    from tunewright.training.losses import LossSum


def noisy(loss: LossSum, alpha: float) -> LossSum:
    """The loss of a forward pass whose input embeddings have noise.

    It is drawn from torch's generator, which the step seeds anew for each pass, as it does for dropout.
    """

    def noisy_loss(model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
        with noised(without_adapters(without_engine(model)), batch, alpha):
            return loss(model, batch, device)

    return noisy_loss


@contextlib.contextmanager
def noised(model: Any, batch: TokenBatch, alpha: float) -> Iterator[None]:
    """Within it the first call of the input embeddings with this batch's shape gives noise beside them.

    Of an encoder with a decoder that is the encoder's; a probe of fewer or more rows is left alone. Each token's noise
    is uniform between plus and minus alpha over the root of its row's tokens times the width.
    """
    tokens_BT = row_lengths(batch)
    waiting = [True]

    def add(_module: nn.Module, _inputs: tuple[Tensor, ...], embedded_BTD: Tensor) -> Tensor:
        if not waiting or embedded_BTD.shape[:2] != tokens_BT.shape:
            return embedded_BTD
        waiting.clear()
        tokens = torch.from_numpy(tokens_BT).to(embedded_BTD.device, embedded_BTD.dtype).unsqueeze(-1)
        noise_BTD = torch.empty_like(embedded_BTD).uniform_(-1, 1)
        return embedded_BTD + noise_BTD * (alpha / torch.sqrt(tokens * embedded_BTD.shape[-1]))

    handle = _embeddings(model).register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def _embeddings(model: Any) -> nn.Module:
    """What the ids of a batch go through first: an encoder may have a module of its own around shared weights."""
    reader = model.get_encoder() if model.config.is_encoder_decoder else model
    embeddings: nn.Module = reader.get_input_embeddings()
    return embeddings


def row_lengths(batch: TokenBatch) -> NDArray[np.int64]:
    """The number of tokens of the row that each token belongs to, `[B, T]`; padding has a length too, of no matter."""
    shape = batch.input_ids_BT.shape
    if batch.position_ids_BT is None:
        assert batch.attention_mask_BT is not None, "only packed rows come without a mask"
        lengths_B1 = batch.attention_mask_BT.sum(axis=1, keepdims=True)
        return np.broadcast_to(np.maximum(lengths_B1, 1), shape).astype(np.int64)
    flat = batch.position_ids_BT.reshape(-1)
    begins = np.flatnonzero(flat == 0)
    lengths = np.diff(np.append(begins, flat.size))
    return np.repeat(lengths, lengths).reshape(shape)
