"""Columns that may hold a number to be predicted for each row, by their names and by what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.shapes import flat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.data.describe import SniffedColumn

LEAST_DISTINCT = 3
"""A column of two numbers holds labels."""


def number_columns(columns: Sequence[SniffedColumn]) -> list[SniffedColumn]:
    """Those of the columns that may hold a number to be learned, the most likely first."""
    others = {*flat("id"), *flat("time"), *flat("group"), *flat("other")}
    fitting = [
        column
        for column in columns
        if column.kind == "number"
        and column.distinct >= LEAST_DISTINCT
        and column.missing_share < 0.5
        and column.folded not in others
    ]
    known = flat("number")
    return sorted(fitting, key=lambda c: known.index(c.folded) if c.folded in known else len(known))


def plain_number(columns: Sequence[SniffedColumn]) -> SniffedColumn | None:
    """The column whose name says that it holds numbers to be learned, and that has decimals: no label has."""
    named = [c for c in number_columns(columns) if c.folded in flat("number")]
    return next((c for c in named if any("." in example for example in c.examples)), None)
