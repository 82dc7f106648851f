"""What the stages ask of a way to score systems: classes in one file, written texts in another."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.results import UNTUNED
from tunewright.evaluation.settings import ScoreSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tunewright.core.results import Results
    from tunewright.pipeline.context import Context
    from tunewright.pipeline.tasks import Task
    from tunewright.recipe.judge import BaselineName
    from tunewright.recipe.recipe import Recipe


LIBRARIES = {
    name: metadata.version(name)
    for name in (
        "torch",
        "transformers",
        "peft",
        "tokenizers",
        "numpy",
        "scipy",
        "scikit-learn",
        "sacrebleu",
        "rouge-score",
    )
}
"""Whose code decides what systems predict, and what scores, intervals and tests come to."""

EARLIER = "earlier.parquet"
"""What the base (in the stage `baseline`) and the tuned model (in `evaluation`) say of an earlier run's test rows."""


class Judge(Protocol):
    """Called by the stages `baseline` and `evaluation`; it writes below the folder it is given and nowhere else."""

    @property
    def baselines(self) -> Sequence[BaselineName]:
        """The baselines of a recipe that names none; the base is one of them."""

    @property
    def base(self) -> BaselineName:
        """The baseline that is the base's own score."""

    def declares(self, context: Context) -> Mapping[str, Any]:
        """What beside data, base and recipe decides the baselines' predictions."""

    def score_baselines(self, context: Context, folder: Path) -> None:
        """The folder holds each baseline's predictions on the frozen test rows, and `scores.json`."""

    def score_tuned(self, context: Context, folder: Path) -> Results:
        """The tuned model's predictions stand in the folder; all systems' results are given back."""


def words(context: Context) -> tuple[BaselineName, ...]:
    """The recipe's baselines, or the task's own. Raises RecipeError for one that the task does not have."""
    return words_of(context.recipe, context.task)


def words_of(recipe: Recipe, task: Task) -> tuple[BaselineName, ...]:
    """Likewise, by the row of the task table."""
    named, own = recipe.evaluation.baselines, tuple(task.judge.baselines)
    lacking = [word for word in named or () if word not in own]
    if lacking:
        given = f"{', '.join(map(repr, lacking))}, which the task {recipe.task} on this base does not have"
        expected = f"some of: {', '.join(own)}"
        raise RecipeError(Problem("evaluation.baselines", given, expected, "name these, or none for all of them"))
    return own if named is None else tuple(named)


def score_settings(context: Context) -> ScoreSettings:
    """How sure the recipe wants intervals to be, and how they are drawn."""
    spec = context.recipe.evaluation
    return ScoreSettings(spec.confidence, spec.resamples, context.recipe.seed)


def base_title(context: Context) -> str:
    """How tables name the base: it is untuned, or the model that an earlier run left."""
    name = context.recipe.model.name
    return f"{name}, untuned" if context.earlier is None else f"{name}, the earlier run's model"


def base_words(context: Context) -> str:
    """What the tuned model began as, within a sentence."""
    return UNTUNED if context.earlier is None else f"the earlier run's model ({context.recipe.model.name})"
