"""What a recogniser of one kind of private data is."""

from __future__ import annotations

import re  # noqa: TC003  # a type of the frozen record below
from collections.abc import Callable  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.private import PrivateKind, PrivateSpan

if TYPE_CHECKING:
    from collections.abc import Iterator

Bounds = tuple[int, int]
CONTEXT_CHARS = 40
"""How far before a number the word may stand that says what it is."""


def whole(match: re.Match[str]) -> Bounds | None:
    """The bounds of the group `value` where the pattern has one, else of the whole match."""
    return match.span("value" if "value" in match.re.groupindex else 0)


def said_before(match: re.Match[str], word: re.Pattern[str]) -> bool:
    """Whether the pattern stands in the 40 characters before the match."""
    return word.search(match.string, max(0, match.start() - CONTEXT_CHARS), match.start()) is not None


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A row of the table of recognisers."""

    name: str
    """Such as `spanish_dni`."""
    kind: PrivateKind
    hint: str
    """A pattern of Rust's regex crate, free of look-around: a text without a match of it is not looked at further."""
    pattern: re.Pattern[str]
    """What a value looks like. Each repetition is bounded, or stops where the next attempt would begin: a search takes
    time in proportion to the text."""
    score: float
    value_of: Callable[[re.Match[str]], Bounds | None] = whole
    """The bounds of the value that a match begins, or None where it fails its checksum or its context."""

    def find(self, text: str) -> Iterator[PrivateSpan]:
        """The values of this kind in a text, in their order; they may overlap those of other recognisers."""
        for match in self.pattern.finditer(text):
            bounds = self.value_of(match)
            if bounds is not None:
                yield PrivateSpan(*bounds, self.kind, self.score)
