"""Text cleaning, as the recipe says: idempotent, and every changed row on record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.keys import content_key
from tunewright.data.sift import Amended, amend, record

if TYPE_CHECKING:
    from tunewright.recipe.data import CleanSpec

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters but tab and line breaks
    "\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
"""U+200C and U+200D stay: they are spelling in Persian and Indic scripts, and they join emoji."""
_BLANKS = re.compile(r"[^\S\r\n]+")


def without_invisible(text: str) -> str:
    """The text without control, direction and zero-width characters; line breaks and tabs stay."""
    return _INVISIBLE.sub("", text)


def with_plain_blanks(text: str) -> str:
    """The text without blanks at its ends, and with one blank for each run of them inside a line."""
    return _BLANKS.sub(" ", text).strip()


def clean_text(text: str, spec: CleanSpec) -> str:
    """The cleaned text; cleaning it again changes nothing."""
    text = without_invisible(text) if spec.control_characters else text
    return with_plain_blanks(text) if spec.whitespace else text


def clean_rows(rows: pl.DataFrame, spec: CleanSpec) -> Amended:
    """The rows with clean texts and the content keys of these; each changed row is recorded once a rule."""
    changes = [record(rows.clear(), rule="", action="changed")]
    steps = [
        ("control_character", spec.control_characters, without_invisible),
        ("whitespace", spec.whitespace, with_plain_blanks),
    ]
    for rule, wanted, change in steps:
        if wanted:
            texts = [change(text) for text in rows["input"]]
            amended = amend(rows, pl.Series("input", texts, dtype=pl.String), rule=rule)
            rows = amended.rows
            changes.append(amended.changes)
    keyed = rows.with_columns(pl.Series("content_key", [content_key(t) for t in rows["input"]], dtype=pl.String))
    return Amended(keyed, pl.concat(changes))
