"""Two samples of one source look alike; another topic, other lengths, other labels and a new kind of row are told."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tunewright.data.coverage import coverage
from tunewright.data.shift import Sample, compare, shift_findings
from tunewright.data.two_sample import two_sample

PARCEL = "parcel courier delivery tracking late van street door signature depot box receipt week order".split()  # noqa: SIM905  # read as prose
GARDEN = "tulip spade compost seed hedge lawn rake bulb shed rain pruning soil greenhouse mower".split()  # noqa: SIM905  # read as prose
COMMON = "the a my and please when where it was is not very today again with for me you".split()  # noqa: SIM905  # read as prose


def texts(count: int, words: list[str], *, seed: int, length: tuple[int, int] = (8, 16)) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choice(words + COMMON) for _ in range(draw.randint(*length))) for _ in range(count)]


def sample(name: str, held: list[str], labels: list[str] | None = None) -> Sample:
    return Sample(name, held, [f"{name}:{n + 2}" for n in range(len(held))], labels)


def test_samples_of_one_source_are_not_told_apart() -> None:
    shift = compare(sample("a", texts(300, PARCEL, seed=1)), sample("b", texts(300, PARCEL, seed=2)), seed=13)
    assert shift.two_sample.low is not None
    assert shift.two_sample.low <= 0.5 <= shift.two_sample.high
    assert shift.two_sample.p_value > 0.01
    assert shift.uncovered_share is not None
    assert shift.uncovered_share < 0.06
    assert shift_findings(shift, labels=()) == []


def test_the_two_sample_test_rarely_accuses_at_its_level() -> None:
    p_values = [
        two_sample(texts(60, PARCEL, seed=n), texts(60, PARCEL, seed=n + 500), seed=n).p_value for n in range(12)
    ]
    assert all(p is not None for p in p_values)
    assert sum(p < 0.05 for p in p_values) <= 3  # more than 3 of 12 have a chance of 0.2 % at the nominal level


def test_another_topic_is_told_by_its_words_and_its_uncovered_rows() -> None:
    ours = texts(300, PARCEL, seed=1)
    theirs = [*texts(200, PARCEL, seed=2), *texts(100, GARDEN, seed=3)]
    shift = compare(sample("a", ours), sample("b", theirs), seed=13)
    found = {finding.kind: finding for finding in shift_findings(shift, labels=())}
    assert {"uncovered", "vocabulary_shift"} <= set(found)
    assert set(shift.two_sample.words) & set(GARDEN)
    assert shift.uncovered_share == pytest.approx(1 / 3, abs=0.05)
    assert set(shift.groups[0].words) & set(GARDEN)
    line = int(shift.groups[0].place.rpartition(":")[2])
    assert theirs[line - 2] == shift.groups[0].example
    assert line - 2 >= 200
    assert all(0 <= one.value <= 1 for one in shift.compared if one.value is not None)


def test_longer_texts_are_told() -> None:
    ours, theirs = texts(200, PARCEL, seed=1), texts(200, PARCEL, seed=2, length=(20, 40))
    kinds = {f.kind for f in shift_findings(compare(sample("a", ours), sample("b", theirs), seed=13), labels=())}
    assert "length_shift" in kinds


def test_other_label_shares_and_unseen_labels_are_told() -> None:
    ours = sample("a", texts(200, PARCEL, seed=1), ["late", "lost"] * 100)
    theirs = sample("b", texts(200, PARCEL, seed=2), ["late"] * 150 + ["lost"] * 40 + ["stolen"] * 10)
    shift = compare(ours, theirs, seed=13)
    label = next(one for one in shift.compared if one.what == "label")
    assert label.value == pytest.approx(0.3)
    found = {finding.kind: finding for finding in shift_findings(shift, labels=("late", "lost"))}
    assert {"label_shift", "unseen_label"} <= set(found)
    assert (found["unseen_label"].count, "stolen" in found["unseen_label"].message) == (10, True)


def test_what_cannot_be_told_is_unknown_with_a_reason_and_never_zero() -> None:
    shift = compare(sample("a", texts(30, PARCEL, seed=1), ["x"] * 30), sample("b", texts(5, PARCEL, seed=2)), seed=13)
    assert shift.two_sample.auc is None
    assert "20" in shift.two_sample.reason
    assert shift.uncovered_share is None
    label, language = (next(one for one in shift.compared if one.what == what) for what in ("label", "language"))
    assert (label.value, language.value) == (None, None)
    assert label.reason
    assert language.reason
    assert "uncovered" not in {finding.kind for finding in shift_findings(shift, labels=())}


def test_texts_without_a_word_are_unknown() -> None:
    ours, theirs = ["?" * n for n in range(1, 61)], ["!" * n for n in range(1, 61)]
    shift = compare(sample("a", ours), sample("b", theirs), seed=13)
    assert (shift.two_sample.auc, shift.uncovered_share) == (None, None)


def test_repeated_training_rows_do_not_make_production_seem_far() -> None:
    """Copies have distance 0 to each other, which says nothing of how far other rows lie."""
    ours = texts(200, PARCEL, seed=1)
    theirs = texts(200, PARCEL, seed=2)
    places = [f"b:{n}" for n in range(200)]
    once, often = (coverage(held, theirs, places, seed=13).share for held in (ours, ours * 3))
    assert once == often


def test_the_same_seed_gives_the_same_shift() -> None:
    ours, theirs = sample("a", texts(150, PARCEL, seed=1)), sample("b", texts(150, GARDEN, seed=2))
    assert compare(ours, theirs, seed=5) == compare(ours, theirs, seed=5)
    assert np.isfinite(compare(ours, theirs, seed=6).two_sample.auc)
