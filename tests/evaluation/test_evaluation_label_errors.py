"""Confident learning against cleanlab, and the laws of folds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.evaluation.label_errors import class_thresholds, confident_classes, find_label_errors
from tunewright.evaluation.out_of_fold import fold_numbers, out_of_fold

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, *, rows: int = 120, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Labels in which each class stands, and probabilities that lean towards them."""
    draw = np.random.default_rng(seed)
    targets_N = np.concatenate([np.arange(classes), draw.integers(classes, size=rows - classes)])
    lean_NK = np.eye(classes)[targets_N] * draw.uniform(0, 3, size=(rows, 1))
    return targets_N, np.stack([draw.dirichlet(0.3 + lean) for lean in lean_NK])


def everything(rows: int) -> np.ndarray:
    return np.ones(rows, dtype=bool)


@settings(max_examples=60)
@given(SEEDS, st.integers(2, 6))
def test_scores_and_thresholds_are_those_of_cleanlab(seed: int, classes: int) -> None:
    rank = pytest.importorskip("cleanlab.rank")
    count = pytest.importorskip("cleanlab.count")
    targets_N, probabilities_NK = drawn(seed, classes=classes)
    found = find_label_errors(targets_N, probabilities_NK, everything(120))
    np.testing.assert_array_equal(found.score_N, rank.get_self_confidence_for_each_label(targets_N, probabilities_NK))
    thresholds_K = class_thresholds(targets_N, probabilities_NK, everything(120))
    np.testing.assert_allclose(thresholds_K, count.get_confident_thresholds(targets_N, probabilities_NK), atol=2e-6)


@settings(max_examples=60)
@given(SEEDS, st.integers(2, 6))
def test_confident_rows_are_those_that_cleanlab_counts_off_the_diagonal(seed: int, classes: int) -> None:
    """But where its guess, of several confident classes, is one that is not confident itself: the paper's is."""
    count = pytest.importorskip("cleanlab.count")
    targets_N, probabilities_NK = drawn(seed, classes=classes)
    _, theirs = count.compute_confident_joint(
        targets_N, probabilities_NK, calibrate=False, return_indices_of_off_diagonals=True
    )
    confident_N = confident_classes(targets_N, probabilities_NK, everything(120))
    differs = (confident_N >= 0) & (confident_N != probabilities_NK.argmax(axis=1))
    off_N = np.isin(np.arange(120), theirs)
    ours_N = (confident_N >= 0) & (confident_N != targets_N)
    np.testing.assert_array_equal(ours_N[~differs], off_N[~differs])
    assert (~differs).sum() > 60
    likely = find_label_errors(targets_N, probabilities_NK, everything(120)).likely_N.sum()
    assert likely == ours_N.sum()


def test_a_row_confidently_of_another_class_is_a_likely_error() -> None:
    targets_N = np.array([0, 0, 0, 1, 1, 1])
    probabilities_NK = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.2, 0.8], [0.1, 0.9], [0.45, 0.55]])
    found = find_label_errors(targets_N, probabilities_NK, everything(6))
    assert found.likely_N.tolist() == [False, False, True, False, False, False]
    assert found.suggested_N.tolist() == [1, 1, 1, 0, 0, 0]
    assert found.score_N.argmin() == 2
    assert found.score_N[2] == 0.05


def test_rows_of_equal_score_are_all_likely_or_none() -> None:
    targets_N = np.array([0, 0, 0, 0, 1, 1])
    probabilities_NK = np.array([[0.1, 0.9], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1], [0.05, 0.95], [0.9, 0.1]])
    found = find_label_errors(targets_N, probabilities_NK, everything(6))
    assert found.likely_N.tolist() == [True, True, False, False, False, True]
    again = find_label_errors(targets_N[::-1], probabilities_NK[::-1], everything(6))
    np.testing.assert_array_equal(again.likely_N[::-1], found.likely_N)


def test_a_row_that_is_not_judged_has_no_score_and_no_part_in_the_thresholds() -> None:
    targets_N, probabilities_NK = drawn(3)
    judged_N = everything(120)
    judged_N[7] = False
    other_NK = probabilities_NK.copy()
    other_NK[7] = other_NK[7][::-1]
    first = find_label_errors(targets_N, probabilities_NK, judged_N)
    second = find_label_errors(targets_N, other_NK, judged_N)
    assert np.isnan(first.score_N[7])
    assert not first.likely_N[7]
    np.testing.assert_array_equal(first.likely_N, second.likely_N)
    np.testing.assert_array_equal(first.score_N, second.score_N)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=60), st.integers(2, 5), SEEDS)
def test_a_cluster_stays_in_one_fold_whatever_the_order(rows: list[tuple[int, int]], folds: int, seed: int) -> None:
    clusters = [f"cluster {number}" for number, _ in rows]
    targets_N = np.array([target for _, target in rows])
    fold_N = fold_numbers(clusters, targets_N, folds=folds, seed=1)
    assert len({*zip(clusters, fold_N.tolist(), strict=True)}) == len({*clusters})
    assert set(fold_N.tolist()) <= set(range(folds))
    order = np.random.default_rng(seed).permutation(len(rows))
    moved_N = fold_numbers([clusters[n] for n in order], targets_N[order], folds=folds, seed=1)
    np.testing.assert_array_equal(moved_N, fold_N[order])


def test_each_class_is_spread_over_the_folds() -> None:
    targets_N = np.repeat([0, 1, 2], [50, 10, 5])
    fold_N = fold_numbers([f"row {n}" for n in range(65)], targets_N, folds=5, seed=3)
    for target, each in ((0, 10), (1, 2), (2, 1)):
        assert np.bincount(fold_N[targets_N == target], minlength=5).tolist() == [each] * 5


def test_no_row_is_judged_by_a_model_that_learned_from_its_cluster() -> None:
    clusters = [f"cluster {n // 2}" for n in range(40)]
    targets_N = np.arange(40) % 3
    fold_N = fold_numbers(clusters, targets_N, folds=4, seed=2)
    seen: list[tuple[set[str], set[str]]] = []

    def constant(learn: np.ndarray, judge: np.ndarray) -> np.ndarray:
        seen.append(({clusters[n] for n in learn}, {clusters[n] for n in judge}))
        return np.full((len(judge), 3), 1 / 3)

    found = out_of_fold(constant, targets_N, fold_N, classes=3)
    assert found.judged_N.all()
    assert set.union(*(judged for _, judged in seen)) == set(clusters)
    assert all(not learned & judged for learned, judged in seen)


def test_a_class_that_stands_in_one_fold_alone_is_not_judged() -> None:
    clusters = ["lonely", "lonely", *(f"row {n}" for n in range(20))]
    targets_N = np.array([1, 1, *[0, 2] * 10])
    fold_N = fold_numbers(clusters, targets_N, folds=5, seed=2)
    found = out_of_fold(lambda _learn, judge: np.full((len(judge), 3), 1 / 3), targets_N, fold_N, classes=3)
    assert found.judged_N.tolist() == [False, False, *[True] * 20]
