"""Scores of label sets: equal to scikit-learn's, by label and over all, with the threshold that serves best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support, precision_score, recall_score

from tunewright.core.errors import RunError
from tunewright.core.predictions import LabelSetPredictions
from tunewright.evaluation.counted import compare_counted, counted_estimates
from tunewright.evaluation.label_sets import METRICS, best_threshold, count_sets, set_scores
from tunewright.evaluation.set_baselines import label_shares, probe_sets, tfidf_sets
from tunewright.evaluation.settings import ScoreSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUICK = ScoreSettings(resamples=300)
MARKS = st.integers(2, 20).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=n, max_size=n)
)


def predictions(
    true_NK: NDArray[np.bool_], values_NK: NDArray[np.float64], threshold: float = 0.5
) -> LabelSetPredictions:
    n, k = true_NK.shape
    names = tuple(f"row{i}" for i in range(n))
    return LabelSetPredictions(names, tuple("abcdef"[:k]), values_NK, true_NK, names, threshold)


def drawn(seed: int, *, right: float = 0.85, n: int = 120) -> LabelSetPredictions:
    true_NK = np.random.default_rng(0).random((n, 3)) < (0.5, 0.3, 0.15)
    flipped_NK = np.random.default_rng(seed).random((n, 3)) > right
    return predictions(true_NK, np.where(true_NK ^ flipped_NK, 0.9, 0.1))


def value(found: LabelSetPredictions, metric: str) -> float:
    return float(METRICS[metric].statistic(count_sets(found).rows_NF.sum(axis=0, keepdims=True))[0])


@given(MARKS)
def test_the_scores_are_those_of_scikit_learn(rows: list[list[bool]]) -> None:
    marks = np.array(rows)
    true_NK, said_NK = marks[:, :3], marks[:, 3:]
    found = predictions(true_NK, said_NK.astype(np.float64))
    assert value(found, "subset_accuracy") == pytest.approx(accuracy_score(true_NK, said_NK))
    present = np.flatnonzero(true_NK.any(axis=0))
    if len(present):
        expected = f1_score(true_NK, said_NK, average="macro", labels=present, zero_division=0)
        assert value(found, "macro_f1") == pytest.approx(expected)
        assert value(found, "micro_recall") == pytest.approx(recall_score(true_NK, said_NK, average="micro"))
    if said_NK.any():
        assert value(found, "micro_precision") == pytest.approx(precision_score(true_NK, said_NK, average="micro"))
    if true_NK.any() or said_NK.any():
        assert value(found, "micro_f1") == pytest.approx(f1_score(true_NK, said_NK, average="micro"))


def test_each_label_has_its_own_scores() -> None:
    found = drawn(1)
    scores = set_scores(count_sets(found), found.labels, 0.95)
    expected = precision_recall_fscore_support(found.targets_NK, found.predicted_NK)
    for k, score in enumerate(scores):
        assert score.support == expected[3][k]
        for estimate, reference in zip((score.precision, score.recall, score.f1), expected, strict=False):
            assert estimate.value == pytest.approx(reference[k])
            assert estimate.low is not None and estimate.high is not None  # noqa: PT018  # both are of one interval
            assert estimate.low <= reference[k] <= estimate.high


def test_the_better_system_is_found_better_and_itself_alike() -> None:
    good, poor = (count_sets(found) for found in (drawn(1, right=0.95), drawn(2, right=0.7)))
    for name, metric in METRICS.items():
        better = compare_counted(good, poor, name, metric, system="a", against="b", settings=QUICK)
        assert better.difference.low is not None
        assert better.difference.low > 0, name
        assert better.p_value is not None
        assert better.p_value < 0.05
        alike = compare_counted(good, good, name, metric, system="a", against="b", settings=QUICK)
        assert (alike.difference.value, alike.p_value) == (0.0, 1.0)


def test_exact_rows_take_wilsons_interval_and_mcnemars_test() -> None:
    good, poor = count_sets(drawn(1)), count_sets(drawn(2))
    estimate = counted_estimates(good, METRICS, stream="x", settings=QUICK)["subset_accuracy"]
    assert estimate.method == "wilson"
    compared = compare_counted(
        good, poor, "subset_accuracy", METRICS["subset_accuracy"], system="a", against="b", settings=QUICK
    )
    assert compared.test == "mcnemar-exact"


def test_nothing_true_and_nothing_given_is_right_as_a_whole_and_has_no_f1() -> None:
    empty = predictions(np.zeros((4, 2), dtype=np.bool_), np.zeros((4, 2)))
    assert value(empty, "subset_accuracy") == 1
    assert np.isnan(value(empty, "micro_f1"))
    estimates = counted_estimates(count_sets(empty), METRICS, stream="x", settings=QUICK)
    assert estimates["micro_f1"].value is None


def test_the_best_threshold_is_no_worse_than_any_other() -> None:
    rng = np.random.default_rng(4)
    true_NK = rng.random((60, 3)) < 0.3
    values_NK = np.clip(0.25 * true_NK + rng.random((60, 3)) * 0.4, 0, 1)
    best = best_threshold(predictions(true_NK, values_NK))
    reached = value(predictions(true_NK, values_NK, best), "micro_f1")
    for other in np.arange(0.05, 1, 0.05):
        score = value(predictions(true_NK, values_NK, float(other)), "micro_f1")
        assert np.isnan(score) or score <= reached + 1e-12
    assert best_threshold(predictions(true_NK, true_NK.astype(np.float64))) == 0.5, "the nearest to a half of equals"


def test_probabilities_that_are_none_stop_the_scoring() -> None:
    with pytest.raises(RunError, match="row0"):
        count_sets(predictions(np.ones((2, 2), dtype=np.bool_), np.array([[np.nan, 0], [0, 1]])))


def test_baselines_learn_each_label_by_itself() -> None:
    texts = ["parcel late", "invoice wrong", "parcel invoice", "hello there"] * 10
    true_NK = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]] * 10, dtype=np.bool_)
    said_NK = tfidf_sets(texts, true_NK, seed=1).probabilities(["parcel", "invoice", "the parcel and the invoice"])
    assert (said_NK[:, :2] >= 0.5).tolist() == [[True, False], [False, True], [True, True]]
    assert (said_NK[:, 2] == 0).all(), "a label that no row bears"
    assert label_shares(true_NK).probabilities(["x"]).tolist() == [[0.5, 0.5, 0.0]]
    vectors_ND = true_NK[:, :2] * 2.0 - 1
    probed_NK = probe_sets(vectors_ND, true_NK, seed=1).probabilities(vectors_ND)
    assert ((probed_NK >= 0.5) == true_NK).all()
