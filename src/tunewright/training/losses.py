"""Losses as sums over targets: a step divides once, by all its targets."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads
from torch import Tensor, nn

from tunewright.data.loader import IGNORED, TokenBatch

LossSum = Callable[[nn.Module, TokenBatch, torch.device], Tensor]
"""Called by the step once a forward pass: model, batch and device to the sum of the losses of the batch's targets."""


def classification_loss(model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
    """The summed cross-entropy of the batch's rows, in nats, computed in fp32."""
    output = model(
        input_ids=torch.from_numpy(batch.input_ids_BT).to(device, non_blocking=True),
        attention_mask=torch.from_numpy(batch.attention_mask_BT).to(device, non_blocking=True),
    )
    targets_B = torch.from_numpy(batch.targets_B).to(device, non_blocking=True)
    return F.cross_entropy(output.logits.float(), targets_B, ignore_index=IGNORED, reduction="sum")
