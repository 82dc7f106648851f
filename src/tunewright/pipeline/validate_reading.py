"""What is watched while a model learns to give numbers of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.predictions import ValuePredictions
from tunewright.evaluation.numbers import count_numbers, pearson
from tunewright.inference.score import logits, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.loader import LoadPlan
    from tunewright.data.tokenize import TokenRows
    from tunewright.training.losses import LossSum


def validate_values(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean squared error in units of the training rows' variance (always saying their mean has about 1), R squared
    likewise and, where it is known, Pearson's r. The model is left in eval mode.
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
