"""Columns that say whose a row is, when it came about and which one it is: a name, and in one sentence why it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.describe import TEXT_WORDS
from tunewright.data.shapes import flat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.describe import SniffedColumn


def group_of(columns: Sequence[SniffedColumn]) -> tuple[str, str] | None:
    """The column whose rows belong together."""
    for column in columns:
        if column.folded in flat("group") and 1 < column.distinct < 0.95 * column.filled:
            many = column.filled / column.distinct
            reason = (
                f"its name says whom a row belongs to, and each of {column.distinct:,} has {many:.1f} rows on average"
            )
            return column.name, reason
    return None


def time_of(columns: Sequence[SniffedColumn]) -> tuple[str, str] | None:
    """The column of dates."""
    dates = [column for column in columns if column.kind == "date" and column.missing_share < 0.5]
    if not dates:
        return None
    chosen = next((column for column in dates if column.folded in flat("time")), dates[0])
    return chosen.name, f"dates, such as {chosen.examples[0]!r}"


def id_of(columns: Sequence[SniffedColumn]) -> tuple[str, str] | None:
    """The column whose every value is its row's own."""
    for column in columns:
        unique = not column.missing and column.distinct == column.filled
        if unique and column.folded in flat("id") and column.mean_words < TEXT_WORDS:
            return column.name, "its name says so, and every value is different"
    return None
