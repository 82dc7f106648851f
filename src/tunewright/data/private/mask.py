"""Placeholders for private values: typed, and the same for the same value in all rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping  # noqa: TC003  # types of the frozen records below
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.private.contact import phone_key
from tunewright.data.private.leaves import leaves, rewritten
from tunewright.data.private.scan import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tunewright.core.private import PrivateSpan
    from tunewright.data.private.scan import FoundInColumn, Spans


def same_value(kind: str, text: str, regions: tuple[str, ...] = ()) -> str:
    """What two spellings of one value have in common: `J.Doe@X.org` and `j.doe@x.org` are one person."""
    if kind == "phone":
        return phone_key(text, regions)
    if kind in {"card", "iban", "national_id", "mac"}:
        return re.sub(r"[\W_]", "", text).upper()
    if kind == "ip":
        return str(ip_address(text))
    return text if kind == "secret" else " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Placeholders:
    """The placeholder of each value, which is known while rows are prepared and written nowhere."""

    kinds: Collection[str]
    """The kinds that are masked; others stay."""
    regions: tuple[str, ...] = ()
    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Kind and value to its number; a value without one gets `<EMAIL>`."""

    def word(self, span: PrivateSpan, text: str) -> str | None:
        """Such as `<EMAIL_3>`; None for a kind that is not masked."""
        if span.kind not in self.kinds:
            return None
        number = self.numbers.get((span.kind, same_value(span.kind, text, self.regions))) if self.numbers else None
        return f"<{span.kind.upper()}>" if number is None else f"<{span.kind.upper()}_{number}>"

    def masked(self, values: pl.Series, found: FoundInColumn) -> pl.Series:
        """The column with placeholders in its texts."""
        texts = values.to_list()
        for row, spans in found.rows.items():
            if any(span.kind in self.kinds for each in spans for span in each):
                texts[row] = rewritten(found.name, texts[row], self._in_turn(spans))
        return pl.Series(values.name, texts, dtype=pl.String)

    def _in_turn(self, spans: Iterable[Spans]) -> Callable[[str], str]:
        """A change of texts that are given in the order of the spans."""
        left = iter(spans)
        return lambda text: replaced(text, next(left), self.word)


def numbered(
    columns: Iterable[tuple[pl.Series, FoundInColumn]], kinds: Collection[str], regions: tuple[str, ...]
) -> Placeholders:
    """Placeholders that number the values found, from 1 for each kind.

    The order is that of a hash of the values: it depends on which values there are, and on nothing else, not even on
    the order of the rows, and it tells nothing of their spelling.
    """
    values = {
        (span.kind, same_value(span.kind, text[span.start : span.end], regions))
        for series, found in columns
        for row, each in found.rows.items()
        for text, spans in zip(leaves(found.name, series[row]), each, strict=True)
        for span in spans
        if span.kind in kinds
    }
    numbers: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}
    for kind, value in sorted(values, key=_shuffled):
        counts[kind] = numbers[kind, value] = counts.get(kind, 0) + 1
    return Placeholders(kinds, regions, numbers)


def _shuffled(value: tuple[str, str]) -> bytes:
    kind, text = value
    return hashlib.blake2b(text.encode(errors="surrogatepass"), key=kind.encode()).digest()
