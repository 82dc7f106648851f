"""Lion: the sign of an interpolated momentum (Chen et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


class Lion(Optimizer):
    """Moves each weight by the rate, in the direction of sign(b1 m + (1 - b1) g); then m becomes b2 m + (1 - b2) g.

    Weight decay is decoupled: the weight shrinks by the rate times it, as in AdamW. The formula is Algorithm 2 of the
    paper.
    """

    def __init__(
        self, params: Iterable[Any], *, lr: float, betas: tuple[float, float], weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:  # type: ignore[override]  # nobody steps by a closure here
        """Every weight with a gradient is moved."""
        for group in self.param_groups:
            trained = [p for p in group["params"] if p.grad is not None]
            if trained:
                self._move(trained, group)

    def _move(self, trained: list[Tensor], group: dict[str, Any]) -> None:
        direction, momentum = group["betas"]
        grads = [p.grad for p in trained if p.grad is not None]
        moments = [self._moment(p) for p in trained]
        updates = torch._foreach_lerp(moments, grads, 1 - direction)
        torch._foreach_sign_(updates)
        if group["weight_decay"]:
            torch._foreach_mul_(trained, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(trained, updates, alpha=-group["lr"])
        torch._foreach_lerp_(moments, grads, 1 - momentum)

    def _moment(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(parameter)
        moment: Tensor = state["exp_avg"]
        return moment
