"""The two names of a row: where it came from, and what it says."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_WORD = re.compile(r"\w+")


def content_key(text: str) -> str:
    """The duplicate key: NFKC, casefold, `\\w+` joined by one blank, sha256, the first 32 hexadecimal digits.

    A text without any word (only emoji or punctuation) is keyed by its signs instead: those texts are not all alike.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = " ".join(_WORD.findall(folded))
    return _hash(words or "\x1f" + "".join(folded.split()))


def content_keys(texts: pl.Series) -> list[str]:
    """The duplicate key of each text, as `content_key` gives it; an absent text has that of an empty one.

    Words of ASCII are found for the whole column at once: there, NFKC changes nothing and folding is lower case.
    """
    present = texts.fill_null("")
    words = present.str.to_lowercase().str.replace_all("[^0-9a-z_]+", " ").str.strip_chars(" ")
    plain = (words != "") & ~present.str.contains("[^\\x00-\\x7f]")
    columns = zip(present, words, plain, strict=True)
    return [_hash(found) if simple else content_key(text) for text, found, simple in columns]


def row_id(source: str, row_number: int) -> str:
    """The provenance key of the record with this number (from 1) in its source: 32 hexadecimal digits."""
    return _hash(f"{source}\x1f{row_number}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
