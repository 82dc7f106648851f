"""Rows of equal text and different labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.data.faults import Fault, data_error
from tunewright.data.private.redact import without_secrets
from tunewright.data.sift import Sifted, sift

if TYPE_CHECKING:
    from tunewright.core.errors import DataError


def contradicting(rows: pl.DataFrame) -> pl.Series:
    """Whether each row's text also stands in the same file with another label; texts are compared by content key."""
    labels = pl.col("target").n_unique().over("role", "content_key")
    return rows.select((labels > 1).alias("contradicting"))["contradicting"]


def settle(rows: pl.DataFrame, *, policy: Literal["keep", "drop", "error"], told: pl.Series | None = None) -> Sifted:
    """All rows, or those without a contradiction; the others leave as `contradiction`.

    `told` is what the targets say where that is not their text.

    Rows that are frozen in the test stay whatever the policy. Raises DataError listing both sides under `error`.
    """
    mask = contradicting(rows if told is None else rows.with_columns(told))
    if policy == "error" and mask.any():
        raise _refused(rows.filter(mask))
    keep = ~mask | rows["frozen"] if policy == "drop" else pl.lit(value=True)
    return sift(rows, keep=keep, reason="contradiction")


def _refused(rows: pl.DataFrame) -> DataError:
    ordered = rows.sort("content_key", "source", "line")
    faults = [
        Fault(source, line, f"labelled {target!r}: {without_secrets(text)[:60]!r}")
        for source, line, target, text in ordered.select("source", "line", "target", "input").iter_rows()
    ]
    return data_error(
        faults,
        what="have the text of another record and a different label, and data.contradictions is 'error'",
        remedy="correct the labels, or write `data.contradictions: drop` or `keep`",
    )
