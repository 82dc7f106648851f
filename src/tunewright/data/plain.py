"""Texts of ASCII alone, which most are: their words, byte by byte through a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_WORDS = bytes(
    ord(chr(code).lower()) if chr(code).isalnum() or chr(code) == "_" else ord(" ") for code in range(128)
) + bytes(128)


def is_ascii(texts: pl.Series) -> pl.Series:
    """Whether each text has no character beyond ASCII; null where there is no text."""
    return texts.str.len_bytes() == texts.str.len_chars()


def ascii_words(text: str) -> bytes:
    """The letters, digits and underscores of a text of ASCII in lower case, its words joined by one blank.

    There, compatibility forms change nothing and folding is lower case.
    """
    return b" ".join(text.encode("ascii").translate(_WORDS).split())
