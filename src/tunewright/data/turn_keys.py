"""Keys of a conversation's turns that nothing reads: what stands under them is not learned, and that is told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.data.shapes import turns_of
from tunewright.data.turns import READ_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.data.columns import Columns
    from tunewright.data.read import RawTable

SHOWN = 5


def unread_keys(table: RawTable, columns: Columns) -> list[Finding]:
    """A note of the keys that turns of the table have and nothing reads, by how many conversations; none, no note."""
    if columns.messages is None or columns.messages not in table.frame.columns:
        return []
    found = _counts(table.frame[columns.messages])
    if not found:
        return []
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{key!r} in {counted(count, 'conversation')}" for key, count in ranked[:SHOWN])
    more = f" and {len(ranked) - SHOWN} more" if len(ranked) > SHOWN else ""
    message = f"{table.source}: turns have keys that are not read: {shown}{more}"
    remedy = "nothing need be done if they say nothing to learn; what is to be learned belongs into the content"
    return [Finding("unread_turn_keys", "note", message, max(found.values()), remedy=remedy)]


def _counts(column: pl.Series) -> Mapping[str, int]:
    """Key to the conversations in which a turn has something under it."""
    if isinstance(column.dtype, pl.List) and isinstance(column.dtype.inner, pl.Struct):
        names = [field.name for field in column.dtype.inner.fields if field.name not in READ_KEYS]
        said = {name: column.list.eval(pl.element().struct.field(name).is_not_null()).list.any() for name in names}
        return {name: count for name, held in said.items() if (count := int(held.sum()))}
    found: Counter[str] = Counter()
    for value in column:
        turns = [turn for turn in turns_of(value) or () if isinstance(turn, dict)]
        found.update({str(k) for turn in turns for k, v in turn.items() if v is not None and k not in READ_KEYS})
    return found
