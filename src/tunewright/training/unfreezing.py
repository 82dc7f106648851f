"""Gradual unfreezing: which layers a step trains follows from the step alone, so that resuming needs nothing more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RunError
from tunewright.models.freeze import train_top
from tunewright.recipe.train import Full

if TYPE_CHECKING:
    from tunewright.data.loader import StepBatches
    from tunewright.recipe.train import MethodSpec, Unfreezing
    from tunewright.training.step import TrainState


def layers_at(spec: Unfreezing, batches: StepBatches) -> int:
    """How many of the topmost layers this step trains; more than there are means all, and the embeddings."""
    whole_epochs = math.ceil(batches.epoch) - 1  # consumed before this step began
    passed = whole_epochs if spec.every == "epoch" else (batches.step - 1) // spec.every
    return spec.first + passed


def unfreeze(state: TrainState, method: MethodSpec, batches: StepBatches, *, trained: int | None) -> int | None:
    """The layers that this step trains require a gradient; gives their number, None where the method has no schedule.

    `trained` is what the step before gave; where that is the same, nothing is touched. Weights that are not yet
    trained have no gradient, so that the optimiser passes over them. Raises RunError where several processes train:
    they settled what they exchange at the start.
    """
    if not isinstance(method, Full) or method.unfreeze is None:
        return None
    layers = layers_at(method.unfreeze, batches)
    if layers != trained:
        if state.accelerator.num_processes > 1:
            given = f"set, and {state.accelerator.num_processes} processes train together"
            raise RunError(Problem("train.method.unfreeze", given, "one process", "remove it, or start one process"))
        train_top(state.bare_model, method, layers)
    return layers
