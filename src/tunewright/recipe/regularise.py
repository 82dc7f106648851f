"""What the user says against overfitting: penalties of weights, averages of weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, model_validator

from tunewright.recipe.spec import Spec


class Ema(Spec):
    """An exponential moving average of the trained weights (Polyak & Juditsky 1992; Tarvainen & Valpola 2017).

    Evaluations, the best checkpoint and the saved model have the averaged weights; training goes on from its own. It
    evens out the last steps' noise: worth a try where validation scores jump between evaluations.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """Share of the average that a step keeps: 0.999 looks back over some 1,000 steps."""
    warmup: bool = True
    """After step t the decay is at most (1 + t) / (10 + t), so that the average of a short training is of its last
    tenth and not of the base; without it, the average begins at the base's weights."""


class Swa(Spec):
    """The plain mean of the weights after each of the last steps, at a constant rate (Izmailov et al. 2018).

    Evaluations, the best checkpoint and the saved model have the mean once it has begun. For the last gain of a
    training that is known to converge.
    """

    start: Annotated[float, Field(gt=0, lt=1)] = 0.75
    """Share of all steps after which the mean begins; the schedule's rate stays from there on what it is there."""


class L2SP(Spec):
    """A penalty on the distance from the pretrained weights (L2-SP, Li et al. 2018).

    For small data, and where the base's knowledge is to be kept: trained weights are drawn to where they began instead
    of to zero.
    """

    alpha: NonNegativeFloat = 0.01
    """The loss grows by half of this times the squared distance of the trained weights from the base's."""
    beta: NonNegativeFloat = 0.01
    """The loss grows by half of this times the squared size of a classifier's new head, which has nowhere to go back
    to."""


class Penalties(Spec):
    """What is added to the loss of a step for the size of the weights, once a step, whatever its cut into passes.

    Their gradient passes through the optimiser, which divides it by the root of its second moment: under AdamW a
    penalty is not weight decay (`train.optimizer.weight_decay`), which acts beside the gradient and on all weights
    alike (Loshchilov & Hutter 2019). The losses that are reported are without them.
    """

    l1: NonNegativeFloat = 0.0
    """Times the sum of the trained matrices' absolute values; drives small weights to zero."""
    l2: NonNegativeFloat = 0.0
    """Half of this times the sum of the trained matrices' squares; biases and norms are exempt."""
    l2_sp: L2SP | None = None
    """Draws weights to those of the base instead of to zero."""

    @model_validator(mode="after")
    def _one_aim(self) -> Penalties:
        if self.l2 and self.l2_sp is not None:
            raise ValueError(
                f"l2 is {self.l2:g}, which draws weights to zero, and l2_sp draws them to the base's: remove one"
            )
        return self
