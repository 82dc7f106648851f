"""What the user says against overfitting: softer targets, averaged weights."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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
