"""What augmentation needs of rooms that know models: handed in, and made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003  # types of the frozen record below
from dataclasses import dataclass

from tunewright.core.protocols import Classifier, Embedder, Rewriter, WordSuggester  # noqa: TC001  # likewise
from tunewright.recipe.augment import (  # noqa: TC001  # likewise
    MaskedWords,
    NeighbourWords,
    Rewriting,
)


@dataclass(frozen=True, slots=True)
class Tools:
    """Functions that load what they need."""

    classifier: Callable[[Sequence[str], Sequence[str]], Classifier]
    """Texts and their labels to a classifier that was fitted on them."""
    suggester: Callable[[NeighbourWords | MaskedWords], WordSuggester]
    rewriter: Callable[[Rewriting], Rewriter]
    embedder: Callable[[], Embedder]
    """The base's view of a text."""
    say: Callable[[str], None] = lambda _line: None
    """Told one line before each piece of slow work."""
