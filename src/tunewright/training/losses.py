"""Losses as sums over targets, in nats: a step divides once, by all its targets.

Logits are made of labelled positions only, and in fp32. `smoothing` is the share of each target that all its classes
have alike (Szegedy et al. 2016). Axes: B rows, T (decoder's) tokens, M labelled positions, K classes, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads
from torch import Tensor, nn

from tunewright.core.encoded import IGNORED
from tunewright.data.loader import TokenBatch
from tunewright.models.output_head import labelled_only
from tunewright.models.wrappers import without_engine
from tunewright.training.chunked import chunked_cross_entropy, rows_at_once, worth_chunks
from tunewright.training.head_form import formula_of, held

CERTAIN = 1e-12
"""A class is taken to be wrong with at least this probability."""

LossSum = Callable[[nn.Module, TokenBatch, torch.device], Tensor]
"""Called by the step once a forward pass: model, batch and device to the sum of the losses of the batch's targets."""


def classification_loss(
    model: nn.Module, batch: TokenBatch, device: torch.device, *, smoothing: float = 0.0, focus: float = 0.0
) -> Tensor:
    """The summed cross-entropy of the batch's rows in nats and in fp32, each times its weight where rows have one.

    A row with a soft target is held against that, else against its class. With `focus` g, a row's loss is times
    (1 - p)^g, where p is the probability of its class (Lin et al. 2017).
    """
    output = model(input_ids=_placed(batch.input_ids_BT, device), attention_mask=_mask(batch, device))
    logits_BK, targets_B = output.logits.float(), _placed(batch.targets, device)
    if batch.soft_BK is None and batch.weights_B is None and not focus:
        return F.cross_entropy(logits_BK, targets_B, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing)
    losses_B = row_losses(logits_BK, targets_B, batch, smoothing)
    if focus:
        wrong_B = -torch.expm1(-losses_B)  # 1 - p; at 0 a power below 1 has no slope
        losses_B = losses_B * wrong_B.clamp(min=CERTAIN) ** focus
    return (losses_B * row_weights(targets_B, batch, device)).sum()


def read_batch(model: nn.Module, batch: TokenBatch, device: torch.device) -> tuple[Tensor, Tensor]:
    """What a model that reads gives for the batch, and its targets, both on the device."""
    output = model(input_ids=_placed(batch.input_ids_BT, device), attention_mask=_mask(batch, device))
    return output.logits, _placed(batch.targets, device)


def row_losses(logits_BK: Tensor, targets_B: Tensor, batch: TokenBatch, smoothing: float) -> Tensor:
    """The cross-entropy of each row; of a row without a target, what is not to count."""
    if batch.soft_BK is None:
        return F.cross_entropy(logits_BK, targets_B, ignore_index=IGNORED, reduction="none", label_smoothing=smoothing)
    soft_BK = _placed(batch.soft_BK, logits_BK.device)
    return F.cross_entropy(logits_BK, soft_BK, reduction="none", label_smoothing=smoothing)


def row_weights(targets_B: Tensor, batch: TokenBatch, device: torch.device) -> Tensor:
    """How much each row counts; 0 for one without a target."""
    has_B = (targets_B != IGNORED).float()
    return has_B if batch.weights_B is None else has_B * _placed(batch.weights_B, device)


def causal_loss(model: nn.Module, batch: TokenBatch, device: torch.device, *, smoothing: float = 0.0) -> Tensor:
    """The summed cross-entropy of each labelled token given those before it.

    No attention mask is handed over: rows are padded on the right, where nothing that has a label looks, and packed
    rows are told apart by their positions.
    """
    arguments: dict[str, Any] = {"input_ids": _placed(batch.input_ids_BT, device), "use_cache": False}
    if batch.position_ids_BT is not None:
        arguments["position_ids"] = _placed(batch.position_ids_BT, device)
    return _token_loss(model, arguments, batch, device, smoothing=smoothing)


def masked_loss(model: nn.Module, batch: TokenBatch, device: torch.device, *, smoothing: float = 0.0) -> Tensor:
    """The summed cross-entropy of the original tokens at the masked positions."""
    arguments = {"input_ids": _placed(batch.input_ids_BT, device), "attention_mask": _mask(batch, device)}
    return _token_loss(model, arguments, batch, device, smoothing=smoothing)


def seq2seq_loss(model: nn.Module, batch: TokenBatch, device: torch.device, *, smoothing: float = 0.0) -> Tensor:
    """The summed cross-entropy of the labels; the decoder's inputs are the model's own shift of them."""
    inner = without_engine(model)
    arguments = {
        "input_ids": _placed(batch.input_ids_BT, device),
        "attention_mask": _mask(batch, device),
        "decoder_input_ids": inner.prepare_decoder_input_ids_from_labels(labels=_shiftable(inner, batch, device)),
        "use_cache": False,
    }
    return _token_loss(model, arguments, batch, device, smoothing=smoothing)


def _token_loss(
    model: nn.Module, arguments: dict[str, Any], batch: TokenBatch, device: torch.device, *, smoothing: float
) -> Tensor:
    inner = without_engine(model)
    labelled_BT = batch.targets != IGNORED
    wanted_BT, targets_M = _placed(labelled_BT, device), _placed(batch.targets[labelled_BT], device)
    if worth_chunks(len(targets_M), inner.config.get_text_config().vocab_size, device):
        head = formula_of(inner, arguments, wanted_BT)
        if head is not None:
            with labelled_only(inner, wanted_BT), held(inner) as kept:
                model(**arguments)
            rows = rows_at_once(len(head.weight_VD), device)
            return chunked_cross_entropy(kept[0].squeeze(0), head, targets_M, chunk=rows, smoothing=smoothing)
    with labelled_only(inner, wanted_BT):
        logits_1MV = model(**arguments).logits
    if logits_1MV.shape[:2] != (1, len(targets_M)):  # a head that is no module of its own: all logits came
        logits_1MV = logits_1MV[wanted_BT]
    return F.cross_entropy(logits_1MV.flatten(0, -2).float(), targets_M, reduction="sum", label_smoothing=smoothing)


def _shiftable(model: Any, batch: TokenBatch, device: torch.device) -> Tensor:
    """The labels; in a row without any, which has no loss, some token stands, for a model may look for the last one."""
    bare_B1 = (batch.targets == IGNORED).all(axis=1, keepdims=True)
    return _placed(np.where(bare_B1, model.config.eos_token_id or 0, batch.targets), device)


def _mask(batch: TokenBatch, device: torch.device) -> Tensor | None:
    return None if batch.attention_mask_BT is None else _placed(batch.attention_mask_BT, device)


def _placed(values: Any, device: torch.device) -> Tensor:
    return torch.from_numpy(values).to(device, non_blocking=True)
