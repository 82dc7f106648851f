"""How the learning rate moves: a factor between 0 and 1 for every step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.recipe.train import Constant, Cosine, Linear

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tunewright.recipe.spec import Spec
    from tunewright.recipe.train import ScheduleSpec

    Decay = Callable[[float], float]


def _linear(done: float) -> float:
    return 1.0 - done


def _cosine(done: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _constant(done: float) -> float:  # noqa: ARG001  # a constant is the decay that looks at nothing
    return 1.0


DECAYS: Mapping[type[Spec], Decay] = {Linear: _linear, Cosine: _cosine, Constant: _constant}
"""Spec to decay: the share of the steps after warm-up that are done (0 to below 1) to a factor."""


def rate_factor(spec: ScheduleSpec, step: int, total: int, *, decays: Mapping[type[Spec], Decay] = DECAYS) -> float:
    """The factor of step `step` (from 1) of `total`: it rises to 1 over the warm-up, then decays; never exactly 0."""
    warmup = round(spec.warmup * total)
    if step <= warmup:
        return step / warmup
    return decays[type(spec)]((step - 1 - warmup) / max(1, total - warmup))
