"""The loop: an iterator of step reports. What follows from a report is decided by whoever consumes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin

from tunewright.core.errors import Problem, RunError
from tunewright.training.attention import attend_plainly
from tunewright.training.averaging import average_of
from tunewright.training.dropout import lighten_dropout
from tunewright.training.optimizers import build_optimizer
from tunewright.training.penalties import penalty_of
from tunewright.training.rates import rate_factors
from tunewright.training.recompute import recompute_layers
from tunewright.training.schedules import held_factor
from tunewright.training.step import TrainState, optimizer_step
from tunewright.training.unfreezing import unfreeze

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from tunewright.core.training import StepReport
    from tunewright.data.loader import StepBatches
    from tunewright.recipe.train import TrainSpec
    from tunewright.training.losses import LossSum


@dataclass(frozen=True, slots=True)
class Duration:
    """How long training lasts, and the peak rate its schedule is fitted to."""

    total_steps: int
    lr: float


def start(  # noqa: PLR0913  # what a run's settings come to, each by name
    model: nn.Module,
    spec: TrainSpec,
    *,
    lr: float,
    bf16: bool,
    seed: int,
    cpu: bool,
    several: bool = False,
    total_steps: int | None = None,
) -> TrainState:
    """The model placed on its device with a fresh optimiser, before its first step.

    With `several`, it is replicated over the processes that were launched: `LoadPlan` must then name this one's rank.
    Without, RunError is raised where there is more than one. `total_steps` is needed where weights are averaged over a
    share of them.
    """
    accumulation = GradientAccumulationPlugin(num_steps=1)  # or the environment of `accelerate launch` would decide
    accelerator = Accelerator(cpu=cpu, mixed_precision="no", gradient_accumulation_plugin=accumulation)
    if accelerator.num_processes > 1 and not several:
        given = f"started as {accelerator.num_processes} processes, which training does not divide its rows over yet"
        raise RunError(Problem("training", given, "one process", "start it without `accelerate launch` or torchrun"))
    if accelerator.device.type == "cpu":
        lighten_dropout(model)
        attend_plainly(model)
    recompute_layers(model, spec.recompute)
    optimizer = build_optimizer(spec.optimizer, model, lr, factors=rate_factors(model, spec.method))
    model, optimizer = accelerator.prepare(model, optimizer)
    state = TrainState(model, optimizer, accelerator, seed=seed, bf16=bf16)
    state.average = average_of(spec, optimizer.optimizer, total_steps)
    state.penalty = penalty_of(spec.penalties, state.bare_model, optimizer.optimizer)
    return state


def train(
    state: TrainState, steps: Iterator[StepBatches], loss: LossSum, spec: TrainSpec, *, until: Duration
) -> Iterator[StepReport]:
    """Yields a report after every step, until the duration is reached."""
    trained: int | None = None
    while state.step < until.total_steps:
        batches = next(steps)  # drawn only when it will be used
        trained = unfreeze(state, spec.method, batches, trained=trained)
        lr = until.lr * held_factor(spec.schedule, spec.swa, batches.step, total=until.total_steps)
        clips = {"max_norm": spec.max_grad_norm, "max_value": spec.max_grad_value}
        yield optimizer_step(state, batches, loss, lr=lr, **clips)
