"""Spans to scores: a span is a hit where another has its very borders and its label.

That is the strict score of CoNLL-2000 as seqeval computes it for IOB2. Axes: N rows, K labels, F counts, B samples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tunewright.core.spans import tags_of, words_of
from tunewright.evaluation import label_sets
from tunewright.evaluation.counted import Counted, CountMetric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.predictions import SpanPredictions
    from tunewright.core.spans import Span

    Floats = NDArray[np.float64]

WORDS = 2
"""Counts behind those of label sets: words with the true tag, and words."""


def count_spans(predictions: SpanPredictions) -> Counted:
    """The counts of each row: true spans, marked spans and hits of each label, then the words."""
    true_NK, said_NK, hits_NK = (np.zeros((len(predictions.row_ids), len(predictions.labels)), int) for _ in range(3))
    index = {label: number for number, label in enumerate(predictions.labels)}
    for row, (true, said) in enumerate(zip(predictions.targets, predictions.predicted, strict=True)):
        for counts_NK, spans in ((true_NK, true), (said_NK, said), (hits_NK, set(true) & set(said))):
            np.add.at(counts_NK[row], [index[span.label] for span in spans], 1)
    counted = label_sets.counted_members(
        true_NK, said_NK, hits_NK, predictions.row_ids, predictions.clusters, predictions.targets
    )
    rows_NF = np.concatenate([counted.rows_NF, predictions.words_N2.astype(np.float64)], axis=1)
    return replace(counted, rows_NF=rows_NF)


def words_right(text: str, true: Sequence[Span], said: Sequence[Span]) -> tuple[int, int]:
    """The words of the text that have the same tag by both, and all of them."""
    words = words_of(text)
    tags = zip(tags_of(words, true), tags_of(words, said), strict=True)
    return sum(one == other for one, other in tags), len(words)


def _of_spans(statistic: Callable[[Floats], Floats]) -> Callable[[Any], Any]:
    """A score of label sets, of counts that have those of words behind them."""
    return lambda counts_BF: statistic(counts_BF[:, :-WORDS])


def token_accuracy(counts_BF: Floats) -> Floats:
    """Share of words with the true tag, `[B]`; unknown without words."""
    right_B, words_B = counts_BF[:, -WORDS:].T
    found: Floats = np.divide(right_B, words_B, out=np.full(len(counts_BF), np.nan), where=words_B > 0)
    return found


METRICS: Final[Mapping[str, CountMetric]] = {
    "micro_f1": CountMetric(
        _of_spans(label_sets.micro_f1), "one figure for precision and recall over the spans of all labels and rows"
    ),
    "macro_f1": CountMetric(
        _of_spans(label_sets.macro_f1), "the mean of the labels' F1: a rare label counts as much as any", per_class=True
    ),
    "micro_precision": CountMetric(
        _of_spans(label_sets.micro_precision), "share of the spans marked that are true, borders and label alike"
    ),
    "micro_recall": CountMetric(
        _of_spans(label_sets.micro_recall), "share of the true spans that are marked, borders and label alike"
    ),
    "subset_accuracy": CountMetric(
        _of_spans(label_sets.subset_accuracy), "share of rows with exactly the true spans", is_share=True
    ),
    "token_accuracy": CountMetric(
        token_accuracy, "share of words with the true tag; most words stand outside of spans, so that it is high early"
    ),
}
"""Metric name to what it is, in the order in which tables show them."""
