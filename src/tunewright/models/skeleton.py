"""A model's modules without its weights: what can be asked of a base by name before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from transformers import AutoConfig

from tunewright.core.errors import Problem, RecipeError
from tunewright.models.adapters import require_targets
from tunewright.models.freeze import apply_method
from tunewright.models.load import SAFE, class_of
from tunewright.models.prefix import frozen_layers
from tunewright.recipe.train import Full, Lora

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

    from tunewright.core.encoded import Layout
    from tunewright.recipe.train import MethodSpec


def require_modules(method: MethodSpec, folder: Path, layout: Layout) -> None:
    """Raises RecipeError where the method names a module that the base does not have, or would train nothing.

    The folder's configuration is read, and no weight: what it does not describe, a run finds.
    """
    model = _skeleton(folder, layout) if _depends_on_modules(method) else None
    if model is None:
        return
    if isinstance(method, Lora):
        require_targets(model, method)
    else:
        apply_method(model, method)


def frozen_bottom(method: MethodSpec, folder: Path, layout: Layout) -> int | None:
    """How many layers from the lowest up the method freezes with all below them, of the base in the folder.

    None where its configuration does not say, or the method does not fit it, which others refuse.
    """
    model = _skeleton(folder, layout)
    if model is None:
        return None
    try:
        apply_method(model, method)
    except RecipeError:
        return None
    return len(frozen_layers(model))


def _depends_on_modules(method: MethodSpec) -> bool:
    """Whether anything but the number of layers decides that the method fits the base."""
    if isinstance(method, Lora):
        return method.targets != "all_linear" or method.initialisation == "pissa"
    return isinstance(method, Full) and bool(method.freeze)


def require_recomputable(folder: Path, layout: Layout) -> None:
    """Raises RecipeError where the architecture cannot compute its layers again, as far as its configuration says."""
    model = _skeleton(folder, layout)
    if model is not None and not model.supports_gradient_checkpointing:
        given = f"is given, and {model.config.model_type} cannot compute its layers again in the backward pass"
        remedy = "leave it out; a smaller train.micro_batch_tokens takes less memory too"
        raise RecipeError(Problem("train.recompute", given, "an architecture that can", remedy))


def require_tags(folder: Path, layout: Layout) -> None:
    """Raises RecipeError where words are to be tagged by an architecture that transformers gives no such head."""
    if layout == "tags" and _skeleton(folder, layout) is None:
        model_type = AutoConfig.from_pretrained(folder, **SAFE).model_type
        given = f"{model_type}, which has no head for tokens"
        expected = "an architecture with one, such as bert, roberta, deberta-v2 or modernbert"
        raise RecipeError(Problem("model.name", given, expected, "choose another base"))


def require_head(folder: Path, layout: Layout) -> None:
    """Raises RecipeError where the base lacks the language head of the layout, as far as the names of its weights say.

    A head whose weights are all those of the embeddings needs none of its own. No weight is read.
    """
    model = _skeleton(folder, layout)
    if model is None:
        model_type = AutoConfig.from_pretrained(folder, **SAFE).model_type
        given = f"{model_type}, which has no {layout} language head"
        raise RecipeError(Problem("model.name", given, f"a {layout} model", "name another model"))
    trunk = f"{model.base_model_prefix}."
    own = {name for name, _ in model.named_parameters() if not name.startswith(trunk)} - {*model.all_tied_weights_keys}
    held = {name for path in folder.glob("*.safetensors") for name in _names(path)}
    if own and not own & held:
        given = f"{folder.name} lacks the {layout} language head: its files hold none of {', '.join(sorted(own)[:3])}"
        remedy = "name a model that was saved with its head"
        raise RecipeError(Problem("model.name", given, f"a {layout} model with its language head", remedy))


def _names(path: Path) -> list[str]:
    with safe_open(path, framework="numpy") as tensors:
        return list(tensors.keys())


def _skeleton(folder: Path, layout: Layout) -> PreTrainedModel | None:
    """The modules that the configuration describes, on the meta device; None where it describes none for this task."""
    auto = class_of(layout)
    config = AutoConfig.from_pretrained(folder, **SAFE)
    if type(config) not in auto._model_mapping:
        return None
    with torch.device("meta"):
        model: PreTrainedModel = auto.from_config(config)
    return model
