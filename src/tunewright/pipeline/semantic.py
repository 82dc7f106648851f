"""The encoder that `data.semantic_duplicates` names, and what of it decides which rows are tied together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.core.errors import TunewrightError
from tunewright.core.rows import Finding
from tunewright.pipeline.checked import faults_of
from tunewright.pipeline.judge import LIBRARIES
from tunewright.pipeline.named_models import Needed, require_use

if TYPE_CHECKING:
    from collections.abc import Callable

    from tunewright.core.protocols import Embedder
    from tunewright.models.base import Base
    from tunewright.pipeline.checked import Fault
    from tunewright.pipeline.context import Context
    from tunewright.recipe.recipe import Recipe


def semantic_embedder(context: Context, *, local_only: bool) -> Callable[[], Embedder] | None:
    """What embeds texts for `data.semantic_duplicates`, loaded when it is called; None where the recipe asks for none,
    and where its model is not on this machine and may not be fetched.
    """
    needed = _needed(context.recipe)
    if needed is None or (local_only and needed.local(context) is None):
        return None
    return lambda: _loaded(context, needed, needed.base(context))


def semantic_inputs(context: Context) -> dict[str, Any] | None:
    """What decides beside the recipe which rows are tied: the model, and by whose code it embeds."""
    needed = _needed(context.recipe)
    if needed is None:
        return None
    from tunewright.training.settings import pick_device  # noqa: PLC0415  # brings torch in

    base = needed.local(context)
    return {"model": None if base is None else base.revision, "libraries": LIBRARIES, "device": pick_device()}


def semantic_faults(context: Context) -> tuple[list[Fault], list[Finding]]:
    """What of the model a run would stop at, and whether it is here; no weights are loaded."""
    needed = _needed(context.recipe)
    if needed is None:
        return [], []
    try:
        base = needed.local(context)
        if base is not None:
            require_use(needed, base)
            return [], []
    except TunewrightError as fault:
        return faults_of(fault), []
    message = f"{needed.name} is not on this machine: which rows say the same was not looked at"
    return [], [Finding("semantic_model_not_here", "note", message, 1, (), "a run fetches it from the hub")]


def _needed(recipe: Recipe) -> Needed | None:
    spec = recipe.data.semantic_duplicates
    return None if spec is None else Needed("data.semantic_duplicates.model", spec.model, "encoder")


def _loaded(context: Context, needed: Needed, base: Base) -> Embedder:
    from tunewright.inference.classify import TrunkEmbedder  # noqa: PLC0415  # brings torch in
    from tunewright.models.load import load_trunk  # noqa: PLC0415
    from tunewright.training.settings import pick_device  # noqa: PLC0415

    require_use(needed, base)
    context.say(f"data: embedding the texts with {needed.name} to find those that say the same")
    return TrunkEmbedder(load_trunk(base.folder), needed.tokenizer(context, base), device=pick_device())
