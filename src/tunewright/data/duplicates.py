"""Rows that repeat an earlier row's text and its label or answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.data.sift import Sifted, sift

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIR: Sequence[str] = ("content_key", "target")


def drop_duplicates(rows: pl.DataFrame, *, policy: Literal["keep_first", "keep_all"]) -> Sifted:
    """The first row of each text and label (or answer) of a file; the others leave as `exact_duplicate`.

    Texts are compared by content key, answers as they stand. A test file of the user's own is never edited.
    """
    keep = pl.lit(value=True)
    if policy == "keep_first":
        keep = (pl.col("role") == "test") | pl.struct("role", *PAIR).is_first_distinct()
    return sift(rows, keep=keep, reason="exact_duplicate")


def repeated(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows whose text and label (or answer) stand in an earlier row of the same file."""
    return rows.filter(~pl.struct("role", *PAIR).is_first_distinct())
