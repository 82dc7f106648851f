"""What a finished training did, as the stages behind it read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.evaluation.advice import Trained
from tunewright.pipeline.train import settle
from tunewright.pipeline.trainings import EVENTS, TRAINING
from tunewright.tracking.events import read_events

if TYPE_CHECKING:
    from tunewright.pipeline.context import Context


def trained(context: Context) -> Trained:
    """How the run's training went."""
    steps, evaluations = read_events(context.run.of(TRAINING) / EVENTS)
    return Trained(context.recipe.train, settle(context).lr, tuple(steps), tuple(evaluations))
