"""Weights that are evaluated and saved in place of those that training moves: their running average."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from tunewright.recipe.regularise import Ema
    from tunewright.recipe.train import TrainSpec
    from tunewright.training.step import TrainState

Share = Callable[[int], float]
"""The number of a step (from 1) to the share that its weights have in the average after it."""


class Average:
    """A running average of a model's trained weights, which begins as these weights."""

    def __init__(self, model: nn.Module, share: Share) -> None:
        self._share = share
        trained = [p for p in model.parameters() if p.requires_grad]
        self.weights: dict[nn.Parameter, Tensor] = {p: p.detach().clone() for p in trained}

    def update(self, step: int) -> None:
        """The weights after this step have their share in the average."""
        with torch.no_grad():
            live = [p.detach() for p in self.weights]
            torch._foreach_lerp_(list(self.weights.values()), live, self._share(step))


def average_of(spec: TrainSpec, model: nn.Module) -> Average | None:
    """The average that the recipe asks for; None where training's own weights are the model."""
    return Average(model, ema_share(spec.ema)) if spec.ema is not None else None


def ema_share(spec: Ema) -> Share:
    """One minus the decay of each step."""

    def share(step: int) -> float:
        return 1 - (min(spec.decay, (1 + step) / (10 + step)) if spec.warmup else spec.decay)

    return share


@contextlib.contextmanager
def evaluated_weights(state: TrainState) -> Iterator[None]:
    """Within it the model has the weights that are evaluated and saved; behind it those that training moves.

    The tensors change places, so nothing is rounded or copied.
    """
    _swap(state)
    try:
        yield
    finally:
        _swap(state)


def _swap(state: TrainState) -> None:
    if state.average is not None:
        held = state.average.weights
        for parameter, other in held.items():
            held[parameter], parameter.data = parameter.data, other
