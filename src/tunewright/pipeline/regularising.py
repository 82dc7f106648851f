"""What is wrong or unwise about averages, penalties and optimisers, before anything is trained."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from tunewright.core.encoded import OF_ROWS
from tunewright.core.errors import Problem, RecipeError
from tunewright.core.optional import missing_extra
from tunewright.core.rows import Finding
from tunewright.pipeline.checked import faults_of
from tunewright.recipe.optimizer import ScheduleFree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.core.encoded import Layout
    from tunewright.pipeline.checked import Fault
    from tunewright.recipe.regularise import Penalties
    from tunewright.recipe.train import TrainSpec

STILL_BASE = 0.05
"""An average of which the base's weights are more than this share is hardly the trained model's."""


def optimizer_faults(train: TrainSpec) -> list[Fault]:
    """An optimiser whose package is not installed."""
    if isinstance(train.optimizer, ScheduleFree) and find_spec("schedulefree") is None:
        purpose = "train.optimizer.kind: schedule_free"
        return faults_of(missing_extra("schedulefree", extra="optimizers", purpose=purpose))
    return []


def require_new_head(penalties: Penalties, layout: Layout) -> None:
    """Raises RecipeError for a head that was tuned already and is to be drawn to zero, as if it were new."""
    if penalties.l2_sp is None or not penalties.l2_sp.beta or layout not in OF_ROWS:
        return
    given = f"{penalties.l2_sp.beta:g}, which draws a new head to zero, and the run that is the base brings its own"
    raise RecipeError(Problem("train.penalties.l2_sp.beta", given, "0, for a head that was tuned", "write beta: 0"))


def regularising_findings(train: TrainSpec, steps: int) -> Iterator[Finding]:
    """Warnings of fields that work against each other, or of which nothing will be seen within these steps."""
    if train.penalties.l2_sp is not None and train.optimizer.weight_decay:
        message = (
            "train.penalties.l2_sp draws weights to the base's, and train.optimizer.weight_decay "
            f"{train.optimizer.weight_decay:g} draws them to zero"
        )
        yield Finding("two_pulls", "warning", message, 1, (), "write train.optimizer.weight_decay: 0")
    left = train.ema.decay**steps if train.ema is not None and not train.ema.warmup else 0.0
    if left > STILL_BASE:
        message = f"train.ema has no warm-up: after {steps} steps {left:.0%} of the average is the base as it was"
        remedy = "write train.ema.warmup: true, or lower train.ema.decay"
        yield Finding("average_of_the_base", "warning", message, 1, (), remedy)
