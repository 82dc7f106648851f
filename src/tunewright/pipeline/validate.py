"""What is watched while training: the validation split through the model, in eval mode."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.data.batching import micro_batches
from tunewright.data.loader import collate
from tunewright.evaluation.standard_error import mean_error, metric_error
from tunewright.evaluation.tallies import PROBABILITY_FLOOR, accuracy, macro_f1, row_tallies
from tunewright.inference.likelihood import nats
from tunewright.inference.score import SCORE_TOKENS, logits, score, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.data.loader import LoadPlan
    from tunewright.data.tokenize import TokenRows
    from tunewright.training.losses import LossSum


def validate_classes(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean loss, accuracy and macro F1 of the rows; the model is left in eval mode."""
    return _metrics(_probabilities(model, rows, plan, bf16=bf16), rows)


class ValidationWithError:
    """`validate_classes`, which after each call knows the standard error of one of its metrics on those rows."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self.error: float | None = None
        """None before the first call, and of a single row."""

    def __call__(self, model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
        """The metrics."""
        probabilities_NK = _probabilities(model, rows, plan, bf16=bf16)
        if self._metric == "loss":
            self.error = mean_error(_losses(probabilities_NK, rows))
        else:
            predicted_N, classes = _predicted(probabilities_NK), probabilities_NK.shape[1]
            self.error = metric_error(self._metric, rows.targets_N, predicted_N, classes)
        return _metrics(probabilities_NK, rows)


def _probabilities(model: Any, rows: TokenRows, plan: LoadPlan, *, bf16: bool) -> NDArray[np.float64]:
    model.eval()
    ids: Sequence[Sequence[int]] = [rows.ids(index) for index in range(len(rows))]  # type: ignore[misc]  # an array is a sequence of ids
    return softmax(score(model, ids, logits, pad_id=plan.pad_id, bf16=bf16))


def _metrics(probabilities_NK: NDArray[np.float64], rows: TokenRows) -> dict[str, float]:
    classes = probabilities_NK.shape[1]
    tallies_13K = row_tallies(rows.targets_N, _predicted(probabilities_NK), classes).sum(axis=0).reshape(1, 3, classes)
    return {
        "loss": float(_losses(probabilities_NK, rows).mean()),
        "accuracy": float(accuracy(tallies_13K)[0]),
        "macro_f1": float(macro_f1(tallies_13K)[0]),
    }


def _predicted(probabilities_NK: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(np.argmax(probabilities_NK, axis=1), dtype=np.int64)


def _losses(probabilities_NK: NDArray[np.float64], rows: TokenRows) -> NDArray[np.float64]:
    true_N = probabilities_NK[np.arange(len(rows)), rows.targets_N]
    return np.asarray(-np.log(np.maximum(true_N, PROBABILITY_FLOOR)))


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
