"""Layers whose activations are thrown away and computed again in the backward pass: less memory, about a third more
work, the same gradients (Chen, Xu, Zhang and Guestrin 2016, arXiv:1604.06174).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from tunewright.recipe.train import Recompute


def recompute_layers(model: nn.Module, which: Recompute) -> None:
    """The layers that are computed again in train mode: none, every second one from the lowest on, or all.

    What they draw, dropout above all, is drawn again from the same state of the generator. The model, which may be
    wrapped by peft, must be one whose architecture supports it (`models.skeleton.require_recomputable`).
    """
    if which == "none":
        return
    inner: Any = getattr(model, "get_base_model", lambda: model)()
    inner.activation_checkpointing_enable({"use_reentrant": False}, every_n_layers=2 if which == "half" else 1)
    inner.disable_input_require_grads()  # they would send gradients through frozen layers
