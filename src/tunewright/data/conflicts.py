"""Rows that say the same and are labelled differently, named beside one another."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.data.faults import at

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 3


def conflicts(rows: pl.DataFrame, alike: pl.Series) -> pl.Series:
    """Of each row, the rows of another label among those that share its value in `alike`, in words; else empty.

    `alike` is the content key, or the cluster of rows whose texts are nearly the same.
    """
    marked = rows.select("source", "line", "target", alike.alias("alike")).with_row_index("row")
    torn = marked.filter(pl.col("target").n_unique().over("alike") > 1)
    words = [""] * rows.height
    for part in torn.partition_by("alike", maintain_order=True):
        held = part.to_dicts()
        said = _others(held)
        for row in held:
            words[row["row"]] = said[row["target"]]
    return pl.Series("conflicts", words, dtype=pl.String)


def _others(held: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Label to the rows of the other labels in words: alike for all rows of it, so that time grows with the rows."""
    counts = Counter(row["target"] for row in held)
    said = {}
    for label, count in counts.items():
        others = itertools.islice((row for row in held if row["target"] != label), SHOWN)
        shown = [f"{at(row['source'], row['line'])} {row['target']!r}" for row in others]
        more = len(held) - count - len(shown)
        said[label] = ", ".join(shown) + (f" and {more:,} more" if more else "")
    return said
