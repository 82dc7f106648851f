"""R-Drop: each row goes through the model twice, and its two answers are drawn together (Wu et al. 2021).

Axes: B rows, K classes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads

from tunewright.training.losses import read_batch, row_losses, row_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tunewright.data.loader import TokenBatch


def agreement_loss(
    model: nn.Module, batch: TokenBatch, device: torch.device, *, alpha: float, smoothing: float = 0.0
) -> Tensor:
    """The summed mean of a row's two cross-entropies, and `alpha` times how far its two answers are apart, in nats.

    The two differ by what dropout draws; apart is the mean of the two Kullback-Leibler divergences.
    """
    both = _doubled(batch)
    logits_BK, targets_B = read_batch(model, both, device)
    losses_B = row_losses(logits_BK.float(), targets_B, both, smoothing).view(2, -1).mean(0)
    one_BK, other_BK = F.log_softmax(logits_BK.float(), dim=1).chunk(2)
    apart_B = ((one_BK.exp() - other_BK.exp()) * (one_BK - other_BK)).sum(1) / 2
    weights_B = row_weights(targets_B, both, device).chunk(2)[0]
    return ((losses_B + alpha * apart_B) * weights_B).sum()


def _doubled(batch: TokenBatch) -> TokenBatch:
    """All rows of the batch, and all of them once more."""

    def twice(values: Any) -> Any:
        return None if values is None else np.concatenate([values, values])

    return replace(
        batch,
        row_ids=batch.row_ids * 2,
        input_ids_BT=twice(batch.input_ids_BT),
        attention_mask_BT=twice(batch.attention_mask_BT),
        targets=twice(batch.targets),
        weights_B=twice(batch.weights_B),
        soft_BK=twice(batch.soft_BK),
        rows_B=twice(batch.rows_B),
    )
