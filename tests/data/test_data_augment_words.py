"""A text taken apart is the same text; slips and casings change what they say they change."""

from __future__ import annotations

from random import Random

import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.augment.edits import with_words, without_words
from tunewright.data.augment.noise import neighbours, slip
from tunewright.data.augment.words import cased_like, core, core_span, places, taken_apart

TEXTS = st.text(alphabet="ab é!?'\n\t中<_>9", max_size=40)
LETTERS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12)


@law(200)
@given(TEXTS)
def test_a_text_taken_apart_and_joined_is_the_same(text: str) -> None:
    apart = taken_apart(text)
    assert apart.joined == text
    assert list(apart.words) == text.split()
    for word, place in zip(apart.words, places(apart), strict=True):
        assert place.word == core(word)
        assert place.filled(place.word) == text
        start, end = core_span(word)
        assert all(not letter.isalnum() for letter in word[:start] + word[end:]) or start == end


@law(200)
@given(TEXTS, st.integers(0, 9), st.integers(0, 5))
def test_words_leave_and_come_in_number_and_no_others_change(text: str, seed: int, count: int) -> None:
    apart, random = taken_apart(text), Random(seed)
    numbers = list(range(len(apart.words)))
    fewer = without_words(apart, count, numbers, random)
    assert len(fewer.words) == max(min(len(apart.words), 1), len(apart.words) - count)
    more = with_words(apart, ["new"] * count, random)
    assert more.joined.split().count("new") == count
    assert [word for word in more.joined.split() if word != "new"] == list(apart.words)


@pytest.mark.parametrize("keyboard", ["qwerty", "qwertz", "azerty"])
def test_neighbours_are_neighbours_of_one_another(keyboard: str) -> None:
    near = neighbours(keyboard)
    assert len(near) >= 26
    for letter, others in near.items():
        assert 1 <= len(others) <= 6
        assert letter not in others
        assert all(letter in near[other] for other in others)
    assert "w" in near[{"azerty": "x"}.get(keyboard, "q" if keyboard == "qwerty" else "e")]


@law(200)
@given(LETTERS, st.integers(0, 99))
def test_a_slip_keeps_the_first_letter_and_changes_one_place(word: str, seed: int) -> None:
    slipped = slip(word, Random(seed), neighbours("qwerty"))
    assert slipped[0] == word[0]
    assert abs(len(slipped) - len(word)) <= 1
    if len(slipped) == len(word):
        apart = [n for n, (a, b) in enumerate(zip(word, slipped, strict=True)) if a != b]
        assert len(apart) <= 1 or (len(apart) == 2 and sorted(word) == sorted(slipped))


def test_a_synonym_takes_the_capitals_of_the_word_that_it_replaces() -> None:
    assert [cased_like("box", word) for word in ("parcel", "Parcel", "PARCEL", "P")] == ["box", "Box", "BOX", "Box"]
