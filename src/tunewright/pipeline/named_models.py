"""The models that the data section names: which, of which kind, and where they are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.models.base import fetch, find_local, read_facts
from tunewright.recipe.augment import BackTranslation, Insertion, MaskedWords, NeighbourWords, Paraphrase, Synonyms
from tunewright.recipe.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.models.base import Base, BaseFacts
    from tunewright.models.tokenizer import SettledTokenizer
    from tunewright.pipeline.context import Context
    from tunewright.recipe.augment import AugmentSpec

Use = Literal["embeddings", "masked", "seq2seq", "causal", "encoder", "classifier"]


@dataclass(frozen=True, slots=True)
class Needed:
    """A model that a method needs."""

    place: str
    """Of the recipe."""
    name: str | None
    """None is the base."""
    use: Use

    def base(self, context: Context) -> Base:
        """Its files, fetched if it is one of the hub."""
        with placed(self.place):
            return context.base if self.name is None else fetch(ModelSpec(name=self.name), context.folder)

    def local(self, context: Context) -> Base | None:
        """Its files where they are on this machine."""
        with placed(self.place):
            spec = context.recipe.model if self.name is None else ModelSpec(name=self.name)
            return find_local(spec, context.folder)

    def tokenizer(self, context: Context, base: Base) -> SettledTokenizer:
        """Its tokenizer."""
        from tunewright.models.tokenizer import load_tokenizer  # noqa: PLC0415  # brings transformers in

        with placed(self.place):
            return context.tokenizer if self.name is None else load_tokenizer(base, self.facts(base), max_tokens=None)

    def facts(self, base: Base) -> BaseFacts:
        """What is known of it without its weights."""
        return read_facts(base, base.name)


def needed_by(spec: AugmentSpec | None) -> Iterator[Needed]:
    """The models of all methods, in their order, and of the similarity."""
    if spec is None:
        return
    for number, method in enumerate(spec.methods):
        place = f"data.augment.methods.{number}"
        if isinstance(method, Insertion | Synonyms) and isinstance(method.words, NeighbourWords | MaskedWords):
            yield needed_for_words(method.words, place)
        elif isinstance(method, BackTranslation):
            yield Needed(f"{place}.there", method.there, "seq2seq")
            yield Needed(f"{place}.back", method.back, "seq2seq")
        elif isinstance(method, Paraphrase):
            yield Needed(f"{place}.model", method.model, "causal")
    if spec.similarity is not None:
        yield Needed("data.augment.similarity", None, "encoder")


def needed_for_words(words: NeighbourWords | MaskedWords, place: str = "data.augment.methods") -> Needed:
    """The model that suggests words."""
    return Needed(f"{place}.words.model", words.model, words.kind)


def require_use(needed: Needed, base: Base) -> None:
    """Raises RecipeError for a model that cannot do what it is named for, as far as its files say; none is loaded."""
    from tunewright.models.skeleton import require_head  # noqa: PLC0415  # brings torch in

    with placed(needed.place):
        if needed.use == "encoder" and needed.facts(base).family not in {None, "encoder"}:
            given = f"{base.name!r} is of the family {needed.facts(base).family!r}, which has no embeddings of texts"
            raise RecipeError(Problem(needed.place, given, "an encoder", f"name another one, or remove {needed.place}"))
        if needed.use in {"masked", "seq2seq", "causal"}:
            require_head(base.folder, needed.use)


@contextlib.contextmanager
def placed(place: str) -> Iterator[None]:
    """Within it, an error of a model that the recipe names elsewhere than as its base says where."""
    try:
        yield
    except (RecipeError, RunError) as fault:
        raise type(fault)(*(replace(problem, place=place) for problem in fault.problems)) from fault
