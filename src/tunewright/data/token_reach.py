"""How a base's tokenizer and context fit texts, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.audit import TokenFit
from tunewright.core.encoded import OF_ROWS
from tunewright.data.overlength import fit_rows
from tunewright.data.profile import distribution
from tunewright.data.tokenize import encode_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.protocols import RowEncoder
    from tunewright.data.token_rows import TokenRows

SAMPLE_ROWS = 5_000
"""Rows measured for a base beside the one that is chosen, drawn by chance."""


def token_fit(
    rows: pl.DataFrame, encoder: RowEncoder, spelt: Sequence[Sequence[int]], *, model: str
) -> TokenFit | None:
    """The figures of the rows (ROW_COLUMNS); None without a token.

    `spelt` are the ids of each row's `input` by itself, without special tokens. Of classes, the text alone counts.
    """
    classes = encoder.layout in OF_ROWS
    asked = rows.with_columns(pl.lit(None, pl.String).alias("target")) if classes else rows
    whole = encode_rows(asked, encoder)
    lengths = distribution(whole.held_N.tolist())
    tokens = sum(map(len, spelt))
    if lengths is None or not tokens:
        return None
    words = int(rows["input"].str.count_matches(r"\w+").sum())
    unknown = encoder.special.unknown
    return TokenFit(
        model=model,
        rows=rows.height,
        max_tokens=encoder.max_tokens,
        tokens=lengths,
        tokens_per_word=tokens / words if words else None,
        bytes_per_token=int(rows["input"].str.len_bytes().sum()) / tokens,
        unknown_share=None if unknown is None else sum(list(ids).count(unknown) for ids in spelt) / tokens,
        overlong_share=float((whole.held_N > encoder.max_tokens).mean()),
        lost_share=None if classes else _lost(asked, whole, encoder),
    )


def _lost(rows: pl.DataFrame, whole: TokenRows, encoder: RowEncoder) -> float | None:
    """The share of the target tokens that a cut at the context takes away."""
    fitted = fit_rows(rows, whole, encoder, policy="truncate")
    targets = int(whole.trained_N.sum())
    return int(fitted.lost_N.sum()) / targets if targets else None
