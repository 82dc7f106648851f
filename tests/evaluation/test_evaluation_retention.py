"""General text before and after tuning: what was forgotten, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken

from tunewright.evaluation.retention import reading, relative_rise, retention
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
