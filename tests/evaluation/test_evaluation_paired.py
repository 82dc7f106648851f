"""Paired tests are exact where they can be, honest where they sample, and never certain."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from evaluation_cases import given, noisy
from hypothesis import given as holds_for
from hypothesis import settings as run_with
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_array
from sklearn.metrics import f1_score

from tunewright.evaluation.paired import compare, mcnemar_exact, paired_difference, randomisation
from tunewright.evaluation.randomisation import swap_test
from tunewright.evaluation.settings import ScoreSettings

FAST = ScoreSettings(resamples=200)


def compared(first, second, metric="accuracy", settings=FAST):
    return compare(first, second, metric=metric, system="tuned", against="base", settings=settings)


@holds_for(st.integers(0, 400), st.integers(0, 400))
@run_with(deadline=None)
def test_mcnemar_equals_scipys_binomial_test(gained: int, lost: int) -> None:
    expected = stats.binomtest(gained, gained + lost, 0.5).pvalue if gained + lost else 1.0
    assert mcnemar_exact(gained, lost) == pytest.approx(expected, rel=1e-9)


def test_a_difference_is_the_difference_of_the_scores_and_counts_gained_and_lost_rows() -> None:
    rng = np.random.default_rng(1)
    targets_N = rng.integers(0, 3, 200)
    first, second = (noisy(targets_N, classes=3, accuracy=a, rng=rng) for a in (0.9, 0.7))
    accuracy = compared(first, second)
    gained = sum(a == t != b for t, a, b in zip(targets_N, first.predicted_N, second.predicted_N, strict=True))
    lost = sum(b == t != a for t, a, b in zip(targets_N, first.predicted_N, second.predicted_N, strict=True))
    assert (accuracy.gained, accuracy.lost, accuracy.test) == (gained, lost, "mcnemar-exact")
    assert accuracy.difference.value == pytest.approx((gained - lost) / 200)
    macro = compared(first, second, "macro_f1")
    expected = [f1_score(targets_N, s.predicted_N, average="macro") for s in (first, second)]
    assert macro.difference.value == pytest.approx(expected[0] - expected[1])
    assert macro.test == "approximate-randomisation"


def test_swapping_the_systems_turns_the_difference_round() -> None:
    rng = np.random.default_rng(2)
    targets_N = rng.integers(0, 3, 150)
    first, second = (noisy(targets_N, classes=3, accuracy=a, rng=rng) for a in (0.8, 0.7))
    for metric in ("accuracy", "macro_f1"):
        there, back = compared(first, second, metric), compared(second, first, metric)
        assert there.difference.value == pytest.approx(-back.difference.value)
        assert (there.gained, there.lost) == (back.lost, back.gained)
        assert there.p_value == pytest.approx(back.p_value, abs=0.12)  # 200 draws on either side


def exact_randomisation(targets, first, second, clusters) -> float:
    """All 2^clusters assignments, one by one: the p-value that sampling approximates."""
    names = sorted(set(clusters))
    seen = abs(f1_score(targets, first, average="macro") - f1_score(targets, second, average="macro"))
    as_large = 0
    for swaps in itertools.product([False, True], repeat=len(names)):
        swapped = dict(zip(names, swaps, strict=True))
        a = [s if swapped[c] else f for f, s, c in zip(first, second, clusters, strict=True)]
        b = [f if swapped[c] else s for f, s, c in zip(first, second, clusters, strict=True)]
        found = abs(f1_score(targets, a, average="macro") - f1_score(targets, b, average="macro"))
        as_large += found >= seen - 1e-12
    return as_large / 2 ** len(names)


@pytest.mark.parametrize("clustered", [False, True])
def test_randomisation_of_few_rows_counts_every_swap(clustered: bool) -> None:
    targets = [0, 0, 0, 1, 1, 1, 1, 0]
    first = [0, 0, 0, 1, 1, 1, 0, 0]
    second = [1, 0, 1, 1, 0, 0, 0, 1]
    clusters = [0, 0, 1, 1, 2, 3, 3, 4] if clustered else list(range(8))
    found = randomisation(
        given(targets, first, classes=2, clusters=clusters),
        given(targets, second, classes=2, clusters=clusters),
        metric="macro_f1",
        draws=100,
        rng=np.random.default_rng(3),
    )
    assert found.test == "exact-randomisation"
    assert found.p_value == pytest.approx(exact_randomisation(targets, first, second, clusters), abs=1e-12)


def test_differences_that_rounding_alone_parts_are_as_large() -> None:
    """Of six rows that are all better, two ways of 64 are as large: none swapped and all, summed in another order."""
    first, second = np.array([0.5, 0.6, 0.9, 0.7, 0.6, 0.5]), np.array([0.3, 0.4, 0.8, 0.5, 0.4, 0.4])
    sums = [csr_array(np.stack([values, np.ones(6)], axis=1)) for values in (first, second)]
    found = swap_test(*sums, list("abcdef"), lambda s: s[:, 0] / s[:, 1], draws=1, rng=np.random.default_rng(0))
    assert found.p_value == 2 / 64


def test_clustered_accuracy_is_tested_by_swapping_whole_clusters() -> None:
    """Forty rows gained, all in two clusters: row by row that is proof, by clusters it is two coins."""
    targets, second = [0] * 60, [1] * 40 + [0] * 20
    clusters = ["a"] * 20 + ["b"] * 20 + [f"c{i}" for i in range(20)]
    first = given(targets, [0] * 60, classes=2, clusters=clusters)
    found = compared(first, given(targets, second, classes=2, clusters=clusters))
    assert (found.test, found.gained) == ("exact-randomisation", 40)
    assert found.p_value == 0.5  # both swapped or neither: two of four ways are as large
    assert mcnemar_exact(40, 0) < 1e-9


def test_p_values_are_uniform_under_the_null() -> None:
    """Two systems drawn alike, 250 times: by Kolmogorov and Smirnov, and never below the level more often than it."""
    rng, p_values = np.random.default_rng(4), []
    for _ in range(250):
        targets_N = rng.integers(0, 3, 200)
        pair = [noisy(targets_N, classes=3, accuracy=0.7, rng=rng) for _ in range(2)]
        p_values.append(randomisation(*pair, metric="macro_f1", draws=199, rng=rng).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 250)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
@pytest.mark.parametrize("accuracy", [0.6, 1.0])
@pytest.mark.parametrize("clusters", [None, [i // 3 for i in range(90)]])
def test_a_system_against_itself_has_p_1_and_an_interval_with_a_width(metric, accuracy, clusters) -> None:
    rng = np.random.default_rng(5)
    same = noisy(rng.integers(0, 3, 90), classes=3, accuracy=accuracy, rng=rng, clusters=clusters)
    found = compared(same, same, metric)
    assert found.difference.value == 0
    assert found.difference.low < -0.01 < 0.01 < found.difference.high
    assert found.p_value == 1


def test_even_the_clearest_difference_has_neither_p_0_nor_an_interval_without_width() -> None:
    targets = [0, 1, 2] * 100
    right, wrong = given(targets, targets, classes=3), given(targets, [(t + 1) % 3 for t in targets], classes=3)
    for metric in ("accuracy", "macro_f1"):
        found = compared(right, wrong, metric)
        assert found.difference.value == 1
        assert 0.9 < found.difference.low < 1 == found.difference.high
        assert 0 < found.p_value < 0.01


def test_the_same_seed_gives_the_same_comparison() -> None:
    rng = np.random.default_rng(6)
    targets_N = rng.integers(0, 3, 150)
    pair = [noisy(targets_N, classes=3, accuracy=a, rng=rng) for a in (0.8, 0.7)]
    assert compared(*pair, "macro_f1") == compared(*pair, "macro_f1")
    assert compared(*pair, "macro_f1") != compared(*pair, "macro_f1", replace(FAST, seed=99))


def test_without_rows_nothing_is_compared_and_nothing_is_zero() -> None:
    found = compared(given([], [], classes=2), given([], [], classes=2))
    assert (found.difference.value, found.p_value) == (None, None)
    assert found.reason == "there are no rows to compare"


@pytest.mark.parametrize("field", ["row_ids", "labels", "clusters"])
def test_a_comparison_of_other_rows_is_refused(field: str) -> None:
    first = given([0, 1], [0, 1], classes=2)
    other = replace(first, **{field: tuple(reversed(getattr(first, field)))})
    with pytest.raises(ValueError, match="same rows in the same order"):
        compared(first, other)


def test_a_comparison_with_other_true_classes_or_an_unknown_metric_is_refused() -> None:
    first = given([0, 1], [0, 1], classes=2)
    with pytest.raises(ValueError, match="true classes"):
        compared(first, given([1, 1], [0, 1], classes=2))
    with pytest.raises(ValueError, match="unknown metric 'f2'"):
        compared(first, first, "f2")


def test_ten_thousand_resamples_of_ten_thousand_rows_take_less_than_two_seconds() -> None:
    rng = np.random.default_rng(7)
    targets_N = rng.integers(0, 77, 10_000)
    pair = [noisy(targets_N, classes=77, accuracy=a, rng=rng) for a in (0.93, 0.9)]
    start = time.process_time()
    found = paired_difference(*pair, metric="macro_f1", stream="speed", settings=ScoreSettings(resamples=10_000))
    assert time.process_time() - start < 2
    assert found.low < found.value < found.high
