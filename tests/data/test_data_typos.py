"""Words that look misspelt: found by what the base knows, and never where it cannot know."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl
from data_room import WordsEncoder

from tunewright.core.encoded import EncodedRow, RowContent
from tunewright.data.typos import typo_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KNOWN = (
    "please",
    "where",
    "parcel",
    "parcels",
    "delivery",
    "address",
    "change",
    "chance",
    "tomorrow",
    "the",
    "is",
    "my",
)


class PiecesEncoder(WordsEncoder):
    """Known words are one token, others a token a letter, as a tokenizer of word pieces has it."""

    def __init__(self, known: Iterable[str] = KNOWN) -> None:
        super().__init__()
        self._known = frozenset(known)

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        pieces = [[p for w in row.input.split() for p in ([w] if w in self._known else list(w))] for row in rows]
        return [EncodedRow(list(range(len(held) + 2))) for held in pieces]


def rows(texts: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({"source": "a.csv", "line": range(2, len(texts) + 2), "input": texts})


PLAIN = ["please change my delivery address", "where is my parcel", "the parcels arrive tomorrow please"] * 5


def test_a_rare_unknown_word_near_a_frequent_known_one_is_told_with_its_map() -> None:
    (found,) = typo_findings(rows([*PLAIN, "where is my parcle", "my adress please"]), PiecesEncoder())
    assert (found.kind, found.count, found.rows) == ("typo", 2, ("a.csv:17", "a.csv:18"))
    assert 'data.clean.replace: {"parcle": "parcel", "adress": "address"}' in found.remedy


def test_known_words_plurals_and_short_words_are_not_misspelt() -> None:
    texts = [*PLAIN, "chance is the parcel", "my deliverys", "whre te teh", "xhange qarcel"]
    assert typo_findings(rows(texts), PiecesEncoder()) == []


def test_a_base_that_does_not_know_the_language_says_nothing_of_its_spelling() -> None:
    assert typo_findings(rows([*PLAIN, "where is my parcle"]), PiecesEncoder(known=["the", "parcel"])) == []


def test_a_base_that_is_not_here_says_nothing() -> None:
    encoder = PiecesEncoder()
    encoder.max_tokens = 0
    assert typo_findings(rows([*PLAIN, "where is my parcle"]), encoder) == []


def test_the_time_is_linear_in_the_rows() -> None:
    def seconds(count: int) -> float:
        texts = [
            f"please change parcel{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676 % 26)}"
            for n in range(count)
        ]
        table = rows([*PLAIN, *texts])
        begun = time.process_time()
        typo_findings(table, PiecesEncoder())
        return time.process_time() - begun

    seconds(100)
    assert seconds(8_000) < 30 * max(
        seconds(1_000), 0.01
    )  # eight times as many rows; a quadratic search would take 64 times as long
