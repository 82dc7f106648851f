"""How likely a model finds the targets of encoded rows: little padding, and logits of labelled positions alone.

Axes: B rows of a pass, T tokens, U decoder tokens, M labelled positions, N rows, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody reads

from tunewright.core.encoded import IGNORED
from tunewright.core.errors import Problem, RunError
from tunewright.core.seeds import generator
from tunewright.data.batching import micro_batches
from tunewright.data.collate import MASKED_SHARE
from tunewright.inference.score import SCORE_TOKENS, pad
from tunewright.models.output_head import labelled_only
from tunewright.models.wrappers import without_adapters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from tunewright.core.encoded import EncodedRow, Layout

PASS_LOGITS = 2**27
"""Logits of one pass: half a gibibyte in fp32. A single row with more makes a pass of its own."""
CHUNK_LOGITS = 2**24
"""Logits whose logarithms are taken at once, in fp32."""
MASKED_SEED = 13


def nats(
    model: Any,
    rows: Sequence[EncodedRow],
    *,
    layout: Layout,
    pad_id: int,
    mask_id: int | None = None,
    bf16: bool = False,
) -> NDArray[np.float64]:
    """Minus the log-likelihood of each row's targets, summed over its tokens, `[N]`; the model must be in eval mode.

    A row without targets has 0. Of `masked`, whose tokens have no joint likelihood, it is an estimate: 15 % of the
    row's tokens, at least one, drawn from its ids alone, are masked by `mask_id`; their mean stands for all of them.
    """
    if layout == "masked" and mask_id is None:
        raise RunError(Problem("masked", "no mask token is named", "the tokenizer's mask token", "choose another base"))
    found_N = np.zeros(len(rows), dtype=np.float64)
    scored = np.array([n for n, row in enumerate(rows) if row.trained], dtype=np.int64)
    lengths_N = np.array([len(row.input_ids) for row in rows], dtype=np.int64)
    device = next(model.parameters()).device
    budget = _pass_tokens(model, [rows[n] for n in scored])
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        for chosen in micro_batches(scored, lengths_N, budget):
            part = [rows[n] for n in chosen]
            if layout == "seq2seq":
                inputs, targets_BT = _pairs(model, part, pad_id)
            elif layout == "masked" and mask_id is not None:
                inputs, targets_BT = _masked(part, pad_id, mask_id)
            else:
                inputs, targets_BT = _causal(part, pad_id)
            placed = {name: value.to(device) for name, value in inputs.items()}
            sums_B = _summed(
                model, placed | ({} if layout == "masked" else {"use_cache": False}), targets_BT.to(device)
            )
            found_N[chosen] = sums_B if layout != "masked" else sums_B / _drawn(targets_BT) * [r.trained for r in part]
    return found_N


def cross_entropies(logits_MV: Tensor, targets_M: Tensor) -> NDArray[np.float64]:
    """Minus the log-probability of each target, `[M]`, in fp32; memory beside the logits stays bounded."""
    chunk = max(1, CHUNK_LOGITS // logits_MV.shape[-1])
    parts = [
        F.cross_entropy(logits.float(), targets, reduction="none")
        for logits, targets in zip(logits_MV.split(chunk), targets_M.split(chunk), strict=True)
    ]
    return np.asarray(torch.cat(parts).cpu().numpy(), dtype=np.float64)


def _summed(model: Any, inputs: dict[str, Any], targets_BT: Tensor) -> NDArray[np.float64]:
    wanted_BT = targets_BT != IGNORED
    with labelled_only(without_adapters(model), wanted_BT):
        logits_1MV = model(**inputs).logits
    if logits_1MV.shape[0] != 1 or logits_1MV.shape[1] != int(wanted_BT.sum()):  # a head that is no module: all came
        logits_1MV = logits_1MV[wanted_BT]
    nats_M = cross_entropies(logits_1MV.flatten(0, -2), targets_BT[wanted_BT])
    rows_M = wanted_BT.nonzero()[:, 0].cpu().numpy()
    return np.asarray(np.bincount(rows_M, weights=nats_M, minlength=len(targets_BT)), dtype=np.float64)


def _causal(rows: Sequence[EncodedRow], pad_id: int) -> tuple[dict[str, Tensor], Tensor]:
    """No attention mask: rows are filled up on the right, where no token of theirs looks. The filling is no padding
    token, of which transformers would warn.
    """
    ids_BT, _ = pad([row.input_ids for row in rows], 0 if pad_id else 1)
    targets_BT = torch.full_like(ids_BT, IGNORED)
    for row, found in enumerate(rows):
        for start, end in found.loss_spans:
            targets_BT[row, start - 1 : end - 1] = ids_BT[row, start:end]
    return {"input_ids": ids_BT}, targets_BT


def _pairs(model: Any, rows: Sequence[EncodedRow], pad_id: int) -> tuple[dict[str, Tensor], Tensor]:
    """The decoder's inputs are the model's own shift of the labels, as in training."""
    borders = [row.loss_spans[0][0] for row in rows]
    ids_BT, mask_BT = pad([row.input_ids[:border] for row, border in zip(rows, borders, strict=True)], pad_id)
    labels_BU, _ = pad([row.input_ids[border:] for row, border in zip(rows, borders, strict=True)], IGNORED)
    shifted_BU = without_adapters(model).prepare_decoder_input_ids_from_labels(labels=labels_BU.clone())
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "decoder_input_ids": shifted_BU}, labels_BU


def _masked(rows: Sequence[EncodedRow], pad_id: int, mask_id: int) -> tuple[dict[str, Tensor], Tensor]:
    ids_BT, mask_BT = pad([row.input_ids for row in rows], pad_id)
    targets_BT = torch.full_like(ids_BT, IGNORED)
    for row, found in enumerate(rows):
        places = np.concatenate([np.arange(start, end) for start, end in found.loss_spans])
        count = max(1, round(MASKED_SHARE * len(places)))
        drawn = generator(MASKED_SEED, "masked", *found.input_ids).choice(places, count, replace=False)
        targets_BT[row, drawn] = ids_BT[row, drawn]
        ids_BT[row, drawn] = mask_id
    return {"input_ids": ids_BT, "attention_mask": mask_BT}, targets_BT


def _drawn(targets_BT: Tensor) -> NDArray[np.int64]:
    return np.asarray((targets_BT != IGNORED).sum(1).numpy(), dtype=np.int64)


def _pass_tokens(model: Any, rows: Sequence[EncodedRow]) -> int:
    """Tokens of one pass: as many as give PASS_LOGITS logits in the mean, and SCORE_TOKENS at most."""
    labelled = sum(row.trained for row in rows)
    if not labelled:
        return SCORE_TOKENS
    share = labelled / sum(len(row.input_ids) for row in rows)
    return min(SCORE_TOKENS, int(PASS_LOGITS / without_adapters(model).config.get_text_config().vocab_size / share) + 1)
