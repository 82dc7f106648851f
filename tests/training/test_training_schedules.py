"""Every schedule warms up to the peak, falls as its formula says, and never stands still at zero."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.recipe.regularise import Swa
from tunewright.recipe.schedule import Constant, Cosine, InverseSqrt, Linear, ScheduleSpec, WarmupStableDecay
from tunewright.training.schedules import DECAYS, first_averaged, held_factor, rate_factor

KINDS: list[type[Any]] = list(get_args(get_args(ScheduleSpec)[0]))


def test_every_schedule_of_the_recipe_has_exactly_one_builder() -> None:
    assert set(DECAYS) == set(KINDS)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Linear(warmup=0.2), [0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        (Linear(warmup=0.0), [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
        (Constant(warmup=0.4), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
        (InverseSqrt(warmup=0.2), [0.5, 1.0, *(math.sqrt(2 / (2 + n)) for n in range(8))]),
        (WarmupStableDecay(warmup=0.2, decay=0.4), [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3 / 4, 2 / 4, 1 / 4]),
        (WarmupStableDecay(warmup=0.0, decay=1.0), [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
        (Cosine(warmup=0.2), [0.5, 1.0, *(0.5 * (1 + math.cos(math.pi * n / 8)) for n in range(8))]),
    ],
)
def test_a_schedule_of_ten_steps_has_its_reference_values(spec: ScheduleSpec, expected: list[float]) -> None:
    assert [rate_factor(spec, step, 10) for step in range(1, 11)] == pytest.approx(expected)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(KINDS), st.floats(0.001, 0.99), st.integers(1, 400))
def test_a_rate_rises_to_its_peak_then_never_rises_and_is_never_zero(kind: Any, warmup: float, total: int) -> None:
    spec = kind(warmup=warmup, **({"decay": 1 - warmup} if kind is WarmupStableDecay else {}))
    factors = [rate_factor(spec, step, total) for step in range(1, total + 1)]
    peak = round(warmup * total)
    assert all(0 < factor <= 1 for factor in factors)
    assert max(factors) == 1.0
    assert factors[:peak] == sorted(factors[:peak])
    assert factors[max(0, peak - 1) :] == sorted(factors[max(0, peak - 1) :], reverse=True)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {InverseSqrt}, key=lambda kind: kind.__name__))
def test_without_warm_up_the_first_step_has_the_peak_rate(kind: Any) -> None:
    assert rate_factor(kind(warmup=0.0), 1, 50) == 1.0


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.floats(0.01, 0.99), st.integers(1, 400))
def test_where_weights_are_averaged_the_rate_stays_what_it_was_when_that_began(
    kind: Any, start: float, total: int
) -> None:
    swa, spec = Swa(start=start), kind()
    first = first_averaged(swa, total)
    held = [held_factor(spec, swa, step, total=total) for step in range(1, total + 1)]
    plain = [held_factor(spec, None, step, total=total) for step in range(1, total + 1)]
    assert 1 <= first <= total
    assert held[:first] == plain[:first]
    assert set(held[first - 1 :]) == {plain[first - 1]}
