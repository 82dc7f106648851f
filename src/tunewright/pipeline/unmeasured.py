"""What stands for the encoder of a base that is not on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.encoded import EncodedRow, Layout, RowContent, SpecialIds

if TYPE_CHECKING:
    from collections.abc import Sequence


class Unmeasured:
    """A RowEncoder without a tokenizer: no text has a length, so no finding speaks of one."""

    layout: Layout = "classes"
    max_tokens = 0
    fingerprint = ""
    special = SpecialIds(None, None, 0, frozenset())

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        """Rows without ids."""
        return [EncodedRow([]) for _ in rows]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:  # noqa: ARG002  # the signature of the Protocol
        """The row as it is."""
        return row

    def length(self, row: EncodedRow) -> int:
        """None to speak of."""
        return len(row.input_ids)
