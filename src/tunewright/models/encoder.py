"""What all encoders of rows have in common: they ask one settled tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.encoded import EncodedRow, Layout, SpecialIds
    from tunewright.models.tokenizer import SettledTokenizer


class Encoder:
    """The part of `core.protocols.PromptEncoder` that no task does otherwise, but for what it overrides."""

    layout: Layout

    def __init__(
        self, tokenizer: SettledTokenizer, layout: Layout, *, fingerprint: str, special: SpecialIds | None = None
    ) -> None:
        """`special` are the tokenizer's own where none are given."""
        self.layout = layout
        self.fingerprint = fingerprint
        self.special: SpecialIds = special or tokenizer.special
        self._tokenizer = tokenizer

    @property
    def max_tokens(self) -> int:
        """The longest sequence the model accepts."""
        return self._tokenizer.max_tokens

    def length(self, row: EncodedRow) -> int:
        """All tokens."""
        return len(row.input_ids)

    def frame(self, row: EncodedRow) -> tuple[int, int]:
        """The special tokens that the tokenizer puts around a text."""
        start, end = self._tokenizer.framed_span(row.input_ids)
        return start, len(row.input_ids) - end

    def decode(self, ids: Sequence[int]) -> str:
        """The text of generated ids, without special tokens."""
        return self._tokenizer.decode(ids)

    def bytes_of(self, ids: Sequence[int]) -> int:
        """UTF-8 bytes that ids spell, a template's white space among them; special tokens spell none."""
        return self._tokenizer.bytes_of(ids)
