"""What the user says about the optimiser."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from tunewright.recipe.spec import Spec, kind_where_absent

Rate = Annotated[float, Field(gt=0, lt=1)] | Literal["auto"]
Share = Annotated[float, Field(ge=0, lt=1)]
Pair = Annotated[list[Share], Field(min_length=2, max_length=2)]


class AdamW(Spec):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: Literal["adamw"] = "adamw"
    lr: Rate = "auto"
    """Peak learning rate, below 1; `auto` takes the known good one for the method and the model's size."""
    weight_decay: NonNegativeFloat = 0.01
    """Applied to matrices only; biases and norms are exempt."""
    betas: Pair = [0.9, 0.999]
    """Decay rates of the first and second moment."""
    eps: PositiveFloat = 1e-8
    """Added to the root of the second moment."""


class Adafactor(Spec):
    """Adam's second moment kept as one row and one column a matrix, and no first moment (Shazeer & Stern 2018).

    For models whose optimiser state does not fit: it needs next to no memory beside the weights. Slower to converge on
    small data than AdamW.
    """

    kind: Literal["adafactor"] = "adafactor"
    lr: Rate = "auto"
    """Peak rate relative to the root mean square of each weight, which multiplies it; larger than AdamW's for that."""
    weight_decay: NonNegativeFloat = 0.0
    """Decoupled, times the rate; applied to matrices only."""
    clip: Annotated[float, Field(ge=1)] = 1.0
    """Updates whose root mean square is above this are scaled down to it."""


class Lion(Spec):
    """The sign of an interpolated momentum (Chen et al. 2023): one moment, half of AdamW's memory.

    Every weight moves by the rate at each step, so rates are three to ten times lower than AdamW's and weight decay as
    many times higher. For large batches.
    """

    kind: Literal["lion"] = "lion"
    lr: Rate = "auto"
    """Peak learning rate; `auto` takes a fifth of AdamW's."""
    weight_decay: NonNegativeFloat = 0.05
    """Decoupled, times the rate; applied to matrices only."""
    betas: Pair = [0.9, 0.99]
    """Share of the momentum in the step's direction, and the momentum's decay rate."""


class Muon(Spec):
    """Momentum made orthogonal for the matrices between embeddings and head, AdamW for the rest (Jordan et al. 2024).

    The update is scaled to the root mean square of AdamW's (Liu et al. 2025), so that one rate and one weight decay
    hold for both. Its matrix products cost time on small batches; bases that were pretrained by AdamW gain less from it
    than those that were pretrained by Muon.
    """

    kind: Literal["muon"] = "muon"
    lr: Rate = "auto"
    """Peak learning rate of both; `auto` takes AdamW's."""
    weight_decay: NonNegativeFloat = 0.01
    """Decoupled, times the rate; applied to matrices only."""
    momentum: Share = 0.95
    """Decay rate of the momentum that is made orthogonal (with Nesterov's look ahead)."""
    betas: Pair = [0.9, 0.999]
    """AdamW's decay rates of the first and second moment, for the rest."""
    eps: PositiveFloat = 1e-8
    """AdamW's, for the rest: added to the root of the second moment."""


class ScheduleFree(Spec):
    """AdamW without a schedule: what is evaluated and saved is an average of all steps (Defazio et al. 2024).

    For trainings whose end is not known beforehand: every evaluation sees the weights as if training ended there. It
    needs `train.schedule: {kind: constant}`, with a warm-up, and the extra `optimizers`.
    """

    kind: Literal["schedule_free"] = "schedule_free"
    lr: Rate = "auto"
    """Learning rate after warm-up; `auto` takes twice AdamW's peak."""
    weight_decay: NonNegativeFloat = 0.01
    """Applied to matrices only, at the point where the gradient is taken."""
    betas: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=2, max_length=2)] = [0.9, 0.999]
    """Share of the average in the point where the gradient is taken, and the second moment's decay rate."""
    eps: PositiveFloat = 1e-8
    """Added to the root of the second moment."""


OptimizerSpec = Annotated[
    AdamW | Adafactor | Lion | Muon | ScheduleFree, Field(discriminator="kind"), kind_where_absent("adamw")
]
