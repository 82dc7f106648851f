"""Where a word stands in a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordPlace:
    """A word in its text."""

    text: str
    start: int
    """In characters."""
    end: int
    """Behind its last character."""

    @property
    def word(self) -> str:
        """The word as it stands there."""
        return self.text[self.start : self.end]

    def filled(self, other: str) -> str:
        """The text with another word in this place."""
        return f"{self.text[: self.start]}{other}{self.text[self.end :]}"
