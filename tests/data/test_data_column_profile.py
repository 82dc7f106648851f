"""Columns that say nothing are told from those that do, and vocabulary is counted on a sample of fixed size."""

from __future__ import annotations

import polars as pl
import pytest

from tunewright.data.column_profile import column_findings, column_profiles
from tunewright.data.describe import describe
from tunewright.data.vocabulary import SAMPLE_WORDS, vocabulary

COLUMNS = {
    "ticket_id": [f"T{n:04}" for n in range(200)],
    "number": [str(n) for n in range(200)],
    "price": [f"{n}.5" for n in range(200)],
    "flag": ["no"] * 199 + ["yes"],
    "same": ["x"] * 200,
    "nothing": [None] * 200,
    "label": ["a", "b"] * 100,
    "text": [f"my parcel number {n} is late again" for n in range(200)],
    "name": [f"Person{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200)],
}


def test_each_column_gets_the_trait_that_it_has() -> None:
    found = column_profiles([describe(pl.Series(name, values)) for name, values in COLUMNS.items()], {"text": "input"})
    assert {c.name: c.trait for c in found} == {
        "ticket_id": "identifier",
        "number": "identifier",
        "price": None,
        "flag": "near_constant",
        "same": "constant",
        "nothing": "empty",
        "label": None,
        "text": None,
        "name": None,
    }
    flag = next(c for c in found if c.name == "flag")
    assert (flag.top_share, flag.distinct, flag.missing) == (199 / 200, 2, 0)
    assert next(c for c in found if c.name == "nothing").top_share is None
    assert next(c for c in found if c.name == "text").role == "input"


def test_an_identifier_that_would_be_read_by_the_model_is_a_warning() -> None:
    held = [describe(pl.Series("number", COLUMNS["number"]))]
    (note,), (warning,) = (column_findings(column_profiles(held, roles)) for roles in ({}, {"number": "input"}))
    assert (note.severity, warning.severity) == ("note", "warning")
    assert column_findings(column_profiles(held, {"number": "id"})) == []


def test_vocabulary_is_taken_of_the_same_number_of_words_whatever_the_size() -> None:
    texts = [" ".join(f"w{(7 * n + k) % 400}" for k in range(20)) for n in range(3000)]
    small, large = (vocabulary(pl.Series("t", texts[:count]), seed=13) for count in (1000, 3000))
    assert small.words == large.words == SAMPLE_WORDS
    assert small.type_token_ratio == pytest.approx(large.type_token_ratio, abs=0.002)


def test_repetition_shows_in_distinct_runs_and_shared_openings() -> None:
    same = vocabulary(pl.Series("t", ["dear sir i write"] * 50), seed=13)
    other = vocabulary(pl.Series("t", [f"a{n} b{n} c{n} d{n}" for n in range(50)]), seed=13)
    assert (same.distinct, same.type_token_ratio, same.distinct_2) == (4, 4 / 200, 3 / 150)
    assert (same.shared_openings, same.top_opening, same.top_opening_share) == (1.0, "dear sir i", 1.0)
    assert (other.type_token_ratio, other.distinct_3, other.shared_openings) == (1.0, 1.0, 0.0)


def test_texts_without_a_word_have_no_vocabulary() -> None:
    assert vocabulary(pl.Series("t", ["?!", "…"], dtype=pl.String), seed=13) is None
    assert vocabulary(pl.Series("t", [], dtype=pl.String), seed=13) is None
