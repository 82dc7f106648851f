"""What the tests of private data share."""

from __future__ import annotations

import polars as pl

from tunewright.data.private.find import find_spans, recognisers

TABLE = recognisers()


def found(text: str) -> list[tuple[str, str]]:
    """Kind and value of everything private in a text."""
    spans = find_spans(pl.Series([text], dtype=pl.String), TABLE).get(0, ())
    return [(span.kind, text[span.start : span.end]) for span in spans]
