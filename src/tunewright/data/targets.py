"""Labels that the targets of a task bear, counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tunewright.data.label_sets import count_labels
from tunewright.data.spans import label_sets

if TYPE_CHECKING:
    import polars as pl


def target_counts(targets: pl.Series, task: str) -> Counter[str]:
    """Rows of each label; nothing for a task without labels."""
    if task == "classification":
        return Counter(targets)
    if task == "token_classification":
        return count_labels(label_sets(targets))
    return count_labels(targets) if task == "multilabel" else Counter()
