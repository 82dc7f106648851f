"""What of each row is to be spread alike over the splits, by the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.label_sets import labels_of
from tunewright.data.numbers import number_groups
from tunewright.data.spans import label_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

Strata = list[tuple[str, ...]]


def strata_of(rows: pl.DataFrame, task: str) -> Strata:
    """The strata of each row: its label; of a number, its group of about as many rows; of a set or of spans, each of
    the labels; one for all of other tasks.
    """
    if task == "classification":
        return _single(rows["target"].to_list())
    if task == "regression":
        return _single(number_groups(rows["target"]).to_list())
    if task in {"multilabel", "token_classification"}:
        targets = rows["target"] if task == "multilabel" else label_sets(rows["target"])
        return [labels_of(target) or ("",) for target in targets]
    return _single([""] * rows.height)


def _single(names: Sequence[str]) -> Strata:
    return [(name,) for name in names]
