"""Optimisers: a table of builders over parameter groups in which biases and norms do not decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tunewright.core.optional import import_optional
from tunewright.recipe.optimizer import Adafactor, AdamW, Lion, Muon, ScheduleFree
from tunewright.training import lion, muon
from tunewright.training.rates import by_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn
    from torch.optim import Optimizer

    from tunewright.recipe.optimizer import OptimizerSpec
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


def _adafactor(spec: Adafactor, groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return torch.optim.Adafactor(groups, lr, d=spec.clip)


def _lion(spec: Lion, groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return lion.Lion(groups, lr=lr, betas=(spec.betas[0], spec.betas[1]))


def _muon(spec: Muon, groups: list[dict[str, Any]], lr: float) -> Optimizer:
    return muon.MuonWithAdamW(groups, spec, lr)


def _schedule_free(spec: ScheduleFree, groups: list[dict[str, Any]], lr: float) -> Optimizer:
    """It stays in its training mode: the average that is evaluated is made beside its weights (`averaging`)."""
    package = import_optional("schedulefree", extra="optimizers", purpose="train.optimizer.kind: schedule_free")
    optimizer = package.AdamWScheduleFree(groups, lr, betas=(spec.betas[0], spec.betas[1]), eps=spec.eps)
    optimizer.train()
    built: Optimizer = optimizer
    return built


BUILDERS: Mapping[type[Spec], OptimizerBuilder] = {
    AdamW: _adamw,
    Adafactor: _adafactor,
    Lion: _lion,
    Muon: _muon,
    ScheduleFree: _schedule_free,
}


def build_optimizer(
    spec: OptimizerSpec,
    model: nn.Module,
    lr: float,
    *,
    factors: Mapping[nn.Parameter, float] | None = None,
    builders: Mapping[type[Spec], OptimizerBuilder] = BUILDERS,
) -> Optimizer:
    """The optimiser of the spec over the model's trained parameters, at the peak rate `lr`, or `factors` times that."""
    groups = by_rate(parameter_groups(model, spec.weight_decay), factors or {})
    if isinstance(spec, Muon):
        groups = muon.by_place(groups, model)
    return builders[type(spec)](spec, groups, lr)
