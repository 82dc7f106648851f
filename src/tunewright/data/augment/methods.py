"""Each method of `data.augment`: from texts to other texts, by draws that follow from the seed and the row's id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence  # noqa: TC003  # types of records and tables below
from dataclasses import dataclass
from functools import cache
from pathlib import Path  # noqa: TC003  # a type of the frozen record below
from random import Random
from typing import TYPE_CHECKING, Any

from tunewright.data.augment.edits import count_of, with_swaps, with_words, without_words
from tunewright.data.augment.noise import recased, with_typos
from tunewright.data.augment.thesaurus import read_thesaurus
from tunewright.data.augment.tools import Tools  # noqa: TC001  # a type of the frozen record below
from tunewright.data.augment.words import cased_like, free, places, taken_apart
from tunewright.recipe.augment import (
    BackTranslation,
    Casing,
    Deletion,
    EndpointParaphrase,
    Insertion,
    Paraphrase,
    Swap,
    Synonyms,
    ThesaurusWords,
    Typos,
)

if TYPE_CHECKING:
    from tunewright.core.places import WordPlace
    from tunewright.core.protocols import WordSuggester
    from tunewright.data.augment.words import Text
    from tunewright.recipe.augment import MaskedWords, NeighbourWords, Rewriting
    from tunewright.recipe.spec import Spec

    AnyWords = ThesaurusWords | NeighbourWords | MaskedWords


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts to vary, and what that needs."""

    texts: Sequence[str]
    seeds: Sequence[int]
    """Of each text's draws."""
    seed: int
    """Of what a model draws for all of them."""
    kept: frozenset[str]
    """Words that nobody touches, case-folded."""
    tools: Tools
    folder: Path
    """What the paths of files refer to."""

    def varied(self, change: Callable[[Text, list[int], Random], Text]) -> list[str | None]:
        """Each text after a change of its words, of which the numbers name those that may be touched."""
        found: list[str | None] = []
        for text, seed in zip(self.texts, self.seeds, strict=True):
            words = taken_apart(text)
            found.append(change(words, free(words, self.kept), Random(seed)).joined)  # noqa: S311  # no secret
        return found


def _deletion(spec: Deletion, batch: Batch) -> list[str | None]:
    return batch.varied(lambda text, numbers, random: without_words(text, count_of(text, spec.rate), numbers, random))


def _swap(spec: Swap, batch: Batch) -> list[str | None]:
    return batch.varied(lambda text, numbers, random: with_swaps(text, count_of(text, spec.rate), numbers, random))


def _typos(spec: Typos, batch: Batch) -> list[str | None]:
    return batch.varied(
        lambda text, numbers, random: with_typos(text, count_of(text, spec.rate), numbers, random, spec.keyboard)
    )


def _casing(_spec: Casing, batch: Batch) -> list[str | None]:
    return batch.varied(recased)


def _synonyms(spec: Synonyms, batch: Batch) -> list[str | None]:
    found: list[str | None] = []
    for text, drawn in zip(batch.texts, _drawn_synonyms(spec, batch), strict=True):
        changed = text
        for place, other, _ in sorted(drawn, key=lambda one: -one[0].start):  # from behind: places before it hold
            changed = f"{changed[: place.start]}{cased_like(other, place.word)}{changed[place.end :]}"
        found.append(changed if drawn else None)
    return found


def _insertion(spec: Insertion, batch: Batch) -> list[str | None]:
    found: list[str | None] = []
    for text, drawn in zip(batch.texts, _drawn_synonyms(spec, batch), strict=True):
        words = taken_apart(text)
        added = [other for _, other, _ in drawn]
        found.append(with_words(words, added, drawn[0][2]).joined if drawn else None)
    return found


def _rewriting(spec: Rewriting, batch: Batch) -> list[str | None]:
    batch.tools.say(f"data: {spec.kind.replace('_', ' ')} of {len(batch.texts):,} texts")
    rewritten = batch.tools.rewriter(spec).rewrite(batch.texts, seed=batch.seed)
    return [None if text is None or not text.strip() else text.strip() for text in rewritten]


METHODS: Mapping[type[Spec], Callable[[Any, Batch], list[str | None]]] = {
    Deletion: _deletion,
    Swap: _swap,
    Insertion: _insertion,
    Synonyms: _synonyms,
    Typos: _typos,
    Casing: _casing,
    BackTranslation: _rewriting,
    Paraphrase: _rewriting,
    EndpointParaphrase: _rewriting,
}
"""Spec to what makes one text of each of a batch; None where nothing could be made."""


def _drawn_synonyms(spec: Synonyms | Insertion, batch: Batch) -> list[list[tuple[WordPlace, str, Random]]]:
    """Of each text, places of words with a synonym drawn for each, up to the rate, and what further draws come from.

    Places are asked for in the order of a draw, twice as many as are wanted: not every word has a synonym.
    """
    asked: list[list[WordPlace]] = []
    wanted, randoms = [], []
    for text, seed in zip(batch.texts, batch.seeds, strict=True):
        words, random = taken_apart(text), Random(seed)  # noqa: S311  # no secret
        at = places(words)
        told = [at[number] for number in free(words, batch.kept) if _says_something(at[number].word)]
        random.shuffle(told)
        wanted.append(count_of(words, spec.rate))
        asked.append(told[: 2 * wanted[-1] + 1])
        randoms.append(random)
    suggested = iter(_suggester(spec.words, batch).suggest([place for some in asked for place in some]))
    found = []
    for some, count, random in zip(asked, wanted, randoms, strict=True):
        offers = [(place, list(next(suggested))) for place in some]
        found.append([(place, random.choice(words), random) for place, words in offers if words][:count])
    return found


def _suggester(words: AnyWords, batch: Batch) -> WordSuggester:
    if isinstance(words, ThesaurusWords):
        return read_thesaurus(words.file, batch.folder)
    batch.tools.say(f"data: asking a model for other words in {len(batch.texts):,} texts")
    return batch.tools.suggester(words)


def _says_something(word: str) -> bool:
    return len(word) > 1 and word.isalpha() and word.casefold() not in _stop_words()


@cache
def _stop_words() -> frozenset[str]:
    """English words that carry grammar more than meaning; of other languages, none are known here."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # noqa: PLC0415  # heavy: imported where it is used

    words: frozenset[str] = ENGLISH_STOP_WORDS
    return words
