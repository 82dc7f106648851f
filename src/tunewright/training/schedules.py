"""How the learning rate moves: a factor between 0 and 1 for every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tunewright.recipe.schedule import Constant, Cosine, InverseSqrt, Linear, WarmupStableDecay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.recipe.regularise import Swa
    from tunewright.recipe.schedule import ScheduleSpec
    from tunewright.recipe.spec import Spec

    Decay = Callable[[Any, float], float]


def _linear(_spec: Linear, done: float) -> float:
    return 1.0 - done


def _cosine(_spec: Cosine, done: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _constant(_spec: Constant, _done: float) -> float:
    return 1.0


def _inverse_sqrt(spec: InverseSqrt, done: float) -> float:
    """The root of the warm-up's steps over all steps so far, both as shares of all steps."""
    return math.sqrt(spec.warmup / (spec.warmup + done * (1 - spec.warmup)))


def _warmup_stable_decay(spec: WarmupStableDecay, done: float) -> float:
    left = (1 - done) * (1 - spec.warmup)  # a share of all steps, as `decay` is
    return min(1.0, left / spec.decay)


DECAYS: Mapping[type[Spec], Decay] = {
    Linear: _linear,
    Cosine: _cosine,
    Constant: _constant,
    InverseSqrt: _inverse_sqrt,
    WarmupStableDecay: _warmup_stable_decay,
}
"""Spec to decay: the spec and the share of the steps after warm-up that are done (0 to below 1) to a factor."""


def rate_factor(spec: ScheduleSpec, step: int, total: int, *, decays: Mapping[type[Spec], Decay] = DECAYS) -> float:
    """The factor of step `step` (from 1) of `total`: it rises to 1 over the warm-up, then decays; never exactly 0."""
    warmup = round(spec.warmup * total)
    if step <= warmup:
        return step / warmup
    return decays[type(spec)](spec, (step - 1 - warmup) / max(1, total - warmup))


def held_factor(spec: ScheduleSpec, swa: Swa | None, step: int, *, total: int) -> float:
    """The schedule's factor, which stays where it is once the mean of the weights begins."""
    return rate_factor(spec, step if swa is None else min(step, first_averaged(swa, total)), total)


def first_averaged(swa: Swa, total: int) -> int:
    """The first of `total` steps (from 1) whose weights are in the mean."""
    return min(total, int(swa.start * total) + 1)
