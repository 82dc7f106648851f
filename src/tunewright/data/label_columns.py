"""Columns that may hold the label of each row, by their names and by how their values repeat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tunewright.data.shapes import flat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.describe import SniffedColumn

MAX_LABEL_SHARE = 0.2
"""Labels repeat: a column with more different values than this share of its rows holds something else."""
MAX_LABEL_CHARS = 60
FEW_ROWS = 50
"""In so small a file, half of the values may differ and still be labels."""
PLAIN = frozenset({"label", "labels"})

_IDENTIFIER = re.compile(r"(^|[\W_])[iI][dD]$|[a-z]I[dD]$")


def label_columns(columns: Sequence[SniffedColumn]) -> list[SniffedColumn]:
    """Those of the columns that may hold a label, the most likely first."""
    fitting = [column for column in columns if _may_be_label(column) and _score(column) > 0]
    return sorted(fitting, key=_score, reverse=True)


def named_label(column: SniffedColumn) -> bool:
    """Whether the column's name says that it holds labels."""
    return column.folded in flat("label")


def plain_label(column: SniffedColumn) -> bool:
    """Whether the column is called a label outright."""
    return column.folded in PLAIN


def _may_be_label(column: SniffedColumn) -> bool:
    share = 0.5 if column.filled <= FEW_ROWS else MAX_LABEL_SHARE
    return (
        column.kind in {"words", "number", "text"}
        and 2 <= column.distinct <= max(2, share * column.filled)
        and column.mean_chars <= MAX_LABEL_CHARS
        and column.missing_share < 0.5
        and not any("." in example for example in column.examples if column.kind == "number")
    )


def _score(column: SniffedColumn) -> float:
    """Names count most; then words before numbers, and values that repeat often before those that do not."""
    known = flat("label")
    named = 3.0 - known.index(column.folded) * 0.01 if column.folded in known else 0.0
    elsewhere = (*flat("other"), *flat("group"), *flat("id"), *flat("time"))
    other = -3.0 if column.folded in elsewhere or _IDENTIFIER.search(column.name) else 0.0
    kind = {"words": 1.0, "number": 0.3}.get(column.kind, 0.2)
    return named + other + kind - 0.1 * column.distinct_share
