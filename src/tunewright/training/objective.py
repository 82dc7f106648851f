"""What training minimises: the task's loss with what the recipe adds to it. Validation keeps the plain loss."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from tunewright.recipe.train import TrainSpec
    from tunewright.training.losses import LossSum


def training_loss(loss: Callable[..., Tensor], spec: TrainSpec) -> LossSum:
    """The summed loss of a forward pass as the recipe wants it trained; `loss` itself where it asks for nothing.

    What the recipe may ask of a task stands in the recipe's own refusals: the loss of a task takes those keywords.
    """
    return partial(loss, smoothing=spec.label_smoothing) if spec.label_smoothing else loss
