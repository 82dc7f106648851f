"""Slips of the fingers and of the shift key."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from tunewright.data.augment.words import Text, core_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

LEAST_LETTERS = 3
"""Shorter words are another word after one slip, not a misspelt one."""
REACH = 1.2
"""Keys whose centres lie at most so many keys apart are neighbours."""


@cache
def neighbours(keyboard: str) -> Mapping[str, str]:
    """Each letter's neighbouring letters on a layout of `keyboards.json`."""
    held = json.loads(resources.files("tunewright.data.augment").joinpath("keyboards.json").read_text("utf-8"))
    keys = {
        letter: (number + held["offsets"][row], float(row))
        for row, letters in enumerate(held["rows"][keyboard])
        for number, letter in enumerate(letters)
    }
    return {
        letter: "".join(other for other, (a, b) in keys.items() if 0 < (a - x) ** 2 + (b - y) ** 2 <= REACH**2)
        for letter, (x, y) in keys.items()
    }


def with_typos(text: Text, count: int, free: Sequence[int], random: Random, keyboard: str) -> Text:
    """The text with one slip in so many of its free words."""
    spans = {number: core_span(text.words[number]) for number in free}
    long = [number for number, (start, end) in spans.items() if end - start >= LEAST_LETTERS]
    words = list(text.words)
    for number in random.sample(long, min(count, len(long))):
        start, end = spans[number]
        word = words[number]
        words[number] = word[:start] + slip(word[start:end], random, neighbours(keyboard)) + word[end:]
    return Text(tuple(words), text.gaps)


def slip(word: str, random: Random, near: Mapping[str, str]) -> str:
    """The word with one neighbouring key hit, one letter left out, doubled, or swapped with the next.

    The first letter stays: people slip there least, and a word is recognised by it.
    """
    at = random.randrange(1, len(word))
    letter = word[at]
    beside = near.get(letter.lower(), "")
    kind = random.choice(("key", "out", "double", "swap"))
    if kind == "key" and beside:
        hit = random.choice(beside)
        return word[:at] + (hit.upper() if letter.isupper() else hit) + word[at + 1 :]
    if kind == "double":
        return word[:at] + letter + word[at:]
    if kind == "swap" and at + 1 < len(word):
        return word[:at] + word[at + 1] + letter + word[at + 2 :]
    return word[:at] + word[at + 1 :]


def recased(text: Text, free: Sequence[int], random: Random) -> Text:
    """The text in one of those casings that differ from its own; as it is where none does."""
    one = random.choice(list(free)) if free else -1
    ways: Sequence[Callable[[int, str], str]] = (
        lambda _n, word: word.lower(),
        lambda _n, word: word.upper(),
        lambda _n, word: word[:1].upper() + word[1:],
        lambda n, word: word.upper() if n == one else word,
    )
    open_words = set(free)
    cased = [tuple(way(n, word) if n in open_words else word for n, word in enumerate(text.words)) for way in ways]
    others = list(dict.fromkeys(words for words in cased if words != text.words))
    return Text(random.choice(others), text.gaps) if others else text
