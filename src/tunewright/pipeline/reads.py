"""What a classifier reads of a text: what its architecture reads, or the mean of the text's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError
from tunewright.models.mean_pooling import HEADS, can_read_mean
from tunewright.recipe.train import Lora

if TYPE_CHECKING:
    from tunewright.models.base import BaseFacts
    from tunewright.recipe.recipe import Recipe


POOLED = ("classification", "regression", "multilabel")
"""Tasks whose head reads one vector a text."""


def reads_mean(recipe: Recipe, facts: BaseFacts) -> bool:
    """Whether the classifier reads the mean. Raises RecipeError where the recipe asks for it and it cannot be had."""
    wanted = recipe.model.reads
    if wanted == "own" or (wanted == "auto" and not facts.mean_pooled):
        return False
    fault = _fault(recipe, facts)
    if fault is not None and wanted == "mean":
        raise RecipeError(Problem("model.reads", *fault))
    return fault is None


def _fault(recipe: Recipe, facts: BaseFacts) -> tuple[str, str, str] | None:
    """Given, expected and remedy of what stands against it."""
    if recipe.task not in POOLED:
        return f"'mean', and the task is {recipe.task}", f"one of the tasks {', '.join(POOLED)}", "remove it"
    if recipe.model.run is not None:
        return f"'mean', and {recipe.model.name!r} has its head already", "a base that is no run", "remove it"
    remedy = "write model.reads: own"
    if isinstance(recipe.train.method, Lora):
        given = "'mean', and train.method.kind is 'lora', whose files hold no layer of a head"
        return given, "train.method.kind full or top_layers", remedy
    if not can_read_mean(facts.model_type):
        given = f"'mean', and {recipe.model.name!r} is of the architecture {facts.model_type!r}"
        return given, f"one of the architectures {', '.join(HEADS)}", remedy
    return None
