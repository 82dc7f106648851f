"""Whether the frozen bottom of the model is computed once for each row, and the loss that then trains the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, RunError
from tunewright.models.prefix import FAMILIES, frozen_layers
from tunewright.models.skeleton import frozen_bottom
from tunewright.models.wrappers import without_engine
from tunewright.training.prefix_cache import bytes_needed, open_cache, same_twice, with_cache

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.encoded import Layout
    from tunewright.data.loader import LoadPlan
    from tunewright.data.tokenize import TokenRows
    from tunewright.models.base import BaseFacts
    from tunewright.pipeline.context import Context
    from tunewright.recipe.train import TrainSpec
    from tunewright.training.losses import LossSum
    from tunewright.training.step import TrainState

LAYOUTS = ("classes", "causal")
FIELD = "train.prefix_cache"
GIGABYTE = 1e9
NO_BOTTOM = "no layer is frozen with all that stands below it"


def require_cacheable(spec: TrainSpec, facts: BaseFacts, layout: Layout) -> None:
    """Raises RecipeError where the recipe asks for the cache, and architecture or task rule it out."""
    reason = _ruled_out(facts.model_type, layout)
    if spec.prefix_cache is True and reason is not None:
        expected = f"one of the architectures {', '.join(sorted(FAMILIES))}, classes or a causal model"
        raise RecipeError(Problem(FIELD, f"true, but {reason}", expected, "write prefix_cache: auto"))


def require_frozen_bottom(spec: TrainSpec, folder: Path, layout: Layout) -> None:
    """Raises RecipeError where the recipe asks for the cache, and no layer is frozen with all that stands below it."""
    if spec.prefix_cache is True and frozen_bottom(spec.method, folder, layout) == 0:
        expected = "embeddings and lowest layers that are frozen"
        raise RecipeError(Problem(FIELD, f"true, but {NO_BOTTOM}", expected, "write prefix_cache: auto"))


def prefix_loss(context: Context, state: TrainState, rows: TokenRows, plan: LoadPlan, *, loss: LossSum) -> LossSum:
    """The loss of a model that is given what comes out of its frozen bottom, where the recipe has that cached.

    Raises RunError where the recipe asks for the cache in vain, on a full disk, or where losses with it differ.
    """
    spec = context.recipe.train
    layers = frozen_layers(without_engine(state.bare_model)) if spec.prefix_cache is not False else []
    if not layers and spec.prefix_cache is not True:
        return loss  # every layer is trained, or the cache is not wanted: nothing to tell
    reason = _why_not(spec, len(layers), plan) or _unfit(state, rows, plan, loss, spec)
    if reason is not None:
        if spec.prefix_cache is True:
            raise RunError(Problem(FIELD, f"true, but {reason}", "frozen layers to cache", "write prefix_cache: auto"))
        context.say(f"training: the {len(layers)} frozen layers are computed at every step: {reason}")
        return loss
    folder = context.token_cache.with_name("prefix")
    most = int(spec.prefix_cache_gb * GIGABYTE)
    cache = open_cache(state, rows, loss, pad_id=plan.pad_id, folder=folder, most_bytes=most)
    size = cache.states_SD.nbytes / GIGABYTE
    source = "read from an earlier training" if cache.reused else "computed once for each row"
    context.say(f"training: the output of {len(layers)} frozen layers is {source}, {size:.2g} GB on disk")
    return with_cache(loss, cache)


def _why_not(spec: TrainSpec, layers: int, plan: LoadPlan) -> str | None:
    """What in the recipe rules the cache out, or makes it pointless; None where nothing does."""
    if plan.packing:
        return "rows are packed, and packed rows are not cached"
    if spec.r_drop is not None:
        return "rows go through the model twice (train.r_drop)"
    if not layers:
        return NO_BOTTOM
    if spec.epochs <= 1 and spec.prefix_cache == "auto":
        return "no row is seen twice"
    return None


def _unfit(state: TrainState, rows: TokenRows, plan: LoadPlan, loss: LossSum, spec: TrainSpec) -> str | None:
    """What about the model rules the cache out, or the room that there is for it; None where nothing does."""
    config = without_engine(state.bare_model).config
    ruled_out = _ruled_out(config.model_type, plan.layout)
    if ruled_out is not None:
        return ruled_out
    if not same_twice(state, rows, loss, pad_id=plan.pad_id):
        return "what comes out of them is not the same twice: something below them draws at random"
    needed = bytes_needed(rows, config.get_text_config().hidden_size, bf16=state.bf16) / GIGABYTE
    if needed > spec.prefix_cache_gb:
        return f"their output takes {needed:.2g} GB, and train.prefix_cache_gb is {spec.prefix_cache_gb:g}"
    return None


def _ruled_out(model_type: str | None, layout: Layout) -> str | None:
    if layout not in LAYOUTS:
        return f"rows of the layout {layout!r} are not cached"
    return None if model_type in FAMILIES else f"the architecture {model_type!r} is not known to it"
