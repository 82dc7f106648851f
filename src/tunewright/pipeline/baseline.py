"""Stage `baseline`: what the base and simple systems make of the frozen test rows, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.pipeline.judge import LIBRARIES, words
from tunewright.pipeline.prepare import current_data
from tunewright.pipeline.stages import Done, Manifest, Stage, needed, run_stage
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from tunewright.pipeline.context import Context

BASELINE = Stage("baseline", version=7)


def baseline(context: Context) -> Done:
    """The run's `baseline/` holds each baseline's predictions and scores on the frozen test rows."""
    data = current_data(context)
    return run_stage(
        context.run,
        BASELINE,
        lambda: _declares(context, data),
        lambda attempt: context.task.judge.score_baselines(context, attempt),
    )


def current_baseline(context: Context) -> Manifest:
    """The manifest of this stage as it stands. Raises RunError where it must be built first."""
    return needed(context.run, BASELINE, "baseline", lambda: _declares(context, current_data(context)))


def _declares(context: Context, data: Manifest) -> dict[str, Any]:
    return {
        "baselines": list(words(context)),
        "confidence": context.recipe.evaluation.confidence,
        "resamples": context.recipe.evaluation.resamples,
        "seed": context.recipe.seed,
        "data": data.digest,
        "base": context.base.revision,
        "device": pick_device(),
        "judge": context.task.judge.declares(context),
        "libraries": LIBRARIES,
        "earlier": context.goes_on.sha256 if context.goes_on else None,
    }
