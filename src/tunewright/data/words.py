"""The word lists of this room, read from `words.json`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Ranks = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class PairShape:
    """Names of columns, folded, that together hold questions and answers."""

    name: str
    ask: tuple[str, ...]
    more: tuple[str, ...]
    """What belongs to the question, in this order behind it, where it is there."""
    answer: tuple[str, ...]
    """The first of these that is there."""
    sure: bool = False
    """Whether the names say instruction and answer, whatever else the table holds."""


@cache
def _words() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(files("tunewright.data").joinpath("words.json").read_text(encoding="utf-8"))
    return held


def column_names(role: str) -> Ranks:
    """Folded column names that say a role such as `input`, `label`, `answer`, `messages` or `id`, by rank.

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


@cache
def pair_shapes() -> tuple[PairShape, ...]:
    """The known shapes of questions and answers, the most telling first."""
    return tuple(
        PairShape(s["name"], tuple(s["ask"]), tuple(s["more"]), tuple(s["answer"]), sure=s.get("sure", False))
        for s in _words()["pairs"]
    )


@cache
def roles() -> dict[str, str]:
    """A role as data sets write it, to the role it is here."""
    return dict(_words()["roles"])


def fold_name(name: str) -> str:
    """A column name without case and separators."""
    return re.sub(r"[\W_]+", "", name).casefold()
