"""Texts with a tag for each word: the first piece of a word bears it, all other tokens have no target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.core.encoded import EncodedRow
from tunewright.core.files import digest
from tunewright.core.spans import from_json, tag_names, tags_of, words_of
from tunewright.models.encoder import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.encoded import RowContent
    from tunewright.core.spans import Borders
    from tunewright.models.tokenizer import SettledTokenizer

NO_PIECE = -1


def first_pieces(encoding: Any, words: Sequence[Borders]) -> list[int]:
    """The position of each word's first token in a tokenizers `Encoding`; NO_PIECE for a word that has none.

    That is a word which begins within a token of the word before it, or which the tokenizer leaves out.
    """
    found = []
    tokens = [(start, end, at) for at, (start, end) in enumerate(encoding.offsets) if end > start]
    at, taken = 0, NO_PIECE
    for start, end in words:
        while at < len(tokens) and tokens[at][1] <= start:
            at += 1
        holds = at < len(tokens) and tokens[at][0] < end and tokens[at][2] != taken
        taken = tokens[at][2] if holds else taken
        found.append(taken if holds else NO_PIECE)
    return found


class TagEncoder(Encoder):
    """Rows of the layout `tags`."""

    def __init__(self, tokenizer: SettledTokenizer, labels: Sequence[str]) -> None:
        decides = [tokenizer.fingerprint, tokenizer.named_tokens, "tags", list(labels)]
        super().__init__(tokenizer, "tags", fingerprint=digest(decides))
        self._index = {tag: number for number, tag in enumerate(tag_names(labels))} if labels else None

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        """One encoded row a row; one without a target has no spans either."""
        placed = self._tokenizer.encode_placed([row.input for row in rows])
        return [self._encoded(row, encoding) for row, encoding in zip(rows, placed, strict=True)]

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        """The row's beginning, its closing special tokens, and the tags that are left."""
        ids = self._tokenizer.cut(row.input_ids, max_tokens)
        end = self._tokenizer.framed_span(ids)[1] if len(row.input_ids) > max_tokens else len(ids)
        spans = tuple((start, min(stop, end)) for start, stop in row.loss_spans if start < end)
        return EncodedRow(ids, spans, values=row.values[: sum(stop - start for start, stop in spans)])

    def _encoded(self, row: RowContent, encoding: Any) -> EncodedRow:
        if row.target is None:
            return EncodedRow(encoding.ids)
        words = words_of(row.input)
        tags = tags_of(words, from_json(row.target))
        firsts = first_pieces(encoding, words)
        held = [(at, tag) for at, tag in zip(firsts, tags, strict=True) if at != NO_PIECE]
        values = tuple(float(self._index[tag]) if self._index is not None else 0.0 for _, tag in held)
        return EncodedRow(encoding.ids, _joined([at for at, _ in held]), values=values)


def _joined(places: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The places as (start, end), those side by side in one."""
    spans: list[tuple[int, int]] = []
    for at in places:
        if spans and spans[-1][1] == at:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return tuple(spans)
