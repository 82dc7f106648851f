"""The general text: 160 passages that differ, of one length, as the measure of forgetting takes them."""

from __future__ import annotations

from importlib import resources
from itertools import combinations

from tunewright.data.keys import content_key
from tunewright.pipeline.general import LEAST_WORDS

TEXT = resources.files("tunewright.starter").joinpath("general.txt").read_bytes().decode("utf-8")
PASSAGES = TEXT.removesuffix("\n").split("\n\n")
SHORTEST, LONGEST = 50, 90
SHARED_WORDS = 6
"""So many words in a row that two passages share would be a sentence written twice."""


def test_there_are_160_passages_of_about_one_length() -> None:
    assert len(PASSAGES) == 160
    assert [p for p in PASSAGES if not SHORTEST <= len(p.split()) <= LONGEST] == []
    assert min(len(p.split()) for p in PASSAGES) >= LEAST_WORDS
    assert 55_000 <= len(TEXT.encode()) <= 70_000


def test_a_passage_is_one_line_without_blank_ends_or_odd_signs() -> None:
    assert TEXT.endswith("\n")
    assert [p for p in PASSAGES if p != p.strip() or "\n" in p or "  " in p] == []
    assert TEXT.isascii()
    assert all(character.isprintable() for character in TEXT if character != "\n")


def test_no_two_passages_are_alike() -> None:
    assert len({content_key(p) for p in PASSAGES}) == len(PASSAGES)
    assert len({" ".join(p.split()[:4]).casefold() for p in PASSAGES}) == len(PASSAGES)
    shared = [(a & b) for a, b in combinations(map(_runs_of_words, PASSAGES), 2) if a & b]
    assert shared == []


def test_no_passage_is_of_the_starter_tickets() -> None:
    tickets = resources.files("tunewright.starter").joinpath("tickets", "tickets.csv").read_text(encoding="utf-8")
    known = _runs_of_words(tickets)
    assert [found for p in PASSAGES if (found := _runs_of_words(p) & known)] == []


def _runs_of_words(text: str) -> set[tuple[str, ...]]:
    words = text.casefold().split()
    return {tuple(words[start : start + SHARED_WORDS]) for start in range(len(words) - SHARED_WORDS + 1)}
