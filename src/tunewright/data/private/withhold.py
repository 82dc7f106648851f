"""Texts as they were before a change, withheld where the change revealed what must not be shown."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.private.leaves import leaves
from tunewright.data.private.mask import same_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tunewright.data.private.scan import FoundInColumn, Spans

WITHHELD = "(withheld: what changed it revealed private data)"
Values = Counter[tuple[str, str]]


def withheld(
    account: pl.DataFrame, found: Mapping[str, FoundInColumn], columns: Sequence[str], *, regions: tuple[str, ...]
) -> pl.Series:
    """The column `before`, without each text in which fewer private values are found than in what became of it.

    A tag or an invisible sign inside a token hides it from every pattern; who takes the sign out reads the token. Where
    all values of the text as it is now are found in it as it was, placeholders do.
    """
    before = account["before"].to_list()
    for row in sorted({row for name in columns for row in found[name].rows}):
        now = {
            name: _values(leaves(name, account[name][row]), found[name].rows[row], regions)
            for name in columns
            if row in found[name].rows
        }
        before[row] = _without_revealed(before[row], now, found["before"].rows.get(row, ()), regions)
    return pl.Series("before", before, dtype=pl.String)


def _without_revealed(before: str, now: Mapping[str, Values], spans: Sequence[Spans], regions: tuple[str, ...]) -> str:
    fields = json.loads(before)
    if not any(isinstance(fields.get(name), str) for name in now):
        return before
    known = iter(spans)
    for name, text in fields.items():
        held = [next(known, ()) for _ in leaves("before", json.dumps(text))]
        if isinstance(text, str) and now.get(name, Counter()) - _values([text], held, regions):
            fields[name] = WITHHELD
    return json.dumps(fields, ensure_ascii=False)


def _values(texts: Iterable[str], spans: Iterable[Spans], regions: tuple[str, ...]) -> Values:
    """How often each private value stands in the texts."""
    return Counter(
        (span.kind, same_value(span.kind, text[span.start : span.end], regions))
        for text, each in zip(texts, spans, strict=True)
        for span in each
    )
