"""Characters that nobody sees and a tokenizer does."""

from __future__ import annotations

import re

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters but tab and line breaks
    "\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
"""U+200C and U+200D stay: they are spelling in Persian and Indic scripts, and they join emoji."""


def without_invisible(text: str) -> str:
    """The text without control, direction and zero-width characters; line breaks and tabs stay."""
    return text if text.isprintable() else _INVISIBLE.sub("", text)  # none of them is printable


def is_blank(text: str) -> bool:
    """Whether a text says nothing."""
    return not without_invisible(text).strip()
