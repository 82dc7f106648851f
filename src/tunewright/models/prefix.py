"""The frozen bottom of a model: how many layers it has, what comes out of it, and a model that is given that instead.

Axes: B rows, T tokens, D width.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import PreTrainedModel

from tunewright.models.freeze import below_layers, own_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

BERT_LIKE = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "modernbert"})
LLAMA_LIKE = frozenset({"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi3"})
FAMILIES = BERT_LIKE | LLAMA_LIKE | {"gpt2"}
"""Architectures whose layers take and give the states alone, so that one's output is all that the next one needs."""


class _Reached(Exception):  # no error: the way out of a forward pass whose rest is not needed
    """The layer's output is there."""

    def __init__(self, states_BTD: Tensor) -> None:
        super().__init__("the layer's output is there")
        self.states_BTD = states_BTD


def frozen_layers(model: nn.Module) -> list[nn.Module]:
    """The layers from the lowest up that are wholly frozen with all that stands below them; none of another model."""
    if not isinstance(model, PreTrainedModel) or any(p.requires_grad for p in below_layers(model)):
        return []
    found: list[nn.Module] = []
    for layer in own_layers(model):
        if any(p.requires_grad for p in layer.parameters()):
            break
        found.append(layer)
    return found


def output_of(layer: nn.Module, forward: Callable[[], object], *, rows: int) -> Tensor:
    """What the layer gives in that forward pass of B = `rows` rows, `[B, T, D]`, which ends there.

    A pass over other than B rows on the way, such as a probe of one row of the batch, is let by.
    """

    def leave(_module: nn.Module, _given: Any, states_BTD: Tensor) -> None:
        if len(states_BTD) == rows:
            raise _Reached(states_BTD)

    hook = layer.register_forward_hook(leave)
    try:
        with torch.no_grad():
            forward()
    except _Reached as reached:
        return reached.states_BTD
    finally:
        hook.remove()
    raise RuntimeError("the forward pass did not come by the layer")


@contextlib.contextmanager
def passed_over(layers: Sequence[Any], states_BTD: Tensor) -> Iterator[None]:
    """Within it the model computes none of these layers: `states_BTD` comes out of the last of them.

    A pass over other than B rows, such as a probe of one row of the batch, computes them as ever.
    """
    for layer in layers:
        layer.forward = _instead_of(layer.forward, states_BTD)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own is seen again


def _instead_of(forward: Callable[..., Tensor], states_BTD: Tensor) -> Callable[..., Tensor]:
    def given(*taken: Any, **more: Any) -> Tensor:
        states = taken[0] if taken else more["hidden_states"]
        return states_BTD if len(states) == len(states_BTD) else forward(*taken, **more)

    return given
