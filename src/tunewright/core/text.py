"""Text of others, made fit to be shown."""

from __future__ import annotations

import unicodedata

ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what steers a terminal or, as half a surrogate pair, cannot be printed at all."""


def is_unicode(text: str) -> bool:
    """Whether it can be written as UTF-8: bytes of a command line or a file name that are none come as half a pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(text: str) -> str:
    """The text on one line, with control characters escaped: it can neither colour nor move anything on a terminal."""
    return "".join(repr(c)[1:-1] if unicodedata.category(c) in ESCAPED else c for c in text)


def excerpt(text: str, most: int = 100) -> str:
    """The beginning of a text on one line, fit for a terminal."""
    words = plain(" ".join(text.split()))
    return words if len(words) <= most else words[: most - 1] + "…"
