"""The next token of each row, from its logits. Axes: B rows, V vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tunewright.core.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from tunewright.core.generated import Decoding


def row_randomness(decoding: Decoding, prompt: Sequence[int]) -> np.random.Generator:
    """A row's own draws: they follow from the seed and the prompt, whatever stands beside it and wherever it stands."""
    return generator(decoding.seed, "sample", *map(int, prompt))


def next_tokens(logits_BV: Tensor, decoding: Decoding, draws: Sequence[np.random.Generator]) -> list[int]:
    """One token a row: the most probable one at temperature 0, else drawn from the nucleus.

    The nucleus is the smallest set of most probable tokens with at least `top_p` of the mass (Holtzman et al. 2020,
    "The curious case of neural text degeneration").
    """
    if decoding.temperature == 0:
        return list(map(int, logits_BV.argmax(-1).tolist()))
    mass_BV = torch.softmax(logits_BV.float() / decoding.temperature, dim=-1)
    order_BV = None
    if decoding.top_p < 1:
        mass_BV, order_BV = mass_BV.sort(dim=-1, descending=True, stable=True)
    below_BV = mass_BV.cumsum(-1)
    total_B1 = below_BV[:, -1:]
    if decoding.top_p < 1:
        last_B1 = (below_BV < decoding.top_p).sum(-1, keepdim=True).clamp(max=below_BV.shape[1] - 1)
        total_B1 = below_BV.gather(1, last_B1)
    drawn_B1 = torch.tensor([[draw.random()] for draw in draws], dtype=torch.float32, device=logits_BV.device)
    found_B1 = torch.searchsorted(below_BV, drawn_B1 * total_B1, right=True).clamp(max=below_BV.shape[1] - 1)
    chosen_B1 = found_B1 if order_BV is None else order_BV.gather(1, found_B1)
    return list(map(int, chosen_B1[:, 0].tolist()))
