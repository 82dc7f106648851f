"""What the user says about evaluation and the gate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from tunewright.recipe.spec import Spec

MetricName = Literal["accuracy", "macro_f1", "micro_f1", "macro_precision", "macro_recall"]
BaselineName = Literal["majority", "tfidf_linear", "probe"]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]


class EvaluationSpec(Spec):
    """How the tuned model is tested on the frozen test rows."""

    baselines: Annotated[list[BaselineName], Field(min_length=1)] = ["majority", "tfidf_linear", "probe"]
    """Systems scored on the same rows; `probe` is the untuned base with a linear head on its embeddings."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Level of every interval."""
    resamples: Annotated[int, Field(ge=100)] = 10_000
    """Resamples of the bootstrap intervals and draws of the randomisation tests."""


class BetterThan(Spec):
    """The tuned model must beat another system by a paired test."""

    kind: Literal["better_than"] = "better_than"
    system: Literal["base", "best_baseline"] = "base"
    """What it must beat: the untuned base, or the best of the simple baselines."""
    metric: MetricName = "macro_f1"
    """The metric compared."""
    alpha: Alpha = 0.05
    """A gain counts when the two-sided paired p-value is below this."""


class Floor(Spec):
    """A metric must reach a level: the interval decides, not the value."""

    kind: Literal["floor"] = "floor"
    metric: MetricName
    """The metric compared."""
    at_least: Annotated[float, Field(ge=0, le=1)]
    """The level; it fails when the interval lies below, passes when the interval lies above."""


class ClassFloor(Spec):
    """Every class must reach a level: no class may be given up for the sake of the mean."""

    kind: Literal["class_floor"] = "class_floor"
    metric: Literal["recall", "precision", "f1"] = "recall"
    """The per-class metric compared."""
    at_least: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The level, decided per class as for `floor`."""
    min_support: PositiveInt = 1
    """Classes with fewer test rows than this are listed and not judged."""


ConditionSpec = Annotated[BetterThan | Floor | ClassFloor, Field(discriminator="kind")]


class GateSpec(Spec):
    """When the tuned model may ship: all conditions must pass."""

    conditions: Annotated[list[ConditionSpec], Field(min_length=1)] | None = None
    """The conditions; absent, the task's own: on imbalanced labels macro F1 above the base plus a floor per class."""
