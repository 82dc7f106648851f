"""Every metric equals a slow plain reference, and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation_cases import given
from hypothesis import given as holds_for
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

from tunewright.evaluation import tallies
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.settings import ScoreSettings

FAST = ScoreSettings(resamples=100)


def rows(classes: int = 4) -> st.SearchStrategy[list[tuple[int, int]]]:
    one = st.integers(0, classes - 1)
    return st.lists(st.tuples(one, one), min_size=1, max_size=30)


def plain_scores(pairs: list[tuple[int, int]]) -> dict[str, float]:
    """The metrics counted row by row, as a textbook defines them, over the classes that occur."""
    precisions, recalls, f1s = [], [], []
    for k in sorted({t for t, _ in pairs}):
        hits = sum(1 for t, p in pairs if t == k and p == k)
        false_alarms = sum(1 for t, p in pairs if t != k and p == k)
        missed = sum(1 for t, p in pairs if t == k and p != k)
        precisions.append(hits / (hits + false_alarms) if hits + false_alarms else 0.0)
        recalls.append(hits / (hits + missed))
        f1s.append(2 * hits / (2 * hits + false_alarms + missed))
    share = sum(1 for t, p in pairs if t == p) / len(pairs)
    return {
        "accuracy": share,
        "micro_f1": share,
        "macro_precision": sum(precisions) / len(precisions),
        "macro_recall": sum(recalls) / len(recalls),
        "macro_f1": sum(f1s) / len(f1s),
    }


@settings(max_examples=60, deadline=None)
@holds_for(rows())
def test_every_metric_equals_a_slow_plain_reference_and_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    targets, predicted = [t for t, _ in pairs], [p for _, p in pairs]
    predictions = given(targets, predicted, classes=4)
    scored = score_system(predictions, name="s", title="", role="tuned", settings=FAST)
    reference = plain_scores(pairs)
    for metric, expected in reference.items():
        assert scored.metrics[metric].value == pytest.approx(expected, abs=1e-12), metric
    present = sorted(set(targets))
    precision, recall, f1, _ = precision_recall_fscore_support(
        targets, predicted, labels=present, average="macro", zero_division=0
    )
    assert scored.metrics["macro_precision"].value == pytest.approx(precision, abs=1e-12)
    assert scored.metrics["macro_recall"].value == pytest.approx(recall, abs=1e-12)
    assert scored.metrics["macro_f1"].value == pytest.approx(f1, abs=1e-12)
    assert scored.metrics["accuracy"].value == pytest.approx(accuracy_score(targets, predicted))
    assert np.array_equal(scored.confusion, confusion_matrix(targets, predicted, labels=range(4)))


@settings(max_examples=40, deadline=None)
@holds_for(rows())
def test_every_class_score_equals_scikit_learn_and_an_unknown_one_is_none(pairs: list[tuple[int, int]]) -> None:
    targets, predicted = [t for t, _ in pairs], [p for _, p in pairs]
    scored = score_system(given(targets, predicted, classes=4), name="s", title="", role="tuned", settings=FAST)
    precision, recall, f1, support = precision_recall_fscore_support(
        targets, predicted, labels=range(4), average=None, zero_division=0
    )
    for k, score in enumerate(scored.per_class):
        assert score.support == support[k]
        expected = {
            "precision": precision[k] if k in predicted else None,
            "recall": recall[k] if k in targets else None,
            "f1": f1[k] if k in targets else None,
        }
        for name, value in expected.items():
            found = getattr(score, name)
            if value is None:
                assert (found.value, found.low, found.high) == (None, None, None)
                assert found.reason
            else:
                assert found.value == pytest.approx(value, abs=1e-12)
                assert 0 <= found.low <= found.value <= found.high <= 1
                assert found.low < found.high


def test_log_loss_equals_scikit_learn_in_nats() -> None:
    rng = np.random.default_rng(1)
    predictions = given(rng.integers(0, 3, 50), rng.integers(0, 3, 50), classes=3)
    predictions.probabilities_NK[:] = rng.dirichlet(np.ones(3), 50)
    expected = log_loss(predictions.targets_N, predictions.probabilities_NK, labels=[0, 1, 2])
    scored = score_system(predictions, name="s", title="", role="tuned", settings=FAST)
    assert scored.metrics["log_loss"].value == pytest.approx(expected, rel=1e-12)


def test_a_certain_mistake_costs_the_clipped_loss_and_not_infinity() -> None:
    predictions = given([0, 0], [0, 1], classes=2)
    predictions.probabilities_NK[:] = [[1.0, 0.0], [0.0, 1.0]]
    scored = score_system(predictions, name="s", title="", role="tuned", settings=FAST)
    assert scored.metrics["log_loss"].value == pytest.approx(-math.log(tallies.PROBABILITY_FLOOR) / 2)


@settings(max_examples=30, deadline=None)
@holds_for(rows(), st.permutations(range(4)))
def test_renaming_the_classes_changes_no_metric(pairs: list[tuple[int, int]], names: list[int]) -> None:
    def metrics(renamed: list[tuple[int, int]]) -> list[float]:
        predictions = given([t for t, _ in renamed], [p for _, p in renamed], classes=4)
        sums = tallies.row_tallies(predictions.targets_N, predictions.predicted_N, 4).sum(axis=0)
        return [float(metric(sums.reshape(1, 3, 4))[0]) for metric in tallies.METRICS.values()]

    assert metrics(pairs) == pytest.approx(metrics([(names[t], names[p]) for t, p in pairs]), abs=1e-12)


def test_permuting_the_labels_sends_accuracy_to_chance() -> None:
    rng = np.random.default_rng(3)
    targets_N = rng.integers(0, 5, 4000)
    shuffled = given(rng.permutation(targets_N), targets_N, classes=5)
    found = score_system(shuffled, name="s", title="", role="tuned", settings=FAST).metrics["accuracy"]
    assert found.low < 0.2 < found.high
    assert found.high - found.low < 0.03
