"""A model's modules without its weights: what can be asked of a base by name before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from tunewright.models.adapters import require_targets
from tunewright.models.load import SAFE, WRITERS
from tunewright.recipe.train import Lora

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

    from tunewright.core.encoded import Layout
    from tunewright.recipe.train import MethodSpec


def require_modules(method: MethodSpec, folder: Path, layout: Layout) -> None:
    """Raises RecipeError where an adapter is asked for by the name of a module that the base does not have.

    The folder's configuration is read, and no weight: what it does not describe, a run finds.
    """
    if not isinstance(method, Lora) or method.targets == "all_linear":
        return
    model = _skeleton(folder, layout)
    if model is not None:
        require_targets(model, method)


def _skeleton(folder: Path, layout: Layout) -> PreTrainedModel | None:
    """The modules that the configuration describes, on the meta device; None where it describes none for this task."""
    auto: Any = AutoModelForSequenceClassification if layout == "classes" else WRITERS[layout]
    config = AutoConfig.from_pretrained(folder, **SAFE)
    if type(config) not in auto._model_mapping:
        return None
    with torch.device("meta"):
        model: PreTrainedModel = auto.from_config(config)
    return model
