"""Which language a text is in, by py3langid's model (Lui & Baldwin 2012); a text that tells too little is unknown."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNKNOWN = "unknown"
LEAST_LETTERS = 20
"""Letters below which no language is told; a letter of an unspaced script says more than one of an alphabet, and
counts for four."""
LEAST_PROBABILITY = 0.8
MOST_CHARS = 300
"""What is read of a text: more does not change the answer, and costs time."""
LOOKED_AT = 5_000
"""Rows of which a first look tells the language: about a second."""


@cache
def _classify() -> Callable[[str], tuple[str, float]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  # half a second, only where asked for

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def classify(text: str) -> tuple[str, float]:
        language, probability = identifier.classify(text)
        return str(language), float(probability)

    return classify


def language_of(text: str) -> str:
    """The language's code of two letters (ISO 639-1), or `unknown`."""
    head = text[:MOST_CHARS]
    if sum(4 if ord(c) >= 0x2E80 else 1 for c in head if c.isalpha()) < LEAST_LETTERS:
        return UNKNOWN
    language, probability = _classify()(head)
    return language if probability >= LEAST_PROBABILITY else UNKNOWN


def languages_of(texts: Sequence[str]) -> list[str]:
    """The language of each text; equal texts are looked at once."""
    known: dict[str, str] = {text: language_of(text) for text in dict.fromkeys(texts)}
    return [known[text] for text in texts]


def counted_languages(languages: Sequence[str]) -> Mapping[str, int]:
    """Rows of each language, the most frequent first."""
    return dict(sorted(Counter(languages).items(), key=lambda item: (-item[1], item[0])))
