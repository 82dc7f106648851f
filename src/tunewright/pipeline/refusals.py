"""What a run is refused for before its data is read: one list, for the run that stops and the check that tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError
from tunewright.evaluation.gate import require_possible
from tunewright.models.freeze import require_layers
from tunewright.models.skeleton import require_modules, require_recomputable, require_tags
from tunewright.pipeline.judge import words_of
from tunewright.pipeline.prefix import require_cacheable, require_frozen_bottom
from tunewright.pipeline.reads import reads_mean
from tunewright.pipeline.regularising import require_new_head
from tunewright.pipeline.tasks import require_free_head
from tunewright.pipeline.teacher import require_teachable
from tunewright.training.settings import require_layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tunewright.data.earlier import Earlier
    from tunewright.models.base import Base, BaseFacts
    from tunewright.pipeline.tasks import Task
    from tunewright.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Asked:
    """What a recipe asks, and of what."""

    recipe: Recipe
    facts: BaseFacts
    task: Task
    base: Base | None
    """None where its files are not on this machine."""
    earlier: Earlier | None
    """The run that is the base."""

    @property
    def going_on(self) -> bool:
        """Whether the base is an earlier run of this task."""
        return self.earlier is not None and self.earlier.task == self.recipe.task


def _head(asked: Asked) -> None:
    require_free_head(asked.task, asked.earlier)


def _words(asked: Asked) -> None:
    if asked.base is not None:
        require_tags(asked.base.folder, asked.task.layout)


def _layers(asked: Asked) -> None:
    require_layers(asked.recipe.train.method, asked.facts.layers)


def _modules(asked: Asked) -> None:
    if asked.base is not None:
        require_modules(asked.recipe.train.method, asked.base.folder, asked.task.layout)


def _reading(asked: Asked) -> None:
    reads_mean(asked.recipe, asked.facts)


def _teacher(asked: Asked) -> None:
    require_teachable(asked.recipe, asked.facts)


def _cache(asked: Asked) -> None:
    require_cacheable(asked.recipe.train, asked.facts, asked.task.layout)
    if asked.base is not None:
        require_frozen_bottom(asked.recipe.train, asked.base.folder, asked.task.layout)


def _penalties(asked: Asked) -> None:
    if asked.going_on:
        require_new_head(asked.recipe.train.penalties, asked.task.layout)


def _recompute(asked: Asked) -> None:
    if asked.base is not None and asked.recipe.train.recompute != "none":
        require_recomputable(asked.base.folder, asked.task.layout)


def _packing(asked: Asked) -> None:
    require_layout(asked.recipe.train, asked.task.layout)


def _general_text(asked: Asked) -> None:
    if asked.recipe.data.general_text is not None and asked.task.layout != "causal":
        given = f"is given, and the task is {asked.recipe.task} on a base of the family {asked.task.family}"
        expected = "generation or language_modelling on a causal base: nothing else is trained on plain text"
        raise RecipeError(Problem("data.general_text", given, expected, "remove it"))


def _baselines(asked: Asked) -> None:
    words_of(asked.recipe, asked.task)


def _gate(asked: Asked) -> None:
    """Hours of training would end in no verdict."""
    own = asked.recipe.gate.conditions
    # the imbalance, unknown before the data is read, decides the metric of the task's own, and not the opponents
    conditions = own if own is not None else asked.task.conditions(None)
    require_possible(
        conditions,
        asked.recipe.evaluation,
        asked.recipe.task,
        going_on=asked.going_on,
        layout=asked.task.layout,
        base=asked.task.judge.base,
    )


REFUSALS: Sequence[Callable[[Asked], None]] = (
    *(
        _head,
        _words,
        _layers,
        _modules,
        _reading,
        _teacher,
        _cache,
        _penalties,
        _recompute,
        _packing,
        _general_text,
        _baselines,
        _gate,
    ),
)
"""Each raises RecipeError."""
