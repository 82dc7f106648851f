"""The word lists of this room, read from `words.json`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

Ranks = tuple[tuple[str, ...], ...]


@cache
def _words() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(files("tunewright.data").joinpath("words.json").read_text(encoding="utf-8"))
    return held


def column_names(role: str) -> Ranks:
    """Folded column names that say `input`, `label`, `text`, `group`, `time`, `id` or `other`, by rank.

    A column of the first rank is taken before any of the second.
    """
    return tuple(tuple(rank) for rank in _words()[role])


@cache
def missing_texts() -> frozenset[str]:
    """Words that stand for no text where they are the whole text, folded."""
    return frozenset(_words()["missing_text"])


@cache
def missing_labels() -> frozenset[str]:
    """Words that stand for no label, folded: machine spellings alone, for `none` and `-` may be classes."""
    return frozenset(_words()["missing_label"])
