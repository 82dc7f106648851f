"""Weights that are evaluated and saved in place of those that training moves: their running average."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch

from tunewright.recipe.optimizer import ScheduleFree
from tunewright.training.schedules import first_averaged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from tunewright.recipe.regularise import Ema, Swa
    from tunewright.recipe.train import TrainSpec
    from tunewright.training.step import TrainState

Share = Callable[[int], float]
"""The number of a step (from 1) to the share that its weights have in the average after it."""


class Average(Protocol):
    """The weights that are evaluated. The step calls `update` after it moved the weights that it trains."""

    def update(self, step: int) -> None:
        """The weights after this step have their share in the average."""

    def weights(self) -> dict[nn.Parameter, Tensor]:
        """The average of each trained parameter; what stands here when a checkpoint was read into it goes on."""


class RunningAverage:
    """A running average of the weights that the optimiser moves, which begins as these weights."""

    def __init__(self, optimizer: Optimizer, share: Share) -> None:
        self._share = share
        self._held: dict[nn.Parameter, Tensor] = {p: p.detach().clone() for p in _moved(optimizer)}

    def update(self, step: int) -> None:
        """The weights after this step have their share in the average."""
        with torch.no_grad():
            live = [p.detach() for p in self._held]
            torch._foreach_lerp_(list(self._held.values()), live, self._share(step))

    def weights(self) -> dict[nn.Parameter, Tensor]:
        """The average itself."""
        return self._held


class ScheduleFreeAverage:
    """The average that the schedule-free optimiser takes as it goes: it follows from the weights and its own state.

    Of Defazio et al. 2024, x, where y are the weights that the gradient is taken at: y = (1 - beta) z + beta x.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer

    def update(self, step: int) -> None:
        """Nothing is to be done: the optimiser has done it."""

    def weights(self) -> dict[nn.Parameter, Tensor]:
        """The average, made anew."""
        beta = self._optimizer.param_groups[0]["betas"][0]
        states = ((p, self._optimizer.state[p]) for p in _moved(self._optimizer))
        return {p: p.detach().lerp(of["z"], 1 - 1 / beta) if "z" in of else p.detach().clone() for p, of in states}


def average_of(spec: TrainSpec, optimizer: Optimizer, total_steps: int | None) -> Average | None:
    """The average that the recipe asks for; None where training's own weights are the model."""
    if isinstance(spec.optimizer, ScheduleFree):
        return ScheduleFreeAverage(optimizer)
    if spec.ema is not None:
        return RunningAverage(optimizer, ema_share(spec.ema))
    if spec.swa is not None:
        assert total_steps is not None, "where the mean begins is a share of all steps"
        return RunningAverage(optimizer, swa_share(spec.swa, total_steps))
    return None


def ema_share(spec: Ema) -> Share:
    """One minus the decay of each step."""

    def share(step: int) -> float:
        return 1 - (min(spec.decay, (1 + step) / (10 + step)) if spec.warmup else spec.decay)

    return share


def swa_share(spec: Swa, total_steps: int) -> Share:
    """All, so that the average is the weights themselves, until it begins; then one over the steps in it."""
    first = first_averaged(spec, total_steps)
    return lambda step: 1 / max(1, step - first + 1)


@contextlib.contextmanager
def evaluated_weights(state: TrainState) -> Iterator[None]:
    """Within it the model has the weights that are evaluated and saved; behind it those that training moves.

    The tensors change places, so nothing is rounded or copied.
    """
    shown = state.average.weights() if state.average is not None else {}
    _exchange(shown)
    try:
        yield
    finally:
        _exchange(shown)


def _exchange(held: dict[Any, Tensor]) -> None:
    for parameter, other in held.items():
        held[parameter], parameter.data = parameter.data, other


def _moved(optimizer: Optimizer) -> list[nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]
