"""Losses of models that read a text and give numbers of their own, as sums over targets.

Axes: B rows, T tokens, K labels or tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads

from tunewright.core.encoded import IGNORED
from tunewright.training.losses import read_batch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunewright.data.loader import TokenBatch


def label_set_loss(model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
    """The summed binary cross-entropy of each row's labels, each by itself, in nats and in fp32.

    A target is one label of one row: the mean over them is that of transformers' `multi_label_classification`.
    """
    logits_BK, targets_BK = read_batch(model, batch, device)
    known_BK = ~torch.isnan(targets_BK)
    losses_BK = F.binary_cross_entropy_with_logits(logits_BK.float(), torch.nan_to_num(targets_BK), reduction="none")
    return torch.where(known_BK, losses_BK, 0.0).sum()


def tag_loss(model: nn.Module, batch: TokenBatch, device: torch.device, *, smoothing: float = 0.0) -> Tensor:
    """The summed cross-entropy of the tags of the batch's words, in nats and in fp32; other tokens have none."""
    logits_BTK, targets_BT = read_batch(model, batch, device)
    return F.cross_entropy(
        logits_BTK.float().flatten(0, 1),
        targets_BT.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )


def value_loss(model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
    """The summed squared error of the batch's numbers, in fp32; rows without a number have none."""
    given_B, targets_B = read_batch(model, batch, device)
    given_B = given_B.float().squeeze(-1)
    known_B = ~torch.isnan(targets_B)
    return torch.where(known_B, given_B - torch.nan_to_num(targets_B), 0.0).square().sum()
