"""Rows without a text or without a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.faults import Fault, data_error
from tunewright.data.normalise import without_invisible
from tunewright.data.sift import Sifted, sift
from tunewright.data.words import missing_labels, missing_texts

if TYPE_CHECKING:
    from tunewright.recipe.data import Missing


def is_missing_text(text: str | None) -> bool:
    """Whether a text says nothing: absent, blank, only invisible characters, or one of the markers."""
    if text is None:
        return True
    bare = without_invisible(text).strip()
    return not bare or bare.casefold() in missing_texts()


def is_missing_label(label: str | None) -> bool:
    """Whether a label is absent, blank, or one of the words that programs write for no value."""
    if label is None:
        return True
    bare = without_invisible(label).strip()
    return not bare or bare.casefold() in missing_labels()


def drop_missing(rows: pl.DataFrame, *, policy: Missing) -> Sifted:
    """Rows with a text and a label; the others leave as `missing_text` or `missing_label`.

    Raises DataError listing them where the recipe says `missing: error`.
    """
    no_text = pl.Series([is_missing_text(text) for text in rows["input"]], dtype=pl.Boolean)
    no_label = pl.Series([is_missing_label(label) for label in rows["target"]], dtype=pl.Boolean)
    if policy == "error" and (no_text | no_label).any():
        raise _refused(rows, no_text, no_label)
    with_text = sift(rows, keep=~no_text, reason="missing_text")
    with_label = sift(with_text.kept, keep=~no_label.filter(~no_text), reason="missing_label")
    return Sifted(with_label.kept, pl.concat([with_text.dropped, with_label.dropped]))


def _refused(rows: pl.DataFrame, no_text: pl.Series, no_label: pl.Series) -> Exception:
    faults = []
    for source, line, text, label in zip(rows["source"], rows["line"], no_text, no_label, strict=True):
        if text or label:
            what = " and ".join(name for name, gone in (("text", text), ("label", label)) if gone)
            faults.append(Fault(source, line, f"has no {what}"))
    return data_error(
        faults,
        what="lack a text or a label, and data.missing is 'error'",
        remedy="complete these rows, or write `data.missing: drop`",
    )
