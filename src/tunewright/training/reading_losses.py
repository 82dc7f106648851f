"""Losses of models that read a text and give numbers of their own, as sums over targets.

Axes: B rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tunewright.training.losses import read_batch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunewright.data.loader import TokenBatch


def value_loss(model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
    """The summed squared error of the batch's numbers, in fp32; rows without a number have none."""
    given_B, targets_B = read_batch(model, batch, device)
    given_B = given_B.float().squeeze(-1)
    known_B = ~torch.isnan(targets_B)
    return torch.where(known_B, given_B - torch.nan_to_num(targets_B), 0.0).square().sum()
