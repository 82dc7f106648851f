"""What training minimises: the task's loss with what the recipe adds to it. Validation keeps the plain loss."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tunewright.training.agreement import agreement_loss
from tunewright.training.noise import noisy

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from tunewright.recipe.train import TrainSpec
    from tunewright.training.losses import LossSum


def training_loss(loss: Callable[..., Tensor], spec: TrainSpec) -> LossSum:
    """The summed loss of a forward pass as the recipe wants it trained; `loss` itself where it asks for nothing.

    What the recipe may ask of a task stands in the recipe's own refusals: the loss of a task takes those keywords.
    """
    if spec.r_drop is not None:
        return partial(agreement_loss, alpha=spec.r_drop, smoothing=spec.label_smoothing)
    asked: dict[str, float] = {}
    if spec.label_smoothing:
        asked["smoothing"] = spec.label_smoothing
    if spec.focal is not None:
        asked["focus"] = spec.focal
    wanted: LossSum = partial(loss, **asked) if asked else loss
    return wanted if spec.neftune is None else noisy(wanted, spec.neftune)
