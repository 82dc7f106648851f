"""The two names of a row: where it came from, and what it says."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_WORD = re.compile(r"\w+")


def content_key(text: str) -> str:
    """The duplicate key: NFKC, casefold, `\\w+` joined by one blank, sha256, the first 32 hexadecimal digits.

    A text without any word (only emoji or punctuation) is keyed by its signs instead: those texts are not all alike.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = " ".join(_WORD.findall(folded))
    return _hash(words or "\x1f" + "".join(folded.split()))


def row_id(source: str, row_number: int) -> str:
    """The provenance key of the record with this number (from 1) in its source: 32 hexadecimal digits."""
    return _hash(f"{source}\x1f{row_number}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
