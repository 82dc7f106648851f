"""What stands for the encoder of a base that is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.encoded import EncodedRow, SpecialIds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.encoded import Layout, RowContent


class Unmeasured:
    """Stands for the encoder of a base that is not here: no text has a length, so no finding speaks of one."""

    layout: Layout = "classes"
    max_tokens = 0
    fingerprint = ""
    special = SpecialIds(None, None, 0, frozenset())

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        """No token for any row."""
        return [EncodedRow([]) for _ in rows]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:  # noqa: ARG002  # the signature of the Protocol
        """The row as it is."""
        return row

    def frame(self, row: EncodedRow) -> tuple[int, int]:  # noqa: ARG002  # the signature of the Protocol
        """None."""
        return 0, 0

    def length(self, row: EncodedRow) -> int:
        """None at all."""
        return len(row.input_ids)
