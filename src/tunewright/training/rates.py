"""Learning rates that differ by weight: the factor of each, and groups of the optimiser that have one factor each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunewright.models.freeze import below_layers, own_layers
from tunewright.recipe.train import Full, Lora

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from transformers import PreTrainedModel

    from tunewright.recipe.train import MethodSpec


def rate_factors(model: Any, method: MethodSpec) -> dict[nn.Parameter, float]:
    """How many times the recipe's rate each weight has by the method; 1 where a weight is not named."""
    if isinstance(method, Lora) and method.b_rate != 1:
        return {p: method.b_rate for name, p in model.named_parameters() if ".lora_B." in name}
    if isinstance(method, Full) and method.layer_decay != 1:
        return _by_depth(model, method.layer_decay)
    return {}


def _by_depth(model: PreTrainedModel, decay: float) -> dict[nn.Parameter, float]:
    """The factor of weights in and below the layers; those behind them, and the head, have the rate itself."""
    layers = own_layers(model)
    factors = {p: decay ** (len(layers) + 1) for p in below_layers(model)}
    for place, layer in enumerate(layers):
        factors |= dict.fromkeys(layer.parameters(), decay ** (len(layers) - place))
    return factors


def by_rate(groups: Sequence[dict[str, Any]], factors: Mapping[nn.Parameter, float]) -> list[dict[str, Any]]:
    """The groups cut so that each has one factor, which stands in it as `rate`; uncut where no weight has its own."""
    if not factors:
        return list(groups)
    cut: list[dict[str, Any]] = []
    for group in groups:
        parts: dict[float, list[nn.Parameter]] = {}
        for parameter in group["params"]:
            parts.setdefault(factors.get(parameter, 1.0), []).append(parameter)
        cut += [{**group, "params": params, "rate": rate} for rate, params in parts.items()]
    return cut
