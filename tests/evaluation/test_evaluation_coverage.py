"""Intervals at 0.95 cover the truth at about that rate: simulated worlds whose truth is known, with fixed seeds.

Each rate comes from 300 samples or more, so its own standard error is at most 0.013. Conservative intervals may cover
more than 0.95; the lower limits below are what the room promises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from evaluation_cases import given

from tunewright.evaluation.classification import metric_estimates
from tunewright.evaluation.paired import paired_difference
from tunewright.evaluation.per_class import class_scores
from tunewright.evaluation.settings import ScoreSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tunewright.core.results import Estimate

SAMPLES = 300
SETTINGS = ScoreSettings(resamples=400)


def coverage(truth: float, found: Iterable[Estimate]) -> float:
    inside = [estimate.low <= truth <= estimate.high for estimate in found]
    assert len(inside) >= SAMPLES
    return sum(inside) / len(inside)


def world(shares: list[float], right: list[float]) -> np.ndarray:
    """The joint shares of (true, predicted) where class k is right with `right[k]` and else any other, `[K, K]`."""
    k = len(shares)
    answers_KK = np.array([[right[i] if i == j else (1 - right[i]) / (k - 1) for j in range(k)] for i in range(k)])
    return np.array(shares)[:, None] * answers_KK


def macro_f1_of(shares_KK: np.ndarray) -> float:
    return float(np.mean(2 * np.diag(shares_KK) / (shares_KK.sum(axis=0) + shares_KK.sum(axis=1))))


def drawn(shares_KK: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    cells_N = rng.choice(shares_KK.size, n, p=shares_KK.ravel())
    return cells_N // len(shares_KK), cells_N % len(shares_KK)


@pytest.mark.parametrize(
    ("shares", "right", "n", "least"),
    [
        ([0.7, 0.2, 0.1], [0.9, 0.75, 0.6], 150, 0.93),
        ([0.7, 0.25, 0.05], [0.98, 0.97, 0.95], 40, 0.95),  # nearly perfect, a class of about two rows
        ([0.7, 0.25, 0.05], [0.98, 0.97, 0.95], 800, 0.93),
    ],
)
def test_the_interval_of_macro_f1_covers(shares: list[float], right: list[float], n: int, least: float) -> None:
    rng, shares_KK = np.random.default_rng(11), world(shares, right)
    found = (
        metric_estimates(given(*drawn(shares_KK, n, rng), classes=3), settings=SETTINGS, stream=str(i), metrics=[name])[
            name
        ]
        for i in range(SAMPLES)
        for name in ["macro_f1"]
    )
    assert coverage(macro_f1_of(shares_KK), found) >= least


@pytest.mark.parametrize("clusters", [12, 40])
def test_the_interval_of_clustered_accuracy_covers_where_wilsons_would_not(clusters: int) -> None:
    """Clusters of 8 rows that share their luck: beta-distributed accuracies with mean 0.75 and correlation 1/3."""
    rng, owner = np.random.default_rng(12), np.repeat(np.arange(clusters), 8)
    pairs = []
    for i in range(SAMPLES):
        right_N = rng.random(len(owner)) < rng.beta(1.5, 0.5, clusters)[owner]
        predictions = given(np.zeros(len(owner), dtype=int), (~right_N).astype(int), classes=2, clusters=owner)
        whole = metric_estimates(predictions, settings=SETTINGS, stream=str(i), metrics=["accuracy"])["accuracy"]
        recall = class_scores(predictions, confidence=0.95)[0].recall
        apart = given(np.zeros(len(owner), dtype=int), (~right_N).astype(int), classes=2)
        naive = metric_estimates(apart, settings=SETTINGS, stream=str(i), metrics=["accuracy"])["accuracy"]
        pairs.append((whole, recall, naive))
    assert coverage(0.75, (whole for whole, _, _ in pairs)) >= 0.91
    assert coverage(0.75, (recall for _, recall, _ in pairs)) >= 0.93
    assert coverage(0.75, (naive for _, _, naive in pairs)) < 0.85


def test_the_intervals_of_class_scores_cover() -> None:
    rng, shares_KK = np.random.default_rng(13), world([0.6, 0.4], [0.85, 0.7])
    scores = [class_scores(given(*drawn(shares_KK, 80, rng), classes=2), confidence=0.95)[1] for _ in range(1000)]
    hits, true, predicted = shares_KK[1, 1], shares_KK[1].sum(), shares_KK[:, 1].sum()
    for name, truth in (("recall", hits / true), ("precision", hits / predicted), ("f1", 2 * hits / (true + predicted))):
        assert 0.93 <= coverage(truth, [getattr(score, name) for score in scores]) <= 0.975, name


@pytest.mark.parametrize(("metric", "least"), [("accuracy", 0.925), ("macro_f1", 0.925)])
def test_the_interval_of_a_paired_difference_covers(metric: str, least: float) -> None:
    """Two systems that share most of their errors; the second sees through 30 % of the first's mistakes."""
    shares_KK, rng, found = world([0.6, 0.4], [0.8, 0.65]), np.random.default_rng(14), []
    for i in range(SAMPLES):
        targets_N, predicted_N = drawn(shares_KK, 120, rng)
        better_N = np.where(rng.random(120) < 0.3, targets_N, predicted_N)
        first, second = given(targets_N, better_N, classes=2), given(targets_N, predicted_N, classes=2)
        found.append(paired_difference(first, second, metric=metric, stream=str(i), settings=SETTINGS))
    better_KK = 0.7 * shares_KK + 0.3 * np.diag(shares_KK.sum(axis=1))
    gains = {
        "accuracy": float(np.trace(better_KK) - np.trace(shares_KK)),
        "macro_f1": macro_f1_of(better_KK) - macro_f1_of(shares_KK),
    }
    assert coverage(gains[metric], found) >= least
