"""A text as words and what stands between them, so that one word can change and the rest stays as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tunewright.core.places import WordPlace

_WORD = re.compile(r"\S+")
PLACEHOLDER = re.compile(r"[<\[][A-Z][A-Z0-9_]*[>\]]")
"""What stands for private data or a web address: changed, it would stand for nothing."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words, and the blanks around them."""

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    """What stands before each word and, last, behind all of them."""

    @property
    def joined(self) -> str:
        """The text."""
        pairs = zip(self.gaps, self.words, strict=False)
        return "".join(gap + word for gap, word in pairs) + self.gaps[-1]


def taken_apart(text: str) -> Text:
    """The text as words; joined again, it is the same."""
    words, gaps, behind = [], [], 0
    for found in _WORD.finditer(text):
        words.append(found.group())
        gaps.append(text[behind : found.start()])
        behind = found.end()
    return Text(tuple(words), (*gaps, text[behind:]))


def core_span(word: str) -> tuple[int, int]:
    """Where the word proper lies between the signs at its ends; an empty span at 0 for a word of signs alone."""
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return (start, end) if start < end else (0, 0)


def core(word: str) -> str:
    """The word without the signs at its ends."""
    start, end = core_span(word)
    return word[start:end]


def places(text: Text) -> list[WordPlace]:
    """Where each word proper stands in the joined text."""
    whole, found, at = text.joined, [], 0
    for gap, word in zip(text.gaps, text.words, strict=False):
        at += len(gap)
        start, end = core_span(word)
        found.append(WordPlace(whole, at + start, at + end))
        at += len(word)
    return found


def free(text: Text, kept: frozenset[str]) -> list[int]:
    """The numbers of the words that may be touched: no placeholder, and none of the words to keep (case-folded)."""
    return [
        number
        for number, word in enumerate(text.words)
        if not PLACEHOLDER.search(word) and core(word).casefold() not in kept
    ]


def cased_like(word: str, model: str) -> str:
    """The word with the capitals of another: all, the first, or as it is."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
