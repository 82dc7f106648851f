"""What the training loop reports: frozen facts, one a step and one an evaluation."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # core.codec reads the types at run time
from dataclasses import dataclass

from tunewright.core.generated import Sample  # noqa: TC001  # core.codec reads the types at run time


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimiser step, as the host saw it."""

    step: int
    """Number of this step, from 1."""
    epoch: float
    """Epochs of the training split consumed after this step."""
    loss: float
    """Mean loss per target of the step's examples (natural logarithm), before the update."""
    grad_norm: float
    """Global gradient norm before clipping."""
    lr: float
    """Learning rate of the first parameter group at this step."""
    examples: int
    tokens: int
    targets: int
    seconds: float
    """Wall time of the step."""


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """One evaluation on the validation split."""

    step: int
    epoch: float
    metrics: Mapping[str, float]
    """Metric name to value; `loss` is the mean per target."""
    best: bool
    """Whether this is the best so far by the metric that chooses the checkpoint."""
    seconds: float
    samples: tuple[Sample, ...] = ()
    """Answers to a few validation prompts, of a model that generates."""
