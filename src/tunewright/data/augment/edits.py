"""Easy data augmentation: words left out, swapped, put in (Wei & Zou 2019, EMNLP-IJCNLP, section 2).

Where the paper leaves out each word with a probability, a fixed share of the words is left out here, so that no text
stays as it was by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.augment.words import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random


def count_of(text: Text, rate: float) -> int:
    """How many words of the text a rate is; one at least."""
    return max(1, round(rate * len(text.words)))


def without_words(text: Text, count: int, free: Sequence[int], random: Random) -> Text:
    """The text without so many of the free words, and one word at least."""
    count = min(count, len(free), len(text.words) - 1)
    gone = set(random.sample(list(free), max(0, count)))
    stays = [number for number in range(len(text.words)) if number not in gone]
    # The blanks before a word that stays stay with it; the first word left takes those of the text's beginning.
    gaps = [text.gaps[0] if place == 0 else text.gaps[number] for place, number in enumerate(stays)]
    return Text(tuple(text.words[number] for number in stays), (*gaps, text.gaps[-1]))


def with_swaps(text: Text, count: int, free: Sequence[int], random: Random) -> Text:
    """The text with so many pairs of free words in each other's places."""
    words = list(text.words)
    for _ in range(count if len(free) > 1 else 0):
        one, other = random.sample(list(free), 2)
        words[one], words[other] = words[other], words[one]
    return Text(tuple(words), text.gaps)


def with_words(text: Text, added: Sequence[str], random: Random) -> Text:
    """The text with each of the words put in somewhere, a blank beside it."""
    words, gaps = list(text.words), list(text.gaps)
    for word in added:
        place = random.randrange(len(words) + 1)
        words.insert(place, word)
        # Before the first word the new blank stands behind the new one, elsewhere before it.
        gaps.insert(place + 1 if place == 0 and len(words) > 1 else place, " ")
    return Text(tuple(words), tuple(gaps))
