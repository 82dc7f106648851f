"""Texts to look at: the worst, and pairs of base and tuned side by side."""

from __future__ import annotations

from dataclasses import replace

from text_cases import spoken, texts_given

from tunewright.evaluation.text_mistakes import side_by_side, worst_texts


def test_the_worst_texts_have_the_least_in_common_with_their_reference() -> None:
    rows = texts_given(["a b c", "x", None, "a b d"], [["a b c"], ["a b c"], ["a b c"], ["a b c"]])
    worst = worst_texts(rows, 2)
    assert [found.row_id for found in worst] == ["row1", "row3"]
    assert worst[0].metric == "chrf"
    assert worst[0].score < worst[1].score < 100


def test_without_texts_the_least_likely_rows_are_the_worst() -> None:
    rows = texts_given([None] * 3, [["ab"], ["ab"], ["abababab"]], nats=[1.0, 5.0, 6.0])
    assert [(found.row_id, found.metric) for found in worst_texts(rows, 2)] == [
        ("row1", "bits_per_byte"),
        ("row2", "bits_per_byte"),
    ]
    assert worst_texts(texts_given([None], [["a"]]), 3) == []


def test_pairs_are_a_sample_with_the_largest_losses_and_gains() -> None:
    base, tuned = spoken(40, quality=0.5, seed=1), spoken(40, quality=0.9, seed=2)
    pairs = side_by_side(base, tuned, 10, seed=1)
    assert len({pair.row_id for pair in pairs}) == 10
    assert sum(pair.why == "sample" for pair in pairs) >= 5
    every = side_by_side(base, tuned, 40)
    changes = {pair.row_id: pair.tuned_score - pair.base_score for pair in every}
    assert {pair.row_id for pair in pairs} >= {min(changes, key=changes.get), max(changes, key=changes.get)}
    assert side_by_side(base, tuned, 10, seed=1) == pairs
    row = int(pairs[0].row_id.removeprefix("row"))
    assert (pairs[0].base, pairs[0].tuned) == (base.texts[row], tuned.texts[row])


def test_rows_without_texts_are_no_pairs() -> None:
    tuned = spoken(6, quality=0.9, seed=3)
    base = replace(tuned, texts=(None,) * 6)
    assert side_by_side(base, tuned, 4) == []
    assert [pair.base for pair in side_by_side(None, tuned, 2)] == [None, None]
