"""Intervals against their formulas elsewhere, and the properties none may lack."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tunewright.core.results import Estimate
from tunewright.evaluation import intervals

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(st.integers(1, 500), st.data(), LEVELS)
@settings(max_examples=80, deadline=None)
def test_wilson_equals_scipy(n: int, data: st.DataObject, confidence: float) -> None:
    hits = data.draw(st.integers(0, n))
    expected = stats.binomtest(hits, n).proportion_ci(confidence, method="wilson")
    assert intervals.wilson(hits, n, confidence=confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 500), LEVELS)
def test_what_was_never_seen_gives_wilsons_bound(n: int, confidence: float) -> None:
    share = intervals.unseen_share(n, confidence=confidence)
    assert share == pytest.approx(intervals.wilson(0, n, confidence=confidence)[1])
    assert intervals.allowing_unseen(1.0, share) == pytest.approx(intervals.wilson(n, n, confidence=confidence))


def test_balanced_classes_are_worth_all_their_rows_and_a_tiny_one_widens_the_mean() -> None:
    balanced = intervals.unseen_macro_share(np.full(4, 25.0), confidence=0.95)
    assert balanced == pytest.approx(intervals.unseen_share(100, confidence=0.95))
    assert intervals.unseen_macro_share(np.array([99.0, 1.0]), confidence=0.95) > 0.3


@given(st.integers(0, 60), st.integers(0, 60), LEVELS)
def test_the_interval_of_f1_holds_f1_and_has_a_width(hits: int, misses: int, confidence: float) -> None:
    union = hits + misses
    if union == 0:
        return
    low, high = intervals.wilson_f1(hits, union, union, confidence=confidence)
    assert 0 <= low <= 2 * hits / (union + hits) <= high <= 1
    assert high - low > 0.001


def test_copies_of_rows_are_worth_no_more_than_the_rows() -> None:
    hits_U = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0] * 20)
    single = intervals.effective_rows(hits_U, np.ones(160), confidence=0.95)
    copied = intervals.effective_rows(hits_U * 7, np.full(160, 7.0), confidence=0.95)
    assert single == pytest.approx(160, rel=0.03)
    assert copied == pytest.approx(160, rel=0.03)


def test_clusters_that_agree_throughout_count_as_one_row_each() -> None:
    assert intervals.effective_rows(np.full(6, 5.0), np.full(6, 5.0), confidence=0.95) == 6
    halves = intervals.effective_rows(np.ones(200), np.full(200, 2.0), confidence=0.95)
    assert 0.98 * 400 < halves <= 400, "clusters more even than chance are not worth more than their rows"
    assert intervals.effective_rows(np.array([3.0]), np.array([9.0]), confidence=0.95) == 1


@given(st.integers(2, 10_000), LEVELS)
@settings(max_examples=50, deadline=None)
def test_expanded_percentiles_give_the_t_interval_of_a_mean(n: int, confidence: float) -> None:
    """Hesterberg's reason for them: on normal resamples they are the t interval, whatever the number of units."""
    normal_R = stats.norm.ppf((np.arange(200_001) + 0.5) / 200_001)
    low, high = intervals.expanded_percentiles(normal_R * math.sqrt((n - 1) / n), units=n, confidence=confidence)
    expected = stats.t.ppf((1 + confidence) / 2, n - 1)
    if expected * math.sqrt(n / (n - 1)) < 3.5:  # beyond, the grid of resamples is too coarse
        assert (low, high) == pytest.approx((-expected, expected), rel=1e-3)


def test_the_difference_of_independent_scores_equals_newcombes_published_example() -> None:
    """Newcombe (1998, Statistics in Medicine 17, 873-890), method 10: 56/70 against 48/80 gives 0.0524 to 0.3339."""
    first = 56 / 70, intervals.wilson(56, 70, confidence=0.95)
    second = 48 / 80, intervals.wilson(48, 80, confidence=0.95)
    assert intervals.difference_interval(first, second) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize("missing", [{"value": None}, {"low": None}, {"high": math.inf}, {"value": math.nan}])
def test_an_estimate_with_a_part_missing_or_not_finite_is_unknown(missing: dict[str, float | None]) -> None:
    whole = {"value": 0.5, "low": 0.4, "high": 0.6}
    assert intervals.known(Estimate(**whole, n=9)) == (0.5, (0.4, 0.6))
    assert intervals.known(Estimate(**(whole | missing), n=9)) is None
