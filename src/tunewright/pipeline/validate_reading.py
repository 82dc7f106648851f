"""What is watched while a model learns to give numbers of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.predictions import ValuePredictions
from tunewright.evaluation.label_sets import counted_members, macro_f1, micro_f1
from tunewright.evaluation.numbers import count_numbers, pearson
from tunewright.inference.score import logits, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.loader import LoadPlan
    from tunewright.data.tokenize import TokenRows
    from tunewright.training.losses import LossSum


def validate_label_sets(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean loss a label and row (nats), and micro and macro F1 where labels are given from a half on.

    An F1 of nothing given and nothing true counts as 0 here, so that training goes on. The model is left in eval mode.
    """
    model.eval()
    ids: Sequence[Sequence[int]] = [rows.ids(index) for index in range(len(rows))]  # type: ignore[misc]  # an array is a sequence of ids
    logits_NK = score(model, ids, logits, pad_id=plan.pad_id, bf16=bf16).astype(np.float64)
    assert rows.values_V is not None, "validation rows have labels"
    true_NK = rows.values_V.reshape(logits_NK.shape) > 0
    losses_NK = np.logaddexp(0.0, np.where(true_NK, -logits_NK, logits_NK))
    found = {"loss": float(losses_NK.mean())}
    if np.isfinite(logits_NK).all():
        said_NK, names = logits_NK >= 0, rows.row_ids
        counted = counted_members(true_NK, said_NK, true_NK & said_NK, names, names, ())
        sums_1F = counted.rows_NF.sum(axis=0, keepdims=True)
        found |= {"micro_f1": float(np.nan_to_num(micro_f1(sums_1F))[0]), "macro_f1": float(macro_f1(sums_1F)[0])}
    return found


def validate_values(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean squared error in units of the training rows' variance (always saying their mean has about 1) and,
    where it is known, Pearson's r. The model is left in eval mode.
    """
    model.eval()
    ids: Sequence[Sequence[int]] = [rows.ids(index) for index in range(len(rows))]  # type: ignore[misc]  # an array is a sequence of ids
    given_N = score(model, ids, logits, pad_id=plan.pad_id, bf16=bf16)[:, 0].astype(np.float64)
    assert rows.values_V is not None, "validation rows have numbers"
    found = {"loss": float(np.mean((given_N - rows.values_V) ** 2))}
    if np.isfinite(given_N).all():
        counted = count_numbers(ValuePredictions(rows.row_ids, given_N, rows.values_V, rows.row_ids))
        correlation = float(pearson(counted.rows_NF.sum(axis=0, keepdims=True))[0])
        found |= {"pearson": correlation} if np.isfinite(correlation) else {}
    return found
