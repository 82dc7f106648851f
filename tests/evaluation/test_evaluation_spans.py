"""Scores of spans: hand-computed by the strict definition, permuted labels hit nothing, and what the baselines mark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.predictions import SpanPredictions
from tunewright.core.spans import Span, spans_of, words_of
from tunewright.evaluation.counted import compare_counted, counted_estimates
from tunewright.evaluation.intervals import wilson
from tunewright.evaluation.label_sets import set_scores
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.span_baselines import span_dictionary, tag_probe
from tunewright.evaluation.spans import METRICS, count_spans, words_right

QUICK = ScoreSettings(resamples=300)


def tagged(true: list[str], said: list[str]) -> SpanPredictions:
    """Predictions of rows whose words are one character each, with a blank between them."""
    rows = [(one.split(), other.split()) for one, other in zip(true, said, strict=True)]
    texts = [" ".join("w" * len(one)) for one, _ in rows]
    pairs = [
        (spans_of(words_of(text), one), spans_of(words_of(text), other))
        for text, (one, other) in zip(texts, rows, strict=True)
    ]
    names = tuple(f"row{n}" for n in range(len(rows)))
    words = [words_right(text, *pair) for text, pair in zip(texts, pairs, strict=True)]
    return SpanPredictions(
        names, ("LOC", "PER"), tuple(p for _, p in pairs), tuple(t for t, _ in pairs), np.array(words), names
    )


def value(found: SpanPredictions, metric: str) -> float:
    return float(METRICS[metric].statistic(count_spans(found).rows_NF.sum(axis=0, keepdims=True))[0])


FOUND = tagged(
    ["B-PER I-PER O B-LOC", "B-PER B-PER O O", "O O O O", "O B-LOC I-LOC O"],
    ["B-PER O O B-LOC", "B-PER B-PER O O", "O O B-PER O", "O B-PER I-PER O"],
)
"""True: 3 PER and 2 LOC. Marked: 5 PER and 1 LOC. Hits: both PER of the second row, the LOC of the first."""
BY_HAND = {
    "micro_precision": 3 / 6,
    "micro_recall": 3 / 5,
    "micro_f1": 2 * 3 / (6 + 5),
    "macro_f1": (2 * 1 / (1 + 2) + 2 * 2 / (5 + 3)) / 2,
    "subset_accuracy": 1 / 4,
    "token_accuracy": (3 + 4 + 3 + 2) / 16,
}


@pytest.mark.parametrize("metric", METRICS)
def test_the_scores_are_those_computed_by_hand(metric: str) -> None:
    assert value(FOUND, metric) == pytest.approx(BY_HAND[metric])


def test_each_label_has_its_scores() -> None:
    loc, per = set_scores(count_spans(FOUND), FOUND.labels, 0.95)
    assert (loc.label, loc.support, loc.precision.value, loc.recall.value) == ("LOC", 2, 1.0, 0.5)
    assert (per.support, per.precision.value, per.recall.value) == (3, 2 / 5, 2 / 3)
    assert per.f1.value == pytest.approx(0.5)


def test_spans_of_one_row_are_no_independent_rows() -> None:
    """Ten rows, in half of which all eight spans are found: as good as ten answers, and not as eighty."""
    true = ["B-PER O " * 8] * 10
    found = tagged(true, [row if n % 2 else row.replace("B-PER", "O") for n, row in enumerate(true)])
    _, per = set_scores(count_spans(found), found.labels, 0.95)
    low, high = wilson(5, 10, confidence=0.95)
    assert (per.recall.value, per.recall.n, per.recall.method) == (0.5, 80, "wilson-clustered")
    assert per.recall.low is not None
    assert per.recall.high is not None
    assert per.recall.low < low < high < per.recall.high


def test_half_a_span_and_another_label_are_no_hits() -> None:
    assert value(tagged(["B-PER I-PER"], ["B-PER O"]), "micro_f1") == 0
    assert value(tagged(["B-PER I-PER"], ["B-LOC I-LOC"]), "micro_f1") == 0
    assert value(tagged(["B-PER I-PER"], ["B-PER B-PER"]), "micro_f1") == 0


def test_what_cannot_be_told_is_unknown_and_no_zero() -> None:
    nothing = tagged(["O O", "O O"], ["O O", "O O"])
    estimates = counted_estimates(count_spans(nothing), METRICS, stream="tuned", settings=QUICK)
    assert estimates["micro_f1"].value is None
    assert estimates["micro_f1"].reason
    assert estimates["token_accuracy"].value == 1.0
    assert value(tagged(["B-PER"], ["O"]), "micro_f1") == 0


TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
ROWS = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=8)


@given(ROWS)
def test_the_counts_are_those_of_plain_sets(rows: list[list[tuple[str, str]]]) -> None:
    found = tagged([" ".join(a for a, _ in row) for row in rows], [" ".join(b for _, b in row) for row in rows])
    true = {(n, span) for n, spans in enumerate(found.targets) for span in spans}
    said = {(n, span) for n, spans in enumerate(found.predicted) for span in spans}
    if true or said:
        assert value(found, "micro_f1") == pytest.approx(2 * len(true & said) / (len(true) + len(said)))
    exact = np.mean([one == other for one, other in zip(found.targets, found.predicted, strict=True)])
    assert value(found, "subset_accuracy") == pytest.approx(exact)


def test_intervals_hold_the_score_and_a_better_system_is_told_apart() -> None:
    true = ["O B-PER O B-LOC", "B-PER I-PER O O", "O O O O"] * 40
    worse = ["O B-PER O O", "B-PER O O O", "O O O O"] * 40
    good, bad = count_spans(tagged(true, true)), count_spans(tagged(true, worse))
    for name, estimate in counted_estimates(bad, METRICS, stream="tuned", settings=QUICK).items():
        assert estimate.value is not None, name
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high, name
        assert estimate.low < estimate.high
    compared = compare_counted(
        good, bad, "micro_f1", METRICS["micro_f1"], system="tuned", against="base", settings=QUICK
    )
    assert compared.difference.low is not None
    assert compared.difference.low > 0
    assert compared.p_value is not None
    assert compared.p_value < 0.01
    assert (compared.gained, compared.lost) == (80, 0)


def test_a_part_of_the_rows_is_scored_by_itself() -> None:
    kept = FOUND.where(np.array([False, True, True, False]))
    assert kept.row_ids == ("row1", "row2")
    assert value(kept, "micro_recall") == 1.0


TRAIN = {
    "Ann Lee of New York": [Span(0, 7, "PER"), Span(11, 19, "LOC")],
    "York and Ann": [Span(0, 4, "ORG"), Span(9, 12, "PER")],
    "York is far": [Span(0, 4, "LOC")],
    "to York": [Span(3, 7, "LOC")],
}


def test_the_dictionary_marks_the_longest_mention_with_its_most_frequent_label() -> None:
    known = span_dictionary(TRAIN, TRAIN.values())
    text = "Ann Lee, Ann and Lee in New York, York, new york"
    found = [(text[s.start : s.end], s.label) for s in known.spans(text)]
    assert found == [("Ann Lee", "PER"), ("Ann", "PER"), ("New York", "LOC"), ("York", "LOC")]
    assert known.spans("") == ()


def test_equally_frequent_labels_are_taken_by_the_alphabet() -> None:
    texts, spans = ["May", "May"], [[Span(0, 3, "PER")], [Span(0, 3, "DATE")]]
    assert span_dictionary(texts, spans).labels == {("May",): "DATE"}


def test_the_probe_tells_what_it_was_shown_and_holds_the_unseen_for_unlikely() -> None:
    random = np.random.default_rng(0)
    vectors_WD = random.normal(size=(60, 4)) + np.repeat([[4, 0, 0, 0], [0, 4, 0, 0]], 30, axis=0)
    names = ("O", "B-PER", "I-PER")
    logs_WK = tag_probe(vectors_WD, ["O"] * 30 + ["B-PER"] * 30, seed=1).log_probabilities(vectors_WD, names)
    assert (logs_WK.argmax(axis=1) == np.repeat([0, 1], 30)).mean() > 0.95
    assert (logs_WK[:, 2] < -20).all()
    alone = tag_probe(vectors_WD, ["O"] * 60, seed=1).log_probabilities(vectors_WD, names)
    assert (alone.argmax(axis=1) == 0).all()
