"""Logits of chosen positions only: the output embedding is the largest matrix of a small model.

Axes: B rows, T tokens, M chosen positions, D width, V vocabulary.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import Problem, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


@contextlib.contextmanager
def labelled_only(model: Any, wanted_BT: Tensor) -> Iterator[None]:
    """Within it the model gives logits `[1, M, V]` of the wanted positions alone, row after row.

    The hidden states are gathered before the output embedding, so what a model does to its logits behind it (soft
    caps, scales) stays its own. `wanted_BT` is boolean, of the shape of the (decoder's) tokens. Raises RunError where
    the model shows no output embedding.
    """
    head = model.get_output_embeddings()
    if head is None:
        given = f"{type(model).__name__} shows no output embedding"
        raise RunError(Problem("model", given, "a model that predicts tokens", "load it with its language head"))

    def gather(_module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden_BTD, *others = inputs
        return (hidden_BTD[wanted_BT].unsqueeze(0), *others)

    handle = head.register_forward_pre_hook(gather)
    try:
        yield
    finally:
        handle.remove()
