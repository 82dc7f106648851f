"""Attention of a training step on a CPU: plain matrix products, where they are faster than torch's fused kernel.

The backward pass of that kernel is slow there for short rows, ten times as slow at 16 tokens in bf16, and with dropout
torch takes another way, in fp32. `docs/performance.md` has the measurements.

Axes: B rows, H heads, T tokens that ask, S tokens that are asked, D width of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from tunewright.models.wrappers import without_adapters, without_engine
from tunewright.training.dropout import dropout_mask

NAME = "tunewright_cpu"
FUSED = "sdpa"
LARGEST = {torch.bfloat16: 10_000_000, torch.float32: 3_000_000}
"""Scores of a layer, B · H · T · S, up to which plain products were faster, by the type they are computed in."""


def attend_plainly(model: nn.Module) -> None:
    """The model's attention is `attend` wherever it was torch's fused one; its saved configuration is as it was."""
    inner: Any = without_adapters(without_engine(model))
    if getattr(inner.config, "_attn_implementation", None) != FUSED:
        return
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    inner.set_attn_implementation(NAME)


def attend(  # noqa: PLR0913, PLR0917  # the signature that transformers asks for
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,  # noqa: FBT001  # as above
    position_bias: Tensor | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """What the tokens take from each other, `[B, T, H, D]`: as transformers' `sdpa`, to rounding.

    A token that may look at none takes something finite, and not zeros; no loss is read off such a one.
    """
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    causal = causal and attention_mask is None and query.shape[2] > 1
    if not _is_plain(module, query, key, dropout=dropout, causal=causal) or more.get("cache") or more.get("softcap"):
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, position_bias, **more
        )
    groups = getattr(module, "num_key_value_groups", 1)
    key_BHSD, value_BHSD = repeat_kv(key, groups), repeat_kv(value, groups)
    scaled_BHTD = query * (scaling if scaling is not None else query.shape[-1] ** -0.5)
    scores_BHTS = torch.matmul(scaled_BHTD, key_BHSD.transpose(2, 3))
    for bias in (position_bias, _bias(attention_mask, scores_BHTS, causal=causal)):
        if bias is not None:
            scores_BHTS = scores_BHTS + bias.to(scores_BHTS.dtype)
    shares_BHTS = torch.softmax(scores_BHTS, dim=-1)
    if dropout > 0:
        shares_BHTS = shares_BHTS * dropout_mask(shares_BHTS, dropout)
    taken_BHTD = torch.matmul(shares_BHTS, value_BHSD.to(shares_BHTS.dtype))
    return taken_BHTD.transpose(1, 2).contiguous(), None


def _is_plain(module: nn.Module, query: Tensor, key: Tensor, *, dropout: float, causal: bool) -> bool:
    """Only where training computes on a CPU; with dropout whatever the size, for torch keeps all scores then too."""
    if not module.training or query.device.type != "cpu" or (causal and query.shape[2] != key.shape[2]):
        return False
    compute = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else query.dtype
    scores = query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2]
    return compute in LARGEST and (dropout > 0 or scores <= LARGEST[compute])


def _bias(mask: Tensor | None, scores_BHTS: Tensor, *, causal: bool) -> Tensor | None:
    """What is added to the scores, so that a token takes only from those it may look at."""
    lowest = torch.finfo(scores_BHTS.dtype).min
    if causal:
        asking, asked = scores_BHTS.shape[-2:]
        return torch.full((asking, asked), lowest, dtype=scores_BHTS.dtype).triu(1)
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=scores_BHTS.dtype).masked_fill_(~mask, lowest)
