"""Whom the trained model learns from beside the labels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tunewright.recipe.spec import Spec


class ProbeTeacher(Spec):
    """The linear probe on the untuned base's embeddings says of each training row how likely every class is.

    Its word is part of the row's target (knowledge distillation, Hinton et al. 2015). Each row is judged by a probe
    that has not seen it, nor any row that belongs with it: doubtful rows get soft targets, clear ones keep theirs, and
    what the base knew before it was tuned is not lost. It costs one pass over the rows before training.
    """

    kind: Literal["probe"] = "probe"
    weight: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of a target that the teacher's word makes up; the rest is the row's own label."""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Models that are fitted, each on all parts of the rows but one."""
