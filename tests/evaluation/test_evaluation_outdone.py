"""A simpler system that does better is told, and only where the whole interval says so."""

from __future__ import annotations

import pytest

from tunewright.core.results import Comparison, Estimate
from tunewright.evaluation.outdone import outdone

TITLES = {"base": "the base", "nearest_neighbour": "the nearest row"}


def compared(metric: str, against: str, low: float | None, high: float | None) -> Comparison:
    value = None if low is None or high is None else (low + high) / 2
    return Comparison(metric, "tuned", against, Estimate(value, low, high, 100), 0.01, "", 1, 9)


@pytest.mark.parametrize(
    ("metric", "low", "high", "told"),
    [
        ("chrf", -20.0, -10.0, True),
        ("chrf", -20.0, 0.5, False),
        ("chrf", 5.0, 9.0, False),
        ("bits_per_byte", 0.1, 0.3, True),
        ("bits_per_byte", -0.3, -0.1, False),
        ("accuracy", -0.2, -0.1, True),
        ("chrf", None, None, False),
    ],
)
def test_a_system_is_told_where_its_whole_interval_is_better(
    metric: str, low: float | None, high: float | None, told: bool
) -> None:
    found = list(outdone([compared(metric, "nearest_neighbour", low, high)], TITLES))
    assert bool(found) is told
    assert all(", the nearest row does better than the tuned model" in sentence for sentence in found)


def test_the_condition_that_is_proposed_is_on_the_system_that_did_better() -> None:
    for against, named in (("base", "system: base`"), ("nearest_neighbour", "system: best_baseline`")):
        (sentence,) = outdone([compared("chrf", against, -9, -5)], TITLES)
        assert named in sentence


def test_each_system_is_told_once() -> None:
    found = list(outdone([compared("chrf", "base", -9, -5), compared("bleu", "base", -9, -5)], TITLES))
    assert len(found) == 1
