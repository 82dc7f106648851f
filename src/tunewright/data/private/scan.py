"""Private spans of rows, field by field."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.private.find import find_spans, hinted
from tunewright.data.private.leaves import JSON_COLUMNS, leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tunewright.core.private import PrivateSpan
    from tunewright.core.protocols import PrivateFinder
    from tunewright.data.private.recogniser import Recogniser

Spans = tuple["PrivateSpan", ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """Who looks for private data."""

    table: Sequence[Recogniser]
    finders: Sequence[PrivateFinder] = ()

    @property
    def searching(self) -> bool:
        """Whether anything is looked for at all."""
        return bool(self.table or self.finders)

    def column(self, rows: pl.DataFrame, name: str) -> FoundInColumn:
        """The private spans of one column of the rows."""
        values = rows[name]
        if name not in JSON_COLUMNS:
            found = find_spans(values, self.table, self.finders)
            return FoundInColumn(name, {row: (spans,) for row, spans in found.items()})
        asked = values.is_not_null() if self.finders else hinted(values, self.table)
        held = [(row, leaves(name, value)) for row, value in enumerate(values) if asked[row] and value is not None]
        found = find_spans(
            pl.Series([text for _, texts in held for text in texts], dtype=pl.String), self.table, self.finders
        )
        return FoundInColumn(name, dict(_by_row(held, found)))


@dataclass(frozen=True, slots=True)
class FoundInColumn:
    """Private spans of one column."""

    name: str
    rows: Mapping[int, tuple[Spans, ...]] = field(default_factory=dict)
    """Row (from 0) to the spans of each of its texts; rows without any are absent."""

    def kinds(self, row: int) -> Counter[str]:
        """How many values of each kind a row holds."""
        return Counter(span.kind for spans in self.rows.get(row, ()) for span in spans)


def _by_row(held: list[tuple[int, list[str]]], found: Mapping[int, Spans]) -> Iterator[tuple[int, tuple[Spans, ...]]]:
    """The spans of the rows' texts, which were looked at one behind the other."""
    first = 0
    for row, texts in held:
        spans = tuple(found.get(first + n, ()) for n in range(len(texts)))
        first += len(texts)
        if any(spans):
            yield row, spans


def replaced(text: str, spans: Spans, word: Callable[[PrivateSpan, str], str | None]) -> str:
    """The text with a word in the place of each span; a span without a word stays."""
    parts, last = [], 0
    for span in spans:
        instead = word(span, text[span.start : span.end])
        if instead is not None:
            parts += [text[last : span.start], instead]
            last = span.end
    return "".join([*parts, text[last:]])
