"""Baselines learn what there is to learn, and survive the data people have."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from tunewright.evaluation.baselines import linear_probe, majority, tfidf_linear

LABELS = ("refund", "delivery", "login", "never seen")
TEXTS = ["money back please", "where is my parcel", "cannot sign in", "refund my money", "parcel late", "sign in fails"]
TARGETS_N = np.array([0, 1, 2, 0, 1, 2])


def fitted(kind: str, targets_N: np.ndarray = TARGETS_N):
    """A classifier of each kind with the rows it takes: texts, or vectors that separate the classes."""
    if kind == "majority":
        return majority(targets_N, LABELS), TEXTS
    if kind == "tfidf":
        return tfidf_linear(TEXTS, targets_N, LABELS, seed=1), TEXTS
    vectors_ND = np.eye(4, 8, dtype=np.float32)[TARGETS_N] * 3
    return linear_probe(vectors_ND, targets_N, LABELS, seed=1), vectors_ND


@pytest.mark.parametrize("kind", ["majority", "tfidf", "probe"])
def test_every_baseline_gives_probabilities_in_the_labels_order(kind: str) -> None:
    classifier, rows = fitted(kind)
    probabilities_NK = classifier.probabilities(rows)
    assert tuple(classifier.labels) == LABELS
    assert probabilities_NK.shape == (6, 4)
    assert np.allclose(probabilities_NK.sum(axis=1), 1)
    assert np.all(probabilities_NK >= 0)
    assert np.all(probabilities_NK[:, 3] == 0), "a class without a training row gets probability 0"
    assert classifier.probabilities(rows[:0]).shape == (0, 4)


@pytest.mark.parametrize("kind", ["tfidf", "probe"])
def test_a_fitted_baseline_learns_its_training_rows_without_a_warning(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier, rows = fitted(kind)
        assert np.array_equal(classifier.probabilities(rows).argmax(axis=1), TARGETS_N)


@pytest.mark.parametrize("kind", ["majority", "tfidf", "probe"])
def test_one_class_alone_is_always_predicted(kind: str) -> None:
    classifier, rows = fitted(kind, np.full(6, 2))
    assert np.all(classifier.probabilities(rows)[:, 2] == 1)


@pytest.mark.parametrize(
    "fit",
    [
        lambda none: majority(none, LABELS),
        lambda none: tfidf_linear([], none, LABELS, seed=1),
        lambda none: linear_probe(np.zeros((0, 3)), none, LABELS, seed=1),
    ],
)
def test_no_training_rows_are_refused(fit) -> None:
    with pytest.raises(ValueError, match="at least one training row"):
        fit(np.array([], dtype=np.int64))


def test_rows_and_classes_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match="6 rows and 5 true classes"):
        tfidf_linear(TEXTS, TARGETS_N[:5], LABELS, seed=1)


def test_the_majority_gives_the_class_shares_and_the_first_of_equals() -> None:
    probabilities_NK = majority(np.array([1, 1, 2, 2]), LABELS).probabilities(["any", "thing"])
    assert np.array_equal(probabilities_NK, [[0, 0.5, 0.5, 0]] * 2)
    assert probabilities_NK.argmax(axis=1).tolist() == [1, 1]


def test_texts_of_signs_and_of_other_scripts_have_features() -> None:
    texts = ["😀😀", "😡", "?!", "...", "退款", "в корзине"]
    classifier = tfidf_linear(texts, TARGETS_N, LABELS, seed=1)
    assert np.array_equal(classifier.probabilities(texts).argmax(axis=1), TARGETS_N)
    assert np.allclose(classifier.probabilities(["", "unseen words"]).sum(axis=1), 1)


def test_the_probe_does_not_care_about_the_scale_of_a_dimension() -> None:
    rng = np.random.default_rng(2)
    vectors_ND, targets_N = rng.normal(size=(90, 5)), rng.integers(0, 3, 90)
    plain = linear_probe(vectors_ND, targets_N, LABELS, seed=1).probabilities(vectors_ND)
    scale_D = np.array([1, 10, 1000, 0.1, 1])
    scaled = linear_probe(vectors_ND * scale_D, targets_N, LABELS, seed=1).probabilities(vectors_ND * scale_D)
    assert np.allclose(plain, scaled, atol=1e-6)


def test_the_same_rows_give_the_same_baseline() -> None:
    rng = np.random.default_rng(3)
    vectors_ND, targets_N = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    for fit in (
        lambda: linear_probe(vectors_ND, targets_N, LABELS, seed=1).probabilities(vectors_ND),
        lambda: tfidf_linear(TEXTS, TARGETS_N, LABELS, seed=1).probabilities(TEXTS),
    ):
        assert np.array_equal(fit(), fit())


@pytest.mark.parametrize("seed", [2**32 - 1, 2**32, 2**64, 10**30])
def test_a_seed_of_any_size_gives_a_baseline(seed: int) -> None:
    probabilities_NK = tfidf_linear(TEXTS, TARGETS_N, LABELS, seed=seed).probabilities(TEXTS)
    assert np.array_equal(probabilities_NK.argmax(axis=1), TARGETS_N)


def test_permuted_training_labels_send_the_probe_to_chance() -> None:
    rng = np.random.default_rng(4)
    targets_N = rng.integers(0, 4, 600)
    vectors_ND = np.eye(4, 16)[targets_N] * 4 + rng.normal(size=(600, 16))
    train, test = slice(0, 300), slice(300, None)
    learned = linear_probe(vectors_ND[train], targets_N[train], LABELS, seed=1)
    fooled = linear_probe(vectors_ND[train], rng.permutation(targets_N[train]), LABELS, seed=1)
    accuracies = [
        np.mean(probe.probabilities(vectors_ND[test]).argmax(axis=1) == targets_N[test]) for probe in (learned, fooled)
    ]
    assert accuracies[0] > 0.9
    assert abs(accuracies[1] - 0.25) < 0.1


@pytest.mark.datasets
@pytest.mark.skipif("TUNEWRIGHT_DATASETS" not in os.environ, reason="TUNEWRIGHT_DATASETS names no folder of real data")
def test_on_banking77_tfidf_is_a_baseline_worth_beating() -> None:
    """25 training rows a class; scikit-learn's plain TF-IDF and logistic regression reach about 0.8 there."""
    folder = Path(os.environ["TUNEWRIGHT_DATASETS"]) / "banking77"
    train, test = ([json.loads(line) for line in (folder / f"{name}.jsonl").open()] for name in ("train", "test"))
    labels = sorted({row["label"] for row in train})
    few = [row for label in labels for row in [r for r in train if r["label"] == label][:25]]
    targets = [np.array([labels.index(row["label"]) for row in rows]) for rows in (few, test)]
    classifier = tfidf_linear([row["text"] for row in few], targets[0], labels, seed=1)
    probabilities_NK = classifier.probabilities([row["text"] for row in test])
    assert np.mean(probabilities_NK.argmax(axis=1) == targets[1]) > 0.8
