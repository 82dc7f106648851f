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
    wide = torch.float32 if logits_BV.device.type == "mps" else torch.float64  # MPS has no fp64
    mass_BV = torch.softmax(logits_BV.to(wide) / decoding.temperature, dim=-1)
    order_BV = None
    if decoding.top_p < 1:
        mass_BV, order_BV = mass_BV.sort(dim=-1, descending=True, stable=True)
    below_BV = mass_BV.cumsum(-1)
    whole_B1 = below_BV[:, -1:]
    enough_B1 = whole_B1.clamp(max=decoding.top_p) if decoding.top_p < 1 else whole_B1
    last_B1 = (below_BV < enough_B1).sum(-1, keepdim=True)
    drawn_B1 = torch.tensor([[draw.random()] for draw in draws], dtype=wide, device=logits_BV.device)
    found_B1 = torch.searchsorted(below_BV, drawn_B1 * below_BV.gather(1, last_B1), right=True).minimum(last_B1)
    chosen_B1 = found_B1 if order_BV is None else order_BV.gather(1, found_B1)
    return list(map(int, chosen_B1[:, 0].tolist()))
