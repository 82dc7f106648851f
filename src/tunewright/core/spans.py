"""Spans of a text with a label each, the words they are made of, and the tags by which a model says them.

Tags are those of IOB2: `B-X` begins a span of X, `I-X` goes on with it, `O` stands outside (Ramshaw & Marcus 1995, in
the form of Tjong Kim Sang & Veenstra 1999).
"""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OUTSIDE: Final = "O"

_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fa1f"
"""Kana and Han: these scripts put no blank between words, so that each character is one."""
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u200d"
    "\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff\u0f71-\u0fbc\u1000-\u109f\u1780-\u17d3"
)
"""Marks that belong to the letter before them, and the blocks of Indic and South-East Asian scripts that are full of
such marks."""
_WORD = re.compile(rf"[{_ALONE}]|(?:[^\W{_ALONE}]|[{_MARKS}])+|[^\w\s]")

Borders = tuple[int, int]
"""Where a word begins and ends in its text, in characters."""


class Span(NamedTuple):
    """A stretch of a text, in characters, and what it is."""

    start: int
    end: int
    """Behind the last character."""
    label: str


def words_of(text: str) -> list[Borders]:
    """The words of a text in order: runs of letters and digits, and every other sign that is no blank by itself.

    The time is linear in the length of the text. Of Chinese and Japanese, each character is a word; Thai, Lao, Khmer
    and Burmese, which put no blanks between words, are cut at their blanks alone.
    """
    return [match.span() for match in _WORD.finditer(text)]


def to_json(spans: Iterable[Span]) -> str:
    """The spans as text, in their order in the row: the same spans, the same text."""
    return json.dumps(sorted(spans), ensure_ascii=False)


def from_json(text: str) -> tuple[Span, ...]:
    """The spans that `to_json` wrote."""
    return tuple(Span(*span) for span in json.loads(text))


def overlapping(spans: Sequence[Span]) -> bool:
    """Whether any character is in two of the spans."""
    return any(first.end > second.start for first, second in pairwise(sorted(spans)))


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """All tags in the order of a model's outputs: `O`, then `B-X` and `I-X` of each label."""
    return (OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in "BI"))


def labels_of_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """The labels whose tags `tag_names` gave."""
    return tuple(tag[2:] for tag in tags if tag.startswith("B-"))


def tags_of(words: Sequence[Borders], spans: Iterable[Span]) -> list[str]:
    """The tag of each word. A word that a span holds in part is the span's; one that two hold is the first one's."""
    tags = [OUTSIDE] * len(words)
    at = 0
    for span in sorted(spans):
        while at < len(words) and words[at][1] <= span.start:
            at += 1
        prefix = "B"
        while at < len(words) and words[at][0] < span.end:
            tags[at] = f"{prefix}-{span.label}"
            prefix, at = "I", at + 1
    return tags


def spans_of(words: Sequence[Borders], tags: Sequence[str]) -> tuple[Span, ...]:
    """The spans that the words' tags say, strictly: `I-X` that follows neither `B-X` nor `I-X` is part of none."""
    found: list[Span] = []
    open_label: str | None = None
    for (start, end), tag in zip(words, tags, strict=True):
        prefix, _, label = tag.partition("-")
        if prefix == "B":
            found.append(Span(start, end, label))
            open_label = label
        elif prefix == "I" and label == open_label:
            found[-1] = found[-1]._replace(end=end)
        else:
            open_label = None
    return tuple(found)
