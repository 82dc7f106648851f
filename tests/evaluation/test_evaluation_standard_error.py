"""Standard errors by the jackknife: those of textbooks where there are such, and of resampling elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewright.evaluation import standard_error
from tunewright.evaluation.standard_error import mean_error, metric_error
from tunewright.evaluation.tallies import METRICS, row_tallies


def drawn(rows: int, *, seed: int = 1, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = random.integers(classes, size=rows)
    return targets, np.where(random.random(rows) < 0.7, targets, random.integers(classes, size=rows))


@given(st.integers(2, 60), st.integers(0, 10**6))
def test_of_accuracy_it_is_the_binomial_one(rows: int, seed: int) -> None:
    targets, predicted = drawn(rows, seed=seed)
    share = float((targets == predicted).mean())
    found = metric_error("accuracy", targets, predicted, 4)
    assert found == pytest.approx(math.sqrt(share * (1 - share) / (rows - 1)), abs=1e-9)


def test_of_macro_f1_it_is_about_that_of_resampled_rows() -> None:
    """Within a tenth, over 2,000 resamples of 400 rows."""
    targets, predicted = drawn(400)
    random = np.random.default_rng(7)
    scores = []
    for _ in range(2_000):
        chosen = random.integers(400, size=400)
        tallies = row_tallies(targets[chosen], predicted[chosen], 4).sum(axis=0).reshape(1, 3, 4)
        scores.append(float(METRICS["macro_f1"](tallies)[0]))
    assert metric_error("macro_f1", targets, predicted, 4) == pytest.approx(float(np.std(scores)), rel=0.1)


@pytest.mark.parametrize("metric", METRICS)
def test_rows_held_in_parts_give_the_same(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    targets, predicted = drawn(50)
    whole = metric_error(metric, targets, predicted, 4)
    monkeypatch.setattr(standard_error, "AT_ONCE", 7)
    assert metric_error(metric, targets, predicted, 4) == pytest.approx(whole)


def test_of_a_mean_it_is_the_deviation_over_the_root_of_the_rows() -> None:
    assert mean_error(np.array([1.0, 2.0, 3.0, 6.0])) == pytest.approx(math.sqrt(14 / 3) / 2)


def test_of_a_single_row_it_is_unknown() -> None:
    one = np.array([1])
    assert metric_error("accuracy", one, one, 4) is None
    assert mean_error(np.array([1.0])) is None
