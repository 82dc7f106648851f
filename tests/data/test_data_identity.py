"""Words for people are counted, and a label that goes with one of them is told, where chance would not bring it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import law, prepared, public_data, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.identity import (
    LEAST_ROWS,
    TermCount,
    count_terms,
    identity_findings,
    identity_terms,
    skews,
)

if TYPE_CHECKING:
    from pathlib import Path

WORDS = st.lists(st.sampled_from(["Gay", "gay", "man", "human", "gaya", "wheelchair", "WOMEN", "x", "."]), max_size=6)


def frame(texts: list[str], labels: list[str]) -> pl.DataFrame:
    lines = list(range(1, len(texts) + 1))
    return pl.DataFrame({"source": ["t.csv"] * len(texts), "line": lines, "input": texts, "target": labels})


@law(40)
@given(st.lists(st.tuples(WORDS, st.sampled_from("ab")), min_size=1, max_size=30))
def test_counts_are_those_of_reading_each_row(drawn: list[tuple[list[str], str]]) -> None:
    rows = frame([" ".join(words) for words, _ in drawn], [label for _, label in drawn])
    found = {term.term: term for term in count_terms(rows)}
    for term in identity_terms():
        held = [label for words, label in drawn if term in {word.lower() for word in words}]
        assert (found[term].rows if term in found else 0) == len(held)
        if held:
            assert dict(found[term].labels) == {label: held.count(label) for label in set(held)}


def test_a_word_is_a_whole_word_of_one_category() -> None:
    terms = identity_terms()
    assert len(terms) > 80
    assert all(re.fullmatch(r"[a-z]+", term) for term in terms)
    assert len(set(terms.values())) == 6


def test_information_is_the_log_of_how_much_more_often_the_label_comes() -> None:
    term = TermCount("gay", "sexual orientation", 40, {"hate": 30, "other": 10})
    (found,) = skews([term], {"hate": 100, "other": 900})
    assert (found.label, found.share, found.overall) == ("hate", 0.75, 0.1)
    assert found.bits == pytest.approx(math.log2(7.5))


@pytest.mark.parametrize(
    "term",
    [
        TermCount("gay", "sexual orientation", LEAST_ROWS - 1, {"hate": LEAST_ROWS - 1}),
        TermCount("gay", "sexual orientation", 400, {"hate": 60, "other": 340}),
        TermCount("gay", "sexual orientation", 20, {"hate": 5, "other": 15}),
    ],
    ids=["few rows", "less than twice", "chance"],
)
def test_nothing_is_said_of_what_may_mean_nothing(term: TermCount) -> None:
    assert skews([term], {"hate": 100, "other": 900}) == []


def test_a_planted_skew_is_found_by_prepare_with_its_rows(tmp_path: Path) -> None:
    rows = tickets(300)
    rows += [{"text": f"deaf caller number {n}", "label": "complaint"} for n in range(30)]
    rows += [{"text": f"caller number {n} again", "label": "complaint"} for n in range(30)]
    write_csv(tmp_path / "train.csv", rows)
    (found,) = (f for f in prepared(tmp_path).profile.findings if f.kind == "identity_skew")
    assert found.severity == "warning"
    assert "'deaf' with 'complaint' (100% of 30 rows; of all rows 17%)" in found.message
    assert found.rows[0] == "train.csv:302"


@pytest.mark.datasets
def test_real_tweets_show_a_skew_and_templates_made_without_one_show_none() -> None:
    tweets = pl.read_ndjson(public_data() / "davidson_hate_offensive" / "davidson.jsonl")
    (found,) = identity_findings(frame(tweets["text"].to_list(), tweets["label"].to_list()))
    assert "'gay' with 'hate_speech'" in found.message
    templates = pl.read_ndjson(public_data() / "bias_madlibs_15k" / "bias_madlibs.jsonl")
    labels = templates["label"].cast(pl.String).to_list()
    assert identity_findings(frame(templates["text"].to_list(), labels)) == []
