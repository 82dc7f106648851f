"""The name of a cached prefix: a hash of all that its numbers follow from."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import torch
import transformers

from tunewright.core.files import digest
from tunewright.models.freeze import below_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

VERSION = 1
"""Raised when the same rows and weights are written otherwise."""


def prefix_key(model: Any, layers: Sequence[nn.Module], rows_key: str, compute: torch.dtype) -> str:
    """Tokens (by their rows' key), frozen weights, number of layers, compute type, and whose code computes them where.

    The thread count is part of it, because it is part of what makes numbers equal.
    """
    device = next(model.parameters()).device.type
    machine = [device, torch.get_num_threads(), torch.__version__, transformers.__version__]
    named = {"_name_or_path", "id2label", "label2id", "transformers_version"}
    config = {name: value for name, value in model.config.to_dict().items() if name not in named}
    kind = [type(model.base_model).__name__, model.config._attn_implementation, json.dumps(config, default=str)]
    return digest([VERSION, rows_key, _weights_hash(model, layers), len(layers), str(compute), kind, machine])[:32]


def _weights_hash(model: Any, layers: Sequence[nn.Module]) -> str:
    hashed = hashlib.sha256()
    for parameter in [*below_layers(model), *(p for layer in layers for p in layer.parameters())]:
        hashed.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return hashed.hexdigest()
