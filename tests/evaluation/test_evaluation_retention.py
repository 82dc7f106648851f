"""General text before and after tuning: what was forgotten, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken

from tunewright.core.predictions import ClassPredictions
from tunewright.evaluation.retention import earlier_test_of_classes, reading, relative_rise, retention
from tunewright.evaluation.settings import ScoreSettings

FAST = ScoreSettings(resamples=300)
BASE = spoken(60, quality=0.7, seed=1)


def scaled(factor: float, noise: float = 0.02):
    drawn = np.random.default_rng(2).normal(factor, noise, len(BASE.nats_N))
    return replace(BASE, nats_N=BASE.nats_N * drawn)


def test_a_harder_text_is_forgotten_and_an_easier_one_is_not() -> None:
    worse, same, better = (retention(BASE, scaled(factor), settings=FAST) for factor in (1.2, 1.0, 0.9))
    value, (low, high) = relative_rise(worse)
    assert value == pytest.approx(0.2, abs=0.02)
    assert 0.18 < low < value < high < 0.22
    assert worse.p_value < 0.01 < same.p_value
    assert worse.difference.value == pytest.approx(worse.after.value - worse.before.value)
    assert reading(worse).startswith("Forgets some")
    assert reading(same).startswith("No forgetting seen")
    assert "gains" in reading(better)


def test_pairing_by_passage_makes_a_small_rise_plain() -> None:
    found = retention(BASE, scaled(1.03, noise=0.005), settings=FAST)
    assert found.difference.low > 0  # though the intervals of the two scores overlap by far
    assert found.after.low < found.before.high


def test_what_was_not_scored_is_unknown() -> None:
    found = retention(BASE, replace(BASE, nats_N=np.full(60, np.nan)), settings=FAST)
    assert found.difference.value is None
    assert relative_rise(found) is None
    assert "unknown" in reading(found)


def test_other_passages_are_refused() -> None:
    with pytest.raises(ValueError, match="same prompts"):
        retention(BASE, spoken(59, quality=0.7, seed=1), settings=FAST)


def test_a_share_of_a_score_that_moves_with_it_has_its_own_interval() -> None:
    """Every row a fifth worse: the difference of a varied score is unsure, its share of the score before is not."""
    nats_N = BASE.nats_N * np.random.default_rng(4).lognormal(0, 1, 60)
    found = retention(replace(BASE, nats_N=nats_N), replace(BASE, nats_N=nats_N * 1.2), settings=FAST)
    _, (low, high) = relative_rise(found)
    assert (found.difference.high - found.difference.low) / found.before.value > 0.05
    assert high - low < (found.difference.high - found.difference.low) / found.before.value
    assert low <= 0.2 <= high


def guessed(hits: list[bool]) -> ClassPredictions:
    n = len(hits)
    right_N = np.array(hits, dtype=np.int64)
    probabilities_NK = np.stack([0.1 + 0.8 * right_N, 0.9 - 0.8 * right_N], axis=1)
    rows, clusters = (tuple(f"{kind}{i}" for i in range(n)) for kind in "rc")
    return ClassPredictions(rows, ("a", "b"), probabilities_NK, np.zeros(n, dtype=np.int64), clusters)


def test_a_fall_of_accuracy_is_a_share_and_none_of_nothing() -> None:
    before, after = guessed([True] * 160 + [False] * 40), guessed([True] * 120 + [False] * 80)
    value, (low, high) = relative_rise(earlier_test_of_classes(before, after, run="old", settings=FAST))
    assert value == pytest.approx(0.25)
    assert 0.1 < low < 0.25 < high < 0.4
    same = relative_rise(earlier_test_of_classes(before, before, run="old", settings=FAST))
    assert same[0] == 0
    assert -0.05 < same[1][0] < 0 < same[1][1] < 0.05
    none = earlier_test_of_classes(guessed([False] * 20), guessed([True] * 20), run="old", settings=FAST)
    assert relative_rise(none) is None
    assert "score before is 0" in reading(none)
