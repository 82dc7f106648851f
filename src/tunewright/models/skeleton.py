"""A model's modules without its weights: what can be asked of a base by name before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from tunewright.models.adapters import require_targets
from tunewright.models.freeze import apply_method
from tunewright.models.load import SAFE, WRITERS
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


def _depends_on_modules(method: MethodSpec) -> bool:
    """Whether anything but the number of layers decides that the method fits the base."""
    if isinstance(method, Lora):
        return method.targets != "all_linear" or method.initialisation == "pissa"
    return isinstance(method, Full) and bool(method.freeze)


def _skeleton(folder: Path, layout: Layout) -> PreTrainedModel | None:
    """The modules that the configuration describes, on the meta device; None where it describes none for this task."""
    auto: Any = AutoModelForSequenceClassification if layout == "classes" else WRITERS[layout]
    config = AutoConfig.from_pretrained(folder, **SAFE)
    if type(config) not in auto._model_mapping:
        return None
    with torch.device("meta"):
        model: PreTrainedModel = auto.from_config(config)
    return model
