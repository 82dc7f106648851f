"""The tuned model of a run, opened by what its training says of itself: the recipe may have moved on since."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tunewright.core.encoded import READING
from tunewright.core.errors import Problem, RunError
from tunewright.inference.text_model import TextModel
from tunewright.models.adapters import has_adapter
from tunewright.models.base import Base, fetch, read_facts
from tunewright.models.load import load_tuned, load_tuned_text, load_writer
from tunewright.models.template import settle_template
from tunewright.models.tokenizer import load_tokenizer
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.stages import MANIFEST, RunFolder, intact, read_manifest
from tunewright.pipeline.tasks import task_of
from tunewright.pipeline.trained import root_of, trained_manifest
from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.data import DataSpec
from tunewright.recipe.model import ModelSpec
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tunewright.core.protocols import PromptEncoder, RowEncoder
    from tunewright.models.template import ChatTemplate
    from tunewright.models.tokenizer import SettledTokenizer
    from tunewright.pipeline.tasks import Task
    from tunewright.recipe.spec import Spec

UNREPAIRED: Mapping[str, Any] = {"mojibake": False, "html": False, "unicode": "off"}
"""Cleaning of a training that says nothing of these: its texts were not repaired."""


@dataclass(frozen=True)
class TunedRun:
    """A run directory with a finished training, its files as they were saved. Nothing heavy is loaded before it is
    asked for.
    """

    path: Path
    """The run directory."""
    declares: Mapping[str, Any]
    """What its training was the result of."""

    @property
    def folder(self) -> Path:
        """The model in Hugging Face layout."""
        return self.path / "model"

    @property
    def task_name(self) -> str:
        """The task of its recipe."""
        return str(self.declares["task"])

    @property
    def has_adapter(self) -> bool:
        """Whether it holds an adapter, which needs its base."""
        return has_adapter(self.folder)

    @cached_property
    def model_spec(self) -> ModelSpec:
        """The base as the recipe named it. Raises RunError for a training of another version."""
        found: ModelSpec = self._spec(ModelSpec, "model", "does not say which base it was trained from")
        return found

    @cached_property
    def cleaning(self) -> CleanSpec:
        """What the texts of its training went through. Raises RunError for a training of another version."""
        given = "does not say how the texts of its training were cleaned"
        found: CleanSpec = self._spec(CleanSpec, "clean", given, earlier=UNREPAIRED)
        return found

    @cached_property
    def data_spec(self) -> DataSpec | None:
        """How the data that lies in the run was read; None where nothing says so."""
        manifest = read_manifest(self.path / DATA.name / MANIFEST)
        given = None if manifest is None else manifest.declares.get("data")
        return None if given is None else DataSpec.model_validate(given)

    @cached_property
    def task(self) -> Task:
        """The row of the task table."""
        return task_of(self.task_name, read_facts(self._saved, str(self.folder)), self.model_spec.name)

    @cached_property
    def tokenizer(self) -> SettledTokenizer:
        """The tokenizer that was saved with the model."""
        return load_tokenizer(self._saved, read_facts(self._saved, str(self.folder)), max_tokens=None)

    @cached_property
    def template(self) -> ChatTemplate | None:
        """The template that was saved with the model; None for a task without conversations."""
        return settle_template(self.tokenizer, "own", self.folder) if self.task.chats else None

    @cached_property
    def encoder(self) -> RowEncoder:
        """What rows are encoded with, from the files that were saved.

        Raises RunError where these encode otherwise than the encoder of the training did.
        """
        encoder = self.task.encoder(self.tokenizer, self.template, ())
        if encoder.fingerprint != self.declares["encoder"]:
            given = "its tokenizer or its template encodes otherwise than in the training"
            expected = "the encoder that the model was trained with"
            raise RunError(Problem(str(self.folder), given, expected, "run the recipe again with this version"))
        return encoder

    @property
    def prompt_encoder(self) -> PromptEncoder:
        """The encoder of a task whose targets are texts."""
        encoder: PromptEncoder = self.encoder  # type: ignore[assignment]  # the task table pairs it with such a task
        return encoder

    @cached_property
    def base(self) -> Base:
        """What it was tuned from. Raises RecipeError or RunError where it is gone, RunError where it has changed."""
        base = fetch(self.model_spec, self.path.resolve().parent.parent)
        if base.revision != self.declares["base"]:
            given = f"{base.name!r} is not what it was when this run was tuned from it"
            remedy = "bring its files back, or run the recipe again"
            raise RunError(Problem("model.name", given, f"the revision {self.declares['base']}", remedy))
        return base

    def load(self) -> Any:
        """The tuned model in memory, in eval mode; of a task that reads, with its head."""
        base = self.base if self.has_adapter else None
        below = (None, None) if base is None else (base.folder, base.adapter)
        if self.task.layout in READING:
            return load_tuned(self.folder, below[0], base_adapter=below[1], layout=self.task.layout)
        return load_tuned_text(self.folder, below[0], self.task.layout, base_adapter=below[1])

    def writer(self) -> TextModel:
        """The tuned model with its encoder, ready to write."""
        return TextModel(self.load(), self.prompt_encoder, device=pick_device())

    def base_writer(self) -> TextModel:
        """The untuned base, asked through the same encoder."""
        model = load_writer(self.task.layout, self.base.folder, dropout=None, adapter=self.base.adapter)
        return TextModel(model.eval(), self.prompt_encoder, device=pick_device())

    @property
    def _saved(self) -> Base:
        return Base(str(self.folder), "folder", self.folder, "")

    def _spec(self, kind: type[Spec], name: str, given: str, *, earlier: Mapping[str, Any] | None = None) -> Any:
        """The spec as the training declares it; `earlier` is what held before some of its fields were there."""
        held = self.declares.get(name)
        try:
            return kind.model_validate({**earlier, **held} if earlier and isinstance(held, dict) else held)
        except ValidationError as fault:
            remedy = "run the recipe again to train it anew"
            raise RunError(Problem(str(self.path), given, "a training of this version", remedy)) from fault


def open_run(run: Path) -> TunedRun:
    """The run of a run directory, or of its `model/`.

    Raises RecipeError where there is no such run; RunError where its training has not finished, or its model is not
    the one that was trained.
    """
    manifest = trained_manifest(run)
    root = root_of(run)
    folder = root / "model"
    if not intact(RunFolder(root), manifest):
        given = "is not the model that was trained" if folder.is_dir() else "is gone, though its training has finished"
        remedy = "run the recipe again to train it anew"
        raise RunError(Problem(str(folder), given, "the files as they were saved", remedy))
    return TunedRun(root, manifest.declares)
