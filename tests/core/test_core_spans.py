"""Words, tags and spans: what is tagged is what comes back, and invalid tags begin nothing."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.spans import Span, from_json, labels_of_tags, overlapping, spans_of, tag_names, tags_of, to_json
from tunewright.core.spans import words_of as borders_of

TEXTS = st.text(alphabet="ab1 .,-é'東ं\u0301\n_", max_size=40)
LABELS = ("ORG", "PER-X")


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in borders_of(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann's U.S. trip, 2nd-rate", ["Ann", "'", "s", "U", ".", "S", ".", "trip", ",", "2nd", "-", "rate"]),
        ("東京 is カ", ["東", "京", "is", "カ"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("Zoe\u0308 é", ["Zoe\u0308", "é"]),
        ("  \n\t", []),
    ],
)
def test_words_are_runs_of_letters_and_single_signs(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(TEXTS)
def test_words_hold_all_that_is_no_blank_in_order_and_once(text: str) -> None:
    found = borders_of(text)
    assert "".join(words(text)) == "".join(text.split())
    assert all(start < end for start, end in found)
    assert all(first[1] <= second[0] for first, second in pairwise(found))


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[Span]]:
    """A text, and spans of whole words that do not overlap."""
    text = draw(TEXTS)
    borders = borders_of(text)
    spans, at = [], 0
    while at < len(borders):
        length = draw(st.integers(0, 3))
        last = min(at + length, len(borders)) - 1
        if length:
            spans.append(Span(borders[at][0], borders[last][1], draw(st.sampled_from(LABELS))))
        at = max(last, at) + 1
    return text, spans


@given(marked())
def test_spans_of_whole_words_come_back_from_their_tags(case: tuple[str, list[Span]]) -> None:
    text, spans = case
    borders = borders_of(text)
    assert spans_of(borders, tags_of(borders, spans)) == tuple(spans)
    assert from_json(to_json(reversed(spans))) == tuple(spans)
    assert not overlapping(spans)


def test_a_word_that_a_span_holds_in_part_is_the_spans_and_the_first_of_two_takes_it() -> None:
    borders = borders_of("12kg box")
    assert tags_of(borders, [Span(2, 8, "B")]) == ["B-B", "I-B"]
    assert tags_of(borders, [Span(0, 2, "N"), Span(2, 8, "U")]) == ["B-N", "B-U"]
    assert tags_of(borders, [Span(0, 2, "N"), Span(2, 4, "U")]) == ["B-N", "O"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O I-A I-A B-A", [(3, 4, "A")]),
        ("B-A I-B I-A", [(0, 1, "A")]),
        ("B-A B-A I-A O I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("B-A-B I-A-B", [(0, 2, "A-B")]),
    ],
)
def test_tags_are_read_strictly(tags: str, expected: list[tuple[int, int, str]]) -> None:
    split = tags.split()
    assert spans_of([(n, n + 1) for n in range(len(split))], split) == tuple(Span(*span) for span in expected)


def test_the_tags_of_labels_name_the_labels() -> None:
    assert tag_names(LABELS) == ("O", "B-ORG", "I-ORG", "B-PER-X", "I-PER-X")
    assert labels_of_tags(tag_names(LABELS)) == LABELS


@pytest.mark.parametrize("part", ["a.", "東", "\u0301", " ", "a\u0301-"])
def test_the_time_for_words_is_linear_in_the_text(part: str) -> None:
    borders_of(part * 1_000)
    started = time.perf_counter()
    borders_of(part * 200_000)
    assert time.perf_counter() - started < 5
