"""Heads that give a number: trained on numbers of mean 0 and variance 1, saved for numbers as the data has them.

Learning rates that are known to work expect outputs of about unit size. So a model is trained on standardised numbers,
and the scale is folded into the last linear layer when it is saved: plain transformers then gives the numbers
themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tunewright.core.errors import Problem, RecipeError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of the training rows' numbers."""

    mean: float
    deviation: float
    """Above 0."""


def output_layer(model: PreTrainedModel | PeftModel) -> nn.Linear:
    """The trained linear layer that gives the number.

    Raises RecipeError for an architecture whose last layer has no bias, which could not hold a mean.
    """
    found = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and module.out_features == 1
        and module.weight.requires_grad
        and ".lora_" not in f".{name}"
    ]
    if len(found) != 1 or found[0].bias is None:
        kind = model.config.model_type
        given = f"the base is a {kind}, whose head has no single output layer with a bias"
        raise RecipeError(Problem("model.name", given, "an encoder such as starter/encoder", "choose another base"))
    return found[0]


def fold_scale(model: Any, scale: Scale) -> None:
    """The model gives numbers of the data's own unit where it gave standardised ones before.

    Numbers around a mean are as far apart as single precision there allows; a mean that is too large beside the
    deviation for that is refused with the data.
    """
    layer = output_layer(model)
    with torch.no_grad():
        layer.weight.mul_(scale.deviation)
        layer.bias.mul_(scale.deviation).add_(scale.mean)
