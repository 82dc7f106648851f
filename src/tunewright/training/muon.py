"""Muon for the matrices between embeddings and head, AdamW for the rest, as one optimiser to the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim import Optimizer

from tunewright.models.wrappers import without_adapters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tunewright.recipe.optimizer import Muon

HIDDEN = "hidden"
"""Key of a group whether its weights are such matrices."""


class MuonWithAdamW(Optimizer):
    """Two of torch's own optimisers over the groups of one: they work on its groups and its state, not on copies."""

    def __init__(self, groups: Sequence[dict[str, Any]], spec: Muon, lr: float) -> None:
        super().__init__(list(groups), {"lr": lr})
        betas = (spec.betas[0], spec.betas[1])
        makers: dict[bool, Callable[[list[dict[str, Any]]], Optimizer]] = {
            # scaled to the size of AdamW's updates, so that both take one rate
            True: lambda own: torch.optim.Muon(own, lr, momentum=spec.momentum, adjust_lr_fn="match_rms_adamw"),
            False: lambda own: torch.optim.AdamW(own, lr, betas=betas, eps=spec.eps, fused=True),
        }
        self._parts = {place: make(own) for place, make in makers.items() if (own := self._groups(place))}

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:  # type: ignore[override]  # nobody steps by a closure here
        """Every weight with a gradient is moved by its own part."""
        for place, part in self._parts.items():
            part.param_groups, part.state = self._groups(place), self.state  # loading a state replaces both
            part.step()

    def _groups(self, hidden: bool) -> list[dict[str, Any]]:  # noqa: FBT001  # a key of the parts
        return [group for group in self.param_groups if group[HIDDEN] == hidden]


def by_place(groups: Sequence[dict[str, Any]], model: nn.Module) -> list[dict[str, Any]]:
    """The groups cut into matrices between embeddings and head, and the rest; `hidden` says which a group holds."""
    hidden = hidden_matrices(model)
    cut: list[dict[str, Any]] = []
    for group in groups:
        for inside in (True, False):
            params = [p for p in group["params"] if (p in hidden) == inside]
            cut += [{**group, "params": params, HIDDEN: inside}] if params else []
    return cut


def hidden_matrices(model: Any) -> set[nn.Parameter]:
    """Matrices of the base's trunk that are no embeddings, of tokens or of positions.

    A head that was pretrained counts as one, too: its rows are tokens, as those of embeddings.
    """
    bare = without_adapters(model)
    trunk = getattr(bare, "base_model", bare)
    embeddings = {p for module in trunk.modules() if isinstance(module, nn.Embedding) for p in module.parameters()}
    return {p for p in trunk.parameters() if p.ndim == 2} - embeddings
