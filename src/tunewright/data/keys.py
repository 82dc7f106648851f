"""The two names of a row: where it came from, and what it says."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from tunewright.core.private import PRIVATE_KINDS
from tunewright.data.plain import ascii_words, is_ascii

if TYPE_CHECKING:
    import polars as pl

_WORD = re.compile(r"\w+")
_NUMBERED = re.compile(rf"<({'|'.join(kind.upper() for kind in PRIVATE_KINDS)})_\d{{1,9}}>")


def content_key(text: str) -> str:
    """The duplicate key: NFKC, casefold, `\\w+` joined by one blank, sha256, the first 32 hexadecimal digits.

    The number of a placeholder such as `<EMAIL_3>` is left out: new rows may change it, and they must not change what
    an older row says. A text without any word (only emoji or punctuation) is keyed by its signs instead: those texts
    are not all alike.
    """
    folded = unicodedata.normalize("NFKC", without_numbers(text)).casefold()
    words = " ".join(_WORD.findall(folded))
    return _hash((words or "\x1f" + "".join(folded.split())).encode())


def content_keys(texts: pl.Series) -> list[str]:
    """The duplicate key of each text, as `content_key` gives it; an absent text has that of an empty one.

    Texts of ASCII take a shorter way to the same key, but for those that may hold a placeholder.
    """
    present = texts.fill_null("")
    plain = is_ascii(present) & ~present.str.contains("<", literal=True)
    return [
        _hash(words) if simple and (words := ascii_words(text)) else content_key(text)
        for text, simple in zip(present.to_list(), plain.to_list(), strict=True)
    ]


def without_numbers(text: str) -> str:
    """The text with `<EMAIL>` for `<EMAIL_3>`, and so of every kind of private data."""
    return _NUMBERED.sub(r"<\1>", text) if "<" in text else text


def row_id(source: str, row_number: int) -> str:
    """The provenance key of the record with this number (from 1) in its source: 32 hexadecimal digits."""
    return _hash(f"{source}\x1f{row_number}".encode())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
