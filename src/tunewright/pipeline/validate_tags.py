"""What is watched while a model learns to tag words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.predictions import SpanPredictions
from tunewright.core.spans import labels_of_tags, spans_of
from tunewright.data.token_rows import positions
from tunewright.evaluation.spans import METRICS, count_spans
from tunewright.inference.score import score_tokens
from tunewright.inference.spans import best_tags, log_softmax, token_logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.loader import LoadPlan
    from tunewright.data.tokenize import TokenRows
    from tunewright.training.losses import LossSum

WATCHED = ("micro_f1", "macro_f1")


def validate_tags(model: Any, rows: TokenRows, _loss: LossSum, *, plan: LoadPlan, bf16: bool) -> dict[str, float]:
    """Mean loss a word (nats), and micro and macro F1 of spans, of rows or, where these were cut, of their windows.

    An F1 of nothing marked and nothing true counts as 0 here, so that training goes on. The model is left in eval mode.
    """
    model.eval()
    ids: Sequence[Sequence[int]] = [rows.ids(index) for index in range(len(rows))]  # type: ignore[misc]  # an array is a sequence of ids
    tags = [model.config.id2label[number] for number in range(len(model.config.id2label))]
    loss, finite, true, said = 0.0, True, [], []
    for row, logits_TK in enumerate(score_tokens(model, ids, token_logits, pad_id=plan.pad_id, bf16=bf16)):
        spans_S2 = rows.spans(row)
        logs_WK = log_softmax(logits_TK[positions(spans_S2[:, 0], spans_S2[:, 1] - spans_S2[:, 0])])
        tags_W = rows.values(row).astype(np.int64)
        loss -= float(logs_WK[np.arange(len(tags_W)), tags_W].sum())
        finite &= bool(np.isfinite(logs_WK).all())
        words = [(word, word + 1) for word in range(len(tags_W))]
        true.append(spans_of(words, [tags[number] for number in tags_W]))
        said.append(spans_of(words, [tags[number] for number in best_tags(logs_WK)]) if finite else ())
    found = {"loss": loss / int(rows.trained_N.sum())}
    if not finite:
        return found | dict.fromkeys(WATCHED, float("nan"))
    predictions = SpanPredictions(
        rows.row_ids,
        labels_of_tags(tags),
        predicted=tuple(said),
        targets=tuple(true),
        words_N2=np.zeros((len(rows), 2), dtype=np.int64),
        clusters=rows.row_ids,
    )
    sums_1F = count_spans(predictions).rows_NF.sum(axis=0, keepdims=True)
    return found | {name: float(np.nan_to_num(METRICS[name].statistic(sums_1F))[0]) for name in WATCHED}
