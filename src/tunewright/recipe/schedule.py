"""What the user says about how the learning rate moves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tunewright.recipe.spec import Spec, kind_where_absent

Warmup = Annotated[float, Field(ge=0, lt=1)]


class Linear(Spec):
    """Warm-up, then a straight line to zero."""

    kind: Literal["linear"] = "linear"
    warmup: Warmup = 0.1
    """Share of all steps in which the rate rises from zero to its peak."""


class Cosine(Spec):
    """Warm-up, then half a cosine to zero (Loshchilov & Hutter 2017)."""

    kind: Literal["cosine"] = "cosine"
    warmup: Warmup = 0.1
    """Share of all steps in which the rate rises from zero to its peak."""


class Constant(Spec):
    """Warm-up, then the peak rate to the end."""

    kind: Literal["constant"] = "constant"
    warmup: Warmup = 0.0
    """Share of all steps in which the rate rises from zero to its peak."""


class InverseSqrt(Spec):
    """Warm-up, then the rate falls with the root of the step (Vaswani et al. 2017).

    It never comes to zero, so a training can be made longer; the last steps are noisier than with a line to zero.
    """

    kind: Literal["inverse_sqrt"] = "inverse_sqrt"
    warmup: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of all steps in which the rate rises from zero to its peak; the fall is measured in it, too: after as many
    steps again the rate is the peak over the root of two."""


class WarmupStableDecay(Spec):
    """Warm-up, the peak rate for most of the training, then a straight line to zero (Hu et al. 2024).

    Where several lengths are tried: what precedes the decay is the same for all of them.
    """

    kind: Literal["warmup_stable_decay"] = "warmup_stable_decay"
    warmup: Warmup = 0.1
    """Share of all steps in which the rate rises from zero to its peak."""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Share of all steps, the last ones, in which the rate falls to zero."""

    @model_validator(mode="after")
    def _parts_fit(self) -> WarmupStableDecay:
        if self.warmup + self.decay > 1:
            raise ValueError(
                f"warmup ({self.warmup:g}) and decay ({self.decay:g}) are more than all steps: lower one of them"
            )
        return self


ScheduleSpec = Annotated[
    Linear | Cosine | Constant | InverseSqrt | WarmupStableDecay,
    Field(discriminator="kind"),
    kind_where_absent("linear"),
]
