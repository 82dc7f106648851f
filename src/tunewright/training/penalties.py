"""What the size of the weights adds to the loss of a step: its gradient, added once, whatever the step's passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from tunewright.recipe.regularise import Penalties


class Penalty:
    """The recipe's penalties of the weights that the optimiser moves; where they began is held for L2-SP."""

    def __init__(self, spec: Penalties, model: Any, optimizer: Optimizer) -> None:
        self._spec = spec
        moved = [p for group in optimizer.param_groups for p in group["params"]]
        self._matrices = [p for p in moved if p.ndim >= 2] if spec.l1 or spec.l2 else []
        new = new_head(model) if spec.l2_sp is not None else set()
        self._new = [p for p in moved if p in new]
        self._start: Mapping[nn.Parameter, Tensor] = (
            {p: p.detach().clone() for p in moved if p not in new} if spec.l2_sp is not None else {}
        )

    def add_gradient(self) -> None:
        """Each weight that has a gradient has its penalty's in it, too."""
        with torch.no_grad():
            if self._spec.l1:
                weights, grads = _with_gradient(self._matrices)
                _add(grads, torch._foreach_sign(weights), self._spec.l1)
            if self._spec.l2:
                weights, grads = _with_gradient(self._matrices)
                _add(grads, weights, self._spec.l2)
            if self._spec.l2_sp is not None:
                weights, grads = _with_gradient(list(self._start))
                starts = [start for p, start in self._start.items() if p.grad is not None]
                _add(grads, weights, self._spec.l2_sp.alpha)
                _add(grads, starts, -self._spec.l2_sp.alpha)
                weights, grads = _with_gradient(self._new)
                _add(grads, weights, self._spec.l2_sp.beta)


def penalty_of(spec: Penalties, model: Any, optimizer: Optimizer) -> Penalty | None:
    """The penalty that the recipe asks for, which takes the weights as they are now for the base's; None for none."""
    return Penalty(spec, model, optimizer) if penalises(spec) else None


def penalises(spec: Penalties) -> bool:
    """Whether the size of the weights adds anything to the loss."""
    return bool(spec.l1 or spec.l2 or spec.l2_sp is not None)


def new_head(model: Any) -> set[nn.Parameter]:
    """The weights outside the base's trunk, of a model that predicts no tokens: those of its fresh head."""
    if model.get_output_embeddings() is not None:
        return set()
    trunk = set(model.base_model.parameters())
    return {p for p in model.parameters() if p not in trunk}


def _with_gradient(parameters: list[nn.Parameter]) -> tuple[list[Tensor], list[Tensor]]:
    pairs = [(p.detach(), p.grad) for p in parameters if p.grad is not None]
    return [weight for weight, _ in pairs], [grad for _, grad in pairs]


def _add(grads: list[Tensor], values: list[Tensor] | tuple[Tensor, ...], factor: float) -> None:
    if grads:
        torch._foreach_add_(grads, list(values), alpha=factor)
