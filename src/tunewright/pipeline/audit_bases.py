"""The bases of an audit: which are here, which can do the task, and how their tokenizers fit the texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tunewright.core.errors import MissingPackage, RecipeError
from tunewright.core.rows import Finding
from tunewright.data.token_reach import SAMPLE_ROWS, token_fit
from tunewright.data.vocabulary import drawn
from tunewright.models.base import find_local, read_facts
from tunewright.recipe.load import LoadedRecipe
from tunewright.recipe.model import ModelSpec
from tunewright.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from tunewright.core.audit import TokenFit
    from tunewright.core.protocols import RowEncoder
    from tunewright.models.base import Base, BaseFacts
    from tunewright.pipeline.context import Context
    from tunewright.recipe.data import DataSpec
    from tunewright.recipe.recipe import TaskName


@dataclass(frozen=True, slots=True)
class AuditBase:
    """A base that is on this machine."""

    name: str
    base: Base
    facts: BaseFacts


@dataclass(frozen=True)
class FittingBase:
    """A base that can do the task, with the context that a run would have."""

    name: str
    context: Context

    @cached_property
    def encoder(self) -> RowEncoder:
        """What encodes the rows, as in a run."""
        return self.context.encoder

    def fit(self, rows: pl.DataFrame, *, seed: int) -> TokenFit | None:
        """How tokenizer and context fit a sample of the rows."""
        sample = drawn(rows, SAMPLE_ROWS, seed=seed)
        spelt = [encoding.ids for encoding in self.context.tokenizer.encode_plain(sample["input"].to_list())]
        return token_fit(sample, self.encoder, spelt, model=self.name)


def bases_of(names: Sequence[str]) -> tuple[list[AuditBase], list[Finding]]:
    """The bases that are here, and a note for each that is not: no network is touched.

    Raises RecipeError for a name nobody can tune or a folder without a model.
    """
    found, notes = [], []
    for name in dict.fromkeys(names):
        base = find_local(ModelSpec(name=name), Path())
        if base is None:
            message = f"{name} is not on this machine: how its tokenizer fits is unknown"
            notes.append(Finding("model_not_here", "note", message, 1, remedy="fetch it, or name a local folder"))
        else:
            found.append(AuditBase(name, base, read_facts(base, name)))
    return found, notes


def fit_of(bases: Sequence[AuditBase], spec: DataSpec, task: TaskName) -> tuple[list[FittingBase], list[Finding]]:
    """Those of the bases that can do the task, and a warning for each other."""
    fitting, notes = [], []
    for base in bases:
        from tunewright.pipeline.context import Context  # noqa: PLC0415  # brings transformers in

        recipe = Recipe(model=ModelSpec(name=base.name), data=spec, task=task)
        one = FittingBase(base.name, Context(LoadedRecipe(recipe, Path("recipe.yaml"), ())))
        try:
            _ = one.encoder
        except (RecipeError, MissingPackage) as fault:
            (problem, *_others) = fault.problems
            message = f"{base.name} cannot be used for the task {task}: {problem.given}"
            notes.append(Finding("model_unfit", "warning", message, 1, remedy=problem.remedy))
        else:
            fitting.append(one)
    return fitting, notes
