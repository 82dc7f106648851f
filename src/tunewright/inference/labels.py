"""How likely each of a few continuations is: a prompt is computed once, with all of them side by side behind it.

Axes: B prompts of a pass, K continuations, M tokens of all continuations, P prompt tokens, N prompts.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers.cache_utils import DynamicCache

from tunewright.core.encoded import EncodedRow
from tunewright.data.batching import micro_batches
from tunewright.inference.cache import shares_rows
from tunewright.inference.likelihood import PASS_LOGITS, cross_entropies, nats
from tunewright.inference.score import SCORE_TOKENS, pad
from tunewright.models.output_head import labelled_only
from tunewright.models.wrappers import without_adapters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class LabelNats:
    """Likelihoods of K continuations behind N prompts."""

    nats_NK: NDArray[np.float64]
    """Minus the log-likelihood of each continuation, summed over its tokens."""
    tokens_K: NDArray[np.int64]
    """Tokens of each continuation."""


def label_nats(
    model: Any,
    prompts: Sequence[Sequence[int]],
    continuations: Sequence[Sequence[int]],
    *,
    pad_id: int,
    bf16: bool = False,
) -> LabelNats:
    """The likelihood of every continuation behind every prompt, as if each pair were scored alone.

    The model is causal and in eval mode; no prompt and no continuation is empty. Where its attention allows, the
    continuations of a prompt make one sequence in which none sees another; else every pair is computed whole.
    """
    tokens_K = np.array([len(ids) for ids in continuations], dtype=np.int64)
    found_NK = np.zeros((len(prompts), len(continuations)), dtype=np.float64)
    laid = int(tokens_K.sum())
    if not side_by_side(without_adapters(model), max(map(len, prompts), default=0) + laid):
        return LabelNats(_pair_by_pair(model, prompts, continuations, pad_id=pad_id, bf16=bf16), tokens_K)
    lengths_N = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
    device = next(model.parameters()).device
    most = max(1, min(SCORE_TOKENS, PASS_LOGITS // without_adapters(model).config.get_text_config().vocab_size))
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        for chosen in micro_batches(np.arange(len(prompts)), lengths_N + laid, most):
            found_NK[chosen] = _side_by_side(model, [prompts[n] for n in chosen], continuations, pad_id)
    return LabelNats(found_NK, tokens_K)


def side_by_side(model: Any, length: int) -> bool:
    """Whether a mask may say what each token of a sequence of this length sees: no layer's window is shorter, and the
    attention takes one.
    """
    config = model.config.get_text_config(decoder=True)
    windows = [getattr(config, name, None) for name in ("sliding_window", "window_size")]
    accepted = tuple(inspect.signature(model.forward).parameters)
    within = all(window is None or length <= window for window in windows)
    return within and model.config._attn_implementation in {"sdpa", "eager"} and shares_rows(model.config, accepted)


def _pair_by_pair(
    model: Any, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], *, pad_id: int, bf16: bool
) -> NDArray[np.float64]:
    rows = [
        EncodedRow([*prompt, *ids], ((len(prompt), len(prompt) + len(ids)),))
        for prompt in prompts
        for ids in continuations
    ]
    found = nats(model, rows, layout="causal", pad_id=pad_id, bf16=bf16)
    return found.reshape(len(prompts), len(continuations))


def _side_by_side(
    model: Any, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], pad_id: int
) -> NDArray[np.float64]:
    """`[B, K]`: the last token of a prompt predicts the first one of each continuation, all others the next."""
    device = next(model.parameters()).device
    ids_BP, mask_BP = (tensor.to(device) for tensor in pad(prompts, pad_id, left=True))
    last_BP = torch.zeros_like(mask_BP, dtype=torch.bool)
    last_BP[:, -1] = True
    cache = DynamicCache()
    with labelled_only(without_adapters(model), last_BP):
        output = model(
            input_ids=ids_BP,
            attention_mask=mask_BP,
            position_ids=(mask_BP.cumsum(-1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
        )
    firsts = [ids[0] for ids in continuations]
    first_BV = output.logits[0].float()
    nats_BK = (first_BV.logsumexp(-1, keepdim=True) - first_BV[:, firsts]).double().cpu().numpy()
    owners = [k for k, ids in enumerate(continuations) for _ in ids[1:]]
    if owners:
        rest_BM = _rest(model, mask_BP, cache, continuations)
        for label in sorted(set(owners)):
            nats_BK[:, label] += rest_BM[:, np.array(owners) == label].sum(1)
    return np.asarray(nats_BK, dtype=np.float64)


def _rest(
    model: Any, mask_BP: Tensor, cache: DynamicCache, continuations: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """`[B, M]`: each continuation's tokens behind its first, given the prompt and those before it."""
    device, rows = mask_BP.device, len(mask_BP)
    given = [token for ids in continuations for token in ids[:-1]]
    targets = [token for ids in continuations for token in ids[1:]]
    owner_M = torch.tensor([k for k, ids in enumerate(continuations) for _ in ids[1:]], device=device)
    place_M = torch.tensor([u for ids in continuations for u in range(len(ids) - 1)], device=device)
    own_MM = (owner_M[:, None] == owner_M[None, :]) & (place_M[:, None] >= place_M[None, :])
    seen_BMT = torch.cat(
        [mask_BP.bool()[:, None, :].expand(-1, len(given), -1), own_MM[None].expand(rows, -1, -1)], dim=-1
    )
    layer: Any = cache.layers[0]
    dtype = layer.keys.dtype
    # added to the scores, so that it serves attention of any implementation
    bias_B1MT = torch.zeros(seen_BMT.shape, dtype=dtype, device=device).masked_fill(~seen_BMT, torch.finfo(dtype).min)
    output = model(
        input_ids=torch.tensor(given, device=device).expand(rows, -1),
        attention_mask=bias_B1MT[:, None],
        position_ids=mask_BP.sum(-1, keepdim=True) + place_M,
        past_key_values=cache,
        use_cache=True,
    )
    targets_BM = torch.tensor(targets, device=device).expand(rows, -1)
    return cross_entropies(output.logits.flatten(0, 1), targets_BM.flatten()).reshape(rows, len(given))
