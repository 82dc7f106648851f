"""Optimisers: a table of builders over parameter groups in which biases and norms do not decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tunewright.recipe.train import AdamW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn
    from torch.optim import Optimizer

    from tunewright.recipe.spec import Spec

    OptimizerBuilder = Callable[[Any, list[dict[str, Any]], float], Optimizer]


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trained parameters in two groups: matrices with weight decay; biases, norms and other vectors without."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _adamw(spec: AdamW, groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return torch.optim.AdamW(groups, lr=lr, betas=(spec.betas[0], spec.betas[1]), eps=spec.eps, fused=True)


BUILDERS: Mapping[type[Spec], OptimizerBuilder] = {AdamW: _adamw}


def build_optimizer(
    spec: AdamW, model: nn.Module, lr: float, *, builders: Mapping[type[Spec], OptimizerBuilder] = BUILDERS
) -> Optimizer:
    """The optimiser of the spec over the model's trained parameters, at the peak rate `lr`."""
    return builders[type(spec)](spec, parameter_groups(model, spec.weight_decay), lr)
