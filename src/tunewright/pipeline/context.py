"""What every stage of one run works with: the recipe, the run directory, the base, found once and when first asked."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tunewright.core.generated import unwatched
from tunewright.models.base import Base, BaseFacts, fetch, read_facts
from tunewright.pipeline.lineage import earlier_run
from tunewright.pipeline.stages import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from transformers import PreTrainedModel

    from tunewright.core.generated import Wrote
    from tunewright.core.protocols import Observer, PromptEncoder, RowEncoder, Watch
    from tunewright.data.earlier import Earlier
    from tunewright.models.template import ChatTemplate
    from tunewright.models.tokenizer import SettledTokenizer
    from tunewright.pipeline.tasks import Task
    from tunewright.recipe.load import LoadedRecipe
    from tunewright.recipe.recipe import Recipe


def _silent(_message: str) -> None:
    """Says nothing: the library's default."""


@contextlib.contextmanager
def _unwatched(_what: str, _total: int) -> Iterator[Wrote]:
    """Shows nothing, likewise."""
    yield unwatched


def user_cache() -> Path:
    """`$XDG_CACHE_HOME/tunewright`, by default below the home folder."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "tunewright"


@dataclass(frozen=True)
class Context:
    """One run of one recipe."""

    loaded: LoadedRecipe
    say: Callable[[str], None] = _silent
    """Told one line at each stage."""
    observers: tuple[Observer, ...] = ()
    """Told of every step and evaluation; the event log is kept beside them."""
    watch: Watch = _unwatched
    """Told how far the writing of answers is."""
    command: str = ""
    """The command line as typed, for the record."""
    cache: Path = field(default_factory=user_cache)
    """Folder for what is measured once a machine."""

    @property
    def recipe(self) -> Recipe:
        """The checked recipe."""
        return self.loaded.recipe

    @property
    def folder(self) -> Path:
        """What relative paths of the recipe refer to."""
        return self.loaded.folder

    @property
    def lock_path(self) -> Path:
        """`tunewright.lock` beside the recipe."""
        return self.folder / "tunewright.lock"

    @cached_property
    def run(self) -> RunFolder:
        """The run directory."""
        return RunFolder(self.folder / "runs" / self.loaded.name, self.say)

    @property
    def token_cache(self) -> Path:
        """Token rows, shared by the runs beside this recipe."""
        return self.folder / "runs" / ".cache" / "tokens"

    @cached_property
    def base(self) -> Base:
        """The base's files, fetched if the recipe names one of the hub."""
        return fetch(self.recipe.model, self.folder)

    @cached_property
    def earlier(self) -> Earlier | None:
        """The run whose tuned model is the base, with its rows; None for another base."""
        return earlier_run(self.recipe, self.folder, self.loaded.name)

    @cached_property
    def goes_on(self) -> Earlier | None:
        """The earlier run where it was tuned for the same task, so that what it could do can be scored again."""
        return self.earlier if self.earlier is not None and self.earlier.task == self.recipe.task else None

    @cached_property
    def facts(self) -> BaseFacts:
        """What is known of the base without its weights."""
        return read_facts(self.base, self.recipe.model.name)

    @cached_property
    def tokenizer(self) -> SettledTokenizer:
        """The base's tokenizer."""
        from tunewright.models.tokenizer import load_tokenizer  # noqa: PLC0415  # brings transformers in

        return load_tokenizer(self.base, self.facts, max_tokens=self.recipe.model.max_tokens)

    @cached_property
    def template(self) -> ChatTemplate | None:
        """The settled chat template of a task whose rows are conversations; None for other tasks."""
        return self.settled_template if self.task.chats else None

    @cached_property
    def settled_template(self) -> ChatTemplate:
        """The chat template that the recipe chooses, whatever the task: a base may be asked through it for a label."""
        from tunewright.models.template import settle_template  # noqa: PLC0415  # brings transformers in

        return settle_template(self.tokenizer, self.recipe.model.template, self.folder)

    @cached_property
    def encoder(self) -> RowEncoder:
        """What encodes the rows while no labels are known: a text's tokens do not depend on them."""
        return self.task.encoder(self.tokenizer, self.template, ())

    @property
    def prompt_encoder(self) -> PromptEncoder:
        """The encoder of a task whose targets are texts."""
        encoder: PromptEncoder = self.encoder  # type: ignore[assignment]  # the task table pairs it with such a task
        return encoder

    def load_base(self, labels: Sequence[str] = (), *, dropout: float | None = None) -> PreTrainedModel:
        """The untuned base with the task's head, in fp32."""
        return self.task.load(self.base, self.tokenizer, labels, dropout, self.recipe.seed)

    @cached_property
    def task(self) -> Task:
        """The row of the task table; of a run that goes on from another, with that one's test."""
        from tunewright.pipeline.tasks import going_on, task_of  # noqa: PLC0415  # brings torch in

        task = task_of(self.recipe.task, self.facts, self.recipe.model.name)
        return going_on(task) if self.goes_on is not None else task
