"""What is watched while training: the validation split through the model, in eval mode."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.data.batching import micro_batches
from tunewright.data.loader import collate
from tunewright.evaluation.tallies import PROBABILITY_FLOOR, accuracy, macro_f1, row_tallies
from tunewright.inference.likelihood import nats
from tunewright.inference.score import SCORE_TOKENS, logits, score, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.loader import LoadPlan
    from tunewright.data.tokenize import TokenRows
    from tunewright.training.losses import LossSum


def validate_classes(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean loss, accuracy and macro F1 of the rows; the model is left in eval mode."""
    model.eval()
    ids: Sequence[Sequence[int]] = [rows.ids(index) for index in range(len(rows))]  # type: ignore[misc]  # an array is a sequence of ids
    probabilities_NK = softmax(score(model, ids, logits, pad_id=plan.pad_id, bf16=bf16))
    classes = probabilities_NK.shape[1]
    predicted_N = np.asarray(np.argmax(probabilities_NK, axis=1), dtype=np.int64)
    tallies_13K = row_tallies(rows.targets_N, predicted_N, classes).sum(axis=0).reshape(1, 3, classes)
    true_N = probabilities_NK[np.arange(len(rows)), rows.targets_N]
    return {
        "loss": float(-np.log(np.maximum(true_N, PROBABILITY_FLOOR)).mean()),
        "accuracy": float(accuracy(tallies_13K)[0]),
        "macro_f1": float(macro_f1(tallies_13K)[0]),
    }


def validate_tokens(model: Any, rows: TokenRows, loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean loss a target token (nats), and its perplexity unless it overflows; the model is left in eval mode."""
    model.eval()
    device = next(model.parameters()).device
    total, targets = 0.0, 0
    most = min(SCORE_TOKENS, plan.micro_batch_tokens)
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        for chosen in micro_batches(np.arange(len(rows)), rows.lengths_N, most):
            batch = collate(rows, chosen, plan.pad_id)
            total += float(loss(model, batch, device))
            targets += int((batch.targets >= 0).sum())
    return of_loss(total / targets if targets else math.nan)


def validate_masked(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """What the test calls the loss, of the validation rows: the same tokens are hidden, all of them by the mask."""
    model.eval()
    encoded = [rows.encoded(number) for number in range(len(rows))]
    nats_N = nats(model, encoded, layout="masked", pad_id=plan.pad_id, mask_id=plan.mask_id, bf16=bf16)
    targets = int(rows.trained_N.sum())
    return of_loss(float(nats_N.sum()) / targets if targets else math.nan)


def of_loss(loss: float) -> dict[str, float]:
    """A mean loss in nats, and its perplexity where a float can hold it."""
    try:
        return {"loss": loss, "perplexity": math.exp(loss)}
    except OverflowError:
        return {"loss": loss}
