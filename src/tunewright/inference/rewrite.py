"""Texts in other words: through another language and back, or by asking a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tunewright.core.encoded import RowContent
from tunewright.core.generated import Decoding  # noqa: TC001  # a type of the frozen records below
from tunewright.core.protocols import Generator  # noqa: TC001  # likewise
from tunewright.core.seeds import child_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class BackTranslator:
    """Two translation models. Implements `core.protocols.Rewriter`."""

    there: Generator
    back: Generator
    decoding: Decoding
    """Of both ways; its seed is that of the rewriting."""
    prefix_there: str = ""
    prefix_back: str = ""

    def rewrite(self, texts: Sequence[str], *, seed: int) -> list[str | None]:
        """Each text there and back again; None where either way did not end, or said nothing."""
        abroad = _written(self.there, [self.prefix_there + text for text in texts], self._by(seed, "there"))
        known = [n for n, text in enumerate(abroad) if text is not None]
        home = _written(self.back, [f"{self.prefix_back}{abroad[n]}" for n in known], self._by(seed, "back"))
        found: list[str | None] = [None] * len(texts)
        for n, text in zip(known, home, strict=True):
            found[n] = text
        return found

    def _by(self, seed: int, way: str) -> Decoding:
        return replace(self.decoding, seed=child_seed(seed, way))


@dataclass(frozen=True, slots=True)
class Paraphraser:
    """A model that is asked. Implements `core.protocols.Rewriter`."""

    model: Generator
    ask: Callable[[str], RowContent]
    """Text to the question."""
    decoding: Decoding
    """Its seed is that of the rewriting."""

    def rewrite(self, texts: Sequence[str], *, seed: int) -> list[str | None]:
        """The answer to each question; None where it did not end, or said nothing."""
        decoding = replace(self.decoding, seed=seed)
        return [
            _ended(found.text, found.stopped) for found in self.model.generate(list(map(self.ask, texts)), decoding)
        ]


def _written(model: Generator, texts: Sequence[str], decoding: Decoding) -> list[str | None]:
    found = model.generate([RowContent(text) for text in texts], decoding)
    return [_ended(each.text, each.stopped) for each in found]


def _ended(text: str, stopped: bool | None) -> str | None:  # noqa: FBT001  # the two things that a generation is
    return text.strip() or None if stopped else None
