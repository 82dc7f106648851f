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


class BaselinesTeacher(Spec):
    """The probe and TF-IDF + logistic regression together: the geometric mean of what the two say of each row.

    Else as `probe`. The two err on different rows, so that both together know more than either.
    """

    kind: Literal["baselines"] = "baselines"
    weight: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of a target that the teacher's word makes up; the rest is the row's own label."""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Models of each kind that are fitted, each on all parts of the rows but one."""


TeacherSpec = Annotated[ProbeTeacher | BaselinesTeacher, Field(discriminator="kind")]
