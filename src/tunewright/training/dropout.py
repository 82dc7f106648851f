"""Dropout on a CPU, with random numbers that cost little: sixteen random bits a number, four numbers to a draw.

torch draws a Bernoulli number at a time there, which took a seventh of a step of a small encoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDES = 1 << 16
"""What sixteen bits tell apart: a probability is met to within half of one part in so many."""
DRAWN = 4
"""Numbers that the bits of one draw of torch's generator serve."""


class LightDropout(nn.Dropout):
    """`nn.Dropout` by `dropout_mask`: the same law, other draws of the same generator."""

    def forward(self, input: Tensor) -> Tensor:
        """Zero with probability `p`, and the rest larger by as much, in train mode."""
        if not self.training or self.p == 0:
            return input
        return input * dropout_mask(input, self.p)


def lighten_dropout(model: nn.Module) -> None:
    """Every `nn.Dropout` within the model is a LightDropout; weights and their names stay."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                light = LightDropout(child.p)
                light.train(child.training)
                setattr(parent, name, light)


def dropout_mask(like: Tensor, probability: float) -> Tensor:
    """Zeros with the probability, else the number by which what is kept must grow, of the tensor's shape and type."""
    dropped = round(probability * SIDES)
    if dropped >= SIDES:
        return torch.zeros_like(like)
    numbers = like.numel()
    draws = torch.empty(-(-numbers // DRAWN), dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[:numbers].ge_(dropped - SIDES // 2)  # 1 or 0, in place: no memory is asked for
    grown = torch.tensor(SIDES / (SIDES - dropped), dtype=like.dtype)
    if like.element_size() == kept.element_size():  # the bits of the number, or of zero
        return kept.mul_(int(grown.view(torch.int16))).view(like.dtype).view(like.shape)
    return kept.to(like.dtype).mul_(grown).view(like.shape)
